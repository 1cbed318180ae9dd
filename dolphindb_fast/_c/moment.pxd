from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from .status cimport ddb_error

cdef extern from "ddb_moment.h" nogil:
    cdef enum ddb_unit:
        DDB_UNIT_MONTH
        DDB_UNIT_DAY
        DDB_UNIT_HOUR
        DDB_UNIT_MINUTE
        DDB_UNIT_SECOND
        DDB_UNIT_MILLISECOND
        DDB_UNIT_MICROSECOND
        DDB_UNIT_NANOSECOND

    int64_t ddb_days_from_civil(int64_t year, int month, int day)
    int64_t ddb_months_from_days(int64_t days)
    int ddb_type_is_time(int type)
    int ddb_moment_convert(int64_t moment, int unit, int type, int64_t *cell)
    int ddb_moments_write(const char *moments, ptrdiff_t stride, int swap, int64_t rows, int unit, int type,
                          uint8_t *target, ddb_error *error)

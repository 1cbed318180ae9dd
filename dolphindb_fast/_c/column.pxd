from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from .common cimport ddb_piece
from .kernels cimport ddb_kernels
from .status cimport ddb_error

cdef extern from "ddb_column.h" nogil:
    ctypedef struct ddb_column:
        const ddb_kernels *kernels
        const char *data
        ptrdiff_t stride
        int64_t rows
        uint8_t conversion
        uint8_t swap

    size_t ddb_column_target_size(int conversion)
    void ddb_column_gather(const char *source, ptrdiff_t stride, size_t size, int swap, int64_t count, void *target)
    int ddb_column_check(const ddb_column *column, ddb_error *error)
    int ddb_column_write(const ddb_column *column, int64_t first, int64_t count, void *target, ddb_error *error)
    int64_t ddb_column_borrow(const ddb_column *column, int64_t first, int64_t count, ddb_piece *piece)
    int ddb_column_is_wire(const ddb_column *column)

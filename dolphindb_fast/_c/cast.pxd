from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int8_t, int64_t, uint8_t

from .kernels cimport ddb_kernels
from .status cimport ddb_error

cdef extern from "ddb_cast.h" nogil:
    cdef enum ddb_load:
        DDB_LOAD_BIT
        DDB_LOAD_I8
        DDB_LOAD_I16
        DDB_LOAD_I32
        DDB_LOAD_I64
        DDB_LOAD_U8
        DDB_LOAD_U16
        DDB_LOAD_U32
        DDB_LOAD_U64
        DDB_LOAD_F32
        DDB_LOAD_F64
        DDB_LOAD_I128
        DDB_LOAD_BYTES16

    cdef enum ddb_store:
        DDB_STORE_I8
        DDB_STORE_I16
        DDB_STORE_I32
        DDB_STORE_I64
        DDB_STORE_F32
        DDB_STORE_F64
        DDB_STORE_I128
        DDB_STORE_BYTES16

    cdef enum ddb_cast_flag:
        DDB_CAST_LOWEST_NULL
        DDB_CAST_INFINITE_NULL
        DDB_CAST_MONTH
        DDB_CAST_ROUND
        DDB_CAST_NAN_NULL

    ctypedef struct ddb_cast:
        uint8_t load
        uint8_t store
        uint8_t flags
        int8_t digits
        int64_t modulo
        int64_t divide
        int64_t multiply
        int64_t low
        int64_t high
        int64_t null

    ctypedef struct ddb_cells:
        const ddb_kernels *kernels
        const char *data
        ptrdiff_t stride
        int64_t rows
        const uint8_t *bitmap
        int64_t bit_offset
        const uint8_t *mask
        ptrdiff_t mask_stride
        int64_t first_row
        uint8_t swap

    size_t ddb_cast_target_size(const ddb_cast *cast)
    int ddb_cast_check(const ddb_cells *cells, const ddb_cast *cast, ddb_error *error)
    int ddb_cast_write(const ddb_cells *cells, const ddb_cast *cast, int64_t first, int64_t count, void *target,
                       ddb_error *error)

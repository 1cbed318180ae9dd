from libc.stdint cimport int64_t, uint8_t

from .status cimport ddb_error

cdef extern from "ddb_array.h" nogil:
    cdef enum:
        DDB_ARRAY_BUFFER

    ctypedef struct ddb_array:
        const int64_t *offsets
        int64_t rows
        const uint8_t *cells
        size_t cell_size

    int ddb_array_append(const char *offsets, int wide, int64_t rows, const uint8_t *bitmap, int64_t bit_offset,
                         int64_t cells, int64_t *target, ddb_error *error)
    size_t ddb_array_size(const ddb_array *array, size_t buffer, size_t head)
    void ddb_array_write(const ddb_array *array, size_t buffer, size_t head, uint8_t *target)

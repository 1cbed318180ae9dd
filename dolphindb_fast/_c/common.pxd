from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "ddb_common.h" nogil:
    ctypedef struct ddb_piece:
        const void *data
        size_t size

    ctypedef struct ddb_producer:
        int (*next)(ddb_producer *self, ddb_piece *pieces, int max, void *error)

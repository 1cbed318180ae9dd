from .status cimport ddb_error

cdef extern from "ddb_common.h" nogil:
    ctypedef struct ddb_piece:
        const void *data
        size_t size

    ctypedef struct ddb_producer:
        int (*next)(ddb_producer *self, ddb_piece *pieces, int max, ddb_error *error)

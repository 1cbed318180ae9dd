from libc.stdint cimport int64_t, uint8_t

from .arena cimport ddb_arena
from .status cimport ddb_error

cdef extern from "ddb_blob.h" nogil:
    int ddb_blobs_put(ddb_arena *out, const int64_t *offsets, int64_t rows, const uint8_t *data, ddb_error *error)

from libc.stdint cimport int64_t, uint8_t

from .status cimport ddb_error
from .string cimport ddb_arrow_text

cdef extern from "ddb_blob.h" nogil:
    int ddb_blob_check(const ddb_arrow_text *cells, int64_t *bytes, ddb_error *error)
    int ddb_blob_write(const ddb_arrow_text *cells, int64_t bytes, uint8_t *target, ddb_error *error)

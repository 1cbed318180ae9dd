from libc.stdint cimport int64_t, uint8_t

from .arena cimport ddb_arena
from .status cimport ddb_error

cdef extern from "ddb_symbols.h" nogil:
    int ddb_symbols_number(uint8_t *texts, size_t size, int64_t rows, ddb_arena *scratch, size_t *kept, int64_t *used, ddb_error *error)

from libc.stdint cimport int32_t, int64_t, uint8_t

from .arena cimport ddb_arena
from .status cimport ddb_error
from .string cimport ddb_arrow_text

cdef extern from "ddb_words.h" nogil:
    ctypedef struct ddb_words:
        int64_t count
        size_t bytes

    void ddb_words_init(ddb_words *words)
    void ddb_words_release(ddb_words *words)
    void ddb_words_trim(ddb_words *words, size_t cap)
    int ddb_words_begin(ddb_words *words, ddb_error *error)
    int ddb_words_number_terminated(ddb_words *words, const uint8_t *texts, size_t size, int64_t rows, int32_t *numbers,
                                    ddb_error *error)
    int ddb_words_number_arrow(ddb_words *words, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                               int32_t *numbers, ddb_error *error)
    void ddb_words_write(const ddb_words *words, uint8_t *target)
    size_t ddb_words_text(const ddb_words *words, int64_t number, const uint8_t **text)

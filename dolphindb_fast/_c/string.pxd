from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from .kernels cimport ddb_kernels
from .status cimport ddb_error

cdef extern from "ddb_string.h" nogil:
    ctypedef struct ddb_arrow_text:
        const ddb_kernels *kernels
        const uint8_t *validity
        int64_t bit_offset
        const char *offsets
        int wide
        const uint8_t *data
        int64_t data_size
        int64_t rows
        int64_t first_row

    int64_t ddb_utf8_from_ucs1(const uint8_t *units, int64_t count, uint8_t *target)
    int64_t ddb_utf8_from_ucs2(const uint16_t *units, int64_t count, uint8_t *target)
    int64_t ddb_utf8_from_ucs4(const uint32_t *units, int64_t count, uint8_t *target)
    cdef enum:
        DDB_COPY_SLACK

    void ddb_copy_terminated(uint8_t *target, const uint8_t *source, int64_t length)
    size_t ddb_names_table(int64_t count)
    int ddb_names_unique(const uint8_t *names, size_t size, int64_t count, uint32_t *table)
    size_t ddb_arrow_text_estimate(const ddb_arrow_text *text)
    int ddb_arrow_text_check(const ddb_arrow_text *text, int64_t *bytes, ddb_error *error)
    int ddb_arrow_text_write(const ddb_arrow_text *text, int64_t first, uint8_t *target, size_t capacity, int64_t *rows,
                             size_t *bytes, ddb_error *error)
    int ddb_arrow_text_measure(const ddb_arrow_text *text, const int64_t *rows, int64_t count, size_t *bytes,
                               int64_t *empty, ddb_error *error)
    int ddb_arrow_text_pick(const ddb_arrow_text *text, const int64_t *rows, int64_t count, uint8_t *target,
                            size_t capacity, size_t *bytes, ddb_error *error)
    int64_t ddb_arrow_text_cell(const ddb_arrow_text *text, int64_t row, const uint8_t **cell, ddb_error *error)

    ctypedef struct ddb_codes:
        const ddb_kernels *kernels
        const char *data
        ptrdiff_t stride
        int code_size
        int64_t rows
        int64_t categories

    int ddb_codes_number(const ddb_codes *codes, int32_t *numbers, int64_t *order, int64_t *used, ddb_error *error)
    void ddb_codes_forget(int32_t *numbers, const int64_t *order, int64_t used)
    void ddb_codes_write(const ddb_codes *codes, const int32_t *numbers, int64_t first, int64_t count, int32_t *target)

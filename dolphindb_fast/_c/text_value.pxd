from libc.stdint cimport int64_t, uint8_t

cdef extern from "ddb_text_value.h" nogil:
    int ddb_text_wide(int type, const uint8_t *text, int64_t size, uint8_t *cell)
    int ddb_decimal_scale(const uint8_t *text, int64_t size, int64_t *scale)
    int ddb_decimal_write(const uint8_t *text, int64_t size, int scale, int width, uint8_t *cell)

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "ddb_read.h" nogil:
    ctypedef struct ddb_window:
        const uint8_t *data
        size_t size
        size_t position

    int ddb_read_head(ddb_window *window, int *type, int *form)
    int ddb_read_int(ddb_window *window, int32_t *value)
    int ddb_read_counts(ddb_window *window, int32_t *first, int32_t *second)
    int ddb_read_find(const ddb_window *window, uint8_t stop, size_t *size)
    void ddb_read_text(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity, int64_t *ends,
                       int64_t *cells, size_t *bytes)
    void ddb_read_blobs(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity,
                        int64_t *ends, int64_t *cells, size_t *bytes)
    int ddb_read_array_head(ddb_window *window, int64_t rows_left, int *rows, int *width)
    int ddb_read_array_counts(ddb_window *window, int rows, int width, int64_t base, int64_t *ends)
    int64_t ddb_read_check_indices(const int32_t *indices, int64_t count, int32_t symbols)
    int ddb_read_contains(const void *cells, int width, int64_t count, uint64_t bits)

from libc.stdint cimport int64_t, uint8_t

from .kernels cimport ddb_kernels
from .status cimport ddb_error

cdef extern from "ddb_arrow.h" nogil:
    ctypedef struct ddb_arrow_schema:
        const char *format
        const char *name
        const char *metadata
        int64_t flags
        int64_t n_children
        ddb_arrow_schema **children
        ddb_arrow_schema *dictionary
        void (*release)(ddb_arrow_schema *self) noexcept nogil
        void *private_data

    ctypedef struct ddb_arrow_array:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void **buffers
        ddb_arrow_array **children
        ddb_arrow_array *dictionary
        void (*release)(ddb_arrow_array *self) noexcept nogil
        void *private_data

    ctypedef struct ddb_arrow_stream:
        int (*get_schema)(ddb_arrow_stream *self, ddb_arrow_schema *target) noexcept nogil
        int (*get_next)(ddb_arrow_stream *self, ddb_arrow_array *target) noexcept nogil
        const char *(*get_last_error)(ddb_arrow_stream *self) noexcept nogil
        void (*release)(ddb_arrow_stream *self) noexcept nogil
        void *private_data

    ctypedef struct ddb_arrow_part:
        const ddb_arrow_array *array
        int64_t offset
        int64_t rows
        const uint8_t *validity

    const char *ddb_arrow_describe(const ddb_arrow_array *array, int64_t first, int64_t rows, int64_t buffers, int more,
                                   int64_t children, int dictionary, ddb_arrow_part *part)
    int ddb_arrow_has_nulls(const ddb_arrow_part *part)

    ctypedef struct ddb_views:
        const ddb_kernels *kernels
        const uint8_t *validity
        int64_t bit_offset
        const char *views
        const void **buffers
        const char *sizes
        int64_t buffer_count
        int64_t rows
        int64_t first_row

    int ddb_views_measure(const ddb_views *views, int64_t limit, int64_t *bytes, ddb_error *error)
    int ddb_views_write(const ddb_views *views, int64_t bytes, uint8_t *target, ddb_error *error)
    int ddb_views_flatten(const ddb_views *views, int64_t bytes, int64_t *offsets, uint8_t *target, ddb_error *error)

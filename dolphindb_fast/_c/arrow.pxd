from libc.stdint cimport int64_t

cdef extern from "ddb_arrow.h" nogil:
    ctypedef struct ddb_arrow_schema:
        const char *format
        const char *name
        const char *metadata
        int64_t flags
        int64_t n_children
        ddb_arrow_schema **children
        ddb_arrow_schema *dictionary
        void (*release)(ddb_arrow_schema *self) noexcept
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
        void (*release)(ddb_arrow_array *self) noexcept
        void *private_data

    ctypedef struct ddb_arrow_stream:
        int (*get_schema)(ddb_arrow_stream *self, ddb_arrow_schema *out) noexcept
        int (*get_next)(ddb_arrow_stream *self, ddb_arrow_array *out) noexcept
        const char *(*get_last_error)(ddb_arrow_stream *self) noexcept
        void (*release)(ddb_arrow_stream *self) noexcept
        void *private_data

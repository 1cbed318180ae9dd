from libc.stdint cimport int32_t, int64_t, uint8_t

cdef extern from "ddb_compress.h" nogil:
    cdef enum ddb_compression:
        DDB_COMPRESSION_LZ4
        DDB_COMPRESSION_DELTA

    cdef enum:
        DDB_COMPRESSED_HEAD
        DDB_BLOCK_BYTES
        DDB_BLOCK_LZ4

    ctypedef struct ddb_compressed:
        int method
        int type
        int unit
        int scale
        int32_t count

    int ddb_compressed_head(const uint8_t *data, ddb_compressed *head)
    int ddb_compressed_block(const uint8_t *data, size_t size, size_t *position, size_t *start, size_t *length)
    int ddb_delta_decode(const uint8_t *data, size_t size, int unit, void *target, int64_t capacity, int64_t *count)

from libc.stdint cimport int64_t, uint8_t

cdef extern from "ddb_format.h" nogil:
    cdef enum:
        DDB_TEXT_UUID
        DDB_TEXT_INT128
        DDB_TEXT_IPADDR
        DDB_TEXT_DECIMAL

    void ddb_format_uuid(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
    void ddb_format_int128(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
    void ddb_format_ipaddr(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
    void ddb_format_decimal(const uint8_t *cells, int width, int scale, int64_t count, char *target, int64_t *ends)

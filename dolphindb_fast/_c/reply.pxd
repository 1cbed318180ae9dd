from libc.stdint cimport int32_t, uint8_t

cdef extern from "ddb_reply.h" nogil:
    cdef enum:
        DDB_REPLY_LIMIT

    cdef enum ddb_reply_kind:
        DDB_REPLY_MESSAGE
        DDB_REPLY_VOID
        DDB_REPLY_INT
        DDB_REPLY_OBJECT
        DDB_REPLY_ERROR

    ctypedef struct ddb_reply:
        int kind
        int32_t value
        const uint8_t *text
        size_t text_size
        size_t size

    int ddb_reply_next(const uint8_t *data, size_t size, ddb_reply *reply)

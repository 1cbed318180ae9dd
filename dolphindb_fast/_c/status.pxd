from libc.stdint cimport int64_t

cdef extern from "ddb_status.h" nogil:
    cdef enum ddb_status:
        DDB_OK
        DDB_ERR_MEMORY
        DDB_ERR_RANGE
        DDB_ERR_NUL
        DDB_ERR_LENGTH
        DDB_ERR_SURROGATE
        DDB_ERR_CODE
        DDB_ERR_OFFSETS
        DDB_ERR_SYMBOLS
        DDB_ERR_KIND
        DDB_ERR_SYSTEM
        DDB_ERR_CLOSED
        DDB_ERR_TIMEOUT
        DDB_ERR_SIGNAL
        DDB_ERR_AGAIN
        DDB_ERR_INBOX
        DDB_ERR_MORE
        DDB_ERR_MALFORMED

    ctypedef struct ddb_error:
        int code
        int sys_errno
        int column
        int64_t row
        int64_t detail

    int ddb_fail(ddb_error *error, int code, int64_t row, int64_t detail)
    const char *ddb_status_text(int code)

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "ddb_wire.h" nogil:
    cdef enum ddb_form:
        DDB_FORM_SCALAR
        DDB_FORM_VECTOR
        DDB_FORM_PAIR
        DDB_FORM_MATRIX
        DDB_FORM_SET
        DDB_FORM_DICTIONARY
        DDB_FORM_TABLE
        DDB_FORM_CHART
        DDB_FORM_CHUNK
        DDB_FORM_SYSOBJ

    cdef enum ddb_type:
        DDB_TYPE_VOID
        DDB_TYPE_BOOL
        DDB_TYPE_CHAR
        DDB_TYPE_SHORT
        DDB_TYPE_INT
        DDB_TYPE_LONG
        DDB_TYPE_DATE
        DDB_TYPE_MONTH
        DDB_TYPE_TIME
        DDB_TYPE_MINUTE
        DDB_TYPE_SECOND
        DDB_TYPE_DATETIME
        DDB_TYPE_TIMESTAMP
        DDB_TYPE_NANOTIME
        DDB_TYPE_NANOTIMESTAMP
        DDB_TYPE_FLOAT
        DDB_TYPE_DOUBLE
        DDB_TYPE_SYMBOL
        DDB_TYPE_STRING
        DDB_TYPE_UUID
        DDB_TYPE_FUNCTIONDEF
        DDB_TYPE_ANY
        DDB_TYPE_COMPRESS
        DDB_TYPE_DATEHOUR
        DDB_TYPE_DATEMINUTE
        DDB_TYPE_IPADDR
        DDB_TYPE_INT128
        DDB_TYPE_BLOB
        DDB_TYPE_COMPLEX
        DDB_TYPE_POINT
        DDB_TYPE_DURATION
        DDB_TYPE_DECIMAL32
        DDB_TYPE_DECIMAL64
        DDB_TYPE_DECIMAL128
        DDB_TYPE_ARRAY
        DDB_TYPE_SYMBOL_BASE

    cdef enum ddb_flag:
        DDB_FLAG_ASYNCHRONOUS
        DDB_FLAG_CLIENT

    cdef enum ddb_limit:
        DDB_LIMIT_TEXT
        DDB_LIMIT_SYMBOLS
        DDB_LIMIT_ROWS

    const uint32_t DDB_NULL_FLOAT_BITS
    const uint64_t DDB_NULL_DOUBLE_BITS

/* SPDX-License-Identifier: Apache-2.0
 * Numbers of the wire format and nothing else. Source: bytes recorded from the official client 3.0.6.1. */
#ifndef DDB_WIRE_H
#define DDB_WIRE_H

#include <stdint.h>

enum ddb_form {
    DDB_FORM_SCALAR = 0,
    DDB_FORM_VECTOR = 1,
    DDB_FORM_PAIR = 2,
    DDB_FORM_MATRIX = 3,
    DDB_FORM_SET = 4,
    DDB_FORM_DICTIONARY = 5,
    DDB_FORM_TABLE = 6,
    DDB_FORM_CHART = 7,
    DDB_FORM_CHUNK = 8,
    DDB_FORM_SYSOBJ = 9
};

enum ddb_type {
    DDB_TYPE_VOID = 0,
    DDB_TYPE_BOOL = 1,
    DDB_TYPE_CHAR = 2,
    DDB_TYPE_SHORT = 3,
    DDB_TYPE_INT = 4,
    DDB_TYPE_LONG = 5,
    DDB_TYPE_DATE = 6,
    DDB_TYPE_MONTH = 7,
    DDB_TYPE_TIME = 8,
    DDB_TYPE_MINUTE = 9,
    DDB_TYPE_SECOND = 10,
    DDB_TYPE_DATETIME = 11,
    DDB_TYPE_TIMESTAMP = 12,
    DDB_TYPE_NANOTIME = 13,
    DDB_TYPE_NANOTIMESTAMP = 14,
    DDB_TYPE_FLOAT = 15,
    DDB_TYPE_DOUBLE = 16,
    DDB_TYPE_SYMBOL = 17,
    DDB_TYPE_STRING = 18,
    DDB_TYPE_UUID = 19,
    DDB_TYPE_FUNCTIONDEF = 20,
    DDB_TYPE_ANY = 25,
    DDB_TYPE_COMPRESS = 26,
    DDB_TYPE_DATEHOUR = 28,
    DDB_TYPE_DATEMINUTE = 29,
    DDB_TYPE_IPADDR = 30,
    DDB_TYPE_INT128 = 31,
    DDB_TYPE_BLOB = 32,
    DDB_TYPE_COMPLEX = 34,
    DDB_TYPE_POINT = 35,
    DDB_TYPE_DURATION = 36,
    DDB_TYPE_DECIMAL32 = 37,
    DDB_TYPE_DECIMAL64 = 38,
    DDB_TYPE_DECIMAL128 = 39,
    DDB_TYPE_ARRAY = 64,       /* added to the element type by an array vector */
    DDB_TYPE_SYMBOL_BASE = 145 /* a symbol vector that carries its dictionary: 17 + 128 */
};

enum ddb_flag {
    DDB_FLAG_ASYNCHRONOUS = 4,
    DDB_FLAG_CLIENT = 32 /* always set */
};

/* NULL is the smallest value of a signed type, the most negative finite value of a floating type. */
#define DDB_NULL_INT INT32_MIN
#define DDB_NULL_LONG INT64_MIN
#define DDB_NULL_FLOAT_BITS UINT32_C(0xff7fffff)
#define DDB_NULL_DOUBLE_BITS UINT64_C(0xffefffffffffffff)

enum ddb_limit {
    DDB_LIMIT_TEXT = 262143,     /* UTF-8 bytes of one STRING or SYMBOL cell */
    DDB_LIMIT_SYMBOLS = 2097152, /* entries of one symbol base */
    DDB_LIMIT_ROWS = INT32_MAX
};

#endif

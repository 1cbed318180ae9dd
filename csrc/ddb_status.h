/* SPDX-License-Identifier: Apache-2.0
 * Status codes and the error struct: numbers only, so that C never has to build a sentence.
 * A function that can fail returns 0 or one of these codes and fills the error it was given. */
#ifndef DDB_STATUS_H
#define DDB_STATUS_H

#include "ddb_common.h"

enum ddb_status {
    DDB_OK = 0,
    /* memory */
    DDB_ERR_MEMORY = -1,
    /* encoding: row (and detail) are set */
    DDB_ERR_RANGE = -10,     /* value outside its target type; detail: the value */
    DDB_ERR_NUL = -11,       /* text holds a NUL */
    DDB_ERR_LENGTH = -12,    /* text too long; detail: its UTF-8 bytes */
    DDB_ERR_SURROGATE = -13, /* text holds a lone surrogate; detail: its position */
    DDB_ERR_CODE = -14,      /* dictionary code out of range; detail: the code */
    DDB_ERR_OFFSETS = -15,   /* text offsets that point outside their buffer */
    DDB_ERR_SYMBOLS = -16,   /* more symbols than a base can hold; detail: their number */
    DDB_ERR_KIND = -17,      /* a value that says something else than the target type */
    /* link */
    DDB_ERR_SYSTEM = -20,  /* a system call failed; sys_errno is set */
    DDB_ERR_CLOSED = -21,  /* the other side closed the connection */
    DDB_ERR_TIMEOUT = -22, /* no progress for the time allowed */
    DDB_ERR_SIGNAL = -23,  /* interrupted by a signal: run the handlers, then go on */
    DDB_ERR_AGAIN = -24,   /* the socket's buffer is full */
    DDB_ERR_INBOX = -25,   /* bytes came: take them from the inbox, then go on */
    /* reading */
    DDB_ERR_MORE = -30,     /* the object goes on beyond the bytes at hand */
    DDB_ERR_MALFORMED = -31 /* bytes that can't be this object; detail: what was found */
};

typedef struct ddb_error {
    int code;
    int sys_errno;
    int column; /* of the table being encoded, -1 outside tables */
    int64_t row;
    int64_t detail;
} ddb_error;

DDB_INLINE int ddb_fail(ddb_error *error, int code, int64_t row, int64_t detail)
{
    error->code = code;
    error->sys_errno = 0;
    error->row = row;
    error->detail = detail;
    return code;
}

/* What went wrong, in a few words, without the numbers. Never NULL. */
const char *ddb_status_text(int code);

#endif

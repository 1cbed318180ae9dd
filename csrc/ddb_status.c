/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_status.h"

const char *ddb_status_text(int code)
{
    switch (code) {
    case DDB_OK: return "no error";
    case DDB_ERR_MEMORY: return "out of memory";
    case DDB_ERR_RANGE: return "value outside the range of the target type";
    case DDB_ERR_NUL: return "text holds a NUL character, which the wire format can't carry";
    case DDB_ERR_LENGTH: return "text longer than 262,143 UTF-8 bytes";
    case DDB_ERR_SURROGATE: return "text holds a lone surrogate, which has no UTF-8 form";
    case DDB_ERR_CODE: return "category code without a category";
    case DDB_ERR_OFFSETS: return "text offsets point outside their buffer";
    case DDB_ERR_SYMBOLS: return "more than 2,097,151 distinct symbols in one column";
    case DDB_ERR_KIND: return "no value of the target type";
    case DDB_ERR_SYSTEM: return "system call failed";
    case DDB_ERR_CLOSED: return "the server closed the connection";
    case DDB_ERR_TIMEOUT: return "no progress for the time allowed";
    case DDB_ERR_SIGNAL: return "interrupted by a signal";
    case DDB_ERR_AGAIN: return "the socket's buffer is full";
    case DDB_ERR_INBOX: return "bytes came that must be taken first";
    case DDB_ERR_MORE: return "the object is not complete";
    case DDB_ERR_MALFORMED: return "malformed object";
    default: return "unknown status";
    }
}

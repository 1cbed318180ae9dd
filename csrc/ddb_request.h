/* SPDX-License-Identifier: Apache-2.0
 * One request (or one bare object) being built: bytes in scratch, and columns whose cells are fetched from the
 * caller's memory only while the request is sent. It is a producer: the link, `dumps` and `encode` pull from it.
 *
 * Life: init, then for each request reset, put calls, settle, next until 0; release at the end. Owned by one
 * encoder, used by one thread at a time; no function needs the GIL. Borrowed memory must live until the last
 * call of next. */
#ifndef DDB_REQUEST_H
#define DDB_REQUEST_H

#include "ddb_arena.h"
#include "ddb_arrow.h"
#include "ddb_cast.h"
#include "ddb_column.h"
#include "ddb_string.h"

/* Bytes produced at a time from columns that can't be sent as they lie. On loopback blocks of 8 to 64 KiB cost a
 * third more than one send, from 512 KiB on nothing is lost; all of it should stay in the second-level cache. */
enum { DDB_BLOCK_SIZE = 1 << 20 };

/* A column of fewer wire bytes is written into `out` when it is put. A larger one is recorded, and its cells are looked
 * at by settle: below this a copy is cheaper than one more piece in the system call. */
enum { DDB_DEFER_SIZE = 16 << 10 };

typedef struct ddb_request {
    ddb_producer producer; /* first: a ddb_request is a ddb_producer */
    ddb_arena out;         /* bytes that are final */
    ddb_arena segments;    /* what to send in which order: ranges of `out` and recorded columns */
    ddb_arena maps;        /* symbol maps that recorded code columns point into, by offset */
    ddb_arena block;       /* produced cells, DDB_BLOCK_SIZE, allocated when first needed */
    size_t literal;        /* start of the range of `out` that is not yet a segment */
    size_t deferred_bytes; /* wire bytes of settled columns that are not in `out` */
    size_t unsettled;      /* offset in `segments` of the first that settle has not seen */
    size_t pending_bytes;  /* about how many wire bytes settle has to look at, 0: nothing to settle */
    int joined;            /* settle writes recorded columns into `out`, so that the request is one piece */
    int type;              /* of the vector that was put last; after a failed settle of the vector at fault */
    /* cursor of next */
    size_t segment;
    int64_t row;
} ddb_request;

void ddb_request_init(ddb_request *request);

/* Forget the last request but keep the memory. */
void ddb_request_reset(ddb_request *request, int joined);

/* Joined requests: drop what was put behind the first `size` bytes, which are settled. */
void ddb_request_truncate(ddb_request *request, size_t size);

/* Give memory above `cap` bytes back, where the last request used less than half of it. */
void ddb_request_trim(ddb_request *request, size_t cap);

void ddb_request_release(ddb_request *request);

/* Append bytes. */
int ddb_request_put(ddb_request *request, const void *data, size_t size, ddb_error *error);

/* Append type, form VECTOR, rows and a column count of 1. */
int ddb_request_put_vector(ddb_request *request, int type, int64_t rows, ddb_error *error);

/* Append the cells of a fixed-width column: written and checked now if they are few, else recorded. */
int ddb_request_put_column(ddb_request *request, const ddb_column *column, ddb_error *error);

/* Append cells with a mark for NULL or of another type, likewise. */
int ddb_request_put_cast(ddb_request *request, const ddb_cells *cells, const ddb_cast *cast, ddb_error *error);

/* Append the rows of an Arrow text chunk, now. */
int ddb_request_write_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error);

/* Append the rows of an Arrow text chunk, now or later as ddb_request_put_column. */
int ddb_request_put_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error);

/* Append the rows of text in views, now. */
int ddb_request_put_views(ddb_request *request, const ddb_views *views, ddb_error *error);

/* Append the indices of a symbol column, likewise; `numbers` is copied if it must be kept. */
int ddb_request_put_codes(ddb_request *request, const ddb_codes *codes, const int32_t *numbers, ddb_error *error);

/* Look at the cells of all recorded columns: check them, and write them if the request is joined. All at once,
 * so that the caller can let other threads run meanwhile. A fault names column (as it was in the error struct when
 * the column was put) and row. */
int ddb_request_settle(ddb_request *request, ddb_error *error);

/* Bytes that the whole request makes. Known once it is settled. */
size_t ddb_request_size(const ddb_request *request);

/* Start again from the first byte. */
void ddb_request_rewind(ddb_request *request);

/* The next pieces, as ddb_producer says. */
int ddb_request_next(ddb_request *request, ddb_piece *pieces, int max, ddb_error *error);

#endif

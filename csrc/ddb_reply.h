/* SPDX-License-Identifier: Apache-2.0
 * Replies that lie in memory, one behind the other: each is found whole or not at all. */
#ifndef DDB_REPLY_H
#define DDB_REPLY_H

#include "ddb_status.h"

/* Longest line and longest printed message. */
enum { DDB_REPLY_LIMIT = 1 << 20 };

enum ddb_reply_kind {
    DDB_REPLY_MESSAGE = 1, /* printed text before a reply; more follows */
    DDB_REPLY_VOID,        /* OK, no object */
    DDB_REPLY_INT,         /* OK and an INT scalar, which is what an append answers */
    DDB_REPLY_OBJECT,      /* OK and any other object, which begins behind `size` */
    DDB_REPLY_ERROR        /* the status line is an error */
};

typedef struct ddb_reply {
    int kind;
    int32_t value;       /* DDB_REPLY_INT */
    const uint8_t *text; /* DDB_REPLY_MESSAGE and _ERROR; of malformed bytes the line at fault */
    size_t text_size;
    size_t size; /* bytes of it all; of DDB_REPLY_OBJECT those before the object */
} ddb_reply;

/* Look at the reply that begins at `data`. DDB_ERR_MORE: it is not all there. DDB_ERR_MALFORMED: it is none. */
int ddb_reply_next(const uint8_t *data, size_t size, ddb_reply *reply);

#endif

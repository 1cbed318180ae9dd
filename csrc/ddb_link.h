/* SPDX-License-Identifier: Apache-2.0
 * One TCP connection: the only place that calls the operating system, by the functions of one .inc file for each
 * system. It pulls from a producer and knows nothing of tables. The descriptor is owned from init to close; calls that
 * must not wait say so to the system each time.
 *
 * No function needs the GIL; those that may wait say so and must be called without it. Time-outs are in
 * nanoseconds and mean "no progress for"; negative waits for ever. */
#ifndef DDB_LINK_H
#define DDB_LINK_H

#include <stdatomic.h>

#include "ddb_status.h"

enum { DDB_LINK_PIECES = 64, DDB_LINK_INBOX = 4096 };

/* ddb_link.spin_ns that follows the connection: look for a reply before sleeping while replies have lately come
 * within DDB_SPIN_LIMIT. On one machine, or one switch away, a wake-up costs as much as the reply takes. */
enum {
    DDB_SPIN_ADAPTIVE = -1,
    DDB_SPIN_LIMIT = 64000 /* ns */
};

/* What becomes of incoming bytes that nobody waits for. */
enum ddb_link_drain {
    DDB_LINK_LEAVE, /* they stay where they are: a reader takes them */
    DDB_LINK_DROP,  /* the inbox takes the first ones, the rest is counted and dropped: nobody reads replies */
    DDB_LINK_KEEP   /* the inbox takes them all; DDB_ERR_INBOX when the caller has to take some */
};

/* What stands between the link and its connection if the bytes are encrypted: it turns bytes into others and never
 * sends or reads any itself. The functions need no GIL (theirs takes it), return DDB_OK or anything else, and keep
 * `sealed` and `opened` up to date; what these point to stays valid until the next call. */
typedef struct ddb_cipher ddb_cipher;
struct ddb_cipher {
    int (*seal)(ddb_cipher *self, const void *data, size_t size); /* adds to what is to be sent */
    int (*open)(ddb_cipher *self, const void *data, size_t size); /* takes what was received */
    const char *sealed;                                           /* encrypted bytes that the kernel has not taken */
    size_t sealed_size;
    const char *opened; /* decrypted bytes that nobody has read */
    size_t opened_size;
    int ended; /* the other side said that nothing more will come */
};

/* Bytes that are encrypted at a time: large requests need no more memory than a few times this. */
enum { DDB_SEAL_SIZE = 64 << 10 };

typedef struct ddb_link {
    int fd;
    int drain;              /* one of ddb_link_drain; may be changed between calls */
    int64_t spin_ns;        /* how long to look for a reply before sleeping until it comes, or adaptive */
    int64_t wait_ns;        /* how long replies have lately let us wait; of adaptive spinning */
    int64_t look_due;       /* when the connection is looked at again, coarse monotonic ns */
    ddb_producer *producer; /* of the request being sent */
    ddb_piece pieces[DDB_LINK_PIECES];
    int piece, piece_count; /* the unsent ones */
    uint64_t accepted;      /* bytes of this request that the kernel or the cipher took */
    /* of this connection; one thread at a time adds to them, any thread may read them meanwhile */
    _Atomic uint64_t bytes_sent, bytes_received, bytes_drained;
    _Atomic int64_t blocked_ns;    /* time spent waiting for the other side to take bytes */
    int64_t waiting_since;         /* when a wait began that a signal interrupted and that goes on; 0: there is none */
    ddb_cipher *cipher;            /* borrowed; NULL: bytes travel as they are */
    uint8_t inbox[DDB_LINK_INBOX]; /* drained bytes; the caller takes them and sets inbox_size */
    size_t inbox_size;
} ddb_link;

/* Take over a connected descriptor and make it a waiting one. fd -1: a closed link. */
int ddb_link_init(ddb_link *link, int fd, int drain, ddb_error *error);

/* Is the other side still there? Looks at most once a millisecond, never waits. Drains if the link drains. */
int ddb_link_look(ddb_link *link, ddb_error *error);

/* Begin to send what the producer yields: one attempt, never waits. DDB_ERR_AGAIN: call ddb_link_send_rest. */
int ddb_link_send(ddb_link *link, ddb_producer *producer, ddb_error *error);

/* Send what ddb_link_send left, waiting as needed. DDB_ERR_SIGNAL: run the handlers and call it again. DDB_ERR_INBOX:
 * take what you can from the inbox and call it again. */
int ddb_link_send_rest(ddb_link *link, int64_t timeout, ddb_error *error);

/* Read at least one byte, at most `size`. Waits. Sets `received`. */
int ddb_link_receive(ddb_link *link, void *target, size_t size, int64_t timeout, size_t *received, ddb_error *error);

/* Wait until a descriptor has bytes to read, at most `timeout` ns: of a link that others may use or close meanwhile.
 * DDB_OK whether or not there are any. */
int ddb_link_wait(int fd, int64_t timeout, ddb_error *error);

/* End the connection but keep the descriptor: whoever sends or waits on it stops. From any thread. */
void ddb_link_cut(ddb_link *link);

/* Close without waiting. `orderly` shuts the sending side down first, so that what was sent still arrives; in a
 * forked child it must be 0: the connection belongs to the parent. May be called again. */
void ddb_link_close(ddb_link *link, int orderly);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Threads on one link, for ThreadSanitizer: what the Cython core does with csrc/ddb_link_posix.c and ddb_request.c,
 * in plain C. README.md has the command.
 *
 * A mutex stands for the interpreter's lock, which is let go where the core says nogil; another one is the session's.
 * Several threads encode columns that they share and send them, another one takes replies, or waits for bytes without
 * any lock, one reads the counters, and one closes the link in the middle of that. The other end of each connection
 * checks that requests are whole and never interleave, and answers each by one byte. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ddb_link.h"
#include "ddb_request.h"

enum { SENDERS = 6, REQUESTS = 400, SMALL_REQUEST = 64 << 10, SHARED_ROWS = 1 << 16 };

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef struct head {
    uint32_t mark, sender, number, rows;
} head;

enum { MARK = 0x44444221 };

static int64_t shared_cells[SHARED_ROWS];

typedef struct session {
    pthread_mutex_t interpreter;
    pthread_mutex_t lock;
    /* the interpreter's lock is held for what follows */
    ddb_link link;
    int unusable, closing, counting, waits_for_replies, closes;
    long handed_over;
    int peer;
    /* the other end's own */
    long arrived;
    _Atomic int senders_left;
} session;

static void enter(session *s)
{
    CHECK(pthread_mutex_lock(&s->interpreter) == 0);
}

static void leave(session *s)
{
    CHECK(pthread_mutex_unlock(&s->interpreter) == 0);
}

static void acquire(session *s)
{
    if (pthread_mutex_trylock(&s->lock) == 0)
        return;
    leave(s);
    CHECK(pthread_mutex_lock(&s->lock) == 0);
    enter(s);
}

static void release(session *s)
{
    if (s->closing) {
        s->closing = 0;
        ddb_link_close(&s->link, 0);
    }
    CHECK(pthread_mutex_unlock(&s->lock) == 0);
}

static void fail(session *s)
{
    if (!s->closing)
        ddb_link_close(&s->link, 0);
    s->unusable = 1;
}

static void close_session(session *s)
{
    s->unusable = 1;
    if (pthread_mutex_trylock(&s->lock) == 0) {
        ddb_link_close(&s->link, 1);
        CHECK(pthread_mutex_unlock(&s->lock) == 0);
    } else {
        s->closing = 1;
        ddb_link_cut(&s->link);
    }
}

/* What came without being waited for, as acknowledged mode takes it. */
static void take_inbox(session *s)
{
    s->link.inbox_size = 0;
}

static int transmit(session *s, ddb_request *request)
{
    ddb_error error;
    int status = ddb_link_look(&s->link, &error);

    take_inbox(s);
    if (status == DDB_OK || status == DDB_ERR_INBOX) {
        if (ddb_request_size(request) <= SMALL_REQUEST) {
            status = ddb_link_send(&s->link, &request->producer, &error);
        } else {
            leave(s);
            status = ddb_link_send(&s->link, &request->producer, &error);
            enter(s);
        }
    }
    while (status == DDB_ERR_AGAIN || status == DDB_ERR_SIGNAL || status == DDB_ERR_INBOX) {
        leave(s);
        status = ddb_link_send_rest(&s->link, 10000000000, &error);
        enter(s);
        take_inbox(s);
    }
    return status;
}

static int receive(session *s)
{
    ddb_error error;
    size_t received = 0;
    uint8_t byte;
    int status;

    do {
        leave(s);
        status = ddb_link_receive(&s->link, &byte, 1, -1, &received, &error);
        enter(s);
    } while (status == DDB_ERR_SIGNAL);
    return status;
}

typedef struct sender {
    session *session;
    uint32_t number;
} sender;

static void encode(ddb_request *request, uint32_t number, uint32_t i, const ddb_kernels *kernels)
{
    /* every so often more than leaves in one piece, and more than is copied */
    uint32_t rows = i % 16 == 15 ? 20000 : i % 4 == 3 ? 3000 : 10;
    head h = {MARK, number, i, rows};
    ddb_column column = {kernels, (const char *)(shared_cells + i), sizeof(int64_t), rows, DDB_CONV_COPY64, 0};
    ddb_error error = {0};

    ddb_request_reset(request, 0);
    CHECK(ddb_request_put(request, &h, sizeof h, &error) == DDB_OK);
    CHECK(ddb_request_put_column(request, &column, &error) == DDB_OK);
}

static void *send_requests(void *argument)
{
    sender *self = argument;
    session *s = self->session;
    const ddb_kernels *kernels = ddb_kernels_select(DDB_KERNELS_COUNT);
    ddb_request request;
    ddb_error error = {0};
    int status = DDB_OK;

    ddb_request_init(&request);
    enter(s);
    for (uint32_t i = 0; i < REQUESTS && status == DDB_OK; i++) {
        encode(&request, self->number, i, kernels);
        leave(s);
        CHECK(ddb_request_settle(&request, &error) == DDB_OK);
        enter(s);
        acquire(s);
        status = s->unusable ? DDB_ERR_CLOSED : transmit(s, &request);
        if (status == DDB_OK) {
            s->handed_over++;
            if (s->waits_for_replies)
                status = receive(s);
        }
        if (status != DDB_OK)
            fail(s);
        release(s);
    }
    leave(s);
    ddb_request_release(&request);
    s->senders_left--;
    return NULL;
}

/* The thread that waits for replies in acknowledged mode: with the lock it takes them, without it waits. */
static void *wait_for_replies(void *argument)
{
    session *s = argument;
    ddb_error error;

    enter(s);
    while (s->counting) {
        int descriptor = -1;
        if (pthread_mutex_trylock(&s->lock) == 0) {
            if (!s->unusable) {
                s->link.look_due = 0;
                if (ddb_link_look(&s->link, &error) == DDB_ERR_SYSTEM)
                    fail(s);
                take_inbox(s);
            }
            descriptor = s->link.fd;
            release(s);
        }
        leave(s);
        if (descriptor >= 0)
            ddb_link_wait(descriptor, 1000000, &error);
        enter(s);
    }
    leave(s);
    return NULL;
}

static void *read_counters(void *argument)
{
    session *s = argument;
    uint64_t most = 0;

    enter(s);
    while (s->counting) {
        uint64_t sent = s->link.bytes_sent, all = sent + s->link.bytes_received + s->link.bytes_drained;
        CHECK(sent >= most && all >= sent && s->link.blocked_ns >= 0);
        most = sent;
        leave(s);
        enter(s);
    }
    leave(s);
    return NULL;
}

static void *close_in_between(void *argument)
{
    session *s = argument;

    usleep((useconds_t)(rand() % 30000));
    enter(s);
    close_session(s);
    leave(s);
    return NULL;
}

static int read_all(int fd, void *target, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, (char *)target + done, size - done);
        if (got <= 0)
            return 0;
        done += (size_t)got;
    }
    return 1;
}

/* The server: whole requests, of each sender in order. */
static void *receive_requests(void *argument)
{
    session *s = argument;
    static _Thread_local int64_t cells[SHARED_ROWS];
    uint32_t next[SENDERS] = {0};
    head h;

    while (read_all(s->peer, &h, sizeof h)) {
        CHECK(h.mark == MARK && h.sender < SENDERS && h.number == next[h.sender]++);
        if (!read_all(s->peer, cells, h.rows * sizeof *cells))
            break;
        for (uint32_t i = 0; i < h.rows; i++)
            CHECK(cells[i] == shared_cells[h.number + i]);
        s->arrived++;
        if (send(s->peer, "!", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    /* the link's last word was a reset or an end: nothing more will come */
    close(s->peer);
    return NULL;
}

static void play(int waits_for_replies, int drain, int closes)
{
    session s = {.counting = 1, .waits_for_replies = waits_for_replies, .closes = closes, .senders_left = SENDERS};
    pthread_t threads[SENDERS], server, waiter, reader, closer;
    sender senders[SENDERS];
    int ends[2], size = 1 << 15;
    ddb_error error;

    CHECK(pthread_mutex_init(&s.interpreter, NULL) == 0 && pthread_mutex_init(&s.lock, NULL) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    s.peer = ends[1];
    CHECK(ddb_link_init(&s.link, ends[0], drain, &error) == DDB_OK);
    CHECK(pthread_create(&server, NULL, receive_requests, &s) == 0);
    CHECK(pthread_create(&reader, NULL, read_counters, &s) == 0);
    if (!waits_for_replies)
        CHECK(pthread_create(&waiter, NULL, wait_for_replies, &s) == 0);
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (sender){&s, i};
        CHECK(pthread_create(&threads[i], NULL, send_requests, &senders[i]) == 0);
    }
    if (closes)
        CHECK(pthread_create(&closer, NULL, close_in_between, &s) == 0);
    for (int i = 0; i < SENDERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    if (closes)
        CHECK(pthread_join(closer, NULL) == 0);
    enter(&s);
    s.counting = 0;
    close_session(&s);
    leave(&s);
    CHECK(pthread_join(reader, NULL) == 0);
    if (!waits_for_replies)
        CHECK(pthread_join(waiter, NULL) == 0);
    /* the one that waited may have been told to close it */
    ddb_link_close(&s.link, 1);
    CHECK(pthread_join(server, NULL) == 0);
    CHECK(s.link.fd == -1);
    CHECK(closes ? s.arrived <= s.handed_over : s.handed_over == SENDERS * REQUESTS);
    CHECK(closes || s.arrived == s.handed_over);
    printf("%s, %s: %ld requests handed over, %ld arrived, %llu bytes\n",
           waits_for_replies        ? "synchronous"
           : drain == DDB_LINK_KEEP ? "acknowledged"
                                    : "asynchronous",
           closes ? "closed in between" : "to the end", s.handed_over, s.arrived,
           (unsigned long long)s.link.bytes_sent);
    pthread_mutex_destroy(&s.interpreter);
    pthread_mutex_destroy(&s.lock);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 3;

    srand(7);
    for (int i = 0; i < SHARED_ROWS; i++)
        shared_cells[i] = (int64_t)i * 1000003;
    for (int round = 0; round < rounds; round++)
        for (int closes = 0; closes < 2; closes++) {
            play(1, DDB_LINK_LEAVE, closes);
            play(0, DDB_LINK_KEEP, closes);
            play(0, DDB_LINK_DROP, closes);
        }
    return 0;
}

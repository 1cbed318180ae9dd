/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ddb_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(ddb_piece) == sizeof(struct iovec) && offsetof(ddb_piece, size) == offsetof(struct iovec, iov_len),
               "pieces are handed to sendmsg as they are");

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set instead */
#endif
#ifdef CLOCK_MONOTONIC_COARSE
#define COARSE_CLOCK CLOCK_MONOTONIC_COARSE
#else
#define COARSE_CLOCK CLOCK_MONOTONIC
#endif

enum {
    LOOK_INTERVAL_NS = 1000000,
    /* What adaptive spinning remembers: each wait counts an eighth, and for at most this, so that one long wait is
     * forgotten after some ten short ones, and two dozen of those begin it. */
    WAIT_WEIGHT = 8,
    LONGEST_WAIT = 8 * DDB_SPIN_LIMIT
};

/* Add to a counter that others read. It has one writer at a time: no locked addition is needed. */
#define COUNT(counter, more) \
    atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (more), \
                          memory_order_relaxed)

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int fail_system(ddb_error *error)
{
    int sys_errno = errno;
    ddb_fail(error, DDB_ERR_SYSTEM, -1, 0);
    error->sys_errno = sys_errno;
    return DDB_ERR_SYSTEM;
}

int ddb_link_init(ddb_link *link, int fd, int drain, ddb_error *error)
{
    memset(link, 0, sizeof *link);
    link->fd = fd;
    link->drain = drain;
    link->wait_ns = LONGEST_WAIT;
    if (fd < 0)
        return DDB_OK;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
        return fail_system(error);
#ifdef SO_NOSIGPIPE
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return DDB_OK;
}

/* Encrypted bytes: hand to the kernel what is sealed. DDB_OK: it took some or all. */
static int send_sealed(ddb_link *link, ddb_error *error)
{
    ddb_cipher *cipher = link->cipher;
    ssize_t sent = send(link->fd, cipher->sealed, cipher->sealed_size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return DDB_ERR_AGAIN;
        return errno == EINTR ? DDB_ERR_SIGNAL : fail_system(error);
    }
    COUNT(link->bytes_sent, (uint64_t)sent);
    cipher->sealed += sent;
    cipher->sealed_size -= (size_t)sent;
    return DDB_OK;
}

/* As recv, of a link with a cipher: decrypted bytes. */
static DDB_NOINLINE ssize_t take_opened(ddb_link *link, void *target, size_t size, int flags)
{
    ddb_cipher *cipher = link->cipher;
    char received[16 << 10];

    while (!cipher->opened_size && !cipher->ended) {
        ssize_t got = recv(link->fd, received, sizeof received, flags);
        if (got <= 0)
            return got;
        if (cipher->open(cipher, received, (size_t)got) != DDB_OK) {
            errno = EPROTO;
            return -1;
        }
        ddb_error ignored; /* an answer to the other side's cipher; if it does not leave now, then with what follows */
        if (cipher->sealed_size)
            send_sealed(link, &ignored);
    }
    size_t taken = cipher->opened_size < size ? cipher->opened_size : size;
    if (taken)
        memcpy(target, cipher->opened, taken);
    cipher->opened += taken;
    cipher->opened_size -= taken;
    return (ssize_t)taken;
}

static ssize_t take(ddb_link *link, void *target, size_t size, int flags)
{
    if (DDB_UNLIKELY(link->cipher != NULL))
        return take_opened(link, target, size, flags);
    return recv(link->fd, target, size, flags);
}

/* Read what is there into the inbox; what does not fit there is counted and dropped, or left. */
static int drain(ddb_link *link, ddb_error *error)
{
    uint8_t scratch[4096];

    for (;;) {
        size_t room = DDB_LINK_INBOX - link->inbox_size;
        uint8_t *target = room ? link->inbox + link->inbox_size : scratch;
        size_t size = room ? room : sizeof scratch;
        if (!room && link->drain == DDB_LINK_KEEP)
            return DDB_ERR_INBOX;
        ssize_t got = take(link, target, size, MSG_DONTWAIT);
        if (got == 0)
            return ddb_fail(error, DDB_ERR_CLOSED, -1, 0);
        if (got < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
                return DDB_OK;
            return fail_system(error);
        }
        link->inbox_size += room ? (size_t)got : 0;
        COUNT(link->bytes_drained, link->drain == DDB_LINK_DROP ? (uint64_t)got : 0);
        COUNT(link->bytes_received, (uint64_t)got);
        if ((size_t)got < size)
            return DDB_OK;
    }
}

int ddb_link_look(ddb_link *link, ddb_error *error)
{
    int64_t now = now_ns(COARSE_CLOCK);
    char byte;

    if (now < link->look_due)
        return DDB_OK;
    link->look_due = now + LOOK_INTERVAL_NS;
    link->accepted = 0;
    if (link->drain)
        return drain(link, error);
    /* of a cipher's bytes only the cipher knows which are an end: they are taken, but nothing of what they hold */
    ssize_t got = link->cipher ? take(link, &byte, 0, MSG_DONTWAIT) : recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 && !(link->cipher && link->cipher->opened_size))
        return ddb_fail(error, DDB_ERR_CLOSED, -1, 0);
    if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return fail_system(error);
    return DDB_OK;
}

/* Move the cursor over `size` bytes that were taken. */
static void advance(ddb_link *link, size_t size)
{
    link->accepted += (uint64_t)size;
    while (link->piece < link->piece_count && size >= link->pieces[link->piece].size)
        size -= link->pieces[link->piece++].size;
    if (size) {
        link->pieces[link->piece].data = (const char *)link->pieces[link->piece].data + size;
        link->pieces[link->piece].size -= size;
    }
}

/* Can the kernel take bytes now? */
static int has_room(ddb_link *link)
{
    struct pollfd poller = {link->fd, POLLOUT, 0};
    return poll(&poller, 1, 0) != 0;
}

/* send_pieces through the cipher. What is sealed can't be taken back, so nothing is while the kernel takes nothing:
 * a request of which nothing was accepted can be given up. */
static DDB_NOINLINE int seal_pieces(ddb_link *link, ddb_error *error)
{
    ddb_cipher *cipher = link->cipher;
    char plain[DDB_SEAL_SIZE];
    size_t size = 0;

    if (cipher->sealed_size)
        return send_sealed(link, error);
    if (!has_room(link))
        return DDB_ERR_AGAIN;
    for (int i = link->piece; i < link->piece_count && size < sizeof plain; i++) {
        size_t part = link->pieces[i].size < sizeof plain - size ? link->pieces[i].size : sizeof plain - size;
        memcpy(plain + size, link->pieces[i].data, part);
        size += part;
    }
    if (size && cipher->seal(cipher, plain, size) != DDB_OK) {
        errno = EPROTO;
        return fail_system(error);
    }
    advance(link, size);
    return send_sealed(link, error);
}

/* Hand the unsent pieces to the kernel once. DDB_OK: it took some or all. */
static int send_pieces(ddb_link *link, ddb_error *error)
{
    ddb_piece *pieces = link->pieces + link->piece;
    int count = link->piece_count - link->piece;
    ssize_t sent;

    if (DDB_UNLIKELY(link->cipher != NULL))
        return seal_pieces(link, error);
    if (count == 1) {
        sent = send(link->fd, pieces->data, pieces->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        struct msghdr message;
        memset(&message, 0, sizeof message);
        message.msg_iov = (struct iovec *)(void *)pieces;
        message.msg_iovlen = (size_t)count;
        sent = sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (DDB_UNLIKELY(sent < 0)) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return DDB_ERR_AGAIN;
        if (errno == EINTR)
            return DDB_ERR_SIGNAL;
        return fail_system(error);
    }
    COUNT(link->bytes_sent, (uint64_t)sent);
    advance(link, (size_t)sent);
    return DDB_OK;
}

/* Have unsent pieces at hand. 1: there are some, 0: the producer has ended, negative: its status. */
static int pull(ddb_link *link, ddb_error *error)
{
    if (link->piece < link->piece_count)
        return 1;
    link->piece = 0;
    link->piece_count = 0;
    int count = link->producer->next(link->producer, link->pieces, DDB_LINK_PIECES, error);
    if (count > 0)
        link->piece_count = count;
    else if (count == 0 && link->cipher && link->cipher->sealed_size)
        return 1;
    return count > 0 ? 1 : count;
}

int ddb_link_send(ddb_link *link, ddb_producer *producer, ddb_error *error)
{
    link->producer = producer;
    link->accepted = 0;
    link->piece = 0;
    link->piece_count = 0;
    int status = pull(link, error);
    if (status <= 0)
        return status;
    status = send_pieces(link, error);
    if (status == DDB_ERR_SIGNAL)
        return DDB_ERR_AGAIN;
    if (status != DDB_OK)
        return status;
    status = pull(link, error);
    return status > 0 ? DDB_ERR_AGAIN : status;
}

/* Wait until one of `events` is possible. Sets `revents`. */
static int wait_for(int fd, short events, int64_t deadline, short *revents, ddb_error *error)
{
    struct pollfd poller = {fd, events, 0};
    int milliseconds = -1;

    if (deadline >= 0) {
        int64_t left = deadline - now_ns(CLOCK_MONOTONIC);
        if (left <= 0)
            return ddb_fail(error, DDB_ERR_TIMEOUT, -1, 0);
        left = (left + 999999) / 1000000;
        milliseconds = left > 1000000 ? 1000000 : (int)left;
    }
    int ready = poll(&poller, 1, milliseconds);
    if (ready < 0)
        return errno == EINTR ? DDB_ERR_SIGNAL : fail_system(error);
    *revents = ready ? poller.revents : 0;
    return DDB_OK;
}

int ddb_link_send_rest(ddb_link *link, int64_t timeout, ddb_error *error)
{
    int64_t started = -1, deadline = -1;
    int status;

    while ((status = pull(link, error)) > 0) {
        status = send_pieces(link, error);
        if (status == DDB_OK) {
            started = -1; /* progress: the time-out begins anew */
            continue;
        }
        if (status != DDB_ERR_AGAIN)
            break;
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (started < 0) {
            started = now;
            deadline = timeout < 0 ? -1 : now + timeout;
        }
        short revents;
        status = wait_for(link->fd, (short)(POLLOUT | (link->drain ? POLLIN : 0)), deadline, &revents, error);
        COUNT(link->blocked_ns, now_ns(CLOCK_MONOTONIC) - now);
        if (status != DDB_OK)
            break;
        /* a server that is itself blocked writing to us would never read on */
        if (revents & POLLIN) {
            uint64_t before = link->bytes_received;
            status = drain(link, error);
            if (status == DDB_OK && link->drain == DDB_LINK_KEEP && link->bytes_received != before)
                status = DDB_ERR_INBOX; /* another thread may be waiting for them */
            if (status != DDB_OK)
                break;
        }
    }
    return status;
}

int ddb_link_receive(ddb_link *link, void *target, size_t size, int64_t timeout, size_t *received, ddb_error *error)
{
    int64_t begun = now_ns(CLOCK_MONOTONIC);
    int64_t deadline = timeout < 0 ? -1 : begun + timeout;
    /* Without a time-out the read itself waits: one system call a reply instead of three. */
    int waiting = timeout < 0 ? 0 : MSG_DONTWAIT;
    int adaptive = link->spin_ns == DDB_SPIN_ADAPTIVE;
    int64_t spin_ns = !adaptive ? link->spin_ns : link->wait_ns <= DDB_SPIN_LIMIT ? DDB_SPIN_LIMIT : 0;
    int64_t spin_end = spin_ns ? begun + spin_ns : 0;

    for (;;) {
        ssize_t got = take(link, target, size, spin_end ? MSG_DONTWAIT : waiting);
        if (got > 0) {
            *received = (size_t)got;
            COUNT(link->bytes_received, (uint64_t)got);
            if (adaptive) {
                int64_t waited = now_ns(CLOCK_MONOTONIC) - begun;
                waited = waited < LONGEST_WAIT ? waited : LONGEST_WAIT;
                link->wait_ns += (waited - link->wait_ns) / WAIT_WEIGHT;
            }
            return DDB_OK;
        }
        if (got == 0)
            return ddb_fail(error, DDB_ERR_CLOSED, -1, 0);
        if (errno == EINTR)
            return DDB_ERR_SIGNAL;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return fail_system(error);
        if (spin_end) {
            if (now_ns(CLOCK_MONOTONIC) >= spin_end)
                spin_end = 0;
            continue;
        }
        short revents;
        int status = wait_for(link->fd, POLLIN, deadline, &revents, error);
        if (status != DDB_OK)
            return status;
    }
}

int ddb_link_wait(int fd, int64_t timeout, ddb_error *error)
{
    short revents;
    return wait_for(fd, POLLIN, now_ns(CLOCK_MONOTONIC) + timeout, &revents, error);
}

void ddb_link_cut(ddb_link *link)
{
    if (link->fd >= 0)
        shutdown(link->fd, SHUT_RDWR);
}

void ddb_link_close(ddb_link *link, int orderly)
{
    if (link->fd < 0)
        return;
    if (orderly) {
        /* Bytes left unread would turn the close into a reset, which destroys what the server has not read yet. */
        ddb_error ignored;
        drain(link, &ignored);
        if (link->cipher && link->cipher->sealed_size)
            send_sealed(link, &ignored);
        shutdown(link->fd, SHUT_WR);
    }
    close(link->fd);
    link->fd = -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ddb_link.h"

#ifdef _WIN32
#include "ddb_link_win.inc"
#else
#include "ddb_link_posix.inc"
#endif

enum {
    LOOK_INTERVAL_NS = 1000000,
    SIGNAL_MS = 100,
    /* What adaptive spinning remembers: each wait counts an eighth, and for at most this, so that one long wait is
     * forgotten after some ten short ones, and two dozen of those begin it. */
    WAIT_WEIGHT = 8,
    LONGEST_WAIT = 8 * DDB_SPIN_LIMIT
};

/* Add to a counter that others read. It has one writer at a time: no locked addition is needed. */
#define COUNT(counter, more)                                                                                           \
    atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (more),                 \
                          memory_order_relaxed)

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
    return socket_adopt(fd) == 0 ? DDB_OK : fail_system(error);
}

/* Encrypted bytes: hand to the kernel what is sealed. DDB_OK: it took some or all. */
static int send_sealed(ddb_link *link, ddb_error *error)
{
    ddb_cipher *cipher = link->cipher;
    ptrdiff_t sent = socket_send(link->fd, cipher->sealed, cipher->sealed_size);

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

/* As socket_receive, of a link with a cipher: decrypted bytes. */
static DDB_NOINLINE ptrdiff_t take_opened(ddb_link *link, void *target, size_t size, int waits)
{
    ddb_cipher *cipher = link->cipher;
    char received[16 << 10];

    while (!cipher->opened_size && !cipher->ended) {
        ptrdiff_t got = socket_receive(link->fd, received, sizeof received, waits);
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
    return (ptrdiff_t)taken;
}

static ptrdiff_t take(ddb_link *link, void *target, size_t size, int waits)
{
    if (DDB_UNLIKELY(link->cipher != NULL))
        return take_opened(link, target, size, waits);
    return socket_receive(link->fd, target, size, waits);
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
        ptrdiff_t got = take(link, target, size, 0);
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
    int64_t now = coarse_now_ns();
    char byte;

    if (now < link->look_due)
        return DDB_OK;
    link->look_due = now + LOOK_INTERVAL_NS;
    link->accepted = 0;
    if (link->drain)
        return drain(link, error);
    /* of a cipher's bytes only the cipher knows which are an end: they are taken, but nothing of what they hold */
    ptrdiff_t got = link->cipher ? take(link, &byte, 0, 0) : socket_peek(link->fd);
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

/* The first bytes of the unsent pieces, at most `room`. */
static size_t gather(const ddb_link *link, char *target, size_t room)
{
    size_t size = 0;
    for (int i = link->piece; i < link->piece_count && size < room; i++) {
        size_t part = link->pieces[i].size < room - size ? link->pieces[i].size : room - size;
        memcpy(target + size, link->pieces[i].data, part);
        size += part;
    }
    return size;
}

/* send_pieces through the cipher. What is sealed can't be taken back, so nothing is while the kernel takes nothing:
 * a request of which nothing was accepted can be given up. */
static DDB_NOINLINE int seal_pieces(ddb_link *link, ddb_error *error)
{
    ddb_cipher *cipher = link->cipher;
    char plain[DDB_SEAL_SIZE];

    if (cipher->sealed_size)
        return send_sealed(link, error);
    if (socket_wait(link->fd, CAN_WRITE, 0) == 0)
        return DDB_ERR_AGAIN;
    size_t size = gather(link, plain, sizeof plain);
    if (size && cipher->seal(cipher, plain, size) != DDB_OK) {
        errno = EPROTO;
        return fail_system(error);
    }
    advance(link, size);
    return send_sealed(link, error);
}

#ifdef DDB_LINK_NO_SENDMSG
/* A piece that is large leaves from where it is; small ones are joined, so that each call takes a good part. */
static DDB_NOINLINE ptrdiff_t socket_send_joined(const ddb_link *link)
{
    char joined[DDB_SEAL_SIZE];
    const ddb_piece *first = link->pieces + link->piece;

    if (first->size >= sizeof joined)
        return socket_send(link->fd, first->data, first->size);
    return socket_send(link->fd, joined, gather(link, joined, sizeof joined));
}
#endif

/* Hand the unsent pieces to the kernel once. DDB_OK: it took some or all. */
static int send_pieces(ddb_link *link, ddb_error *error)
{
    ddb_piece *pieces = link->pieces + link->piece;
    int count = link->piece_count - link->piece;
    ptrdiff_t sent;

    if (DDB_UNLIKELY(link->cipher != NULL))
        return seal_pieces(link, error);
    if (count == 1)
        sent = socket_send(link->fd, pieces->data, pieces->size);
    else
#ifdef DDB_LINK_NO_SENDMSG
        sent = socket_send_joined(link);
#else
        sent = socket_send_pieces(link->fd, pieces, count);
#endif
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
    link->waiting_since = 0;
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

/* Wait until one of `events` is possible. Sets `possible`. DDB_ERR_SIGNAL after SIGNAL_MS too: a signal that came just
 * before the wait, while the kernel copied a large request for instance, does not interrupt it. */
static int wait_for(int fd, int events, int64_t deadline, int *possible, ddb_error *error)
{
    int milliseconds = SIGNAL_MS;

    if (deadline >= 0) {
        int64_t left = deadline - now_ns();
        if (left <= 0)
            return ddb_fail(error, DDB_ERR_TIMEOUT, -1, 0);
        left = (left + 999999) / 1000000;
        milliseconds = left > SIGNAL_MS ? SIGNAL_MS : (int)left;
    }
    int ready = socket_wait(fd, events, milliseconds);
    if (ready < 0 && errno != EINTR)
        return fail_system(error);
    if (ready <= 0)
        return DDB_ERR_SIGNAL;
    *possible = ready;
    return DDB_OK;
}

/* When the wait under way began: before the signal that interrupted it, if one did. */
static int64_t wait_began(ddb_link *link)
{
    int64_t began = link->waiting_since ? link->waiting_since : now_ns();
    link->waiting_since = 0;
    return began;
}

int ddb_link_send_rest(ddb_link *link, int64_t timeout, ddb_error *error)
{
    int64_t began = link->waiting_since; /* 0: not waiting */
    int status;

    while ((status = pull(link, error)) > 0) {
        status = send_pieces(link, error);
        if (status == DDB_OK) {
            began = link->waiting_since = 0; /* progress: the time-out begins anew */
            continue;
        }
        if (status != DDB_ERR_AGAIN)
            break;
        int64_t now = now_ns();
        if (!began)
            began = now;
        int events = CAN_WRITE | (link->drain ? CAN_READ : 0), possible;
        status = wait_for(link->fd, events, timeout < 0 ? -1 : began + timeout, &possible, error);
        COUNT(link->blocked_ns, now_ns() - now);
        if (status != DDB_OK)
            break;
        /* a server that is itself blocked writing to us would never read on */
        if (possible & CAN_READ) {
            uint64_t before = link->bytes_received;
            status = drain(link, error);
            if (status == DDB_OK && link->drain == DDB_LINK_KEEP && link->bytes_received != before)
                status = DDB_ERR_INBOX; /* another thread may be waiting for them */
            if (status != DDB_OK)
                break;
        }
    }
    link->waiting_since = status == DDB_ERR_SIGNAL ? began : 0;
    return status;
}

int ddb_link_receive(ddb_link *link, void *target, size_t size, int64_t timeout, size_t *received, ddb_error *error)
{
    int64_t began = wait_began(link);
    /* Without a time-out the read itself waits: one system call a reply instead of three. */
    int waits = timeout < 0;
    int adaptive = link->spin_ns == DDB_SPIN_ADAPTIVE;
    int64_t spin_ns = !adaptive ? link->spin_ns : link->wait_ns <= DDB_SPIN_LIMIT ? DDB_SPIN_LIMIT : 0;
    int64_t spin_end = spin_ns ? began + spin_ns : 0;

    for (;;) {
        ptrdiff_t got = take(link, target, size, waits && !spin_end);
        if (got > 0) {
            *received = (size_t)got;
            COUNT(link->bytes_received, (uint64_t)got);
            if (adaptive) {
                int64_t waited = now_ns() - began;
                waited = waited < LONGEST_WAIT ? waited : LONGEST_WAIT;
                link->wait_ns += (waited - link->wait_ns) / WAIT_WEIGHT;
            }
            return DDB_OK;
        }
        if (got == 0)
            return ddb_fail(error, DDB_ERR_CLOSED, -1, 0);
        int status = DDB_OK, possible;
        if (errno == EINTR)
            status = DDB_ERR_SIGNAL;
        else if (errno != EAGAIN && errno != EWOULDBLOCK)
            return fail_system(error);
        else if (spin_end)
            spin_end = now_ns() < spin_end ? spin_end : 0;
        else
            status = wait_for(link->fd, CAN_READ, waits ? -1 : began + timeout, &possible, error);
        if (status == DDB_ERR_SIGNAL)
            link->waiting_since = began;
        if (status != DDB_OK)
            return status;
    }
}

int ddb_link_wait(int fd, int64_t timeout, ddb_error *error)
{
    int possible;
    int status = wait_for(fd, CAN_READ, now_ns() + timeout, &possible, error);
    return status == DDB_ERR_SIGNAL ? DDB_OK : status;
}

void ddb_link_cut(ddb_link *link)
{
    if (link->fd >= 0)
        socket_shutdown(link->fd, 1);
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
        socket_shutdown(link->fd, 0);
    }
    socket_close(link->fd);
    link->fd = -1;
}

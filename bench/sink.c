// SPDX-License-Identifier: Apache-2.0
/* A server that throws away what it is sent: the far end of the benchmarks.
 *
 * One process, one thread, any number of connections on 127.0.0.1. The port stands on the first line of
 * stdout. Asynchronous connections (request flag 4) are read into one large buffer and counted;
 * synchronous ones get an empty reply to every request that carries no objects, which is what clients
 * ask while they connect.
 *
 * Commands on stdin, one a line:   count        -> "count <bytes received on asynchronous connections>"
 *                                  keep <file>  -> "keep", and from now on those bytes go to the file too
 *                                  drop         -> "drop", and no longer
 * End of stdin ends the process. A closed connection is reported as "closed <bytes>".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, HEAD_SIZE = 1 << 16, SINK_SIZE = 1 << 20 };

#define SESSION_ID "1234567890"

typedef enum { SHAKING, ANSWERING, DISCARDING } phase;

typedef struct {
    int fd;
    phase phase;
    unsigned long long received;
    size_t used;
    char *head; /* bytes of requests that are not complete yet */
} connection;

static connection connections[MAX_CONNECTIONS];
static struct pollfd polled[MAX_CONNECTIONS + 2]; /* stdin, listener, connections */
static int connection_count;
static unsigned long long discarded;
static FILE *kept;
static char sink[SINK_SIZE];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void drop_connection(int i)
{
    printf("closed %llu\n", connections[i].received);
    close(connections[i].fd);
    free(connections[i].head);
    connections[i] = connections[--connection_count];
}

static int reply(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Length of the first whole request in head (header line and text body), 0 if more bytes are needed, -1 if it
 * is no request. *flags is the request's flag field. */
static long request_length(const connection *c, long *flags)
{
    const char *end = memchr(c->head, '\n', c->used);
    long body;
    char verb[8];
    char session[64];
    if (end == NULL)
        return c->used < 1024 ? 0 : -1;
    if (sscanf(c->head, "%7s %63s %ld / %ld_", verb, session, &body, flags) != 4 || body < 0 || body > HEAD_SIZE / 2)
        return -1;
    long total = (end - c->head) + 1 + body;
    return (size_t)total <= c->used ? total : 0;
}

static void count(const char *data, size_t size)
{
    discarded += size;
    if (kept != NULL)
        fwrite(data, 1, size, kept);
}

/* Returns -1 when the connection is to be dropped. */
static int answer(connection *c)
{
    static const char handshake_with_login[] = SESSION_ID " 1 1\nOK\n\x01\x00\x01";
    static const char nothing[] = SESSION_ID " 0 1\nOK\n";
    for (;;) {
        if (c->phase == DISCARDING) {
            count(c->head, c->used);
            c->used = 0;
            return 0;
        }
        long flags = 0;
        c->head[c->used] = '\0';
        long length = request_length(c, &flags);
        if (length <= 0)
            return (int)length;
        int login = c->phase == SHAKING && memmem(c->head, (size_t)length, "\nlogin\n", 7) != NULL;
        const char *text = login ? handshake_with_login : nothing;
        size_t size = login ? sizeof handshake_with_login - 1 : sizeof nothing - 1;
        if (reply(c->fd, text, size) != 0)
            return -1;
        if (c->phase == SHAKING)
            c->phase = (flags & 4) ? DISCARDING : ANSWERING;
        c->used -= (size_t)length;
        memmove(c->head, c->head + length, c->used);
    }
}

/* Returns -1 when the connection is to be dropped. */
static int take(connection *c)
{
    if (c->phase == DISCARDING) {
        ssize_t n = recv(c->fd, sink, sizeof sink, 0);
        if (n <= 0)
            return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
        c->received += (unsigned long long)n;
        count(sink, (size_t)n);
        return 0;
    }
    ssize_t n = recv(c->fd, c->head + c->used, HEAD_SIZE - 1 - c->used, 0);
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
    c->received += (unsigned long long)n;
    c->used += (size_t)n;
    return answer(c);
}

static void accept_one(int listener)
{
    int fd = accept(listener, NULL, NULL);
    int on = 1;
    if (fd < 0)
        return;
    char *head = connection_count < MAX_CONNECTIONS ? malloc(HEAD_SIZE) : NULL;
    if (head == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections[connection_count++] = (connection){.fd = fd, .phase = SHAKING, .head = head};
}

static void obey(void)
{
    static char line[4096];
    static size_t used;
    ssize_t n = read(0, line + used, sizeof line - 1 - used);
    if (n <= 0)
        exit(0);
    used += (size_t)n;
    char *end;
    while ((end = memchr(line, '\n', used)) != NULL) {
        *end = '\0';
        if (strcmp(line, "count") == 0) {
            printf("count %llu\n", discarded);
        } else if (strncmp(line, "keep ", 5) == 0) {
            kept = fopen(line + 5, "wb");
            if (kept == NULL)
                fail(line + 5);
            puts("keep");
        } else if (strcmp(line, "drop") == 0) {
            if (kept != NULL)
                fclose(kept);
            kept = NULL;
            puts("drop");
        } else {
            puts("unknown");
        }
        used -= (size_t)(end + 1 - line);
        memmove(line, end + 1, used);
    }
    if (used == sizeof line - 1)
        exit(1);
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("sink");
    printf("%d\n", ntohs(address.sin_port));
    for (;;) {
        polled[0] = (struct pollfd){.fd = 0, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        int watched = connection_count;
        for (int i = 0; i < watched; i++)
            polled[2 + i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
        if (poll(polled, (nfds_t)watched + 2, -1) < 0 && errno != EINTR)
            fail("poll");
        /* backwards, since a dropped connection is replaced by the last one */
        for (int i = watched - 1; i >= 0; i--)
            if (polled[2 + i].revents != 0 && take(&connections[i]) != 0)
                drop_connection(i);
        if (polled[1].revents != 0)
            accept_one(listener);
        if (polled[0].revents != 0)
            obey();
    }
}

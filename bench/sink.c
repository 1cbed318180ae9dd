// SPDX-License-Identifier: Apache-2.0
/* A server that throws away what it is sent: the far end of the benchmarks.
 *
 * One process, one thread, any number of connections on 127.0.0.1. The port stands on the first line of
 * stdout. Asynchronous connections (request flag 4) are read into one fixed buffer and counted. Synchronous
 * ones are answered at once, what one read brought with one write: an empty reply to what carries no objects, which
 * is what clients ask while they connect; INT 100 to a function call with objects; a prepared reply to a script.
 *
 * Commands on stdin, one a line, each answered by a line that starts with its word:
 *   count         "count <bytes> <largest>": bytes received on asynchronous connections, and what the largest
 *                 read since the last count took: how far the receiver lagged
 *   keep <file>   from now on received bytes go to the file too (those of synchronous calls as well)
 *   drop          no longer
 *   sizes <n>...  lengths of the synchronous calls with objects that will come, over and over: objects have no
 *                 length field, and a sink that decoded them would not be prompt
 *   reply <file>  the whole reply to a script, from now on
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

enum { MAX_CONNECTIONS = 64, HEAD_SIZE = 1 << 16, SINK_SIZE = 1 << 20, MAX_SIZES = 1024 };

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
static size_t largest;
static FILE *kept;
static long sizes[MAX_SIZES];
static int size_count, next_size;
static char *prepared; /* the reply to a script, NULL: an empty one */
static size_t prepared_size;
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

/* Whether a body is that of a function call with objects: "function\n<name>\n<count>\n<endian>". */
static int carries_objects(const char *body, size_t size)
{
    const char *name_end;
    if (size < 9 || memcmp(body, "function\n", 9) != 0)
        return 0;
    name_end = memchr(body + 9, '\n', size - 9);
    return name_end != NULL && name_end + 1 < body + size && name_end[1] != '0';
}

/* Length of the request at head (header line, text body, objects), 0 if more bytes are needed, -1 if it is none.
 * *flags is its flag field, *text where its text body starts. */
static long request_length(const char *head, size_t used, long *flags, const char **text, int *objects)
{
    const char *end = memchr(head, '\n', used);
    long body;
    char verb[8];
    char session[64];
    if (end == NULL)
        return used < 1024 ? 0 : -1;
    if (sscanf(head, "%7s %63s %ld / %ld_", verb, session, &body, flags) != 4 || body < 0 || body > HEAD_SIZE / 2)
        return -1;
    long total = (end - head) + 1 + body;
    if ((size_t)total > used)
        return 0;
    *text = end + 1;
    *objects = carries_objects(end + 1, (size_t)body);
    if (*objects) {
        if (size_count == 0 || sizes[next_size] < total || sizes[next_size] >= HEAD_SIZE)
            return -1;
        total = sizes[next_size];
    }
    return (size_t)total <= used ? total : 0;
}

static void count(const char *data, size_t size)
{
    discarded += size;
    if (size > largest)
        largest = size;
    if (kept != NULL)
        fwrite(data, 1, size, kept);
}

/* Returns -1 when the connection is to be dropped. */
static int answer(connection *c)
{
    static const char handshake_with_login[] = SESSION_ID " 1 1\nOK\n\x01\x00\x01";
    static const char nothing[] = SESSION_ID " 0 1\nOK\n";
    static const char hundred[] = SESSION_ID " 1 1\nOK\n\x04\x00\x64\x00\x00\x00";
    char *head = c->head;
    char gathered[4096]; /* replies to pipelined calls leave together */
    size_t waiting = 0;
    long length = 0;
    c->head[c->used] = '\0';
    for (;;) {
        if (c->phase == DISCARDING) {
            count(head, c->used);
            c->used = 0;
            return 0;
        }
        long flags = 0;
        int objects = 0;
        const char *body = NULL;
        length = request_length(head, c->used, &flags, &body, &objects);
        if (length <= 0)
            break;
        int login = c->phase == SHAKING && memmem(head, (size_t)length, "\nlogin\n", 7) != NULL;
        const char *text = login ? handshake_with_login : objects ? hundred : nothing;
        size_t size = (login ? sizeof handshake_with_login : objects ? sizeof hundred : sizeof nothing) - 1;
        if (prepared != NULL && c->phase == ANSWERING && strncmp(body, "script\n", 7) == 0) {
            text = prepared;
            size = prepared_size;
        }
        if (objects) {
            next_size = (next_size + 1) % size_count;
            if (kept != NULL)
                fwrite(head, 1, (size_t)length, kept);
        }
        if (waiting + size > sizeof gathered) {
            if (reply(c->fd, gathered, waiting) != 0)
                return -1;
            waiting = 0;
        }
        if (size <= sizeof gathered) {
            memcpy(gathered + waiting, text, size);
            waiting += size;
        } else if (reply(c->fd, text, size) != 0) {
            return -1;
        }
        if (c->phase == SHAKING)
            c->phase = (flags & 4) ? DISCARDING : ANSWERING;
        head += length;
        c->used -= (size_t)length;
        if (c->phase == DISCARDING && reply(c->fd, gathered, waiting) != 0)
            return -1;
    }
    if (reply(c->fd, gathered, waiting) != 0)
        return -1;
    memmove(c->head, head, c->used);
    return (int)length;
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

static void prepare_reply(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        fail(path);
    free(prepared);
    prepared_size = (size_t)size;
    prepared = malloc(prepared_size + 1);
    if (prepared == NULL || fread(prepared, 1, prepared_size, file) != prepared_size)
        fail(path);
    fclose(file);
}

static void read_sizes(char *text)
{
    size_count = next_size = 0;
    while (size_count < MAX_SIZES) {
        char *end;
        long size = strtol(text, &end, 10);
        if (end == text)
            break;
        sizes[size_count++] = size;
        text = end;
    }
}

static void obey(void)
{
    static char line[1 << 14];
    static size_t used;
    ssize_t n = read(0, line + used, sizeof line - 1 - used);
    if (n <= 0)
        exit(0);
    used += (size_t)n;
    char *end;
    while ((end = memchr(line, '\n', used)) != NULL) {
        *end = '\0';
        if (strcmp(line, "count") == 0) {
            printf("count %llu %zu\n", discarded, largest);
            largest = 0;
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
        } else if (strncmp(line, "sizes ", 6) == 0) {
            read_sizes(line + 6);
            puts("sizes");
        } else if (strncmp(line, "reply ", 6) == 0) {
            prepare_reply(line + 6);
            puts("reply");
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
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
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

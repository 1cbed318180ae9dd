/* SPDX-License-Identifier: Apache-2.0
 * csrc/ddb_link.c against a socket of this process, on any system: exit code 0 if all is well, else the line that fails.
 * test_link.py compiles and runs it. */
#include "ddb_link.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#define closesocket close
#endif

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s\n", __LINE__, #condition);                                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { LARGE = 24 << 20, SMALL_PIECES = 1000 };

static char *large, *expected, *found;
static size_t expected_size;

/* A request of one small piece, one large one, and many small ones. */
typedef struct {
    ddb_producer base;
    int pulls;
    int small_only;
} request;

static int next_pieces(ddb_producer *base, ddb_piece *pieces, int max, ddb_error *error)
{
    request *self = (request *)base;
    int first = self->pulls == 0 && !self->small_only;
    (void)error;
    if (self->pulls >= SMALL_PIECES / 50)
        return 0;
    CHECK(max >= 52);
    int count = 0;
    if (first) {
        pieces[count++] = (ddb_piece){"head", 4};
        pieces[count++] = (ddb_piece){large, LARGE};
    }
    for (int i = 0; i < 50; i++)
        pieces[count++] = (ddb_piece){large + 1 + self->pulls * 50 + i, 3};
    self->pulls++;
    return count;
}

static void expect(int small_only)
{
    expected_size = 0;
    if (!small_only) {
        memcpy(expected, "head", 4);
        memcpy(expected + 4, large, LARGE);
        expected_size = 4 + LARGE;
    }
    for (int i = 0; i < SMALL_PIECES; i++, expected_size += 3)
        memcpy(expected + expected_size, large + 1 + i, 3);
}

static int64_t milliseconds(void)
{
#ifdef _WIN32
    return (int64_t)GetTickCount64();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
#endif
}

/* Both ends of a connection over loopback. */
static void connect_ends(int *client, int *server)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = (int)socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *client = (int)socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(*client, (struct sockaddr *)&address, sizeof address) == 0);
    *server = (int)accept(listener, NULL, NULL);
    CHECK(*server >= 0);
    closesocket(listener);
}

/* What the other end has received meanwhile; waits for a moment at most. */
static size_t read_some(int server, size_t at)
{
#ifdef _WIN32
    DWORD wait = 20;
#else
    struct timeval wait = {0, 20000};
#endif
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, (const char *)&wait, sizeof wait);
    int got = (int)recv(server, found + at, 1 << 20, 0);
    return got > 0 ? (size_t)got : 0;
}

/* Call again after signals, as the session does. */
static int send_rest(ddb_link *link, int64_t timeout, ddb_error *error)
{
    int status;
    while ((status = ddb_link_send_rest(link, timeout, error)) == DDB_ERR_SIGNAL)
        ;
    return status;
}

static void sends(int small_only)
{
    ddb_link link;
    ddb_error error;
    request request = {{next_pieces}, 0, small_only};
    int client, server;
    size_t got = 0, more;

    connect_ends(&client, &server);
    CHECK(ddb_link_init(&link, client, DDB_LINK_DROP, &error) == DDB_OK);
    int status = ddb_link_send(&link, &request.base, &error);
    expect(small_only);
    /* nobody reads: as much as fits, then a time-out without progress */
    int64_t start = milliseconds();
    if (status != DDB_OK)
        status = send_rest(&link, 350000000, &error);
    if (!small_only) {
        CHECK(status == DDB_ERR_TIMEOUT);
        CHECK(milliseconds() - start >= 340 && milliseconds() - start < 5000);
        CHECK(link.blocked_ns >= 340000000);
        CHECK(link.accepted < expected_size);
    }
    while (got < expected_size) {
        more = read_some(server, got);
        got += more;
        if (status != DDB_OK && (status = send_rest(&link, 1000000, &error)) != DDB_OK)
            CHECK(status == DDB_ERR_TIMEOUT);
    }
    CHECK(status == DDB_OK && got == expected_size && link.bytes_sent == expected_size);
    CHECK(memcmp(found, expected, expected_size) == 0);
    ddb_link_close(&link, 1);
    CHECK(read_some(server, 0) == 0);
    closesocket(server);
}

static int receive(ddb_link *link, char *target, size_t size, int64_t timeout, size_t *received, ddb_error *error)
{
    int status;
    while ((status = ddb_link_receive(link, target, size, timeout, received, error)) == DDB_ERR_SIGNAL)
        ;
    return status;
}

static void receives(void)
{
    ddb_link link;
    ddb_error error;
    char target[16];
    int client, server;
    size_t received = 0;

    connect_ends(&client, &server);
    CHECK(ddb_link_init(&link, client, DDB_LINK_LEAVE, &error) == DDB_OK);
    int64_t start = milliseconds();
    CHECK(receive(&link, target, sizeof target, 250000000, &received, &error) == DDB_ERR_TIMEOUT);
    CHECK(milliseconds() - start >= 240 && milliseconds() - start < 5000);
    CHECK(ddb_link_wait(client, 1000000, &error) == DDB_OK);
    CHECK(send(server, "reply", 5, 0) == 5);
    CHECK(receive(&link, target, 2, 1000000000, &received, &error) == DDB_OK && received <= 2 && target[0] == 'r');
    CHECK(receive(&link, target, sizeof target, -1, &received, &error) == DDB_OK && received > 0);
    CHECK(ddb_link_look(&link, &error) == DDB_OK);
    closesocket(server);
    CHECK(receive(&link, target, sizeof target, -1, &received, &error) == DDB_ERR_CLOSED);
    link.look_due = 0;
    CHECK(ddb_link_look(&link, &error) == DDB_ERR_CLOSED);
    ddb_link_cut(&link);
    ddb_link_close(&link, 0);
    ddb_link_close(&link, 1);
}

static void drains(void)
{
    ddb_link link;
    ddb_error error;
    int client, server;

    connect_ends(&client, &server);
    CHECK(ddb_link_init(&link, client, DDB_LINK_DROP, &error) == DDB_OK);
    CHECK(send(server, "words", 5, 0) == 5);
    for (int64_t end = milliseconds() + 5000; link.inbox_size < 5 && milliseconds() < end; link.look_due = 0)
        CHECK(ddb_link_look(&link, &error) == DDB_OK);
    CHECK(link.inbox_size == 5 && memcmp(link.inbox, "words", 5) == 0 && link.bytes_drained == 5);
    closesocket(server);
    int status = DDB_OK;
    for (int64_t end = milliseconds() + 5000; status == DDB_OK && milliseconds() < end; link.look_due = 0)
        status = ddb_link_look(&link, &error);
    CHECK(status == DDB_ERR_CLOSED);
    ddb_link_close(&link, 1);
}

int main(void)
{
#ifdef _WIN32
    WSADATA ignored;
    CHECK(WSAStartup(MAKEWORD(2, 2), &ignored) == 0);
#endif
    large = malloc(LARGE + 64);
    expected = malloc(LARGE + (1 << 21));
    found = malloc(LARGE + (1 << 21));
    CHECK(large && expected && found);
    for (int i = 0; i < LARGE + 64; i++)
        large[i] = (char)(i * 2654435761u >> 24);
    sends(1);
    sends(0);
    receives();
    drains();
    puts("well");
    return 0;
}

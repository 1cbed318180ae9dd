from libc.stdint cimport int64_t, uint8_t, uint64_t

from .common cimport ddb_piece, ddb_producer
from .status cimport ddb_error

cdef extern from "ddb_link.h" nogil:
    cdef enum:
        DDB_LINK_PIECES
        DDB_LINK_INBOX

    cdef enum:
        DDB_SPIN_ADAPTIVE
        DDB_SPIN_LIMIT

    cdef enum ddb_link_drain:
        DDB_LINK_LEAVE
        DDB_LINK_DROP
        DDB_LINK_KEEP
    ctypedef struct ddb_cipher:
        int (*seal)(ddb_cipher *self, const void *data, size_t size)
        int (*open)(ddb_cipher *self, const void *data, size_t size)
        const char *sealed
        size_t sealed_size
        const char *opened
        size_t opened_size
        int ended

    cdef enum:
        DDB_SEAL_SIZE

    ctypedef struct ddb_link:
        int fd
        int drain
        int64_t spin_ns
        int64_t wait_ns
        int64_t look_due
        ddb_producer *producer
        ddb_piece pieces[64]
        int piece
        int piece_count
        uint64_t accepted
        uint64_t bytes_sent
        uint64_t bytes_received
        uint64_t bytes_drained
        int64_t blocked_ns
        int64_t waiting_since
        ddb_cipher *cipher
        uint8_t inbox[4096]
        size_t inbox_size

    int ddb_link_init(ddb_link *link, int fd, int drain, ddb_error *error)
    int ddb_link_look(ddb_link *link, ddb_error *error)
    int ddb_link_send(ddb_link *link, ddb_producer *producer, ddb_error *error)
    int ddb_link_send_rest(ddb_link *link, int64_t timeout, ddb_error *error)
    int ddb_link_receive(ddb_link *link, void *target, size_t size, int64_t timeout, size_t *received, ddb_error *error)
    int ddb_link_wait(int fd, int64_t timeout, ddb_error *error)
    void ddb_link_cut(ddb_link *link)
    void ddb_link_close(ddb_link *link, int orderly)

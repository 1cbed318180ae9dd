from libc.stdint cimport uint8_t

cdef extern from "ddb_arena.h" nogil:
    ctypedef struct ddb_arena:
        uint8_t *data
        size_t size
        size_t capacity

    void ddb_arena_init(ddb_arena *arena)
    void ddb_arena_reset(ddb_arena *arena)
    int ddb_arena_grow(ddb_arena *arena, size_t extra)
    uint8_t *ddb_arena_reserve(ddb_arena *arena, size_t extra)
    void ddb_arena_trim(ddb_arena *arena, size_t cap)
    void ddb_arena_release(ddb_arena *arena)

/* SPDX-License-Identifier: Apache-2.0
 * Scratch memory that grows and is reused over calls. Owned by one encoder; not shared between threads. */
#ifndef DDB_ARENA_H
#define DDB_ARENA_H

#include "ddb_common.h"

typedef struct ddb_arena {
    uint8_t *data;
    size_t size;
    size_t capacity;
} ddb_arena;

DDB_INLINE void ddb_arena_init(ddb_arena *arena)
{
    memset(arena, 0, sizeof *arena);
}

DDB_INLINE void ddb_arena_reset(ddb_arena *arena)
{
    arena->size = 0;
}

/* Make room for `extra` bytes behind `size`. Returns 0 or DDB_ERR_MEMORY. Slow path of ddb_arena_reserve. */
int ddb_arena_grow(ddb_arena *arena, size_t extra);

/* Where the next `extra` bytes may be written, or NULL. Does not change `size`. */
DDB_INLINE uint8_t *ddb_arena_reserve(ddb_arena *arena, size_t extra)
{
    if (DDB_UNLIKELY(arena->capacity - arena->size < extra) && ddb_arena_grow(arena, extra) != 0)
        return NULL;
    return arena->data + arena->size;
}

/* Give memory above `cap` bytes back if less than half of it was used. Call it when the contents are no longer
 * needed. */
void ddb_arena_trim(ddb_arena *arena, size_t cap);

/* Free everything; may be called again. */
void ddb_arena_release(ddb_arena *arena);

#endif

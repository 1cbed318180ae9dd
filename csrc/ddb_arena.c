/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_arena.h"
#include "ddb_status.h"

#include <stdlib.h>

DDB_NOINLINE int ddb_arena_grow(ddb_arena *arena, size_t extra)
{
    size_t needed, capacity;
    uint8_t *data;

    if (extra > PTRDIFF_MAX - arena->size)
        return DDB_ERR_MEMORY;
    needed = arena->size + extra;
    /* Half as much again: a frame of growing size settles after a few calls. */
    capacity = arena->capacity + arena->capacity / 2;
    if (capacity < needed)
        capacity = needed;
    if (capacity < 4096)
        capacity = 4096;
    data = realloc(arena->data, capacity);
    if (!data)
        return DDB_ERR_MEMORY;
    arena->data = data;
    arena->capacity = capacity;
    return DDB_OK;
}

void ddb_arena_trim(ddb_arena *arena, size_t cap)
{
    if (arena->capacity > cap && arena->size < arena->capacity / 2)
        ddb_arena_release(arena);
}

void ddb_arena_release(ddb_arena *arena)
{
    free(arena->data);
    ddb_arena_init(arena);
}

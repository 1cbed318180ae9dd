/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_symbols.h"

#include "ddb_wire.h"

typedef struct entry {
    uint32_t hash;
    int32_t number; /* 0: free */
    uint64_t start; /* of the text that was kept */
} entry;

/* Entries at first: most symbol columns have few texts. The table is kept at most half full. */
enum { FIRST_ENTRIES = 64 };

/* Up to 8 bytes of a text, those behind its NUL zero; sets the bytes before the NUL, 8 if there is none. */
DDB_INLINE uint64_t word_of(const uint8_t *text, const uint8_t *end, int *length)
{
    uint64_t word = 0;
    if (DDB_LIKELY(end - text >= 8))
        memcpy(&word, text, 8);
    else
        memcpy(&word, text, (size_t)(end - text));
    /* bit 7 of the lowest byte that is zero, and maybe of higher ones */
    uint64_t zeros = (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
    if (!zeros) {
        *length = 8;
        return word;
    }
    uint64_t below = (zeros & -zeros) - 1; /* all bits below that one */
    /* the multiplication adds up one bit of each byte below */
    *length = (int)(((below >> 7 & 0x0101010101010101u) * 0x0101010101010101u) >> 56);
    return word & (below >> 7);
}

/* Hash of a text and its length. */
DDB_INLINE uint32_t hash_of(const uint8_t *text, const uint8_t *end, size_t *length)
{
    uint64_t hash = 0x9e3779b97f4a7c15u;
    const uint8_t *place = text;
    int part;
    do {
        hash = (hash ^ word_of(place, end, &part)) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        place += part;
    } while (part == 8 && place < end);
    *length = (size_t)(place - text);
    return (uint32_t)hash;
}

DDB_INLINE entry *table_at(const ddb_arena *scratch, size_t offset)
{
    return (entry *)(void *)(scratch->data + offset);
}

/* A table of `entries` behind what is in `scratch`; returns its offset, 0 without memory. */
static size_t new_table(ddb_arena *scratch, size_t entries)
{
    size_t offset = (scratch->size + 15) & ~(size_t)15;
    size_t bytes = offset - scratch->size + entries * sizeof(entry);
    if (!ddb_arena_reserve(scratch, bytes))
        return 0;
    scratch->size += bytes;
    memset(scratch->data + offset, 0, entries * sizeof(entry));
    return offset;
}

static size_t grown_table(ddb_arena *scratch, size_t offset, size_t entries)
{
    size_t larger = new_table(scratch, entries * 2);
    if (!larger)
        return 0;
    const entry *old = table_at(scratch, offset);
    entry *table = table_at(scratch, larger);
    for (size_t i = 0; i < entries; i++) {
        size_t at = old[i].hash & (entries * 2 - 1);
        if (!old[i].number)
            continue;
        while (table[at].number)
            at = (at + 1) & (entries * 2 - 1);
        table[at] = old[i];
    }
    return larger;
}

int ddb_symbols_number(uint8_t *texts, size_t size, int64_t rows, ddb_arena *scratch, size_t *kept, int64_t *used_count,
                       ddb_error *error)
{
    const uint8_t *text = texts, *end = texts + size;
    uint8_t *out = texts;
    size_t entries = FIRST_ENTRIES, offset;
    int64_t used = 0;

    ddb_arena_reset(scratch);
    /* at least one byte, so that no table stands at offset 0 */
    if (!ddb_arena_reserve(scratch, (size_t)rows * sizeof(int32_t) + 1))
        return ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
    scratch->size = (size_t)rows * sizeof(int32_t) + 1;
    if (!(offset = new_table(scratch, entries)))
        return ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
    int32_t *numbers = (int32_t *)(void *)scratch->data;
    entry *table = table_at(scratch, offset);
    for (int64_t row = 0; row < rows && text < end; row++) {
        size_t length;
        uint32_t hash = hash_of(text, end, &length);
        if (length == 0) {
            numbers[row] = 0;
            text++;
            continue;
        }
        size_t at = hash & (entries - 1);
        while (table[at].number &&
               (table[at].hash != hash || memcmp(texts + table[at].start, text, length + 1) != 0))
            at = (at + 1) & (entries - 1);
        if (!table[at].number) {
            /* the empty text is one too */
            if (DDB_UNLIKELY(used + 1 >= DDB_LIMIT_SYMBOLS))
                return ddb_fail(error, DDB_ERR_SYMBOLS, row, used + 1);
            table[at].hash = hash;
            table[at].number = (int32_t)++used;
            table[at].start = (uint64_t)(out - texts);
            memmove(out, text, length + 1);
            out += length + 1;
            numbers[row] = table[at].number;
            if ((size_t)used * 2 >= entries) {
                if (!(offset = grown_table(scratch, offset, entries)))
                    return ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
                entries *= 2;
                numbers = (int32_t *)(void *)scratch->data;
                table = table_at(scratch, offset);
            }
        } else {
            numbers[row] = table[at].number;
        }
        text += length + 1;
    }
    *kept = (size_t)(out - texts);
    *used_count = used;
    return DDB_OK;
}

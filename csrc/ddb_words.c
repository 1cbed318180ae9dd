/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_words.h"

typedef struct word {
    const uint8_t *text;
    int64_t size;
    uint64_t hash;
} word;

void ddb_words_init(ddb_words *words)
{
    memset(words, 0, sizeof *words);
}

void ddb_words_release(ddb_words *words)
{
    ddb_arena_release(&words->list);
    ddb_arena_release(&words->table);
}

static uint64_t hash_of(const uint8_t *text, int64_t size)
{
    uint64_t hash = (uint64_t)size * UINT64_C(0x9e3779b97f4a7c15), part = 0;
    for (; size >= 8; size -= 8, text += 8) {
        memcpy(&part, text, 8);
        hash = (hash ^ part) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 32;
    }
    part = 0;
    memcpy(&part, text, (size_t)size);
    hash = (hash ^ part) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 32);
}

DDB_INLINE const word *word_at(const ddb_words *words, int64_t number)
{
    return (const word *)(const void *)words->list.data + (number - 1);
}

/* Twice as many places, at least 64; the words find theirs again by their hashes. */
static int grow(ddb_words *words)
{
    size_t places = words->table.size ? words->table.size / sizeof(int32_t) * 2 : 64;
    words->table.size = 0;
    int32_t *table = (int32_t *)(void *)ddb_arena_reserve(&words->table, places * sizeof(int32_t));
    if (!table)
        return DDB_ERR_MEMORY;
    words->table.size = places * sizeof(int32_t);
    memset(table, 0, words->table.size);
    for (int64_t number = 1; number <= words->count; number++) {
        size_t place = (size_t)word_at(words, number)->hash & (places - 1);
        while (table[place])
            place = (place + 1) & (places - 1);
        table[place] = (int32_t)number;
    }
    return DDB_OK;
}

/* The number of a text that is not empty; a negative status. */
static int64_t find(ddb_words *words, const uint8_t *text, int64_t size)
{
    uint64_t hash = hash_of(text, size);
    if ((size_t)words->count * 2 * sizeof(int32_t) >= words->table.size && grow(words) != DDB_OK)
        return DDB_ERR_MEMORY;
    int32_t *table = (int32_t *)(void *)words->table.data;
    size_t mask = words->table.size / sizeof(int32_t) - 1, place = (size_t)hash & mask;
    for (; table[place]; place = (place + 1) & mask) {
        const word *known = word_at(words, table[place]);
        if (known->hash == hash && known->size == size && memcmp(known->text, text, (size_t)size) == 0)
            return table[place];
    }
    if (words->count + 1 >= DDB_LIMIT_SYMBOLS)
        return DDB_ERR_SYMBOLS;
    word *added = (word *)(void *)ddb_arena_reserve(&words->list, sizeof(word));
    if (!added)
        return DDB_ERR_MEMORY;
    words->list.size += sizeof(word);
    *added = (word){text, size, hash};
    words->bytes += size + 1;
    table[place] = (int32_t)++words->count;
    return words->count;
}

int ddb_words_number(ddb_words *words, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                     int32_t *numbers, ddb_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t row = rows ? rows[i] : i;
        const uint8_t *cell;
        int64_t size = ddb_arrow_text_cell(text, row, &cell, error);
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        int64_t number = size ? find(words, cell, size) : 0;
        if (DDB_UNLIKELY(number < 0))
            return ddb_fail(error, (int)number, text->first_row + row, words->count);
        numbers[i] = (int32_t)number;
    }
    return DDB_OK;
}

int64_t ddb_words_write(const ddb_words *words, uint8_t *target)
{
    for (int64_t number = 1; number <= words->count; number++) {
        const word *source = word_at(words, number);
        memcpy(target, source->text, (size_t)source->size);
        if (memchr(target, 0, (size_t)source->size))
            return number;
        target += source->size;
        *target++ = 0;
    }
    return 0;
}

int64_t ddb_words_text(const ddb_words *words, int64_t number, const uint8_t **text)
{
    *text = word_at(words, number)->text;
    return word_at(words, number)->size;
}

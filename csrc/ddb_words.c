/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_words.h"

#include "ddb_wire.h"

typedef struct word {
    const uint8_t *text;
    uint32_t size;
    uint32_t hash;
} word;

/* Bits of a place at first: most symbol columns have few texts. */
enum { FIRST_BITS = 6 };

void ddb_words_init(ddb_words *words)
{
    memset(words, 0, sizeof *words);
}

void ddb_words_release(ddb_words *words)
{
    ddb_arena_release(&words->list);
    ddb_arena_release(&words->table);
}

void ddb_words_trim(ddb_words *words, size_t cap)
{
    ddb_arena_trim(&words->list, cap);
    ddb_arena_trim(&words->table, cap);
}

DDB_INLINE const word *word_at(const ddb_words *words, int64_t number)
{
    return (const word *)(const void *)words->list.data + (number - 1);
}

/* Hash of a text of any size: its 8-byte words, the last of 0 to 7 bytes filled up with zeros. */
DDB_INLINE uint64_t mixed(uint64_t hash, uint64_t part)
{
    hash = (hash ^ part) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

/* The upper bits, which all bits of the text have reached: texts that differ in a digit or two get places far apart. */
DDB_INLINE uint32_t finished(uint64_t hash)
{
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

DDB_INLINE uint64_t eight_bytes(const uint8_t *text)
{
    uint64_t part;
    memcpy(&part, text, 8);
    return part;
}

/* A text of 1 to 7 bytes, zeros behind it, without a loop or a call. */
DDB_INLINE uint64_t short_text(const uint8_t *text, size_t size)
{
    uint32_t first, last;
    if (size < 4)
        return (uint64_t)text[0] | (uint64_t)text[size / 2] << size / 2 * 8 |
               (uint64_t)text[size - 1] << (size - 1) * 8;
    memcpy(&first, text, 4);
    memcpy(&last, text + size - 4, 4);
    return first | (uint64_t)last << (size - 4) * 8;
}

DDB_INLINE int is_same(const uint8_t *one, const uint8_t *other, size_t size)
{
    if (size < 8)
        return short_text(one, size) == short_text(other, size);
    for (size_t i = 0; i + 8 < size; i += 8)
        if (eight_bytes(one + i) != eight_bytes(other + i))
            return 0;
    return eight_bytes(one + size - 8) == eight_bytes(other + size - 8);
}

DDB_INLINE uint32_t hash_of(const uint8_t *text, size_t size)
{
    uint64_t hash = 0;
    if (size < 8)
        return finished(mixed(hash, short_text(text, size)));
    for (; size >= 8; size -= 8, text += 8)
        hash = mixed(hash, eight_bytes(text));
    return finished(mixed(hash, size ? eight_bytes(text + size - 8) >> (64 - size * 8) : 0));
}

/* Up to 8 bytes of a text, those behind its NUL zero; sets the bytes before the NUL, 8 if there is none. */
DDB_INLINE uint64_t part_of(const uint8_t *text, const uint8_t *end, int *size)
{
    uint64_t part = 0;
    if (DDB_LIKELY(end - text >= 8))
        memcpy(&part, text, 8);
    else
        memcpy(&part, text, (size_t)(end - text));
    /* bit 7 of the lowest byte that is zero, and maybe of higher ones */
    uint64_t zeros = (part - 0x0101010101010101u) & ~part & 0x8080808080808080u;
    if (!zeros) {
        *size = 8;
        return part;
    }
    uint64_t below = (zeros & -zeros) - 1; /* all bits below that one */
    /* the multiplication adds up one bit of each byte below */
    *size = (int)(((below >> 7 & 0x0101010101010101u) * 0x0101010101010101u) >> 56);
    return part & (below >> 7);
}

/* The same hash of a text that ends at a NUL or at `end`; sets its size. */
DDB_INLINE uint32_t hash_of_terminated(const uint8_t *text, const uint8_t *end, size_t *size)
{
    uint64_t hash = 0;
    const uint8_t *place = text;
    int part;
    do {
        hash = mixed(hash, part_of(place, end, &part));
        place += part;
    } while (part == 8);
    *size = (size_t)(place - text);
    return finished(hash);
}

/* A table of 2 ** bits places, in which the words find theirs again by their hashes. */
static int new_table(ddb_words *words, int bits)
{
    size_t size = sizeof(int32_t) << bits, mask = ((size_t)1 << bits) - 1;
    ddb_arena_reset(&words->table);
    int32_t *table = (int32_t *)(void *)ddb_arena_reserve(&words->table, size);
    if (!table)
        return DDB_ERR_MEMORY;
    words->table.size = size;
    words->shift = 32 - bits;
    memset(table, 0, size);
    for (int64_t number = 1; number <= words->count; number++) {
        size_t place = word_at(words, number)->hash >> words->shift;
        while (table[place])
            place = (place + 1) & mask;
        table[place] = (int32_t)number;
    }
    return DDB_OK;
}

int ddb_words_begin(ddb_words *words, ddb_error *error)
{
    ddb_arena_reset(&words->list);
    words->count = 0;
    words->bytes = 0;
    return new_table(words, FIRST_BITS) == DDB_OK ? DDB_OK : ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
}

/* A new word; its number or a negative status. */
static DDB_NOINLINE int32_t add(ddb_words *words, const uint8_t *text, size_t size, uint32_t hash, int32_t *place)
{
    if (DDB_UNLIKELY(size > DDB_LIMIT_TEXT))
        return DDB_ERR_LENGTH;
    /* the empty text is one too */
    if (DDB_UNLIKELY(words->count + 1 >= DDB_LIMIT_SYMBOLS))
        return DDB_ERR_SYMBOLS;
    word *added = (word *)(void *)ddb_arena_reserve(&words->list, sizeof(word));
    if (!added)
        return DDB_ERR_MEMORY;
    words->list.size += sizeof(word);
    *added = (word){text, (uint32_t)size, hash};
    words->bytes += size + 1;
    *place = (int32_t)++words->count;
    if ((size_t)words->count * 2 * sizeof(int32_t) >= words->table.size &&
        new_table(words, 33 - words->shift) != DDB_OK)
        return DDB_ERR_MEMORY;
    return (int32_t)words->count;
}

/* The number of a text that is not empty; a negative status. */
DDB_INLINE int32_t find(ddb_words *words, const uint8_t *text, size_t size, uint32_t hash)
{
    int32_t *table = (int32_t *)(void *)words->table.data;
    size_t place = hash >> words->shift, mask = UINT32_MAX >> words->shift;
    for (; table[place]; place = (place + 1) & mask) {
        const word *known = word_at(words, table[place]);
        if (known->hash == hash && known->size == size && is_same(known->text, text, size))
            return table[place];
    }
    return add(words, text, size, hash, &table[place]);
}

int ddb_words_number_terminated(ddb_words *words, const uint8_t *texts, size_t size, int64_t rows, int32_t *numbers,
                                ddb_error *error)
{
    const uint8_t *text = texts, *end = texts + size;
    int64_t row = 0;
    for (; row < rows && text < end; row++) {
        size_t length;
        uint32_t hash = hash_of_terminated(text, end, &length);
        int32_t number = length ? find(words, text, length, hash) : 0;
        if (DDB_UNLIKELY(number < 0))
            return ddb_fail(error, number, row, words->count + 1);
        numbers[row] = number;
        text += length + 1;
    }
    memset(numbers + row, 0, (size_t)(rows - row) * sizeof(int32_t));
    return DDB_OK;
}

int ddb_words_number_arrow(ddb_words *words, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                           int32_t *numbers, ddb_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t row = rows ? rows[i] : i;
        const uint8_t *cell;
        int64_t size = ddb_arrow_text_cell(text, row, &cell, error);
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        int32_t number = size ? find(words, cell, (size_t)size, hash_of(cell, (size_t)size)) : 0;
        if (DDB_UNLIKELY(number < 0))
            return ddb_fail(error, number, text->first_row + row, words->count + 1);
        numbers[i] = number;
    }
    return DDB_OK;
}

void ddb_words_write(const ddb_words *words, uint8_t *target)
{
    for (int64_t number = 1; number <= words->count; number++) {
        const word *source = word_at(words, number);
        memmove(target, source->text, source->size);
        target += source->size;
        *target++ = 0;
    }
}

size_t ddb_words_text(const ddb_words *words, int64_t number, const uint8_t **text)
{
    *text = word_at(words, number)->text;
    return word_at(words, number)->size;
}

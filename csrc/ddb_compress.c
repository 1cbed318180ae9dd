/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_compress.h"

int ddb_compressed_head(const uint8_t *data, ddb_compressed *head)
{
    int16_t scale;

    head->method = data[3];
    head->type = data[4];
    head->unit = data[5];
    memcpy(&scale, data + 6, 2);
    head->scale = scale;
    memcpy(&head->count, data + 12, 4);
    if (data[1] != 1 || (head->method != DDB_COMPRESSION_LZ4 && head->method != DDB_COMPRESSION_DELTA) ||
        head->count < 0)
        return DDB_ERR_MALFORMED;
    return DDB_OK;
}

int ddb_compressed_block(const uint8_t *data, size_t size, size_t *position, size_t *start, size_t *length)
{
    uint32_t bytes;

    if (size < *position || size - *position < 4)
        return DDB_ERR_MORE;
    memcpy(&bytes, data + *position, 4);
    bytes &= UINT32_C(0x7fffffff); /* the top bit carries no length */
    if (size - *position - 4 < bytes)
        return DDB_ERR_MORE;
    *start = *position + 4;
    *length = bytes;
    *position = *start + bytes;
    return DDB_OK;
}

/* Bits of little-endian 64-bit words, the most significant bit of each word first. */
typedef struct ddb_bits {
    const uint8_t *data;
    uint64_t size; /* in bits */
    uint64_t position;
} ddb_bits;

/* The next `count` bits (1 to 64) without taking them; beyond the end they are zeros. */
static uint64_t ddb_bits_peek(const ddb_bits *bits, int count)
{
    uint64_t place = bits->position / 64 * 8, word = 0, next = 0;
    int skip = (int)(bits->position % 64);

    if (place < bits->size / 8)
        memcpy(&word, bits->data + place, 8);
    if (skip + count > 64 && place + 8 < bits->size / 8)
        memcpy(&next, bits->data + place + 8, 8);
    word <<= skip;
    if (skip)
        word |= next >> (64 - skip);
    return word >> (64 - count);
}

static int ddb_bits_take(ddb_bits *bits, int count, uint64_t *value)
{
    if (bits->size - bits->position < (uint64_t)count)
        return DDB_ERR_MORE;
    *value = ddb_bits_peek(bits, count);
    bits->position += (uint64_t)count;
    return DDB_OK;
}

/* 111110, 64 ones, 0: a step that no value needs */
static int ddb_bits_at_end_mark(const ddb_bits *bits)
{
    ddb_bits rest = *bits;
    uint64_t value;

    if (ddb_bits_take(&rest, 6, &value) != DDB_OK || value != 0x3e)
        return 0;
    return ddb_bits_take(&rest, 64, &value) == DDB_OK && value == UINT64_MAX;
}

static uint64_t ddb_unzigzag(uint64_t value)
{
    return (value >> 1) ^ (0 - (value & 1));
}

static void ddb_delta_store(void *target, int unit, int64_t index, uint64_t value)
{
    /* little-endian: the low bytes come first */
    memcpy((uint8_t *)target + index * unit, &value, (size_t)unit);
}

/* How far the change between two values changed, by its prefix; *found: 0 NULL, 1 a step, 2 the end mark. */
static int ddb_delta_step(ddb_bits *bits, uint64_t *step, int *found)
{
    static const uint8_t widths[6] = {0, 7, 9, 16, 32, 64};
    uint64_t bit = 1;
    int ones = 0;

    while (ones < 6) {
        if (ddb_bits_take(bits, 1, &bit) != DDB_OK)
            return DDB_ERR_MORE;
        if (!bit)
            break;
        ones++;
    }
    *step = 0;
    *found = ones < 6;
    if (ones == 0 || ones == 6)
        return DDB_OK;
    if (ddb_bits_take(bits, widths[ones], step) != DDB_OK)
        return DDB_ERR_MORE;
    if (ones == 5 && *step == UINT64_MAX)
        *found = 2;
    *step = ddb_unzigzag(*step + 1);
    return DDB_OK;
}

int ddb_delta_decode(const uint8_t *data, size_t size, int unit, void *target, int64_t capacity, int64_t *count)
{
    ddb_bits bits = {data, (uint64_t)size / 8 * 64, 0};
    const uint64_t null = UINT64_C(1) << (8 * unit - 1);
    uint64_t value = 0, delta = 0, read;
    int64_t done = 0;
    int whole = 0; /* values written in full: the first, and the difference of the second */

    *count = 0;
    while (done < capacity && whole < 2) {
        if (ddb_bits_at_end_mark(&bits)) {
            *count = done;
            return DDB_OK;
        }
        if (ddb_bits_take(&bits, 1, &read) != DDB_OK)
            return DDB_ERR_MORE;
        if (!read) {
            ddb_delta_store(target, unit, done++, null);
            continue;
        }
        if (ddb_bits_take(&bits, 8 * unit, &read) != DDB_OK)
            return DDB_ERR_MORE;
        delta = ddb_unzigzag(read);
        value += delta;
        ddb_delta_store(target, unit, done++, value);
        whole++;
    }
    while (done < capacity) {
        int found;
        if (ddb_delta_step(&bits, &read, &found) != DDB_OK)
            return DDB_ERR_MORE;
        if (found == 2)
            break;
        if (found == 1) {
            delta += read;
            value += delta;
        }
        ddb_delta_store(target, unit, done++, found == 1 ? value : null);
    }
    *count = done;
    return DDB_OK;
}

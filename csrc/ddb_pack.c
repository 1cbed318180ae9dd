/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_pack.h"

void ddb_pack_head(const ddb_compressed *head, size_t bytes, uint8_t *target)
{
    const int32_t size = (int32_t)(DDB_COMPRESSED_HEAD + bytes), columns = 1, scale = head->scale, no_checksum = -1;
    const int16_t short_scale = (int16_t)head->scale;
    const uint8_t coding[6] = {0, 1, 0xff, (uint8_t)head->method, (uint8_t)head->type, (uint8_t)head->unit};

    target[0] = DDB_TYPE_COMPRESS;
    target[1] = DDB_FORM_VECTOR;
    memcpy(target + 2, &size, 4);
    memcpy(target + 6, &columns, 4);
    memcpy(target + 10, coding, 6);
    memcpy(target + 16, &short_scale, 2);
    memcpy(target + 18, &scale, 4);
    memcpy(target + 22, &head->count, 4);
    memcpy(target + 26, &no_checksum, 4);
}

static size_t cut_text(const uint8_t *data, size_t size)
{
    if (size <= DDB_BLOCK_BYTES)
        return size;
    size = DDB_BLOCK_BYTES;
    while (size && data[size - 1])
        size--;
    return size;
}

/* Bytes before the cells of a block of an array vector; `cells`: how many these are. */
static size_t read_block(const uint8_t *data, uint64_t *cells)
{
    uint16_t rows;
    size_t width = data[2];

    memcpy(&rows, data, sizeof rows);
    data += 4;
    *cells = 0;
    for (size_t i = 0; i < rows; i++, data += width) {
        uint32_t count = 0;
        memcpy(&count, data, width);
        *cells += count;
    }
    return 4 + rows * width;
}

static size_t cut_array(ddb_cut *cut, const uint8_t *data, size_t size)
{
    size_t used = 0;

    while (used < size) {
        if (!cut->cells) {
            uint64_t cells;
            size_t counts = read_block(data + used, &cells);
            if (used && used + counts + cells * cut->cell_size > DDB_BLOCK_BYTES)
                break;
            used += counts;
            cut->cells = cells;
        }
        uint64_t fitting = (DDB_BLOCK_BYTES - used) / cut->cell_size;
        if (fitting > cut->cells)
            fitting = cut->cells;
        used += fitting * cut->cell_size;
        cut->cells -= fitting;
        if (cut->cells)
            break;
    }
    return used;
}

size_t ddb_cut_next(ddb_cut *cut, const uint8_t *data, size_t size)
{
    switch (cut->kind) {
    case DDB_CUT_TEXT: return cut_text(data, size);
    case DDB_CUT_ARRAY: return cut_array(cut, data, size);
    default: return size < DDB_BLOCK_BYTES ? size : DDB_BLOCK_BYTES;
    }
}

/* Bits of little-endian 64-bit words, the most significant bit of each word first. */
typedef struct bits {
    uint8_t *target;
    uint64_t word;
    int free; /* bits of `word`, at least 1 */
} bits;

DDB_INLINE void put_word(bits *to)
{
    memcpy(to->target, &to->word, 8);
    to->target += 8;
}

/* Append the `count` low bits (1 to 64) of `value`, which has no others. */
DDB_INLINE void put_bits(bits *to, uint64_t value, int count)
{
    if (count < to->free) {
        to->free -= count;
        to->word |= value << to->free;
        return;
    }
    count -= to->free;
    to->word |= value >> count;
    put_word(to);
    to->word = count ? value << (64 - count) : 0;
    to->free = 64 - count;
}

DDB_INLINE uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

DDB_INLINE void put_step(bits *to, int64_t step)
{
    uint64_t code = zigzag(step) - 1;

    if (step == 0) {
        put_bits(to, 0, 1);
    } else if (code < UINT64_C(1) << 7) {
        put_bits(to, UINT64_C(0x02) << 7 | code, 2 + 7);
    } else if (code < UINT64_C(1) << 9) {
        put_bits(to, UINT64_C(0x06) << 9 | code, 3 + 9);
    } else if (code < UINT64_C(1) << 16) {
        put_bits(to, UINT64_C(0x0e) << 16 | code, 4 + 16);
    } else if (code < UINT64_C(1) << 32) {
        put_bits(to, UINT64_C(0x1e) << 32 | code, 5 + 32);
    } else {
        put_bits(to, 0x3e, 6);
        put_bits(to, code, 64);
    }
}

DDB_INLINE int64_t load(const uint8_t *values, int unit, int64_t index)
{
    int16_t half;
    int32_t single;
    int64_t whole;

    switch (unit) {
    case 2: memcpy(&half, values + index * 2, 2); return half;
    case 4: memcpy(&single, values + index * 4, 4); return single;
    default: memcpy(&whole, values + index * 8, 8); return whole;
    }
}

DDB_INLINE int encode(const uint8_t *values, int unit, int64_t count, uint8_t *target, size_t *size)
{
    const int64_t largest = (int64_t)(UINT64_MAX >> (65 - 8 * unit)), null = -largest - 1;
    bits to = {target, 0, 64};
    int64_t last = 0, delta = 0;
    int whole = 0; /* values written in full: the first, and the difference of the second */

    for (int64_t i = 0; i < count; i++) {
        int64_t value = load(values, unit, i), next, step;
        if (value == null) {
            if (whole < 2)
                put_bits(&to, 0, 1);
            else
                put_bits(&to, 0x3f, 6);
            continue;
        }
        if (__builtin_sub_overflow(value, last, &next))
            return DDB_ERR_RANGE;
        last = value;
        if (whole < 2) {
            if (next > largest || next < null)
                return DDB_ERR_RANGE;
            put_bits(&to, 1, 1);
            put_bits(&to, zigzag(next), 8 * unit);
            whole++;
        } else {
            if (__builtin_sub_overflow(next, delta, &step))
                return DDB_ERR_RANGE;
            put_step(&to, step);
        }
        delta = next;
    }
    put_bits(&to, 0x3e, 6);
    put_bits(&to, UINT64_MAX, 64);
    put_bits(&to, 0, 1);
    put_word(&to);
    *size = (size_t)(to.target - target);
    return DDB_OK;
}

int ddb_delta_encode(const void *values, int unit, int64_t count, uint8_t *target, size_t *size)
{
    switch (unit) {
    case 2: return encode(values, 2, count, target, size);
    case 4: return encode(values, 4, count, target, size);
    default: return encode(values, 8, count, target, size);
    }
}

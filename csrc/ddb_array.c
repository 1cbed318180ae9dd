/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_array.h"

enum {
    BLOCK_HEAD = 4, /* u16 rows, u8 bytes of a count, u8 0 */
    BLOCK_ROWS = 65535
};

int ddb_array_append(const char *offsets, int wide, int64_t rows, const uint8_t *bitmap, int64_t bit_offset,
                     int64_t cells, int64_t *target, ddb_error *error)
{
    for (int64_t row = 0, bit = bit_offset; row < rows; row++, bit++) {
        int64_t pair[2];
        if (wide) {
            memcpy(pair, offsets + row * 8, 16);
        } else {
            int32_t narrow[2];
            memcpy(narrow, offsets + row * 4, 8);
            pair[0] = narrow[0];
            pair[1] = narrow[1];
        }
        if (DDB_UNLIKELY(pair[0] < 0 || pair[1] < pair[0] || pair[1] > cells))
            return ddb_fail(error, DDB_ERR_OFFSETS, row, pair[1]);
        target[row + 1] = target[row] + (bitmap && !((bitmap[bit >> 3] >> (bit & 7)) & 1) ? 0 : pair[1] - pair[0]);
    }
    return DDB_OK;
}

/* Where the next block begins. */
typedef struct cursor {
    int64_t buffer; /* bytes of one */
    int64_t row;
    int64_t used;  /* bytes of the buffer that are taken */
    int continues; /* they are the end of a row that was larger than a buffer */
} cursor;

typedef struct block {
    int64_t first, rows, cells;
    int64_t count_size;
} block;

static int64_t room(const cursor *at)
{
    return at->buffer - BLOCK_HEAD - at->used;
}

/* Rows are taken while they fit into the buffer. A row that fits into none is a block of its own, and its cells go on
 * through as many buffers as they need, no cell cut; the next block follows in the last of them if a row fits. */
static block next_block(const ddb_array *array, cursor *at)
{
    int64_t width = (int64_t)array->cell_size;
    block next = {at->row, 0, 0, 1};

    while (at->row < array->rows && next.rows < BLOCK_ROWS) {
        int64_t count = array->offsets[at->row + 1] - array->offsets[at->row];
        int64_t count_size = count <= UINT8_MAX ? 1 : count <= UINT16_MAX ? 2 : 4;
        if (count_size < next.count_size)
            count_size = next.count_size;
        if ((next.rows + 1) * count_size + (next.cells + count) * width > room(at)) {
            if (next.rows)
                break;
            if (at->continues) {
                at->used = at->continues = 0;
                continue;
            }
        }
        next.count_size = count_size;
        next.cells += count;
        next.rows++;
        at->row++;
    }
    int64_t fitting = (room(at) - next.rows * next.count_size) / width;
    at->used = next.cells > fitting ? (next.cells - fitting) % (at->buffer / width) * width : 0;
    at->continues = at->used != 0;
    return next;
}

size_t ddb_array_size(const ddb_array *array, size_t buffer, size_t head)
{
    cursor at = {(int64_t)buffer, 0, (int64_t)head, 0};
    size_t size = 0;
    while (at.row < array->rows) {
        block next = next_block(array, &at);
        size += BLOCK_HEAD + (size_t)(next.rows * next.count_size) + (size_t)next.cells * array->cell_size;
    }
    return size;
}

void ddb_array_write(const ddb_array *array, size_t buffer, size_t head, uint8_t *target)
{
    cursor at = {(int64_t)buffer, 0, (int64_t)head, 0};
    while (at.row < array->rows) {
        block next = next_block(array, &at);
        const int64_t *offsets = array->offsets + next.first;
        size_t bytes = (size_t)next.cells * array->cell_size;
        uint16_t rows = (uint16_t)next.rows;
        memcpy(target, &rows, sizeof rows);
        target[2] = (uint8_t)next.count_size;
        target[3] = 0;
        target += BLOCK_HEAD;
        for (int64_t i = 0; i < next.rows; i++, target += next.count_size) {
            uint32_t count = (uint32_t)(offsets[i + 1] - offsets[i]);
            memcpy(target, &count, (size_t)next.count_size);
        }
        if (bytes)
            memcpy(target, array->cells + (size_t)offsets[0] * array->cell_size, bytes);
        target += bytes;
    }
}

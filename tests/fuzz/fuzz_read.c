/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer entry for what reads bytes of a stranger: csrc/ddb_read.c, ddb_scan.c, ddb_compress.c, ddb_format.c.
 * The first byte chooses what is read, the second its parameters, the rest are the bytes. They are copied to memory
 * of exactly their size, so that AddressSanitizer sees a read or write of one byte too many. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ddb_compress.h"
#include "ddb_format.h"
#include "ddb_read.h"
#include "ddb_scan.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static void *exact(size_t size)
{
    void *memory = malloc(size ? size : 1);
    CHECK(memory);
    return memory;
}

static void check_ends(const int64_t *ends, int64_t count, int64_t base, int64_t most)
{
    for (int64_t i = 0; i < count; i++) {
        CHECK(ends[i] >= base && ends[i] <= most);
        base = ends[i];
    }
}

/* Text and BLOBs, with a target and a count that may be too small. */
static void read_cells(ddb_window *window, int blobs, uint8_t parameter)
{
    size_t capacity = (size_t)parameter * 4;
    int64_t count = parameter % 16, cells = -1, base = parameter, *ends = exact((size_t)count * sizeof *ends);
    uint8_t *target = exact(capacity);
    size_t bytes = 1, before = window->position;

    if (blobs)
        ddb_read_blobs(window, count, base, target, capacity, ends, &cells, &bytes);
    else
        ddb_read_text(window, count, base, target, capacity, ends, &cells, &bytes);
    CHECK(cells >= 0 && cells <= count && bytes <= capacity);
    CHECK(window->position == before + bytes + (size_t)cells * (blobs ? 4 : 1) && window->position <= window->size);
    check_ends(ends, cells, base, base + (int64_t)bytes);
    free(target);
    free(ends);
}

/* Blocks of an array vector: head, counts, and as many cells as are there. */
static void read_arrays(ddb_window *window, uint8_t parameter)
{
    int64_t left = (int64_t)parameter * 300, total = 0;
    int rows, width;

    while (left && ddb_read_array_head(window, left, &rows, &width) == DDB_OK) {
        CHECK(rows > 0 && rows <= left && rows <= 65535);
        int64_t *ends = exact((size_t)rows * sizeof *ends);
        if (ddb_read_array_counts(window, rows, width, total, ends) == DDB_OK) {
            check_ends(ends, rows, total, INT64_MAX);
            size_t cells = (size_t)(ends[rows - 1] - total), here = window->size - window->position;
            window->position += cells < here ? cells : here;
            total = ends[rows - 1];
        } else {
            left = rows;
        }
        free(ends);
        left -= rows;
    }
}

static void read_numbers(ddb_window *window, uint8_t parameter)
{
    int type, form;
    int32_t first, second;
    size_t size;

    while (ddb_read_head(window, &type, &form) == DDB_OK && ddb_read_counts(window, &first, &second) == DDB_OK &&
           ddb_read_int(window, &first) == DDB_OK)
        if (ddb_read_find(window, parameter, &size) == DDB_OK)
            CHECK(window->data[window->position + size] == parameter);
    CHECK(window->position <= window->size);
}

static void search(const uint8_t *data, size_t size, uint8_t parameter)
{
    int width = 1 << parameter % 4;
    int64_t count = (int64_t)(size / (size_t)width);
    uint8_t *cells = exact((size_t)count * (size_t)width);
    uint64_t bits = 0;
    int found = 0;

    memcpy(cells, data, (size_t)count * (size_t)width);
    if (count)
        memcpy(&bits, cells + (size_t)(parameter % count) * (size_t)width, (size_t)width);
    for (int64_t i = 0; i < count; i++)
        found |= memcmp(cells + i * width, &bits, (size_t)width) == 0;
    CHECK(ddb_read_contains(cells, width, count, bits) == found);
    if (width == 4) {
        int64_t bad = ddb_read_check_indices((const int32_t *)(const void *)cells, count, parameter);
        CHECK(bad >= -1 && bad < count);
    }
    free(cells);
}

static void decompress(const uint8_t *data, size_t size, uint8_t parameter)
{
    ddb_compressed head;
    size_t position = 0, start, length;
    int unit = 2 << parameter % 3;
    int64_t capacity = parameter * 16;
    uint8_t *target = exact((size_t)(capacity * unit));

    if (size >= DDB_COMPRESSED_HEAD && ddb_compressed_head(data, &head) == DDB_OK)
        CHECK(head.count >= 0 && (head.method == DDB_COMPRESSION_LZ4 || head.method == DDB_COMPRESSION_DELTA));
    while (ddb_compressed_block(data, size, &position, &start, &length) == DDB_OK) {
        int64_t count = -1;
        CHECK(start <= size && length <= size - start && position == start + length);
        uint8_t *block = exact(length);
        memcpy(block, data + start, length);
        ddb_delta_decode(block, length, unit, target, capacity, &count);
        CHECK(count >= 0 && count <= capacity);
        free(block);
    }
    free(target);
}

static void format(const uint8_t *data, size_t size, uint8_t parameter)
{
    static const int most[] = {DDB_TEXT_UUID, DDB_TEXT_INT128, DDB_TEXT_IPADDR};
    int kind = parameter % 6, width = kind < 3 ? 16 : 4 << (kind - 3), bytes = kind < 3 ? most[kind] : DDB_TEXT_DECIMAL;
    int64_t count = (int64_t)(size / (size_t)width);
    uint8_t *cells = exact((size_t)count * (size_t)width);
    char *target = exact((size_t)(count * bytes));
    int64_t *ends = exact((size_t)count * sizeof *ends);

    memcpy(cells, data, (size_t)count * (size_t)width);
    if (kind == 0)
        ddb_format_uuid(cells, count, target, ends);
    else if (kind == 1)
        ddb_format_int128(cells, count, target, ends);
    else if (kind == 2)
        ddb_format_ipaddr(cells, count, target, ends);
    else
        ddb_format_decimal(cells, width, parameter % 39, count, target, ends);
    check_ends(ends, count, 0, count * bytes);
    free(ends);
    free(target);
    free(cells);
}

/* The end of an object is found in the same place whether its bytes come at once or in pieces. */
static void scan(const uint8_t *data, size_t size, uint8_t parameter)
{
    ddb_scan whole, pieces;
    size_t step = parameter % 16 + 1, here = 0;
    int status, status_of_pieces;

    ddb_scan_begin(&whole);
    ddb_scan_begin(&pieces);
    status = ddb_scan_go_on(&whole, data, size);
    do {
        here = size - here < step ? size : here + step;
        uint8_t *part = exact(here);
        memcpy(part, data, here);
        status_of_pieces = ddb_scan_go_on(&pieces, part, here);
        free(part);
    } while (status_of_pieces == DDB_ERR_MORE && here < size);
    CHECK(status == status_of_pieces && whole.position <= size);
    CHECK(status == DDB_ERR_MALFORMED || whole.position == pieces.position);
    CHECK(whole.parts >= 0 && whole.parts <= DDB_SCAN_PARTS && (status != DDB_OK || !whole.parts));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 2)
        return 0;
    uint8_t choice = input[0], parameter = input[1];
    size_t left = size - 2;
    uint8_t *data = exact(left);
    ddb_window window = {data, left, 0};

    memcpy(data, input + 2, left);
    switch (choice % 8) {
    case 0: read_cells(&window, 0, parameter); break;
    case 1: read_cells(&window, 1, parameter); break;
    case 2: read_arrays(&window, parameter); break;
    case 3: read_numbers(&window, parameter); break;
    case 4: search(data, left, parameter); break;
    case 5: decompress(data, left, parameter); break;
    case 6: format(data, left, parameter); break;
    default: scan(data, left, parameter);
    }
    free(data);
    return 0;
}

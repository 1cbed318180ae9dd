/* SPDX-License-Identifier: Apache-2.0
 * Array vectors: rows of cells, cut into blocks. A reader takes any cut; this is the official client's, so that the
 * bytes are too. It fills buffers, of which the first may hold something already. */
#ifndef DDB_ARRAY_H
#define DDB_ARRAY_H

#include "ddb_status.h"

enum { DDB_ARRAY_BUFFER = 4096 }; /* the official client's, for columns that are not compressed */

/* Row i is the cells [offsets[i], offsets[i + 1]); offsets never fall, and start at 0. Cells are wire cells of at
 * most 16 bytes, one after the other, at most INT32_MAX of them. Memory is borrowed and must not change meanwhile. */
typedef struct ddb_array {
    const int64_t *offsets; /* rows + 1 */
    int64_t rows;
    const uint8_t *cells;
    size_t cell_size;
} ddb_array;

/* Arrow's list offsets, int32 or int64, behind those in `target` already, whose last one is target[0]; NULL rows (bit 0
 * in `bitmap`, whose bit of row 0 is `bit_offset`) are empty. Offsets that fall or pass `cells` are refused. */
int ddb_array_append(const char *offsets, int wide, int64_t rows, const uint8_t *bitmap, int64_t bit_offset,
                     int64_t cells, int64_t *target, ddb_error *error);

/* Bytes of all blocks in buffers of `buffer` bytes (a multiple of every cell size), of which the first holds `head`. */
size_t ddb_array_size(const ddb_array *array, size_t buffer, size_t head);

/* Write all blocks, ddb_array_size bytes. */
void ddb_array_write(const ddb_array *array, size_t buffer, size_t head, uint8_t *target);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A borrowed fixed-width column, and how its cells become wire cells.
 *
 * The memory belongs to the caller's array; it is never written. Any stride (0 and negative too), alignment
 * and byte order is read. No function here needs the GIL. */
#ifndef DDB_COLUMN_H
#define DDB_COLUMN_H

#include "ddb_kernels.h"

typedef struct ddb_column {
    const ddb_kernels *kernels;
    const char *data; /* first cell */
    ptrdiff_t stride; /* bytes from cell to cell */
    int64_t rows;
    uint8_t conversion;
    uint8_t swap; /* cells lie in the other byte order */
} ddb_column;

/* Bytes of one wire cell. */
size_t ddb_column_target_size(int conversion);

/* Copy `count` cells of `size` bytes (1, 2, 4 or 8), `stride` apart, one after the other into `target`. */
void ddb_column_gather(const char *source, ptrdiff_t stride, size_t size, int swap, int64_t count, void *target);

/* Look at every cell without writing: 0, or DDB_ERR_RANGE with row and value. */
int ddb_column_check(const ddb_column *column, ddb_error *error);

/* Write the wire cells of rows [first, first + count) to `target`. Checks again while it converts. */
int ddb_column_write(const ddb_column *column, int64_t first, int64_t count, void *target, ddb_error *error);

/* How many rows from `first` on, at most `count`, already lie in memory as on the wire: all or none of them
 * for one call. Float columns are scanned for cells that must become NULL. */
int64_t ddb_column_borrow(const ddb_column *column, int64_t first, int64_t count, ddb_piece *piece);

/* 1 if borrowing needs no look at the cells. */
int ddb_column_is_wire(const ddb_column *column);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A borrowed fixed-width column and the kernels that turn its cells into wire cells.
 *
 * The memory belongs to the caller's array; it is never written. Any stride (0 and negative too), alignment
 * and byte order is read. No function here needs the GIL. */
#ifndef DDB_COLUMN_H
#define DDB_COLUMN_H

#include "ddb_status.h"
#include "ddb_wire.h"

/* From numpy's cells to the wire's: source and target type, null rule. */
typedef enum ddb_conversion {
    DDB_CONV_COPY8 = 0,          /* bool -> BOOL, int8 -> CHAR */
    DDB_CONV_COPY16,             /* int16 -> SHORT */
    DDB_CONV_COPY32,             /* int32 -> INT */
    DDB_CONV_COPY64,             /* int64 -> LONG, datetime64[ms] -> TIMESTAMP, [ns] -> NANOTIMESTAMP: NaT is NULL */
    DDB_CONV_F32_FLOAT,          /* NaN and infinities -> NULL */
    DDB_CONV_F64_DOUBLE,         /* NaN and infinities -> NULL */
    DDB_CONV_U8_SHORT,
    DDB_CONV_U16_INT,
    DDB_CONV_U32_LONG,
    DDB_CONV_U64_LONG,           /* refused above 2**63 - 1 */
    DDB_CONV_I64S_DATETIME,      /* seconds to 32 bits, refused outside; NaT -> NULL */
    DDB_CONV_I64US_NANOTIMESTAMP,/* times 1000, refused on overflow; NaT -> NULL */
    DDB_CONV_COUNT
} ddb_conversion;

typedef struct ddb_column {
    const char *data; /* first cell */
    ptrdiff_t stride; /* bytes from cell to cell */
    int64_t rows;
    uint8_t conversion;
    uint8_t swap; /* cells lie in the other byte order */
} ddb_column;

/* Bytes of one source cell and of one wire cell. */
size_t ddb_column_source_size(int conversion);
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

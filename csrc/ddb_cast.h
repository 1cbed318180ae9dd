/* SPDX-License-Identifier: Apache-2.0
 * Fixed-width cells that come with a mark for NULL (pandas' mask, Arrow's bitmap) or that are to become another type
 * than their own: masked and Arrow columns, and types forced by the caller. What ddb_column does is done there: it is
 * faster, and knows neither.
 *
 * Memory is borrowed and never written; nothing here needs the GIL. A value that the target can't hold is refused. */
#ifndef DDB_CAST_H
#define DDB_CAST_H

#include "ddb_kernels.h"

/* Source cells. */
typedef enum ddb_load {
    DDB_LOAD_BIT = 0, /* Arrow's bool */
    DDB_LOAD_I8,      /* numpy's bool too */
    DDB_LOAD_I16,
    DDB_LOAD_I32,
    DDB_LOAD_I64,
    DDB_LOAD_U8,
    DDB_LOAD_U16,
    DDB_LOAD_U32,
    DDB_LOAD_U64,
    DDB_LOAD_F32,
    DDB_LOAD_F64,
    DDB_LOAD_I128,   /* decimals */
    DDB_LOAD_BYTES16 /* becomes DDB_STORE_BYTES16, the bytes in reverse order */
} ddb_load;

/* Wire cells. */
typedef enum ddb_store {
    DDB_STORE_I8 = 0,
    DDB_STORE_I16,
    DDB_STORE_I32,
    DDB_STORE_I64,
    DDB_STORE_F32,
    DDB_STORE_F64,
    DDB_STORE_I128,
    DDB_STORE_BYTES16
} ddb_store;

typedef enum ddb_cast_flag {
    DDB_CAST_LOWEST_NULL = 1,   /* the smallest value of the source's type is NULL: NaT */
    DDB_CAST_INFINITE_NULL = 2, /* so are NaN and infinities; NaN that becomes an integer always is */
    DDB_CAST_MONTH = 4,         /* days since 1970 become months since year 0 */
    DDB_CAST_ROUND = 8,         /* half away from zero; without it digits are cut off */
    DDB_CAST_NAN_NULL = 16      /* NaN is NULL, infinities are not */
} ddb_cast_flag;

/* What is done to a value that is not NULL. Integers: modulo (rounding down), divide (rounding down), month, check
 * against low and high, multiply. Others: times 10 to the power of `digits`, then the check. Floats that stay floats
 * are only checked to stay finite. */
typedef struct ddb_cast {
    uint8_t load;
    uint8_t store;
    uint8_t flags;
    int8_t digits;
    int64_t modulo;   /* 0: none */
    int64_t divide;   /* at least 1 */
    int64_t multiply; /* low and high make sure that it can't overflow */
    int64_t low, high;
    int64_t null; /* NULL of an integer store */
} ddb_cast;

typedef struct ddb_cells {
    const ddb_kernels *kernels; /* for cells with a bitmap that stay what they are; NULL: not asked for */
    const char *data;           /* first cell; with DDB_LOAD_BIT the bitmap */
    ptrdiff_t stride;           /* bytes from cell to cell */
    int64_t rows;
    const uint8_t *bitmap; /* bit 1: a value; NULL: all are */
    int64_t bit_offset;    /* bit of row 0, of this bitmap and of DDB_LOAD_BIT's */
    const uint8_t *mask;   /* byte 1: NULL; NULL: none is */
    ptrdiff_t mask_stride;
    int64_t first_row; /* row of the column that these begin with, for errors */
    uint8_t swap;      /* cells lie in the other byte order */
} ddb_cells;

/* Bytes of one wire cell. */
size_t ddb_cast_target_size(const ddb_cast *cast);

/* Look at every cell without writing: 0, or DDB_ERR_RANGE with the row. */
int ddb_cast_check(const ddb_cells *cells, const ddb_cast *cast, ddb_error *error);

/* Write the wire cells of rows [first, first + count) to `target`. Checks again while it converts. */
int ddb_cast_write(const ddb_cells *cells, const ddb_cast *cast, int64_t first, int64_t count, void *target,
                   ddb_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Loops over contiguous cells, compiled once for each instruction set; the caller picks a set at run time and
 * hands it on with the column. Every set gives the same answers. */
#ifndef DDB_KERNELS_H
#define DDB_KERNELS_H

#include "ddb_status.h"
#include "ddb_wire.h"

/* From numpy's cells to the wire's: source and target type, null rule. */
typedef enum ddb_conversion {
    DDB_CONV_COPY8 = 0,  /* bool -> BOOL, int8 -> CHAR */
    DDB_CONV_COPY16,     /* int16 -> SHORT */
    DDB_CONV_COPY32,     /* int32 -> INT */
    DDB_CONV_COPY64,     /* int64 -> LONG, datetime64[ms] -> TIMESTAMP, [ns] -> NANOTIMESTAMP: NaT is NULL */
    DDB_CONV_F32_FLOAT,  /* NaN and infinities -> NULL */
    DDB_CONV_F64_DOUBLE, /* NaN and infinities -> NULL */
    DDB_CONV_U8_SHORT,
    DDB_CONV_U16_INT,
    DDB_CONV_U32_LONG,
    DDB_CONV_U64_LONG,            /* refused above 2**63 - 1 */
    DDB_CONV_I64S_DATETIME,       /* seconds to 32 bits, refused outside; NaT -> NULL */
    DDB_CONV_I64US_NANOTIMESTAMP, /* times 1000, refused on overflow; NaT -> NULL */
    DDB_CONV_COUNT
} ddb_conversion;

/* Instruction sets, each containing the one before. */
typedef enum ddb_kernel_level {
    DDB_KERNELS_BASELINE = 0,
    DDB_KERNELS_AVX2,
    DDB_KERNELS_AVX512,
    DDB_KERNELS_COUNT
} ddb_kernel_level;

/* Memory may be unaligned; source and target do not overlap. Functions that can meet a bad cell return -1, or the
 * first bad row. */
typedef struct ddb_kernels {
    const char *name;
    /* convert `count` cells, re-checking them */
    int64_t (*convert[DDB_CONV_COUNT])(const void *source, int64_t count, void *target);
    /* look without writing; NULL where no cell can be bad */
    int64_t (*check[DDB_CONV_COUNT])(const void *source, int64_t count);
    /* 1 if no cell is NaN or infinite */
    int (*is_finite_f32)(const void *source, int64_t count);
    int (*is_finite_f64)(const void *source, int64_t count);
    /* cells of 1, 2, 4 and 8 bytes: those whose bit is 0 become `null`; the bit of cell 0 is `bit` */
    void (*fill_nulls[4])(const void *source, int64_t count, const uint8_t *bitmap, int64_t bit, uint64_t null,
                          void *target);
    /* how many of `size` bytes are zero */
    int64_t (*count_zeros)(const uint8_t *data, size_t size);
    /* rows of text between `rows` + 1 offsets: 1 if every size is in [0, limit] */
    int (*offsets_ok_32)(const void *offsets, int64_t rows, int64_t limit);
    int (*offsets_ok_64)(const void *offsets, int64_t rows, int64_t limit);
    /* contiguous codes of 1, 2, 4 and 8 bytes: 1 if all are in [-1, categories) */
    int (*codes_ok[4])(const void *codes, int64_t count, int64_t categories);
    /* target[i] = numbers[codes[i]], 0 for -1; the codes were checked, and are clamped again */
    void (*pick[4])(const void *codes, int64_t count, const int32_t *numbers, int64_t categories, int32_t *target);
} ddb_kernels;

/* The best set that this processor has, at most `level`. Never NULL. */
const ddb_kernels *ddb_kernels_select(int level);

#endif

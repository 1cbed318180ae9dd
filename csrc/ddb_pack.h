/* SPDX-License-Identifier: Apache-2.0
 * Compressed columns, the writing half: their heads, where a column is cut into blocks, and delta-of-delta coding. LZ4
 * itself comes from a library. Works on borrowed memory, which may change meanwhile; nothing here needs the GIL. */
#ifndef DDB_PACK_H
#define DDB_PACK_H

#include "ddb_compress.h"

enum { DDB_PACKED_HEAD = 10 + DDB_COMPRESSED_HEAD }; /* bytes of both heads */

/* Write the heads of a column whose blocks take `bytes`, their sizes included: at most INT32_MAX less the heads. */
void ddb_pack_head(const ddb_compressed *head, size_t bytes, uint8_t *target);

enum ddb_cut_kind {
    DDB_CUT_CELLS, /* fixed-width cells, and BLOBs, which the official client cuts anywhere */
    DDB_CUT_TEXT,  /* behind a text */
    DDB_CUT_ARRAY  /* between blocks of an array vector; a row that is larger than a block between its cells */
};

typedef struct ddb_cut {
    int kind;         /* ddb_cut_kind */
    size_t cell_size; /* arrays only */
    uint64_t cells;   /* arrays only: of the row that is cut, still to come */
} ddb_cut;

/* How many of the `size` bytes at `data`, which end with a cell, make the next block of at most DDB_BLOCK_BYTES;
 * 0 (of text only): none can hold the next text. */
size_t ddb_cut_next(ddb_cut *cut, const uint8_t *data, size_t size);

/* Most bytes that ddb_delta_encode makes of `count` values. */
DDB_INLINE size_t ddb_delta_bound(int64_t count)
{
    return ((size_t)count * 70 + 71) / 64 * 8 + 8;
}

/* Encode values of `unit` bytes (2, 4 or 8) as one block, without its size, which is set. DDB_ERR_RANGE: the values are
 * so far apart that the code can't tell. */
int ddb_delta_encode(const void *values, int unit, int64_t count, uint8_t *target, size_t *size);

#endif

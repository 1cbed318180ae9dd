/* SPDX-License-Identifier: Apache-2.0
 * Compressed columns: their header, the framing of their blocks, and delta-of-delta coding. LZ4 itself comes from
 * a library. Works on borrowed memory and never reads or writes outside the sizes given; nothing here needs the GIL. */
#ifndef DDB_COMPRESS_H
#define DDB_COMPRESS_H

#include "ddb_status.h"
#include "ddb_wire.h"

enum ddb_compression { DDB_COMPRESSION_LZ4 = 1, DDB_COMPRESSION_DELTA = 2 };

enum {
    DDB_COMPRESSED_HEAD = 20,                /* bytes before the first block, counted in the column's byte size */
    DDB_BLOCK_BYTES = 65536,                 /* most bytes that one block decodes to */
    DDB_BLOCK_LZ4 = 65536 + 65536 / 255 + 16 /* most bytes that LZ4 makes of them */
};

typedef struct ddb_compressed {
    int method; /* ddb_compression */
    int type;   /* of the elements, array types too */
    int unit;   /* bytes of one element, 255 if they vary */
    int scale;
    int32_t count;
} ddb_compressed;

/* Read the DDB_COMPRESSED_HEAD bytes at `data`. DDB_ERR_MALFORMED: unknown method, big-endian, or a negative count. */
int ddb_compressed_head(const uint8_t *data, ddb_compressed *head);

/* Where the block begins whose size stands at `position`, and its bytes; `position` moves behind it.
 * DDB_ERR_MORE: it goes on beyond `size`. */
int ddb_compressed_block(const uint8_t *data, size_t size, size_t *position, size_t *start, size_t *length);

/* Decode one block of elements of `unit` bytes (2, 4 or 8) into `target`, which has room for `capacity` of them;
 * stops at the end mark or when `target` is full and sets `count`. DDB_ERR_MORE: the bits end before either. */
int ddb_delta_decode(const uint8_t *data, size_t size, int unit, void *target, int64_t capacity, int64_t *count);

#endif

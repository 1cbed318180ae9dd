/* SPDX-License-Identifier: Apache-2.0
 * BLOB cells: bytes of any kind, each with its length before it. */
#ifndef DDB_BLOB_H
#define DDB_BLOB_H

#include "ddb_arena.h"
#include "ddb_status.h"

/* Append `rows` cells, row i the bytes of `data` from offsets[i] to offsets[i + 1]. The caller vouches for the
 * offsets. */
int ddb_blobs_put(ddb_arena *out, const int64_t *offsets, int64_t rows, const uint8_t *data, ddb_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Arrow's variable-size cells as BLOB: a length of 4 bytes before each, NULL is the empty one. */
#ifndef DDB_BLOB_H
#define DDB_BLOB_H

#include "ddb_string.h"

/* Check every row of the chunk and tell how many wire bytes it makes. */
int ddb_blob_check(const ddb_arrow_text *cells, int64_t *bytes, ddb_error *error);

/* Write a chunk that was checked into its `bytes`; checks again, so that changed memory can't make it write outside. */
int ddb_blob_write(const ddb_arrow_text *cells, int64_t bytes, uint8_t *target, ddb_error *error);

#endif

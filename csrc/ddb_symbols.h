/* SPDX-License-Identifier: Apache-2.0
 * A text column that becomes a symbol vector: which texts are the same. Nothing here needs the GIL. */
#ifndef DDB_SYMBOLS_H
#define DDB_SYMBOLS_H

#include "ddb_arena.h"
#include "ddb_status.h"

/* Number `rows` NUL-terminated texts, which lie one after the other in `size` bytes: 1, 2, ... in order of first
 * appearance, 0 for the empty text. Each text but the empty one is left once, in that order, at the front of `texts`.
 * Sets the bytes kept and the texts in them. The numbers stand at the front of `scratch`, which is reset and grows. */
int ddb_symbols_number(uint8_t *texts, size_t size, int64_t rows, ddb_arena *scratch, size_t *kept, int64_t *used,
                       ddb_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Bounds-checked reading of wire objects from a window of bytes. A function that needs more bytes than the window
 * holds returns DDB_ERR_MORE and consumes nothing. Works on borrowed memory; nothing here needs the GIL. */
#ifndef DDB_READ_H
#define DDB_READ_H

#include "ddb_status.h"
#include "ddb_wire.h"

typedef struct ddb_window {
    const uint8_t *data;
    size_t size;
    size_t position;
} ddb_window;

/* Type and form of the object that begins here. */
int ddb_read_head(ddb_window *window, int *type, int *form);

/* One int32, as the scale of decimals. */
int ddb_read_int(ddb_window *window, int32_t *value);

/* Two int32, as the rows and columns of vectors and tables. */
int ddb_read_counts(ddb_window *window, int32_t *first, int32_t *second);

/* Find the next `stop` byte; `size` is the bytes before it. Consumes nothing. */
int ddb_read_find(const ddb_window *window, uint8_t stop, size_t *size);

/* Read whole NUL-terminated cells, at most `count`, copying their text to `target` (room for `capacity` bytes)
 * and writing where each ends, counted from `base`, to `ends`. Sets the cells and bytes read; stops when the
 * window or `target` has no room for another whole cell. */
void ddb_read_text(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity, int64_t *ends,
                   int64_t *cells, size_t *bytes);

/* The same for cells of an int32 length and as many bytes; stops before a negative length too. */
void ddb_read_blobs(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity, int64_t *ends,
                    int64_t *cells, size_t *bytes);

/* The head of one block of an array vector: its rows, from 1 to `rows_left`, and the bytes of each of its
 * counts, 1, 2 or 4. DDB_ERR_MALFORMED for anything else. */
int ddb_read_array_head(ddb_window *window, int64_t rows_left, int *rows, int *width);

/* The counts of such a block as the place where each row's cells end, counted from `base`; `ends` has room for
 * `rows`. */
int ddb_read_array_counts(ddb_window *window, int rows, int width, int64_t base, int64_t *ends);

/* Are all of `count` symbol indices in [0, symbols)? -1, or the first row that is not. */
int64_t ddb_read_check_indices(const int32_t *indices, int64_t count, int32_t symbols);

/* Is one of `count` cells of `width` (1, 2, 4 or 8) bytes the one of these bits? */
int ddb_read_contains(const void *cells, int width, int64_t count, uint64_t bits);

#endif

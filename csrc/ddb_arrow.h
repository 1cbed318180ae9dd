/* SPDX-License-Identifier: Apache-2.0
 * Arrow's C data interface: the structs whose layout it fixes, a look at whether an array can be what it says, and its
 * text in views. What a producer hands over is not to be trusted: a buffer's size is not told, all else is checked. */
#ifndef DDB_ARROW_H
#define DDB_ARROW_H

#include "ddb_string.h"

typedef struct ddb_arrow_schema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ddb_arrow_schema **children;
    struct ddb_arrow_schema *dictionary;
    void (*release)(struct ddb_arrow_schema *self);
    void *private_data;
} ddb_arrow_schema;

typedef struct ddb_arrow_array {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ddb_arrow_array **children;
    struct ddb_arrow_array *dictionary;
    void (*release)(struct ddb_arrow_array *self);
    void *private_data;
} ddb_arrow_array;

typedef struct ddb_arrow_stream {
    int (*get_schema)(struct ddb_arrow_stream *self, ddb_arrow_schema *target);
    int (*get_next)(struct ddb_arrow_stream *self, ddb_arrow_array *target);
    const char *(*get_last_error)(struct ddb_arrow_stream *self);
    void (*release)(struct ddb_arrow_stream *self);
    void *private_data;
} ddb_arrow_stream;

/* Rows of an array. */
typedef struct ddb_arrow_part {
    const ddb_arrow_array *array;
    int64_t offset; /* of row 0 in the array's buffers */
    int64_t rows;
    const uint8_t *validity; /* bitmap, its bit of row 0 at `offset`; NULL: no row is null */
} ddb_arrow_part;

/* Describe rows [first, first + rows) of an array (rows -1: all from there on) that should have `buffers` buffers, or
 * more if `more`, so many children, and a dictionary or none. Returns NULL, or in a few words what is wrong. */
const char *ddb_arrow_describe(const ddb_arrow_array *array, int64_t first, int64_t rows, int64_t buffers, int more,
                               int64_t children, int dictionary, ddb_arrow_part *part);

/* Whether any row is null: the rows themselves, what lies in them is not looked at. */
int ddb_arrow_has_nulls(const ddb_arrow_part *part);

/* Text or bytes in views: 16 bytes a row, which hold up to 12 bytes themselves and else say where more are. */
typedef struct ddb_views {
    const ddb_kernels *kernels;
    const uint8_t *validity;
    int64_t bit_offset;
    const char *views;
    const void **buffers;
    const char *sizes; /* int64 each */
    int64_t buffer_count;
    int64_t rows;
    int64_t first_row;
} ddb_views;

/* Check every row, whose size may be up to `limit`, and tell how many bytes they are. */
int ddb_views_measure(const ddb_views *views, int64_t limit, int64_t *bytes, ddb_error *error);

/* Write `bytes`, which were measured, each row with a NUL behind it: bytes + rows. Looks for NULs. */
int ddb_views_write(const ddb_views *views, int64_t bytes, uint8_t *target, ddb_error *error);

/* The same bytes without NULs, and rows + 1 offsets. */
int ddb_views_flatten(const ddb_views *views, int64_t bytes, int64_t *offsets, uint8_t *target, ddb_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The structs of Arrow's C data and C stream interfaces, whose layout is fixed for all producers:
 * https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html.
 * Whoever fills one sets `release`; whoever holds one calls it once, which sets it to NULL. */
#ifndef DDB_ARROW_H
#define DDB_ARROW_H

#include <stdint.h>

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
    int (*get_schema)(struct ddb_arrow_stream *self, ddb_arrow_schema *out);
    int (*get_next)(struct ddb_arrow_stream *self, ddb_arrow_array *out);
    const char *(*get_last_error)(struct ddb_arrow_stream *self);
    void (*release)(struct ddb_arrow_stream *self);
    void *private_data;
} ddb_arrow_stream;

#endif

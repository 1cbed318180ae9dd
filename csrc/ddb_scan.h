/* SPDX-License-Identifier: Apache-2.0
 * Where an object ends, found while its bytes arrive: each byte is looked at once, however many pieces they come in.
 * Counts and lengths are believed, nothing else is checked: whoever reads the object afterwards does that. */
#ifndef DDB_SCAN_H
#define DDB_SCAN_H

#include "ddb_read.h"

/* What is left of an object, innermost part last; objects nest 64 deep and take at most three parts each. */
enum { DDB_SCAN_PARTS = 200 };

typedef struct ddb_scan_part {
    int kind;
    int width;    /* bytes of a cell, of an array vector */
    int64_t left; /* bytes, cells, rows or objects */
} ddb_scan_part;

typedef struct ddb_scan {
    size_t position; /* bytes of the object that were looked at */
    int parts;
    ddb_scan_part part[DDB_SCAN_PARTS];
} ddb_scan;

/* A new object. */
void ddb_scan_begin(ddb_scan *scan);

/* Go on with the object that begins at `data`, of which `size` bytes are here, no fewer than last time.
 * DDB_OK: it ends before `scan->position`. DDB_ERR_MORE: it goes on. DDB_ERR_MALFORMED: it is none. */
int ddb_scan_go_on(ddb_scan *scan, const uint8_t *data, size_t size);

#endif

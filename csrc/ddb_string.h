/* SPDX-License-Identifier: Apache-2.0
 * Text: into the wire's NUL-terminated UTF-8, from Arrow's layout and from the code units that CPython keeps;
 * and category codes into indices of a symbol base. Source memory is borrowed; nothing here needs the GIL. */
#ifndef DDB_STRING_H
#define DDB_STRING_H

#include "ddb_kernels.h"

/* One chunk of an Arrow string or large_string array. `offsets` and `validity` start at row 0 of the chunk
 * but for `bit_offset`; null rows are written as empty text. */
typedef struct ddb_arrow_text {
    const ddb_kernels *kernels;
    const uint8_t *validity; /* bitmap, or NULL if no row is null */
    int64_t bit_offset;      /* bit of row 0 */
    const char *offsets;     /* int32 or int64, rows + 1 of them, maybe unaligned */
    int wide;                /* 1: int64 offsets */
    const uint8_t *data;
    int64_t data_size;
    int64_t rows;
    int64_t first_row; /* row of the column that the chunk begins with, for errors */
} ddb_arrow_text;

/* UTF-8 from CPython's code units. `target` must have room for 2, 3 or 4 bytes a unit. Returns the bytes
 * written, or -1 - position of the first lone surrogate. */
int64_t ddb_utf8_from_ucs1(const uint8_t *units, int64_t count, uint8_t *target);
int64_t ddb_utf8_from_ucs2(const uint16_t *units, int64_t count, uint8_t *target);
int64_t ddb_utf8_from_ucs4(const uint32_t *units, int64_t count, uint8_t *target);

/* Bytes behind a text that ddb_copy_terminated may write besides its NUL. */
enum { DDB_COPY_SLACK = 8 };

/* Copy a NUL-terminated text that lies in a CPython str of one byte a character, with its NUL; `target` needs
 * DDB_COPY_SLACK bytes of room behind. Reads whole 8-byte words up to the one that holds the NUL: CPython aligns
 * the characters at 8 bytes and every allocator rounds the object up to at least that, so they lie inside it.
 * 1.8 ns a text of 3 to 7 characters instead of 3.5 with memcpy. Sanitizers see objects, not their rounding. */
DDB_INLINE void ddb_copy_terminated(uint8_t *target, const uint8_t *source, int64_t length)
{
#ifdef DDB_SANITIZE
    memcpy(target, source, (size_t)length + 1);
#else
    memcpy(target, source, 8);
    for (int64_t i = 8; i <= length; i += 8) {
        DDB_OPAQUE(i); /* a vector loop needs more set-up than most texts have words */
        memcpy(target + i, source + i, 8);
    }
#endif
}

/* Are `count` NUL-terminated names, one after the other in `size` bytes, all different? `table` has room for
 * ddb_names_table(count) entries. */
size_t ddb_names_table(int64_t count);
int ddb_names_unique(const uint8_t *names, size_t size, int64_t count, uint32_t *table);

/* About how many wire bytes the chunk makes: right if its offsets are. */
size_t ddb_arrow_text_estimate(const ddb_arrow_text *text);

/* Check every row of the chunk and tell how many wire bytes it makes. */
int ddb_arrow_text_check(const ddb_arrow_text *text, int64_t *bytes, ddb_error *error);

/* Write whole rows from `first` on while they fit into `capacity`. Re-checks offsets and lengths, so that
 * memory changed since the check can't make it read or write outside. Sets the rows and bytes written. */
int ddb_arrow_text_write(const ddb_arrow_text *text, int64_t first, uint8_t *target, size_t capacity, int64_t *rows,
                         size_t *bytes, ddb_error *error);

/* What `count` rows make when they are written one after the other: wire bytes, and the place in `rows` of the last
 * that is empty or null, -1 if none is. */
int ddb_arrow_text_measure(const ddb_arrow_text *text, const int64_t *rows, int64_t count, size_t *bytes,
                           int64_t *empty, ddb_error *error);

/* Write those rows, at most `capacity` bytes; sets the bytes written. Looks for NULs. */
int ddb_arrow_text_pick(const ddb_arrow_text *text, const int64_t *rows, int64_t count, uint8_t *target,
                        size_t capacity, size_t *bytes, ddb_error *error);

/* The text of one row; returns its size, 0 for null, or a negative status. */
int64_t ddb_arrow_text_cell(const ddb_arrow_text *text, int64_t row, const uint8_t **cell, ddb_error *error);

/* Category codes of any stride; `code_size` 1, 2, 4 or 8 bytes, signed, -1 is null. */
typedef struct ddb_codes {
    const ddb_kernels *kernels;
    const char *data;
    ptrdiff_t stride;
    int code_size;
    int64_t rows;
    int64_t categories;
} ddb_codes;

/* Number the categories in order of first appearance: numbers[code + 1] becomes 1, 2, ...; order[number - 1] the
 * code. `numbers` has room for `categories` + 1 and must be zero; entry 0, for null, stays 0. Sets `used`. */
int ddb_codes_number(const ddb_codes *codes, int32_t *numbers, int64_t *order, int64_t *used, ddb_error *error);

/* Make the numbers of the used categories zero again. */
void ddb_codes_forget(int32_t *numbers, const int64_t *order, int64_t used);

/* Write the symbol indices of rows [first, first + count): numbers[code + 1]. A code that went out of range since
 * it was numbered is written as null. */
void ddb_codes_write(const ddb_codes *codes, const int32_t *numbers, int64_t first, int64_t count, int32_t *target);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Cells that people read as text: UUID, INT128, IPADDR, decimals. Texts are written one after the other, without
 * terminators; `ends` (room for `count`) gets the place where each ends. Nothing here needs the GIL. */
#ifndef DDB_FORMAT_H
#define DDB_FORMAT_H

#include "ddb_common.h"

enum {
    DDB_TEXT_UUID = 36, /* most bytes of one text of each kind */
    DDB_TEXT_INT128 = 32,
    DDB_TEXT_IPADDR = 39,
    DDB_TEXT_DECIMAL = 48 /* sign, 39 digits, exponent */
};

/* 8-4-4-4-12 lower case hexadecimal digits. */
void ddb_format_uuid(const uint8_t *cells, int64_t count, char *target, int64_t *ends);

/* 32 lower case hexadecimal digits. */
void ddb_format_int128(const uint8_t *cells, int64_t count, char *target, int64_t *ends);

/* Dotted if the first 12 bytes of the address are zero, else groups as the official client prints them. */
void ddb_format_ipaddr(const uint8_t *cells, int64_t count, char *target, int64_t *ends);

/* Unscaled integers of `width` (4, 8 or 16) bytes as ``<digits>E-<scale>``; NULL is an empty text. */
void ddb_format_decimal(const uint8_t *cells, int width, int scale, int64_t count, char *target, int64_t *ends);

#endif

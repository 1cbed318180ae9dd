/* SPDX-License-Identifier: Apache-2.0
 * Values that are written as text: UUID, IPADDR, INT128 and decimals, read into wire cells. */
#ifndef DDB_TEXT_VALUE_H
#define DDB_TEXT_VALUE_H

#include "ddb_status.h"

/* Read a whole text into the 16 bytes of a cell, which hold the text's bytes in reverse; empty text is NULL.
 * DDB_ERR_KIND: the text is no such value. `type` is DDB_TYPE_UUID (36 characters with dashes), DDB_TYPE_IPADDR
 * (dotted, or IPv6 in every spelling) or DDB_TYPE_INT128 (32 hexadecimal digits). */
int ddb_text_wide(int type, const uint8_t *text, int64_t size, uint8_t *cell);

/* Digits after the point of a number as Decimal prints it: [-]digits[.digits][E exponent]; negative for 1E+3.
 * DDB_ERR_KIND: it is no finite number. */
int ddb_decimal_scale(const uint8_t *text, int64_t size, int64_t *scale);

/* Write the number times 10 to the power of `scale`, rounded half away from zero, as an integer of `width` bytes
 * (4, 8 or 16). What is no finite number is NULL. DDB_ERR_RANGE: it does not fit. */
int ddb_decimal_write(const uint8_t *text, int64_t size, int scale, int width, uint8_t *cell);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_format.h"

static const char ddb_digits[] = "0123456789abcdef";

void ddb_format_uuid(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
{
    char *next = target;

    for (int64_t i = 0; i < count; i++, cells += 16) {
        /* the wire holds the bytes in reverse */
        for (int j = 15; j >= 0; j--) {
            *next++ = ddb_digits[cells[j] >> 4];
            *next++ = ddb_digits[cells[j] & 15];
            if (j == 12 || j == 10 || j == 8 || j == 6)
                *next++ = '-';
        }
        ends[i] = next - target;
    }
}

void ddb_format_int128(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
{
    char *next = target;

    for (int64_t i = 0; i < count; i++, cells += 16) {
        for (int j = 15; j >= 0; j--) {
            *next++ = ddb_digits[cells[j] >> 4];
            *next++ = ddb_digits[cells[j] & 15];
        }
        ends[i] = next - target;
    }
}

static char *ddb_format_number(uint32_t number, char *next)
{
    char reversed[10];
    int size = 0;

    do
        reversed[size++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (size)
        *next++ = reversed[--size];
    return next;
}

static char *ddb_format_group(uint32_t group, char *next)
{
    int shift = 12;

    while (shift > 0 && group >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *next++ = ddb_digits[group >> shift & 15];
    return next;
}

/* As the official client writes it (its rule was found from its output): the first group is always written; the
 * first two zero groups after it that have a zero byte behind them begin a "::", which takes further groups as long
 * as that holds. */
static int ddb_format_gap(const uint32_t *groups, int j)
{
    return j < 6 && groups[j] == 0 && groups[j + 1] == 0 && groups[j + 2] < 256;
}

static char *ddb_format_groups(const uint8_t *cell, char *next)
{
    uint32_t groups[8];
    int shortened = 0;

    for (int j = 0; j < 8; j++)
        groups[j] = (uint32_t)cell[15 - 2 * j] << 8 | cell[14 - 2 * j];
    next = ddb_format_group(groups[0], next);
    for (int j = 1; j < 8; j++) {
        *next++ = ':';
        if (!shortened && ddb_format_gap(groups, j)) {
            shortened = 1;
            while (ddb_format_gap(groups, j))
                j++;
            j++;
            *next++ = ':';
        }
        next = ddb_format_group(groups[j], next);
    }
    return next;
}

void ddb_format_ipaddr(const uint8_t *cells, int64_t count, char *target, int64_t *ends)
{
    static const uint8_t zeros[12] = {0};
    char *next = target;

    for (int64_t i = 0; i < count; i++, cells += 16) {
        if (memcmp(cells + 4, zeros, 12) == 0) {
            for (int j = 3; j >= 0; j--) {
                next = ddb_format_number(cells[j], next);
                if (j)
                    *next++ = '.';
            }
        } else {
            next = ddb_format_groups(cells, next);
        }
        ends[i] = next - target;
    }
}

/* Divides the number of four 32-bit digits, the highest first, by 10**9; returns the remainder. */
static uint32_t ddb_format_divide(uint32_t *digits)
{
    uint64_t rest = 0;

    for (int j = 0; j < 4; j++) {
        rest = rest << 32 | digits[j];
        digits[j] = (uint32_t)(rest / 1000000000);
        rest %= 1000000000;
    }
    return (uint32_t)rest;
}

static char *ddb_format_digits(uint32_t *digits, char *next)
{
    char reversed[45];
    int size = 0;

    do {
        uint32_t rest = ddb_format_divide(digits);
        for (int j = 0; j < 9; j++, rest /= 10)
            reversed[size++] = (char)('0' + rest % 10);
    } while (digits[0] | digits[1] | digits[2] | digits[3]);
    while (size > 1 && reversed[size - 1] == '0')
        size--;
    while (size)
        *next++ = reversed[--size];
    return next;
}

void ddb_format_decimal(const uint8_t *cells, int width, int scale, int64_t count, char *target, int64_t *ends)
{
    char *next = target;

    for (int64_t i = 0; i < count; i++, cells += width) {
        int negative = cells[width - 1] >> 7;
        uint32_t digits[4], lowest_zero = 1;
        uint8_t wide[16];

        memset(wide, negative ? 0xff : 0, 16);
        memcpy(wide, cells, (size_t)width);
        for (int j = 0; j < 4; j++)
            memcpy(&digits[3 - j], wide + 4 * j, 4);
        for (int j = 0; j < width - 1; j++)
            lowest_zero &= cells[j] == 0;
        if (!(lowest_zero && cells[width - 1] == 0x80)) {
            if (negative) {
                uint64_t carry = 1;
                for (int j = 3; j >= 0; j--) {
                    carry += (uint32_t)~digits[j];
                    digits[j] = (uint32_t)carry;
                    carry >>= 32;
                }
                *next++ = '-';
            }
            next = ddb_format_digits(digits, next);
            *next++ = 'E';
            *next++ = '-';
            next = ddb_format_number((uint32_t)scale, next);
        }
        ends[i] = next - target;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_text_value.h"
#include "ddb_wire.h"

__extension__ typedef unsigned __int128 wide_number;

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 hexadecimal digits, and for a UUID the dashes between them. */
static int read_hex(const uint8_t *text, int64_t size, int dashes, uint8_t *cell)
{
    int64_t at = 0;
    if (size != (dashes ? 36 : 32))
        return DDB_ERR_KIND;
    for (int i = 15; i >= 0; i--) {
        if (dashes && (at == 8 || at == 13 || at == 18 || at == 23) && text[at++] != '-')
            return DDB_ERR_KIND;
        int high = hex_digit(text[at++]), low = hex_digit(text[at++]);
        if (high < 0 || low < 0)
            return DDB_ERR_KIND;
        cell[i] = (uint8_t)(high << 4 | low);
    }
    return DDB_OK;
}

/* Four decimal numbers, the first into the highest of the four bytes of `cell`. */
static int read_dotted(const uint8_t *text, const uint8_t *end, uint8_t *cell)
{
    for (int i = 3; i >= 0; i--) {
        int number = 0, digits = 0;
        while (text < end && *text >= '0' && *text <= '9' && digits < 3) {
            number = number * 10 + (*text++ - '0');
            digits++;
        }
        if (!digits || number > 255)
            return DDB_ERR_KIND;
        cell[i] = (uint8_t)number;
        if (i && (text == end || *text++ != '.'))
            return DDB_ERR_KIND;
    }
    return text == end ? DDB_OK : DDB_ERR_KIND;
}

static int read_groups(const uint8_t *text, const uint8_t *end, uint8_t *cell)
{
    uint8_t bytes[16]; /* as they are written, highest first */
    int filled = 0, gap = -1;

    if (end - text >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        text += 2;
    }
    while (text < end) {
        const uint8_t *start = text;
        int number = 0;
        while (text < end && hex_digit(*text) >= 0 && text - start < 5)
            number = number << 4 | hex_digit(*text++);
        if (text < end && *text == '.') {
            uint8_t tail[4];
            if (filled > 12 || read_dotted(start, end, tail) != DDB_OK)
                return DDB_ERR_KIND;
            for (int i = 3; i >= 0; i--)
                bytes[filled++] = tail[i];
            break;
        }
        if (text == start || text - start > 4 || filled > 14)
            return DDB_ERR_KIND;
        bytes[filled++] = (uint8_t)(number >> 8);
        bytes[filled++] = (uint8_t)number;
        if (text == end)
            break;
        if (*text++ != ':' || text == end)
            return DDB_ERR_KIND;
        if (*text == ':') {
            if (gap >= 0)
                return DDB_ERR_KIND;
            gap = filled;
            text++;
        }
    }
    /* a gap stands for at least one group */
    if (gap < 0 ? filled != 16 : filled > 14)
        return DDB_ERR_KIND;
    memset(cell, 0, 16);
    for (int i = 0; i < filled; i++)
        cell[gap >= 0 && i >= gap ? filled - 1 - i : 15 - i] = bytes[i];
    return DDB_OK;
}

int ddb_text_wide(int type, const uint8_t *text, int64_t size, uint8_t *cell)
{
    memset(cell, 0, 16);
    if (size == 0)
        return DDB_OK;
    if (type != DDB_TYPE_IPADDR)
        return read_hex(text, size, type == DDB_TYPE_UUID, cell);
    if (memchr(text, ':', (size_t)size))
        return read_groups(text, text + size, cell);
    return read_dotted(text, text + size, cell);
}

/* The parts of a printed number. */
typedef struct number {
    const uint8_t *digits; /* first character that is no sign; the point is skipped */
    const uint8_t *end;    /* behind the last digit */
    int64_t count;         /* digits */
    int64_t fraction;      /* of them behind the point */
    int64_t exponent;
    int negative;
} number;

static int split_number(const uint8_t *text, int64_t size, number *parts)
{
    const uint8_t *end = text + size;
    int point = 0;

    memset(parts, 0, sizeof *parts);
    if (text < end && *text == '-') {
        parts->negative = 1;
        text++;
    }
    parts->digits = text;
    for (; text < end && (*text == '.' || (*text >= '0' && *text <= '9')); text++) {
        if (*text == '.') {
            point = 1;
        } else {
            parts->count++;
            parts->fraction += point;
        }
    }
    parts->end = text;
    if (!parts->count)
        return DDB_ERR_KIND; /* NaN, Infinity */
    if (text < end) {
        int negative = 0;
        text++; /* E */
        if (text < end && (*text == '+' || *text == '-'))
            negative = *text++ == '-';
        /* no exponent of interest has more digits than an int64 */
        for (; text < end && parts->exponent < INT64_C(100000000000000); text++)
            parts->exponent = parts->exponent * 10 + (*text - '0');
        if (negative)
            parts->exponent = -parts->exponent;
    }
    return DDB_OK;
}

int ddb_decimal_scale(const uint8_t *text, int64_t size, int64_t *scale)
{
    number parts;
    int status = split_number(text, size, &parts);
    *scale = parts.fraction - parts.exponent;
    return status;
}

int ddb_decimal_write(const uint8_t *text, int64_t size, int scale, int width, uint8_t *cell)
{
    number parts;
    wide_number highest = ((wide_number)1 << (width * 8 - 1)) - 1, value = 0;
    int64_t kept, shift, place = 0;

    if (split_number(text, size, &parts) != DDB_OK) {
        value = highest + 1;
    } else {
        shift = parts.exponent - parts.fraction + scale;
        kept = shift < 0 ? parts.count + shift : parts.count;
        for (const uint8_t *at = parts.digits; at < parts.end; at++) {
            if (*at == '.')
                continue;
            unsigned digit = (unsigned)(*at - '0');
            if (place++ >= kept) {
                /* the first digit that is cut off decides */
                if (place == kept + 1 && digit >= 5)
                    value++;
                break;
            }
            if (value > highest / 10)
                return DDB_ERR_RANGE;
            value = value * 10 + digit;
        }
        for (; shift > 0 && value; shift--) {
            if (value > highest / 10)
                return DDB_ERR_RANGE;
            value *= 10;
        }
        if (value > highest)
            return DDB_ERR_RANGE;
        if (parts.negative)
            value = -value;
    }
    memcpy(cell, &value, (size_t)width);
    return DDB_OK;
}

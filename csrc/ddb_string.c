/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_string.h"
#include "ddb_column.h"

int64_t ddb_utf8_from_ucs1(const uint8_t *units, int64_t count, uint8_t *target)
{
    uint8_t *out = target;
    for (int64_t i = 0; i < count; i++) {
        uint8_t u = units[i];
        if (u < 0x80) {
            *out++ = u;
        } else {
            *out++ = (uint8_t)(0xc0 | (u >> 6));
            *out++ = (uint8_t)(0x80 | (u & 0x3f));
        }
    }
    return out - target;
}

int64_t ddb_utf8_from_ucs2(const uint16_t *units, int64_t count, uint8_t *target)
{
    uint8_t *out = target;
    for (int64_t i = 0; i < count; i++) {
        uint16_t u = units[i];
        if (u < 0x80) {
            *out++ = (uint8_t)u;
        } else if (u < 0x800) {
            *out++ = (uint8_t)(0xc0 | (u >> 6));
            *out++ = (uint8_t)(0x80 | (u & 0x3f));
        } else {
            if (DDB_UNLIKELY((u & 0xf800) == 0xd800))
                return -1 - i;
            *out++ = (uint8_t)(0xe0 | (u >> 12));
            *out++ = (uint8_t)(0x80 | ((u >> 6) & 0x3f));
            *out++ = (uint8_t)(0x80 | (u & 0x3f));
        }
    }
    return out - target;
}

int64_t ddb_utf8_from_ucs4(const uint32_t *units, int64_t count, uint8_t *target)
{
    uint8_t *out = target;
    for (int64_t i = 0; i < count; i++) {
        uint32_t u = units[i];
        if (u < 0x10000) {
            uint16_t unit = (uint16_t)u;
            int64_t size = ddb_utf8_from_ucs2(&unit, 1, out);
            if (DDB_UNLIKELY(size < 0))
                return -1 - i;
            out += size;
        } else {
            *out++ = (uint8_t)(0xf0 | (u >> 18));
            *out++ = (uint8_t)(0x80 | ((u >> 12) & 0x3f));
            *out++ = (uint8_t)(0x80 | ((u >> 6) & 0x3f));
            *out++ = (uint8_t)(0x80 | (u & 0x3f));
        }
    }
    return out - target;
}

int64_t ddb_count_zeros(const uint8_t *data, size_t size)
{
    int64_t total = 0;
    size_t i = 0;
    while (i < size) {
        /* 255 at a time keep the count in bytes, which compilers turn into byte-wide vector adds */
        size_t end = size - i > 255 ? i + 255 : size;
        uint8_t count = 0;
        for (; i < end; i++)
            count = (uint8_t)(count + (data[i] == 0));
        total += count;
    }
    return total;
}

DDB_INLINE int64_t offset_at(const ddb_arrow_text *text, int64_t row)
{
    if (text->wide) {
        int64_t v;
        memcpy(&v, text->offsets + row * 8, 8);
        return v;
    } else {
        int32_t v;
        memcpy(&v, text->offsets + row * 4, 4);
        return v;
    }
}

DDB_INLINE int is_null_at(const ddb_arrow_text *text, int64_t row)
{
    int64_t bit = text->bit_offset + row;
    return text->validity && !((text->validity[bit >> 3] >> (bit & 7)) & 1);
}

/* Size of the cell between two offsets, or a negative status with `error` filled. */
DDB_INLINE int64_t cell_size(const ddb_arrow_text *text, int64_t row, int64_t start, int64_t end, ddb_error *error)
{
    if (DDB_UNLIKELY(start < 0 || end < start || end > text->data_size))
        return ddb_fail(error, DDB_ERR_OFFSETS, row, end);
    if (DDB_UNLIKELY(end - start > DDB_LIMIT_TEXT))
        return ddb_fail(error, DDB_ERR_LENGTH, row, end - start);
    return end - start;
}

int64_t ddb_arrow_text_cell(const ddb_arrow_text *text, int64_t row, const uint8_t **cell, ddb_error *error)
{
    int64_t start = offset_at(text, row);
    *cell = text->data + start;
    if (is_null_at(text, row))
        return 0;
    return cell_size(text, row, start, offset_at(text, row + 1), error);
}

int ddb_arrow_text_check(const ddb_arrow_text *text, int64_t *bytes, ddb_error *error)
{
    int64_t total = text->rows;
    const uint8_t *cell;

    for (int64_t row = 0; row < text->rows; row++) {
        int64_t size = ddb_arrow_text_cell(text, row, &cell, error);
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        if (size && memchr(cell, 0, (size_t)size))
            return ddb_fail(error, DDB_ERR_NUL, row, size);
        total += size;
    }
    *bytes = total;
    return DDB_OK;
}

int ddb_arrow_text_write(const ddb_arrow_text *text, int64_t first, uint8_t *target, size_t capacity, int64_t *rows,
                         size_t *bytes, ddb_error *error)
{
    uint8_t *out = target;
    int64_t row = first;

    for (; row < text->rows; row++) {
        const uint8_t *cell;
        int64_t size = ddb_arrow_text_cell(text, row, &cell, error);
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        if ((size_t)size + 1 > capacity - (size_t)(out - target))
            break;
        if (size)
            memcpy(out, cell, (size_t)size);
        out += size;
        *out++ = 0;
    }
    *rows = row - first;
    *bytes = (size_t)(out - target);
    return DDB_OK;
}

DDB_INLINE int64_t code_at(const ddb_codes *codes, int64_t row)
{
    const char *cell = codes->data + codes->stride * row;
    switch (codes->code_size) {
    case 1: return *(const int8_t *)cell;
    case 2: {
        int16_t v;
        memcpy(&v, cell, 2);
        return v;
    }
    case 4: {
        int32_t v;
        memcpy(&v, cell, 4);
        return v;
    }
    default: {
        int64_t v;
        memcpy(&v, cell, 8);
        return v;
    }
    }
}

int ddb_codes_number(const ddb_codes *codes, int32_t *map, int64_t *order, int64_t *used, ddb_error *error)
{
    int32_t number = 0;

    for (int64_t row = 0; row < codes->rows; row++) {
        int64_t code = code_at(codes, row);
        if (code == -1)
            continue;
        if (DDB_UNLIKELY(code < 0 || code >= codes->categories))
            return ddb_fail(error, DDB_ERR_CODE, row, code);
        if (map[code] == 0) {
            if (DDB_UNLIKELY(number >= DDB_LIMIT_SYMBOLS - 1))
                return ddb_fail(error, DDB_ERR_SYMBOLS, row, codes->categories);
            order[number] = code;
            map[code] = ++number;
        }
    }
    *used = number;
    return DDB_OK;
}

int ddb_codes_write(const ddb_codes *codes, const int32_t *map, int64_t first, int64_t count, int32_t *target,
                    ddb_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t code = code_at(codes, first + i);
        int32_t index = 0;
        if (code != -1) {
            if (DDB_UNLIKELY(code < 0 || code >= codes->categories))
                return ddb_fail(error, DDB_ERR_CODE, first + i, code);
            index = map[code];
        }
        memcpy(target + i, &index, sizeof index);
    }
    return DDB_OK;
}

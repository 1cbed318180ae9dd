/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_blob.h"

/* Where the cell of a row starts, and its size; NULL is empty. Negative: a status, with `error` filled. */
static int64_t find_cell(const ddb_arrow_text *cells, int64_t row, int64_t *start, ddb_error *error)
{
    int64_t bit = cells->bit_offset + row;
    int64_t end;
    *start = 0;
    if (cells->validity && !((cells->validity[bit >> 3] >> (bit & 7)) & 1))
        return 0;
    if (cells->wide) {
        memcpy(start, cells->offsets + row * 8, 8);
        memcpy(&end, cells->offsets + row * 8 + 8, 8);
    } else {
        int32_t pair[2];
        memcpy(pair, cells->offsets + row * 4, 8);
        *start = pair[0];
        end = pair[1];
    }
    if (DDB_UNLIKELY(*start < 0 || end < *start || end > cells->data_size))
        return ddb_fail(error, DDB_ERR_OFFSETS, row, end);
    if (DDB_UNLIKELY(end - *start > INT32_MAX))
        return ddb_fail(error, DDB_ERR_RANGE, row, end - *start);
    return end - *start;
}

int ddb_blob_check(const ddb_arrow_text *cells, int64_t *bytes, ddb_error *error)
{
    int64_t start;
    *bytes = cells->rows * (int64_t)sizeof(int32_t);
    for (int64_t row = 0; row < cells->rows; row++) {
        int64_t size = find_cell(cells, row, &start, error);
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        *bytes += size;
    }
    return DDB_OK;
}

int ddb_blob_write(const ddb_arrow_text *cells, int64_t bytes, uint8_t *target, ddb_error *error)
{
    uint8_t *end = target + bytes;
    int64_t start;
    for (int64_t row = 0; row < cells->rows; row++) {
        int64_t size = find_cell(cells, row, &start, error);
        int32_t prefix = (int32_t)size;
        if (DDB_UNLIKELY(size < 0))
            return (int)size;
        if (DDB_UNLIKELY(size + (int64_t)sizeof prefix > end - target))
            return ddb_fail(error, DDB_ERR_OFFSETS, row, size);
        memcpy(target, &prefix, sizeof prefix);
        target += sizeof prefix;
        if (size)
            memcpy(target, cells->data + start, (size_t)size);
        target += size;
    }
    return target == end ? DDB_OK : ddb_fail(error, DDB_ERR_OFFSETS, cells->rows, 0);
}

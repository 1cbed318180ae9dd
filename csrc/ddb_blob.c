/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_blob.h"

int ddb_blobs_put(ddb_arena *out, const int64_t *offsets, int64_t rows, const uint8_t *data, ddb_error *error)
{
    for (int64_t row = 0; row < rows; row++) {
        int64_t size = offsets[row + 1] - offsets[row];
        if (size > INT32_MAX)
            return ddb_fail(error, DDB_ERR_RANGE, row, size);
        int32_t length = (int32_t)size;
        uint8_t *target = ddb_arena_reserve(out, sizeof length + (size_t)size);
        if (!target)
            return ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
        memcpy(target, &length, sizeof length);
        if (size)
            memcpy(target + sizeof length, data + offsets[row], (size_t)size);
        out->size += sizeof length + (size_t)size;
    }
    return DDB_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_read.h"

int ddb_read_head(ddb_window *window, int *type, int *form)
{
    if (window->size - window->position < 2)
        return DDB_ERR_MORE;
    *type = window->data[window->position];
    *form = window->data[window->position + 1];
    window->position += 2;
    return DDB_OK;
}

int ddb_read_counts(ddb_window *window, int32_t *first, int32_t *second)
{
    if (window->size - window->position < 8)
        return DDB_ERR_MORE;
    memcpy(first, window->data + window->position, 4);
    memcpy(second, window->data + window->position + 4, 4);
    window->position += 8;
    return DDB_OK;
}

int ddb_read_find(const ddb_window *window, uint8_t stop, size_t *size)
{
    const uint8_t *start = window->data + window->position;
    size_t left = window->size - window->position;
    const uint8_t *found = left ? memchr(start, stop, left) : NULL;
    if (!found)
        return DDB_ERR_MORE;
    *size = (size_t)(found - start);
    return DDB_OK;
}

void ddb_read_text(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity, int64_t *ends,
                   int64_t *cells, size_t *bytes)
{
    size_t used = 0;
    int64_t done = 0;

    while (done < count) {
        size_t size;
        if (ddb_read_find(window, 0, &size) != DDB_OK || size > capacity - used)
            break;
        memcpy(target + used, window->data + window->position, size);
        window->position += size + 1;
        used += size;
        ends[done++] = base + (int64_t)used;
    }
    *cells = done;
    *bytes = used;
}

int64_t ddb_read_check_indices(const int32_t *indices, int64_t count, int32_t symbols)
{
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= symbols)
            return i;
    return -1;
}

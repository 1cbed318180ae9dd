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

int ddb_read_int(ddb_window *window, int32_t *value)
{
    if (window->size - window->position < 4)
        return DDB_ERR_MORE;
    memcpy(value, window->data + window->position, 4);
    window->position += 4;
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

void ddb_read_blobs(ddb_window *window, int64_t count, int64_t base, uint8_t *target, size_t capacity, int64_t *ends,
                    int64_t *cells, size_t *bytes)
{
    size_t used = 0;
    int64_t done = 0;

    while (done < count && window->size - window->position >= 4) {
        int32_t size;
        memcpy(&size, window->data + window->position, 4);
        if (size < 0 || (size_t)size > window->size - window->position - 4 || (size_t)size > capacity - used)
            break;
        memcpy(target + used, window->data + window->position + 4, (size_t)size);
        window->position += 4 + (size_t)size;
        used += (size_t)size;
        ends[done++] = base + (int64_t)used;
    }
    *cells = done;
    *bytes = used;
}

int ddb_read_array_head(ddb_window *window, int64_t rows_left, int *rows, int *width)
{
    const uint8_t *head = window->data + window->position;
    if (window->size - window->position < 4)
        return DDB_ERR_MORE;
    *rows = head[0] | head[1] << 8;
    *width = head[2];
    if (*rows == 0 || *rows > rows_left || (*width != 1 && *width != 2 && *width != 4))
        return DDB_ERR_MALFORMED;
    window->position += 4;
    return DDB_OK;
}

int ddb_read_array_counts(ddb_window *window, int rows, int width, int64_t base, int64_t *ends)
{
    const uint8_t *counts = window->data + window->position;
    size_t size = (size_t)rows * (size_t)width;

    if (window->size - window->position < size)
        return DDB_ERR_MORE;
    for (int i = 0; i < rows; i++) {
        uint32_t count = 0;
        memcpy(&count, counts + (size_t)i * (size_t)width, (size_t)width);
        base += count;
        ends[i] = base;
    }
    window->position += size;
    return DDB_OK;
}

int64_t ddb_read_check_indices(const int32_t *indices, int64_t count, int32_t symbols)
{
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= symbols)
            return i;
    return -1;
}

/* In blocks, so that a find ends the search and the loop inside is free of branches. */
#define DDB_READ_CONTAINS(T)                                                                                           \
    for (int64_t done = 0; done < count; done += 4096) {                                                               \
        const T *block = (const T *)cells + done;                                                                      \
        int64_t size = count - done < 4096 ? count - done : 4096;                                                      \
        T found = 0;                                                                                                   \
        for (int64_t i = 0; i < size; i++)                                                                             \
            found |= (T)(block[i] == (T)bits);                                                                         \
        if (found)                                                                                                     \
            return 1;                                                                                                  \
    }                                                                                                                  \
    return 0

int ddb_read_contains(const void *cells, int width, int64_t count, uint64_t bits)
{
    switch (width) {
    case 1: DDB_READ_CONTAINS(uint8_t);
    case 2: DDB_READ_CONTAINS(uint16_t);
    case 4: DDB_READ_CONTAINS(uint32_t);
    default: DDB_READ_CONTAINS(uint64_t);
    }
}

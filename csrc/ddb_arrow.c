/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_arrow.h"

/* Far beyond any array, and sums of a few of them do not overflow. */
#define MOST_ROWS (INT64_MAX / 256)

const char *ddb_arrow_describe(const ddb_arrow_array *array, int64_t first, int64_t rows, int64_t buffers, int more,
                               int64_t children, int dictionary, ddb_arrow_part *part)
{
    if (!array || !array->release)
        return "it is missing, or was released";
    if (array->length < 0 || array->offset < 0 || array->length > MOST_ROWS || array->offset > MOST_ROWS)
        return "its length or offset is out of range";
    if (first < 0 || first > array->length || rows > array->length - first)
        return "it is too short";
    if (array->null_count < -1 || array->null_count > array->length)
        return "its number of nulls is out of range";
    if (more ? array->n_buffers < buffers : array->n_buffers != buffers)
        return "its number of buffers is not that of its type";
    if (array->n_buffers && !array->buffers)
        return "its buffers are missing";
    if (array->n_children != children)
        return "its number of children is not that of its type";
    if (children && !array->children)
        return "its children are missing";
    if (!array->dictionary != !dictionary)
        return "its dictionary is not that of its type";
    part->array = array;
    part->offset = array->offset + first;
    part->rows = rows < 0 ? array->length - first : rows;
    part->validity = NULL;
    if (array->null_count != 0 && buffers) {
        part->validity = array->buffers[0];
        if (!part->validity && array->null_count > 0)
            return "it has nulls, but says not which rows";
    }
    return NULL;
}

DDB_INLINE int is_valid(const uint8_t *validity, int64_t bit)
{
    return !validity || ((validity[bit >> 3] >> (bit & 7)) & 1);
}

int ddb_arrow_has_nulls(const ddb_arrow_part *part)
{
    for (int64_t row = 0; part->validity && row < part->rows; row++)
        if (!is_valid(part->validity, part->offset + row))
            return 1;
    return 0;
}

enum { VIEW = 16, INLINED = 12 };

DDB_INLINE int64_t size_of(const char *view)
{
    int32_t size;
    memcpy(&size, view, sizeof size);
    return size;
}

/* Where the bytes of a view that are not in it lie; NULL: outside their buffer. */
DDB_INLINE const uint8_t *find_bytes(const ddb_views *views, const char *view, int64_t size)
{
    int32_t place[2];
    int64_t whole;
    memcpy(place, view + 8, sizeof place);
    if (DDB_UNLIKELY(place[0] < 0 || place[0] >= views->buffer_count || !views->buffers[place[0]]))
        return NULL;
    memcpy(&whole, views->sizes + place[0] * (int64_t)sizeof whole, sizeof whole);
    if (DDB_UNLIKELY(place[1] < 0 || place[1] > whole - size))
        return NULL;
    return (const uint8_t *)views->buffers[place[0]] + place[1];
}

int ddb_views_measure(const ddb_views *views, int64_t limit, int64_t *bytes, ddb_error *error)
{
    const char *view = views->views;
    int64_t total = 0;

    if (!views->validity) {
        /* mostly all are short: their sum, unless one is not */
        uint32_t longest = 0;
        for (int64_t row = 0; row < views->rows; row++) {
            uint32_t size = (uint32_t)size_of(view + row * VIEW);
            longest |= size > INLINED;
            total += size;
        }
        *bytes = total;
        if (!longest)
            return DDB_OK;
        total = 0;
    }
    for (int64_t row = 0; row < views->rows; row++, view += VIEW) {
        int64_t size = size_of(view);
        if (DDB_LIKELY((uint64_t)size <= INLINED)) {
            total += is_valid(views->validity, views->bit_offset + row) ? size : 0;
            continue;
        }
        if (!is_valid(views->validity, views->bit_offset + row))
            continue;
        if (DDB_UNLIKELY(size < 0 || !find_bytes(views, view, size)))
            return ddb_fail(error, DDB_ERR_OFFSETS, views->first_row + row, size);
        if (DDB_UNLIKELY(size > limit))
            return ddb_fail(error, DDB_ERR_LENGTH, views->first_row + row, size);
        total += size;
    }
    *bytes = total;
    return DDB_OK;
}

/* One row behind another; returns its size, or -1 if there is no room or it lies outside its buffer. Rows are checked
 * again, so that memory that was changed meanwhile can't make it read or write outside. */
DDB_INLINE int64_t copy_row(const ddb_views *views, int64_t row, uint8_t *target, const uint8_t *end)
{
    const char *view = views->views + row * VIEW;
    int64_t size = size_of(view);

    if (!is_valid(views->validity, views->bit_offset + row))
        return 0;
    if (DDB_LIKELY((uint64_t)size <= INLINED)) {
        if (DDB_LIKELY(end - target >= VIEW - 4)) /* the rest of the view, whatever is in it */
            memcpy(target, view + 4, VIEW - 4);
        else if (size <= end - target)
            memcpy(target, view + 4, (size_t)size);
        else
            return -1;
        return size;
    }
    const uint8_t *source = size < 0 ? NULL : find_bytes(views, view, size);
    if (DDB_UNLIKELY(!source || size > end - target))
        return -1;
    memcpy(target, source, (size_t)size);
    return size;
}

int ddb_views_write(const ddb_views *views, int64_t bytes, uint8_t *target, ddb_error *error)
{
    uint8_t *out = target;
    uint8_t *end = target + bytes + views->rows;

    for (int64_t row = 0; row < views->rows; row++) {
        /* what the NULs of this row and the later ones need is kept free */
        int64_t size = copy_row(views, row, out, end - (views->rows - row));
        if (DDB_UNLIKELY(size < 0))
            return ddb_fail(error, DDB_ERR_OFFSETS, views->first_row + row, 0);
        out += size;
        *out++ = 0;
    }
    if (DDB_UNLIKELY(out != end))
        return ddb_fail(error, DDB_ERR_OFFSETS, views->first_row + views->rows, 0);
    if (DDB_LIKELY(views->kernels->count_zeros(target, (size_t)(end - target)) == views->rows))
        return DDB_OK;
    out = target;
    for (int64_t row = 0; row < views->rows; row++) {
        int64_t size = is_valid(views->validity, views->bit_offset + row) ? size_of(views->views + row * VIEW) : 0;
        if (size < 0 || size > end - out || (size && memchr(out, 0, (size_t)size)))
            return ddb_fail(error, DDB_ERR_NUL, views->first_row + row, size);
        out += size + 1;
    }
    return ddb_fail(error, DDB_ERR_NUL, -1, 0);
}

int ddb_views_flatten(const ddb_views *views, int64_t bytes, int64_t *offsets, uint8_t *target, ddb_error *error)
{
    int64_t done = 0;

    offsets[0] = 0;
    for (int64_t row = 0; row < views->rows; row++) {
        int64_t size = copy_row(views, row, target + done, target + bytes);
        if (DDB_UNLIKELY(size < 0))
            return ddb_fail(error, DDB_ERR_OFFSETS, views->first_row + row, 0);
        done += size;
        offsets[row + 1] = done;
    }
    return DDB_OK;
}

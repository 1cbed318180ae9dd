/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_column.h"

/* Cells gathered at a time from strided or byte-swapped memory: 4 KiB of 8-byte cells stay in L1. */
enum { GATHER_CELLS = 512 };

/* Whether source cells already are wire cells. */
enum { WIRE_NEVER, WIRE_ALWAYS, WIRE_IF_FINITE };

static const struct {
    uint8_t source_size, target_size, wire;
} layouts[DDB_CONV_COUNT] = {
    [DDB_CONV_COPY8] = {1, 1, WIRE_ALWAYS},
    [DDB_CONV_COPY16] = {2, 2, WIRE_ALWAYS},
    [DDB_CONV_COPY32] = {4, 4, WIRE_ALWAYS},
    [DDB_CONV_COPY64] = {8, 8, WIRE_ALWAYS},
    [DDB_CONV_F32_FLOAT] = {4, 4, WIRE_IF_FINITE},
    [DDB_CONV_F64_DOUBLE] = {8, 8, WIRE_IF_FINITE},
    [DDB_CONV_U8_SHORT] = {1, 2, WIRE_NEVER},
    [DDB_CONV_U16_INT] = {2, 4, WIRE_NEVER},
    [DDB_CONV_U32_LONG] = {4, 8, WIRE_NEVER},
    /* checked in the check pass and sent as it lies; the produce pass re-checks only what it copies */
    [DDB_CONV_U64_LONG] = {8, 8, WIRE_ALWAYS},
    [DDB_CONV_I64S_DATETIME] = {8, 4, WIRE_NEVER},
    [DDB_CONV_I64US_NANOTIMESTAMP] = {8, 8, WIRE_NEVER},
};

size_t ddb_column_target_size(int conversion)
{
    return layouts[conversion].target_size;
}

#define GATHER(T, SWAP)                                                                                                \
    do {                                                                                                               \
        char *out = target;                                                                                            \
        for (int64_t i = 0; i < count; i++, source += stride, out += sizeof(T)) {                                      \
            T v;                                                                                                       \
            memcpy(&v, source, sizeof v);                                                                              \
            v = swap ? (T)SWAP(v) : v;                                                                                 \
            memcpy(out, &v, sizeof v);                                                                                 \
        }                                                                                                              \
    } while (0)

void ddb_column_gather(const char *source, ptrdiff_t stride, size_t size, int swap, int64_t count, void *target)
{
    switch (size) {
    case 1: GATHER(uint8_t, (uint8_t)); break;
    case 2: GATHER(uint16_t, __builtin_bswap16); break;
    case 4: GATHER(uint32_t, __builtin_bswap32); break;
    default: GATHER(uint64_t, __builtin_bswap64); break;
    }
}

DDB_INLINE int is_contiguous(const ddb_column *column)
{
    return column->stride == (ptrdiff_t)layouts[column->conversion].source_size && !column->swap;
}

static int refuse(const ddb_column *column, int64_t row, ddb_error *error)
{
    int64_t value = 0;
    size_t size = layouts[column->conversion].source_size;
    ddb_column_gather(column->data + column->stride * row, 0, size, column->swap, 1, &value);
    return ddb_fail(error, DDB_ERR_RANGE, row, value);
}

int ddb_column_check(const ddb_column *column, ddb_error *error)
{
    int64_t (*check)(const void *, int64_t) = column->kernels->check[column->conversion];
    size_t size = layouts[column->conversion].source_size;
    uint64_t cells[GATHER_CELLS];

    if (!check)
        return DDB_OK;
    if (is_contiguous(column)) {
        int64_t bad = check(column->data, column->rows);
        return bad < 0 ? DDB_OK : refuse(column, bad, error);
    }
    for (int64_t done = 0; done < column->rows; done += GATHER_CELLS) {
        int64_t count = column->rows - done < GATHER_CELLS ? column->rows - done : GATHER_CELLS;
        ddb_column_gather(column->data + column->stride * done, column->stride, size, column->swap, count, cells);
        int64_t bad = check(cells, count);
        if (bad >= 0)
            return refuse(column, done + bad, error);
    }
    return DDB_OK;
}

int ddb_column_write(const ddb_column *column, int64_t first, int64_t count, void *target, ddb_error *error)
{
    int64_t (*convert)(const void *, int64_t, void *) = column->kernels->convert[column->conversion];
    size_t source_size = layouts[column->conversion].source_size;
    size_t target_size = layouts[column->conversion].target_size;
    uint64_t cells[GATHER_CELLS];
    int64_t bad;

    if (is_contiguous(column)) {
        bad = convert(column->data + (size_t)first * source_size, count, target);
        return bad < 0 ? DDB_OK : refuse(column, first + bad, error);
    }
    for (int64_t done = 0; done < count; done += GATHER_CELLS) {
        int64_t part = count - done < GATHER_CELLS ? count - done : GATHER_CELLS;
        ddb_column_gather(column->data + column->stride * (first + done), column->stride, source_size, column->swap,
                          part, cells);
        bad = convert(cells, part, (char *)target + (size_t)done * target_size);
        if (bad >= 0)
            return refuse(column, first + done + bad, error);
    }
    return DDB_OK;
}

int ddb_column_is_wire(const ddb_column *column)
{
    return layouts[column->conversion].wire == WIRE_ALWAYS && is_contiguous(column);
}

int64_t ddb_column_borrow(const ddb_column *column, int64_t first, int64_t count, ddb_piece *piece)
{
    size_t size = layouts[column->conversion].source_size;
    const char *cells = column->data + (size_t)first * size;

    if (!is_contiguous(column))
        return 0;
    switch (layouts[column->conversion].wire) {
    case WIRE_ALWAYS: break;
    case WIRE_IF_FINITE:
        if (!(size == 8 ? column->kernels->is_finite_f64(cells, count) : column->kernels->is_finite_f32(cells, count)))
            return 0;
        break;
    default: return 0;
    }
    piece->data = cells;
    piece->size = (size_t)count * size;
    return count;
}

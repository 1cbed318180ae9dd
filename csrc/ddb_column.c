/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_column.h"

/* Cells gathered at a time from strided or byte-swapped memory: 4 KiB of 8-byte cells stay in L1. */
enum { GATHER_CELLS = 512 };

/* Loads and stores go through memcpy: numpy arrays may be unaligned, the wire always is. Compilers turn
 * them into plain (vector) moves. */
#define LOAD(T, p, i) ddb_load_##T((const char *)(p) + (size_t)(i) * sizeof(T))
#define STORE(T, p, i, v) ddb_store_##T((char *)(p) + (size_t)(i) * sizeof(T), (v))
#define ACCESS(T)                                                                                                      \
    DDB_INLINE T ddb_load_##T(const char *p)                                                                           \
    {                                                                                                                  \
        T v;                                                                                                           \
        memcpy(&v, p, sizeof v);                                                                                       \
        return v;                                                                                                      \
    }                                                                                                                  \
    DDB_INLINE void ddb_store_##T(char *p, T v)                                                                        \
    {                                                                                                                  \
        memcpy(p, &v, sizeof v);                                                                                       \
    }
ACCESS(uint8_t)
ACCESS(uint16_t)
ACCESS(uint32_t)
ACCESS(uint64_t)
ACCESS(int16_t)
ACCESS(int32_t)
ACCESS(int64_t)

/* A kernel converts `count` contiguous cells; a check only looks. Both return -1, or the first bad row. */
typedef int64_t (*convert_function)(const void *source, int64_t count, void *target);
typedef int64_t (*check_function)(const void *source, int64_t count);

#define COPY(BITS)                                                                                                     \
    static int64_t ddb_conv_copy##BITS(const void *source, int64_t count, void *target)                                \
    {                                                                                                                  \
        memcpy(target, source, (size_t)count * (BITS / 8));                                                            \
        return -1;                                                                                                     \
    }
COPY(8)
COPY(16)
COPY(32)
COPY(64)

#define F32_EXPONENT UINT32_C(0x7f800000)
#define F64_EXPONENT UINT64_C(0x7ff0000000000000)

static int64_t ddb_conv_f32_float(const void *source, int64_t count, void *target)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t v = LOAD(uint32_t, source, i);
        STORE(uint32_t, target, i, (v & F32_EXPONENT) == F32_EXPONENT ? DDB_NULL_FLOAT_BITS : v);
    }
    return -1;
}

static int64_t ddb_conv_f64_double(const void *source, int64_t count, void *target)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t v = LOAD(uint64_t, source, i);
        STORE(uint64_t, target, i, (v & F64_EXPONENT) == F64_EXPONENT ? DDB_NULL_DOUBLE_BITS : v);
    }
    return -1;
}

/* 1 if every cell is finite. Blocks of 1,024 cells, so that a NaN early in a column ends the scan early. */
static int ddb_is_finite_f32(const void *source, int64_t count)
{
    for (int64_t done = 0; done < count;) {
        int64_t end = count - done > 1024 ? done + 1024 : count;
        uint32_t found = 0;
        for (int64_t i = done; i < end; i++)
            found |= (uint32_t)((LOAD(uint32_t, source, i) & F32_EXPONENT) == F32_EXPONENT);
        if (found)
            return 0;
        done = end;
    }
    return 1;
}

static int ddb_is_finite_f64(const void *source, int64_t count)
{
    for (int64_t done = 0; done < count;) {
        int64_t end = count - done > 1024 ? done + 1024 : count;
        uint64_t found = 0;
        for (int64_t i = done; i < end; i++)
            found |= (uint64_t)((LOAD(uint64_t, source, i) & F64_EXPONENT) == F64_EXPONENT);
        if (found)
            return 0;
        done = end;
    }
    return 1;
}

#define WIDEN(NAME, FROM, TO)                                                                                          \
    static int64_t NAME(const void *source, int64_t count, void *target)                                               \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            STORE(TO, target, i, (TO)LOAD(FROM, source, i));                                                           \
        return -1;                                                                                                     \
    }
WIDEN(ddb_conv_u8_short, uint8_t, int16_t)
WIDEN(ddb_conv_u16_int, uint16_t, int32_t)
WIDEN(ddb_conv_u32_long, uint32_t, int64_t)

static int64_t ddb_check_u64_long(const void *source, int64_t count)
{
    uint64_t bits = 0;
    for (int64_t i = 0; i < count; i++)
        bits |= LOAD(uint64_t, source, i);
    if (DDB_LIKELY(bits <= INT64_MAX))
        return -1;
    for (int64_t i = 0; i < count; i++)
        if (LOAD(uint64_t, source, i) > INT64_MAX)
            return i;
    return -1;
}

static int64_t ddb_conv_u64_long(const void *source, int64_t count, void *target)
{
    memcpy(target, source, (size_t)count * 8);
    return ddb_check_u64_long(target, count);
}

/* INT32_MIN itself would read as NULL, so it is outside too. */
DDB_INLINE int is_bad_second(int64_t v)
{
    return (v > INT32_MAX || v <= INT32_MIN) && v != INT64_MIN;
}

static int64_t first_bad_second(const void *source, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (is_bad_second(LOAD(int64_t, source, i)))
            return i;
    return -1;
}

static int64_t ddb_check_i64s_datetime(const void *source, int64_t count)
{
    int bad = 0;
    for (int64_t i = 0; i < count; i++)
        bad |= is_bad_second(LOAD(int64_t, source, i));
    return bad ? first_bad_second(source, count) : -1;
}

static int64_t ddb_conv_i64s_datetime(const void *source, int64_t count, void *target)
{
    int bad = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t v = LOAD(int64_t, source, i);
        bad |= is_bad_second(v);
        STORE(int32_t, target, i, v == INT64_MIN ? DDB_NULL_INT : (int32_t)v);
    }
    return bad ? first_bad_second(source, count) : -1;
}

enum { NS_PER_US = 1000 };

DDB_INLINE int is_bad_microsecond(int64_t v)
{
    return (v > INT64_MAX / NS_PER_US || v < -(INT64_MAX / NS_PER_US)) && v != INT64_MIN;
}

static int64_t first_bad_microsecond(const void *source, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (is_bad_microsecond(LOAD(int64_t, source, i)))
            return i;
    return -1;
}

static int64_t ddb_check_i64us_nanotimestamp(const void *source, int64_t count)
{
    int bad = 0;
    for (int64_t i = 0; i < count; i++)
        bad |= is_bad_microsecond(LOAD(int64_t, source, i));
    return bad ? first_bad_microsecond(source, count) : -1;
}

static int64_t ddb_conv_i64us_nanotimestamp(const void *source, int64_t count, void *target)
{
    int bad = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t v = LOAD(int64_t, source, i);
        bad |= is_bad_microsecond(v);
        /* unsigned: an overflow here is refused below, it must not be undefined first */
        STORE(int64_t, target, i, v == INT64_MIN ? v : (int64_t)((uint64_t)v * NS_PER_US));
    }
    return bad ? first_bad_microsecond(source, count) : -1;
}

/* Whether source cells already are wire cells. */
enum { WIRE_NEVER, WIRE_ALWAYS, WIRE_IF_FINITE };

static const struct {
    uint8_t source_size, target_size, wire;
    convert_function convert;
    check_function check;
} kernels[DDB_CONV_COUNT] = {
    [DDB_CONV_COPY8] = {1, 1, WIRE_ALWAYS, ddb_conv_copy8, NULL},
    [DDB_CONV_COPY16] = {2, 2, WIRE_ALWAYS, ddb_conv_copy16, NULL},
    [DDB_CONV_COPY32] = {4, 4, WIRE_ALWAYS, ddb_conv_copy32, NULL},
    [DDB_CONV_COPY64] = {8, 8, WIRE_ALWAYS, ddb_conv_copy64, NULL},
    [DDB_CONV_F32_FLOAT] = {4, 4, WIRE_IF_FINITE, ddb_conv_f32_float, NULL},
    [DDB_CONV_F64_DOUBLE] = {8, 8, WIRE_IF_FINITE, ddb_conv_f64_double, NULL},
    [DDB_CONV_U8_SHORT] = {1, 2, WIRE_NEVER, ddb_conv_u8_short, NULL},
    [DDB_CONV_U16_INT] = {2, 4, WIRE_NEVER, ddb_conv_u16_int, NULL},
    [DDB_CONV_U32_LONG] = {4, 8, WIRE_NEVER, ddb_conv_u32_long, NULL},
    /* checked in the check pass and sent as it lies; the produce pass re-checks only what it copies */
    [DDB_CONV_U64_LONG] = {8, 8, WIRE_ALWAYS, ddb_conv_u64_long, ddb_check_u64_long},
    [DDB_CONV_I64S_DATETIME] = {8, 4, WIRE_NEVER, ddb_conv_i64s_datetime, ddb_check_i64s_datetime},
    [DDB_CONV_I64US_NANOTIMESTAMP] = {8, 8, WIRE_NEVER, ddb_conv_i64us_nanotimestamp, ddb_check_i64us_nanotimestamp},
};

size_t ddb_column_source_size(int conversion)
{
    return kernels[conversion].source_size;
}

size_t ddb_column_target_size(int conversion)
{
    return kernels[conversion].target_size;
}

#define GATHER(T, SWAP)                                                                                                \
    do {                                                                                                               \
        for (int64_t i = 0; i < count; i++, source += stride) {                                                        \
            T v = ddb_load_##T(source);                                                                                \
            STORE(T, target, i, swap ? SWAP(v) : v);                                                                   \
        }                                                                                                              \
    } while (0)

void ddb_column_gather(const char *source, ptrdiff_t stride, size_t size, int swap, int64_t count, void *target)
{
    switch (size) {
    case 1: swap = 0; GATHER(uint8_t, (uint8_t)); break;
    case 2: GATHER(uint16_t, __builtin_bswap16); break;
    case 4: GATHER(uint32_t, __builtin_bswap32); break;
    default: GATHER(uint64_t, __builtin_bswap64); break;
    }
}

DDB_INLINE int is_contiguous(const ddb_column *column)
{
    return column->stride == (ptrdiff_t)kernels[column->conversion].source_size && !column->swap;
}

static int refuse(const ddb_column *column, int64_t row, ddb_error *error)
{
    int64_t value = 0;
    size_t size = kernels[column->conversion].source_size;
    ddb_column_gather(column->data + column->stride * row, 0, size, column->swap, 1, &value);
    return ddb_fail(error, DDB_ERR_RANGE, row, value);
}

int ddb_column_check(const ddb_column *column, ddb_error *error)
{
    check_function check = kernels[column->conversion].check;
    size_t size = kernels[column->conversion].source_size;
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
    convert_function convert = kernels[column->conversion].convert;
    size_t source_size = kernels[column->conversion].source_size;
    size_t target_size = kernels[column->conversion].target_size;
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
    return kernels[column->conversion].wire == WIRE_ALWAYS && is_contiguous(column);
}

int64_t ddb_column_borrow(const ddb_column *column, int64_t first, int64_t count, ddb_piece *piece)
{
    size_t size = kernels[column->conversion].source_size;
    const char *cells = column->data + (size_t)first * size;

    if (!is_contiguous(column))
        return 0;
    switch (kernels[column->conversion].wire) {
    case WIRE_ALWAYS: break;
    case WIRE_IF_FINITE:
        if (!(size == 8 ? ddb_is_finite_f64(cells, count) : ddb_is_finite_f32(cells, count)))
            return 0;
        break;
    default: return 0;
    }
    piece->data = cells;
    piece->size = (size_t)count * size;
    return count;
}

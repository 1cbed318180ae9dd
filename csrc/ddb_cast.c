/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_cast.h"
#include "ddb_column.h"
#include "ddb_moment.h"
#include <stdlib.h>

/* Cells at a time: what a block needs stays in L1. */
enum { BLOCK = 256 };

__extension__ typedef __int128 wide;

#define WIDE_MIN ((wide)((__extension__(unsigned __int128) 1) << 127))

static const uint8_t load_sizes[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 16, 16};
static const uint8_t store_sizes[] = {1, 2, 4, 8, 4, 8, 16, 16};

size_t ddb_cast_target_size(const ddb_cast *cast)
{
    return store_sizes[cast->store];
}

/* -- NULLs ---------------------------------------------------------------------------------------------------------- */

/* Does any of the bits [first, first + count) differ from 1? A word at a time. */
static int has_zero_bit(const uint8_t *bitmap, int64_t first, int64_t count)
{
    int64_t bit = first, end = first + count;
    for (; bit < end && (bit & 7); bit++)
        if (!((bitmap[bit >> 3] >> (bit & 7)) & 1))
            return 1;
    for (; bit + 64 <= end; bit += 64) {
        uint64_t word;
        memcpy(&word, bitmap + (bit >> 3), sizeof word);
        if (~word)
            return 1;
    }
    for (; bit < end; bit++)
        if (!((bitmap[bit >> 3] >> (bit & 7)) & 1))
            return 1;
    return 0;
}

/* The smallest value of the source's type. */
DDB_INLINE int64_t lowest(const ddb_cast *cast)
{
    return INT64_MIN >> (64 - 8 * load_sizes[cast->load]);
}

/* Mark the block's NULLs with 1; returns whether there are any. */
static int find_nulls(const ddb_cells *cells, int64_t first, int64_t count, uint8_t *nulls)
{
    uint8_t any = 0;
    memset(nulls, 0, (size_t)count);
    if (cells->bitmap && has_zero_bit(cells->bitmap, cells->bit_offset + first, count)) {
        int64_t bit = cells->bit_offset + first;
        for (int64_t i = 0; i < count; i++, bit++)
            nulls[i] = !((cells->bitmap[bit >> 3] >> (bit & 7)) & 1);
        any = 1;
    }
    if (cells->mask) {
        const uint8_t *mask = cells->mask + cells->mask_stride * first;
        for (int64_t i = 0; i < count; i++) {
            nulls[i] |= mask[cells->mask_stride * i] != 0;
            any |= nulls[i];
        }
    }
    return any;
}

/* -- loading -------------------------------------------------------------------------------------------------------- */

/* Where the block's cells lie side by side in the host's byte order; `room` is used if they must be brought there. */
static const char *adjacent(const ddb_cells *cells, size_t size, int64_t first, int64_t count, void *room)
{
    const char *data = cells->data + cells->stride * first;
    if (cells->stride == (ptrdiff_t)size && !cells->swap)
        return data;
    ddb_column_gather(data, cells->stride, size, cells->swap, count, room);
    return room;
}

#define EACH(T, ASSIGN)                                                                                                \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        T v;                                                                                                           \
        memcpy(&v, data + (size_t)i * sizeof v, sizeof v);                                                             \
        ASSIGN;                                                                                                        \
    }                                                                                                                  \
    break

static void load_integers(const ddb_cells *cells, int load, int64_t first, int64_t count, int64_t *target)
{
    uint64_t room[BLOCK];
    const char *data = load == DDB_LOAD_BIT ? cells->data : adjacent(cells, load_sizes[load], first, count, room);
    switch (load) {
    case DDB_LOAD_BIT:
        for (int64_t i = 0, bit = cells->bit_offset + first; i < count; i++, bit++)
            target[i] = (data[bit >> 3] >> (bit & 7)) & 1;
        break;
    case DDB_LOAD_I8: EACH(int8_t, target[i] = v);
    case DDB_LOAD_I16: EACH(int16_t, target[i] = v);
    case DDB_LOAD_I32: EACH(int32_t, target[i] = v);
    case DDB_LOAD_U8: EACH(uint8_t, target[i] = v);
    case DDB_LOAD_U16: EACH(uint16_t, target[i] = v);
    case DDB_LOAD_U32: EACH(uint32_t, target[i] = v);
    default: EACH(int64_t, target[i] = v); /* of U64 what is too large turns negative, which `low` refuses */
    }
}

static void load_floats(const ddb_cells *cells, int load, int64_t first, int64_t count, double *target)
{
    uint64_t room[BLOCK];
    int64_t integers[BLOCK];
    const char *data;
    switch (load) {
    case DDB_LOAD_F32: data = adjacent(cells, 4, first, count, room); EACH(float, target[i] = v);
    case DDB_LOAD_F64: data = adjacent(cells, 8, first, count, room); EACH(double, target[i] = v);
    case DDB_LOAD_U64: data = adjacent(cells, 8, first, count, room); EACH(uint64_t, target[i] = (double)v);
    default:
        load_integers(cells, load, first, count, integers);
        for (int64_t i = 0; i < count; i++)
            target[i] = (double)integers[i];
    }
}

static void load_decimals(const ddb_cells *cells, int load, int64_t first, int64_t count, wide *target)
{
    int64_t integers[BLOCK];
    if (load == DDB_LOAD_I128) {
        for (int64_t i = 0; i < count; i++)
            memcpy(&target[i], cells->data + cells->stride * (first + i), 16);
        return;
    }
    load_integers(cells, load, first, count, integers);
    for (int64_t i = 0; i < count; i++)
        target[i] = load == DDB_LOAD_U64 ? (wide)(uint64_t)integers[i] : integers[i];
}

/* -- storing -------------------------------------------------------------------------------------------------------- */

#define STORE_EACH(T, VALUE)                                                                                           \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        T v = (T)(VALUE);                                                                                              \
        memcpy((char *)target + (size_t)i * sizeof v, &v, sizeof v);                                                   \
    }                                                                                                                  \
    break

static void store_integers(const ddb_cast *cast, const int64_t *values, int64_t count, void *target)
{
    switch (cast->store) {
    case DDB_STORE_I8: STORE_EACH(int8_t, values[i]);
    case DDB_STORE_I16: STORE_EACH(int16_t, values[i]);
    case DDB_STORE_I32: STORE_EACH(int32_t, values[i]);
    default: STORE_EACH(int64_t, values[i]);
    }
}

/* -- integers ------------------------------------------------------------------------------------------------------- */

DDB_INLINE int64_t divide_down(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;
    return quotient - (value % divisor < 0);
}

static int64_t first_outside(const int64_t *values, int64_t count, int64_t low, int64_t high)
{
    for (int64_t i = 0; i < count; i++)
        if (values[i] < low || values[i] > high)
            return i;
    return -1;
}

/* The steps of the cast on `values`, NULLs being anything; afterwards they are the store's NULL. */
static int64_t convert_integers(const ddb_cast *cast, int64_t *values, int64_t count, uint8_t *nulls, int any)
{
    int64_t bad = 0;
    if (cast->flags & DDB_CAST_LOWEST_NULL) {
        int64_t null = lowest(cast);
        uint8_t found = 0;
        for (int64_t i = 0; i < count; i++) {
            nulls[i] |= values[i] == null;
            found |= nulls[i];
        }
        any |= found;
    }
    if (any)
        for (int64_t i = 0; i < count; i++)
            values[i] = nulls[i] ? 0 : values[i];
    if (cast->modulo)
        for (int64_t i = 0; i < count; i++)
            values[i] -= divide_down(values[i], cast->modulo) * cast->modulo;
    if (cast->divide != 1)
        for (int64_t i = 0; i < count; i++)
            values[i] = divide_down(values[i], cast->divide);
    if (cast->flags & DDB_CAST_MONTH) {
        for (int64_t i = 0; i < count; i++)
            values[i] = ddb_months_from_days(values[i]);
        if (any) /* they are month 23640 now, which `low` to `high` hold too */
            for (int64_t i = 0; i < count; i++)
                values[i] = nulls[i] ? 0 : values[i];
    }
    for (int64_t i = 0; i < count; i++)
        bad |= (values[i] < cast->low) | (values[i] > cast->high);
    if (DDB_UNLIKELY(bad))
        return first_outside(values, count, cast->low, cast->high);
    if (cast->multiply != 1)
        for (int64_t i = 0; i < count; i++)
            values[i] *= cast->multiply;
    if (any)
        for (int64_t i = 0; i < count; i++)
            values[i] = nulls[i] ? cast->null : values[i];
    return -1;
}

/* -- floats --------------------------------------------------------------------------------------------------------- */

#define EXACT_DOUBLE 9007199254740992 /* up to it every whole number is a double */
#define TWO_63 9223372036854775808.0
#define TWO_127 170141183460469231731687303715884105728.0

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12,
                                1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25,
                                1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38};

DDB_INLINE int is_finite(double v)
{
    return v - v == 0;
}

static void mark_nulls(const ddb_cast *cast, const double *values, int64_t count, uint8_t *nulls)
{
    int all = cast->flags & DDB_CAST_INFINITE_NULL;
    for (int64_t i = 0; i < count; i++)
        nulls[i] |= all ? !is_finite(values[i]) : values[i] != values[i];
}

static int64_t store_floats(const ddb_cast *cast, double *values, int64_t count, uint8_t *nulls, void *target)
{
    if (cast->flags & (DDB_CAST_INFINITE_NULL | DDB_CAST_NAN_NULL))
        mark_nulls(cast, values, count, nulls);
    for (int64_t i = 0; i < count; i++) {
        if (cast->store == DDB_STORE_F64) {
            static const uint64_t null = DDB_NULL_DOUBLE_BITS;
            memcpy((char *)target + i * 8, nulls[i] ? (const void *)&null : &values[i], 8);
        } else {
            static const uint32_t null = DDB_NULL_FLOAT_BITS;
            float v = (float)(nulls[i] ? 0 : values[i]);
            if (DDB_UNLIKELY(!is_finite(v) && is_finite(values[i])))
                return i;
            memcpy((char *)target + i * 4, nulls[i] ? (const void *)&null : &v, 4);
        }
    }
    return -1;
}

/* Whole numbers of floats; NULLs become 0. `limit` is a power of two, itself outside. */
static int64_t whole_floats(const ddb_cast *cast, double *values, int64_t count, uint8_t *nulls, double limit)
{
    mark_nulls(cast, values, count, nulls);
    for (int64_t i = 0; i < count; i++) {
        double v = (nulls[i] ? 0 : values[i]) * powers[cast->digits];
        if (DDB_UNLIKELY(!(v > -limit && v < limit)))
            return i;
        /* from 2**52 on every double is whole, and adding a half would round */
        if ((cast->flags & DDB_CAST_ROUND) && v > -4503599627370496.0 && v < 4503599627370496.0) {
            double cut = (double)(int64_t)v;
            v = v - cut >= 0.5 ? cut + 1 : v - cut <= -0.5 ? cut - 1 : cut;
        }
        if (DDB_UNLIKELY(limit == TWO_63 && ((int64_t)v < cast->low || (int64_t)v > cast->high)))
            return i;
        values[i] = v;
    }
    return -1;
}

/* -- decimals ------------------------------------------------------------------------------------------------------- */

static wide power_of_ten(int digits)
{
    wide power = 1;
    while (digits-- > 0)
        power *= 10;
    return power;
}

/* The double next to value / 10**digits. */
static double float_of_decimal(wide value, int digits)
{
    char text[48], *end = text + sizeof text;
    wide rest = value;

    if (digits <= 22 && value >= -EXACT_DOUBLE && value <= EXACT_DOUBLE)
        return (double)value / powers[digits];
    /* rounded once, by the C library; no point, which would depend on the locale */
    *--end = 0;
    for (*--end = (char)('0' + digits % 10); digits > 9; digits /= 10)
        *--end = (char)('0' + digits / 10);
    *--end = '-';
    *--end = 'e';
    do
        *--end = (char)('0' + (rest % 10 < 0 ? -(rest % 10) : rest % 10));
    while (rest /= 10);
    if (value < 0)
        *--end = '-';
    return strtod(end, NULL);
}

static int64_t store_wide(const ddb_cast *cast, const wide *values, int64_t count, const uint8_t *nulls, void *target)
{
    int bits = 8 * store_sizes[cast->store] - 1;
    wide power = power_of_ten(cast->digits < 0 ? -cast->digits : cast->digits);
    wide high = bits == 127 ? ~WIDE_MIN : ((wide)1 << bits) - 1;
    for (int64_t i = 0; i < count; i++) {
        wide v = nulls[i] ? 0 : values[i];
        if (cast->digits < 0) {
            wide rest = v % power;
            v /= power;
            if (cast->flags & DDB_CAST_ROUND)
                v += rest >= power - rest ? 1 : rest <= -power - rest ? -1 : 0;
        } else if (DDB_UNLIKELY(v > high / power || v < -(high / power))) {
            return i;
        } else {
            v *= power;
        }
        if (DDB_UNLIKELY(v > high || v < -high))
            return i;
        if (cast->store == DDB_STORE_I128) {
            v = nulls[i] ? WIDE_MIN : v;
            memcpy((char *)target + i * 16, &v, 16);
        } else {
            int64_t narrow = nulls[i] ? cast->null : (int64_t)v;
            store_integers(cast, &narrow, 1, (char *)target + i * store_sizes[cast->store]);
        }
    }
    return -1;
}

/* -- blocks --------------------------------------------------------------------------------------------------------- */

static void reverse_bytes(const ddb_cells *cells, int64_t first, int64_t count, const uint8_t *nulls, uint8_t *target)
{
    for (int64_t i = 0; i < count; i++) {
        const char *cell = cells->data + cells->stride * (first + i);
        for (int k = 0; k < 16; k++)
            target[i * 16 + k] = nulls[i] ? 0 : (uint8_t)cell[15 - k];
    }
}

/* Returns the first row of the block that is refused, or -1. */
static int64_t convert(const ddb_cells *cells, const ddb_cast *cast, int64_t first, int64_t count, void *target)
{
    uint8_t nulls[BLOCK];
    int any = find_nulls(cells, first, count, nulls);
    int floats = cast->load == DDB_LOAD_F32 || cast->load == DDB_LOAD_F64;
    int64_t integers[BLOCK];
    double numbers[BLOCK];
    wide decimals[BLOCK];
    int64_t bad;

    if (cast->load == DDB_LOAD_BYTES16) {
        reverse_bytes(cells, first, count, nulls, target);
        return -1;
    }
    if (!floats && (cast->digits || cast->load == DDB_LOAD_I128) &&
        (cast->store == DDB_STORE_F32 || cast->store == DDB_STORE_F64)) {
        load_decimals(cells, cast->load, first, count, decimals);
        for (int64_t i = 0; i < count; i++)
            numbers[i] = float_of_decimal(decimals[i], -cast->digits);
        return store_floats(cast, numbers, count, nulls, target);
    }
    if (cast->load == DDB_LOAD_I128) {
        load_decimals(cells, cast->load, first, count, decimals);
        return store_wide(cast, decimals, count, nulls, target);
    }
    if (cast->store == DDB_STORE_F32 || cast->store == DDB_STORE_F64) {
        load_floats(cells, cast->load, first, count, numbers);
        if (cast->flags & DDB_CAST_LOWEST_NULL) /* ticks */
            for (int64_t i = 0; i < count; i++)
                nulls[i] |= numbers[i] == (double)lowest(cast);
        return store_floats(cast, numbers, count, nulls, target);
    }
    if (floats) {
        load_floats(cells, cast->load, first, count, numbers);
        bad = whole_floats(cast, numbers, count, nulls, cast->store == DDB_STORE_I128 ? TWO_127 : TWO_63);
        if (bad >= 0)
            return bad;
        if (cast->store == DDB_STORE_I128) {
            ddb_cast stored = *cast;
            stored.digits = 0;
            for (int64_t i = 0; i < count; i++)
                decimals[i] = (wide)numbers[i];
            return store_wide(&stored, decimals, count, nulls, target);
        }
        for (int64_t i = 0; i < count; i++)
            integers[i] = (int64_t)numbers[i];
        any = 1;
    } else if (cast->store == DDB_STORE_I128 || cast->digits || cast->flags & DDB_CAST_ROUND) {
        load_decimals(cells, cast->load, first, count, decimals);
        return store_wide(cast, decimals, count, nulls, target);
    } else {
        load_integers(cells, cast->load, first, count, integers);
    }
    bad = convert_integers(cast, integers, count, nulls, any);
    if (bad < 0)
        store_integers(cast, integers, count, target);
    return bad;
}

/* Cells that stay what they are, but for NULLs, which a bitmap marks. */
static int only_fills(const ddb_cells *cells, const ddb_cast *cast)
{
    static const uint8_t stores[] = {[DDB_LOAD_I8] = DDB_STORE_I8,
                                     [DDB_LOAD_I16] = DDB_STORE_I16,
                                     [DDB_LOAD_I32] = DDB_STORE_I32,
                                     [DDB_LOAD_I64] = DDB_STORE_I64};
    return cells->kernels && cells->bitmap && !cells->mask && !cells->swap && cast->load >= DDB_LOAD_I8 &&
           cast->load <= DDB_LOAD_I64 && cast->store == stores[cast->load] &&
           cells->stride == (ptrdiff_t)load_sizes[cast->load] && !(cast->flags & ~DDB_CAST_LOWEST_NULL) &&
           !cast->digits && !cast->modulo && cast->divide == 1 && cast->multiply == 1 && cast->low == lowest(cast) &&
           cast->high == ~lowest(cast) && (!cast->flags || cast->null == lowest(cast));
}

int ddb_cast_write(const ddb_cells *cells, const ddb_cast *cast, int64_t first, int64_t count, void *target,
                   ddb_error *error)
{
    if (only_fills(cells, cast)) {
        cells->kernels->fill_nulls[cast->store](cells->data + cells->stride * first, count, cells->bitmap,
                                                cells->bit_offset + first, (uint64_t)cast->null, target);
        return DDB_OK;
    }
    for (int64_t done = 0; done < count; done += BLOCK) {
        int64_t part = count - done < BLOCK ? count - done : BLOCK;
        int64_t bad = convert(cells, cast, first + done, part, (char *)target + done * store_sizes[cast->store]);
        if (bad >= 0)
            return ddb_fail(error, DDB_ERR_RANGE, cells->first_row + first + done + bad, 0);
    }
    return DDB_OK;
}

int ddb_cast_check(const ddb_cells *cells, const ddb_cast *cast, ddb_error *error)
{
    wide scratch[BLOCK];
    if (only_fills(cells, cast))
        return DDB_OK;
    for (int64_t done = 0; done < cells->rows; done += BLOCK) {
        int64_t part = cells->rows - done < BLOCK ? cells->rows - done : BLOCK;
        int64_t bad = convert(cells, cast, done, part, scratch);
        if (bad >= 0)
            return ddb_fail(error, DDB_ERR_RANGE, cells->first_row + done + bad, 0);
    }
    return DDB_OK;
}

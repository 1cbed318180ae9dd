/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_moment.h"

#define DAY_NS INT64_C(86400000000000)

enum { MONTHS_TO_1970 = 1970 * 12 };

static int64_t floor_divide(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;
    return quotient - (value % divisor < 0);
}

/* Both calendar functions count in eras of 400 years of 146,097 days and in years that begin in March, so that the
 * leap day is the last one. */
int64_t ddb_days_from_civil(int64_t year, int month, int day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = floor_divide(shifted, 400);
    int64_t of_era = shifted - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t ddb_months_from_days(int64_t days)
{
    int64_t since = days + 719468;
    int64_t era = floor_divide(since, 146097);
    int64_t day = since - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* 0 is March */
    return (era * 400 + year) * 12 + month + 2;
}

static int64_t unit_ns(int unit)
{
    switch (unit) {
    case DDB_UNIT_DAY: return DAY_NS;
    case DDB_UNIT_HOUR: return DAY_NS / 24;
    case DDB_UNIT_MINUTE: return DAY_NS / 1440;
    case DDB_UNIT_SECOND: return 1000000000;
    case DDB_UNIT_MILLISECOND: return 1000000;
    case DDB_UNIT_MICROSECOND: return 1000;
    case DDB_UNIT_NANOSECOND: return 1;
    default: return 0;
    }
}

int ddb_type_is_time(int type)
{
    return type == DDB_TYPE_TIME || type == DDB_TYPE_MINUTE || type == DDB_TYPE_SECOND || type == DDB_TYPE_NANOTIME;
}

static int is_wide(int type)
{
    return type == DDB_TYPE_TIMESTAMP || type == DDB_TYPE_NANOTIME || type == DDB_TYPE_NANOTIMESTAMP;
}

/* What a cell of the type counts. */
static int64_t type_ns(int type)
{
    switch (type) {
    case DDB_TYPE_DATE:
    case DDB_TYPE_MONTH: return DAY_NS;
    case DDB_TYPE_DATEHOUR: return unit_ns(DDB_UNIT_HOUR);
    case DDB_TYPE_MINUTE: return unit_ns(DDB_UNIT_MINUTE);
    case DDB_TYPE_SECOND:
    case DDB_TYPE_DATETIME: return unit_ns(DDB_UNIT_SECOND);
    case DDB_TYPE_TIME:
    case DDB_TYPE_TIMESTAMP: return unit_ns(DDB_UNIT_MILLISECOND);
    default: return 1;
    }
}

int ddb_moment_convert(int64_t moment, int unit, int type, int64_t *cell)
{
    int64_t from = unit_ns(unit), to = type_ns(type);
    int64_t lowest = is_wide(type) ? INT64_MIN : INT32_MIN, highest = is_wide(type) ? INT64_MAX : INT32_MAX;

    if (unit == DDB_UNIT_MONTH) {
        if (type != DDB_TYPE_MONTH)
            return DDB_ERR_KIND;
        if (__builtin_add_overflow(moment, (int64_t)MONTHS_TO_1970, &moment))
            return DDB_ERR_RANGE;
    } else if (from == 0 || (unit == DDB_UNIT_DAY && ddb_type_is_time(type))) {
        return DDB_ERR_KIND;
    } else {
        if (ddb_type_is_time(type)) {
            int64_t a_day = DAY_NS / from;
            moment -= floor_divide(moment, a_day) * a_day;
        }
        if (from < to)
            moment = floor_divide(moment, to / from);
        else if (__builtin_mul_overflow(moment, from / to, &moment))
            return DDB_ERR_RANGE;
        if (type == DDB_TYPE_MONTH) {
            if (moment < -(INT64_C(1) << 40) || moment > INT64_C(1) << 40)
                return DDB_ERR_RANGE;
            moment = ddb_months_from_days(moment);
        }
    }
    /* the lowest is NULL */
    if (moment <= lowest || moment > highest)
        return DDB_ERR_RANGE;
    *cell = moment;
    return DDB_OK;
}

int ddb_moments_write(const char *moments, ptrdiff_t stride, int swap, int64_t rows, int unit, int type,
                      uint8_t *target, ddb_error *error)
{
    size_t width = is_wide(type) ? 8 : 4;
    for (int64_t row = 0; row < rows; row++, moments += stride, target += width) {
        int64_t moment, cell;
        memcpy(&moment, moments, sizeof moment);
        if (swap)
            moment = (int64_t)__builtin_bswap64((uint64_t)moment);
        if (moment == INT64_MIN) {
            cell = width == 8 ? DDB_NULL_LONG : DDB_NULL_INT;
        } else {
            int status = ddb_moment_convert(moment, unit, type, &cell);
            if (status != DDB_OK)
                return ddb_fail(error, status, row, moment);
        }
        memcpy(target, &cell, width);
    }
    return DDB_OK;
}

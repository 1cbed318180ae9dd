/* SPDX-License-Identifier: Apache-2.0
 * One moment or time of day, counted in any unit, as a cell of a temporal type. */
#ifndef DDB_MOMENT_H
#define DDB_MOMENT_H

#include "ddb_status.h"
#include "ddb_wire.h"

/* What a moment counts since 1970: numpy's own numbers of the units of datetime64. */
enum ddb_unit {
    DDB_UNIT_MONTH = 1,
    DDB_UNIT_DAY = 4,
    DDB_UNIT_HOUR = 5,
    DDB_UNIT_MINUTE = 6,
    DDB_UNIT_SECOND = 7,
    DDB_UNIT_MILLISECOND = 8,
    DDB_UNIT_MICROSECOND = 9,
    DDB_UNIT_NANOSECOND = 10
};

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
int64_t ddb_days_from_civil(int64_t year, int month, int day);

/* year * 12 + month - 1 of the day, as MONTH counts. */
int64_t ddb_months_from_days(int64_t days);

/* 1 if cells of `type` say at what time of a day something is, and not on which day. */
int ddb_type_is_time(int type);

/* The cell of temporal `type` that holds the moment, finer units cut off towards the past. DDB_ERR_KIND: the moment
 * does not say what the type asks for (a day has no time, a month no day); DDB_ERR_RANGE: it does not fit. */
int ddb_moment_convert(int64_t moment, int unit, int type, int64_t *cell);

/* The same for `rows` int64 cells, `stride` bytes apart; `swap`: in the other byte order. The smallest is NULL. */
int ddb_moments_write(const char *moments, ptrdiff_t stride, int swap, int64_t rows, int unit, int type,
                      uint8_t *target, ddb_error *error);

#endif

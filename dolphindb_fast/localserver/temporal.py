"""Dates and times: literals, texts, and the arithmetic of casts between temporal types."""

from __future__ import annotations

import re

import numpy as np

from .. import settings as keys
from ..column import Column
from .failures import ScriptError
from .vectors import scalar

__all__ = ["INSTANTS", "NUMPY_UNITS", "TIMES_OF_DAY", "duration_unit", "format_temporal", "literal"]

_SECOND = 1_000_000_000

#: points in time: nanoseconds of one unit, counted from 1970-01-01 (MONTH, a calendar unit, stands aside)
INSTANTS = {
    keys.DT_DATE: 86_400 * _SECOND,
    keys.DT_DATEHOUR: 3_600 * _SECOND,
    keys.DT_DATEMINUTE: 60 * _SECOND,
    keys.DT_DATETIME: _SECOND,
    keys.DT_TIMESTAMP: 1_000_000,
    keys.DT_NANOTIMESTAMP: 1,
}

#: times of day: nanoseconds of one unit, counted from midnight
TIMES_OF_DAY = {
    keys.DT_MINUTE: 60 * _SECOND,
    keys.DT_SECOND: _SECOND,
    keys.DT_TIME: 1_000_000,
    keys.DT_NANOTIME: 1,
}

_FORM = re.compile(
    r"(?:(?P<year>\d{4})\.(?P<month>\d{2})(?:(?P<M>M)|\.(?P<day>\d{2})))?"
    r"(?:[T ]?(?P<hour>\d{2})"
    r"(?::(?P<minute>\d{2})(?:(?P<m>m)|:(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?))?)?"
)


def literal(source: str) -> Column:
    """The scalar that a literal such as ``2020.01.01T12:30:00.123`` stands for."""
    match = _FORM.fullmatch(source)
    if match is None or not source:
        raise ScriptError(f"'{source}' is not a date or a time")
    part = match.groupdict()
    if part["M"]:
        return scalar(keys.DT_MONTH, int(part["year"]) * 12 + _within(part["month"], 1, 12, source) - 1)
    days = None
    if part["year"]:
        try:
            day = np.datetime64(f"{part['year']}-{part['month']}-{part['day']}", "D")
        except ValueError:
            raise ScriptError(f"'{source}' is not a date") from None
        days = int(day.astype(np.int64))
    if part["hour"] is None:
        return scalar(keys.DT_DATE, days)
    hour = _within(part["hour"], 0, 23, source)
    if part["minute"] is None:
        if days is None:
            raise ScriptError(f"'{source}' is not a date or a time")
        return scalar(keys.DT_DATEHOUR, days * 24 + hour)
    minute = _within(part["minute"], 0, 59, source)
    if part["second"] is None:
        if days is not None or not part["m"]:
            raise ScriptError(f"'{source}' is not a date or a time")
        return scalar(keys.DT_MINUTE, hour * 60 + minute)
    seconds = hour * 3600 + minute * 60 + _within(part["second"], 0, 59, source)
    fraction = part["fraction"]
    if fraction is None:
        if days is None:
            return scalar(keys.DT_SECOND, seconds)
        return _checked(keys.DT_DATETIME, days * 86_400 + seconds, source)
    if days is None:
        types, whole = (keys.DT_TIME, keys.DT_NANOTIME), seconds
    else:
        types, whole = (keys.DT_TIMESTAMP, keys.DT_NANOTIMESTAMP), days * 86_400 + seconds
    if len(fraction) <= 3:
        return scalar(types[0], whole * 1000 + int(fraction.ljust(3, "0")))
    return _checked(types[1], whole * _SECOND + int(fraction.ljust(9, "0")), source)


def _within(digits: str, low: int, high: int, source: str) -> int:
    value = int(digits)
    if not low <= value <= high:
        raise ScriptError(f"'{source}' is not a date or a time")
    return value


def _checked(type_id: int, value: int, source: str) -> Column:
    bits = 31 if type_id == keys.DT_DATETIME else 63
    if not -(2**bits) < value < 2**bits:
        raise ScriptError(f"{source} does not fit into {keys.TYPE_STRING[type_id]}")
    return scalar(type_id, value)


#: units of datetime64 with which the cells of each type are written
NUMPY_UNITS = {
    keys.DT_DATE: "D",
    keys.DT_MONTH: "M",
    keys.DT_DATEHOUR: "h",
    keys.DT_DATEMINUTE: "m",
    keys.DT_DATETIME: "s",
    keys.DT_TIMESTAMP: "ms",
    keys.DT_NANOTIMESTAMP: "ns",
    keys.DT_MINUTE: "m",
    keys.DT_SECOND: "s",
    keys.DT_TIME: "ms",
    keys.DT_NANOTIME: "ns",
}


def format_temporal(type_id: int, value: int) -> str:
    """The text of one cell that is not NULL, as the language writes it."""
    if type_id == keys.DT_MONTH:
        return f"{value // 12:04d}.{value % 12 + 1:02d}M"
    shown = str(np.int64(value).view(f"M8[{NUMPY_UNITS[type_id]}]"))
    if type_id in TIMES_OF_DAY:
        time = shown[11:]
        return time + "m" if type_id == keys.DT_MINUTE else time
    return shown.replace("-", ".")


_DURATION_UNITS = ("ns", "us", "ms", "s", "m", "H", "d", "w", "M", "y", "B")


def duration_unit(number: int) -> str:
    """The suffix of a DURATION: a unit, or the four letters of a calendar."""
    if 0 <= number < len(_DURATION_UNITS):
        return _DURATION_UNITS[number]
    letters = number.to_bytes(4, "little", signed=True)
    return letters.decode() if letters.isalpha() and letters.isascii() else f"?{number}"

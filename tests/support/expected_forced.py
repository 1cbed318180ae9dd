"""What a column becomes when its wire type is given, worked out in Python's own integers, fractions and dates."""

from __future__ import annotations

import datetime
import math
import struct
from fractions import Fraction

from . import expected

__all__ = ["NANOSECONDS", "Refused", "vector"]

NANOSECONDS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = NANOSECONDS["D"]

#: name -> (wire type, bits)
INTEGERS = {"BOOL": (1, 8), "CHAR": (2, 8), "SHORT": (3, 16), "INT": (4, 32), "LONG": (5, 64)}
FLOATS = {"FLOAT": (15, "<f"), "DOUBLE": (16, "<d")}
DECIMALS = {"DECIMAL32": (37, 4), "DECIMAL64": (38, 8), "DECIMAL128": (39, 16)}
#: name -> (wire type, bits, nanoseconds of a tick)
MOMENTS = {
    "DATE": (6, 32, DAY),
    "MONTH": (7, 32, None),
    "DATETIME": (11, 32, 10**9),
    "TIMESTAMP": (12, 64, 10**6),
    "NANOTIMESTAMP": (14, 64, 1),
    "DATEHOUR": (28, 32, 3600 * 10**9),
}
TIMES = {
    "TIME": (8, 32, 10**6),
    "MINUTE": (9, 32, 60 * 10**9),
    "SECOND": (10, 32, 10**9),
    "NANOTIME": (13, 64, 1),
}


class Refused(Exception):
    """The row that can't be converted, or that the type can't."""


def _in_range(value, bits, row, lowest=False):
    high = 2 ** (bits - 1) - 1
    if not (-high - lowest <= value <= high):
        raise Refused(row)
    return value


def _rounded(value: Fraction) -> int:
    """Half away from zero."""
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def _number(value, target, row, own_bits):
    """A cell as BOOL, CHAR, SHORT, INT or LONG."""
    bits = INTEGERS[target][1]
    if isinstance(value, float):
        if math.isinf(value):
            raise Refused(row)
        value = math.trunc(value)
    # a cell of the same width may be the smallest value, which is NULL
    same = own_bits == bits
    if target == "BOOL":
        if same and value == -128:
            return None
        if value not in (0, 1):
            raise Refused(row)
    return _in_range(value, bits, row, same)


def _float(value, layout, row):
    try:
        return struct.unpack(layout, struct.pack(layout, value))[0]
    except OverflowError:
        if isinstance(value, float) and math.isinf(value):
            return value
        raise Refused(row) from None


def _moment(value, target, unit, row):
    nanoseconds = value * NANOSECONDS[unit]
    if target == "MONTH":
        day = datetime.date(1970, 1, 1) + datetime.timedelta(days=nanoseconds // DAY)
        return day.year * 12 + day.month - 1
    if target in TIMES:
        _, bits, tick = TIMES[target]
        nanoseconds %= DAY
    else:
        _, bits, tick = MOMENTS[target]
    return _in_range(nanoseconds // tick, bits, row)


def vector(cells, target: str, scale: int = 0, *, unit: str = "", time=False, numpy=False, bits=0) -> bytes:
    """The vector of `cells` (bool, int, float, Decimal; None is NULL) as `target`.

    `unit`: the cells are ticks of a date, or of a time of day; `numpy`: infinities are NULL; `bits`: width of
    integer cells.
    """
    if numpy:
        cells = [None if isinstance(c, float) and not math.isfinite(c) else c for c in cells]
    if target in DECIMALS:
        type_id, size = DECIMALS[target]
        if unit or any(isinstance(cell, bool) for cell in cells):
            raise Refused
        done = []
        for row, cell in enumerate(cells):
            if isinstance(cell, float) and math.isinf(cell * 10.0**scale):
                raise Refused(row)
            if cell is None or cell != cell:
                done.append(-(2 ** (8 * size - 1)))
                continue
            scaled = Fraction(cell * 10.0**scale if isinstance(cell, float) else Fraction(cell) * 10**scale)
            done.append(_in_range(_rounded(scaled), 8 * size, row))
        head = struct.pack("<BBiii", type_id, 1, len(cells), 1, scale)
        return head + b"".join(value.to_bytes(size, "little", signed=True) for value in done)
    if target in FLOATS:
        type_id, layout = FLOATS[target]
        return expected.vector(type_id, [None if c is None else _float(c, layout, row) for row, c in enumerate(cells)])
    # NaN has no integer
    cells = [None if c is None or c != c else c for c in cells]
    if target in INTEGERS:
        type_id = INTEGERS[target][0]
        done = [None if c is None else _number(c, target, row, bits) for row, c in enumerate(cells)]
    elif target in MOMENTS or target in TIMES:
        if not unit or (time and target in MOMENTS):
            raise Refused
        type_id = (MOMENTS | TIMES)[target][0]
        done = [None if c is None else _moment(c, target, unit, row) for row, c in enumerate(cells)]
    else:
        raise Refused
    return expected.vector(type_id, done)

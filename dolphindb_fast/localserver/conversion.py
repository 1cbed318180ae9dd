"""Conversions between column types: the append rules and the casts.

The append rules, listed in the documentation of `dolphindb_fast.localserver`, are this server's own; a
DolphinDB server has its own, richer ones. `_rule` is their one home.

NULL becomes NULL. A value that does not fit is refused, naming column, row and value, and nothing of
the append is kept. Casts (``date(x)``, ``int(x)``, ...) follow the same rules and go further: points
in time into times of day, numbers into each other and into temporal types (their raw count), text
into any of these and back.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .. import settings as keys
from ..column import WIRE_DTYPES, Column
from . import temporal
from .failures import ScriptError
from .vectors import FLOATING, INTEGRAL, TEXT, fits, null_mask, null_of, plain_text, texts, type_name

__all__ = ["STORABLE", "cast", "converter", "format_cells"]

#: types that a table of this server can hold
DECIMALS = (keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128)
STORABLE = (*(t for t, dtype in WIRE_DTYPES.items() if dtype.kind != "V" and t not in (keys.DT_VOID, keys.DT_DATEMINUTE, *DECIMALS)), *TEXT)

_CALENDAR = (keys.DT_MONTH, *temporal.INSTANTS)


class _OutOfRange(Exception):
    """Row number of the first cell that does not fit."""


@cache
def converter(source: int, target: int):
    """The append rule: a function from `Column` to cells of `target`, or None where it is refused.

    The function takes (column, column name) and returns an ndarray, for text a `Column` with offsets.
    """
    if source in TEXT and target in TEXT:
        return lambda column, name: plain_text(column)
    if source not in WIRE_DTYPES or target not in WIRE_DTYPES or keys.DT_VOID in (source, target):
        return None
    if source == target:
        return lambda column, name: column.data
    rule = _rule(source, target)
    if rule is None:
        return None

    def convert(column: Column, name: str):
        try:
            return rule(column.data)
        except _OutOfRange as error:
            row = error.args[0]
            value = format_cells(Column(source, column.data[row : row + 1]))[0]
            raise ScriptError(
                f"column '{name}', row {row}: {value} ({type_name(source)})"
                f" does not fit into {type_name(target)}"
            ) from None

    return convert


def _rule(source: int, target: int):
    if source in INTEGRAL and target in INTEGRAL:
        return _linear(source, target)
    if source in (*INTEGRAL, *FLOATING) and target in FLOATING:
        return _to_floating(source, target)
    if source in temporal.INSTANTS and target in temporal.INSTANTS:
        return _linear(source, target, temporal.INSTANTS[source], temporal.INSTANTS[target])
    if source in temporal.TIMES_OF_DAY and target in temporal.TIMES_OF_DAY:
        return _linear(source, target, temporal.TIMES_OF_DAY[source], temporal.TIMES_OF_DAY[target])
    if source in _CALENDAR and target in _CALENDAR:
        return _by_calendar(source, target)
    return None


def _bounded(source: int, target: int, low: int, high: int, transform):
    """`transform` for cells from `low` to `high`; NULL to NULL; anything else is out of range."""
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]

    def rule(data):
        if not len(data):
            return data.astype(dtype)
        # the usual column has neither NULL nor a value out of range: two reductions, one transform
        if data.min() >= low and data.max() <= high:
            return transform(data).astype(dtype, copy=False)
        missing = data == null
        wrong = ((data < low) | (data > high)) & ~missing
        if wrong.any():
            raise _OutOfRange(int(wrong.argmax()))
        out = transform(np.where(missing, low, data)).astype(dtype)
        out[missing] = target_null
        return out

    return rule


def _linear(source: int, target: int, unit: int = 1, target_unit: int = 1):
    """Cells of `unit` into cells of `target_unit`, rounding down."""
    first, last = _range(source)
    target_first, target_last = _range(target)
    if unit >= target_unit:
        factor = unit // target_unit
        low, high = -(-target_first // factor), target_last // factor
        if factor == 1:
            return _bounded(source, target, max(low, first), min(high, last), lambda data: data)
        return _bounded(
            source, target, max(low, first), min(high, last), lambda data: data.astype(np.int64) * factor
        )
    divisor = target_unit // unit
    low, high = target_first * divisor, target_last * divisor + divisor - 1
    return _bounded(source, target, max(low, first), min(high, last), lambda data: data // divisor)


def _range(type_id: int) -> tuple[int, int]:
    """Least and greatest value that is not NULL."""
    info = np.iinfo(WIRE_DTYPES[type_id])
    return info.min + 1, info.max


def _to_floating(source: int, target: int):
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]
    narrowing = source == keys.DT_DOUBLE and target == keys.DT_FLOAT

    def rule(data):
        missing = data == null
        with np.errstate(over="ignore", invalid="ignore"):
            out = data.astype(dtype)
        if narrowing:
            wrong = np.isinf(out) & np.isfinite(data) & ~missing
            if wrong.any():
                raise _OutOfRange(int(wrong.argmax()))
        if missing.any():
            out[missing] = target_null
        return out

    return rule


_EPOCH_MONTH = 1970 * 12


def _by_calendar(source: int, target: int):
    """Conversions with MONTH on one side: by way of DATE, the only neighbour that has a calendar."""
    date = keys.DT_DATE
    if source == keys.DT_MONTH:
        # 70,000,000 months are within the 32-bit days of DATE
        to_date = _bounded(
            source,
            date,
            _EPOCH_MONTH - 70_000_000,
            _EPOCH_MONTH + 70_000_000,
            lambda data: (data - _EPOCH_MONTH).astype("M8[M]").astype("M8[D]").astype(np.int64),
        )
        if target == date:
            return to_date
        onward = _rule(date, target)
        return lambda data: onward(to_date(data))
    to_month = _bounded(
        date,
        target,
        *_range(date),
        lambda data: data.astype("M8[D]").astype("M8[M]").astype(np.int64) + _EPOCH_MONTH,
    )
    if source == date:
        return to_month
    backward = _rule(source, date)
    return lambda data: to_month(backward(data))


# casts ------------------------------------------------------------------------------------------


def cast(column: Column, target: int) -> Column:
    """`column` as `target`, keeping its form."""
    source = column.type
    if source == keys.DT_VOID:
        if target in TEXT:
            cuts = np.zeros(len(column) + 1, dtype=np.int64)
            return Column(target, np.zeros(0, dtype=np.uint8), form=column.form, offsets=cuts)
        cells = np.full(len(column), null_of(target), dtype=WIRE_DTYPES[target])
        return Column(target, cells, form=column.form)
    if source == keys.DT_ANY and not column.data:
        return cast(Column(keys.DT_VOID, np.zeros(0, dtype=np.int8), form=column.form), target)
    if source == keys.DT_ANY:
        raise ScriptError(f"{type_name(target)} of an ANY vector is not possible")
    if target in TEXT:
        made = plain_text(column) if source in TEXT else texts(format_cells(column))
        return Column(target, made.data, form=column.form, offsets=made.offsets)
    if source in TEXT:
        return Column(target, _parse_cells(column, target), form=column.form)
    if source == target:
        return column
    rule = _cast_rule(source, target)
    if rule is None:
        raise ScriptError(f"{type_name(source)} can't be converted into {type_name(target)}")
    try:
        return Column(target, rule(column.data), form=column.form)
    except _OutOfRange as error:
        row = error.args[0]
        value = format_cells(Column(source, column.data[row : row + 1]))[0]
        raise ScriptError(
            f"row {row}: {value} ({type_name(source)}) does not fit into {type_name(target)}"
        ) from None


@cache
def _cast_rule(source: int, target: int):
    if source not in WIRE_DTYPES or target not in WIRE_DTYPES:
        return None
    append = _rule(source, target)
    if append is not None:
        return append
    if target in temporal.TIMES_OF_DAY and source in temporal.INSTANTS:
        return _time_of_day(source, target)
    if source == keys.DT_BOOL and target in FLOATING:
        return _to_floating(source, target)
    if target == keys.DT_BOOL and source in (*INTEGRAL, *FLOATING):
        return _to_boolean(source)
    if source in FLOATING:
        return _truncated(source, target)
    if target in FLOATING:
        return None
    if (source in _CALENDAR or source in temporal.TIMES_OF_DAY) and target not in INTEGRAL:
        return None
    return _linear(source, target)


def _time_of_day(source: int, target: int):
    day = 86_400_000_000_000
    unit = temporal.INSTANTS[source]
    target_unit = temporal.TIMES_OF_DAY[target]

    def within_day(data):
        units = data.astype(np.int64) % max(day // unit, 1)
        return units * unit // target_unit

    return _bounded(source, target, *_range(source), within_day)


def _to_boolean(source: int):
    null, target_null = null_of(source), null_of(keys.DT_BOOL)

    def rule(data):
        out = (data != 0).astype(np.int8)
        out[data == null] = target_null
        return out

    return rule


def _truncated(source: int, target: int):
    """Floating numbers into integers, towards zero; NaN is NULL."""
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]
    low, high = _range(target)

    def rule(data):
        missing = (data == null) | np.isnan(data)
        # float(high) may be one above the integer: < is exact then
        wrong = ~missing & ~((data > float(low) - 1) & (data < float(high) + 1))
        if wrong.any():
            raise _OutOfRange(int(wrong.argmax()))
        out = np.where(missing, 0, data).astype(np.int64).astype(dtype)
        out[missing] = target_null
        return out

    return rule


def _parse_cells(column: Column, target: int):
    out = np.full(len(column), null_of(target), dtype=WIRE_DTYPES[target])
    for row, cell in enumerate(column.strings()):
        if not cell:
            continue
        try:
            if target == keys.DT_BOOL:
                out[row] = {"true": 1, "false": 0, "1": 1, "0": 0}[cell.lower()]
            elif target in INTEGRAL:
                number = int(float(cell)) if "." in cell else int(cell)
                if not fits(target, number):
                    raise ValueError
                out[row] = number
            elif target in FLOATING:
                out[row] = float(cell)
            else:
                found = temporal.literal(cell)
                out[row] = cast(found, target).data[0]
        except (KeyError, ValueError, OverflowError):
            raise ScriptError(f"row {row}: '{cell}' is not {type_name(target)}") from None
    return out


def format_cells(column: Column) -> list[str]:
    """The text of every cell as the language shows it; NULL is empty."""
    kind = column.type
    if kind in TEXT:
        return column.strings()
    missing = null_mask(column).tolist()
    values = column.data.tolist()
    if kind == keys.DT_BOOL:
        return ["" if m else ("true" if v else "false") for v, m in zip(values, missing, strict=True)]
    if kind in FLOATING:
        digits = 6 if kind == keys.DT_FLOAT else 15
        return ["" if m else f"{v:.{digits}g}" for v, m in zip(values, missing, strict=True)]
    if kind in _CALENDAR or kind in temporal.TIMES_OF_DAY:
        return ["" if m else temporal.format_temporal(kind, v) for v, m in zip(values, missing, strict=True)]
    return ["" if m else str(v) for v, m in zip(values, missing, strict=True)]

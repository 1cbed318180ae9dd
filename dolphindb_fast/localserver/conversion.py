"""Conversions between column types: the append rules and the casts.

The append rules, listed in the documentation of `dolphindb_fast.localserver`, are this server's own; a
DolphinDB server has its own, richer ones. `_rule` is their one home.

NULL becomes NULL. A value that does not fit is refused, naming column, row and value, and nothing of
the append is kept. Casts (``date(x)``, ``int(x)``, ...) follow the same rules and go further: points
in time into times of day, numbers into each other and into temporal types (their raw count), text
into any of these and back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from .. import settings as keys
from ..column import WIRE_DTYPES, Column
from . import temporal
from .failures import ScriptError
from .render import format_cells
from .vectors import (
    BYTES,
    DECIMALS,
    FLOATING,
    IDENTIFIERS,
    INTEGRAL,
    TEXT,
    VOID,
    element_type,
    fits,
    is_storable,
    null_of,
    plain_text,
    texts,
    type_name,
)
from .wide import NotACell, decimal_cells, decimal_values, identifier_cells

__all__ = ["cast", "converter"]

#: types whose cells are one number, which says all
_PLAIN = {t for t, dtype in WIRE_DTYPES.items() if dtype.kind != "V"} - {*DECIMALS}
_CALENDAR = (keys.DT_MONTH, *temporal.INSTANTS)


@cache
def converter(source: tuple[int, int], target: tuple[int, int]) -> Any:
    """The append rule between two types with their scales, or None where it is refused.

    The rule takes (column, column name) and returns what a table stores of it: an array, of types with offsets a
    `Column`, of ANY a list.
    """
    (kind, _), (wanted, scale) = source, target
    if kind == keys.DT_VOID and is_storable(wanted):
        return lambda column, name: _cells_of(_nulls(column, wanted, scale))
    if kind in TEXT and wanted in TEXT:
        return lambda column, name: plain_text(column)
    if kind == wanted and kind in (keys.DT_ANY, keys.DT_BLOB):
        return lambda column, name: _cells_of(column)
    element, wanted_element = element_type(kind), element_type(wanted)
    if element is not None and wanted_element is not None:
        rule = _column_rule((element, source[1]), (wanted_element, scale))
        return None if rule is None else partial(_converted_rows, rule, (wanted_element, scale))
    rule = _column_rule(source, target)
    return None if rule is None else partial(_converted, rule, target)


def _converted(rule: Callable[[Any], Any], target: tuple[int, int], column: Column, name: str) -> Any:
    try:
        return rule(column)
    except NotACell as error:
        raise _does_not_fit(column, error.args[0], target, f"column '{name}', row {error.args[0]}") from None


def _converted_rows(rule: Callable[[Any], Any], target: tuple[int, int], column: Column, name: str) -> Column:
    """Array vectors: their cells are converted as a column of the element type would be."""
    cells = Column(column.type - keys.ARRAY_TYPE_BASE, column.data, scale=column.scale)
    try:
        data = rule(cells)
    except NotACell as error:
        cell = error.args[0]
        row = int(np.searchsorted(column.offsets, cell, side="right")) - 1
        place = f"column '{name}', row {row}, cell {cell - int(column.offsets[row])}"
        raise _does_not_fit(cells, cell, target, place) from None
    return Column(target[0] + keys.ARRAY_TYPE_BASE, data, offsets=column.offsets, scale=target[1])


def _cells_of(column: Column) -> Any:
    """What `converter` promises."""
    return column if column.offsets is not None else column.data


def _column_rule(source: tuple[int, int], target: tuple[int, int]) -> Any:
    """From a column of a fixed-width type to cells of another, or None."""
    (kind, _), (wanted, scale) = source, target
    if kind not in WIRE_DTYPES or wanted not in WIRE_DTYPES or wanted == keys.DT_VOID:
        return None
    if source == target or (kind == wanted and kind not in DECIMALS):
        return lambda column: column.data
    if kind in DECIMALS and wanted in DECIMALS:
        return lambda column: decimal_cells(decimal_values(column), wanted, scale)
    rule = _rule(kind, wanted)
    return None if rule is None else lambda column: rule(column.data)


def _does_not_fit(column: Column, row: int, target: tuple[int, int], place: str) -> ScriptError:
    value = format_cells(Column(column.type, column.data[row : row + 1], scale=column.scale))[0]
    source = type_name(column.type, column.scale)
    return ScriptError(f"{place}: {value} ({source}) does not fit into {type_name(*target)}")


def _rule(source: int, target: int) -> Any:
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


def _bounded(source: int, target: int, low: int, high: int, transform: Callable[[np.ndarray], np.ndarray]) -> Any:
    """`transform` for cells from `low` to `high`; NULL to NULL; anything else is out of range."""
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]

    def rule(data: np.ndarray) -> Any:
        if not len(data):
            return data.astype(dtype)
        # the usual column has neither NULL nor a value out of range: two reductions, one transform
        if data.min() >= low and data.max() <= high:
            return transform(data).astype(dtype, copy=False)
        missing = data == null
        wrong = ((data < low) | (data > high)) & ~missing
        if wrong.any():
            raise NotACell(int(wrong.argmax()))
        out = transform(np.where(missing, low, data)).astype(dtype)
        out[missing] = target_null
        return out

    return rule


def _linear(source: int, target: int, unit: int = 1, target_unit: int = 1) -> Any:
    """Cells of `unit` into cells of `target_unit`, rounding down."""
    first, last = _range(source)
    target_first, target_last = _range(target)
    if unit >= target_unit:
        factor = unit // target_unit
        low, high = -(-target_first // factor), target_last // factor
        if factor == 1:
            return _bounded(source, target, max(low, first), min(high, last), lambda data: data)
        return _bounded(source, target, max(low, first), min(high, last), lambda data: data.astype(np.int64) * factor)
    divisor = target_unit // unit
    low, high = target_first * divisor, target_last * divisor + divisor - 1
    return _bounded(source, target, max(low, first), min(high, last), lambda data: data // divisor)


def _range(type_id: int) -> tuple[int, int]:
    """Least and greatest value that is not NULL."""
    info = np.iinfo(WIRE_DTYPES[type_id])
    return info.min + 1, info.max


def _to_floating(source: int, target: int) -> Any:
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]
    narrowing = source == keys.DT_DOUBLE and target == keys.DT_FLOAT

    def rule(data: np.ndarray) -> Any:
        missing = data == null
        with np.errstate(over="ignore", invalid="ignore"):
            out = data.astype(dtype)
        if narrowing:
            wrong = np.isinf(out) & np.isfinite(data) & ~missing
            if wrong.any():
                raise NotACell(int(wrong.argmax()))
        if missing.any():
            out[missing] = target_null
        return out

    return rule


_EPOCH_MONTH = 1970 * 12


def _by_calendar(source: int, target: int) -> Any:
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


def cast(column: Column, target: int, scale: int = 0) -> Column:
    """`column` as `target`, keeping its form."""
    source = column.type
    if source == keys.DT_VOID:
        return _nulls(column, target, scale)
    if source == keys.DT_ANY and not column.data:
        return _nulls(column, target, scale)
    if source == keys.DT_ANY or element_type(source) is not None:
        raise ScriptError(f"{type_name(target)} of {type_name(source)} vectors is not possible")
    if target in BYTES:
        made = plain_text(column) if source in BYTES else texts(format_cells(column))
        return Column(target, made.data, form=column.form, offsets=made.offsets)
    if source == target and (target not in DECIMALS or column.scale == scale):
        return column
    try:
        if target in DECIMALS and source in (keys.DT_BOOL, *INTEGRAL, *FLOATING, *DECIMALS, *TEXT):
            cells = decimal_cells(decimal_values(column), target, scale)
        elif target in IDENTIFIERS and source in TEXT:
            cells = identifier_cells(column, target)
        elif source in TEXT and target in _PLAIN:
            cells = _parse_cells(column, target)
        elif source in DECIMALS and target in (*INTEGRAL, *FLOATING):
            cells = _from_decimals(column, target)
        else:
            rule = _cast_rule(source, target)
            if rule is None:
                raise ScriptError(f"{type_name(source)} can't be converted into {type_name(target)}")
            cells = rule(column.data)
    except NotACell as error:
        row = error.args[0]
        if source in TEXT:
            raise ScriptError(f"row {row}: '{column.strings()[row]}' is not {type_name(target, scale)}") from None
        raise _does_not_fit(column, row, (target, scale), f"row {row}") from None
    return Column(target, cells, form=column.form, scale=scale)


def _nulls(column: Column, target: int, scale: int) -> Column:
    """As many NULLs as `column` has cells."""
    if target == keys.DT_ANY:
        return Column(target, [VOID] * len(column), form=column.form)
    element = element_type(target)
    if element is not None or target in BYTES:
        dtype = np.dtype(np.uint8) if element is None else WIRE_DTYPES[element]
        cuts = np.zeros(len(column) + 1, dtype=np.int64)
        return Column(target, np.zeros(0, dtype=dtype), form=column.form, offsets=cuts, scale=scale)
    cells = np.full(len(column), null_of(target), dtype=WIRE_DTYPES[target])
    return Column(target, cells, form=column.form, scale=scale)


def _from_decimals(column: Column, target: int) -> Any:
    """Decimals into floating numbers, or towards zero into integers."""
    values = decimal_values(column)
    if target in FLOATING:
        numbers = [null_of(target) if v is None else float(v) for v in values]
        return np.array(numbers, dtype=WIRE_DTYPES[target])
    cells = np.full(len(values), null_of(target), dtype=WIRE_DTYPES[target])
    for row, value in enumerate(values):
        if value is not None:
            if not fits(target, int(value)):
                raise NotACell(row)
            cells[row] = int(value)
    return cells


@cache
def _cast_rule(source: int, target: int) -> Any:
    if not {source, target} <= _PLAIN:
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


def _time_of_day(source: int, target: int) -> Any:
    day = 86_400_000_000_000
    unit = temporal.INSTANTS[source]
    target_unit = temporal.TIMES_OF_DAY[target]

    def within_day(data: np.ndarray) -> Any:
        units = data.astype(np.int64) % max(day // unit, 1)
        return units * unit // target_unit

    return _bounded(source, target, *_range(source), within_day)


def _to_boolean(source: int) -> Any:
    null, target_null = null_of(source), null_of(keys.DT_BOOL)

    def rule(data: np.ndarray) -> Any:
        out = (data != 0).astype(np.int8)
        out[data == null] = target_null
        return out

    return rule


def _truncated(source: int, target: int) -> Any:
    """Floating numbers into integers, towards zero; NaN is NULL."""
    null, target_null, dtype = null_of(source), null_of(target), WIRE_DTYPES[target]
    low, high = _range(target)

    def rule(data: np.ndarray) -> Any:
        missing = (data == null) | np.isnan(data)
        # float(high) may be one above the integer: < is exact then
        wrong = ~missing & ~((data > float(low) - 1) & (data < float(high) + 1))
        if wrong.any():
            raise NotACell(int(wrong.argmax()))
        out = np.where(missing, 0, data).astype(np.int64).astype(dtype)
        out[missing] = target_null
        return out

    return rule


def _parse_cells(column: Column, target: int) -> Any:
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
            raise NotACell(row) from None
    return out

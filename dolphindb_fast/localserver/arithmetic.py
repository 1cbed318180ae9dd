"""Operators and aggregates on columns: numpy over whole columns, NULL carried along."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from .. import settings as keys
from ..column import WIRE_DTYPES, Column, Dictionary, Matrix, Set
from .conversion import cast
from .failures import ScriptError
from .ordering import decimal_order, sortable
from .tables import MemoryTable
from .temporal import INSTANTS, TIMES_OF_DAY
from .vectors import (
    DECIMALS,
    FLOATING,
    INTEGRAL,
    TEXT,
    element,
    element_type,
    null_mask,
    null_of,
    plain_text,
    scalar,
    texts,
    type_name,
)
from .wide import decimal_scalar, decimal_values

__all__ = ["AGGREGATES", "binary", "combine", "invert", "is_true", "negative", "sequence"]

_NUMERIC = (keys.DT_BOOL, *INTEGRAL, *FLOATING)
_TEMPORAL = (keys.DT_MONTH, *INSTANTS, *TIMES_OF_DAY)
_WITHOUT_ORDER = (keys.DT_COMPLEX, keys.DT_POINT, keys.DT_DURATION)
_EQUALITY = ("==", "!=", "<>")
_LONGEST_SEQUENCE = 10_000_000

_COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _operand(value: Any, symbol: str) -> Column:
    if not isinstance(value, Column):
        forms = {MemoryTable: "table", Dictionary: "dictionary", Matrix: "matrix", Set: "set"}
        raise ScriptError(f"operator {symbol}: a {forms.get(type(value), 'value of this kind')} is no operand")
    if value.type == keys.DT_ANY or element_type(value.type) is not None:
        raise ScriptError(f"operator {symbol}: a vector of type {type_name(value.type)} is no operand")
    return value


def _form(a: Column, b: Column) -> int:
    """Scalars spread over vectors; vectors must be equally long."""
    if a.form == keys.DF_SCALAR and b.form == keys.DF_SCALAR:
        return keys.DF_SCALAR
    if a.form != keys.DF_SCALAR and b.form != keys.DF_SCALAR and len(a) != len(b):
        raise ScriptError(f"vectors of {len(a)} and {len(b)} cells can't be combined")
    return keys.DF_VECTOR


def binary(symbol: str, left: Any, right: Any) -> Column:
    """``left symbol right``"""
    a, b = _operand(left, symbol), _operand(right, symbol)
    if symbol in _COMPARISONS:
        return _compare(symbol, a, b)
    form = _form(a, b)
    if a.type in TEXT or b.type in TEXT:
        return _concatenated(symbol, a, b, form)
    if a.type == keys.DT_VOID or b.type == keys.DT_VOID:
        other = a if b.type == keys.DT_VOID else b
        return cast(Column(keys.DT_VOID, np.zeros(len(other), dtype=np.int8), form=other.form), other.type)
    target = _result_type(symbol, a.type, b.type)
    missing = null_mask(a) | null_mask(b)
    computing = np.float64 if target in FLOATING else np.int64
    x, y = a.data.astype(computing), b.data.astype(computing)
    with np.errstate(all="ignore"):
        if symbol == "+":
            out = x + y
        elif symbol == "-":
            out = x - y
        elif symbol == "*":
            out = x * y
        else:
            missing = missing | (y == 0)
            y = np.where(y == 0, 1, y)
            out = x % y if symbol == "%" else (x // y if symbol == "/" and computing is np.int64 else x / y)
        out = np.asarray(out).astype(WIRE_DTYPES[target])
    out[missing] = null_of(target)
    return Column(target, out, form=form)


def _result_type(symbol: str, a: int, b: int) -> int:
    if a in _NUMERIC and b in _NUMERIC:
        if symbol == "\\":
            return keys.DT_DOUBLE
        if a in FLOATING or b in FLOATING:
            return keys.DT_FLOAT if a == b == keys.DT_FLOAT else keys.DT_DOUBLE
        return max(a, b, keys.DT_INT)
    if symbol in "+-" and a in _TEMPORAL and b in INTEGRAL:
        return a
    if symbol == "+" and a in INTEGRAL and b in _TEMPORAL:
        return b
    if symbol == "-" and a == b and a in _TEMPORAL:
        return keys.DT_LONG if WIRE_DTYPES[a].itemsize == 8 else keys.DT_INT
    raise ScriptError(f"operator {symbol}: {type_name(a)} and {type_name(b)} don't go together")


def _concatenated(symbol: str, a: Column, b: Column, form: int) -> Column:
    if symbol != "+":
        raise ScriptError(f"operator {symbol}: {type_name(a.type)} and {type_name(b.type)} don't go together")
    x, y = cast(a, keys.DT_STRING).strings(), cast(b, keys.DT_STRING).strings()
    if len(x) != len(y):
        x, y = (x * len(y), y) if a.form == keys.DF_SCALAR else (x, y * len(x))
    made = texts([p + q for p, q in zip(x, y, strict=True)])
    made.form = form
    return made


def _compare(symbol: str, a: Column, b: Column) -> Column:
    form = _form(a, b)
    compare = _COMPARISONS[symbol]
    if keys.DT_VOID in (a.type, b.type):
        # NULL is less than everything else, and equal to NULL
        out = compare((~null_mask(a)).astype(np.int8), (~null_mask(b)).astype(np.int8))
    elif a.type in TEXT and b.type in TEXT:
        out = _compare_texts(symbol, a, b)
    else:
        out = compare(*_comparable(symbol, a, b))
    return Column(keys.DT_BOOL, np.asarray(out).astype(np.int8), form=form)


def _comparable(symbol: str, a: Column, b: Column) -> Any:
    """Arrays that compare as the cells do."""
    if a.type == b.type:
        if a.type in _WITHOUT_ORDER and symbol not in _EQUALITY:
            raise ScriptError(f"operator {symbol}: {type_name(a.type)} has no order")
        return sortable(a), sortable(b)
    if a.type in _NUMERIC and b.type in _NUMERIC:
        target = keys.DT_DOUBLE if a.type in FLOATING or b.type in FLOATING else keys.DT_LONG
    elif {a.type, b.type} <= {*_NUMERIC, *DECIMALS}:
        return decimal_order(a), decimal_order(b)
    elif a.type in INSTANTS and b.type in INSTANTS:
        target = min(a.type, b.type, key=INSTANTS.__getitem__)
    elif a.type in TIMES_OF_DAY and b.type in TIMES_OF_DAY:
        target = min(a.type, b.type, key=TIMES_OF_DAY.__getitem__)
    else:
        raise ScriptError(f"operator {symbol}: {type_name(a.type)} and {type_name(b.type)} can't be compared")
    # NULL stays the least value
    return cast(a, target).data, cast(b, target).data


def _compare_texts(symbol: str, a: Column, b: Column) -> Any:
    if symbol in _EQUALITY and keys.DF_SCALAR in (a.form, b.form):
        column, wanted = (a, b) if b.form == keys.DF_SCALAR else (b, a)
        equal = _equal_text(plain_text(column), plain_text(wanted).data)
        return equal if symbol == "==" else ~equal
    x, y = np.array(a.strings(), dtype=object), np.array(b.strings(), dtype=object)
    return _COMPARISONS[symbol](x, y)


def _equal_text(column: Column, wanted: np.ndarray) -> Any:
    lengths = np.diff(column.offsets)
    equal = lengths == len(wanted)
    rows = np.flatnonzero(equal)
    starts = column.offsets[:-1][rows]
    for j, byte in enumerate(wanted.tolist()):
        hit = column.data[starts + j] == byte
        rows, starts = rows[hit], starts[hit]
    equal[:] = False
    equal[rows] = True
    return equal


def is_true(value: Any) -> bool:
    """A condition: one number or BOOL; NULL is false."""
    column = _operand(value, "condition")
    if len(column) != 1 or column.type not in (*_NUMERIC, keys.DT_VOID):
        raise ScriptError("a condition must be one BOOL or number")
    return bool(column.data[0] != 0) and not bool(null_mask(column)[0])


def _as_boolean(value: Any) -> Column:
    column = _operand(value, "logic")
    if column.type not in (*_NUMERIC, keys.DT_VOID):
        raise ScriptError(f"{type_name(column.type)} is not a condition")
    return cast(column, keys.DT_BOOL)


def combine(conjunction: bool, values: list[Any]) -> Column:
    """``&&`` or ``||`` over the values; NULL counts as false."""
    result = _as_boolean(values[0])
    for value in values[1:]:
        other = _as_boolean(value)
        form = _form(result, other)
        x, y = result.data == 1, other.data == 1
        result = Column(keys.DT_BOOL, ((x & y) if conjunction else (x | y)).astype(np.int8), form=form)
    return result


def invert(value: Any) -> Column:
    column = _as_boolean(value)
    cells = np.where(null_mask(column), column.data, column.data == 0)
    return Column(keys.DT_BOOL, cells.astype(np.int8), form=column.form)


def negative(value: Any, count: int) -> Column:
    """`count` minus signs."""
    column = _operand(value, "-")
    if column.type not in _NUMERIC:
        raise ScriptError(f"operator -: {type_name(column.type)} has no sign")
    if count % 2 == 0:
        return column
    out = np.where(null_mask(column), column.data, -column.data)
    return Column(column.type, out.astype(column.data.dtype), form=column.form)


def sequence(first: Any, last: Any) -> Column:
    """``first..last``, both included, downwards too."""
    ends = []
    for value in (first, last):
        column = _operand(value, "..")
        if column.type not in INTEGRAL or column.form != keys.DF_SCALAR:
            raise ScriptError("operator ..: both ends must be whole numbers")
        ends.append(int(column.data[0]))
    low, high = ends
    if abs(high - low) >= _LONGEST_SEQUENCE:
        raise ScriptError(f"operator ..: more than {_LONGEST_SEQUENCE} cells")
    step = 1 if high >= low else -1
    return Column(keys.DT_INT, np.arange(low, high + step, step).astype(np.int32))


# aggregates -------------------------------------------------------------------------------------


def _present(value: Any, name: str) -> Any:
    column = _operand(value, name)
    if name in ("sum", "avg") and column.type not in (*_NUMERIC, *(DECIMALS if name == "sum" else ())):
        raise ScriptError(f"{name} of {type_name(column.type)} is not possible")
    return column, ~null_mask(column)


def _count(value: Any) -> Any:
    # the rows of an array vector count as they are
    if isinstance(value, Column) and element_type(value.type) is not None:
        return scalar(keys.DT_INT, int((~null_mask(value)).sum()))
    return scalar(keys.DT_INT, int(_present(value, "count")[1].sum()))


def _sum(value: Any) -> Any:
    column, present = _present(value, "sum")
    if column.type in DECIMALS:
        values = [v for v in decimal_values(column) if v is not None]
        total = sum(values, Decimal()) if values else None
        return decimal_scalar(total, keys.DT_DECIMAL128, column.scale)
    target = keys.DT_DOUBLE if column.type in FLOATING else keys.DT_LONG
    cells = column.data[present]
    if not len(cells):
        return scalar(target, null_of(target))
    return scalar(target, cells.sum(dtype=WIRE_DTYPES[target]))


def _avg(value: Any) -> Any:
    column, present = _present(value, "avg")
    cells = column.data[present]
    return scalar(keys.DT_DOUBLE, cells.mean(dtype=np.float64) if len(cells) else null_of(keys.DT_DOUBLE))


def _extreme(name: str, choose: Callable[[np.ndarray], Any]) -> Any:
    def extreme(value: Any) -> Any:
        column, present = _present(value, name)
        if column.type in _WITHOUT_ORDER:
            raise ScriptError(f"{name} of {type_name(column.type)} is not possible")
        rows = np.flatnonzero(present)
        cells = sortable(column)[rows]
        return element(column, int(rows[choose(cells)]) if len(rows) else -1)

    return extreme


def _at(position: int) -> Any:
    def at(value: Any) -> Any:
        if not isinstance(value, Column):
            raise ScriptError("first and last need a vector")
        return element(value, position % len(value) if len(value) else -1)

    return at


#: name -> function from a column to a scalar; NULL cells don't count, but in first and last
AGGREGATES = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": _extreme("min", np.argmin),
    "max": _extreme("max", np.argmax),
    "first": _at(0),
    "last": _at(-1),
}

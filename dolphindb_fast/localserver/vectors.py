"""Building and rearranging `Column` values.

Inside the server text is always a STRING layout (bytes and offsets), also in SYMBOL columns: a
symbol base is built only for a reader (`wire_ready`), never while rows arrive.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import settings as keys
from ..column import NULLS, WIRE_DTYPES, Column, Dictionary, Table
from .failures import ScriptError

__all__ = [
    "FALSE",
    "INTEGRAL",
    "FLOATING",
    "TEXT",
    "TRUE",
    "VOID",
    "boolean",
    "column_of",
    "element",
    "fits",
    "integer",
    "null_mask",
    "null_of",
    "plain_text",
    "repeat",
    "scalar",
    "take",
    "text",
    "text_value",
    "texts",
    "type_name",
    "unified",
    "wire_ready",
]

INTEGRAL = (keys.DT_CHAR, keys.DT_SHORT, keys.DT_INT, keys.DT_LONG)
FLOATING = (keys.DT_FLOAT, keys.DT_DOUBLE)
TEXT = (keys.DT_STRING, keys.DT_SYMBOL)

VOID = Column(keys.DT_VOID, np.zeros(1, dtype=np.int8), form=keys.DF_SCALAR)


def type_name(type_id: int) -> str:
    return keys.TYPE_STRING.get(type_id, f"type {type_id}")


def null_of(type_id: int):
    """The sentinel of a fixed-width type."""
    return NULLS[WIRE_DTYPES[type_id]]


def scalar(type_id: int, value) -> Column:
    """A scalar of a fixed-width type; `value` is the wire's number."""
    return Column(type_id, np.array([value], dtype=WIRE_DTYPES[type_id]), form=keys.DF_SCALAR)


def fits(type_id: int, value: int) -> bool:
    """Whether a whole number is a value of the type, other than NULL."""
    if type_id == keys.DT_BOOL:
        return value in (0, 1)
    info = np.iinfo(WIRE_DTYPES[type_id])
    return info.min < value <= info.max


def integer(value: int) -> Column:
    return scalar(keys.DT_INT, value)


def boolean(value: bool) -> Column:
    return TRUE if value else FALSE


def column_of(type_id: int, values) -> Column:
    """A vector of a fixed-width type."""
    return Column(type_id, np.asarray(values, dtype=WIRE_DTYPES[type_id]))


def text(value: str) -> Column:
    """A STRING scalar."""
    return Column.from_strings([value], form=keys.DF_SCALAR)


def texts(values: Iterable[str]) -> Column:
    """A STRING vector."""
    return Column.from_strings(values)


TRUE = scalar(keys.DT_BOOL, 1)
FALSE = scalar(keys.DT_BOOL, 0)


def text_value(value, what: str) -> str:
    """The `str` of a text scalar argument, or an error that names the argument."""
    if isinstance(value, Column) and value.type in TEXT and len(value) == 1:
        return value.strings()[0]
    raise ScriptError(f"{what} must be a string")


def plain_text(column: Column) -> Column:
    """`column` (STRING or SYMBOL) with bytes and offsets instead of a symbol base."""
    if column.symbols is None:
        return column
    base = column.symbols
    index = column.data
    if len(index) and (index.min() < 0 or index.max() >= len(base)):
        raise ScriptError("a symbol index lies outside its symbol base")
    data, offsets = _gather_text(base.data, base.offsets, index)
    return Column(column.type, data, form=column.form, offsets=offsets)


def _gather_text(data, offsets, index):
    lengths = np.diff(offsets)[index]
    starts = offsets[:-1][index]
    cuts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=cuts[1:])
    positions = np.arange(cuts[-1]) + np.repeat(starts - cuts[:-1], lengths)
    return data[positions], cuts


def null_mask(column: Column):
    """True where a cell is NULL."""
    if column.type in TEXT:
        if column.symbols is not None:
            return column.data == 0
        return np.diff(column.offsets) == 0
    if column.type == keys.DT_ANY:
        return np.array([isinstance(x, Column) and x.type == keys.DT_VOID for x in column.data], dtype=bool)
    if column.type == keys.DT_VOID:
        return np.ones(len(column), dtype=bool)
    if column.type not in WIRE_DTYPES:
        raise ScriptError(f"{type_name(column.type)} values can't be computed with here")
    null = column.data == null_of(column.type)
    return null | np.isnan(column.data) if column.type in FLOATING else null


def take(column: Column, index) -> Column:
    """The cells that `index` (a boolean mask or row numbers) chooses, as a vector."""
    if column.type == keys.DT_ANY:
        rows = np.flatnonzero(index) if index.dtype == bool else index
        return Column(keys.DT_ANY, [column.data[i] for i in rows.tolist()])
    if column.offsets is None:
        return Column(column.type, column.data[index], symbols=column.symbols, scale=column.scale)
    if index.dtype == bool:
        if index.all():
            return Column(column.type, column.data, offsets=column.offsets)
        index = np.flatnonzero(index)
    data, offsets = _gather_text(column.data, column.offsets, index)
    return Column(column.type, data, offsets=offsets)


def element(column: Column, position: int):
    """One cell as a scalar; NULL beyond the ends, as the language has it."""
    rows = len(column)
    if position < 0 or position >= rows:
        if column.type in TEXT:
            return text("")
        if column.type in (keys.DT_ANY, keys.DT_VOID):
            return VOID
        return scalar(column.type, null_of(column.type))
    if column.type == keys.DT_ANY:
        return column.data[position]
    cell = take(column, np.array([position]))
    cell.form = keys.DF_SCALAR
    return cell


def repeat(column: Column, rows: int) -> Column:
    """A scalar as a vector of `rows` equal cells."""
    return take(column, np.zeros(rows, dtype=np.int64))


def unified(values: list) -> Column:
    """A vector of scalars: of their common type, of the wider numeric type, or ANY."""
    scalars = all(isinstance(v, Column) and v.form == keys.DF_SCALAR for v in values)
    types = {v.type for v in values} - {keys.DT_VOID} if scalars else set()
    if not types:
        return Column(keys.DT_ANY, list(values))
    if types <= set(TEXT):
        return texts([v.strings()[0] if v.type in TEXT else "" for v in values])
    if types <= {*INTEGRAL, *FLOATING}:
        target = max(types) if not (types & set(FLOATING) and len(types) > 1) else keys.DT_DOUBLE
    elif len(types) == 1:
        target = types.pop()
        if target not in WIRE_DTYPES:
            return Column(keys.DT_ANY, list(values))
    else:
        return Column(keys.DT_ANY, list(values))
    null = null_of(target)
    cells = np.empty(len(values), dtype=WIRE_DTYPES[target])
    for i, value in enumerate(values):
        missing = value.type == keys.DT_VOID or value.data[0] == null_of(value.type)
        cells[i] = null if missing else value.data[0]
    return Column(target, cells)


def wire_ready(value):
    """`value` as the encoder takes it: SYMBOL vectors get their base, nested values too."""
    if isinstance(value, Column):
        if value.type == keys.DT_ANY:
            return Column(keys.DT_ANY, [wire_ready(v) for v in value.data], form=value.form)
        if value.type == keys.DT_SYMBOL and value.symbols is None:
            return _with_symbols(value)
        return value
    if isinstance(value, Table):
        return Table(value.names, [wire_ready(c) for c in value.columns], value.name)
    if isinstance(value, Dictionary):
        return Dictionary(wire_ready(value.keys), wire_ready(value.values))
    return value


def _with_symbols(column: Column) -> Column:
    if column.form == keys.DF_SCALAR:
        return Column(keys.DT_STRING, column.data, form=column.form, offsets=column.offsets)
    packed = _packed_bytes(column)
    if packed is None:
        numbers: dict[str, int] = {"": 0}
        index = np.array([numbers.setdefault(s, len(numbers)) for s in column.strings()], dtype=np.int32)
        return Column(keys.DT_SYMBOL, index, form=column.form, symbols=texts(numbers))
    # the null (0) goes first, so that it gets number 0; the rest follow in order of appearance
    packed = np.concatenate([np.zeros(1, dtype=np.uint64), packed])
    distinct, first, index = np.unique(packed, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    base = [int(v).to_bytes(8, "little").rstrip(b"\0") for v in distinct[order].tolist()]
    return Column(keys.DT_SYMBOL, rank[index.reshape(-1)[1:]], form=column.form, symbols=texts(base))


def _packed_bytes(column: Column):
    """Texts of at most 8 bytes as integers (a NUL can't occur in them), or None if one is longer."""
    lengths = np.diff(column.offsets)
    longest = int(lengths.max()) if len(lengths) else 0
    if longest > 8:
        return None
    packed = np.zeros(len(lengths), dtype=np.uint64)
    starts = column.offsets[:-1]
    for j in range(longest):
        present = lengths > j
        packed[present] |= column.data[starts[present] + j].astype(np.uint64) << np.uint64(8 * j)
    return packed

"""Building and rearranging `Column` values.

Inside the server text is always a STRING layout (bytes and offsets), also in SYMBOL columns: a
symbol base is built only for a reader (`wire_ready`), never while rows arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import settings as keys
from ..cells import DECIMALS, IDENTIFIERS, is_null
from ..column import NULLS, WIRE_DTYPES, Column, Dictionary, Matrix, Table
from .failures import ScriptError

__all__ = [
    "BYTES",
    "DECIMALS",
    "FALSE",
    "IDENTIFIERS",
    "INTEGRAL",
    "FLOATING",
    "TEXT",
    "TRUE",
    "VOID",
    "boolean",
    "column_of",
    "each_column",
    "element",
    "element_type",
    "fits",
    "from_cells",
    "integer",
    "is_storable",
    "joined",
    "null_cell",
    "null_mask",
    "null_of",
    "part",
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
#: cells of any number of bytes
BYTES = (*TEXT, keys.DT_BLOB)

VOID = Column(keys.DT_VOID, np.zeros(1, dtype=np.int8), form=keys.DF_SCALAR)


def element_type(type_id: int) -> int | None:
    """The type of the cells of an array vector; None of other types."""
    element = type_id - keys.ARRAY_TYPE_BASE
    return element if element in WIRE_DTYPES and element != keys.DT_VOID else None


def is_storable(type_id: int) -> bool:
    """Whether a table can have a column of the type."""
    return type_id in WIRE_DTYPES or type_id in (*BYTES, keys.DT_ANY) or element_type(type_id) is not None


def type_name(type_id: int, scale: int = 0) -> str:
    """The name of a type; with `scale` as in ``DECIMAL64(2)``."""
    element = element_type(type_id)
    if element is not None:
        return type_name(element, scale) + "[]"
    name = keys.TYPE_STRING.get(type_id, f"type {type_id}")
    return f"{name}({scale})" if scale and type_id in DECIMALS else name


_WIDE_NULL_BYTES = {
    **dict.fromkeys(IDENTIFIERS, bytes(16)),
    keys.DT_DECIMAL128: bytes(15) + b"\x80",
    keys.DT_COMPLEX: 2 * NULLS[np.dtype("<f8")].tobytes(),
    keys.DT_POINT: 2 * NULLS[np.dtype("<f8")].tobytes(),
    keys.DT_DURATION: NULLS[np.dtype("<i4")].tobytes() + bytes(4),
}
_WIDE_NULLS = {t: np.frombuffer(cell, dtype=WIRE_DTYPES[t])[0] for t, cell in _WIDE_NULL_BYTES.items()}


def null_of(type_id: int) -> Any:
    """The sentinel of a fixed-width type."""
    wide = _WIDE_NULLS.get(type_id)
    return NULLS[WIRE_DTYPES[type_id]] if wide is None else wide


def scalar(type_id: int, value: Any, scale: int = 0) -> Column:
    """A scalar of a fixed-width type; `value` is the wire's number."""
    return Column(type_id, np.array([value], dtype=WIRE_DTYPES[type_id]), form=keys.DF_SCALAR, scale=scale)


def fits(type_id: int, value: int) -> bool:
    """Whether a whole number is a value of the type, other than NULL."""
    if type_id == keys.DT_BOOL:
        return value in (0, 1)
    info = np.iinfo(WIRE_DTYPES[type_id])
    return int(info.min) < value <= int(info.max)


def integer(value: int) -> Column:
    return scalar(keys.DT_INT, value)


def boolean(value: bool) -> Column:
    return TRUE if value else FALSE


def column_of(type_id: int, values: Any) -> Column:
    """A vector of a fixed-width type."""
    return Column(type_id, np.asarray(values, dtype=WIRE_DTYPES[type_id]))


def text(value: str) -> Column:
    """A STRING scalar."""
    return Column.from_strings([value], form=keys.DF_SCALAR)


def texts(values: Iterable[str | bytes]) -> Column:
    """A STRING vector."""
    return Column.from_strings(values)


TRUE = scalar(keys.DT_BOOL, 1)
FALSE = scalar(keys.DT_BOOL, 0)


def text_value(value: Any, what: str) -> str:
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
    data, offsets = _gathered(base.data, base.offsets, index)
    return Column(column.type, data, form=column.form, offsets=offsets)


def _gathered(data: np.ndarray, offsets: np.ndarray, index: Any) -> Any:
    """The cells between the offsets that `index` chooses, and their new offsets."""
    lengths = np.diff(offsets)[index]
    starts = offsets[:-1][index]
    cuts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=cuts[1:])
    positions = np.arange(cuts[-1]) + np.repeat(starts - cuts[:-1], lengths)
    return data[positions], cuts


def null_mask(column: Column) -> Any:
    """True where a cell is NULL; of an array vector, where a row has no cells."""
    if column.symbols is not None:
        return column.data == 0
    if column.offsets is not None:
        return np.diff(column.offsets) == 0
    if column.type == keys.DT_ANY:
        return np.array([isinstance(x, Column) and x.type == keys.DT_VOID for x in column.data], dtype=bool)
    if column.type == keys.DT_VOID:
        return np.ones(len(column), dtype=bool)
    if column.type == keys.DT_DURATION:
        return np.ascontiguousarray(column.data).view("<i4")[::2] == null_of(keys.DT_INT)
    if column.type in _WIDE_NULLS:
        nulls = is_null(column)
        return np.zeros(len(column), dtype=bool) if nulls is None else nulls
    null = column.data == null_of(column.type)
    return null | np.isnan(column.data) if column.type in FLOATING else null


def from_cells(column: Column, data: np.ndarray) -> Column:
    """A vector of `data`, cells of the fixed-width type of `column`."""
    return Column(column.type, data, scale=column.scale)


def take(column: Column, index: Any) -> Column:
    """The cells that `index` (a boolean mask or row numbers) chooses, as a vector."""
    if column.type == keys.DT_ANY:
        rows = np.flatnonzero(index) if index.dtype == bool else index
        return Column(keys.DT_ANY, [column.data[i] for i in rows.tolist()])
    if column.offsets is None:
        return Column(column.type, column.data[index], symbols=column.symbols, scale=column.scale)
    if index.dtype == bool:
        if index.all():
            return Column(column.type, column.data, offsets=column.offsets, scale=column.scale)
        index = np.flatnonzero(index)
    data, offsets = _gathered(column.data, column.offsets, index)
    return Column(column.type, data, offsets=offsets, scale=column.scale)


def part(column: Column, start: int, stop: int) -> Column:
    """The cells from `start` to before `stop`; no copy but of offsets."""
    if column.offsets is None:
        return Column(column.type, column.data[start:stop], symbols=column.symbols, scale=column.scale)
    cuts = column.offsets[start : stop + 1]
    return Column(column.type, column.data[cuts[0] : cuts[-1]], offsets=cuts - cuts[0], scale=column.scale)


def joined(columns: list[Column]) -> Column:
    """The cells of columns of one type and scale, one after another, as a vector."""
    first = columns[0]
    if first.type == keys.DT_ANY:
        return Column(keys.DT_ANY, [item for column in columns for item in column.data])
    if first.type in TEXT:
        columns = [plain_text(column) for column in columns]
    data = np.concatenate([column.data for column in columns])
    if columns[0].offsets is None:
        return from_cells(first, data)
    lengths = np.concatenate([np.diff(column.offsets) for column in columns])
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Column(first.type, data, offsets=offsets, scale=first.scale)


def element(column: Column, position: int) -> Any:
    """One cell as a scalar, one row of an array vector as a vector; NULL beyond the ends, as the language has it."""
    rows = len(column)
    inside = 0 <= position < rows
    if column.type == keys.DT_ANY:
        return column.data[position] if inside else VOID
    cells = element_type(column.type)
    if cells is not None:
        start, stop = column.offsets[position : position + 2] if inside else (0, 0)
        return Column(cells, column.data[start:stop], scale=column.scale)
    if inside:
        cell = take(column, np.array([position]))
        cell.form = keys.DF_SCALAR
        return cell
    return null_cell(column.type, column.scale)


def null_cell(type_id: int, scale: int = 0) -> Column:
    """The NULL of a type as a scalar."""
    if type_id in BYTES:
        cuts = np.zeros(2, dtype=np.int64)
        return Column(type_id, np.zeros(0, dtype=np.uint8), form=keys.DF_SCALAR, offsets=cuts)
    if type_id in (keys.DT_VOID, keys.DT_ANY):
        return VOID
    return scalar(type_id, null_of(type_id), scale)


def repeat(column: Column, rows: int) -> Column:
    """A scalar as a vector of `rows` equal cells."""
    return take(column, np.zeros(rows, dtype=np.int64))


def unified(values: list[Any]) -> Column:
    """A vector of scalars: of their common type, of the wider numeric type, or ANY."""
    scalars = all(isinstance(v, Column) and v.form == keys.DF_SCALAR for v in values)
    kinds = {(v.type, v.scale) for v in values if v.type != keys.DT_VOID} if scalars else set()
    types = {t for t, _ in kinds}
    if types and types <= set(TEXT):
        return texts([v.strings()[0] if v.type in TEXT else "" for v in values])
    if types and types <= {*INTEGRAL, *FLOATING}:
        target = max(types) if not (types & set(FLOATING) and len(types) > 1) else keys.DT_DOUBLE
    elif len(kinds) == 1 and (types <= WIRE_DTYPES.keys() or types == {keys.DT_BLOB}):
        nothing = null_cell(*kinds.pop())
        return joined([nothing if v.type == keys.DT_VOID else v for v in values])
    else:
        return Column(keys.DT_ANY, list(values))
    null = null_of(target)
    cells = np.empty(len(values), dtype=WIRE_DTYPES[target])
    for i, value in enumerate(values):
        missing = value.type == keys.DT_VOID or value.data[0] == null_of(value.type)
        cells[i] = null if missing else value.data[0]
    return Column(target, cells)


def each_column(value: Any, convert: Callable[[Column], Column]) -> Any:
    """`value` with `convert` applied to every vector and scalar in it that is not a key, label or element of a set."""
    if isinstance(value, Column):
        if value.type == keys.DT_ANY:
            return Column(keys.DT_ANY, [each_column(v, convert) for v in value.data], form=value.form)
        return convert(value)
    if isinstance(value, Table):
        return Table(value.names, [each_column(c, convert) for c in value.columns], value.name)
    if isinstance(value, Dictionary):
        return Dictionary(value.keys, each_column(value.values, convert), value.form)
    if isinstance(value, Matrix):
        return Matrix(convert(value.cells), value.rows, value.columns, value.row_labels, value.column_labels)
    return value


def wire_ready(value: Any) -> Any:
    """`value` as readers expect it: SYMBOL vectors with a base, but for keys and labels, where clients refuse one."""
    return each_column(value, _with_symbols)


def _with_symbols(column: Column) -> Column:
    if column.type != keys.DT_SYMBOL or column.symbols is not None or column.form == keys.DF_PAIR:
        return column
    if column.form == keys.DF_SCALAR:
        return Column(keys.DT_STRING, column.data, form=column.form, offsets=column.offsets)
    packed = _packed_bytes(column)
    if packed is None:
        numbers: dict[str, int] = {"": 0}
        index = np.array([numbers.setdefault(s, len(numbers)) for s in column.strings()], dtype=np.int32)
        return Column(keys.DT_SYMBOL, index, form=column.form, symbols=texts(numbers))
    # the null (0) goes first, so that it gets number 0; the rest follow in order of appearance
    packed = np.concatenate([np.zeros(1, dtype=np.uint64), packed])
    distinct, first, places = np.unique(packed, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    base = [int(v).to_bytes(8, "little").rstrip(b"\0") for v in distinct[order].tolist()]
    return Column(keys.DT_SYMBOL, rank[places.reshape(-1)[1:]], form=column.form, symbols=texts(base))


def _packed_bytes(column: Column) -> Any:
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

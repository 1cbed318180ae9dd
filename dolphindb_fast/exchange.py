"""Neutral values as Arrow data: each column as one array of the type that says the same, by the PyCapsule protocol.

Numbers, dates, times, text and lists are handed over as they lie. What each type becomes stands in `TYPES`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from . import settings as keys
from ._decode import array_capsule, schema_capsule, stream_capsule
from .cells import DECIMALS, IDENTIFIERS, dates, identifiers, is_null, rows_of, text_cells
from .column import Column, Table
from .errors import NotSupported, UsageError, ValueRefused

__all__ = [
    "Array",
    "TYPES",
    "array_capsule",
    "build",
    "check",
    "describe",
    "describe_table",
    "is_exportable",
    "schema_capsule",
    "stream_capsule",
]

#: wire type -> format of Arrow's C data interface
TYPES = {
    keys.DT_VOID: "n",  # null
    keys.DT_BOOL: "b",
    keys.DT_CHAR: "c",
    keys.DT_SHORT: "s",
    keys.DT_INT: "i",
    keys.DT_LONG: "l",
    keys.DT_FLOAT: "f",
    keys.DT_DOUBLE: "g",
    keys.DT_DATE: "tdD",  # date32
    keys.DT_MONTH: "tdD",  # its first day
    keys.DT_TIME: "ttm",  # time32[ms]
    keys.DT_MINUTE: "tts",  # time32[s]
    keys.DT_SECOND: "tts",
    keys.DT_NANOTIME: "ttn",  # time64[ns]
    keys.DT_DATETIME: "tss:",  # timestamp[s]
    keys.DT_DATEHOUR: "tss:",
    keys.DT_DATEMINUTE: "tss:",
    keys.DT_TIMESTAMP: "tsm:",
    keys.DT_NANOTIMESTAMP: "tsn:",
    keys.DT_STRING: "U",  # large_string; the empty text is null
    keys.DT_SYMBOL: "i",  # dictionary of large_string with int32 indices
    keys.DT_BLOB: "Z",  # large_binary; no bytes are null
    keys.DT_UUID: "U",  # text
    keys.DT_IPADDR: "U",
    keys.DT_INT128: "U",
    # decimal128 of 10, 19 and 38 digits: Polars 2.1 takes the cells of decimal32 and decimal64 for 16 bytes each
    keys.DT_DECIMAL32: "d:10,{}",
    keys.DT_DECIMAL64: "d:19,{}",
    keys.DT_DECIMAL128: "d:38,{}",
    keys.DT_COMPLEX: "+w:2",  # fixed-size list of two doubles
    keys.DT_POINT: "+w:2",
    keys.DT_DURATION: "w:8",  # the cell as it is: int32 value, int32 unit
}

#: types whose ticks Arrow counts in another unit or width
_TICKS = {
    keys.DT_MONTH: ("datetime64[D]", np.int32),
    keys.DT_MINUTE: ("datetime64[s]", np.int32),
    keys.DT_DATETIME: ("datetime64[s]", np.int64),
    keys.DT_DATEHOUR: ("datetime64[s]", np.int64),
    keys.DT_DATEMINUTE: ("datetime64[s]", np.int64),
}


class Array(NamedTuple):
    """One array of the C data interface, and its type."""

    format: bytes
    length: int
    null_count: int
    #: 1-d arrays, None: no nulls; those of fixed-size lists and structs have the first only
    buffers: tuple[np.ndarray | None, ...]
    children: tuple[Array, ...] = ()
    dictionary: Array | None = None
    name: bytes = b""


def describe(column: Column, name: str = "") -> Array:
    """A vector.

    Raises
    ------
    NotSupported
        ANY and what else Arrow has no type for.
    ValueRefused
        Offsets or indices that point outside, or a MONTH beyond the days of 32 bits.
    """
    label = name.encode()
    if column.form != keys.DF_VECTOR:
        raise NotSupported("Arrow data are vectors and tables; scalars and pairs are none")
    if column.type in IDENTIFIERS:
        return _variable(identifiers(column), is_null(column), "U", label)
    if column.type >= keys.ARRAY_TYPE_BASE:
        offsets = _checked_offsets(column)
        child = describe(rows_of(column), "item")
        return Array(b"+L", len(column), 0, (None, offsets), (child,), name=label)
    if column.type == keys.DT_SYMBOL:
        return _dictionary(column, label)
    if column.type in (keys.DT_STRING, keys.DT_BLOB):
        _checked_offsets(column)
        column = _valid_text(column) if column.type == keys.DT_STRING else column
        return _variable(column, np.diff(column.offsets) == 0, TYPES[column.type], label)
    if column.type not in TYPES:
        kind = keys.TYPE_STRING.get(column.type, column.type)
        raise NotSupported(f"column {name!r}: Arrow has no type for {kind}; raw=True returns it as it is")
    rows = len(column)
    if column.type == keys.DT_VOID:
        return Array(b"n", rows, rows, (), name=label)
    nulls = None if column.type == keys.DT_DURATION else is_null(column)
    validity, count = _validity(nulls)
    format = TYPES[column.type].format(column.scale) if column.type in DECIMALS else TYPES[column.type]
    if format == "+w:2":
        child = Array(b"g", 2 * rows, 0, (None, _contiguous(column.data).view("<f8")), name=b"item")
        return Array(b"+w:2", rows, count, (validity,), (child,), name=label)
    if column.type == keys.DT_BOOL:
        data = _bits(column.data != 0)
    elif column.type in _TICKS:
        data = _ticks(column, name)
    elif column.type in (keys.DT_DECIMAL32, keys.DT_DECIMAL64):
        data = np.empty((rows, 2), dtype="<i8")
        data[:, 0] = column.data
        data[:, 1] = data[:, 0] >> 63
    else:
        data = _contiguous(column.data)
    return Array(format.encode(), rows, count, (validity, data), name=label)


def describe_table(table: Table) -> Array:
    """A table as a struct of its columns."""
    columns = tuple(describe(column, name) for name, column in zip(table.names, table.columns, strict=True))
    rows = len(table)
    if any(column.length != rows for column in columns):
        raise ValueRefused("the columns of the table differ in length")
    return Array(b"+s", rows, 0, (None,), columns)


def _contiguous(data: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(data)


def _bits(values: np.ndarray) -> np.ndarray:
    return np.packbits(values, bitorder="little")


def _validity(nulls: np.ndarray | None) -> tuple[np.ndarray | None, int]:
    """The bitmap and how many nulls it has."""
    count = 0 if nulls is None else int(np.count_nonzero(nulls))
    return (None, 0) if nulls is None or not count else (_bits(~nulls), count)


def _ticks(column: Column, name: str) -> np.ndarray:
    unit, width = _TICKS[column.type]
    ticks = dates(column).astype(unit)
    wide = ticks.view(np.int64)
    narrow: np.ndarray = wide.astype(width)
    if width is np.int32 and (narrow != wide)[~np.isnat(ticks)].any():
        raise ValueRefused(f"column {name!r}: a {keys.TYPE_STRING[column.type]} that date32 can't hold")
    return narrow


def _checked_offsets(column: Column) -> np.ndarray:
    """Offsets that cut the data: a consumer follows them blindly."""
    offsets = _contiguous(column.offsets)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] > len(column.data) or (np.diff(offsets) < 0).any():
        raise ValueRefused("offsets of a column that do not cut its data")
    return offsets


def _valid_text(column: Column) -> Column:
    """The column if each text is UTF-8, else one without the bytes that are not, as everywhere in this package."""
    data = _contiguous(column.data)
    cuts = column.offsets[:-1][column.offsets[:-1] < len(data)]
    try:
        str(data.data, "utf-8")
    except UnicodeDecodeError:
        pass
    else:
        # no text begins within a character
        if not ((data[cuts] & 0xC0) == 0x80).any():
            return column
    return Column.from_strings(text_cells(Column(keys.DT_STRING, data, offsets=column.offsets)))


def _variable(column: Column, nulls: np.ndarray | None, format: str, name: bytes = b"") -> Array:
    validity, count = _validity(nulls)
    buffers = validity, _contiguous(column.offsets), _contiguous(column.data)
    return Array(format.encode(), len(column), count, buffers, name=name)


def _dictionary(column: Column, name: bytes) -> Array:
    """SYMBOL: the base without its first entry, which is NULL, are the words; each stands there once."""
    symbols = column.symbols
    if symbols is not None:
        _checked_offsets(symbols)
        if len(column.data) and not 0 <= column.data.min() <= column.data.max() < len(symbols):
            raise ValueRefused("indices of a SYMBOL column outside its base")
        words = text_cells(symbols).tolist()
        symbols = _valid_text(symbols)
        if not words or words[0] or len(set(words)) != len(words):
            symbols = None
    if symbols is None:
        known = {"": 0}
        codes = np.array([known.setdefault(cell, len(known)) for cell in text_cells(column)], dtype=np.int32)
        symbols = Column.from_strings(known)
    else:
        codes = _contiguous(column.data)
    validity, count = _validity(codes == 0)
    words = _variable(Column(keys.DT_STRING, symbols.data, offsets=symbols.offsets[1:]), None, "U")
    return Array(b"i", len(codes), count, (validity, np.maximum(codes - 1, 0)), dictionary=words, name=name)


# -- results of other libraries -------------------------------------------------------------------------------

#: what `as_` may ask for -> module
_LIBRARIES = {"arrow": "pyarrow", "polars": "polars"}


def check(as_: str, others: dict[str, Any]) -> None:
    """Refuse what could not be carried out once the reply is here."""
    if as_ not in _LIBRARIES:
        raise UsageError(f"as_ must be 'arrow', 'polars' or None, not {as_!r}")
    asked = [name for name, form in others.items() if form and name != "as_"]
    if asked:
        raise UsageError(f"as_ and {asked[0]} exclude each other")
    _library(as_)


def _library(as_: str) -> ModuleType:
    name = _LIBRARIES[as_]
    try:
        return importlib.import_module(name)
    except ImportError:
        raise NotSupported(f"as_={as_!r} needs the package {name}; get it with: pip install {name}") from None


def is_exportable(value: object) -> bool:
    """Whether a reply is Arrow data: a table, or a vector of one type."""
    if isinstance(value, Column):
        return value.form == keys.DF_VECTOR and value.type != keys.DT_ANY
    return hasattr(type(value), "__arrow_c_stream__")


def build(value: Any, as_: str) -> Any:
    """The `pyarrow.Table` or `polars.DataFrame` of a table; `pyarrow.Array` or `polars.Series` of a vector."""
    library = _library(as_)
    if isinstance(value, Column):
        return library.array(value) if as_ == "arrow" else library.Series(value)
    return library.table(value) if as_ == "arrow" else library.DataFrame(value)

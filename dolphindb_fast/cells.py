"""Cells of neutral columns as numpy arrays and Python values: what every kind of result is built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import settings as keys
from ._decode import blobs, decimals, has_nulls, spelled, texts
from .column import NULLS, Column, Dictionary, Set
from .errors import NotSupported

__all__ = [
    "Convert",
    "DECIMALS",
    "IDENTIFIERS",
    "INTEGRAL",
    "NUMBERS",
    "TEXT",
    "UNITS",
    "cut",
    "dates",
    "dictionary",
    "distinct",
    "elements",
    "identifiers",
    "is_null",
    "objects",
    "rows_of",
    "text_cells",
    "unsupported",
]

#: unit of the datetime64 that each date or time type becomes
UNITS = {
    keys.DT_DATE: "D",
    keys.DT_MONTH: "M",
    keys.DT_TIME: "ms",
    keys.DT_MINUTE: "m",
    keys.DT_SECOND: "s",
    keys.DT_DATETIME: "s",
    keys.DT_TIMESTAMP: "ms",
    keys.DT_NANOTIME: "ns",
    keys.DT_NANOTIMESTAMP: "ns",
    keys.DT_DATEHOUR: "h",
    keys.DT_DATEMINUTE: "m",
}

#: MONTH counts from year 0, numpy from 1970
MONTHS_TO_1970 = 1970 * 12

INTEGRAL = (keys.DT_CHAR, keys.DT_SHORT, keys.DT_INT, keys.DT_LONG)
NUMBERS = (*INTEGRAL, keys.DT_FLOAT, keys.DT_DOUBLE)
TEXT = (keys.DT_STRING, keys.DT_SYMBOL)
IDENTIFIERS = (keys.DT_UUID, keys.DT_IPADDR, keys.DT_INT128)
DECIMALS = (keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128)

#: what makes something of one value, of those in an ANY column
Convert = Callable[[Any], Any]


def _name(column: Column) -> str:
    return keys.TYPE_STRING.get(column.type, str(column.type))


def unsupported(column: Column) -> NotSupported:
    """Cells without a counterpart in Python."""
    return NotSupported(f"cells of type {_name(column)} mean nothing in Python; raw=True returns them as they are")


def is_null(column: Column) -> Any:
    """Which cells are NULL; None if none is."""
    data = column.data
    if data.dtype in NULLS:
        return data == NULLS[data.dtype] if has_nulls(np.ascontiguousarray(data)) else None
    words = np.ascontiguousarray(data).view("<u8").reshape(len(data), data.itemsize // 8)
    if column.type in IDENTIFIERS:
        nulls = ~words.any(axis=1)
    elif column.type == keys.DT_DECIMAL128:
        nulls = (words[:, 0] == 0) & (words[:, 1] == 2**63)
    else:
        nulls = (words.view("<f8") == NULLS[np.dtype("<f8")]).any(axis=1)
    return nulls if nulls.any() else None


def dates(column: Column) -> Any:
    """datetime64 in the type's own unit; times of day fall on 1970-01-01."""
    unit = f"datetime64[{UNITS[column.type]}]"
    if column.data.dtype.itemsize == 8:
        # the sentinel of 64-bit types is NaT
        return column.data.view(unit)
    nulls = is_null(column)
    cells = column.data.astype(np.int64)
    if column.type == keys.DT_MONTH:
        cells -= MONTHS_TO_1970
    if nulls is not None:
        cells[nulls] = np.iinfo(np.int64).min
    return cells.view(unit)


def identifiers(column: Column) -> Column:
    """The STRING column of a UUID, IPADDR or INT128 column."""
    data, offsets = spelled(column.type, np.ascontiguousarray(column.data))
    return Column(keys.DT_STRING, data, offsets=offsets)


def text_cells(column: Column) -> Any:
    """Object array of str; NULL is the empty text."""
    if column.symbols is not None:
        return texts(column.symbols.data, column.symbols.offsets)[column.data]
    return texts(np.ascontiguousarray(column.data), np.ascontiguousarray(column.offsets))


def objects(column: Column) -> Any:
    """Object array of the types that have no dtype of numpy; None for other types. NULL of decimals is None."""
    if column.type in TEXT:
        return text_cells(column)
    if column.type in IDENTIFIERS:
        return text_cells(identifiers(column))
    if column.type in DECIMALS:
        return decimals(column.type, np.ascontiguousarray(column.data), column.scale)
    if column.type == keys.DT_BLOB:
        return blobs(np.ascontiguousarray(column.data), np.ascontiguousarray(column.offsets))
    if column.type == keys.DT_VOID:
        return np.full(len(column), None, dtype=object)
    return None


def elements(column: Column, convert: Convert) -> Any:
    """The cells one by one, NULL and empty text as None; `convert` is for the elements of ANY."""
    if column.type == keys.DT_ANY:
        return [convert(item) for item in column.data]
    if column.type >= keys.ARRAY_TYPE_BASE:
        # here a NULL in one row decides the dtype of all
        return list(cut(convert(rows_of(column)), column.offsets))
    if column.type in UNITS:
        return [None if np.isnat(date) else date for date in dates(column)]
    if column.type == keys.DT_FUNCTIONDEF:
        return [text or None for text in text_cells(column)]
    cells = objects(column)
    if cells is not None:
        cells = cells.tolist()
        if column.type in TEXT or column.type == keys.DT_BLOB:
            return [cell or None for cell in cells]
    elif column.type == keys.DT_BOOL:
        cells = column.data.astype(bool).tolist()
    elif column.type in NUMBERS:
        cells = column.data.tolist()
    elif column.type == keys.DT_COMPLEX:
        cells = np.ascontiguousarray(column.data).view("<c16").tolist()
    else:
        raise unsupported(column)
    nulls = None if column.type == keys.DT_VOID else is_null(column)
    if nulls is None:
        return cells
    return [None if null else cell for cell, null in zip(cells, nulls.tolist(), strict=True)]


def _unhashable(column: Column) -> NotSupported:
    return NotSupported(f"cells of type {_name(column)} can't be keys in Python; raw=True returns them as they are")


def dictionary(value: Dictionary, convert: Convert) -> dict[Any, Any]:
    """In the order of the wire; of equal keys the last counts. Text keys stay text when empty."""
    names = text_cells(value.keys).tolist() if value.keys.type in TEXT else elements(value.keys, convert)
    try:
        return dict(zip(names, elements(value.values, convert), strict=True))
    except TypeError:
        raise _unhashable(value.keys) from None


def distinct(value: Set, convert: Convert) -> set[Any]:
    """The elements of a set."""
    try:
        return set(elements(value.values, convert))
    except TypeError:
        raise _unhashable(value.values) from None


def cut(cells: Any, offsets: np.ndarray) -> np.ndarray:
    """Object array of the rows of an array vector; those without cells are one object."""
    cuts = offsets.tolist()
    nothing = cells[:0]
    rows = (cells[a:b] if b > a else nothing for a, b in zip(cuts, cuts[1:], strict=False))
    return np.fromiter(rows, dtype=object, count=len(cuts) - 1)


def rows_of(column: Column) -> Column:
    """The cells of all rows of an array vector."""
    return Column(column.type - keys.ARRAY_TYPE_BASE, column.data, scale=column.scale)

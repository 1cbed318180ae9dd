"""Neutral values -> numpy and pandas objects from which nothing is lost.

The dtype follows from the wire type alone, never from the values: NULL has a place in every one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from . import settings as keys
from .cells import IDENTIFIERS, INTEGRAL, NUMBERS, UNITS, cut, dates, is_null, objects, rows_of, text_cells, unsupported
from .column import Column, Matrix, Table

__all__ = ["array", "frame", "matrix"]


def _mask(column: Column) -> np.ndarray:
    nulls = is_null(column)
    return np.zeros(len(column), dtype=bool) if nulls is None else nulls


def array(column: Column, convert: Callable[[Any], Any]) -> Any:
    """A vector: a list for ANY, else a numpy or pandas array."""
    if column.type == keys.DT_ANY:
        return [convert(item) for item in column.data]
    if column.type >= keys.ARRAY_TYPE_BASE:
        return cut(array(rows_of(column), convert), column.offsets)
    if column.type in UNITS:
        return dates(column)
    if column.type == keys.DT_SYMBOL:
        return _categorical(column)
    if column.type == keys.DT_STRING or column.type in IDENTIFIERS:
        cells = objects(column)
        nulls = np.diff(column.offsets) == 0 if column.type == keys.DT_STRING else is_null(column)
        if nulls is not None:
            cells[nulls] = None
        return pd.array(cells, dtype="string")
    if column.type == keys.DT_BOOL:
        return pd.arrays.BooleanArray(column.data.astype(bool), _mask(column))
    if column.type in INTEGRAL:
        return pd.arrays.IntegerArray(column.data, _mask(column))
    if column.type in NUMBERS:
        return pd.arrays.FloatingArray(column.data, _mask(column))
    if column.type == keys.DT_COMPLEX:
        return np.ma.MaskedArray(np.ascontiguousarray(column.data).view("<c16"), _mask(column))
    cells = objects(column)
    if cells is None:
        raise unsupported(column)
    if column.type == keys.DT_BLOB:
        cells[np.diff(column.offsets) == 0] = None
    return cells


def _categorical(column: Column) -> pd.Categorical:
    """SYMBOL: the base, without its first entry, which is NULL, as the categories."""
    if column.symbols is not None:
        words = text_cells(column.symbols)
        if words[0] == "" and len(set(words.tolist())) == len(words):
            return pd.Categorical.from_codes(column.data - 1, categories=pd.Index(words[1:], dtype="str"))
    cells = text_cells(column)
    cells[cells == ""] = None
    return pd.Categorical(cells)


def matrix(value: Matrix, convert: Callable[[Any], Any]) -> list[Any]:
    """``[cells, row labels, column labels]``; numbers are a masked array, since pandas has none of two dimensions."""
    cells = value.cells
    if cells.type in UNITS:
        plain = dates(cells)
    elif cells.type in NUMBERS or cells.type == keys.DT_BOOL:
        data = cells.data.astype(bool) if cells.type == keys.DT_BOOL else cells.data
        plain = np.ma.MaskedArray(data, _mask(cells))
    else:
        plain = array(cells, convert)
    labels = [None if part is None else array(part, convert) for part in (value.row_labels, value.column_labels)]
    return [plain.reshape((value.rows, value.columns), order="F"), *labels]


#: pandas has no datetime64 of these units; seconds hold all of their values
_IN_SECONDS = ("D", "M", "h", "m")


def frame(table: Table, convert: Callable[[Any], Any]) -> pd.DataFrame:
    """One column for each, duplicate names too."""
    columns = []
    for column in table.columns:
        cells = array(column, convert)
        if column.type in UNITS and UNITS[column.type] in _IN_SECONDS:
            cells = cells.astype("datetime64[s]")
        elif isinstance(cells, list):
            cells = np.fromiter(cells, dtype=object, count=len(cells))
        elif isinstance(cells, np.ma.MaskedArray):
            cells = cells.filled(complex(np.nan, np.nan))
        columns.append(pd.Series(cells, dtype=cells.dtype, copy=False))
    data = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(table)), copy=False)
    data.columns = pd.Index(table.names)
    return data

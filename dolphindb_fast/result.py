"""Neutral values -> what the official client returns: scalars, numpy arrays, pandas DataFrames.

The rules are those recorded from the official client 3.0.6.1 under its default protocol: integers with NULLs
become float64 with NaN, BOOL with NULLs objects with None, every date column of a table datetime64[ns],
text in tables the default text dtype of the installed pandas.
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as keys
from ._decode import texts
from .column import NULLS, WIRE_DTYPES, Column, Dictionary, Table
from .errors import NotSupported

__all__ = ["to_python"]

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
}

#: MONTH counts from year 0, numpy from 1970
MONTHS_TO_1970 = 1970 * 12

_INTEGRAL = (keys.DT_CHAR, keys.DT_SHORT, keys.DT_INT, keys.DT_LONG)
_NUMBERS = (*_INTEGRAL, keys.DT_FLOAT, keys.DT_DOUBLE)
_TEXT = (keys.DT_STRING, keys.DT_SYMBOL)


def to_python(value):
    """Convert a reply.

    Parameters
    ----------
    value : Column, Table, Dictionary or None

    Returns
    -------
    None, bool, int, float, str, numpy.datetime64, numpy.ndarray, list, dict or pandas.DataFrame

    Raises
    ------
    NotSupported
        A type without a conversion yet.
    """
    if value is None:
        return None
    if isinstance(value, Table):
        return _frame(value)
    if isinstance(value, Dictionary):
        return dict(zip(_elements(value.keys), _elements(value.values), strict=True))
    if value.form == keys.DF_SCALAR:
        if value.type in _NUMBERS:
            # the reply of every append: without arrays of one cell
            cell = value.data.item()
            return None if cell == NULLS[value.data.dtype] else cell
        return _elements(value)[0]
    if value.form == keys.DF_PAIR:
        return _elements(value)
    return _vector(value)


def _nulls(column: Column) -> np.ndarray:
    return column.data == NULLS[column.data.dtype]


def _dates(column: Column) -> np.ndarray:
    """datetime64 in the type's own unit; times of day fall on 1970-01-01."""
    unit = f"datetime64[{UNITS[column.type]}]"
    if column.data.dtype.itemsize == 8:
        # the sentinel of 64-bit types is NaT
        return column.data.view(unit)
    nulls = _nulls(column)
    cells = column.data.astype(np.int64)
    if column.type == keys.DT_MONTH:
        cells -= MONTHS_TO_1970
    dates = cells.view(unit)
    dates[nulls] = np.datetime64("NaT")
    return dates


def _texts(column: Column) -> np.ndarray:
    """Object array of str; NULL is the empty text."""
    if column.symbols is not None:
        return texts(column.symbols.data, column.symbols.offsets)[column.data]
    return texts(column.data, column.offsets)


def _vector(column: Column):
    if column.type == keys.DT_ANY:
        return [to_python(item) for item in column.data]
    if column.type == keys.DT_VOID:
        return np.full(len(column), None, dtype=object)
    if column.type in _TEXT:
        return _texts(column)
    if column.type in UNITS:
        return _dates(column)
    if column.type not in WIRE_DTYPES:
        raise NotSupported(f"replies of type {keys.TYPE_STRING.get(column.type, column.type)} are not supported yet")
    nulls = _nulls(column)
    if column.type == keys.DT_BOOL:
        if not nulls.any():
            return column.data.astype(bool)
        logical = column.data.astype(bool).astype(object)
        logical[nulls] = None
        return logical
    if not nulls.any():
        return column.data
    cells = column.data.astype(np.float64) if column.type in _INTEGRAL else column.data.copy()
    cells[nulls] = np.nan
    return cells


def _elements(column: Column) -> list:
    """The cells as the scalars that the official client makes: NULL, and empty text, is None."""
    if column.type == keys.DT_ANY:
        return [to_python(item) for item in column.data]
    if column.type == keys.DT_VOID:
        return [None] * len(column)
    if column.type in _TEXT:
        return [text or None for text in column.strings()]
    if column.type in UNITS:
        return [None if np.isnat(date) else date for date in _dates(column)]
    if column.type not in WIRE_DTYPES:
        raise NotSupported(f"replies of type {keys.TYPE_STRING.get(column.type, column.type)} are not supported yet")
    cells = column.data.astype(bool) if column.type == keys.DT_BOOL else column.data
    return [None if null else cell for cell, null in zip(cells.tolist(), _nulls(column).tolist(), strict=True)]


def _frame(table: Table) -> pd.DataFrame:
    rows = len(table)
    text_dtype = pd.Series(["x"]).dtype if rows and any(c.type in _TEXT for c in table.columns) else None
    columns = {}
    for name, column in zip(table.names, table.columns, strict=True):
        if column.type in UNITS:
            # the official client's unit; values outside its range wrap there, and so here
            columns[name] = _dates(column).astype("datetime64[ns]", copy=False)
        elif column.type == keys.DT_ANY:
            cells = np.empty(rows, dtype=object)
            cells[:] = [to_python(item) for item in column.data]
            columns[name] = cells
        elif column.type in _TEXT and isinstance(text_dtype, pd.StringDtype):
            columns[name] = _text_array(column, text_dtype)
        else:
            columns[name] = _vector(column)
    # the arrays are nobody else's: consolidating them would copy each once more
    return pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=False)


def _text_array(column: Column, dtype: pd.StringDtype):
    """An array of the default text dtype of pandas 3; building it here spares DataFrame the inference."""
    if dtype.storage == "pyarrow":
        import pyarrow

        base = column if column.symbols is None else column.symbols
        offsets, data = pyarrow.py_buffer(base.offsets), pyarrow.py_buffer(base.data)
        array = pyarrow.LargeStringArray.from_buffers(len(base), offsets, data)
        try:
            array.validate(full=True)
        except pyarrow.ArrowInvalid:
            pass  # bytes that are no UTF-8: dropped below
        else:
            if column.symbols is not None:
                array = array.take(pyarrow.array(column.data))
            return dtype.construct_array_type()(pyarrow.chunked_array([array]), dtype=dtype)
    return dtype.construct_array_type()._from_sequence(_texts(column), dtype=dtype)

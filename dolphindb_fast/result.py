"""Neutral values -> what the official client returns: scalars, numpy arrays, pandas DataFrames.

The rules are those recorded from the official client 3.0.6.1 under its default protocol: integers with NULLs
become float64 with NaN, BOOL with NULLs objects with None, every date column of a table datetime64[ns],
text in tables the default text dtype of the installed pandas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import exchange
from . import lossless as lossless_results
from . import settings as keys
from ._decode import decode
from .cells import (
    IDENTIFIERS,
    INTEGRAL,
    NUMBERS,
    TEXT,
    UNITS,
    Convert,
    cut,
    dates,
    dictionary,
    distinct,
    elements,
    identifiers,
    is_null,
    objects,
    rows_of,
    text_cells,
    unsupported,
)
from .column import NULLS, Column, Dictionary, Matrix, Set, Table
from .errors import UsageError

__all__ = ["loads", "to_python"]


def loads(
    data: bytes | bytearray | memoryview,
    *,
    pickleTableToList: bool = False,
    lossless: bool = False,
    raw: bool = False,
    as_: str | None = None,
    **limits: int,
) -> Any:
    """The Python object that wire bytes of one object mean; the opposite of `dumps`.

    Parameters
    ----------
    data : bytes-like
        One object, without the lines of a reply before it.
    pickleTableToList, lossless, raw : bool
    as_ : {"arrow", "polars"}, optional
        As `to_python`.
    expansion, allowance : int, optional
        The object may take `allowance` (default 1 MiB) bytes of memory and `expansion` (256) bytes more for each
        byte of `data`.

    Returns
    -------
    object
        As `to_python`.

    Raises
    ------
    ProtocolError
        The bytes are no object, or one beyond a limit; ``offset`` tells where.
    NotSupported
        A type without a counterpart in Python, or LZ4 without the package lz4.
    """
    forms = {"pickleTableToList": pickleTableToList, "lossless": lossless, "raw": raw}
    if as_ is not None:
        exchange.check(as_, forms)
    return to_python(decode(data, **limits), **forms, as_=as_)


def to_python(
    value: Any, *, pickleTableToList: bool = False, lossless: bool = False, raw: bool = False, as_: str | None = None
) -> Any:
    """Convert a reply.

    Parameters
    ----------
    value : Column, Matrix, Set, Dictionary, Table or None
    pickleTableToList : bool
        Tables become lists of arrays, array vectors arrays of two dimensions.
    lossless : bool
        Nothing is lost, and the dtype follows from the wire type alone. Vectors and columns of tables: BOOL, integers
        and floats become pandas' nullable dtypes (``boolean``, ``Int8`` to ``Int64``, ``Float32``, ``Float64``,
        where NaN is not NULL); dates keep their unit (in tables those that pandas lacks become seconds); STRING,
        UUID, IPADDR and INT128 ``string`` with NA, SYMBOL Categorical, BLOB bytes with None. Cells of matrices:
        masked arrays. All else as without.
    raw : bool
        Return `value` itself.
    as_ : {"arrow", "polars"}, optional
        Tables become `pyarrow.Table` or `polars.DataFrame`, vectors `pyarrow.Array` or `polars.Series`, of the types in
        `exchange.TYPES`; NULLs are null. All else as with `lossless`.

    Returns
    -------
    None, bool, int, float, str, bytes, Decimal, numpy.datetime64, numpy.ndarray, list, set, dict or pandas.DataFrame

    Raises
    ------
    NotSupported
        POINT and DURATION, which have no counterpart in Python.
    UsageError
        `pickleTableToList` with `lossless`, or with an array vector whose rows differ in length.
    """
    if value is None or raw:
        return value
    if isinstance(value, Column) and value.form == keys.DF_SCALAR and value.type in NUMBERS:
        # the reply of every append: without arrays of one cell
        cell = value.data.item()
        return None if cell == NULLS[value.data.dtype] else cell
    return _converted(value, pickleTableToList, lossless, as_)


def _converted(value: Any, pickleTableToList: bool, lossless: bool, as_: str | None) -> Any:
    if as_ is not None and exchange.is_exportable(value):
        return exchange.build(value, as_)
    lossless = lossless or as_ is not None
    if lossless and pickleTableToList:
        raise UsageError("pickleTableToList and lossless exclude each other")

    def convert(item: Any) -> Any:
        return to_python(item, pickleTableToList=pickleTableToList, lossless=lossless, as_=as_)

    if isinstance(value, Table):
        if lossless:
            return lossless_results.frame(value, convert)
        return _list(value, convert) if pickleTableToList else _frame(value, convert)
    if isinstance(value, Dictionary):
        return dictionary(value, convert)
    if isinstance(value, Set):
        return distinct(value, convert)
    if isinstance(value, Matrix):
        return lossless_results.matrix(value, convert) if lossless else _matrix(value, convert)
    if value.form == keys.DF_SCALAR:
        return elements(value, convert)[0]
    if value.form == keys.DF_PAIR:
        return elements(value, convert)
    if lossless:
        return lossless_results.array(value, convert)
    return _vector(value, convert, pickleTableToList)


def _vector(column: Column, convert: Convert, as_block: bool = False) -> Any:
    if column.type == keys.DT_ANY:
        return [convert(item) for item in column.data]
    if column.type >= keys.ARRAY_TYPE_BASE:
        return _block(column) if as_block else _rows(column)
    return _cells(column)


def _cells(column: Column) -> Any:
    if column.type in UNITS:
        return dates(column)
    cells = objects(column)
    if cells is not None:
        return cells
    if column.type == keys.DT_COMPLEX:
        cells = np.ascontiguousarray(column.data).view("<c16")
    elif column.type in NUMBERS:
        cells = column.data
    elif column.type == keys.DT_BOOL:
        cells = column.data.astype(bool)
    else:
        raise unsupported(column)
    nulls = is_null(column)
    if nulls is None:
        return cells
    if column.type == keys.DT_BOOL:
        cells = cells.astype(object)
        cells[nulls] = None
        return cells
    cells = cells.astype(np.float64) if column.type in INTEGRAL else cells.copy()
    cells[nulls] = complex(np.nan, np.nan) if cells.dtype.kind == "c" else np.nan
    return cells


def _rows(column: Column) -> np.ndarray:
    """Object array of one array for each row; only rows with NULLs have the dtype of numbers with NULLs."""
    cells = rows_of(column)
    rows = cut(_cells(cells), column.offsets)
    nulls = is_null(cells) if cells.type in INTEGRAL or cells.type == keys.DT_BOOL else None
    if nulls is not None:
        plain = cut(cells.data.astype(bool) if cells.type == keys.DT_BOOL else cells.data, column.offsets)
        before = np.concatenate(([0], np.cumsum(nulls)))[column.offsets]
        rows = np.where(np.diff(before) > 0, rows, plain)
    return rows


def _block(column: Column) -> Any:
    """An array vector as an array of two dimensions."""
    sizes = np.diff(column.offsets)
    if len(sizes) and (sizes != sizes[0]).any():
        raise UsageError(
            "pickleTableToList needs array vectors whose rows are of one length; "
            f"these have from {sizes.min()} to {sizes.max()} cells"
        )
    return _cells(rows_of(column)).reshape(len(sizes), int(sizes[0]) if len(sizes) else 0)


def _matrix(value: Matrix, convert: Convert) -> list[Any]:
    cells = _cells(value.cells).reshape((value.rows, value.columns), order="F")
    labels = (None if part is None else _vector(part, convert) for part in (value.row_labels, value.column_labels))
    return [cells, *labels]


#: of each unit the last value that datetime64[ns] holds; the first is its negative
_NANOSECOND_LIMITS = {
    unit: int(np.datetime64(2**63 - 1, "ns").astype(f"datetime64[{unit}]").astype(int))
    for unit in ("D", "M", "h", "m", "s", "ms")
}


def _table_dates(column: Column) -> Any:
    """datetime64[ns], or seconds or milliseconds if one of the dates is beyond its range."""
    cells = dates(column)
    unit = UNITS[column.type]
    if unit != "ns" and len(cells):
        limit = _NANOSECOND_LIMITS[unit]
        ticks = cells.view(np.int64)
        low = ticks.min()
        if low < -limit:
            # it may be NaT
            low = ticks.min(where=~np.isnat(cells), initial=0)
        if low < -limit or ticks.max() > limit:
            return cells.astype("datetime64[ms]" if unit == "ms" else "datetime64[s]")
    return cells.astype("datetime64[ns]", copy=False)


def _list(table: Table, convert: Convert) -> list[Any]:
    return [
        _table_dates(column) if column.type in UNITS else _vector(column, convert, True) for column in table.columns
    ]


def _frame(table: Table, convert: Convert) -> pd.DataFrame:
    rows = len(table)
    texts = rows and any(column.type in (*TEXT, *IDENTIFIERS) for column in table.columns)
    text_dtype = pd.Series(["x"]).dtype if texts else None
    columns: dict[str, Any] = {}
    for name, column in zip(table.names, table.columns, strict=True):
        if column.type in UNITS:
            columns[name] = _table_dates(column)
        elif column.type == keys.DT_ANY:
            columns[name] = [convert(item) for item in column.data]
        elif isinstance(text_dtype, pd.StringDtype) and column.type in TEXT:
            columns[name] = _text_array(column, text_dtype)
        elif isinstance(text_dtype, pd.StringDtype) and column.type in IDENTIFIERS:
            columns[name] = _text_array(identifiers(column), text_dtype)
        else:
            columns[name] = _vector(column, convert)
    # the arrays are nobody else's: consolidating them would copy each once more
    return pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=False)


def _text_array(column: Column, dtype: pd.StringDtype) -> Any:
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
            construct: Any = dtype.construct_array_type()
            return construct(pyarrow.chunked_array([array]), dtype=dtype)
    return dtype.construct_array_type()._from_sequence(text_cells(column), dtype=dtype)

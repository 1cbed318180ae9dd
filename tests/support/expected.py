"""A second encoder, written after the description of the wire and sharing no line with the product.

Plain: a column is read through the public interface of pandas, cell by cell where that is the
clearest, and packed with ``struct`` and numpy. It is the expectation where the official client cannot be one.
"""

from __future__ import annotations

import functools
import struct

import numpy as np
import pandas as pd

__all__ = ["encode", "frame", "scalar", "table", "vector"]

BOOL, CHAR, SHORT, INT, LONG = 1, 2, 3, 4, 5
DATETIME, TIMESTAMP, NANOTIMESTAMP, FLOAT, DOUBLE, SYMBOL, STRING = 11, 12, 14, 15, 16, 17, 18

#: little-endian cell and NULL of the fixed-width types
CELLS = {
    0: ("<i1", 0),
    BOOL: ("<i1", -(2**7)),
    CHAR: ("<i1", -(2**7)),
    SHORT: ("<i2", -(2**15)),
    LONG: ("<i8", -(2**63)),
    FLOAT: ("<f4", -float(np.finfo("f4").max)),
    DOUBLE: ("<f8", -float(np.finfo("f8").max)),
    **{four: ("<i4", -(2**31)) for four in (INT, 6, 7, 8, 9, 10, DATETIME, 28)},
    **{eight: ("<i8", -(2**63)) for eight in (TIMESTAMP, 13, NANOTIMESTAMP)},
}

_BY_DTYPE = {
    "bool": BOOL,
    "int8": CHAR,
    "int16": SHORT,
    "int32": INT,
    "int64": LONG,
    "float32": FLOAT,
    "float64": DOUBLE,
    "uint8": SHORT,
    "uint16": INT,
    "uint32": LONG,
    "uint64": LONG,
    "datetime64[s]": DATETIME,
    "datetime64[ms]": TIMESTAMP,
    "datetime64[us]": NANOTIMESTAMP,
    "datetime64[ns]": NANOTIMESTAMP,
}
_MASKED = {
    "boolean": BOOL,
    "Int8": CHAR,
    "Int16": SHORT,
    "Int32": INT,
    "Int64": LONG,
    "UInt8": SHORT,
    "UInt16": INT,
    "UInt32": LONG,
    "UInt64": LONG,
    "Float32": FLOAT,
    "Float64": DOUBLE,
}


@functools.lru_cache(maxsize=256)  # the columns of the corpus repeat a few texts many thousand times
def _cstring(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    assert b"\0" not in raw and len(raw) <= 262_143
    return raw + b"\0"


def vector(type_id: int, cells, *, form: int = 1) -> bytes:
    """A vector (form 1) or pair (form 2); `None` cells become NULL."""
    cells = list(cells) if not isinstance(cells, np.ndarray) else cells
    head = struct.pack("<BBii", type_id, form, len(cells), 1)
    if type_id in (SYMBOL, STRING):
        return head + b"".join(map(_cstring, ["" if cell is None else cell for cell in cells]))
    layout, null = CELLS[type_id]
    if not isinstance(cells, np.ndarray):
        cells = np.array([null if cell is None else cell for cell in cells], dtype=layout)
    return head + cells.astype(layout).tobytes()


def symbols(cells, base: int = 0) -> bytes:
    """A SYMBOL vector with a base of its own, in order of first appearance; 0 is NULL and the empty text."""
    cells = ["" if cell is None else cell for cell in cells]
    if not cells:
        return struct.pack("<BBii", SYMBOL, 1, 0, 1)
    words = dict.fromkeys(["", *cells])
    number = {word: index for index, word in enumerate(words)}
    head = struct.pack("<BBiiii", SYMBOL + 128, 1, len(cells), 1, base, len(words))
    return head + b"".join(map(_cstring, words)) + np.array([number[cell] for cell in cells], "<i4").tobytes()


def scalar(value, type_id: int | None = None) -> bytes:
    """A scalar; without `type_id` the type that a Python value has by itself."""
    if type_id is None:
        types = ((type(None), 0), (bool, BOOL), (int, LONG), (float, DOUBLE), (str, STRING))
        type_id = next(number for kind, number in types if isinstance(value, kind))
    if type_id in (SYMBOL, STRING):
        return bytes((type_id, 0)) + _cstring("" if value is None else value)
    layout, null = CELLS[type_id]
    if value is None or (type_id in (FLOAT, DOUBLE) and not np.isfinite(value)):
        value = null
    return bytes((type_id, 0)) + np.array(value, dtype=layout).tobytes()


def table(columns: dict[str, bytes], rows: int, *, kind: int = 0, name: str = "") -> bytes:
    """A table of ready vectors."""
    head = struct.pack("<BBii", kind, 6, rows, len(columns)) + _cstring(name)
    return head + b"".join(_cstring(str.__str__(column)) for column in columns) + b"".join(columns.values())


def _cells(series: pd.Series) -> list:
    """Python's values, with None for each kind of NULL."""
    cells = series.tolist()
    for row in series.isna().to_numpy().nonzero()[0].tolist():
        cells[row] = None
    return cells


def _fixed(series: pd.Series) -> bytes:
    array = np.array(series.to_numpy())
    kind = array.dtype.kind
    type_id = _BY_DTYPE[array.dtype.newbyteorder("=").name]
    layout, null = CELLS[type_id]
    if kind == "f":
        cells = np.where(np.isfinite(array), array, array.dtype.type(null))
        return vector(type_id, cells)
    if kind == "u":
        assert array.size == 0 or int(array.max()) < 2**63
        return vector(type_id, array)
    if kind != "M":
        return vector(type_id, array)
    ticks = array.astype(array.dtype.newbyteorder("=")).view("i8")
    factor = 1000 if np.datetime_data(array.dtype)[0] == "us" else 1
    most = (2 ** (31 if type_id == DATETIME else 63) - 1) // factor
    is_null = ticks == -(2**63)
    assert (is_null | ((-most <= ticks) & (ticks <= most))).all(), "out of range: no expectation"
    return vector(type_id, np.where(is_null, null, ticks * factor))


def _masked(series: pd.Series) -> bytes:
    # infinities in masked columns are sent as they are
    return vector(_MASKED[series.dtype.name], _cells(series))


def _objects(series: pd.Series) -> bytes:
    """An object column of text; nothing else has an expectation here."""
    cells = _cells(series)
    first = next((cell for cell in cells if cell is not None), None)
    if not cells:
        return vector(DOUBLE, [])
    if first is None:
        # NULLs alone: the one that says most decides
        for sign, type_id in (
            (lambda cell: cell is pd.NaT, NANOTIMESTAMP),
            (lambda cell: isinstance(cell, float), DOUBLE),
        ):
            if any(map(sign, series.tolist())):
                return vector(type_id, cells)
    assert first is None or isinstance(first, str), "not a column of text"
    return vector(STRING, ["" if cell is None else str(cell) for cell in cells])


def _column(series: pd.Series, base: int) -> tuple[bytes, int]:
    """The vector, and how many symbol bases it used."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        cells = _cells(series)
        return symbols(cells, base), 1 if cells else 0
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _fixed(series), 0
    if isinstance(dtype, np.dtype):
        return _objects(series), 0
    if dtype.name in _MASKED:
        return _masked(series), 0
    if hasattr(pd, "ArrowDtype") and isinstance(dtype, pd.ArrowDtype):
        from . import expected_arrow

        return expected_arrow.column(series, base)
    if isinstance(dtype, pd.StringDtype):
        return vector(STRING, _cells(series)), 0
    raise TypeError(f"no expectation for {dtype}")


def frame(data: pd.DataFrame, *, kind: int = 0) -> bytes:
    """The table that a frame becomes."""
    columns = {}
    base = 0
    for position, name in enumerate(data.columns):
        columns[name], used = _column(data.iloc[:, position], base)
        base += used
    return table(columns, len(data), kind=kind)


def encode(value) -> bytes:
    """A frame or a Python scalar."""
    return frame(value) if isinstance(value, pd.DataFrame) else scalar(value)

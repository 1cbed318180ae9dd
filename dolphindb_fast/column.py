"""Neutral typed values: what the wire says, without pandas and without loss.

`Column`, `Matrix`, `Set`, `Dictionary` and `Table` are what the decoder yields and what the encoder takes;
`result` turns them into numpy and pandas objects, the local server stores them.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from . import settings as keys

__all__ = ["Column", "Dictionary", "Matrix", "Set", "Table", "WIRE_DTYPES", "NULLS"]

#: numpy dtype of one cell of each fixed-width type (``wire: element bytes``, little-endian)
WIRE_DTYPES: dict[int, np.dtype[Any]] = {
    keys.DT_VOID: np.dtype("i1"),
    keys.DT_BOOL: np.dtype("i1"),
    keys.DT_CHAR: np.dtype("i1"),
    keys.DT_SHORT: np.dtype("<i2"),
    keys.DT_INT: np.dtype("<i4"),
    keys.DT_LONG: np.dtype("<i8"),
    keys.DT_DATE: np.dtype("<i4"),
    keys.DT_MONTH: np.dtype("<i4"),
    keys.DT_TIME: np.dtype("<i4"),
    keys.DT_MINUTE: np.dtype("<i4"),
    keys.DT_SECOND: np.dtype("<i4"),
    keys.DT_DATETIME: np.dtype("<i4"),
    keys.DT_TIMESTAMP: np.dtype("<i8"),
    keys.DT_NANOTIME: np.dtype("<i8"),
    keys.DT_NANOTIMESTAMP: np.dtype("<i8"),
    keys.DT_DATEHOUR: np.dtype("<i4"),
    keys.DT_DATEMINUTE: np.dtype("<i4"),
    keys.DT_FLOAT: np.dtype("<f4"),
    keys.DT_DOUBLE: np.dtype("<f8"),
    keys.DT_UUID: np.dtype("V16"),
    keys.DT_IPADDR: np.dtype("V16"),
    keys.DT_INT128: np.dtype("V16"),
    keys.DT_COMPLEX: np.dtype("V16"),
    keys.DT_POINT: np.dtype("V16"),
    keys.DT_DURATION: np.dtype("V8"),
    keys.DT_DECIMAL32: np.dtype("<i4"),
    keys.DT_DECIMAL64: np.dtype("<i8"),
    keys.DT_DECIMAL128: np.dtype("V16"),
}

#: the sentinel that means NULL, by numpy dtype of the cell
NULLS: dict[np.dtype[Any], Any] = {
    np.dtype("i1"): np.int8(-(2**7)),
    np.dtype("<i2"): np.int16(-(2**15)),
    np.dtype("<i4"): np.int32(-(2**31)),
    np.dtype("<i8"): np.int64(-(2**63)),
    np.dtype("<f4"): -np.finfo("f4").max,
    np.dtype("<f8"): -np.finfo("f8").max,
}


def _exchange() -> ModuleType:
    """The module that makes Arrow data of these; it knows them, so that it can't be imported before."""
    from . import exchange

    return exchange


class Column:
    """A scalar, vector or pair of one wire type.

    Attributes
    ----------
    type : int
        ``settings.DT_*``; of an array vector the element type and ``settings.ARRAY_TYPE_BASE``.
    form : int
        ``settings.DF_SCALAR`` (one cell), ``DF_VECTOR`` or ``DF_PAIR`` (two cells).
    data : ndarray or list
        Fixed-width types: 1-d array of ``WIRE_DTYPES[type]`` with the wire's NULL sentinels. Cells of 16 bytes
        (UUID, IPADDR, INT128, COMPLEX, POINT, DECIMAL128) are those bytes as they stand on the wire, in a void dtype.
        STRING, BLOB, FUNCTIONDEF: 1-d uint8, the bytes of all cells, cut by `offsets`; NULL is the empty cell.
        SYMBOL: 1-d int32 indices into `symbols`, 0 is NULL; or as STRING if `symbols` is None.
        Array vector: the cells of all rows, an array of the element type's dtype, cut by `offsets`.
        ANY: a list of `Column`, `Matrix`, `Set`, `Dictionary` and `Table`.
    offsets : ndarray or None
        STRING, BLOB, FUNCTIONDEF and array vectors: int64, one more than rows, first 0. Counts bytes for text,
        cells for array vectors.
    symbols : Column or None
        SYMBOL only: a STRING vector whose entry 0 is the empty string.
    scale : int
        Digits after the point, decimals only; of a FUNCTIONDEF its kind byte.
    """

    __slots__ = ("type", "form", "data", "offsets", "symbols", "scale")

    def __init__(
        self,
        type: int,
        data: Any,
        *,
        form: int = keys.DF_VECTOR,
        offsets: Any = None,
        symbols: Column | None = None,
        scale: int = 0,
    ) -> None:
        self.type = type
        self.form = form
        self.data = data
        self.offsets = offsets
        self.symbols = symbols
        self.scale = scale

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.offsets is not None else len(self.data)

    def __repr__(self) -> str:
        name = keys.TYPE_STRING.get(self.type, self.type)
        return f"<Column {name} form={self.form} rows={len(self)}>"

    @classmethod
    def from_strings(cls, texts: Iterable[str | bytes], *, form: int = keys.DF_VECTOR) -> Column:
        """A STRING column of `texts` (``str`` or UTF-8 ``bytes``)."""
        encoded = [t.encode() if isinstance(t, str) else t for t in texts]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(t) for t in encoded], out=offsets[1:]) if encoded else None
        data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        return cls(keys.DT_STRING, data, form=form, offsets=offsets)

    def __arrow_c_schema__(self) -> object:
        """The Arrow type of a vector; see `exchange`."""
        return _exchange().schema_capsule(_exchange().describe(self))

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """A vector as an Arrow array, of the type that its own asks for."""
        array = _exchange().describe(self)
        return _exchange().schema_capsule(array), _exchange().array_capsule(array)

    def strings(self) -> list[str]:
        """The texts of a STRING or SYMBOL column; invalid UTF-8 bytes are dropped, as the official client does."""
        if self.symbols is not None:
            base = self.symbols.strings()
            return [base[i] for i in self.data.tolist()]
        raw = self.data.tobytes()
        cuts = self.offsets.tolist()
        return [raw[a:b].decode(errors="ignore") for a, b in zip(cuts, cuts[1:], strict=False)]


class Table:
    """Named columns of equal length.

    Attributes
    ----------
    names : list of str
    columns : list of Column
    name : str
        The table's own name on the wire, mostly empty.
    """

    __slots__ = ("names", "columns", "name")

    def __init__(self, names: list[str], columns: list[Column], name: str = "") -> None:
        self.names = names
        self.columns = columns
        self.name = name

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def __arrow_c_schema__(self) -> object:
        """The Arrow types of the columns; see `exchange`."""
        return _exchange().schema_capsule(_exchange().describe_table(self))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as a stream of one batch of Arrow arrays, of the types that its own ask for."""
        return _exchange().stream_capsule(_exchange().describe_table(self))

    def __repr__(self) -> str:
        return f"<Table {self.name!r} {len(self)} x {len(self.columns)}>"


#: `settings` under a name that the class's own `keys` does not hide
_DICTIONARY = keys.DF_DICTIONARY


class Dictionary:
    """Keys and values as two vectors of equal length; mixed values are a vector of type ANY.

    Attributes
    ----------
    keys, values : Column
    form : int
        ``settings.DF_DICTIONARY``, or ``DF_CHART``, which is laid out alike.
    """

    __slots__ = ("keys", "values", "form")

    def __init__(self, keys: Column, values: Column, form: int = _DICTIONARY) -> None:
        self.keys = keys
        self.values = values
        self.form = form

    def __len__(self) -> int:
        return len(self.keys)


class Matrix:
    """Cells of one type in rows and columns.

    Attributes
    ----------
    cells : Column
        A vector of ``rows * columns`` cells, column by column.
    rows, columns : int
    row_labels, column_labels : Column or None
        Vectors of as many cells as there are rows, or columns.
    """

    __slots__ = ("cells", "rows", "columns", "row_labels", "column_labels")

    def __init__(
        self,
        cells: Column,
        rows: int,
        columns: int,
        row_labels: Column | None = None,
        column_labels: Column | None = None,
    ) -> None:
        self.cells = cells
        self.rows = rows
        self.columns = columns
        self.row_labels = row_labels
        self.column_labels = column_labels

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        name = keys.TYPE_STRING.get(self.cells.type, self.cells.type)
        return f"<Matrix {name} {self.rows} x {self.columns}>"


class Set:
    """Distinct values of one type, as one vector in the order of the wire."""

    __slots__ = ("values",)

    def __init__(self, values: Column) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

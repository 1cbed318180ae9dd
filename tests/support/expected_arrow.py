"""What Arrow columns become, cell by cell through pyarrow's public interface; part of `expected`.

Array vectors are laid out by the rule of blocks that the description of the wire gives for the official client.
"""

from __future__ import annotations

import datetime
import decimal
import functools
import itertools
import struct

import pyarrow

from . import expected

__all__ = ["array_vector", "blobs", "column", "decimals"]

BLOB, INT128 = 32, 31
DECIMAL32, DECIMAL64, DECIMAL128 = 37, 38, 39
DATE, TIME, SECOND, NANOTIME = 6, 8, 10, 13
BUFFER = 4096

_TYPES = {
    "bool": expected.BOOL,
    "int8": expected.CHAR,
    "int16": expected.SHORT,
    "int32": expected.INT,
    "int64": expected.LONG,
    "uint8": expected.SHORT,
    "uint16": expected.INT,
    "uint32": expected.LONG,
    "uint64": expected.LONG,
    "float": expected.FLOAT,
    "double": expected.DOUBLE,
    "date32[day]": DATE,
    "date64[ms]": DATE,
    "time32[s]": SECOND,
    "time32[ms]": TIME,
    "time64[us]": NANOTIME,
    "time64[ns]": NANOTIME,
    "timestamp[s]": expected.DATETIME,
    "timestamp[ms]": expected.TIMESTAMP,
    "timestamp[us]": expected.NANOTIMESTAMP,
    "timestamp[ns]": expected.NANOTIMESTAMP,
    "fixed_size_binary[16]": INT128,
    "decimal32": DECIMAL32,
    "decimal64": DECIMAL64,
    "decimal128": DECIMAL128,
}


#: types of which Arrow makes objects of Python by itself
_OBJECTS = ("string", "large_string", "binary", "large_binary", "fixed_size_binary[16]")


def _cells(array) -> list:
    """What ``array.to_pylist()`` makes, much faster for the types that make up most of the corpus."""
    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        return _cells(array.cast(kind.value_type))
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
        cells = array.fill_null(0).to_numpy(zero_copy_only=False).astype(object)
        cells[array.is_null().to_numpy(zero_copy_only=False)] = None
        return cells.tolist()
    if pyarrow.types.is_decimal128(kind) or str(kind) in _OBJECTS:
        return array.to_numpy(zero_copy_only=False).tolist()
    return array.to_pylist()


def _ticks(array):
    """Plain Python numbers of what Arrow keeps as numbers."""
    kind = str(array.type)
    if kind == "date64[ms]":
        epoch = datetime.date(1970, 1, 1)
        return [None if day is None else (day - epoch).days for day in array.to_pylist()]
    if kind.startswith(("date", "time")):
        width = pyarrow.int32() if "32" in kind else pyarrow.int64()
        factor = 1000 if "[us]" in kind else 1
        return [None if tick is None else tick * factor for tick in _cells(array.cast(width))]
    return _cells(array)


def _packed(type_id, cells) -> bytes:
    """The cells alone, one after the other."""
    if type_id == INT128:
        return b"".join([bytes(16) if cell is None else cell[::-1] for cell in cells])
    if type_id in (DECIMAL32, DECIMAL64, DECIMAL128):
        size = {DECIMAL32: 4, DECIMAL64: 8, DECIMAL128: 16}[type_id]
        null = -(2 ** (8 * size - 1))
        return b"".join([(null if cell is None else cell).to_bytes(size, "little", signed=True) for cell in cells])
    return expected.vector(type_id, cells)[10:]


def _values(array):
    """Wire type, scale (None: the type has none) and cells."""
    name = str(array.type)
    if name.startswith("decimal"):
        exact = decimal.Context(prec=80)
        scale = array.type.scale
        cells = [None if v is None else int(v.scaleb(scale, exact)) for v in _cells(array)]
        return _TYPES[name.partition("(")[0]], scale, cells
    return _TYPES[name], None, _ticks(array)


def decimals(type_id: int, scale: int, cells) -> bytes:
    """A vector of unscaled integers; `None` becomes NULL."""
    head = struct.pack("<BBiii", type_id, 1, len(cells), 1, scale)
    return head + _packed(type_id, cells)


@functools.lru_cache(maxsize=256)  # as in `expected`: the columns of the corpus repeat a few texts
def _blob(cell: bytes) -> bytes:
    return struct.pack("<i", len(cell)) + cell


def blobs(cells) -> bytes:
    """A BLOB vector of `bytes`."""
    head = struct.pack("<BBii", BLOB, 1, len(cells), 1)
    return head + b"".join(map(_blob, [cell or b"" for cell in cells]))


def array_vector(type_id: int, rows: list, scale: int | None = None) -> bytes:
    """An array vector of lists; `None` and empty lists are rows without cells."""
    rows = [row or [] for row in rows]
    head = struct.pack("<BBii", type_id + 64, 1, len(rows), sum(map(len, rows)))
    if scale is not None:
        head += struct.pack("<i", scale)
    width = len(_packed(type_id, [None]))
    packed = _packed(type_id, list(itertools.chain.from_iterable(rows)))
    blocks = []
    first, start, taken, continues = 0, 0, len(head), False
    while first < len(rows):
        room = BUFFER - 4 - taken
        count, size, cells = 0, 1, 0
        for row in rows[first:]:
            wanted = max(size, 1 if len(row) < 256 else 2 if len(row) < 65536 else 4)
            if (count + 1) * wanted + (cells + len(row)) * width > room and (count or continues):
                break
            count, size, cells = count + 1, wanted, cells + len(row)
        if count == 0:
            taken, continues = 0, False
            continue
        block = rows[first : first + count]
        blocks.append(struct.pack("<HBB", count, size, 0))
        blocks += [len(row).to_bytes(size, "little") for row in block]
        blocks.append(packed[start : start + cells * width])
        # a row larger than the buffer leaves its end in the last one
        beyond = cells - (room - count * size) // width
        taken = beyond % (BUFFER // width) * width if beyond > 0 else 0
        continues = taken > 0
        first += count
        start += cells * width
    return head + b"".join(blocks)


def column(series, base: int) -> tuple[bytes, int]:
    """The vector of a column with an ArrowDtype, and how many symbol bases it used."""
    array = series.array.__arrow_array__()
    array = array.combine_chunks() if isinstance(array, pyarrow.ChunkedArray) else array
    kind = array.type
    if pyarrow.types.is_dictionary(kind):
        if str(kind.value_type) in ("string", "large_string", "string_view"):
            cells = _cells(array)
            return expected.symbols(cells, base), 1 if cells else 0
        array = array.cast(kind.value_type)
        kind = array.type
    if "list" in str(kind):
        starts, flat = [], []
        for row in array:
            starts.append(len(row.values) if row.is_valid else 0)
            if row.is_valid:
                flat.append(row.values)
        values = pyarrow.concat_arrays(flat) if flat else pyarrow.array([], kind.value_type)
        type_id, scale, cells = _values(values)
        it = iter(cells)
        return array_vector(type_id, [[next(it) for _ in range(n)] for n in starts], scale), 0
    if "string" in str(kind):
        return expected.vector(expected.STRING, _cells(array)), 0
    if "binary" in str(kind) and str(kind) not in _TYPES:
        return blobs(_cells(array)), 0
    type_id, scale, cells = _values(array)
    if scale is not None:
        return decimals(type_id, scale, cells), 0
    if type_id == INT128:
        head = struct.pack("<BBii", type_id, 1, len(cells), 1)
        return head + _packed(type_id, cells), 0
    return expected.vector(type_id, cells), 0

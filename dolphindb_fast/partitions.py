"""Which rows belong to the same partition of a table.

Rows of one partition must not be written by two connections at once: the server refuses the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import settings as keys
from ._core import Target, dumps, inserted_column
from .cells import elements
from .column import NULLS, Column, Table
from .errors import ConversionError, UsageError, ValueRefused
from .result import loads, to_python
from .schema import PartitionColumn, TableSchema

__all__ = ["hash_buckets", "partition_column", "partition_groups", "taken", "thread_numbers"]

_TEXT = (keys.DT_STRING, keys.DT_SYMBOL)
_MOMENTS = (keys.DT_DATE, keys.DT_MONTH, keys.DT_DATETIME, keys.DT_TIMESTAMP, keys.DT_NANOTIMESTAMP, keys.DT_DATEHOUR)
#: rows from which on texts are not put into one symbol base, which may hold about 2 million
_MOST_SYMBOLS = 2_000_000


def partition_column(schema: TableSchema, name: str) -> PartitionColumn:
    """The partition column called `name`."""
    column: PartitionColumn
    for column in schema.partitions:
        if column.name == name:
            if column.index < 0 or column.kind < 0:
                raise UsageError(f"the server does not say how table {schema.label} is partitioned by {name!r}")
            return column
    known = ", ".join(column.name for column in schema.partitions)
    raise UsageError(
        f"Can't find specified partition column name. Table {schema.label} "
        + (f"is partitioned by {known}, not by {name!r}" if known else "is not partitioned")
    )


def taken(table: Table, rows: np.ndarray) -> Table:
    """The rows of these numbers."""
    return Table(table.names, [_taken(column, rows) for column in table.columns])


def _taken(column: Column, rows: np.ndarray) -> Column:
    if column.offsets is None:
        return Column(column.type, column.data[rows], symbols=column.symbols, scale=column.scale)
    sizes = np.diff(column.offsets)[rows]
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    places = np.arange(offsets[-1]) + np.repeat(column.offsets[rows] - offsets[:-1], sizes)
    return Column(column.type, column.data[places], offsets=offsets, scale=column.scale)


def partition_groups(table: Table, schema: TableSchema, column: PartitionColumn) -> np.ndarray:
    """A number for each row of a table that the schema has cast: the same for all rows of a partition.

    The numbers begin with 0 and have no gaps.

    Raises
    ------
    ValueRefused
        NULL, or a value outside of all ranges and lists: as the official client refuses them. (Whether there is a
        partition for a value of VALUE partitions only the server knows, which may add it.)
    """
    kind = _key_type(schema, column, len(table))
    values, codes = _distinct(_keys(table, schema, column.index, kind))
    groups: Any = _scheme_numbers(values, column)
    if groups is None:
        groups = np.arange(len(values))
        if isinstance(values, np.ndarray):
            groups[values == NULLS[values.dtype]] = -1
    found = np.asarray(groups)[codes]
    if len(found) and found.min() < 0:
        row = int(found.argmin())
        [value] = elements(_taken(table.columns[column.index], np.array([row])), to_python)
        raise ValueRefused(
            f"table {schema.label}: column {column.name!r}, row {row}: {ascii(value)} belongs to no partition"
        )
    return np.unique(found, return_inverse=True)[1].reshape(-1)


class _Exported:
    """A neutral table for what takes Arrow data."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__()


def _keys(table: Table, schema: TableSchema, place: int, kind: int) -> Column:
    """The cells of a column as another type."""
    column: Column = table.columns[place]
    if column.type == kind:
        return column
    name = schema.names[place]
    target = Target(schema.label, (name,), (kind,), (schema.scales[place],))
    found: Column = loads(dumps(target.fit(_Exported(Table([name], [column])))), raw=True).columns[0]
    return found


def thread_numbers(rows: Any, schema: TableSchema, place: int, threads: int) -> Any:
    """For each row the number of the thread that writes it: equal values, and rows of one partition, have the same.

    It depends on the value alone, so that it is the same in every call. NULL, and what belongs to no partition, goes
    to the first thread.

    Parameters
    ----------
    rows : list of tuple, or Table that the schema has cast
    place : int
        The column that decides.
    threads : int
    """
    name = schema.names[place]
    column = next((column for column in schema.partitions if column.name == name and column.kind >= 0), None)
    kind = schema.types[place]
    if column is not None:
        kind = _key_type(schema, column, len(rows))
    elif kind == keys.DT_STRING and len(rows) < _MOST_SYMBOLS:
        # its different values are then found while it is encoded
        kind = keys.DT_SYMBOL
    if isinstance(rows, list):
        target = Target(schema.label, (name,), (kind,), (schema.scales[place],))
        try:
            cells = loads(inserted_column(rows, place, target), raw=True)
        except ConversionError:
            # as it is told without threads: with the column's place, and its own type
            dumps(schema.target.fit_rows(rows))
            raise
    else:
        cells = _keys(rows, schema, place, kind)
    if (column is None or column.kind == keys.VALUE) and cells.symbols is None and cells.data.dtype.kind in "if":
        values, codes = cells.data, slice(None)
    else:
        values, codes = _distinct(cells)
    found = None if column is None else _scheme_numbers(values, column)
    if found is None:
        found = hash_buckets(values, threads)
    return (np.maximum(found, 0) % threads).astype(np.int64)[codes]


def _key_type(schema: TableSchema, column: PartitionColumn, rows: int) -> int:
    """The type in which values are compared with the scheme of a partition column."""
    kind = schema.types[column.index]
    if kind in _TEXT:
        return keys.DT_SYMBOL if rows < _MOST_SYMBOLS else keys.DT_STRING
    if kind in _MOMENTS and column.type in _MOMENTS and column.kind != keys.HASH:
        # partitions by day of a column of timestamps, for example
        return column.type
    return kind


def _scheme_numbers(values: Any, column: PartitionColumn) -> Any:
    """The number of the bucket, range or list that each value is in, -1: in none; None: there is one for each value."""
    scheme: Any = column.scheme
    if column.kind == keys.HASH:
        return hash_buckets(values, int(scheme.data[0]))
    if column.kind == keys.RANGE:
        bounds = scheme.strings() if scheme.type in _TEXT else scheme.data
        groups = np.searchsorted(np.asarray(bounds), np.asarray(values), side="right") - 1
        groups[groups == len(bounds) - 1] = -1
        return groups
    if column.kind == keys.LIST:
        return np.array(_list_numbers(values, scheme), dtype=np.int64)
    return None


def _distinct(column: Column) -> tuple[Any, Any]:
    """The different values of a column, and for each row which of them it has. Text is str, 16 bytes are bytes."""
    if column.symbols is not None:
        return column.symbols.strings(), column.data
    if column.type in _TEXT or column.data.dtype.kind == "V":
        cells = column.strings() if column.type in _TEXT else column.data.tolist()
        numbers: dict[Any, Any] = {}
        codes = np.array([numbers.setdefault(cell, len(numbers)) for cell in cells], dtype=np.int64)
        return list(numbers), codes
    values, codes = np.unique(column.data, return_inverse=True)
    return values, codes.reshape(-1)


def _list_numbers(values: Any, scheme: Column) -> list[int]:
    """The number of the list that each value is in, -1: in none."""
    lists = scheme.data if scheme.type == keys.DT_ANY else [scheme]
    known = {}
    for number, part in enumerate(lists):
        cells = part.strings() if part.type in _TEXT else part.data.tolist()
        known.update(dict.fromkeys(cells, number))
    cells = values.tolist() if isinstance(values, np.ndarray) else values
    return [known.get(value, -1) for value in cells]


def hash_buckets(values: Any, buckets: int) -> np.ndarray:
    """The bucket of each value as the server's HASH partitions have it; -1 for NULL.

    Parameters
    ----------
    values : ndarray of integers (wire cells), or list of str or of 16 bytes each
    buckets : int
    """
    if isinstance(values, np.ndarray):
        null = NULLS[values.dtype]
        # narrower ones are widened, with their sign, before they count as unsigned; of floats the bits count
        cells = values.view(f"i{values.itemsize}") if values.dtype.kind == "f" else values
        cells = cells if cells.itemsize == 8 else cells.astype(np.int32)
        found = (cells.view(f"u{cells.itemsize}") % np.array(buckets, dtype=f"u{cells.itemsize}")).astype(np.int64)
        return np.where(values == null, -1, found)
    encoded = [value.encode(errors="surrogatepass") if isinstance(value, str) else value for value in values]
    found = np.empty(len(encoded), dtype=np.int64)
    lengths = np.array([len(value) for value in encoded])
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        cells = np.frombuffer(b"".join([encoded[row] for row in rows]), dtype=np.uint8).reshape(len(rows), length)
        found[rows] = _murmur2(cells) % np.uint32(buckets)
    return found


def _murmur2(cells: np.ndarray) -> np.ndarray:
    """MurmurHash2 of 32 bits, seed 0, of each row of bytes."""
    factor = np.uint32(0x5BD1E995)
    count, length = cells.shape
    whole = length // 4
    words = np.ascontiguousarray(cells[:, : 4 * whole]).view("<u4").reshape(count, whole)
    found = np.full(count, length, dtype=np.uint32)
    for i in range(whole):
        word = words[:, i] * factor
        word ^= word >> np.uint32(24)
        found = found * factor ^ word * factor
    rest = cells[:, 4 * whole :].astype(np.uint32)
    for i in range(rest.shape[1]):
        found ^= rest[:, i] << np.uint32(8 * i)
    if rest.shape[1]:
        found *= factor
    found ^= found >> np.uint32(13)
    found *= factor
    return found ^ found >> np.uint32(15)

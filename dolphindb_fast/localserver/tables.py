"""Tables in memory, and the databases they live in.

A column is one growing buffer (text and array vectors: one of cells, one of offsets). Rows are only ever added
behind the rows that are there, so a reader takes a view of the filled part and needs no copy, and an append
of 100 rows costs a few slice assignments. Growth by half keeps the copying at three bytes per byte. What changes
rows that are there makes new buffers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import settings as keys
from ..column import WIRE_DTYPES, Column, Table
from .conversion import converter
from .failures import ScriptError, refused
from .ordering import ranks, row_keys
from .vectors import BYTES, TEXT, is_storable, joined, null_mask, plain_text, take, type_name

__all__ = ["Database", "MemoryTable"]

_FIRST_ROWS = 1024


def _grown(buffer: np.ndarray, filled: int, needed: int) -> Any:
    """A buffer of at least `needed` cells that begins with the `filled` cells of `buffer`."""
    if needed <= len(buffer):
        return buffer
    larger = np.empty(max(needed, len(buffer) + len(buffer) // 2, _FIRST_ROWS), dtype=buffer.dtype)
    larger[:filled] = buffer[:filled]
    return larger


class _Cells:
    """A fixed-width column."""

    __slots__ = ("type", "scale", "buffer", "filled")

    def __init__(self, type_id: int, scale: int, column: Column | None) -> None:
        self.type = type_id
        self.scale = scale
        self.buffer = np.empty(0, dtype=WIRE_DTYPES[type_id]) if column is None else column.data
        self.filled = len(self.buffer)

    def reserve(self, cells: np.ndarray) -> None:
        self.buffer = _grown(self.buffer, self.filled, self.filled + len(cells))

    def extend(self, cells: np.ndarray) -> None:
        end = self.filled + len(cells)
        self.buffer[self.filled : end] = cells
        self.filled = end

    def view(self) -> Column:
        return Column(self.type, self.buffer[: self.filled], scale=self.scale)


class _Pieces:
    """A column of cells with offsets: STRING, SYMBOL and BLOB, which count bytes, and array vectors."""

    __slots__ = ("type", "scale", "buffer", "offsets", "filled", "length")

    def __init__(self, type_id: int, scale: int, column: Column | None) -> None:
        dtype = np.dtype(np.uint8) if type_id in BYTES else WIRE_DTYPES[type_id - keys.ARRAY_TYPE_BASE]
        self.type = type_id
        self.scale = scale
        self.buffer = np.empty(0, dtype=dtype) if column is None else column.data
        self.offsets = np.zeros(1, dtype=np.int64) if column is None else column.offsets
        self.filled = len(self.offsets) - 1
        self.length = int(self.offsets[-1])

    def reserve(self, column: Column) -> None:
        self.offsets = _grown(self.offsets, self.filled + 1, self.filled + len(column.offsets))
        self.buffer = _grown(self.buffer, self.length, self.length + len(column.data))

    def extend(self, column: Column) -> None:
        end = self.filled + len(column.offsets)
        np.add(column.offsets[1:], self.length, out=self.offsets[self.filled + 1 : end])
        self.filled = end - 1
        length = self.length + len(column.data)
        # a buffer without room for more may be memory that is read-only
        if length > self.length:
            self.buffer[self.length : length] = column.data
        self.length = length

    def view(self) -> Column:
        cuts = self.offsets[: self.filled + 1]
        return Column(self.type, self.buffer[: self.length], offsets=cuts, scale=self.scale)


class _Items:
    """An ANY column."""

    __slots__ = ("type", "scale", "items")

    def __init__(self, type_id: int, scale: int, column: Column | None) -> None:
        self.type = type_id
        self.scale = scale
        self.items = [] if column is None else list(column.data)

    @property
    def filled(self) -> int:
        return len(self.items)

    def reserve(self, items: list[Any]) -> None:
        pass

    def extend(self, items: list[Any]) -> None:
        self.items.extend(items)

    def view(self) -> Column:
        return Column(self.type, list(self.items))


def _store(type_id: int, scale: int, column: Column | None = None) -> _Cells | _Pieces | _Items:
    if not is_storable(type_id):
        raise refused(f"a table column of type {type_name(type_id)}")
    if type_id == keys.DT_ANY:
        return _Items(type_id, scale, column)
    if type_id in WIRE_DTYPES:
        return _Cells(type_id, scale, column)
    return _Pieces(type_id, scale, plain_text(column) if column is not None and type_id in TEXT else column)


class MemoryTable:
    """A table that rows can be appended to, by any thread.

    Parameters
    ----------
    names : list of str
    types : list of int
    scales : list of int
        Digits after the point, of decimals; default 0.
    kind : str
        What ``typestr`` says.
    database : Database
        What the table belongs to, of a partitioned one.
    key_columns : tuple of str
        Rows that agree in these with a row that is there replace it.
    """

    def __init__(
        self,
        names: Sequence[str],
        types: Sequence[int],
        scales: Sequence[int] | None = None,
        *,
        kind: str = "IN-MEMORY TABLE",
        columns: Sequence[Column] | None = None,
        partition_column: str = "",
        database: Database | None = None,
        key_columns: Sequence[str] = (),
    ) -> None:
        if not names or len(names) != len(types):
            raise ScriptError("a table needs at least one column, and as many types as names")
        if len(set(names)) != len(names):
            raise ScriptError("column names must differ")
        self.names = list(names)
        self.kind = kind
        self.partition_column = partition_column
        self.database = database
        self.key_columns = self._known(key_columns)
        stored: Sequence[Column | None] = columns or [None] * len(types)
        parts = zip(types, scales or [0] * len(types), stored, strict=True)
        self._stores = [_store(*part) for part in parts]
        self._lock = threading.Lock()
        self._plans: dict[tuple[Any, ...], list[Any]] = {}

    @classmethod
    def of(cls, table: Table, kind: str = "IN-MEMORY TABLE") -> MemoryTable:
        """A table whose first rows are those of `table`, which it takes over without a copy."""
        rows = len(table)
        if any(len(c) != rows or c.form != keys.DF_VECTOR for c in table.columns):
            raise ScriptError("the columns of a table must be equally long vectors")
        types, scales = zip(*[(c.type, c.scale) for c in table.columns], strict=True)
        return cls(table.names, types, scales, kind=kind, columns=table.columns)

    def __len__(self) -> int:
        return self._stores[0].filled

    @property
    def types(self) -> list[int]:
        return [store.type for store in self._stores]

    @property
    def scales(self) -> list[int]:
        return [store.scale for store in self._stores]

    def _known(self, names: Sequence[str]) -> tuple[str, ...]:
        """`names`, which must be columns."""
        for name in names:
            if name not in self.names:
                raise ScriptError(f"the table has no column '{name}'")
        return tuple(names)

    def snapshot(self) -> Table:
        """The rows of this moment; later appends don't change them."""
        with self._lock:
            return Table(list(self.names), [store.view() for store in self._stores])

    def column(self, name: str) -> Column:
        """One column of this moment."""
        with self._lock:
            try:
                return self._stores[self.names.index(name)].view()
            except ValueError:
                raise ScriptError(f"the table has no column '{name}'") from None

    def append(self, columns: list[Column]) -> int:
        """Add rows, all or none; columns count by position, their names don't matter."""
        if self.key_columns:
            return self.upsert(columns, self.key_columns, False)
        plan, cells, rows = self._converted(columns)
        with self._lock:
            self._check(plan)
            for store, part in zip(self._stores, cells, strict=True):
                store.reserve(part)
            for store, part in zip(self._stores, cells, strict=True):
                store.extend(part)
        return rows

    def upsert(
        self, columns: list[Column], key_columns: Sequence[str], ignore_null: bool, sort_columns: Sequence[str] = ()
    ) -> int:
        """Rows whose keys are there replace the row with these keys, where `ignore_null` only with cells that are not
        NULL; all others are added. With `sort_columns` the whole table is sorted then."""
        key_columns, sort_columns = self._known(key_columns), self._known(sort_columns)
        if not key_columns:
            raise ScriptError("key columns are needed, of the table or as keyColNames")
        plan, cells, rows = self._converted(columns)
        with self._lock:
            self._check(plan)
            new = [_store(s.type, s.scale) for s in self._stores]
            for store, part in zip(new, cells, strict=True):
                store.reserve(part)
                store.extend(part)
            whole = [joined([old.view(), added.view()]) for old, added in zip(self._stores, new, strict=True)]
            places = [self.names.index(name) for name in key_columns]
            chosen = _latest([whole[i] for i in places], len(self))
            for i, column in enumerate(whole):
                where = _latest_rows(chosen, null_mask(column) if ignore_null and i not in places else None)
                whole[i] = take(column, where)
            if sort_columns:
                order = np.lexsort([ranks(whole[self.names.index(name)]) for name in reversed(sort_columns)])
                whole = [take(column, order) for column in whole]
            self._stores = [_store(column.type, column.scale, column) for column in whole]
        return rows

    def _converted(self, columns: list[Column]) -> tuple[tuple[Any, list[Any]], list[Any], int]:
        """The plan, and by it the cells: outside the lock, so that two connections convert side by side, and a
        refusal leaves no trace."""
        kinds = tuple([(c.type, c.scale) for c in columns])
        plan = self._plans.get(kinds) or self._plan(kinds)
        rows = len(columns[0])
        cells = []
        for column, (name, convert) in zip(columns, plan, strict=True):
            if len(column) != rows:
                raise ScriptError("the columns of an append must be equally long")
            cells.append(convert(column, name))
        return (kinds, plan), cells, rows

    def _check(self, used: Any) -> None:
        kinds, plan = used
        if self._plans.get(kinds) is not plan:
            raise ScriptError("the table changed its columns during the append")

    def _plan(self, kinds: tuple[Any, ...]) -> list[Any]:
        if len(kinds) != len(self.names):
            raise ScriptError(f"the appended data has {len(kinds)} columns, the table has {len(self.names)}")
        plan = []
        for name, store, source in zip(self.names, self._stores, kinds, strict=True):
            target = store.type, store.scale
            convert = converter(source, target)
            if convert is None:
                raise ScriptError(f"column '{name}': {type_name(*source)} can't be appended to {type_name(*target)}")
            plan.append((name, convert))
        with self._lock:
            return self._plans.setdefault(kinds, plan)

    def replace_column(self, name: str, column: Column) -> None:
        """Exchange the cells, and with them the type, of one column."""
        with self._lock:
            if name not in self.names:
                raise ScriptError(f"the table has no column '{name}'")
            if len(column) != len(self):
                raise ScriptError(f"column '{name}': {len(column)} cells replace {len(self)}")
            self._stores[self.names.index(name)] = _store(column.type, column.scale, column)
            self._plans.clear()


def _latest(key_columns: list[Column], old: int) -> list[list[int]]:
    """For each row of the result the rows that have its keys, oldest first. Old rows never replace each other."""
    rows_of: dict[tuple[Any, ...], list[int]] = {}
    result = []
    for row, key in enumerate(row_keys(key_columns)):
        known = rows_of.get(key)
        if known is None or row < old:
            result.append([row])
            rows_of.setdefault(key, result[-1])
        else:
            known.append(row)
    return result


def _latest_rows(chosen: list[list[int]], nulls: Any) -> np.ndarray:
    """Of each group the last row, or with `nulls` the last one that is not NULL there."""
    if nulls is None:
        return np.array([rows[-1] for rows in chosen], dtype=np.int64)
    latest = (next((row for row in reversed(rows) if not nulls[row]), rows[-1]) for rows in chosen)
    return np.fromiter(latest, dtype=np.int64, count=len(chosen))


class Database:
    """What ``database`` made: a path, its partition type and scheme, which are only remembered, and its tables."""

    def __init__(self, path: str, kind: int, scheme: Any = None) -> None:
        self.path = path
        self.kind = kind
        self.scheme = scheme
        self.tables: dict[str, MemoryTable] = {}

    def __repr__(self) -> str:
        return f"DB[{self.path}]"

    def table(self, name: str) -> MemoryTable:
        try:
            return self.tables[name]
        except KeyError:
            raise ScriptError(f"table '{name}' does not exist in database {self.path}") from None

    def create(self, name: str, schema: MemoryTable, partition_column: str) -> MemoryTable:
        if name in self.tables:
            raise ScriptError(f"table '{name}' exists already in database {self.path}")
        if partition_column and partition_column not in schema.names:
            raise ScriptError(f"the partition column '{partition_column}' is not a column of the table")
        made = MemoryTable(
            schema.names,
            schema.types,
            schema.scales,
            kind="SEGMENTED DFS TABLE",
            partition_column=partition_column,
            database=self,
        )
        return self.tables.setdefault(name, made)

    @staticmethod
    def is_path(path: str) -> bool:
        return path.startswith("dfs://") and len(path) > len("dfs://")

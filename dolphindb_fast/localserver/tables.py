"""Tables in memory, and the databases they live in.

A column is one growing buffer (text: one of bytes, one of offsets). Rows are only ever added behind
the rows that are there, so a reader takes a view of the filled part and needs no copy, and an append
of 100 rows costs a few slice assignments. Growth by half keeps the copying at three bytes per byte.
"""

from __future__ import annotations

import threading

import numpy as np

from ..column import WIRE_DTYPES, Column, Table
from .conversion import STORABLE, converter
from .failures import ScriptError, refused
from .vectors import TEXT, plain_text, type_name

__all__ = ["Database", "MemoryTable"]

_FIRST_ROWS = 1024


def _grown(buffer, filled: int, needed: int):
    """A buffer of at least `needed` cells that begins with the `filled` cells of `buffer`."""
    if needed <= len(buffer):
        return buffer
    larger = np.empty(max(needed, len(buffer) + len(buffer) // 2, _FIRST_ROWS), dtype=buffer.dtype)
    larger[:filled] = buffer[:filled]
    return larger


class _Cells:
    """A fixed-width column."""

    __slots__ = ("type", "buffer", "filled")

    def __init__(self, type_id: int, cells=None):
        self.type = type_id
        self.buffer = np.empty(0, dtype=WIRE_DTYPES[type_id]) if cells is None else cells
        self.filled = len(self.buffer)

    def reserve(self, cells):
        self.buffer = _grown(self.buffer, self.filled, self.filled + len(cells))

    def extend(self, cells):
        end = self.filled + len(cells)
        self.buffer[self.filled : end] = cells
        self.filled = end

    def view(self) -> Column:
        return Column(self.type, self.buffer[: self.filled])


class _Texts:
    """A STRING or SYMBOL column."""

    __slots__ = ("type", "buffer", "offsets", "filled", "length")

    def __init__(self, type_id: int, column: Column | None = None):
        self.type = type_id
        self.buffer = np.empty(0, dtype=np.uint8) if column is None else column.data
        self.offsets = np.zeros(1, dtype=np.int64) if column is None else column.offsets
        self.filled = len(self.offsets) - 1
        self.length = int(self.offsets[-1])

    def reserve(self, column):
        self.offsets = _grown(self.offsets, self.filled + 1, self.filled + len(column.offsets))
        self.buffer = _grown(self.buffer, self.length, self.length + len(column.data))

    def extend(self, column):
        end = self.filled + len(column.offsets)
        np.add(column.offsets[1:], self.length, out=self.offsets[self.filled + 1 : end])
        self.filled = end - 1
        length = self.length + len(column.data)
        self.buffer[self.length : length] = column.data
        self.length = length

    def view(self) -> Column:
        return Column(self.type, self.buffer[: self.length], offsets=self.offsets[: self.filled + 1])


def _store(type_id: int, column: Column | None = None):
    if type_id not in STORABLE:
        raise refused(f"a table column of type {type_name(type_id)}")
    if type_id in TEXT:
        return _Texts(type_id, None if column is None else plain_text(column))
    return _Cells(type_id, None if column is None else column.data)


class MemoryTable:
    """A table that rows can be appended to, by any thread.

    Parameters
    ----------
    names : list of str
    types : list of int
    kind : str
        What ``typestr`` says.
    """

    def __init__(self, names, types, *, kind="IN-MEMORY TABLE", columns=None, partition_column=""):
        if not names or len(names) != len(types):
            raise ScriptError("a table needs at least one column, and as many types as names")
        if len(set(names)) != len(names):
            raise ScriptError("column names must differ")
        self.names = list(names)
        self.kind = kind
        self.partition_column = partition_column
        self._stores = [_store(t, c) for t, c in zip(types, columns or [None] * len(types), strict=True)]
        self._lock = threading.Lock()
        self._plans: dict[tuple, list] = {}

    @classmethod
    def of(cls, table: Table, kind="IN-MEMORY TABLE") -> MemoryTable:
        """A table whose first rows are those of `table`, which it takes over without a copy."""
        rows = len(table)
        if any(len(c) != rows for c in table.columns):
            raise ScriptError("the columns of a table must be equally long")
        return cls(table.names, [c.type for c in table.columns], kind=kind, columns=table.columns)

    def __len__(self) -> int:
        return self._stores[0].filled

    @property
    def types(self) -> list[int]:
        return [store.type for store in self._stores]

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
        types = tuple([c.type for c in columns])
        plan = self._plans.get(types) or self._plan(types)
        rows = len(columns[0])
        # converted outside the lock: two connections convert side by side, and a refusal leaves no trace
        cells = []
        for column, (name, convert) in zip(columns, plan, strict=True):
            if len(column) != rows:
                raise ScriptError("the columns of an append must be equally long")
            cells.append(convert(column, name))
        with self._lock:
            if self._plans.get(types) is not plan:
                raise ScriptError("the table changed its columns during the append")
            for store, part in zip(self._stores, cells, strict=True):
                store.reserve(part)
            for store, part in zip(self._stores, cells, strict=True):
                store.extend(part)
        return rows

    def _plan(self, types: tuple) -> list:
        if len(types) != len(self.names):
            raise ScriptError(f"the appended data has {len(types)} columns, the table has {len(self.names)}")
        plan = []
        for name, store, source in zip(self.names, self._stores, types, strict=True):
            convert = converter(source, store.type)
            if convert is None:
                raise ScriptError(
                    f"column '{name}': {type_name(source)} can't be appended to {type_name(store.type)}"
                )
            plan.append((name, convert))
        with self._lock:
            return self._plans.setdefault(types, plan)

    def replace_column(self, name: str, column: Column) -> None:
        """Exchange the cells, and with them the type, of one column."""
        with self._lock:
            if name not in self.names:
                raise ScriptError(f"the table has no column '{name}'")
            if len(column) != len(self):
                raise ScriptError(f"column '{name}': {len(column)} cells replace {len(self)}")
            self._stores[self.names.index(name)] = _store(column.type, column)
            self._plans.clear()


class Database:
    """What ``database`` made: a path, its partition scheme, which is only remembered, and its tables."""

    def __init__(self, path: str, scheme: int | None):
        self.path = path
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
            schema.names, schema.types, kind="SEGMENTED DFS TABLE", partition_column=partition_column
        )
        return self.tables.setdefault(name, made)

    @staticmethod
    def is_path(path: str) -> bool:
        return path.startswith("dfs://") and len(path) > len("dfs://")

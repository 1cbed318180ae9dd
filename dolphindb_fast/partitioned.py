"""Frames into a partitioned table over several connections, each partition over one of them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .appender import renamed, row_count
from .column import Table
from .errors import UsageError
from .partitions import partition_column, partition_groups, taken
from .pool import DBConnectionPool
from .schema import ask_schema, table_expression
from .session import Session

__all__ = ["PartitionedTableAppender"]


def _append(function: str, part: Table, session: Session) -> Any:
    return session.run(function, part)


class PartitionedTableAppender:
    """Appends frames to a partitioned table: rows of one partition over one connection, all connections at once.

    Parameters
    ----------
    db_path : str
        Path of the database (``dfs://...``).
    table_name : str
    partition_col : str
        A column by which the table is partitioned.
    pool : DBConnectionPool
    dbPath, tableName, partitionColName, dbConnectionPool
        Deprecated spellings.

    Attributes
    ----------
    schema : TableSchema
        Asked once.

    Raises
    ------
    ServerError
        There is no such table.
    UsageError
        The table is not partitioned by this column.
    """

    def __init__(
        self,
        db_path: str | None = None,
        table_name: str | None = None,
        partition_col: str | None = None,
        pool: DBConnectionPool | None = None,
        *,
        dbPath: str | None = None,
        tableName: str | None = None,
        partitionColName: str | None = None,
        dbConnectionPool: DBConnectionPool | None = None,
    ) -> None:
        db_path, table_name, partition_col, pool = renamed(
            dbPath=(dbPath, "db_path", db_path),
            tableName=(tableName, "table_name", table_name),
            partitionColName=(partitionColName, "partition_col", partition_col),
            dbConnectionPool=(dbConnectionPool, "pool", pool),
        )
        if not isinstance(pool, DBConnectionPool):
            raise UsageError(f"pool must be a dolphindb_fast DBConnectionPool, not {type(pool).__name__}")
        table = db_path or "", table_name or ""
        self.pool = pool
        self._function = f"tableInsert{{{table_expression(*table)}}}"
        self.schema = pool._submit(lambda session: ask_schema(session, *table)).result()
        self._column = partition_column(self.schema, partition_col or "")

    def __repr__(self) -> str:
        return f"<PartitionedTableAppender {self.schema.label} by {self._column.name}>"

    def append(self, table: Any) -> int:
        """Append a DataFrame or another table, cast as by `TableAppender`; returns when all connections are done.

        Returns
        -------
        int
            The number of rows.

        Raises
        ------
        ConversionError
            A column that can't become the table's. Nothing was sent.
        Exception
            What `Session.run` raised for the first part that failed, when all parts are done. Its attribute
            ``appended`` is the number of rows that the others appended.
        """
        # no part may be sent if another one would be refused
        cast = self.schema.cast(table)
        groups = partition_groups(cast, self.schema, self._column)
        threads = groups % self.pool.size
        futures = []
        for thread in np.unique(threads).tolist():
            part = taken(cast, np.flatnonzero(threads == thread))
            futures.append(self.pool._submit(functools.partial(_append, self._function, part)))
        appended, first = 0, None
        for future in futures:
            try:
                appended += row_count(future.result())
            except Exception as error:
                first = first or error
        if first is not None:
            first.appended = appended  # type: ignore[attr-defined]
            raise first
        return appended

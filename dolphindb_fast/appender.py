"""Frames into tables of the server, in the tables' own types."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from ._core import Prepared
from .column import Column
from .errors import ConversionError, LinkError, ProtocolError, ServerError, UsageError
from .reconnect import is_read_once
from .result import to_python
from .schema import TableSchema, ask_schema, table_expression
from .session import Session

__all__ = [
    "AutoFitTableAppender",
    "AutoFitTableUpserter",
    "TableAppender",
    "TableUpserter",
    "tableAppender",
    "tableUpsert",
]


def renamed(**pairs: tuple[Any, ...]) -> list[Any]:
    """For arguments that have an older spelling: the value of each, which is that of the older one if that is given.

    Parameters
    ----------
    **pairs : tuple
        Older name -> (its value, newer name, its value).
    """
    values = []
    for old, (old_value, new, value) in pairs.items():
        if old_value is not None:
            warnings.warn(
                f"The parameter '{old}' is deprecated, please use '{new}' instead.", DeprecationWarning, stacklevel=3
            )
            value = old_value
        values.append(value)
    return values


def checked_session(conn: object) -> Session:
    """`conn`, which must be a `Session`."""
    if not isinstance(conn, Session):
        raise UsageError(f"conn must be a dolphindb_fast Session, not {type(conn).__name__}")
    return conn


class _TableWriter:
    """A table, a function that writes to it, and the schema by which frames are cast."""

    def __init__(self, db_path: str | None, table_name: str | None, session: Session, function: str) -> None:
        self.sess = session
        self._table = db_path or "", table_name or ""
        self._function = function
        self._answers = not session._enable_async and not session._acknowledge
        self._use(ask_schema(session, *self._table))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.schema.label}>"

    def _use(self, schema: TableSchema) -> None:
        self.schema = schema
        self._prepared = Prepared(self.sess, self._function, schema.target)

    def _write(self, table: Any) -> Any:
        if self.sess._acknowledge and self._prepared._failed_since():
            # maybe for columns that are others by now
            self._ask_again()
        try:
            result = self._prepared(table)
        except (ConversionError, ServerError):
            if not self._ask_again() or is_read_once(table):
                raise
            result = self._prepared(table)
        if type(result) is int or not self._answers:
            return result
        return row_count(result)

    def _ask_again(self) -> bool:
        """After a refusal: ask for the schema; whether the table has other columns than before."""
        try:
            schema = ask_schema(self.sess, *self._table)
        except (LinkError, ProtocolError, ServerError):
            # what was refused is told, not this
            return False
        if schema.has_columns_of(self.schema):
            return False
        self._use(schema)
        return True


def row_count(result: Any) -> int:
    """What the server answered, whatever the session makes of its replies; 0 for nothing."""
    if isinstance(result, Column):
        result = to_python(result)
    return int(result) if isinstance(result, (int, float, np.number)) else 0


class TableAppender(_TableWriter):
    """Appends frames to a table, cast to the types of its columns.

    The server is asked for the schema once, and again when it or the conversion refuses a frame: if the columns are
    others by then, the frame is sent once more, but not a stream that can be read only once. In asynchronous mode a
    connection of its own asks, which sees shared tables and databases but no variables of the session.

    Parameters
    ----------
    db_path : str, optional
        Path of a database (``dfs://...``); None for a table in memory.
    table_name : str
    conn : Session
    action : "fitColumnType"
        There is no other.
    dbPath, tableName, ddbSession
        Deprecated spellings.

    Attributes
    ----------
    schema : TableSchema
        As the server said it last.

    Raises
    ------
    ServerError
        There is no such table.
    UsageError
        An argument that means nothing.

    Examples
    --------
    >>> appender = ddb.TableAppender("dfs://ticks", "trades", session)
    >>> appender.append(frame)
    100
    """

    def __init__(
        self,
        db_path: str | None = None,
        table_name: str | None = None,
        conn: Session | None = None,
        action: str = "fitColumnType",
        *,
        dbPath: str | None = None,
        tableName: str | None = None,
        ddbSession: Session | None = None,
    ) -> None:
        db_path, table_name, conn = renamed(
            dbPath=(dbPath, "db_path", db_path),
            tableName=(tableName, "table_name", table_name),
            ddbSession=(ddbSession, "conn", conn),
        )
        if action != "fitColumnType":
            raise UsageError(f"Unsupported action type: {action}; only 'fitColumnType' is supported.")
        table = table_expression(db_path or "", table_name or "")
        super().__init__(db_path, table_name, checked_session(conn), f"tableInsert{{{table}}}")

    def append(self, table: Any) -> Any:
        """Append a DataFrame, Arrow data or what `table` returned.

        Its columns count by position, but a frame that has all names of the table has them in any order. A type that
        the frame itself gives a column, by ``__DolphinDB_Type__``, wins over the table's.

        Returns
        -------
        int or Submission or None
            Synchronous: the number of rows. Acknowledged mode: what knows it as soon as the reply is here. Asynchronous
            mode: None.

        Raises
        ------
        ConversionError
            A column that can't become the table's; names table, column, row, value and type. Nothing was sent.
        ServerError
            The server refused.
        """
        return self._write(table)


class TableUpserter(_TableWriter):
    """Updates rows of a table that have the same keys, and appends the others; else as `TableAppender`.

    Parameters
    ----------
    db_path, table_name, conn
        As of `TableAppender`.
    ignore_null : bool
        Cells that are NULL do not replace what is there.
    key_cols : list of str, optional
        Names of the key columns; a keyed table knows them itself.
    sort_cols : list of str, optional
        Columns by which the changed partitions are sorted afterwards.
    dbPath, tableName, ddbSession, ignoreNull, keyColNames, sortColumns
        Deprecated spellings.
    """

    def __init__(
        self,
        db_path: str | None = None,
        table_name: str | None = None,
        conn: Session | None = None,
        ignore_null: bool = False,
        key_cols: list[str] | None = None,
        sort_cols: list[str] | None = None,
        *,
        dbPath: str | None = None,
        tableName: str | None = None,
        ddbSession: Session | None = None,
        ignoreNull: bool | None = None,
        keyColNames: list[str] | None = None,
        sortColumns: list[str] | None = None,
    ) -> None:
        db_path, table_name, conn, ignore_null, key_cols, sort_cols = renamed(
            dbPath=(dbPath, "db_path", db_path),
            tableName=(tableName, "table_name", table_name),
            ddbSession=(ddbSession, "conn", conn),
            ignoreNull=(ignoreNull, "ignore_null", ignore_null),
            keyColNames=(keyColNames, "key_cols", key_cols),
            sortColumns=(sortColumns, "sort_cols", sort_cols),
        )
        options = f"ignoreNull={'true' if ignore_null else 'false'}"
        for option, columns in (("keyColNames", key_cols), ("sortColumns", sort_cols)):
            if columns:
                options += f",{option}={_symbols(option, columns)}"
        # as the official client writes it
        definition = f"(def(mutable tb, data){{upsert!(tb, data,{options});return 0;}})"
        table = table_expression(db_path or "", table_name or "")
        super().__init__(db_path, table_name, checked_session(conn), f"{definition}{{{table}}}")

    def upsert(self, table: Any) -> Any:
        """Update or append the rows of a DataFrame, of Arrow data or of what `table` returned.

        Returns
        -------
        int or Submission or None
            As `TableAppender.append`, but the server's reply is 0.

        Raises
        ------
        ConversionError, ServerError
            As `TableAppender.append`.
        """
        return self._write(table)


def _symbols(what: str, names: list[str]) -> str:
    """Column names as a literal of the script language."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{what} must be a list of column names, not {names!r}")
    if all(re.fullmatch(r"\w+", name) for name in names):
        return "".join(f"`{name}" for name in names)
    return "[" + ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names) + "]"


#: the official client's other spellings
AutoFitTableAppender = tableAppender = TableAppender
AutoFitTableUpserter = tableUpsert = TableUpserter

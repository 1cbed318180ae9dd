"""What a table on the server looks like: asked once, kept as neutral data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import settings as keys
from ._core import Encoder, Target, TypedFrame
from .column import Column, Dictionary, Table
from .errors import ProtocolError
from .reconnect import Node
from .result import loads

if TYPE_CHECKING:
    from .session import Session

__all__ = ["PartitionColumn", "TableSchema", "ask_schema", "read_schema", "table_expression", "table_label"]

_DECIMALS = (keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128)


class PartitionColumn(NamedTuple):
    """One column by which a table is partitioned.

    Attributes
    ----------
    name : str
    index : int
        Its place among the columns.
    type : int
        Type of the values in `scheme`, which may be coarser than the column's: DATE for a TIMESTAMP column.
    kind : int
        ``settings.VALUE``, ``RANGE``, ``LIST`` or ``HASH``.
    scheme : Column or None
        As the server says it: values, bounds, tuple of lists, number of buckets.
    """

    name: str
    index: int  # type: ignore[assignment]  # not tuple.index
    type: int
    kind: int
    scheme: Column | None


class TableSchema:
    """Columns of a table, and how it is partitioned.

    Attributes
    ----------
    label : str
        The table in error messages.
    names : tuple of str
    types : tuple of int
        ``settings.DT_*``; of array vectors the element type and ``settings.ARRAY_TYPE_BASE``.
    scales : tuple of int
        Digits after the point of decimals, 0 for all else.
    partitions : tuple of PartitionColumn
        Empty for a table that is not partitioned.
    target : Target
        The columns as the encoder wants them.
    """

    __slots__ = ("label", "names", "types", "scales", "partitions", "target")

    def __init__(
        self,
        label: str,
        names: Iterable[str],
        types: Iterable[int],
        scales: Iterable[int],
        partitions: Iterable[PartitionColumn] = (),
    ) -> None:
        self.label = label
        self.names = tuple(names)
        self.types = tuple(types)
        self.scales = tuple(scales)
        self.partitions = tuple(partitions)
        self.target = Target(label, self.names, self.types, self.scales)

    def __repr__(self) -> str:
        columns = zip(self.names, self.types, strict=True)
        return f"<TableSchema {self.label}: {', '.join(f'{n} {keys.TYPE_STRING.get(t, t)}' for n, t in columns)}>"

    def has_columns_of(self, other: TableSchema) -> bool:
        """Whether the columns are the same: names, types, scales, order."""
        return (self.names, self.types, self.scales) == (other.names, other.types, other.scales)

    def fit(self, frame: Any) -> TypedFrame:
        """`frame` as an argument for `Session.run`, its columns cast to the table's types.

        Columns count by position, but a frame that has all names of the table has them in any order. What does not fit
        is refused when it is sent.
        """
        return self.target.fit(frame)

    def cast(self, frame: Any) -> Table:
        """`frame` in the table's types, in memory of its own."""
        cast: Table = loads(bytes(Encoder().encode(self.fit(frame))), raw=True)
        return cast


def base_type(kind: int) -> int:
    """The type of an array vector's elements; any other type as it is."""
    return kind - keys.ARRAY_TYPE_BASE if kind >= keys.ARRAY_TYPE_BASE else kind


def table_label(db_path: str, table_name: str) -> str:
    """How error messages call a table."""
    return f"{db_path}/{table_name}" if db_path else table_name


def table_expression(db_path: str, table_name: str, quote: str = "'") -> str:
    """The table in a script; the official client quotes with ``"`` where it asks and with ``'`` where it appends."""
    if not db_path:
        return table_name
    return f"loadTable({quote}{db_path}{quote}, {quote}{table_name}{quote})"


def ask_schema(session: Session, db_path: str, table_name: str) -> TableSchema:
    """Ask the server for a table's schema.

    An asynchronous session gets no answer: a short synchronous connection to the same node with the same user asks.
    """
    script = f"schema({table_expression(db_path, table_name, chr(34))})"
    forms: dict[str, Any] = {"raw": True, "lossless": False}
    if session._enable_async:
        twin = _synchronous_twin(session)
        try:
            reply = twin.run(script, **forms)
        finally:
            twin.close()
    else:
        reply = session.run(script, **forms)
        # in acknowledged mode it may be gathered by a batch
        session._flush_own_batch()
        reply = session._answered(reply)
    return read_schema(reply, table_label(db_path, table_name))


def _synchronous_twin(session: Session) -> Session:
    from .session import Session

    session._refuse_unusable()
    twin = Session(sslContext=session._tls_context)
    # the first connection gave its warnings already
    twin._credentials, twin._timeouts, twin._warned = session._credentials, session._timeouts, True
    twin._connect_to(Node(session.host, session.port), False)
    twin._make_ready()
    return twin


def read_schema(reply: object, label: str) -> TableSchema:
    """The neutral reply of the server's function ``schema``."""
    if not isinstance(reply, Dictionary) or reply.values.type != keys.DT_ANY:
        raise ProtocolError(f"the schema of table {label} is no dictionary")
    members = dict(zip(reply.keys.strings(), reply.values.data, strict=True))
    definitions = members.get("colDefs")
    if not isinstance(definitions, Table):
        raise ProtocolError(f"the schema of table {label} has no colDefs")
    columns = dict(zip(definitions.names, definitions.columns, strict=True))
    try:
        names = tuple(columns["name"].strings())
        types = tuple(columns["typeInt"].data.tolist())
    except KeyError as error:
        raise ProtocolError(f"the schema of table {label} has no column {error} in colDefs") from None
    scales = tuple(columns["extra"].data.tolist()) if "extra" in columns else (0,) * len(names)
    scales = tuple(max(s, 0) if base_type(t) in _DECIMALS else 0 for t, s in zip(types, scales, strict=True))
    return TableSchema(label, names, types, scales, _read_partitions(members))


def _read_partitions(members: dict[Any, Any]) -> tuple[PartitionColumn, ...]:
    column = members.get("partitionColumnName")
    if not isinstance(column, Column) or column.type not in (keys.DT_STRING, keys.DT_SYMBOL):
        return ()
    names = [name for name in column.strings() if name]
    count = len(names)
    schemes = members.get("partitionSchema")
    if count == 1:
        schemes = [schemes]
    else:
        schemes = schemes.data if isinstance(schemes, Column) and schemes.type == keys.DT_ANY else [None] * count
    places, types, kinds = (
        _numbers(members.get(name), count) for name in ("partitionColumnIndex", "partitionColumnType", "partitionType")
    )
    return tuple(map(PartitionColumn, names, places, types, kinds, schemes))


def _numbers(column: Any, count: int) -> list[int]:
    """Whole numbers, one for each partition column; -1 where the server does not say."""
    if not isinstance(column, Column) or not isinstance(column.data, np.ndarray) or len(column.data) != count:
        return [-1] * count
    numbers: list[int] = column.data.tolist()
    return numbers

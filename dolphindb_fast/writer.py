"""Rows and frames from any thread into a table, written by threads in the background."""

from __future__ import annotations

import atexit
import datetime
import logging
import sys
import threading
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import options
from . import settings as keys
from ._core import RowWriter
from .column import Table
from .connecting import seconds
from .credentials import Credentials
from .errors import QueueFull, ReplyTimeout, UsageError
from .lanes import Batch, Parts, Work, as_rows, open_works
from .partitions import taken, thread_numbers
from .schema import TableSchema, ask_schema, table_expression
from .session import Session

if TYPE_CHECKING:
    import ssl

__all__ = [
    "ErrorCodeInfo",
    "MultithreadedTableWriter",
    "MultithreadedTableWriterStatus",
    "MultithreadedTableWriterThreadStatus",
    "UnwrittenRows",
]

log = logging.getLogger("dolphindb_fast")

#: seconds that the end of a with block which failed waits for what was inserted in it
LAST_WORDS = 30.0
#: seconds; the system's locks take no more than some 292 years
FOR_EVER = 1e9


class ErrorCodeInfo:
    """What became of a call.

    Attributes
    ----------
    errorCode : str or None
        Empty or None: no error.
    errorInfo : str or None
    """

    def __init__(self, errorCode: str | None = None, errorInfo: str | None = None) -> None:
        self.errorCode = errorCode
        self.errorInfo = errorInfo

    def __repr__(self) -> str:
        code = self.errorCode if self.hasError() else None
        return f"errorCode: {code}\n errorInfo: {self.errorInfo}\n{object.__repr__(self)}"

    def hasError(self) -> bool:
        """Whether there was an error."""
        return bool(self.errorCode)

    def succeed(self) -> bool:
        """Whether there was none."""
        return not self.errorCode


class MultithreadedTableWriterThreadStatus:
    """How far one thread is.

    Attributes
    ----------
    threadId : int
        0 for the rows that none of several threads has yet.
    sentRows : int
        Rows that the server confirmed.
    unsentRows : int
        Rows that are to be sent, or have no reply yet.
    sendFailedRows : int
        Rows that `MultithreadedTableWriter.getUnwrittenData` will return because they failed.
    """

    def __init__(self, threadId: int | None = None) -> None:
        self.threadId = threadId
        self.sentRows: int | None = None
        self.unsentRows: int | None = None
        self.sendFailedRows: int | None = None


class MultithreadedTableWriterStatus(ErrorCodeInfo):
    """How far a writer is.

    Attributes
    ----------
    errorCode, errorInfo : str
        Why it ended: ``"A1"``, a value that can't become its column's type; ``"A5"``, the server refused a batch or
        the connection was lost. Empty: it did not.
    isExiting : bool
        It takes no more rows.
    sentRows, unsentRows, sendFailedRows : int
        Sums over `threadStatus`.
    threadStatus : list of MultithreadedTableWriterThreadStatus
    uncertainRows : int
        Of `sendFailedRows` those that may be in the table: their connection was lost before the reply came.
    droppedRows : int
        Not taken since the queue was full, with ``whenFull="drop"``.
    ignoredRows : int
        Rows that the server did not insert although it reported no error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.isExiting: bool | None = None
        self.sentRows: int | None = None
        self.unsentRows: int | None = None
        self.sendFailedRows: int | None = None
        self.threadStatus: list[MultithreadedTableWriterThreadStatus] = []
        self.uncertainRows: int | None = None
        self.droppedRows: int | None = None
        self.ignoredRows: int | None = None

    def __repr__(self) -> str:
        lines = [f"{'errorCode':14}: {self.errorCode if self.hasError() else None}"]
        for name in ("errorInfo", "isExiting", "sentRows", "unsentRows", "sendFailedRows"):
            value = getattr(self, name)
            if value is not None:
                lines.append(f" {name:14}: {value}")
        lines += [" threadStatus  : ", " \tthreadId\tsentRows\tunsentRows\tsendFailedRows"]
        for one in self.threadStatus:
            widths = ((one.threadId, 8), (one.sentRows, 8), (one.unsentRows, 10), (one.sendFailedRows, 14))
            lines.append("".join("\t" if value is None else f"\t{value:{width}d}" for value, width in widths))
        return "\n".join(lines) + "\n" + object.__repr__(self)


class UnwrittenRows(list[list[Any]]):
    """Rows, each a list of values, that are not known to be in the table.

    Attributes
    ----------
    uncertain : int
        So many of them, at the beginning, may be in the table all the same: they were sent, and the connection was lost
        before the server's reply came. The others are not in it.
    """

    def __init__(self, uncertain: list[list[Any]], unwritten: list[list[Any]]) -> None:
        super().__init__([*uncertain, *unwritten])
        self.uncertain = len(uncertain)


class MultithreadedTableWriter(RowWriter):
    """Takes rows and frames from any thread, and writes them in the background.

    Rows are gathered in a queue. A batch leaves when there are `batchSize` rows, or `throttle` seconds after its first
    row. Batches leave back to back; each is kept until the server has confirmed it.

    After an error the writer has ended: `insert` raises, `getStatus` says why, and `getUnwrittenData` returns what is
    not known to be in the table. A lost connection is no error while it may be made again (`reconnect`): what had no
    reply is put aside for `getUnwrittenData`, as uncertain, and the writer goes on with the next batch.

    Use it as a context manager, or call `waitForThreadCompletion`: neither the end of the process nor of the object
    waits for rows.

    Parameters
    ----------
    host, port : str, int
    userId, password : str
    dbPath, tableName : str
        Path of a database (``dfs://...``), or empty, and the table.
    useSSL : bool
        As `enableSSL` of `Session`.
    enableHighAvailability, highAvailabilitySites
        As `highAvailability` and `highAvailabilitySites` of `Session.connect`.
    batchSize : int
        Rows of a batch at least, unless `throttle` is over. A batch has all rows that there are, up to 65,536 or
        `batchSize`.
    throttle : float or timedelta
        Seconds that a row waits at most for others.
    threadCount : int
        Connections, each with a thread.
    partitionCol : str
        With several threads: the column that says which thread a row belongs to. Rows with the same value, and rows of
        the same partition if the table is partitioned by it, are written by the same thread, in order.
    compressMethods : list of str
        "LZ4" or "DELTA" for each column; empty: none.
    mode : str
        "append", also if empty, or "upsert".
    modeOption : list of str
        Further arguments of the server's function ``upsert!``, as ``"ignoreNull=true"``.
    reconnect : bool
        Connect again after a fault.
    tryReconnectNums : int
        Attempts, of each node; below 1: without end, once the first connection was made.
    enableStreamTableTimestamp : bool
        The server fills the column that ``setStreamTableTimestamp`` named: rows have no value for it.
    usePublicName : bool
        As of `Session.connect`.
    retryWrites : bool
        Send again what had no reply when the connection was lost: it may then be written twice.
    maxRows : int
        Rows that may be in the queue or without reply. As many again of unknown outcome are kept for
        `getUnwrittenData`; more of these end the writer.
    whenFull : str
        What `insert` and `append` do then: "block" until there is room, for at most `blockTimeout`, then raise
        `QueueFull`; "raise" it at once; "drop" what was to be inserted, and count it in ``getStatus().droppedRows``.
    blockTimeout : float or timedelta
        Seconds; 0: for ever.
    maxInFlight : int
        Batches that each thread may have sent without reply. With 1 a batch leaves only when the one before is
        confirmed; else some behind one that the server refuses may be written.
    caFile, sslContext
        As of `Session`.

    Raises
    ------
    ServerError
        There is no such table.
    ConnectError, AuthenticationError
        A connection could not be made.
    UsageError
        An argument that means nothing.

    Examples
    --------
    >>> with ddb.MultithreadedTableWriter(
    ...     "localhost", 8848, "admin", "123456", "dfs://ticks", "trades", batchSize=10000, throttle=0.1
    ... ) as writer:
    ...     writer.insert(time, "A", 1.5)
    ...     writer.append(frame)
    """

    _work: Work | None = None

    def __init__(
        self,
        host: str,
        port: int,
        userId: str,
        password: str,
        dbPath: str,
        tableName: str,
        useSSL: bool = False,
        enableHighAvailability: bool = False,
        highAvailabilitySites: list[str] = [],  # noqa: B006  (never changed)
        batchSize: int = 1,
        throttle: float = 1.0,
        threadCount: int = 1,
        partitionCol: str = "",
        compressMethods: list[str] = [],  # noqa: B006
        mode: str = "",
        modeOption: list[str] = [],  # noqa: B006
        *,
        reconnect: bool = True,
        tryReconnectNums: int = -1,
        enableStreamTableTimestamp: bool = False,
        usePublicName: bool = False,
        retryWrites: bool = False,
        maxRows: int = 1_000_000,
        whenFull: str = "block",
        blockTimeout: datetime.timedelta | float = 30.0,
        maxInFlight: int = 16,
        caFile: str | None = None,
        sslContext: ssl.SSLContext | None = None,
    ) -> None:
        try:
            credentials = Credentials(userId, password)
        finally:
            # tracebacks may be shown with the values of variables
            del password
        counts = {"batchSize": batchSize, "threadCount": threadCount, "maxRows": maxRows, "maxInFlight": maxInFlight}
        for name, value in counts.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"The parameter {name} must be greater than or equal to 1, not {value!r}")
        if whenFull not in ("block", "raise", "drop"):
            raise UsageError(f"whenFull must be 'block', 'raise' or 'drop', not {whenFull!r}")
        if threadCount > 1 and not partitionCol:
            raise UsageError("The parameter partitionCol must be specified when threadCount is greater than 1")
        if tryReconnectNums is not None and type(tryReconnectNums) is not int:
            raise UsageError(f"tryReconnectNums must be an int, not {type(tryReconnectNums).__name__}")
        self._when_full = whenFull
        patience = seconds("blockTimeout", blockTimeout)
        self._block_seconds = None if patience is None else min(patience, FOR_EVER)
        wait = min(seconds("throttle", throttle) or 0.0, FOR_EVER)
        attempts = tryReconnectNums if tryReconnectNums and tryReconnectNums > 0 else None
        # an empty list: no column is compressed
        methods: list[str | None] | None = list(compressMethods) or None
        options.compress_methods(methods)
        sessions: list[Session] = []
        try:
            for _ in range(threadCount):
                session = Session(
                    enableSSL=useSSL,
                    enableASYNC=True,
                    acknowledge=True,
                    compressMethods=methods,
                    caFile=caFile,
                    sslContext=sslContext,
                    show_output=False,
                )
                sessions.append(session)
                # whether there is a server at all is seen at once
                session.connect(
                    host,
                    port,
                    credentials.userid,
                    credentials.reveal(),
                    highAvailability=enableHighAvailability,
                    highAvailabilitySites=list(highAvailabilitySites),
                    reconnect=reconnect,
                    tryReconnectNums=attempts or 1,
                    usePublicName=usePublicName,
                )
                if session._recovery is not None:
                    session._recovery.attempts = attempts
            schema = ask_schema(sessions[0], dbPath, tableName)
            table = table_expression(dbPath, tableName, '"')
            if enableStreamTableTimestamp:
                schema = _without_timestamp(sessions[0], schema, table)
            if methods is not None and len(methods) != len(schema.names):
                raise UsageError(
                    f"The number of elements in parameter compressMethods, {len(methods)}, does not match the column "
                    f"size {len(schema.names)}"
                )
            work = Work(
                schema,
                _function(table, mode, modeOption),
                _place(schema, partitionCol) if threadCount > 1 else 0,
                batchSize,
                wait,
                maxRows,
                maxInFlight,
                bool(retryWrites),
            )
            self._begin(work.queue, len(schema.names), ErrorCodeInfo("", None))
            self._work = work
            work.start(sessions)
        except BaseException:
            for session in sessions:
                session.close()
            raise

    def __enter__(self) -> MultithreadedTableWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait until all is written; raise what ended the writer, unless the block raised something itself."""
        try:
            self.waitForThreadCompletion(timeout=None if exception[0] is None else LAST_WORDS)
        except (ReplyTimeout, UsageError) as error:
            if exception[0] is None:
                raise
            log.warning("%s", error)
            return
        cause = self._own_work().cause
        if cause is not None and exception[0] is None:
            raise cause

    def __del__(self) -> None:
        work = self._work
        # at the very end a thread that runs no more may have a lock
        if work is not None and not work.foreign and not sys.is_finalizing():
            work.finish()

    def __repr__(self) -> str:
        return "<MultithreadedTableWriter>" if self._work is None else f"<MultithreadedTableWriter {self.schema.label}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MultithreadedTableWriter holds connections and can't be pickled or copied")

    @property
    def schema(self) -> TableSchema:
        """The columns of the table, as the server said them when the writer was made."""
        return self._own_work().schema

    # -- into the queue ---------------------------------------------------------------------------------------

    def append(self, table: Any) -> ErrorCodeInfo:
        """Insert a DataFrame or another table, cast as by `TableAppender`.

        It is copied: the frame may be changed afterwards. It leaves as a batch of its own, behind what was inserted
        before, without waiting for more.

        Returns
        -------
        ErrorCodeInfo
            As `insert`.

        Raises
        ------
        ConversionError
            A column that can't become the table's. Nothing was taken, and the writer goes on.
        RuntimeError, QueueFull
            As `insert`.
        """
        work = self._own_work()
        self._refuse_ended()
        # what is refused is refused as a whole
        whole = self.schema.cast(table)
        return self._enter(self._parts(whole) if len(work.lanes) > 1 else whole)

    def insertUnwrittenData(self, unwrittenData: Iterable[Iterable[Any]]) -> ErrorCodeInfo:
        """Insert rows, as `getUnwrittenData` returned them.

        Parameters
        ----------
        unwrittenData : list of list
            All are taken or none. They leave without waiting for more.

        Returns
        -------
        ErrorCodeInfo
            As `insert`; ``"A1"`` if the number of values in a row is wrong.

        Raises
        ------
        RuntimeError, QueueFull
            As `insert`.
        """
        rows = [tuple(row) for row in unwrittenData]
        width = len(self.schema.names)
        self._refuse_ended()
        for number, row in enumerate(rows):
            if len(row) != width:
                info = f"arg size mismatch col size {width}: row {number} has {len(row)} values"
                return ErrorCodeInfo("A1", info)
        return self._enter(rows)

    def _insert_slowly(self, row: tuple[object, ...]) -> ErrorCodeInfo:
        """What `insert` does when not all is well."""
        self._refuse_ended()
        schema = self.schema
        if len(row) != len(schema.names):
            count = len(schema.names)
            return ErrorCodeInfo(
                "A2",
                f"Column counts don't match {count}: table {schema.label} has {', '.join(schema.names)}; "
                f"{len(row)} values were given",
            )
        return self._enter(row)

    def _enter(self, item: tuple[object, ...] | Batch | Parts) -> ErrorCodeInfo:
        """Take a row, or what leaves as a whole."""
        work = self._own_work()
        rows = 1 if isinstance(item, tuple) else len(item)
        # 0: what is there now
        patience = self._block_seconds if self._when_full == "block" else 0.0
        if rows == 0 or work.enter(item, rows, None if patience is None else monotonic() + patience):
            return ErrorCodeInfo("", None)
        self._refuse_ended()
        label = work.schema.label
        if self._when_full != "drop":
            raise QueueFull(
                f"the writer of table {label} holds {work.queue.pending} rows, as many as maxRows allows; "
                f"{rows} more were not taken" + (f" in {patience:g} s" if patience else "")
            )
        with work.room:
            work.dropped += rows
        return ErrorCodeInfo("Dropped", f"the queue is full; {rows} rows of table {label} were dropped")

    def _parts(self, cast: Table) -> Parts:
        """A table by the thread that its rows belong to."""
        work = self._own_work()
        threads = thread_numbers(cast, work.schema, work.place, len(work.lanes))
        return Parts({n: taken(cast, np.flatnonzero(threads == n)) for n in np.unique(threads).tolist()})

    def _own_work(self) -> Work:
        """What this writer's threads share, unless they are another process's."""
        work = self._work
        if work is None:
            raise UsageError("the writer was not made")
        if work.foreign:
            raise UsageError("the writer belongs to the process that made it, not to its forks")
        return work

    def _refuse_ended(self) -> None:
        work = self._own_work()
        if work.closing or work.stopped:
            why = f": {work.error_info}" if work.error_info else ""
            raise UsageError(f"<Exception> in insert: thread is exiting.{why}")

    # -- out of it --------------------------------------------------------------------------------------------

    def getStatus(self) -> MultithreadedTableWriterStatus:
        """How far the writer is, at this moment."""
        work = self._own_work()
        status = MultithreadedTableWriterStatus()
        status.errorCode, status.errorInfo = work.error_code, work.error_info
        status.isExiting = work.closing or work.stopped
        for thread, *rows in work.counts():
            one = MultithreadedTableWriterThreadStatus(thread)
            one.sentRows, one.unsentRows, one.sendFailedRows = rows
            status.threadStatus.append(one)
        for name in ("sentRows", "unsentRows", "sendFailedRows"):
            setattr(status, name, sum(getattr(one, name) for one in status.threadStatus))
        status.uncertainRows = work.aside
        status.droppedRows, status.ignoredRows = work.dropped, work.ignored
        return status

    def getUnwrittenData(self) -> UnwrittenRows:
        """Take out of the writer all rows that are neither confirmed nor on their way.

        Those that failed, and those in the queue: while the writer works, these are then not written. The rows of
        frames are returned as the table's values.

        Returns
        -------
        UnwrittenRows
            A list of lists of values, for `insertUnwrittenData`. Its attribute ``uncertain`` says how many, at the
            beginning, may be in the table all the same.
        """
        work = self._own_work()
        taken = work.take_unwritten()
        try:
            return UnwrittenRows(*([row for batch in batches for row in as_rows(batch)] for batches in taken))
        except BaseException:
            # interrupted, or no memory for so many lists
            work.put_back(*taken)
            raise

    def waitForThreadCompletion(self, *, timeout: float | None = None) -> None:
        """Take no more rows, and wait until all are written or the writer has ended by an error.

        Parameters
        ----------
        timeout : float, optional
            Seconds; then the connections are closed. Default: as long as it takes, with `reconnect` also until there is
            a server again.

        Raises
        ------
        ReplyTimeout
            Not all was written in time; `getUnwrittenData` has the rest.
        """
        work = self._own_work()
        work.finish()
        deadline = None if timeout is None else monotonic() + min(timeout, FOR_EVER)
        # a handler of what is logged is called by one of them
        threads = [one.thread for one in work.threads() if one.thread is not threading.current_thread()]
        for thread in threads:
            thread.join(None if deadline is None else max(deadline - monotonic(), 0.0))
        if any(thread.is_alive() for thread in threads):
            faults = [fault for one in work.lanes if (fault := one.session.stats.lastError)]
            why = f" (the connection was lost: {faults[0]})" if faults else ""
            error = ReplyTimeout(
                f"{work.unconfirmed} rows of table {work.schema.label} were not confirmed in {timeout:g} s{why}; "
                "getUnwrittenData() has them"
            )
            work.abort(error)
            for thread in threads:
                thread.join(LAST_WORDS)
            raise error


def _function(table: str, mode: str, mode_option: list[str]) -> str:
    """What is called on the server with each batch."""
    wanted = str(mode or "").upper()
    if wanted in ("", "APPEND"):
        return f"tableInsert{{{table}}}"
    if wanted == "UPSERT":
        # as the official client writes it; the data takes the place left open
        return f"upsert!{{{','.join([table, '', *mode_option])}}}"
    raise UsageError(f"Unsupported mtw mode {wanted}; there are append and upsert")


def _place(schema: TableSchema, name: str) -> int:
    """The place of the column that spreads rows over threads."""
    if name not in schema.names:
        raise UsageError(f"No match found for {name}: table {schema.label} has {', '.join(schema.names)}")
    partitions = [column.name for column in schema.partitions]
    if partitions and name not in partitions:
        raise UsageError(f"table {schema.label} is partitioned by {', '.join(partitions)}, not by {name}")
    place = schema.names.index(name)
    if schema.types[place] >= keys.ARRAY_TYPE_BASE:
        raise UsageError(
            f"column {name} of table {schema.label} has array vectors, which can't spread rows over threads"
        )
    return place


def _without_timestamp(session: Session, schema: TableSchema, table: str) -> TableSchema:
    """The schema without the column that the server fills."""
    reply: Any = session._answered(session.run(f"getStreamTableTimestamp({table})"))
    every = zip(schema.names, schema.types, schema.scales, strict=True)
    columns = [column for column in every if column[0] != reply]
    if len(columns) == len(schema.names):
        raise UsageError(f"table {schema.label} has no column that the server fills with a timestamp")
    names, types, scales = zip(*columns, strict=True)
    return TableSchema(schema.label, names, types, scales, schema.partitions)


@atexit.register
def _tell_of_losses() -> None:
    """Threads end with the interpreter, whatever they have to do."""
    for work in open_works():
        if work.unconfirmed:
            log.warning(
                "the interpreter ends without waitForThreadCompletion: %d rows of table %s may not be written",
                work.unconfirmed,
                work.schema.label,
            )

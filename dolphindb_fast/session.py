"""Session: arguments, calls, replies; everything that happens once a session or once a reply.

The path of a call is compiled (`_core.SessionCore.run`).
"""

from __future__ import annotations

import datetime
import functools
import logging
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from . import arrow, exchange, options
from . import settings as keys
from ._core import Blocks, Prepared, Submission
from ._decode import Reader
from .acknowledge import AcknowledgeMethods
from .barrier import BarrierMethods
from .batch import Batch
from .blocks import NO_TABLE, BlockReader, read_blocks
from .connecting import ConnectMethods, seconds
from .credentials import Credentials
from .errors import LinkError, ProtocolError, ServerError, UsageError, server_error
from .reconnect import repeatable
from .refused import RefusedMethods
from .reporting import ReportMethods, StatsReport
from .result import to_python
from .scripts import ScriptMethods

if TYPE_CHECKING:
    import ssl

__all__ = ["Session", "Stats"]

log = logging.getLogger("dolphindb_fast")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


class Stats(NamedTuple):
    """What a session has done so far.

    Attributes
    ----------
    requests : int
        Requests handed over whole to the operating system.
    rows : int
        Table rows in them.
    acknowledged, failed : int
        Submissions of acknowledged mode that the server answered with OK and with an error. The rest of `requests`
        is in flight, or its outcome is unknown.
    bytesSent, bytesReceived : int
        Bytes taken and given by the operating system on the current connection.
    unsolicitedBytes : int
        Bytes that an asynchronous connection received without having asked.
    blockedSeconds : float
        Time spent waiting for the server to take bytes.
    lastError : str or None
        The fault that closed the connection.
    slowPath : bool
        True if frames are read through pandas' public methods because its inside is not as expected.
    reconnects : int
        How often the session has connected again after a fault.
    """

    requests: int
    rows: int
    acknowledged: int
    failed: int
    bytesSent: int
    bytesReceived: int
    unsolicitedBytes: int
    blockedSeconds: float
    lastError: str | None
    slowPath: bool
    reconnects: int


class Session(ConnectMethods, AcknowledgeMethods, BarrierMethods, ReportMethods, ScriptMethods, RefusedMethods):
    """A connection to a DolphinDB server, spelled as in the official client.

    Asynchronous mode (``enableASYNC=True``): `run` returns when the operating system has taken the request;
    a write that the server refuses goes unnoticed. With ``acknowledge=True`` too `run` does not wait, but each request
    has its reply, which the returned `Submission` knows as soon as it is here. Synchronous mode waits for each reply.

    Parameters
    ----------
    host, port : str, int, optional
        With both, connect at once.
    userid, password : str
        Sent in clear text, as the protocol has it; empty: no login.
    enableASYNC : bool
        Asynchronous mode. ``enableASYN`` is its deprecated spelling.
    keepAliveTime : int, optional
        Seconds of silence before TCP probes the connection; default 30.
    enableChunkGranularityConfig : bool
        Let `database` pass ``chunkGranularity`` on.
    compress : bool
        Let the server compress columns of replies; tables that are sent say that theirs may be. See `compressMethods`.
    protocol : int
        ``settings.PROTOCOL_DDB``, the default, or ``PROTOCOL_ARROW``: tables come as `pyarrow.Table`; needs pyarrow.
        ``PROTOCOL_PICKLE`` and ``enablePickle=True`` are refused: unpickling runs code that the server sends.
    python : bool
        The same as ``parser="python"``.
    show_output : bool
        Print what scripts on the server print.
    sqlStd : settings.SqlStd
        SQL dialect of the scripts.
    parser : settings.ParserType or str
        Language of the scripts: "dolphindb", "python" or "kdb".
    lossless : bool
        Results without the official client's losses, for example integers with NULLs as ``Int64`` instead of float64.
        Each `run` may ask otherwise.
    raw : bool
        Results as the neutral values of `column`, without pandas. Each `run` may ask otherwise.
    replySpin : timedelta or number of seconds, optional
        How long to look for a reply again and again before sleeping until it comes. A prompt server's reply is then
        read without a wake-up, but this thread keeps its processor busy meanwhile. Default: at most 64 us, and only
        while the replies of this connection have lately come within that. 0: sleep at once.
    compressMethods : str, list or dict, optional
        Compress the columns of tables that are arguments: "LZ4" or "DELTA" for all columns, a list of these by position
        (None: this column is not compressed), or a dict of them by column name; columns that it does not name are not
        compressed. Implies `compress`; needs the package lz4. "LZ4" is for every type, "DELTA" (delta of delta) for
        SHORT, INT, LONG and temporal types only. What would not become smaller is sent uncompressed, and so are SYMBOL
        columns and tables within other objects.
    acknowledge : bool
        With ``enableASYNC=True``: each submission is answered by the server; see `flush`.
    maxInFlight, maxInFlightBytes : int
        How many submissions, and how many bytes of them, may be without reply; beyond that `run` waits for replies.
        By default so few that their replies fit into the socket's buffer while this process does something else.
    onError : callable, optional
        Called with the `Submission` that failed, in a thread that takes replies: in `run`, `flush`,
        `Submission.result`, `Submission.done`. It may use the session. What it raises is logged.
    keepUnacknowledged : bool
        Keep the bytes of submissions until they are answered, for `unacknowledged` and `resubmit`; not those of
        ``login``, which hold the password.
    enableSSL : bool
        Encrypt the connection (TLS); the server needs ``enableHTTPS=true``. As with the official client the certificate
        is not verified, with an `InsecureConnectionWarning`, unless one of the next two is given.
    caFile : str or path, optional
        Certificates, PEM, of which the server's must be one or be signed by one; it must bear the host's name.
    sslContext : ssl.SSLContext, optional
        What decides instead, for example with a client certificate.

    Attributes
    ----------
    startup : str
        The script that `connect` ran, and that each further connection begins with.
    keep_alive_time, enableChunkGranularityConfig, show_output
        As given.

    Raises
    ------
    NotSupported
        An argument that is not built yet, or that can't be used; a package that it needs is not installed.
    UsageError
        An argument that contradicts another or means nothing.
    ConnectError
        As `connect`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        userid: str | None = "",
        password: str | None = "",
        enableSSL: bool = False,
        enableASYNC: bool = False,
        keepAliveTime: int | None = None,
        enableChunkGranularityConfig: bool = False,
        compress: bool = False,
        enablePickle: bool | None = None,
        protocol: int = keys.PROTOCOL_DEFAULT,
        python: bool = False,
        *,
        enableASYN: bool | None = None,
        show_output: bool = True,
        sqlStd: keys.SqlStd = keys.SqlStd.DolphinDB,
        parser: keys.ParserType | str = keys.ParserType.Default,
        lossless: bool = False,
        raw: bool = False,
        replySpin: datetime.timedelta | float | None = None,
        compressMethods: str | list[str | None] | dict[str, str | None] | None = None,
        acknowledge: bool = False,
        maxInFlight: int = 1024,
        maxInFlightBytes: int = 67108864,
        onError: Callable[[Submission], object] | None = None,
        keepUnacknowledged: bool = False,
        caFile: str | None = None,
        sslContext: ssl.SSLContext | None = None,
    ) -> None:
        if enableASYN is not None:
            warnings.warn(
                "The parameter 'enableASYN' is deprecated, please use 'enableASYNC' instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            enableASYNC = enableASYN
        methods = options.compress_methods(compressMethods)
        compress = bool(compress) or methods is not None
        protocol = options.wire_protocol(protocol, enablePickle, compress)
        parser, dialect = options.wire_parser(parser, python), options.wire_sql(sqlStd)
        self._acknowledge = bool(acknowledge)
        # an acknowledged session is a synchronous one to the server
        self._enable_async = bool(enableASYNC) and not acknowledge
        self._compress = compress
        self._set_compress_methods(methods)
        # only calls by the user are answered in Arrow, neither logins nor blocks
        self._plain_flags = options.session_flags(self._enable_async, compress, parser, dialect)
        self._flags = self._plain_flags
        self._read_reply = Reader.read_object
        self._arrow_table = None
        if protocol == keys.PROTOCOL_ARROW:
            self._arrow_table = arrow.import_pyarrow().Table
            self._flags |= options.ARROW
            self._read_reply = arrow.read_reply
        self._forms: dict[str, Any] = {"lossless": lossless, "raw": raw}
        self._convert = self._converter({})
        self._host = ""
        self._port = 0
        self._session_id = ""
        self.startup = ""
        self.keep_alive_time = keepAliveTime
        self.enableChunkGranularityConfig = enableChunkGranularityConfig
        self.show_output = show_output
        self._reader = None  # type: ignore[assignment]
        self._closed = False
        self._tls_context = None
        if enableSSL or sslContext is not None or caFile is not None:
            from .tls import client_context

            self._tls_context = client_context(enableSSL, sslContext, caFile)
        self._tls_unverified = bool(enableSSL) and sslContext is None and caFile is None
        self._warned = False
        self._peer = ""
        self._recovery = None
        self._may_repeat = False
        self._reconnects = 0
        self._reports: list[StatsReport] = []
        self._set_reply_spin(None if replySpin is None else seconds("replySpin", replySpin) or 0)
        if acknowledge:
            self._prepare_accounts(enableASYNC, maxInFlight, maxInFlightBytes, onError, keepUnacknowledged)
        elif onError is not None or keepUnacknowledged:
            raise UsageError("onError and keepUnacknowledged need acknowledge=True")
        if host is not None and port is not None:
            try:
                credentials = Credentials(userid, password)
            finally:
                # tracebacks may be shown with the values of variables
                del password
            self.connect(host, port, credentials.userid, credentials.reveal(), keepAliveTime=keepAliveTime)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            if self._acknowledge and exception[0] is None and not self._closed:
                self._finish(None)
        finally:
            self.close()

    def __repr__(self) -> str:
        mode = "acknowledged" if self._acknowledge else "asynchronous" if self._enable_async else "synchronous"
        state = "closed" if self._closed else f"{self.host}:{self.port}" if self._is_open else "not connected"
        return f"<dolphindb_fast.Session {mode}, {state}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Session holds a connection and can't be pickled or copied")

    @property
    def host(self) -> str:
        """Host of the last `connect`, empty before."""
        return self._host

    @property
    def port(self) -> int:
        """Port of the last `connect`, 0 before."""
        return self._port

    @property
    def session_id(self) -> str:
        """The session id that the server gave, empty before `connect` and after `close`."""
        return self._session_id

    @property
    def is_closed(self) -> bool:
        """As `isClosed`."""
        return self._closed

    @property
    def is_busy(self) -> bool:
        """True while a call is under way in some thread, or blocks of a `BlockReader` are not read."""
        return self._is_busy

    @property
    def is_alive(self) -> bool:
        """Whether the connection works: a synchronous session asks the server for its version.

        An asynchronous one says whether an error was seen so far. (The official client's is always False then.)
        """
        if not self._is_open or self._enable_async or self._acknowledge:
            return self._is_open
        header = options.request_header(self._plain_flags)
        try:
            return self._request("call", "version", (), header, None) is not None
        except (ServerError, LinkError, ProtocolError):
            return False

    # -- calls ----------------------------------------------------------------------------------------------

    def upload(self, nameObjectDict: dict[str, Any]) -> object:
        """Set variables of the session on the server.

        Parameters
        ----------
        nameObjectDict : dict of str to object
            Names of letters, digits and underscores, beginning with a letter.

        Returns
        -------
        int or object
            -1 for an empty dict, in asynchronous mode and if the server returns nothing; else what it returns. A
            `Submission` in acknowledged mode.

        Raises
        ------
        UsageError
            A name that is none.
        ConversionError
            As `run`.
        """
        if not isinstance(nameObjectDict, dict):
            raise UsageError(f"upload needs a dict of names and objects, not {type(nameObjectDict).__name__}")
        for name in nameObjectDict:
            if not isinstance(name, str) or not _NAME.match(name):
                raise UsageError(f"<Exception> in upload: {name} is not a qualified variable name.")
        if not nameObjectDict:
            return -1
        if not self._may_repeat or self._recovery is None:
            result = self._upload(nameObjectDict)
        else:
            objects = {name: repeatable(value) for name, value in nameObjectDict.items()}
            result = self._recovery.carry_out(self, "upload", lambda mark: self._upload(objects), marked=False)
        return -1 if result is None else result

    def batch(self, maxBytes: int = 262144, maxDelay: datetime.timedelta | float | None = None) -> Batch:
        """Gather this thread's submissions: `run` returns before the operating system has the bytes. See `Batch`.

        Examples
        --------
        >>> with session.batch():
        ...     for frame in frames:
        ...         session.run("tableInsert{trades}", frame)
        """
        return Batch(self, maxBytes, maxDelay)

    def prepare(self, function: str) -> Prepared:
        """A call of which all but its one argument is known: ``p(frame)`` is ``run(function, frame)``.

        For loops of small frames; `TableAppender` does it too, and casts them to the table's types.

        Examples
        --------
        >>> insert = session.prepare("tableInsert{trades}")
        >>> for frame in frames:
        ...     insert(frame)
        """
        return Prepared(self, function)

    def close(self) -> None:
        """Close the connection without waiting; what was sent is still delivered. May be called again."""
        self._closed = True
        self._session_id = ""
        self._stop_reports()
        if self._recovery is not None:
            self._recovery.stop()
        self._close()

    def isClosed(self) -> bool:
        """True once `close` was called and until `connect` is called again."""
        return self._closed

    def getSessionId(self) -> str:
        """As `session_id`."""
        return self._session_id

    @property
    def stats(self) -> Stats:
        """Counters of this session, read at this moment."""
        return Stats(*self._counters(), self._reconnects)

    def _run_with(
        self,
        script: str,
        args: tuple[object, ...],
        function: bool,
        clearMemory: bool | None,
        pickleTableToList: bool | None,
        priority: int | None,
        parallelism: int | None,
        fetchSize: int | None,
        disableDecimal: bool | None,
        lossless: bool | None = None,
        raw: bool | None = None,
        as_: str | None = None,
    ) -> Any:
        """`run` with options, or a function call without arguments; called by the core."""
        given = {"pickleTableToList": pickleTableToList, "lossless": lossless, "raw": raw, "as_": as_}
        forms: dict[str, Any] = {name: form for name, form in given.items() if form is not None}
        if as_ is not None:
            exchange.check(as_, {**self._forms, **forms})
        if fetchSize is None or function:
            header = options.request_header(self._flags, clearMemory, priority, parallelism, None, disableDecimal)
            return self._call("call" if function else "exec", script, args, header, forms)
        if self._enable_async or self._acknowledge:
            raise UsageError("fetchSize needs a synchronous session: an asynchronous one has no result to read")
        # as the official client has it: no lists, and decimals stay decimals
        forms.pop("pickleTableToList", None)
        header = options.request_header(self._plain_flags, clearMemory, priority, parallelism, fetchSize)
        return self._call("runBlock", script, (), header, forms)

    def _call(self, kind: str, script: str, args: tuple[object, ...], header: bytes, forms: dict[str, bool]) -> Any:
        """Make a request of `run`, again where `connect` allowed it."""
        if not self._may_repeat or self._recovery is None:
            return self._request(kind, script, args, header, forms)
        args = tuple(map(repeatable, args))
        return self._recovery.carry_out(
            self, kind, lambda mark: self._request(kind, script, args, header + mark, forms)
        )

    # -- replies --------------------------------------------------------------------------------------------

    def _show(self, message: bytes) -> None:
        if self.show_output:
            print(message.decode(errors="replace"))

    def _receive(self, kind: str, script: str) -> Any:
        """Read one reply; called by the core with the lock held, which closes the connection on any fault in it."""
        try:
            line = b"OK"
            count = self._reader.read_ok()
            if count < 0:
                count = self._reader.read_header(self._show)[1]
                line = self._reader.read_line()
            if line == b"OK":
                if kind == "runBlock":
                    return self._receive_blocks(count)
                return self._read_reply(self._reader) if count else None
        except EOFError:
            raise LinkError("the server closed the connection before the reply was complete") from None
        raise server_error(kind, script, line.decode(errors="replace"))

    def _receive_blocks(self, objects: int) -> Blocks:
        """Read what stands before blocks, and keep all other calls out until they are read."""
        if not objects:
            raise ProtocolError(NO_TABLE)
        blocks = read_blocks(self._reader)
        if blocks.left:
            self._hold(blocks)
        return blocks

    def _receive_block(self) -> Any:
        """Read one block; called by the core with the lock held, which closes the connection on any fault in it."""
        try:
            return self._reader.read_object()
        except EOFError:
            raise LinkError("the server closed the connection before all blocks were complete") from None

    def _result(self, value: Any, forms: Any = None) -> Any:
        if forms is None:
            return self._convert(value)
        if type(value) is Blocks:
            return BlockReader(self, value, forms)
        return self._converter(forms)(value)

    def _converter(self, forms: dict[str, Any]) -> Any:
        """What makes results in these forms, else in the session's."""
        wanted: dict[str, Any] = {name: form for name, form in {**self._forms, **forms}.items() if form}
        convert: Callable[[Any], Any] = functools.partial(to_python, **wanted) if wanted else to_python
        table = None if "as_" in wanted else self._arrow_table
        return convert if table is None else lambda value: value if isinstance(value, table) else convert(value)

    def _unsolicited(self, data: bytes) -> None:
        """Bytes that came on an asynchronous connection: printed messages are shown, the rest is logged."""
        while data.startswith(b"MSG\n"):
            message, _, data = data[4:].partition(b"\0")
            self._show(message)
        if data:
            log.warning("%s:%s sent %d bytes that nobody asked for: %r", self.host, self.port, len(data), data[:200])

"""Session: arguments, connecting, login, replies; everything that happens once a connection or once a reply.

The path of a call is compiled (`_core.SessionCore.run`).
"""
from __future__ import annotations

import datetime
import logging
import re
import socket
import warnings
from typing import NamedTuple

from . import settings as keys
from ._core import SessionCore
from ._decode import Reader
from .batch import Batch
from .column import Column
from .errors import (
    AuthenticationError,
    ConnectError,
    LinkError,
    NotSupported,
    ProtocolError,
    SendTimeout,
    ServerError,
    UsageError,
)
from .result import to_python

__all__ = ["Session", "Stats"]

log = logging.getLogger("dolphindb_fast")

#: seconds without progress after which connecting or sending gives up; the official client's is about 3.5
DEFAULT_WRITE_TIMEOUT = 30.0
#: seconds of silence after which TCP asks whether the server is there, as in the official client
DEFAULT_KEEP_ALIVE = 30
#: longest line and printed message of a reply
LINE_LIMIT = 1 << 20
#: the API version that this client speaks, and that a server may at most require
API_VERSION = 300

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


class Stats(NamedTuple):
    """What a session has done so far.

    Attributes
    ----------
    requests : int
        Requests handed over whole to the operating system.
    rows : int
        Table rows in them.
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
    """

    requests: int
    rows: int
    bytesSent: int
    bytesReceived: int
    unsolicitedBytes: int
    blockedSeconds: float
    lastError: str | None
    slowPath: bool


def _seconds(name: str, value) -> float | None:
    """Seconds from a timedelta or a number; 0 means for ever and becomes None."""
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UsageError(f"{name} must be a timedelta or a number of seconds, not negative; got {value!r}")
    return float(value) or None


def _timeout(first: str, first_value, second: str, second_value, default: float | None) -> float | None:
    """One time-out that has two spellings."""
    if first_value is not None and second_value is not None:
        raise UsageError(f"{first} and {second} are two names of one time-out; give one of them")
    if first_value is not None:
        return _seconds(first, first_value)
    if second_value is not None:
        return _seconds(second, second_value)
    return default


def _refuse_unbuilt(**arguments) -> None:
    """Arguments that are not built yet: any other value than the default is refused by name."""
    for name, (value, *defaults) in arguments.items():
        if value not in defaults:
            raise NotSupported(f"{name}={value!r} is not supported yet; leave {name} at {defaults[0]!r}")


def _address(host, port) -> tuple[str, int]:
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = 0
    if not isinstance(host, str) or not 0 < number < 65536:
        raise UsageError(f"host must be str and port a number from 1 to 65535; got {host!r}, {port!r}")
    return host, number


def _plain(what: str, text: str | None) -> str:
    if text is None:
        return ""
    if not isinstance(text, str):
        raise UsageError(f"{what} must be str, not {type(text).__name__}")
    if "\n" in text or "\0" in text:
        raise UsageError(f"{what} holds a newline or NUL character, which would break the request")
    return text


class Session(SessionCore):
    """A connection to a DolphinDB server, spelled as in the official client.

    Asynchronous mode (``enableASYNC=True``): `run` returns when the operating system has taken the request;
    a write that the server refuses goes unnoticed. Synchronous mode waits for each reply.

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
    show_output : bool
        Print what scripts on the server print.
    enableSSL, enableChunkGranularityConfig, compress, enablePickle, protocol, python, sqlStd, parser
        Not built yet: other than the official defaults raise `NotSupported`.

    Raises
    ------
    NotSupported
        An argument that is not built yet.
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
        enableASYN=None,
        show_output: bool = True,
        sqlStd: keys.SqlStd = keys.SqlStd.DolphinDB,
        parser: keys.ParserType | str = keys.ParserType.Default,
    ) -> None:
        if enableASYN is not None:
            warnings.warn(
                "The parameter 'enableASYN' is deprecated, please use 'enableASYNC' instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            enableASYNC = enableASYN
        _refuse_unbuilt(
            enableSSL=(enableSSL, False),
            enableChunkGranularityConfig=(enableChunkGranularityConfig, False),
            compress=(compress, False),
            enablePickle=(enablePickle, None, False),
            protocol=(protocol, keys.PROTOCOL_DEFAULT, keys.PROTOCOL_DDB),
            python=(python, False),
            sqlStd=(getattr(sqlStd, "value", sqlStd), keys.SqlStd.DolphinDB.value),
            parser=(parser if isinstance(parser, str) else getattr(parser, "value", parser), 0, 1, "dolphindb"),
        )
        self._host = ""
        self._port = 0
        self._session_id = ""
        self.startup = ""
        self.keep_alive_time = keepAliveTime
        self.show_output = show_output
        self._enable_async = bool(enableASYNC)
        self._reader: Reader | None = None
        self._closed = False
        if host is not None and port is not None:
            self.connect(host, port, userid, password, keepAliveTime=keepAliveTime)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = "asynchronous" if self._enable_async else "synchronous"
        state = "closed" if self._closed else f"{self.host}:{self.port}" if self._is_open else "not connected"
        return f"<dolphindb_fast.Session {mode}, {state}>"

    def __reduce__(self):
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
        """The session id that the server gave, empty before `connect`."""
        return self._session_id

    # -- connecting -----------------------------------------------------------------------------------------

    def connect(
        self,
        host: str,
        port: int,
        userid: str | None = None,
        password: str | None = None,
        startup: str | None = None,
        highAvailability: bool = False,
        highAvailabilitySites: list[str] | None = None,
        keepAliveTime: int | None = None,
        reconnect: bool = False,
        *,
        tryReconnectNums: int | None = None,
        netTimeout: datetime.timedelta | None = None,
        timeout: datetime.timedelta | None = None,
        readTimeout: int | None = None,
        writeTimeout: int | None = None,
        usePublicName: bool = False,
    ) -> bool:
        """Connect, log in, and in synchronous mode ask whether the node is ready.

        Asynchronous mode opens one connection and sends the handshake only; the official client opens a second
        one for its questions.

        Parameters
        ----------
        host, port : str, int
        userid, password : str, optional
            Without a user the connection is anonymous.
        startup : str, optional
            A script that is run once connected.
        keepAliveTime : int, optional
            Seconds of silence before TCP probes the connection; default the constructor's, else 30.
        netTimeout, writeTimeout : timedelta or number of seconds
            Two names of one time-out: connecting, and sending without progress. None: 30 s; 0: for ever.
        timeout, readTimeout : timedelta or number of seconds
            Two names of one time-out: waiting for a reply without a byte coming. None and 0: for ever.
        highAvailability, highAvailabilitySites, reconnect, tryReconnectNums, usePublicName
            Not built yet: other than the official defaults raise `NotSupported`.

        Returns
        -------
        bool
            True. (The official client returns False where this raises.)

        Raises
        ------
        ConnectError
            Nobody listens there, the address is unknown, what answers is no DolphinDB server, or it refuses.
        AuthenticationError
            Wrong user name or password.
        UsageError, NotSupported
            An argument that is wrong, or not built yet.
        """
        _refuse_unbuilt(
            highAvailability=(highAvailability, False),
            highAvailabilitySites=(highAvailabilitySites, None, []),
            reconnect=(reconnect, False),
            tryReconnectNums=(tryReconnectNums, None),
            usePublicName=(usePublicName, False),
        )
        write_timeout = _timeout("netTimeout", netTimeout, "writeTimeout", writeTimeout, DEFAULT_WRITE_TIMEOUT)
        read_timeout = _timeout("timeout", timeout, "readTimeout", readTimeout, None)
        host, port = _address(host, port)
        userid, password = _plain("userid", userid), _plain("password", password)
        idle = keepAliveTime if keepAliveTime is not None else self.keep_alive_time
        sock = _open_socket(host, port, write_timeout, DEFAULT_KEEP_ALIVE if idle is None else idle)
        self._close()
        self._closed = False
        self._host, self._port = host, port
        # the handshake is waited for no longer than a send would be
        self._open(sock.detach(), self._enable_async, write_timeout, read_timeout or write_timeout)
        self._reader = Reader(self._fill)
        try:
            self._handshake(userid, password)
            if not self._enable_async:
                self._ask_server()
            self._set_read_timeout(read_timeout)
            self.startup = startup or ""
            if startup:
                self.run(startup)
        except BaseException as error:
            if self._is_open:
                self._fail(error)
            raise
        return True

    def _handshake(self, userid: str, password: str) -> None:
        """``wire: API 0 <length> / <flag>_1_4_2``, answered by session id, object count and byte order."""
        flag = 36 if self._enable_async else 32
        body = "connect\n" + (f"login\n{userid}\n{password}\nfalse" if userid else "")
        encoded = body.encode()
        self._send_bytes(b"API 0 %d / %d_1_4_2\n%b" % (len(encoded), flag, encoded))
        where = f"{self.host}:{self.port}"
        try:
            head = self._read_head()
            status = self._reader.read_line(LINE_LIMIT).decode(errors="replace")
            if status != "OK":
                if userid and re.search("password|user|auth|login", status, re.IGNORECASE):
                    raise AuthenticationError(f"{where} refused user {userid!r}: {status}")
                raise ConnectError(f"{where} refused the connection: {status}")
            if head[2] == "0":
                raise ConnectError(f"{where} is a big-endian server, which is not supported")
            accepted = self._reader.read_object() if head[1] != "0" else None
        except EOFError:
            raise ConnectError(f"{where} closed the connection during the handshake; is it a DolphinDB server?") from None
        except ProtocolError as error:
            raise ConnectError(f"{where} does not answer as a DolphinDB server does: {error}") from None
        except SendTimeout as error:
            raise ConnectError(f"{where} does not answer the handshake ({error}); is it a DolphinDB server?") from None
        if isinstance(accepted, Column) and accepted.type == keys.DT_BOOL and accepted.data[0] == 0:
            raise AuthenticationError(f"{where} refused user {userid!r}: wrong user name or password")
        self._session_id = head[0]
        self._identify(head[0], b"%d_1_4_64__0" % flag)

    def _ask_server(self) -> None:
        """The two questions that the official client asks: required API version, node ready."""
        where = f"{self.host}:{self.port}"
        try:
            answer = self._call_plainly("getRequiredAPIVersion")
        except ServerError:
            answer = None
        if isinstance(answer, Column) and answer.type == keys.DT_ANY and answer.data:
            version, *message = (to_python(item) for item in answer.data)
            if isinstance(version, int) and version > API_VERSION:
                raise ConnectError(f"{where} requires API version {version} or later; this client speaks {API_VERSION}")
            if message and message[0]:
                log.warning("%s: %s", where, message[0])
        try:
            ready = self._call_plainly("isNodeInitialized")
        except ServerError:
            return
        if isinstance(ready, Column) and ready.type == keys.DT_BOOL and ready.data[0] == 0:
            raise ConnectError(f"{where} is not initialized yet; try again later")

    def _call_plainly(self, function: str):
        """Call a function without arguments, as ``function`` requests of the protocol; returns the neutral reply."""
        body = f"function\n{function}\n0\n1".encode()
        self._send_bytes(b"API2 %b %d / 32_1_4_64__0\n%b" % (self.session_id.encode(), len(body), body))
        return self._receive("call", function)

    def login(self, userid: str, password: str, enableEncryption: bool = True) -> None:
        """Log in on the open connection.

        Parameters
        ----------
        userid, password : str
            Sent in clear text.
        enableEncryption : bool
            Without effect, as in the official client.

        Raises
        ------
        AuthenticationError
            Synchronous mode: the server refused; the session stays usable.
        """
        userid, password = _plain("userid", userid), _plain("password", password)
        try:
            accepted = self.run("login", userid, password, False)
        except ServerError as error:
            raise AuthenticationError(f"{self.host}:{self.port} refused user {userid!r}: {error.serverText}") from None
        if accepted is False:
            raise AuthenticationError(f"{self.host}:{self.port} refused user {userid!r}: wrong user name or password")

    # -- calls ----------------------------------------------------------------------------------------------

    def upload(self, nameObjectDict: dict) -> object:
        """Set variables of the session on the server.

        Parameters
        ----------
        nameObjectDict : dict of str to object
            Names of letters, digits and underscores, beginning with a letter.

        Returns
        -------
        int or object
            -1 for an empty dict, in asynchronous mode and if the server returns nothing; else what it returns.

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
        result = self._upload(nameObjectDict)
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

    def close(self) -> None:
        """Close the connection without waiting; what was sent is still delivered. May be called again."""
        self._closed = True
        self._close()

    def isClosed(self) -> bool:
        """True once `close` was called and until `connect` is called again."""
        return self._closed

    def getSessionId(self) -> str:
        """The session id that the server gave, empty before `connect`."""
        return self._session_id

    @property
    def stats(self) -> Stats:
        """Counters of this session, read at this moment."""
        return Stats(*self._counters())

    def _refuse_options(self, clearMemory, pickleTableToList, priority, parallelism, fetchSize, disableDecimal) -> None:
        _refuse_unbuilt(
            clearMemory=(clearMemory, None, False),
            pickleTableToList=(pickleTableToList, None, False),
            priority=(priority, None, 4),
            parallelism=(parallelism, None, 64),
            fetchSize=(fetchSize, None),
            disableDecimal=(disableDecimal, None, False),
        )

    # -- replies --------------------------------------------------------------------------------------------

    def _read_head(self) -> tuple[str, str, str]:
        """The header line of a reply, after any number of printed messages."""
        while True:
            line = self._reader.read_line(LINE_LIMIT)
            if line != b"MSG":
                break
            self._show(self._reader.read_text(LINE_LIMIT))
        fields = line.decode(errors="replace").split(" ")
        if len(fields) != 3 or not fields[1].isdigit():
            raise ProtocolError(f"Received invalid header: {line[:200]!r}")
        return fields[0], fields[1], fields[2]

    def _show(self, message: bytes) -> None:
        if self.show_output:
            print(message.decode(errors="replace"))

    def _receive(self, kind: str, script: str):
        """Read one reply; called by the core with the lock held. Any fault in it closes the connection."""
        try:
            _, count, _ = self._read_head()
            line = self._reader.read_line(LINE_LIMIT)
            if line == b"OK":
                return self._reader.read_object() if count != "0" else None
            status = line.decode(errors="replace")
        except EOFError:
            error = LinkError("the server closed the connection before the reply was complete")
            self._fail(error)
            raise error from None
        except BaseException as error:
            self._fail(error)
            raise
        # the official message names the leader by host and port only
        shown = re.sub(r"\A(<NotLeader>[^:]*:[^:]*):.*", r"\1", status)
        raise ServerError(f"<Exception> in {kind}: Server Response: '{shown}' script: {script}", status)

    def _result(self, value):
        return to_python(value)

    def _unsolicited(self, data: bytes) -> None:
        """Bytes that came on an asynchronous connection: printed messages are shown, the rest is logged."""
        while data.startswith(b"MSG\n"):
            message, _, data = data[4:].partition(b"\0")
            self._show(message)
        if data:
            log.warning("%s:%s sent %d bytes that nobody asked for: %r", self.host, self.port, len(data), data[:200])


def _open_socket(host: str, port: int, timeout: float | None, idle: int) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout)
    except (TimeoutError, socket.timeout):
        raise ConnectError(f"{host}:{port} did not answer for {timeout:g} s") from None
    except socket.gaierror as error:
        raise ConnectError(f"the host name {host!r} is not known: {error.strerror}") from None
    except ConnectionRefusedError:
        raise ConnectError(
            f"nothing listens at {host}:{port}; is the server running, and is this its port? (connection refused)"
        ) from None
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"can't connect to {host}:{port}: {error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if idle > 0 and hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    return sock

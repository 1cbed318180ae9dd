"""From an address to a session that can be used: time-outs, socket, handshake, login."""
from __future__ import annotations

import datetime
import logging
import re
import socket

from . import options
from . import settings as keys
from ._decode import Reader
from .column import Column
from .errors import (
    AuthenticationError,
    ConnectError,
    NotSupported,
    ProtocolError,
    SendTimeout,
    ServerError,
    UsageError,
)
from .result import to_python

__all__ = ["ConnectMethods", "LINE_LIMIT", "refuse_unbuilt"]

log = logging.getLogger("dolphindb_fast")

#: seconds without progress after which connecting or sending gives up; the official client's is about 3.5
DEFAULT_WRITE_TIMEOUT = 30.0
#: seconds of silence after which TCP asks whether the server is there, as in the official client
DEFAULT_KEEP_ALIVE = 30
#: longest line and printed message of a reply
LINE_LIMIT = 1 << 20
#: the API version that this client speaks, and that a server may at most require
API_VERSION = 300


def refuse_unbuilt(**arguments) -> None:
    """Arguments that are not built yet: any other value than the default is refused by name."""
    for name, (value, *defaults) in arguments.items():
        if value not in defaults:
            raise NotSupported(f"{name}={value!r} is not supported yet; leave {name} at {defaults[0]!r}")


def seconds(name: str, value) -> float | None:
    """Seconds from a timedelta or a number; 0 means for ever and becomes None."""
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UsageError(f"{name} must be a timedelta or a number of seconds, not negative; got {value!r}")
    return float(value) or None


def either_timeout(first: str, first_value, second: str, second_value, default: float | None) -> float | None:
    """One time-out that has two spellings."""
    if first_value is not None and second_value is not None:
        raise UsageError(f"{first} and {second} are two names of one time-out; give one of them")
    if first_value is not None:
        return seconds(first, first_value)
    if second_value is not None:
        return seconds(second, second_value)
    return default


def checked_address(host, port) -> tuple[str, int]:
    """Host and port, the port as a number."""
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = 0
    if not isinstance(host, str) or not 0 < number < 65536:
        raise UsageError(f"host must be str and port a number from 1 to 65535; got {host!r}, {port!r}")
    return host, number


def plain_text(what: str, text: str | None) -> str:
    """Text that may stand in a line of a request; None is empty."""
    if text is None:
        return ""
    if not isinstance(text, str):
        raise UsageError(f"{what} must be str, not {type(text).__name__}")
    if "\n" in text or "\0" in text:
        raise UsageError(f"{what} holds a newline or NUL character, which would break the request")
    return text


def open_socket(host: str, port: int, timeout: float | None, idle: int) -> socket.socket:
    """A connected socket; `idle` are the seconds of silence before TCP probes."""
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


class ConnectMethods:
    """What a `session.Session` does before its first call."""

    #: what `setTimeout` sets
    _net_timeout: float | None = DEFAULT_WRITE_TIMEOUT

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
        self._refuse_held()
        refuse_unbuilt(
            highAvailability=(highAvailability, False),
            highAvailabilitySites=(highAvailabilitySites, None, []),
            reconnect=(reconnect, False),
            tryReconnectNums=(tryReconnectNums, None),
            usePublicName=(usePublicName, False),
        )
        default = ConnectMethods._net_timeout
        write_timeout = either_timeout("netTimeout", netTimeout, "writeTimeout", writeTimeout, default)
        read_timeout = either_timeout("timeout", timeout, "readTimeout", readTimeout, None)
        host, port = checked_address(host, port)
        userid, password = plain_text("userid", userid), plain_text("password", password)
        idle = keepAliveTime if keepAliveTime is not None else self.keep_alive_time
        sock = open_socket(host, port, write_timeout, DEFAULT_KEEP_ALIVE if idle is None else idle)
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
                self._request("exec", startup, (), options.request_header(self._plain_flags), None)
            if self._acknowledge:
                self._begin_accounts()
        except BaseException as error:
            if self._is_open:
                self._fail(error)
            raise
        return True

    def _handshake(self, userid: str, password: str) -> None:
        """``wire: API 0 <length> / <flag>_1_4_2``, answered by session id, object count and byte order."""
        body = "connect\n" + (f"login\n{userid}\n{password}\nfalse" if userid else "")
        encoded = body.encode()
        self._send_bytes(b"API 0 %d / %d_1_4_2\n%b" % (len(encoded), self._flags, encoded))
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
            raise ConnectError(
                f"{where} closed the connection during the handshake; is it a DolphinDB server?"
            ) from None
        except ProtocolError as error:
            raise ConnectError(f"{where} does not answer as a DolphinDB server does: {error}") from None
        except SendTimeout as error:
            raise ConnectError(f"{where} does not answer the handshake ({error}); is it a DolphinDB server?") from None
        if isinstance(accepted, Column) and accepted.type == keys.DT_BOOL and accepted.data[0] == 0:
            raise AuthenticationError(f"{where} refused user {userid!r}: wrong user name or password")
        self._session_id = head[0]
        self._identify(head[0], options.request_header(self._flags), self._compress)

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
                raise ConnectError(
                    f"{where} requires API version {version} or later; this client speaks {API_VERSION}"
                )
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
        header = options.request_header(self._plain_flags)
        self._send_bytes(b"API2 %b %d / %b\n%b" % (self.session_id.encode(), len(body), header, body))
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
        userid, password = plain_text("userid", userid), plain_text("password", password)
        header = options.request_header(self._plain_flags)
        try:
            accepted = self._request(
                "call", "login", (userid, password, False), header, {"lossless": False, "raw": False}
            )
            if self._acknowledge:
                accepted = accepted.result()
        except ServerError as error:
            raise AuthenticationError(f"{self.host}:{self.port} refused user {userid!r}: {error.serverText}") from None
        if accepted is False:
            raise AuthenticationError(f"{self.host}:{self.port} refused user {userid!r}: wrong user name or password")

    @classmethod
    def setTimeout(cls, timeout: float) -> None:
        """Set how long connecting, and sending without progress, may take; for connections made from now on.

        Parameters
        ----------
        timeout : float
            Seconds; 0: for ever. What `connect` is given takes precedence.
        """
        if timeout < 0:
            raise UsageError("The parameter timeout must be non-negative.")
        ConnectMethods._net_timeout = seconds("timeout", timeout)

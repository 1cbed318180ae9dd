"""From an address to a session that can be used: time-outs, socket, handshake, login."""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from . import insecure, options
from . import settings as keys
from ._decode import Reader
from .column import Column
from .credentials import Credentials, is_loopback
from .errors import (
    AuthenticationError,
    ConnectError,
    LinkError,
    ProtocolError,
    SendTimeout,
    ServerError,
    UsageError,
)
from .reconnect import Node, Recovery, checked_address, parse_site
from .result import to_python
from .session_part import SessionPart

if TYPE_CHECKING:
    import socket

__all__ = ["ConnectMethods", "WRONG_LOGIN"]

log = logging.getLogger("dolphindb_fast")

#: seconds without progress after which connecting or sending gives up; the official client's is about 3.5
DEFAULT_WRITE_TIMEOUT = 30.0
#: seconds of silence after which TCP asks whether the server is there, as in the official client
DEFAULT_KEEP_ALIVE = 30
#: probes without an answer after which the connection counts as dead, as in the official client
KEEP_ALIVE_PROBES = 3
#: the API version that this client speaks, and that a server may at most require
API_VERSION = 300
#: why a login is refused by a server that does not say it
WRONG_LOGIN = "wrong user name or password"


def seconds(name: str, value: object) -> float | None:
    """Seconds from a timedelta or a number; 0 means for ever and becomes None."""
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UsageError(f"{name} must be a timedelta or a number of seconds, not negative; got {value!r}")
    return float(value) or None


def either_timeout(
    first: str, first_value: object, second: str, second_value: object, default: float | None
) -> float | None:
    """One time-out that has two spellings."""
    if first_value is not None and second_value is not None:
        raise UsageError(f"{first} and {second} are two names of one time-out; give one of them")
    if first_value is not None:
        return seconds(first, first_value)
    if second_value is not None:
        return seconds(second, second_value)
    return default


def open_socket(node: Node, timeout: float | None, idle: int) -> socket.socket:
    """A connected socket; `idle` are the seconds of silence before TCP probes."""
    import socket  # here and not above: a sixth of the time that importing this package takes

    try:
        sock = socket.create_connection(node, timeout)
    except (OSError, UnicodeError) as error:
        raise connect_error(node, error, timeout) from None
    for level, option, value in socket_options(timeout, idle):
        sock.setsockopt(level, option, value)
    return sock


def connect_error(node: Node, error: Exception, timeout: float | None) -> ConnectError:
    """What is said when no connection was made."""
    import socket

    if isinstance(error, ConnectionRefusedError):
        said = f"nothing listens at {node}; is the server running, and is this its port? (connection refused)"
    elif isinstance(error, socket.gaierror):
        said = f"the host name {node.host!r} is not known: {error.strerror}"
    elif isinstance(error, TimeoutError) and timeout is not None:
        said = f"{node} did not answer for {timeout:g} s"
    else:
        said = f"can't connect to {node}: {error}"
    return ConnectError(said)


def socket_options(timeout: float | None, idle: int) -> list[tuple[int, int, int]]:
    """Level, option, value, as far as this system has them."""
    import socket

    chosen = [
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    ]
    if idle > 0:
        chosen += [(socket.IPPROTO_TCP, "TCP_KEEPIDLE", idle), (socket.IPPROTO_TCP, "TCP_KEEPINTVL", idle)]
        chosen += [(socket.IPPROTO_TCP, "TCP_KEEPCNT", KEEP_ALIVE_PROBES)]
        if timeout is not None:
            # The kernel counts a receiver that stalls, too. It must not end the connection while `run` may still give
            # up a request and leave the session usable.
            dead = max(idle * (1 + KEEP_ALIVE_PROBES), 2 * timeout)
            chosen.append((socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", min(int(dead * 1000), 2**31 - 1)))
    return [(level, getattr(socket, name), value) for level, name, value in chosen if hasattr(socket, name)]


def handshake_request(flags: int, credentials: Credentials) -> bytes:
    """The first request of a connection."""
    body = b"connect\n"
    if credentials.userid:
        body += b"login\n%b\n%b\nfalse" % (credentials.userid.encode(), credentials.reveal().encode())
    return b"API 0 %d / %d_1_4_2\n%b" % (len(body), flags, body)


def tls_silence(node: Node, error: SendTimeout) -> ConnectError:
    return ConnectError(f"{node} does not answer the TLS handshake ({error}); does it speak TLS?")


def check_version(where: str, answer: Any) -> None:
    """Is the required API version, in the neutral reply, ours?"""
    if isinstance(answer, Column) and answer.type == keys.DT_ANY and answer.data:
        version, *message = (to_python(item) for item in answer.data)
        if isinstance(version, int) and version > API_VERSION:
            raise ConnectError(f"{where} requires API version {version} or later; this client speaks {API_VERSION}")
        if message and message[0]:
            log.warning("%s: %s", where, message[0])


def check_ready(where: str, answer: Any) -> None:
    """Is the node ready, says the neutral reply?"""
    if isinstance(answer, Column) and answer.type == keys.DT_BOOL and answer.data[0] == 0:
        raise ConnectError(f"{where} is not initialized yet; try again later")


#: what the official client asks on a new synchronous connection, and what looks at the answer, None for an error
QUESTIONS = (("getRequiredAPIVersion", check_version), ("isNodeInitialized", check_ready))


class ConnectMethods(SessionPart):
    """What a `session.Session` does before its first call, and to connect again."""

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
        retryWrites: bool = False,
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
            A script that is run once connected, and each time the session connects again.
        highAvailability : bool
            The server is a cluster: connect to the data node with least to do, go where its replies send the session,
            and connect again as with `reconnect`, to the next node.
        highAvailabilitySites : list of str, optional
            ``"host:port"`` of the nodes that may be used; default: those that the cluster names.
        keepAliveTime : int, optional
            Seconds of silence before TCP probes the connection; default the constructor's, else 30.
        reconnect : bool
            Connect again after a fault. The call that meets the fault raises, unless none of its bytes was accepted and
            its session is synchronous: then it is made again. What an asynchronous session had sent is not sent again:
            the exception says that it may be lost, and the next call connects.
        tryReconnectNums : int, optional
            Attempts before `ConnectError`, of each node; default None and 0: without end, also at the first time.
        netTimeout, writeTimeout : timedelta or number of seconds
            Two names of one time-out: connecting, and sending without progress. None: 30 s; 0: for ever.
        timeout, readTimeout : timedelta or number of seconds
            Two names of one time-out: waiting for a reply without a byte coming. None and 0: for ever.
        usePublicName : bool
            Use the cluster's public names of its nodes instead of their hosts.
        retryWrites : bool
            Make a synchronous call again also if the connection failed when the server may have executed it, and a
            script of which the server refused a part: what it writes may then be written twice. The repeated request
            bears its number negated, by which a server can know it.

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
        CertificateError
            TLS: a certificate that is not trusted, or of another host.
        UsageError
            An argument that is wrong.

        Warns
        -----
        InsecureConnectionWarning
            User name and password leave this machine in clear text, or the server's certificate is not verified.
        """
        try:
            credentials = Credentials(userid, password)
        finally:
            # tracebacks may be shown with the values of variables
            del password
        self._refuse_held()
        default = ConnectMethods._net_timeout
        write_timeout = either_timeout("netTimeout", netTimeout, "writeTimeout", writeTimeout, default)
        read_timeout = either_timeout("timeout", timeout, "readTimeout", readTimeout, None)
        node = checked_address(host, port)
        idle = keepAliveTime if keepAliveTime is not None else self.keep_alive_time
        if tryReconnectNums is not None and type(tryReconnectNums) is not int:
            raise UsageError(f"tryReconnectNums must be an int, not {type(tryReconnectNums).__name__}")
        recovery = None
        if reconnect or highAvailability:
            # as in the official client, numbers below 1 mean without end
            attempts = tryReconnectNums if tryReconnectNums and tryReconnectNums > 0 else None
            sites = [parse_site(site) for site in highAvailabilitySites or ()] if highAvailability else None
            recovery = Recovery(
                node,
                attempts,
                bool(retryWrites),
                balanced=bool(highAvailability),
                sites=sites,
                public_names=bool(usePublicName),
            )
        self._recovery = None
        self._may_repeat = False
        self._set_repeats(False)
        self._closed = False
        self._credentials = credentials
        self._timeouts = write_timeout, read_timeout, DEFAULT_KEEP_ALIVE if idle is None else idle
        self._warned = False
        self.startup = startup or ""
        try:
            if recovery is None:
                self._connect_to(node, self._enable_async)
                self._make_ready()
            else:
                recovery.connect(self)
        except BaseException as error:
            if self._is_lost:
                self._fail(error)
            raise
        self._recovery = recovery
        # what an asynchronous or acknowledged session has sent is never sent again by itself
        self._may_repeat = recovery is not None and not self._enable_async and not self._acknowledge
        self._set_repeats(self._may_repeat)
        if recovery is None and not self._enable_async:
            # nobody will ask for the password again; an asynchronous session's questions need a connection of their own
            self._credentials = None  # type: ignore[assignment]
        return True

    def _connect_to(self, node: Node, asynchronous: bool) -> None:
        """Connect to one node and log in; until `_make_ready`, only this thread can use the connection."""
        write_timeout, read_timeout, idle = self._timeouts
        sock = open_socket(node, write_timeout, idle)
        try:
            try:
                self._peer = sock.getpeername()[0]
            except OSError as error:
                raise ConnectError(f"{node} ended the connection at once: {error}") from None
            self._warn_of_insecurity(self._credentials)
            if self._is_open:
                self._close()
                self._closed = False
        except BaseException:
            sock.close()
            raise
        self._host, self._port = node
        # the handshake is waited for no longer than a send would be
        self._open(sock.detach(), asynchronous, write_timeout, read_timeout or write_timeout)
        self._reader = Reader(self._fill)
        mode = ~0 if asynchronous else ~options.ASYNCHRONOUS
        try:
            if self._tls_context is not None:
                from .tls import Channel

                channel = Channel(self._tls_context, node.host)
                try:
                    self._shake_hands(channel.shake_hands(str(node)), channel.RECORD)
                except SendTimeout as error:
                    raise tls_silence(node, error) from None
                self._encrypt(channel)
            self._handshake(self._flags & mode)
            if not asynchronous:
                self._ask_server(options.request_header(self._plain_flags & mode))
            self._set_read_timeout(read_timeout)
        except BaseException as error:
            self._fail(error)
            if isinstance(error, (LinkError, ProtocolError)) and not isinstance(error, ConnectError):
                # nothing of the caller's was sent
                raise ConnectError(f"{node} accepted the connection, which then failed: {error}") from None
            raise

    def _shake_hands(self, steps: Generator[bytes, bytes, bytes], size: int) -> None:
        buffer = memoryview(bytearray(size))
        received: Any = None
        try:
            while True:
                data = steps.send(received)
                if data:
                    self._send_bytes(data)
                received = buffer[: self._fill(buffer)]
        except StopIteration as end:
            if end.value:
                self._send_bytes(end.value)

    def _make_ready(self) -> None:
        """Run the startup script, then let every thread use the connection."""
        try:
            if self.startup:
                self._request("exec", self.startup, (), options.request_header(self._plain_flags), None)
            if self._acknowledge:
                self._begin_accounts()
            self._opened(f"{self.host}:{self.port}")
        except BaseException as error:
            self._fail(error)
            raise

    def _connect_again(self) -> bool:
        """After a fault: connect again if `connect` was told to; called by the core."""
        if self._recovery is None:
            return False
        self._recovery.again(self)
        return True

    def _warn_of_insecurity(self, credentials: Credentials) -> None:
        """Once for each `connect`, before anything secret leaves."""
        if self._warned:
            return
        if self._tls_unverified:
            text = insecure.UNVERIFIED
        elif self._tls_context is None and credentials.userid and self._peer and not is_loopback(self._peer):
            text = insecure.CLEAR_TEXT.format(self._peer)
        else:
            return
        self._warned = True
        insecure.warn_insecure(text)

    def _handshake(self, flags: int) -> None:
        """``wire: API 0 <length> / <flag>_1_4_2``, answered by session id, object count and byte order."""
        self._send_bytes(handshake_request(flags, self._credentials))
        self._read_handshake(flags)

    def _read_handshake(self, flags: int) -> None:
        """The answer, from the reader."""
        credentials = self._credentials
        user = credentials.userid
        where = f"{self.host}:{self.port}"
        refusal: Exception | None = None
        accepted = None
        head = "", 0, ""
        try:
            head = self._reader.read_header(self._show)
            status = credentials.redact(self._reader.read_line().decode(errors="replace"))
            if status == "OK":
                accepted = self._reader.read_object() if head[1] else None
                if head[2] == "0":
                    refusal = ConnectError(f"{where} is a big-endian server, which is not supported")
            elif user and re.search("password|user|auth|login", status, re.IGNORECASE):
                refusal = AuthenticationError(f"{where} refused user {user!r}: {status}")
            else:
                refusal = ConnectError(f"{where} refused the connection: {status}")
        except EOFError:
            refusal = ConnectError(f"{where} closed the connection during the handshake; is it a DolphinDB server?")
        except ProtocolError as error:
            said = credentials.redact(str(error))
            refusal = ConnectError(f"{where} does not answer as a DolphinDB server does: {said}")
        except SendTimeout as error:
            refusal = ConnectError(f"{where} does not answer the handshake ({error}); is it a DolphinDB server?")
        except LinkError as error:
            refusal = ConnectError(
                f"{where} ended the connection during the handshake ({error}); is it a DolphinDB server, without TLS?"
            )
        if refusal is not None:
            # here, so that it has no context: a server may have repeated the password in what is shown there
            raise refusal
        if isinstance(accepted, Column) and accepted.type == keys.DT_BOOL and accepted.data[0] == 0:
            raise AuthenticationError(f"{where} refused user {user!r}: {WRONG_LOGIN}")
        self._session_id = head[0]
        self._identify(head[0], options.request_header(flags), self._compress)

    def _ask_plainly(self, script: str) -> Any:
        """The neutral result of a script on the connection that is being made, synchronous."""
        header = options.request_header(self._plain_flags & ~options.ASYNCHRONOUS)
        return self._request("exec", script, (), header, {"raw": True, "lossless": False})

    def _ask_server(self, header: bytes) -> None:
        for function, check in QUESTIONS:
            try:
                answer = self._call_plainly(function, header)
            except ServerError:
                answer = None
            check(f"{self.host}:{self.port}", answer)

    def _call_plainly(self, function: str, header: bytes) -> Any:
        """Call a function without arguments, as ``function`` requests of the protocol; returns the neutral reply."""
        body = f"function\n{function}\n0\n1".encode()
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
        try:
            credentials = Credentials(userid, password)
        finally:
            del password
        self._warn_of_insecurity(credentials)
        refusal: str | None
        try:
            if self._may_repeat and self._recovery is not None:
                accepted = self._recovery.carry_out(
                    self, "call", lambda mark: self._log_in(credentials, mark), marked=False
                )
            else:
                accepted = self._answered(self._log_in(credentials, b""))
        except ServerError as error:
            refusal = credentials.redact(error.serverText)
        else:
            refusal = WRONG_LOGIN if accepted is False else None
        self._logged_in(credentials, refusal)

    def _log_in(self, credentials: Credentials, mark: bytes) -> Any:
        # the password is in no variable: tracebacks may be shown with their values
        return self._request(
            "call",
            "login",
            (credentials.userid, credentials.reveal(), False),
            options.request_header(self._plain_flags) + mark,
            {"lossless": False, "raw": False},
        )

    def _logged_in(self, credentials: Credentials, refusal: str | None) -> None:
        """The end of a login, for which there is no reason to refuse it, or this one; not called within an ``except``,
        whose exception may show the password."""
        if refusal is not None:
            raise AuthenticationError(f"{self.host}:{self.port} refused user {credentials.userid!r}: {refusal}")
        if self._credentials is not None:
            self._credentials = credentials

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

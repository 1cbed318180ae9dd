"""From an address to a session that can be used, without waiting anywhere but in the loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from .. import options, tls
from .._core import _Request
from .._decode import Reader, Scanner, decode
from ..acknowledge import _Source
from ..connecting import (
    DEFAULT_KEEP_ALIVE,
    QUESTIONS,
    WRONG_LOGIN,
    connect_error,
    either_timeout,
    handshake_request,
    socket_options,
    tls_silence,
)
from ..connecting import ConnectMethods as PlainConnectMethods
from ..credentials import Credentials
from ..errors import ConnectError, LinkError, NotSupported, ProtocolError, SendTimeout, ServerError, UsageError
from ..reconnect import Node, checked_address
from .session_part import SessionPart

__all__ = ["ConnectMethods"]


#: what a task is told that connects
CLOSED = "the session was closed while it was being connected"


class _Replies:
    """Finds the object of a reply while its bytes arrive."""

    def __init__(self) -> None:
        self.scanner = Scanner()

    def __call__(self, data: memoryview) -> tuple[Any, int] | None:
        end = self.scanner.find_end(data)
        return (decode(data[:end]), end) if end else None


class ConnectMethods(SessionPart):
    """What a `session.Session` does before its first call."""

    async def connect(
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
        netTimeout: Any = None,
        timeout: Any = None,
        readTimeout: Any = None,
        writeTimeout: Any = None,
    ) -> bool:
        """Connect, log in, and where there are replies ask whether the node is ready.

        Parameters, result and exceptions are those of `dolphindb_fast.Session.connect`. A time-out that ends a call
        ends the connection. `highAvailability` and `reconnect` are not here: `Pool` replaces connections.
        """
        try:
            credentials = Credentials(userid, password)
        finally:
            del password
        if highAvailability or reconnect or highAvailabilitySites:
            raise NotSupported("aio: highAvailability and reconnect; aio.Pool replaces connections that ended")
        default = PlainConnectMethods._net_timeout
        write_timeout = either_timeout("netTimeout", netTimeout, "writeTimeout", writeTimeout, default)
        read_timeout = either_timeout("timeout", timeout, "readTimeout", readTimeout, None)
        node = checked_address(host, port)
        if self._connecting:
            raise UsageError("the session is being connected by another task")
        wire = self._wire
        idle = keepAliveTime if keepAliveTime is not None else wire.keep_alive_time
        idle = DEFAULT_KEEP_ALIVE if idle is None else idle
        if wire._is_open:
            self._close()
        self._enter_loop(asyncio.get_running_loop())
        self._connecting, wire._closed = True, False
        try:
            sock = await self._open_socket(node, write_timeout, idle)
            try:
                if wire._closed:
                    raise ConnectError(CLOSED)
                wire._peer = sock.getpeername()[0]
                wire._credentials, wire._warned = credentials, False
                wire._warn_of_insecurity(credentials)
                wire._host, wire._port = node
            except BaseException:
                sock.close()
                raise
            # the handshake is waited for no longer than a send would be
            self._write_timeout, self._read_timeout = write_timeout, read_timeout or write_timeout
            self._take_over(sock.detach())
            try:
                await self._begin(node, read_timeout, startup or "")
            except BaseException as error:
                self._give_up(error if isinstance(error, Exception) else LinkError("connecting was interrupted"))
                if isinstance(error, (LinkError, ProtocolError)) and not isinstance(error, ConnectError):
                    # nothing of the caller's was sent
                    raise ConnectError(f"{node} accepted the connection, which then failed: {error}") from None
                raise
        finally:
            self._connecting = False
            wire._credentials = None  # type: ignore[assignment]
        return True

    async def login(self, userid: str, password: str, enableEncryption: bool = True) -> None:
        """Log in on the open connection, as `dolphindb_fast.Session.login`."""
        try:
            credentials = Credentials(userid, password)
        finally:
            del password
        self._check()
        wire = self._wire
        wire._warn_of_insecurity(credentials)
        refusal: str | None
        try:
            accepted = await self._carry_out(wire._log_in(credentials, b""))
        except ServerError as error:
            refusal = credentials.redact(error.serverText)
        else:
            refusal = WRONG_LOGIN if accepted is False else None
        wire._logged_in(credentials, refusal)

    async def _open_socket(self, node: Node, timeout: float | None, idle: int) -> socket.socket:
        try:
            return await asyncio.wait_for(self._reach(node, timeout, idle), timeout)
        except asyncio.TimeoutError:
            error: Exception = TimeoutError()
        except (OSError, UnicodeError) as caught:
            error = caught
        raise connect_error(node, error, timeout)

    async def _reach(self, node: Node, timeout: float | None, idle: int) -> socket.socket:
        kind = socket.SOCK_STREAM
        try:
            found = socket.getaddrinfo(*node, type=kind, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            # a name: the loop knows how to wait for that
            found = await self._loop.getaddrinfo(*node, type=kind)
        fault: OSError | None = None
        for family, _, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                await self._loop.sock_connect(sock, address)
                for level, option, value in socket_options(timeout, idle):
                    sock.setsockopt(level, option, value)
                return sock
            except OSError as error:
                sock.close()
                fault = error
            except BaseException:
                sock.close()
                raise
        raise fault or OSError("no address")

    def _take_over(self, descriptor: int) -> None:
        """From now on the link owns the descriptor, and the loop watches it."""
        wire, link = self._wire, self._link
        wire._open(descriptor, self._asynchronous, self._write_timeout, self._read_timeout)
        link.read_object = _Replies()
        link.make_future = self._loop.create_future
        link.on_change, link.on_end = self._changed, self._detach
        self._descriptor = descriptor
        self._loop.add_reader(descriptor, self._readable)

    async def _begin(self, node: Node, read_timeout: float | None, startup: str) -> None:
        """Handshakes, questions, startup script."""
        wire, link = self._wire, self._link
        mode = ~0 if self._asynchronous else ~options.ASYNCHRONOUS
        if wire._tls_context is not None:
            await self._encrypt(node, tls.Channel(wire._tls_context, node.host))
        fault: Exception | None = None
        self._send_bytes(handshake_request(wire._flags & mode, wire._credentials))
        try:
            while not link.has_reply():
                await self._more_bytes()
        except LinkError as error:
            fault = error
        wire._reader = Reader(_Source(link.take_incoming(), lambda view: self._end_of_stream(fault)).fill)
        wire._read_handshake(wire._flags & mode)
        rest = wire._reader.read_bytes(wire._reader.buffered)
        wire._reader = None  # type: ignore[assignment]
        if self._asynchronous:
            link.put_back(rest)
        else:
            link.begin(rest, wire._convert)
            header = options.request_header(wire._plain_flags & mode)
            for function, check in QUESTIONS:
                request = _Request(wire, "call", function, (), header, {"raw": True, "lossless": False})
                try:
                    answer = await self._carry_out(request)
                except ServerError:
                    answer = None
                check(f"{self.host}:{self.port}", answer)
        self._read_timeout = read_timeout
        wire.startup = startup
        if startup:
            header = options.request_header(wire._plain_flags)
            await self._carry_out(_Request(wire, "exec", startup, (), header, None))
        self._refuse_ended()
        wire._opened(f"{self.host}:{self.port}")
        self._ready = True

    async def _encrypt(self, node: Node, channel: tls.Channel) -> None:
        steps = channel.shake_hands(str(node))
        received: Any = None
        try:
            while True:
                self._send_bytes(steps.send(received))
                try:
                    while not (received := self._link.take_incoming()):
                        await self._more_bytes()
                except SendTimeout as error:
                    raise tls_silence(node, error) from None
                except LinkError as error:
                    received = self._link.take_incoming() or self._end_of_stream(error) or b""
        except StopIteration as end:
            self._send_bytes(end.value)
        self._wire._encrypt(channel)

    def _send_bytes(self, data: bytes) -> None:
        if data:
            self._wire._send_bytes(data)
            self._after_sending()

    async def _more_bytes(self) -> None:
        """Until bytes of a handshake have come."""
        if self._descriptor >= 0:
            try:
                self._change = self._loop.create_future()
                await asyncio.wait_for(self._change, self._read_timeout)
            except asyncio.TimeoutError:
                text = f"no reply for {self._read_timeout:g} s; the connection is closed"
                self._give_up(SendTimeout(text, True))
        self._refuse_ended()

    def _refuse_ended(self) -> None:
        """The connection that is being made may have ended meanwhile."""
        if self._descriptor < 0:
            raise self._link.fault or LinkError(CLOSED)

    def _end_of_stream(self, fault: Exception | None) -> int:
        if fault is not None and not self._link.ended:
            raise fault
        return 0

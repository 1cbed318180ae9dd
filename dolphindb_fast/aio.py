"""Sessions for asyncio, spelled like `session.Session`: no threads, no polling, under any loop with ``add_reader``.

A session of this module wraps one of the other: arguments, encoding and results are the same code. What differs is the
link beneath (`_core._LoopLink`), which never waits.
"""
from __future__ import annotations

import asyncio
import contextlib
import socket
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from . import options, tls
from ._core import Submission, _LoopLink, _Request
from ._decode import Reader, Scanner, decode
from .acknowledge import _Source
from .connecting import (
    DEFAULT_KEEP_ALIVE,
    QUESTIONS,
    ConnectMethods,
    connect_error,
    either_timeout,
    handshake_request,
    socket_options,
    tls_silence,
)
from .credentials import Credentials
from .errors import (
    ConnectError,
    LinkError,
    NotSupported,
    ReplyTimeout,
    SendTimeout,
    ServerError,
    SubmissionError,
    UsageError,
)
from .reconnect import Node, checked_address
from .session import Session as _Session
from .session import Stats

__all__ = ["Pool", "Session"]

#: calls that need not wait after which the loop's other tasks have their turn
FAIR_CALLS = 64


class _Replies:
    """Finds the object of a reply while its bytes arrive."""

    def __init__(self) -> None:
        self.scanner = Scanner()

    def __call__(self, data: memoryview) -> tuple | None:
        end = self.scanner.find_end(data)
        return (decode(data[:end]), end) if end else None


class _Wire(_Session):
    """Where calls end in a request that is not sent yet."""

    _link_class = _LoopLink

    def _call(self, kind, script, args, header, forms):
        if kind == "runBlock":
            raise NotSupported("aio: fetchSize (results in blocks)")
        return _Request(self, kind, script, args, header, forms)

    def _upload(self, variables):
        return _Request(self, "upload", "", (variables,), None, None)

    def request(self, script, args, choices):
        if not args or any(choice is not None for choice in choices.values()):
            return self._run_with(script, args, bool(args), **choices)
        return _Request(self, "call", script, args, None, None)


class Session:
    """A connection to a DolphinDB server for one event loop, spelled as `dolphindb_fast.Session`.

    Any number of tasks may call it at once: requests leave one behind the other without waiting for replies, and
    replies are put to them in the same order. Encoding and decoding run in the loop's thread.

    `run` returns the reply's result; with ``enableASYNC=True``, where there are no replies, None as soon as the operating
    system has taken the request. `submit` returns as soon as the request is on its way: None, or what can be awaited.

    A request goes to the socket directly. What that does not take is copied and leaves as the server reads on; calls
    wait when `maxScratch` bytes of it are there. A single request that is longer is not copied: its arguments must not
    change until the call returns.

    A call that is cancelled, or whose time is over, once some of it was sent ends the connection, since a reply without
    a caller would keep those behind it waiting; calls on other connections go on. See `Pool`.

    Parameters
    ----------
    host, port, userid, password
        What ``async with`` connects to; without host and port call `connect`.
    *arguments, **options
        As of `dolphindb_fast.Session`, except `replySpin`, `keepUnacknowledged` and ``PROTOCOL_ARROW``.
    acknowledge : bool
        With ``enableASYNC=True``: as without both, since every session of this class can have several requests in flight.
    maxInFlight, maxInFlightBytes : int
        How many requests, and how many bytes of them, may be without reply; beyond that calls wait.
    maxScratch : int
        How many bytes may be copied that the socket has not taken.
    onError : callable, optional
        Called with each `Submission` that failed, from the loop.

    Examples
    --------
    >>> async with aio.Session("localhost", 8848, "admin", "123456") as session:
    ...     prices, volumes = await asyncio.gather(session.run("select avg(price) from trades"),
    ...                                            session.run("select sum(volume) from trades"))
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        userid: str | None = "",
        password: str | None = "",
        *arguments: Any,
        acknowledge: bool = False,
        maxInFlight: int = 1024,
        maxInFlightBytes: int = 67108864,
        maxScratch: int = 67108864,
        onError: Callable[[Submission], object] | None = None,
        **options: Any,
    ) -> None:
        try:
            self._address = (host, port)
            self._login = Credentials(userid, password)
        finally:
            # tracebacks may be shown with the values of variables
            del password
        for name in ("replySpin", "keepUnacknowledged"):
            if options.get(name):
                raise NotSupported(f"aio: {name}")
        if isinstance(maxScratch, bool) or not isinstance(maxScratch, int) or maxScratch < 0:
            raise UsageError(f"maxScratch must be an int, not negative; got {maxScratch!r}")
        self._wire = wire = _Wire(None, None, "", "", *arguments, acknowledge=acknowledge, **options)
        if wire._arrow_table is not None:
            raise NotSupported("aio: PROTOCOL_ARROW")
        wire._prepare_accounts(True, maxInFlight, maxInFlightBytes, onError, False)
        self._link: _LoopLink = wire._accounts
        unsolicited = weakref.WeakMethod(wire._unsolicited)
        self._link.prepare(maxScratch, lambda data: unsolicited()(data))
        self._asynchronous: bool = wire._enable_async
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = False        # connected, for everybody
        self._connecting = False
        self._descriptor = -1      # watched by the loop
        self._writing = False      # for room to send, too
        self._change: asyncio.Future | None = None   # of who connects and waits for bytes
        self._queue: deque[_Waiting] = deque()       # calls that wait for room, in order
        self._serving = False                        # the loop will look at these
        self._expecting = False                      # since `_received_at` there was always a reply to come
        self._timer: asyncio.TimerHandle | None = None
        self._read_timeout: float | None = None
        self._write_timeout: float | None = None
        self._received_at = self._sent_at = 0.0
        self._unhurried = 0        # calls that did not have to wait

    async def __aenter__(self) -> Session:
        if not self._ready:
            host, port = self._address
            if host is None or port is None:
                raise UsageError("give host and port to the session, or call connect")
            await self.connect(host, port, self._login.userid, self._login.reveal())
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            if exception[0] is None and self._ready:
                await self.flush()
        finally:
            self._close()

    def __repr__(self) -> str:
        state = repr(self._wire).partition("Session ")[2]
        return f"<dolphindb_fast.aio.Session {state}"

    def __reduce__(self):
        raise TypeError("a Session holds a connection and can't be pickled or copied")

    @property
    def host(self) -> str:
        """Host of the last `connect`, empty before."""
        return self._wire.host

    @property
    def port(self) -> int:
        """Port of the last `connect`, 0 before."""
        return self._wire.port

    @property
    def session_id(self) -> str:
        """The session id that the server gave, empty before `connect` and after `close`."""
        return self._wire.session_id

    @property
    def is_closed(self) -> bool:
        """True once `close` was called and until `connect` is called again."""
        return self._wire.is_closed

    @property
    def is_open(self) -> bool:
        """Whether calls can be made: connected, and no fault was seen."""
        return self._ready

    @property
    def inFlight(self) -> int:
        """Requests without reply, and calls that wait for room."""
        return self._link.in_flight + len(self._queue)

    @property
    def stats(self) -> Stats:
        """Counters of this session, read at this moment."""
        return self._wire.stats

    # -- connecting -----------------------------------------------------------------------------------------

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
        default = ConnectMethods._net_timeout
        write_timeout = either_timeout("netTimeout", netTimeout, "writeTimeout", writeTimeout, default)
        read_timeout = either_timeout("timeout", timeout, "readTimeout", readTimeout, None)
        node = checked_address(host, port)
        if self._connecting:
            raise UsageError("the session is being connected by another task")
        wire = self._wire
        idle = keepAliveTime if keepAliveTime is not None else wire.keep_alive_time
        idle = DEFAULT_KEEP_ALIVE if idle is None else idle
        self._close()
        self._loop = asyncio.get_running_loop()
        self._connecting = True
        try:
            sock = await self._open_socket(node, write_timeout, idle)
            try:
                wire._peer = sock.getpeername()[0]
                wire._credentials, wire._warned, wire._closed = credentials, False, False
                wire._warn_of_insecurity(credentials)
                wire._host, wire._port = node
            except BaseException:
                sock.close()
                raise
            # the handshake is waited for no longer than a send would be
            self._write_timeout, self._read_timeout = write_timeout, read_timeout or write_timeout
            await self._take_over(sock.detach())
            try:
                await self._begin(node, read_timeout, startup or "")
            except BaseException as error:
                self._give_up(error if isinstance(error, Exception) else LinkError("connecting was interrupted"))
                raise
        finally:
            self._connecting = False
            wire._credentials = None
        return True

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

    async def _take_over(self, descriptor: int) -> None:
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
        wire._reader = None
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
        wire._opened()
        self._ready = True

    async def _encrypt(self, node: Node, channel: tls.Channel) -> None:
        steps = channel.shake_hands(str(node))
        received = None
        try:
            while True:
                self._send_bytes(steps.send(received))
                try:
                    await self._more_bytes()
                    received = self._link.take_incoming()
                except SendTimeout as error:
                    raise tls_silence(node, error) from None
                except LinkError as error:
                    received = self._end_of_stream(error) or b""
        except StopIteration as end:
            self._send_bytes(end.value)
        self._wire._encrypt(channel)

    def _send_bytes(self, data: bytes) -> None:
        if data:
            self._wire._send_bytes(data)
            self._after_sending()

    async def _more_bytes(self) -> None:
        """Until bytes of a handshake have come."""
        try:
            self._change = self._loop.create_future()
            await asyncio.wait_for(self._change, self._read_timeout)
        except asyncio.TimeoutError:
            text = f"no reply for {self._read_timeout:g} s; the connection is closed"
            self._give_up(SendTimeout(text, True))
        if self._link.fault is not None:
            raise self._link.fault

    def _end_of_stream(self, fault: Exception | None) -> int:
        if fault is not None and not self._link.ended:
            raise fault
        return 0

    # -- the loop's callbacks -------------------------------------------------------------------------------

    def _readable(self) -> None:
        self._received_at = self._loop.time()
        self._link.readable()
        self._expecting = self._link.in_flight > 0

    def _writable(self) -> None:
        if self._link.writable():
            self._sent_at = self._loop.time()
        if self._writing and not self._link.blocked:
            self._writing = False
            self._loop.remove_writer(self._descriptor)

    def _changed(self) -> None:
        """Bytes of a handshake have come, or there may be room for calls; called by the link, maybe within a call."""
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        if self._queue and not self._serving and not self._loop.is_closed():
            self._serving = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        """Send requests that waited, as far as there is room."""
        self._serving = False
        while self._queue:
            request, reply, sent = self._queue[0]
            if not sent.done():
                if not self._link.has_room(request.size):
                    break
                try:
                    sent.set_result(request.send(reply))
                except Exception as error:
                    sent.set_exception(error)
            self._queue.popleft()
        self._after_sending()

    def _after_sending(self) -> None:
        """Have the loop watch for what is now to come."""
        if self._link.blocked and not self._writing:
            self._writing = True
            self._loop.add_writer(self._descriptor, self._writable)
            self._sent_at = self._loop.time()
            self._set_timer(self._write_timeout)
        if self._read_timeout is not None and self._link.in_flight:
            if not self._expecting:
                self._expecting = True
                self._received_at = self._loop.time()
            self._set_timer(self._read_timeout)

    def _set_timer(self, seconds: float | None) -> None:
        if seconds is None:
            return
        due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """No progress for the time allowed ends the connection."""
        self._timer = None
        now = self._loop.time()
        if self._link.blocked and self._write_timeout is not None:
            if now - self._sent_at >= self._write_timeout:
                text = f"the server took no bytes for {self._write_timeout:g} s; the connection is closed"
                return self._give_up(SendTimeout(text, True))
            self._set_timer(self._sent_at + self._write_timeout - now)
        if self._link.in_flight and self._read_timeout is not None:
            if now - self._received_at >= self._read_timeout:
                text = f"no reply for {self._read_timeout:g} s; the connection is closed"
                return self._give_up(SendTimeout(text, True))
            self._set_timer(self._received_at + self._read_timeout - now)

    def _detach(self) -> None:
        """The connection ends: the descriptor is about to be closed; called by the link."""
        descriptor, self._descriptor = self._descriptor, -1
        self._ready = self._writing = False
        if descriptor < 0 or self._loop.is_closed():
            return
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, error: Exception) -> None:
        self._link.give_up(error)

    # -- calls ----------------------------------------------------------------------------------------------

    async def run(
        self,
        script: str,
        *args: object,
        clearMemory: bool | None = None,
        pickleTableToList: bool | None = None,
        priority: int | None = None,
        parallelism: int | None = None,
        fetchSize: int | None = None,
        disableDecimal: bool | None = None,
        lossless: bool | None = None,
        raw: bool | None = None,
    ) -> Any:
        """Run a script, or call a function with `args`, as `dolphindb_fast.Session.run`.

        Raises
        ------
        ServerError
            The server answered with an error; the session stays usable.
        ConversionError, UsageError
            Nothing was sent; the session stays usable.
        LinkError, SendTimeout
            The connection failed; every later call says so.
        """
        self._check()
        if not args and clearMemory is pickleTableToList is priority is parallelism is fetchSize is disableDecimal \
                is lossless is raw is None:
            request = _Request(self._wire, "exec", script, (), None, None)
        else:
            request = self._wire.request(script, args, {
                "clearMemory": clearMemory, "pickleTableToList": pickleTableToList, "priority": priority,
                "parallelism": parallelism, "fetchSize": fetchSize, "disableDecimal": disableDecimal,
                "lossless": lossless, "raw": raw,
            })
        return await self._carry_out(request)

    async def submit(self, script: str, *args: object, **choices: Any) -> Submission | None:
        """As `run`, but return as soon as the request is on its way: in the operating system's or in our memory.

        Returns
        -------
        Submission or None
            ``await submission`` gives the reply's result, ``submission.done()`` whether it is here; `flush` tells what
            failed. None with ``enableASYNC=True``: there is no reply.
        """
        self._check()
        known = dict.fromkeys(("clearMemory", "pickleTableToList", "priority", "parallelism", "fetchSize",
                               "disableDecimal", "lossless", "raw"))
        if not choices.keys() <= known.keys():
            raise TypeError(f"submit got an unexpected keyword argument {min(choices.keys() - known.keys())!r}")
        request = self._wire.request(script, args, {**known, **choices})
        return await self._hand_over(request, None)

    async def upload(self, nameObjectDict: dict) -> Any:
        """Set variables of the session on the server, as `dolphindb_fast.Session.upload`."""
        self._check()
        request = self._wire.upload(nameObjectDict)
        if request == -1:
            return -1
        result = await self._carry_out(request)
        return -1 if result is None else result

    async def flush(self, timeout: float | None = None) -> None:
        """Wait until every submission has its reply; with ``enableASYNC=True`` until all that was submitted has left.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; default: for ever, within the session's own time-outs.

        Raises
        ------
        SubmissionError
            Since the last `flush` the server answered submissions with errors, or the connection was lost.
        ReplyTimeout
            Not in this time. Nothing is lost: flush again.
        LinkError
            The connection was lost, and what was lost with it was told already.
        """
        self._check(open=False)
        link = self._link
        try:
            if self._asynchronous:
                if link.blocked and not await asyncio.wait_for(link.departure(), timeout):
                    raise self._lost()
            elif link.in_flight:
                await asyncio.wait_for(link.answer_to(link.last), timeout)
        except asyncio.TimeoutError:
            raise ReplyTimeout("not all submissions have left, or have a reply; nothing is lost, flush again") from None
        failures, count = link.take_failures()
        if count:
            raise SubmissionError(failures, count)
        self._check()

    async def close(self) -> None:
        """Send what is still in scratch, then close the connection; replies are not waited for. May be called again."""
        try:
            if self._link.blocked and self._loop is asyncio.get_running_loop():
                await self._link.departure()
        finally:
            self._close()

    def _close(self) -> None:
        self._wire.close()

    def _check(self, open: bool = True) -> None:
        """Raise unless this task may use the session, and `open`: it is connected."""
        usable = self._ready and self._wire._is_open
        if usable and self._loop is asyncio.get_running_loop():
            return
        if usable:
            raise UsageError("the session belongs to another event loop; a connection can't move: connect anew here")
        if self._connecting:
            raise UsageError("the session is being connected by another task")
        if open:
            self._wire._refuse_unusable()

    def _lost(self) -> LinkError:
        """What a call raises whose bytes can't leave any more."""
        fault = self._link.fault
        if isinstance(fault, SendTimeout):
            return SendTimeout(str(fault), True)
        return LinkError(f"the connection ended while a request was being sent: {fault or 'the session was closed'}")

    async def _carry_out(self, request: _Request) -> Any:
        """Send a request, and wait for its reply or, where there is none, until it has left."""
        link = self._link
        future = None if self._asynchronous else self._loop.create_future()
        submission = await self._hand_over(request, future)
        if future is None:
            if not link.blocked:
                return None
            future = link.departure()
        try:
            gone = await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._give_up(LinkError("a call was cancelled after it was sent"))
            raise
        if submission is not None:
            return submission.result()
        if not gone:
            raise self._lost()
        return None

    async def _hand_over(self, request: _Request, reply: asyncio.Future | None) -> Submission | None:
        """Send a request as soon as there is room; returns when what it borrowed is not needed any more."""
        link = self._link
        try:
            if self._queue or not link.has_room(request.size):
                sent = self._loop.create_future()
                self._queue.append(_Waiting(request, reply, sent))
                submission = await sent
            else:
                if reply is None:
                    await self._be_fair()
                submission = request.send(reply)
            if link.blocked or self._read_timeout is not None:
                self._after_sending()
                if link.held and not await link.departure():
                    raise self._lost()
            return submission
        except asyncio.CancelledError:
            if request.begun:
                self._give_up(LinkError("a call was cancelled while it was being sent"))
            else:
                # those behind it may fit
                self._changed()
            raise
        finally:
            request.release()

    async def _be_fair(self) -> None:
        """A task whose calls need not wait lets others run now and then."""
        self._unhurried += 1
        if self._unhurried >= FAIR_CALLS:
            self._unhurried = 0
            await asyncio.sleep(0)


class _Waiting(NamedTuple):
    """A request that waits for room, the future of its reply, and that of its being sent."""

    request: _Request
    reply: asyncio.Future | None
    sent: asyncio.Future


class Pool:
    """Several connections to a server: each call goes to the one with the fewest requests without reply.

    A connection that ended, by a fault or by a call that was cancelled, is made anew by a later call; calls on the other
    connections are not touched. Variables of a session live on its own connection: what one call sets, the next one
    need not find.

    Parameters
    ----------
    host, port : str, int
    size : int
        Connections.
    userid, password : str
    startup : str, optional
        A script that each connection begins with.
    connect : dict, optional
        Further arguments of `Session.connect`, such as the time-outs.
    **options
        Arguments of `Session`.

    Examples
    --------
    >>> async with aio.Pool("localhost", 8848, 4, "admin", "123456", enableASYNC=True) as pool:
    ...     await asyncio.gather(*(pool.run("tableInsert{trades}", frame) for frame in frames))
    """

    def __init__(
        self,
        host: str,
        port: int,
        size: int = 10,
        userid: str | None = "",
        password: str | None = "",
        *,
        startup: str | None = None,
        connect: dict | None = None,
        **options: Any,
    ) -> None:
        try:
            self._credentials = Credentials(userid, password)
        finally:
            del password
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise UsageError(f"size must be a positive int; got {size!r}")
        self._node = checked_address(host, port)
        self._connect = {"startup": startup, **(connect or {})}
        self._members = [_Member(Session(**options)) for _ in range(size)]
        self._turn = 0
        self._closed = True

    async def __aenter__(self) -> Pool:
        await self.connect()
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            if exception[0] is None:
                await self.flush()
        finally:
            self._close()

    def __repr__(self) -> str:
        return f"<dolphindb_fast.aio.Pool of {len(self._members)}, {self._node}>"

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The pool's sessions, also those whose connection ended."""
        return tuple(member.session for member in self._members)

    async def connect(self) -> None:
        """Open all connections; if one can't be opened, close the others and raise."""
        self._closed = False
        try:
            await _all(self._revive(member) for member in self._members)
        except BaseException:
            self._close()
            raise

    async def run(self, script: str, *args: object, **choices: Any) -> Any:
        """As `Session.run`, on one of the connections."""
        return await (await self._session()).run(script, *args, **choices)

    async def submit(self, script: str, *args: object, **choices: Any) -> Submission | None:
        """As `Session.submit`, on one of the connections."""
        return await (await self._session()).submit(script, *args, **choices)

    async def flush(self, timeout: float | None = None) -> None:
        """As `Session.flush`, of every connection. `SubmissionError` lists what failed on any of them."""
        failures: list = []
        count = 0
        try:
            await asyncio.wait_for(_all(map(self._flush, self.sessions)), timeout)
        except asyncio.TimeoutError:
            raise ReplyTimeout("not all submissions have left, or have a reply; nothing is lost, flush again") from None
        for session in self.sessions:
            found, more = session._link.take_failures()
            failures += found
            count += more
        if count:
            raise SubmissionError(failures[:1000], count)

    async def _flush(self, session: Session) -> None:
        # the failures of a connection that ended are told with those of the others
        if session.is_open and session._asynchronous and session._link.blocked:
            await session._link.departure()
        elif session.is_open and session._link.in_flight:
            await session._link.answer_to(session._link.last)

    async def close(self) -> None:
        """Close all connections as `Session.close` does."""
        try:
            await _all(session.close() for session in self.sessions)
        finally:
            self._close()

    def _close(self) -> None:
        self._closed = True
        for session in self.sessions:
            session._close()

    async def _session(self) -> Session:
        """The connection with the fewest requests; one that ended is made anew first."""
        if self._closed:
            raise UsageError("the pool is not connected; use async with, or await connect()")
        count = len(self._members)
        self._turn = (self._turn + 1) % count
        order = self._members[self._turn:] + self._members[: self._turn]
        member = min(order, key=lambda member: member.load)
        if not member.session.is_open:
            try:
                await self._revive(member)
            except ConnectError:
                others = [other for other in order if other.session.is_open]
                if not others:
                    raise
                member = min(others, key=lambda member: member.load)
        return member.session

    async def _revive(self, member: _Member) -> None:
        """Connect; of several tasks that want that, one does."""
        member.waiting += 1
        try:
            async with member.gate():
                if not member.session.is_open and not self._closed:
                    credentials = self._credentials
                    await member.session.connect(
                        *self._node, credentials.userid, credentials.reveal(), **self._connect
                    )
        finally:
            member.waiting -= 1


class _Member:
    """A session of a pool, and who waits for it to be connected."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate: asyncio.Lock | None = None

    @property
    def load(self) -> int:
        return self.session.inFlight + self.waiting

    def gate(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._gate = loop, asyncio.Lock()
        return self._gate


async def _all(work: Any) -> None:
    """Await all of it, then raise the first failure: nothing goes on behind the caller's back."""
    tasks: list[Awaitable] = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        raise

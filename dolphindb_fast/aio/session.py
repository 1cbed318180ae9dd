"""`Session`: calls from the tasks of one event loop, which wait for room and for replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from .._core import Submission, _LoopLink, _Request
from ..acknowledge import if_alive
from ..credentials import Credentials
from ..errors import LinkError, NotSupported, ReplyTimeout, SendTimeout, SubmissionError, UsageError
from ..session import Stats
from .connecting import ConnectMethods
from .refused import RefusedMethods
from .wire import Wire

__all__ = ["Session"]

#: calls that need not wait after which the loop's other tasks have their turn
FAIR_CALLS = 64
#: of `flush`
UNSETTLED = "not all submissions have left, or have a reply; nothing is lost, flush again to go on waiting"


class Session(ConnectMethods, RefusedMethods):
    """A connection to a DolphinDB server for one event loop, spelled as `dolphindb_fast.Session`.

    Any number of tasks may call it at once: requests leave one behind the other without waiting for replies, and
    replies are put to them in the same order. Encoding and decoding run in the loop's thread.

    `run` returns the reply's result; with ``enableASYNC=True``, where there are no replies, None as soon as the
    operating system has taken the request. `submit` returns as soon as the request is on its way: None, or what can be
    awaited.

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
        With ``enableASYNC=True``: as without both, since any session of this class can have several requests in flight.
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
        self._wire = wire = Wire(None, None, "", "", *arguments, acknowledge=acknowledge, **options)
        if wire._arrow_table is not None:
            raise NotSupported("aio: PROTOCOL_ARROW")
        wire._prepare_accounts(True, maxInFlight, maxInFlightBytes, onError, False)
        assert isinstance(wire._accounts, _LoopLink)
        self._link = wire._accounts
        self._link.prepare(maxScratch, if_alive(wire._unsolicited))
        self._asynchronous = wire._enable_async
        self._loop = None  # type: ignore[assignment]
        self._ready = self._connecting = False
        self._broken = False  # of a pool: a fault ended a connection without replies, and nobody was told
        self._descriptor = -1
        self._writing = False  # for room to send, too
        self._change = None
        self._queue: deque[_Waiting] = deque()  # calls that wait for room, in order
        self._serving = False  # the loop will look at these
        self._reading_on = False  # the loop will look for bytes
        self._expecting = False  # since `_received_at` there was always a reply to come
        self._timer: asyncio.TimerHandle | None = None
        self._read_timeout = self._write_timeout = None
        self._received_at = self._sent_at = 0.0
        self._unhurried = 0  # calls that did not have to wait

    async def __aenter__(self) -> Session:
        if not self._ready:
            host, port = self._address
            if host is None or port is None:
                raise UsageError("give host and port to the session, or call connect")
            await self.connect(host, port, self._login.userid, self._login.reveal())
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            if exception[0] is None and not self.is_closed:
                await self._finish(None)
                if self._asynchronous:
                    # what was copied is lost with the connection, and nothing else tells
                    self._check()
        finally:
            self._close()

    def __repr__(self) -> str:
        state = repr(self._wire).partition("Session ")[2]
        return f"<dolphindb_fast.aio.Session {state}"

    def __reduce__(self) -> NoReturn:
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

    def _enter_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this one; callbacks of one that was closed never come."""
        if loop is not self._loop:
            self._loop = loop
            self._queue.clear()
            self._serving = self._reading_on = False

    # -- the loop's callbacks -------------------------------------------------------------------------------

    def _readable(self) -> None:
        self._received_at = self._loop.time()
        more = self._link.readable()
        self._expecting = self._link.in_flight > 0
        if more and not self._reading_on:
            # not every loop tells of the same bytes again
            self._reading_on = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reading_on = False
        self._readable()

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
        self._broken = self._broken or (self._ready and self._asynchronous)
        self._ready = self._writing = False
        timer, self._timer = self._timer, None
        if descriptor < 0 or self._loop.is_closed():
            return
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        if timer is not None:
            timer.cancel()

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
        as_: str | None = None,
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
        request = self._wire.request(
            script,
            args,
            clearMemory,
            pickleTableToList,
            priority,
            parallelism,
            fetchSize,
            disableDecimal,
            lossless,
            raw,
            as_,
        )
        return await self._carry_out(request)

    async def submit(
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
        as_: str | None = None,
    ) -> Submission | None:
        """As `run`, but return as soon as the request is on its way: in the operating system's memory or in ours.

        Returns
        -------
        Submission or None
            ``await submission`` gives the reply's result, ``submission.done()`` whether it is here; `flush` tells what
            failed. None with ``enableASYNC=True``: there is no reply.
        """
        self._check()
        request = self._wire.request(
            script,
            args,
            clearMemory,
            pickleTableToList,
            priority,
            parallelism,
            fetchSize,
            disableDecimal,
            lossless,
            raw,
            as_,
        )
        return await self._hand_over(request, None)

    async def exec(
        self,
        script: str,
        *,
        clear_memory: bool = False,
        table_to_list: bool = False,
        priority: int = 4,
        parallelism: int = 64,
        fetch_size: int | None = None,
        disable_decimal: bool = False,
    ) -> Any:
        """As `dolphindb_fast.Session.exec`."""
        self._check()
        request = self._wire.exec(
            script,
            clear_memory=clear_memory,
            table_to_list=table_to_list,
            priority=priority,
            parallelism=parallelism,
            fetch_size=fetch_size,
            disable_decimal=disable_decimal,
        )
        return await self._carry_out(request)

    async def call(
        self,
        func: str,
        *args: Any,
        clear_memory: bool = False,
        table_to_list: bool = False,
        priority: int = 4,
        parallelism: int = 64,
        disable_decimal: bool = False,
    ) -> Any:
        """As `dolphindb_fast.Session.call`."""
        self._check()
        request = self._wire.call(
            func,
            *args,
            clear_memory=clear_memory,
            table_to_list=table_to_list,
            priority=priority,
            parallelism=parallelism,
            disable_decimal=disable_decimal,
        )
        return await self._carry_out(request)

    async def upload(self, nameObjectDict: dict[str, Any]) -> Any:
        """Set variables of the session on the server, as `dolphindb_fast.Session.upload`."""
        self._check()
        request = self._wire.upload(nameObjectDict)
        if not isinstance(request, _Request):
            return request
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
        await self._finish(timeout)
        self._check()

    async def _finish(self, timeout: float | None) -> None:
        """Wait for all replies, or for all to have left, and raise for what failed."""
        self._check(open=False)
        try:
            await asyncio.wait_for(self._settle(), timeout)
        except asyncio.TimeoutError:
            raise ReplyTimeout(UNSETTLED) from None
        failures, count = self._link.take_failures()
        if count:
            raise SubmissionError(failures, count)

    async def _settle(self) -> None:
        """Until nothing is on its way any more, be it that the connection ended."""
        if self._link.blocked and self._asynchronous:
            await self._link.departure()
        elif self._link.in_flight:
            await self._link.answer_to(self._link.last)

    async def close(self) -> None:
        """Send what is still in scratch, then close the connection; replies are not waited for. May be called again."""
        try:
            if self._link.blocked and self._loop is asyncio.get_running_loop():
                await self._link.departure()
        finally:
            self._close()

    def _close(self) -> None:
        self._ready = False
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
                if self._descriptor < 0:
                    raise self._lost()
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

    async def _hand_over(self, request: _Request, reply: asyncio.Future[Any] | None) -> Submission | None:
        """Send a request as soon as there is room; returns when what it borrowed is not needed any more."""
        link = self._link
        try:
            if reply is None:
                # first: others may use up the room
                await self._be_fair()
            if self._queue or not link.has_room(request.size):
                sent: asyncio.Future[Submission | None] = self._loop.create_future()
                self._queue.append(_Waiting(request, reply, sent))
                submission = await sent
            else:
                submission = request.send(reply)
            if link.blocked or self._read_timeout is not None:
                self._after_sending()
                if link.held and not await link.departure():
                    raise self._lost()
            return submission
        except (asyncio.CancelledError, GeneratorExit):
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
    reply: asyncio.Future[Any] | None
    sent: asyncio.Future[Submission | None]

"""`Pool`: several connections, of which one may end without the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable
from typing import Any

from .._core import Submission
from ..credentials import Credentials
from ..errors import LinkError, ReplyTimeout, SubmissionError, UsageError
from ..reconnect import checked_address
from .refused import RefusedPoolMethods
from .session import UNSETTLED, Session

__all__ = ["Pool"]


class Pool(RefusedPoolMethods):
    """Several connections to a server: each call goes to the one with the fewest requests without reply.

    A connection that ended, by a fault or by a call that was cancelled, is made anew by a later call; calls on the
    other connections are not touched. Variables of a session live on its own connection: what one call sets, the next
    one need not find.

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
        connect: dict[str, Any] | None = None,
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
        for session in self.sessions:
            session._broken = False
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
        """As `Session.flush`, of every connection. `SubmissionError` lists what failed on any of them.

        With ``enableASYNC=True`` a `LinkError` says that connections ended since the last `flush`: what they were given
        last may be lost, though calls went on with others.
        """
        try:
            await asyncio.wait_for(_all(session._settle() for session in self.sessions), timeout)
        except asyncio.TimeoutError:
            raise ReplyTimeout(UNSETTLED) from None
        failures: list[Submission] = []
        count = 0
        for session in self.sessions:
            found, more = session._link.take_failures()
            failures += found
            count += more
        if count:
            raise SubmissionError(failures[:1000], count)
        broken = [session for session in self.sessions if session._broken]
        for session in broken:
            session._broken = False
        if broken:
            raise LinkError(
                f"{len(broken)} connections ended, and what was submitted to them last may be lost: "
                f"{broken[0].stats.lastError}"
            )

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
        order = self._members[self._turn :] + self._members[: self._turn]
        member = min(order, key=lambda member: member.load)
        if not member.session.is_open:
            try:
                await self._revive(member)
            except LinkError:
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
                    await member.session.connect(*self._node, credentials.userid, credentials.reveal(), **self._connect)
        finally:
            member.waiting -= 1


class _Member:
    """A session of a pool, and who waits for it to be connected."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.waiting = 0
        #: each loop needs its own
        self._gate: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @property
    def load(self) -> int:
        return self.session.inFlight + self.waiting

    def gate(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._gate is None or self._gate[0] is not loop:
            self._gate = loop, asyncio.Lock()
        return self._gate[1]


async def _all(work: Iterable[Awaitable[object]]) -> None:
    """Await all of it, then raise the first failure: nothing goes on behind the caller's back."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        raise

"""Calls awaited in an event loop: senders like those of `competitors`, and awaits on the local server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack

from dolphindb_fast import aio
from dolphindb_fast.commands.demo import start_server

from .measure import Absent, Outcome, Wrong, calls_for

FUNCTION = "tableInsert{trades}"
#: tasks that call at once where several do
TASKS = 64
AIO, AIO_TASKS = "dolphindb_fast.aio", f"dolphindb_fast.aio, {TASKS} tasks"
UVLOOP, UVLOOP_TASKS = "dolphindb_fast.aio, uvloop", f"dolphindb_fast.aio, uvloop, {TASKS} tasks"


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    if "uvloop" not in name:
        return asyncio.new_event_loop()
    try:
        import uvloop
    except ImportError:
        raise Absent("uvloop") from None
    return uvloop.new_event_loop()


class AwaitingSender:
    """A block awaits one call for each item: one after the other, or shared among `tasks` that call at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: aio.Session, tasks: int):
        self.loop, self.session, self.tasks = loop, session, tasks

    def call(self, *arguments):
        return self.loop.run_until_complete(self.session.run(*arguments))

    def block(self, items: list) -> float:
        return self.loop.run_until_complete(self._block([(FUNCTION, item) for item in items]))

    async def _block(self, calls: list[tuple]) -> float:
        start = time.perf_counter()
        left = iter(calls)
        if self.tasks == 1:
            await self._work(left)
        else:
            await asyncio.gather(*(self._work(left) for _ in range(self.tasks)))
        return time.perf_counter() - start

    async def _work(self, left) -> None:
        run = self.session.run
        for arguments in left:
            await run(*arguments)

    def repeat(self, script: str, count: int) -> float:
        return self.loop.run_until_complete(self._block([(script,)] * count))

    def blocked(self) -> float:
        return self.session.stats.blockedSeconds

    def close(self) -> None:
        self.loop.run_until_complete(self.session.close())
        self.loop.close()


def open_awaiting(name: str) -> Callable[..., AwaitingSender]:
    tasks = TASKS if name.endswith("tasks") else 1

    def connect(port: int, asynchronous: bool = False, host: str = "127.0.0.1", *login: str) -> AwaitingSender:
        loop = new_loop(name)
        session = aio.Session(enableASYNC=asynchronous)
        loop.run_until_complete(session.connect(host, port, *login))
        return AwaitingSender(loop, session, tasks)

    return connect


SENDERS = {name: open_awaiting(name) for name in (AIO, AIO_TASKS, UVLOOP, UVLOOP_TASKS)}


def awaited_locally(bench, case) -> Outcome:
    """``1+1`` on the local server, which is a Python program in a process of its own: time of one await."""
    with ExitStack() as stack:
        host, port = start_server(stack, 0)
        sender = SENDERS[case.ours](port, False, host, "admin", "123456")
        stack.callback(sender.close)
        if sender.call("1+1") != 2:
            raise Wrong("1+1 is not 2")
        calls = calls_for(lambda count: sender.repeat("1+1", count), 5 * bench.block_seconds, 20_000)
        found = bench.alternate(case, {"ours": lambda: sender.repeat("1+1", calls) / calls * 1e6})
    return Outcome(found["ours"], detail={"calls": calls})

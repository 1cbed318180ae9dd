"""Loops to run in, which may leave nothing behind."""

from __future__ import annotations

import asyncio
import gc

import pytest
from support.local_server import LocalServer
from support.recorder import DEADLINE, FakeServer
from support.waiting import connected_at_last

from dolphindb_fast import aio


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """``run(coroutine)`` in a fresh loop; no task may be left, and nothing told to its error handler."""
    make_loop = asyncio.new_event_loop
    if request.param == "uvloop":
        make_loop = pytest.importorskip("uvloop").new_event_loop

    def run_in_loop(main):
        loop = make_loop()
        loop.set_debug(True)
        told = []
        loop.set_exception_handler(lambda loop, context: told.append(context))
        try:
            result = loop.run_until_complete(asyncio.wait_for(main, 2 * DEADLINE))
            assert asyncio.all_tasks(loop) == set()
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()
        gc.collect()
        assert told == []
        return result

    return run_in_loop


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def address(server):
    return server.host, server.port, "admin", "123456"


@pytest.fixture
def fake():
    """``fake(**arguments of FakeServer)``, closed at the end."""
    opened = []

    def make(**arguments):
        opened.append(FakeServer(**arguments))
        return opened[-1]

    yield make
    for server in opened:
        server.close()


@pytest.fixture
def reach():
    """``await reach(fake server, session arguments, **connect) -> session, the server's end``."""

    async def connect(server, arguments=None, **connecting):
        session = aio.Session(**(arguments or {}))
        await connected_at_last(session, "127.0.0.1", server.port, **connecting)
        return session, server.connection(len(server.connections) - 1)

    return connect

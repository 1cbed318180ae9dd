"""Two things at once: calls beside calls, ends of connections beside anything, loops that are gone."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import numpy as np
import pandas as pd
import pytest
from support.recorder import DEADLINE, TRUE, VOID, reply
from support.waiting import connected_at_last, until

import dolphindb_fast as ddb
from dolphindb_fast import aio
from dolphindb_fast.aio.session import FAIR_CALLS

LARGE = pd.DataFrame({"a": np.arange(3_000_000)})
ASYNCHRONOUS = {"enableASYNC": True}
SEVEN = reply(b"\x04\x00\x07\0\0\0")


async def turn():
    """Let everything happen that is due."""
    for _ in range(5):
        await asyncio.sleep(0)


def in_loop(main):
    """Run in a loop that is not tidied up at the end, as `asyncio.run` does it: tasks that wait are just left."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


# -- calls beside calls


def test_room__is_looked_for_after_others_had_their_turn(run, fake, reach):
    """A submission lets other tasks run now and then; what they begin to send must not swallow it."""
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, {**ASYNCHRONOUS, "maxScratch": 0})
        connection.stall()
        for _ in range(FAIR_CALLS - 1):
            await session.submit("f", 1)
        calls = asyncio.gather(session.submit("last", 1), session.run("g", LARGE))
        await turn()
        connection.resume()
        await calls
        await session.flush()
        total = session.stats.bytesSent
        connection.wait(lambda received: len(received) >= total)
        assert b"function\nlast\n" in connection.received
        await session.close()

    run(main())


# -- the end of a connection beside anything


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}], ids=["asynchronous", "synchronous"])
def test_server__reset_behind_bytes(run, fake, reach, options):
    """Both are there before the loop looks, and not every loop tells of them twice."""
    server = fake()

    async def main():
        session, connection = await reach(server, options)
        calls = [] if options else [asyncio.ensure_future(session.run("x")) for _ in range(3)]
        await turn()
        connection.send(VOID + VOID[:9])
        connection.reset()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, ddb.LinkError) for outcome in outcomes[1:])
        await until(lambda: not session.is_open)
        await session.close()

    run(main())


@pytest.mark.parametrize("stage", ["socket", "handshake", "questions"])
@pytest.mark.parametrize("timeout", [0, 30])
def test_close__while_another_task_connects(run, fake, stage, timeout):
    server = fake(courtesy={}) if stage == "questions" else fake(stalled=True)

    async def main():
        session = aio.Session()
        call = asyncio.ensure_future(session.connect("127.0.0.1", server.port, writeTimeout=timeout))
        if stage == "socket":
            await asyncio.sleep(0)
        elif stage == "handshake":
            await until(lambda: session._descriptor >= 0)
        else:
            await until(lambda: server.connections and b"Version" in server.connection().received)
        await session.close()
        with pytest.raises(ddb.ConnectError, match="closed"):
            await call
        assert not session.is_open and session.is_closed
        with pytest.raises(ddb.UsageError, match="closed"):
            await session.run("x")
        await session.connect("127.0.0.1", fake(default=VOID).port)
        assert await session.run("x") is None
        await session.close()

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}], ids=["asynchronous", "synchronous"])
def test_connect__to_a_server_that_goes_behind_its_handshake(run, fake, options):
    """It never counts as connected: a pool would give it calls for ever."""

    async def main():
        server = fake(stalled=True)
        session = aio.Session(**options)
        call = asyncio.ensure_future(session.connect("127.0.0.1", server.port))
        await until(lambda: server.connections and server.connection().thread.is_alive())
        await until(lambda: session._descriptor >= 0)
        server.connection().send(VOID)
        server.connection().reset()
        with pytest.raises(ddb.ConnectError):
            await call
        assert not session.is_open

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}], ids=["asynchronous", "synchronous"])
def test_with__whose_connection_ended_tells_what_was_lost(run, fake, options):
    server = fake(receive_buffer=8192)

    async def main():
        with pytest.raises(ddb.LinkError if options else ddb.SubmissionError):
            async with aio.Session("127.0.0.1", server.port, "", "", **options) as session:
                server.connection().stall()
                await session.submit("f", LARGE)
                server.connection().reset()
                await until(lambda: not session.is_open)
        async with aio.Session("127.0.0.1", fake().port) as session:
            await session.close()

    run(main())


def test_pool__without_replies_tells_of_connections_that_ended(run, fake):
    server = fake(receive_buffer=8192)

    async def main():
        async with aio.Pool("127.0.0.1", server.port, 2, **ASYNCHRONOUS) as pool:
            for connection in server.connections:
                connection.stall()
            await pool.submit("f", LARGE)
            await pool.submit("f", LARGE)
            server.connection(0).reset()
            await until(lambda: not all(session.is_open for session in pool.sessions))
            server.connection(1).resume()
            for _ in range(2):
                await pool.submit("f", 1)
            assert len(server.connections) == 3
            with pytest.raises(ddb.LinkError, match="1 connections ended"):
                await pool.flush()
            await pool.flush()

    run(main())


def test_pool__with_replies_tells_of_submissions_that_were_lost(run, fake):
    server = fake()

    async def main():
        async with aio.Pool("127.0.0.1", server.port, 1) as pool:
            lost = await pool.submit("x")
            server.connection(0).reset()
            await until(lambda: not pool.sessions[0].is_open)
            server.default = VOID
            assert await pool.run("y") is None
            with pytest.raises(ddb.SubmissionError) as caught:
                await pool.flush()
            assert caught.value.failures == [lost]
            await pool.flush()

    run(main())


def test_pool__closed_while_a_call_connects_anew(run, fake):
    server = fake()

    async def main():
        async with aio.Pool("127.0.0.1", server.port, 1) as pool:
            server.connection(0).reset()
            await until(lambda: not pool.sessions[0].is_open)
            server.stalled = True
            calls = [asyncio.ensure_future(pool.run("x")) for _ in range(3)]
            await until(lambda: pool.sessions[0]._descriptor >= 0)
            await pool.close()
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, (ddb.LinkError, ddb.UsageError))
        assert not pool.sessions[0].is_open

    run(main())


def test_interrupt__while_replies_are_read_gives_nobody_another_ones(fake, monkeypatch):
    """What stood before the interrupt was used already."""
    server = fake()

    class Interrupting:
        def write(self, text):
            raise KeyboardInterrupt

        def flush(self):
            pass

    async def begin():
        session = aio.Session()
        await session.connect("127.0.0.1", server.port)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(2)]
        await turn()
        return session, calls

    async def end(session, calls):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert not session.is_open
        await session.close()
        return outcomes

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        session, calls = loop.run_until_complete(begin())
        server.connection().send(SEVEN + b"MSG\nhello\0" + VOID)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(sys, "stdout", Interrupting())
            loop.run_until_complete(asyncio.wait(calls))
        first, second = loop.run_until_complete(end(session, calls))
    assert first == 7 or isinstance(first, ddb.OutcomeUnknown)
    assert isinstance(second, ddb.OutcomeUnknown)


# -- loops that are gone


def test_loop__gone_with_its_timers(fake):
    """Time-outs count in the next loop, too."""
    server = fake(courtesy={b"getRequiredAPIVersion": VOID, b"isNodeInitialized": TRUE})
    session = aio.Session()

    async def first():
        await connected_at_last(session, "127.0.0.1", server.port, readTimeout=0.2)
        await session.submit("x")

    async def second():
        await connected_at_last(session, "127.0.0.1", server.port, readTimeout=0.2)
        with pytest.raises(ddb.SendTimeout):
            await asyncio.wait_for(session.run("x"), DEADLINE)
        await session.close()

    in_loop(first())
    in_loop(second())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_loop__gone_with_calls_that_waited(fake, closed):
    """Of replies and of room; the next loop's calls do not wait behind them."""
    server = fake()
    session = aio.Session(maxInFlight=1)
    kept = []

    async def first():
        await session.connect("127.0.0.1", server.port)
        kept.extend(asyncio.ensure_future(session.run(f"x{number}")) for number in range(3))
        await turn()
        if closed:
            await session.close()

    async def second():
        server.default = VOID
        await session.connect("127.0.0.1", server.port)
        calls = (session.run(f"y{number}") for number in range(3))
        assert await asyncio.wait_for(asyncio.gather(*calls), DEADLINE) == [None] * 3
        await session.close()

    in_loop(first())
    in_loop(second())
    assert b"x1" not in b"".join(bytes(connection.received) for connection in server.connections)

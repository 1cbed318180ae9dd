"""What goes wrong: cancelled calls, receivers that stall, servers that go, bytes that are no replies."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import numpy as np
import pandas as pd
import pytest
from support.recorder import TRUE, VOID, reply
from support.waiting import Pace, eventually, unhurried, until

import dolphindb_fast as ddb
from dolphindb_fast import aio

LARGE = pd.DataFrame({"a": np.arange(3_000_000)})
SMALL = pd.DataFrame({"a": np.arange(100)})
ASYNCHRONOUS = {"enableASYNC": True}


async def turn():
    """Let everything happen that is due."""
    for _ in range(5):
        await asyncio.sleep(0)


async def fill_up(session):
    """Submit until the socket is full and bytes stay in scratch; returns how many requests that took."""
    count = 0
    while not session._link.blocked:
        await session.submit("tableInsert{t}", SMALL)
        count += 1
    return count


# -- cancelled


@pytest.mark.parametrize("stage", ["handshake", "questions"])
def test_cancelled__while_connecting(run, fake, stage):
    server = fake(stalled=True) if stage == "handshake" else fake(courtesy={})

    async def main():
        session = aio.Session()
        call = asyncio.ensure_future(session.connect("127.0.0.1", server.port))
        if stage == "handshake":
            await until(lambda: session._descriptor >= 0)
        else:
            await until(lambda: server.connections and b"Version" in server.connection().received)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.connection().resume()
        server.connection().wait_closed()
        with pytest.raises(ddb.LinkError):
            await session.run("1")
        with contextlib.closing(type(server)()) as good:
            await session.connect("127.0.0.1", good.port)
            await session.close()

    run(main())


def test_cancelled__waiting_for_a_reply(run, fake, reach):
    server = fake()

    async def main():
        session, connection = await reach(server)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(3)]
        submission = await session.submit("y")
        await turn()
        calls[1].cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            ddb.OutcomeUnknown, asyncio.CancelledError, ddb.OutcomeUnknown,
        ]  # fmt: skip
        assert isinstance(submission.exception(), ddb.OutcomeUnknown)
        connection.wait_closed()
        with pytest.raises(ddb.LinkError, match="cancelled") as caught:
            await session.run("x")
        assert caught.value.sent is False
        await session.close()

    run(main())


def test_cancelled__with_the_reply_at_hand(run, fake, reach):
    server = fake()

    async def main():
        session, connection = await reach(server)
        call = asyncio.ensure_future(session.run("x"))
        await turn()
        connection.send(VOID)
        while session._link.in_flight:
            await asyncio.sleep(0)
            session._readable()
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        assert session.is_open
        await session.close()

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}], ids=["asynchronous", "synchronous"])
def test_cancelled__while_sending(run, fake, reach, options):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, {**options, "maxScratch": 1 << 16})
        connection.stall()
        call = asyncio.ensure_future(session.run("f", LARGE))
        await turn()
        assert session._link.held
        waiting = asyncio.ensure_future(session.run("g", 1))
        await turn()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(ddb.LinkError, match="cancelled") as caught:
            await waiting
        assert caught.value.sent is False
        assert not session.is_open
        await session.close()

    run(main())


def test_cancelled__while_its_copy_leaves(run, fake, reach):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, ASYNCHRONOUS)
        connection.stall()
        call = asyncio.ensure_future(session.run("f", LARGE))
        await turn()
        assert session._link.blocked and not session._link.held and not call.done()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not session.is_open
        await session.close()

    run(main())


def test_cancelled__waiting_for_room_leaves_the_connection(run, fake, reach):
    server = fake()

    async def main():
        session, connection = await reach(server, {"maxInFlight": 1})
        first = asyncio.ensure_future(session.run("x"))
        await turn()
        second, third = (asyncio.ensure_future(session.run(name)) for name in ("y", "z"))
        await turn()
        second.cancel()
        await turn()
        connection.send(reply(b"\x04\x00\x07\0\0\0"))
        assert await first == 7
        connection.wait(lambda received: received.endswith(b"script\nz"))
        connection.send(reply(b"\x04\x00\x08\0\0\0"))
        assert await third == 8
        assert second.cancelled() and session.is_open
        assert b"script\ny" not in connection.received
        await session.close()

    run(main())


def test_cancelled__asking_for_a_submission_only_ends_the_asking(run, fake, reach):
    server = fake()

    async def main():
        session, connection = await reach(server)
        submission = await session.submit("x")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.ensure_future(_result(submission)), 0.05)
        with pytest.raises(ddb.ReplyTimeout):
            await session.flush(0.05)
        connection.send(TRUE)
        assert await submission is True
        await session.close()

    run(main())


async def _result(submission):
    return await submission


# -- stalled receivers


def test_stalled__scratch_is_bounded_and_nothing_is_lost(run, fake, reach):
    server = fake(receive_buffer=8192)
    bound = 1 << 16

    async def main():
        session, connection = await reach(server, {**ASYNCHRONOUS, "maxScratch": bound})
        handshake = len(connection.received)
        connection.stall()
        sent = await fill_up(session)
        writer = asyncio.ensure_future(_many(session, 2000))
        await turn()
        taken = session.stats
        size = len(ddb.dumps(SMALL)) + 60
        assert not writer.done() and size * taken.requests - taken.bytesSent <= bound + size
        connection.resume()
        await writer
        await session.flush()
        assert not session._link.blocked
        total = session.stats.bytesSent
        connection.wait(lambda received: len(received) >= total)
        body = bytes(connection.received)[handshake:]
        one = body[: body.index(b"API2", 1)]
        assert body == one * (sent + 2000)
        await session.close()

    run(main())


async def _many(session, count):
    for _ in range(count):
        await session.submit("tableInsert{t}", SMALL)


def test_stalled__run_returns_when_the_bytes_have_left(run, fake, reach):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, ASYNCHRONOUS)
        connection.stall()
        calls = [asyncio.ensure_future(session.run("f", LARGE)) for _ in range(2)]
        await turn()
        await session.submit("g", SMALL)
        assert not calls[0].done()
        connection.resume()
        assert await asyncio.gather(*calls) == [None, None]
        await session.close()  # what was submitted is sent first
        connection.wait_closed()
        received = bytes(connection.received)
        assert received.count(b"function\nf\n") == 2
        assert received.rpartition(b"function\ng\n1\n1")[2] == ddb.dumps(SMALL)

    run(main())


def test_stalled__a_request_longer_than_scratch_is_not_copied(run, fake, reach):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, {**ASYNCHRONOUS, "maxScratch": 0})
        connection.stall()
        calls = [asyncio.ensure_future(session.run("f", LARGE)) for _ in range(2)]
        await turn()
        connection.resume()
        await asyncio.gather(*calls)
        total = session.stats.bytesSent
        connection.wait(lambda received: len(received) >= total)
        assert bytes(connection.received).count(ddb.dumps(LARGE)) == 2
        await session.close()

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}, {"maxScratch": 0}], ids=str)
def test_no_progress__of_sending(run, fake, reach, options):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, options, writeTimeout=0.2)
        connection.stall()
        with pytest.raises(ddb.SendTimeout, match="0.2 s") as caught:
            await session.run("f", LARGE)
        assert caught.value.sent is True
        with pytest.raises(ddb.LinkError, match="took no bytes"):
            await session.run("f", 1)
        await session.close()

    run(main())


def test_no_reply__for_the_time_allowed(run, fake, reach):
    server = fake()

    async def main():
        session, connection = await reach(server, readTimeout=0.2)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(2)]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, ddb.SendTimeout) and outcome.sent is True
            assert "no reply for 0.2 s" in str(outcome)
        with pytest.raises(ddb.LinkError):
            await session.run("x")
        await session.close()

    run(main())


def test_time_for_replies__begins_with_the_call_and_with_each_byte(run, fake, reach):
    server = fake()

    async def main(seconds):
        session, connection = await reach(server, readTimeout=seconds)
        await asyncio.sleep(1.2 * seconds)
        call = asyncio.ensure_future(session.run("x"))
        answer = reply(b"\x04\x00\x07\0\0\0")
        pace = Pace(seconds)
        for at in range(0, len(answer), 6):
            # in a thread, while the loop goes on
            await asyncio.to_thread(pace.step, lambda at=at: connection.send(answer[at : at + 6]))
        outcome = (await asyncio.gather(call, return_exceptions=True))[0]
        await session.close()
        return pace, outcome

    def attempt(seconds):
        pace, outcome = run(main(seconds))

        def result():
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        assert pace.kept(result) == 7

    unhurried(attempt)


# -- servers that go, and bytes that are no replies


@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_server__gone_while_replies_are_awaited(run, fake, reach, how):
    server = fake()

    async def main():
        session, connection = await reach(server)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(3)]
        await turn()
        if how == "half":
            connection.send(VOID + VOID[:9])
        (connection.reset if how == "reset" else connection.close)()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        lost = outcomes[1:] if how == "half" else outcomes
        assert all(isinstance(outcome, ddb.LinkError) and outcome.sent for outcome in lost)
        with pytest.raises(ddb.LinkError) as caught:
            await session.run("x")
        assert caught.value.sent is False
        await session.connect("127.0.0.1", fake(default=VOID).port)
        assert await session.run("x") is None
        await session.close()

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}], ids=["asynchronous", "synchronous"])
def test_server__gone_while_nothing_happens(run, fake, reach, options):
    server = fake()

    async def main():
        session, connection = await reach(server, options)
        connection.close()
        await until(lambda: not session.is_open)
        with pytest.raises(ddb.LinkError, match="the server closed the connection"):
            await session.run("x")
        assert "closed" in session.stats.lastError
        await session.close()

    run(main())


@pytest.mark.parametrize("options", [ASYNCHRONOUS, {}, {"maxScratch": 0}], ids=str)
def test_server__gone_while_sending(run, fake, reach, options):
    server = fake(receive_buffer=8192)

    async def main():
        session, connection = await reach(server, options)
        connection.stall()
        call = asyncio.ensure_future(session.run("f", LARGE))
        await turn()
        connection.reset()
        with pytest.raises(ddb.LinkError) as caught:
            await call
        assert caught.value.sent is True
        await session.close()

    run(main())


@pytest.mark.parametrize(
    "data",
    [b"garbage\nOK\n", reply(b"\x63\0\0"), reply(b"\x04\1\xff\xff\xff\xff\1\0\0\0")],
    ids=["header", "type", "rows"],
)
def test_bytes_that_are_no_reply(run, fake, reach, data):
    server = fake()

    async def main():
        session, connection = await reach(server)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(3)]
        await turn()
        connection.send(VOID + data)
        first, second, third = await asyncio.gather(*calls, return_exceptions=True)
        assert first is None
        assert isinstance(second, ddb.ProtocolError) and isinstance(third, ddb.OutcomeUnknown)
        with pytest.raises(ddb.LinkError):
            await session.run("x")
        await session.close()

    run(main())


def test_reply__that_nobody_asked_for(run, fake, reach, caplog):
    server = fake()

    async def main():
        session, connection = await reach(server)
        connection.send(VOID)
        await until(lambda: not session.is_open)
        with pytest.raises(ddb.LinkError, match="nobody asked for"):
            await session.run("x")
        other, connection = await reach(server, ASYNCHRONOUS)
        connection.send(b"stray bytes")
        await until(lambda: "stray bytes" in caplog.text)
        assert other.is_open
        await other.close()

    run(main())


def test_replies__in_single_bytes_with_messages(run, fake, reach, capsys):
    server = fake()
    table = ddb.dumps(pd.DataFrame({"a": [1, 2], "b": ["x", "größe"]}))

    async def main():
        session, connection = await reach(server)
        calls = [asyncio.ensure_future(session.run("x")) for _ in range(3)]
        await turn()
        for byte in b"MSG\nhello\0" + reply(table) + reply(status=b"no!") + reply(b"\x04\x00\x07\0\0\0"):
            connection.send(bytes([byte]))
            await asyncio.sleep(0)
        frame, error, number = await asyncio.gather(*calls, return_exceptions=True)
        pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1, 2], "b": ["x", "größe"]}, dtype=None))
        assert error.serverText == "no!" and number == 7
        await session.close()

    run(main())
    assert capsys.readouterr().out == "hello\n"


# -- connecting


def test_connect__says_what_is_wrong(run, fake, address):
    async def main():
        session = aio.Session()
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            with pytest.raises(ddb.ConnectError, match="nothing listens"):
                await session.connect("127.0.0.1", nobody.getsockname()[1])
        with pytest.raises(ddb.ConnectError, match="not known"):
            await session.connect("no-such-host.invalid", 1)
        with pytest.raises(ddb.AuthenticationError) as caught:
            await session.connect(*address[:3], "wrong-secret")
        assert "wrong-secret" not in str(caught.value)
        for handshake in (b"HTTP/1.1 400 Bad\r\n\r\n", b"1 0 1\nno\n", b"7 0 0\nOK\n"):
            with pytest.raises(ddb.ConnectError):
                await session.connect("127.0.0.1", fake(handshake=handshake).port)
        with pytest.raises(ddb.ConnectError, match="not initialized"):
            await session.connect(
                "127.0.0.1",
                fake(courtesy={b"isNodeInitialized": reply(b"\1\0\0"), b"getRequiredAPIVersion": VOID}).port,
            )
        silent = fake(stalled=True)
        with pytest.raises(ddb.ConnectError, match="does not answer the handshake"):
            await session.connect("127.0.0.1", silent.port, writeTimeout=0.2)
        gone = fake(stalled=True)
        call = asyncio.ensure_future(session.connect("127.0.0.1", gone.port))
        await until(lambda: gone.connections and gone.connection().thread.is_alive())
        with pytest.raises(ddb.UsageError, match="connected by another task"):
            await session.run("1")
        with pytest.raises(ddb.UsageError, match="connected by another task"):
            await session.connect(*address)
        gone.connection().close()
        with pytest.raises(ddb.ConnectError, match="handshake"):
            await call
        for argument in ({"highAvailability": True}, {"reconnect": True}):
            with pytest.raises(ddb.NotSupported):
                await session.connect(*address, **argument)
        assert await session.connect(*address) is True
        assert await session.connect("localhost", *address[1:]) is True
        assert await session.run("1+1") == 2
        await session.close()
        await session.close()
        with pytest.raises(ddb.UsageError, match="closed"):
            await session.run("1")

    run(main())


@pytest.mark.parametrize(
    "options",
    [{"protocol": "arrow"}, {"keepUnacknowledged": True}, {"replySpin": 1}],
    ids=str,
)
def test_argument__that_is_not_here(options):
    if "protocol" in options:
        pytest.importorskip("pyarrow")
    with pytest.raises(ddb.NotSupported, match="aio: "):
        aio.Session(**options)


def test_blocks__are_not_here(run, address):
    async def main():
        async with aio.Session(*address) as session:
            with pytest.raises(ddb.NotSupported, match="fetchSize"):
                await session.run("t", fetchSize=8192)
            assert await session.run("1") == 1

    run(main())


def test_usage_errors():
    with pytest.raises(ddb.UsageError, match="maxScratch"):
        aio.Session(maxScratch=-1)
    with pytest.raises(ddb.UsageError, match="maxInFlight"):
        aio.Session(maxInFlight=0)
    with pytest.raises(ddb.UsageError, match="acknowledge=True needs enableASYNC=True"):
        aio.Session(acknowledge=True)
    with pytest.raises(TypeError):
        aio.Session(noSuchArgument=1)
    with pytest.raises(ddb.UsageError, match="not connected"):
        asyncio.run(aio.Session().run("1"))


def test_submission__of_a_plain_session_can_not_be_awaited(fake):
    server = fake()

    async def main():
        with ddb.Session(enableASYNC=True, acknowledge=True) as session:
            session.connect("127.0.0.1", server.port)
            submission = session.run("x")
            with pytest.raises(ddb.UsageError, match="aio.Session"):
                await submission
            server.connection().send(VOID)
            eventually(submission.done)
            assert await submission is None

    asyncio.run(main())

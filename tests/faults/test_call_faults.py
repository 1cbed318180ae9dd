"""What goes wrong while requests are sent and replies are read."""

from __future__ import annotations

import socket
import struct

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.interrupt import Interrupted, interrupted, signalled
from support.local_server import LocalServer
from support.recorder import DEADLINE, SESSION, VOID, FakeServer, reply
from support.waiting import Pace, connect_at_last, eventually, in_thread, unhurried

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

SMALL = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
#: 28 MB, more than any socket buffer takes; every cell another one, in columns that are sent as they lie,
#: patched, widened and encoded
LARGE = pd.DataFrame(
    {
        "a": np.arange(1_000_000),
        "b": np.where(np.arange(1_000_000) % 1000 == 7, np.nan, np.arange(1_000_000) / 8),
        "c": np.arange(1_000_000, dtype="u4"),
        "d": pd.Series([f"t{i % 977}" for i in range(1_000_000)], dtype=object),
    }
)


@pytest.fixture
def connected():
    """``connected(asynchronous, **connect) -> session, its connection``; closed at the end."""
    opened = []

    def connect(asynchronous=True, *, receive_buffer=None, **arguments):
        server = FakeServer(receive_buffer=receive_buffer)
        session = ddb.Session(enableASYNC=asynchronous)
        opened.extend((session, server))
        connect_at_last(session, "127.0.0.1", server.port, **arguments)
        return session, server.connections[-1]

    yield connect
    for one in opened:
        one.close()


def _until_failure(session, frame=SMALL, most=100_000):
    """Run in a loop until the session notices."""
    for _ in range(most):
        session.run("f", frame)
    raise AssertionError("the end of the server was never noticed")


def _dead(session):
    """Each later call says what the first one said."""
    texts = set()
    for call in (lambda: session.run("f", SMALL), lambda: session.run("1"), lambda: session.upload({"a": 1})):
        with pytest.raises(ddb.LinkError) as caught:
            call()
        texts.add(str(caught.value))
    (text,) = texts
    assert session.stats.lastError and session.stats.lastError in text
    assert f"{session.host}:{session.port}: " in text and text.endswith("; call connect to make a new one")


@pytest.mark.parametrize("end", ["close", "reset"])
def test_server_ends__in_mid_loop(end, connected):
    session, connection = connected()
    for _ in range(10):
        session.run("f", SMALL)
    getattr(connection, end)()
    with pytest.raises(ddb.LinkError) as caught:
        in_thread(lambda: _until_failure(session)).result()
    assert isinstance(caught.value, ConnectionError)
    _dead(session)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_server_ends__between_synchronous_calls(end, connected):
    session, connection = connected(False)
    connection.replies.append(VOID)
    session.run("f", SMALL)
    getattr(connection, end)()
    with pytest.raises(ddb.LinkError):
        in_thread(lambda: session.run("f", SMALL)).result()
    _dead(session)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_server_ends__while_a_large_frame_is_sent(end, connected):
    session, connection = connected()
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 100)
    getattr(connection, end)()
    with pytest.raises(ddb.LinkError):
        call.result()
    _dead(session)


def test_server_killed__in_mid_loop():
    with LocalServer() as server:
        session = ddb.Session(enableASYNC=True)
        session.connect(server.host, server.port, "admin", "123456")
        for _ in range(10):
            session.run("x = 1")
        server.stop()
        with pytest.raises(ddb.LinkError):
            in_thread(lambda: _until_failure(session)).result()
        _dead(session)
    session.close()


def test_stalled_receiver__after_part_of_a_request(connected):
    session, connection = connected(receive_buffer=8192, writeTimeout=0.2)
    connection.stall()
    with pytest.raises(ddb.SendTimeout) as caught:
        in_thread(lambda: session.run("f", LARGE)).result()
    assert caught.value.sent is True
    assert isinstance(caught.value, TimeoutError)
    _dead(session)
    assert session.stats.blockedSeconds >= 0.15


def _fill(session):
    """Send single bytes' worth of requests until the socket's buffers are full."""
    for _ in range(1_000_000):
        session.run("x")
    raise AssertionError("the buffers were never full")


def test_stalled_receiver__before_the_first_byte_of_a_request(connected):
    """Nothing of the request was taken: the session may go on as soon as the receiver does."""
    session, connection = connected(receive_buffer=8192, writeTimeout=0.2)
    connection.stall()
    # a request may be cut when the buffers are full; only a whole refusal leaves the session usable. Twice, since a
    # read that was under way may make room once
    for _ in range(2):
        with pytest.raises(ddb.SendTimeout) as caught:
            in_thread(lambda: _fill(session)).result()
        if caught.value.sent:
            _dead(session)
            return
    requests = session.stats.requests
    with pytest.raises(ddb.SendTimeout) as again:
        session.run("x")
    assert again.value.sent is False
    connection.resume()
    connection.wait(lambda received: received.endswith(b"script\nx"))
    eventually(lambda: len(connection.received) >= session.stats.bytesSent)
    session.run("last")
    connection.wait(lambda received: received.endswith(b"script\nlast"))
    assert session.stats.requests == requests + 1
    body = b"API2 %s 8 / 36_1_4_64__0\nscript\nx" % SESSION
    received = bytes(connection.received)
    assert received.count(body) == requests, "no request was lost, cut or doubled"


def test_stalled_receiver__that_goes_on_in_time_costs_nothing(connected):
    session, connection = connected(receive_buffer=8192, writeTimeout=20)
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 100)
    assert call.running
    connection.resume()
    assert call.result() is None
    wanted = expected.frame(LARGE)
    connection.wait(lambda received: len(received) == session.stats.bytesSent)
    assert connection.received.endswith(wanted)
    assert session.stats.blockedSeconds > 0


def test_slow_receiver__makes_progress_and_is_no_time_out(connected):
    """A time-out means no progress for that long, not a limit for the whole request."""

    def attempt(seconds):
        session, connection = connected(receive_buffer=8192, writeTimeout=seconds)
        connection.stall()
        pace = Pace(seconds)
        call = in_thread(lambda: session.run("f", LARGE))
        eventually(lambda: session.stats.bytesSent > 100)
        for _ in range(4):
            pace.step(lambda: _let_some_pass(connection))
        pace.step(connection.resume)
        assert pace.kept(call.result) is None

    unhurried(attempt)


def _let_some_pass(connection):
    before = len(connection.received)
    connection.resume()
    connection.wait(lambda received: len(received) > before)
    connection.stall()


PARTIAL = {
    "header": b"1234567890 1",
    "status": b"1234567890 1 1\nO",
    "object-head": reply(b"\x05"),
    "vector": reply(expected.vector(keys.DT_LONG, [1, 2, 3])[:-3]),
    "text": reply(expected.vector(keys.DT_STRING, ["abc", "def"])[:-2]),
    "table": reply(expected.table({"a": expected.vector(keys.DT_LONG, [1, 2])}, 2)[:-1]),
    "names": reply(expected.table({"a": expected.vector(keys.DT_LONG, [1, 2])}, 2)[:12]),
    "message": b"MSG\nhello",
    "symbols": reply(expected.symbols(["a", "b"])[:-1]),
}


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("name", PARTIAL)
def test_reply__that_breaks_off(name, end, connected):
    session, connection = connected(False)
    call = in_thread(lambda: session.run("x"))
    connection.wait(lambda received: received.endswith(b"script\nx"))
    connection.send(PARTIAL[name])
    getattr(connection, end)()
    with pytest.raises((ddb.LinkError, ddb.ProtocolError)):
        call.result()
    _dead(session)


@pytest.mark.parametrize("name", PARTIAL)
def test_reply__that_stops_ends_with_the_time_out(name, connected):
    session, connection = connected(False, readTimeout=0.2)
    connection.replies.append(PARTIAL[name])
    with pytest.raises(ddb.SendTimeout, match="reply"):
        in_thread(lambda: session.run("x")).result()
    _dead(session)


MALFORMED = {
    "type": b"\x3f\0",
    "form": b"\x05\x0f\x01\0\0\0\x01\0\0\0",
    "negative-rows": struct.pack("<BBii", 5, 1, -1, 1),
    "negative-columns": struct.pack("<BBiiB", 0, 6, 1, -1, 0),
    "symbol-index": expected.symbols(["a"])[:-4] + b"\x63\0\0\0",
    "negative-symbol-index": expected.symbols(["a"])[:-4] + b"\xff\xff\xff\xff",
    "no-columns": struct.pack("<BBiiB", 0, 6, 0, 0, 0),
    "table-of-scalars": struct.pack("<BBii", 0, 6, 1, 1) + b"\0a\0" + b"\x05\0" + bytes(8),
    "unequal-columns": expected.table({"a": expected.vector(5, [1]), "b": expected.vector(5, [1, 2])}, 1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_reply__that_is_malformed_ends_the_session(name, connected):
    session, connection = connected(False, readTimeout=DEADLINE)
    connection.replies.append(reply(MALFORMED[name]))
    with pytest.raises((ddb.ProtocolError, ddb.NotSupported)):
        in_thread(lambda: session.run("x")).result()
    with pytest.raises(RuntimeError):
        session.run("1")


def test_reply__byte_by_byte(connected):
    session, connection = connected(False)
    whole = b"MSG\nhello\0" + reply(
        expected.table(
            {
                "a": expected.vector(keys.DT_LONG, [1, 2]),
                "größe": expected.vector(keys.DT_STRING, ["x", "漢字"]),
                "s": expected.symbols(["p", "q"]),
            },
            2,
        )
    )
    call = in_thread(lambda: session.run("x"))
    connection.wait(lambda received: received.endswith(b"script\nx"))
    for position in range(len(whole)):
        connection.send(whole[position : position + 1])
    frame = call.result()
    assert (
        frame["a"].tolist() == [1, 2] and frame["größe"].tolist() == ["x", "漢字"] and frame["s"].tolist() == ["p", "q"]
    )


def test_asynchronous__unasked_bytes_are_read_and_counted(connected, capfd):
    """A server that talks on an asynchronous connection must not be stalled by a full buffer."""
    session, connection = connected(receive_buffer=8192)
    sender = in_thread(lambda: connection.send(b"MSG\nhello\0" + VOID * 400_000))

    def drained():
        session.run("f", SMALL)
        return not sender.running

    eventually(drained)
    sender.result()
    assert session.stats.unsolicitedBytes > 100_000
    assert "hello" in capfd.readouterr().out


@pytest.mark.parametrize("text", ["a\nb", "\n", "a\0b", "f\n1\n1", "f\n"], ids=ascii)
@pytest.mark.parametrize("asynchronous", [True, False])
def test_names__with_newline_or_nul_are_refused_before_anything_is_sent(text, asynchronous, connected):
    session, connection = connected(asynchronous)
    before = session.stats
    for call in (
        lambda: session.run(text, 1),
        lambda: session.run(text, 1, 2),
        lambda: session.run(text, SMALL),
        lambda: session.upload({text: 1}),
    ):
        with pytest.raises(ddb.UsageError):
            call()
    with pytest.raises(ddb.UsageError, match="NUL"):
        session.run("x = 1\0")
    assert session.stats.bytesSent == before.bytesSent and session.stats.requests == before.requests
    connection.replies.append(VOID)
    session.run("f", 1)


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_refused_frame__sends_nothing_of_it(size, connected):
    """The bad cell is the very last one: everything before it was fine, and still not a byte goes out."""
    session, connection = connected()
    bad = pd.DataFrame({"a": np.zeros(size), "b": np.zeros(size, dtype="u8")})
    bad.loc[size - 1, "b"] = 2**63
    sent = session.stats.bytesSent
    with pytest.raises(ddb.ValueRefused, match=f"row {size - 1}"):
        session.run("f", bad)
    assert session.stats.bytesSent == sent
    session.run("f", SMALL)
    connection.wait(lambda received: received.endswith(expected.frame(SMALL)))
    assert len(connection.received) == session.stats.bytesSent


def test_run__called_from_within_run(connected):
    """A cell that uses the session while it is asked for its text: encoding happens outside the lock."""
    session, connection = connected()

    class Cell:
        def __str__(self):
            session.run("inner", SMALL)
            return "text"

    frame = pd.DataFrame({"a": pd.Series(["x", Cell()], dtype=object)})
    try:
        session.run("outer", frame)
    except ddb.UsageError:
        return
    inner = connection.wait(lambda received: received.find(b"function\ninner") if b"outer" in received else None)
    assert 0 < inner < connection.received.find(b"function\nouter")
    wanted = expected.table({"a": expected.vector(keys.DT_STRING, ["x", "text"])}, 2)
    connection.wait(lambda received: received.endswith(wanted))


@pytest.mark.parametrize("asynchronous", [True, False])
def test_close__while_another_thread_waits(asynchronous, connected):
    """Closing ends the other thread's call with an error; its descriptor is never another file's."""
    session, connection = connected(asynchronous)
    if asynchronous:
        connection.stall()
        call = in_thread(lambda: session.run("f", LARGE))
        eventually(lambda: session.stats.bytesSent > 100)
    else:
        call = in_thread(lambda: session.run("x"))
        connection.wait(lambda received: received.endswith(b"script\nx"))
    session.close()
    with pytest.raises((ddb.LinkError, ddb.UsageError)):
        call.result()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.run("1")


@pytest.mark.parametrize("asynchronous", [True, False])
def test_close__while_another_thread_waits_never_touches_a_descriptor_opened_later(asynchronous, connected):
    """A closed descriptor's number is the next file's at once: nothing may be sent to that one."""
    session, connection = connected(asynchronous)
    if asynchronous:
        connection.stall()
        call = in_thread(lambda: session.run("f", LARGE))
        eventually(lambda: session.stats.bytesSent > 100)
    else:
        call = in_thread(lambda: session.run("x"))
        connection.wait(lambda received: received.endswith(b"script\nx"))
    session.close()
    pairs = [socket.socketpair() for _ in range(8)]
    try:
        connection.close()
        with pytest.raises((ddb.LinkError, ddb.UsageError)):
            call.result()
        for one, other in pairs:
            for end in (one, other):
                end.setblocking(False)
                with pytest.raises(BlockingIOError):
                    end.recv(1)
    finally:
        for pair in pairs:
            for end in pair:
                end.close()


def test_interrupt__while_waiting_for_a_reply(connected):
    """The reply may still come: it must not become the answer to the next call."""
    session, connection = connected(False)
    with pytest.raises(Interrupted), interrupted(lambda: connection.received.endswith(b"script\nslow")):
        session.run("slow")
    connection.send(reply(expected.scalar(666)))
    with pytest.raises(ddb.LinkError):
        session.run("next")


def test_interrupt__while_a_request_is_half_sent(connected):
    session, connection = connected()
    connection.stall()
    with pytest.raises(Interrupted), interrupted(lambda: session.stats.bytesSent > 100):
        session.run("f", LARGE)
    connection.resume()
    _dead(session)


def test_signal_handler__that_returns_does_not_disturb(connected):
    session, connection = connected(receive_buffer=8192)
    seen = []
    connection.stall()
    with signalled(lambda *_: seen.append(connection.resume()), lambda: session.stats.bytesSent > 100):
        session.run("f", LARGE)
    assert len(seen) == 1
    connection.wait(lambda received: len(received) == session.stats.bytesSent)
    assert connection.received.endswith(expected.frame(LARGE))


def test_signal_handler__that_uses_the_session_it_interrupted(connected):
    """The thread holds the lock already: an error, no deadlock."""
    session, connection = connected()
    caught = []

    def handler(*_):
        try:
            session.run("1")
        except ddb.UsageError as error:
            caught.append(error)
        connection.resume()

    connection.stall()
    with signalled(handler, lambda: session.stats.bytesSent > 100):
        session.run("f", LARGE)
    assert len(caught) == 1

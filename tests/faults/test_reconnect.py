"""Connecting again: what is sent again, what never is, and where a session goes."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time

import pandas as pd
import pytest
from support import expected
from support.local_server import LocalServer
from support.reconnecting import FRAME, bodies, connected, marks, moved, noticed, server, waits  # noqa: F401
from support.recorder import DEADLINE, TRUE, VOID, reply
from support.server_process import held_port, restartable_server
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import reconnect

# -- synchronous calls


@pytest.mark.parametrize("end", ["close", "reset"])
def test_call__of_which_nothing_was_sent_is_made_again(end, server, connected, monkeypatch):
    session = connected()
    first = server.connection(0)
    first.replies.append(VOID)
    session.run("before", 1)
    getattr(first, end)()
    # the connection is looked at once a millisecond, by a clock that moves every few
    last = time.monotonic()
    eventually(lambda: time.monotonic() > last + 0.02)
    server.default = reply(expected.scalar(7))
    assert in_thread(lambda: session.run("after", 1)).result() == 7
    assert session.stats.reconnects == 1
    assert [body.split(b"\n")[1] for body in bodies(server.connection(1))] == [b"after"]
    assert session.run("next") == 7
    assert session.stats.reconnects == 1


def test_call__that_may_have_been_executed_is_not_made_again(server, connected):
    session = connected()
    first = server.connection(0)
    call = in_thread(lambda: session.run("tableInsert{t}", FRAME))
    first.wait(lambda received: b"tableInsert" in received)
    first.close()
    with pytest.raises(ddb.LinkError) as caught:
        call.result()
    assert caught.value.sent is True and session.stats.reconnects == 0
    server.default = VOID
    session.run("next", 1)
    assert session.stats.reconnects == 1
    assert [body.split(b"\n")[1] for body in bodies(server.connection(1))] == [b"next"]


def test_call__may_be_made_again_if_the_caller_said_so(server, connected):
    session = connected(retryWrites=True)
    first = server.connection(0)
    call = in_thread(lambda: session.run("tableInsert{t}", FRAME))
    first.wait(lambda received: b"tableInsert" in received)
    server.default = reply(expected.scalar(2))
    first.reset()
    assert call.result() == 2
    (body,) = bodies(server.connection(1))
    assert body.startswith(b"function\ntableInsert{t}\n1\n1") and body.endswith(expected.frame(FRAME))
    # as the official client: the number negated, by which a server can tell a repeated request
    assert marks(first) == [1] and marks(server.connection(1)) == [-1]
    session.run("1+1")
    assert marks(server.connection(1)) == [-1, 2]


def test_call__that_ends_every_connection_is_given_up(server, connected):
    session = connected(retryWrites=True)
    call = in_thread(lambda: session.run("deadly", 1))
    for number in range(reconnect.MOST_REPEATS + 1):
        connection = server.connection(number)
        connection.wait(lambda received: b"deadly" in received)
        connection.close()
    with pytest.raises(ddb.LinkError):
        call.result()
    assert len(server.connections) == reconnect.MOST_REPEATS + 1


def test_upload_and_login__are_made_again_too(server, connected):
    session = connected(retryWrites=True)
    for number, (call, text) in enumerate(
        [
            (lambda: session.upload({"a": 1}), b"variable\na\n"),
            (lambda: session.login("u", "p"), b"function\nlogin\n"),
        ]
    ):
        connection = server.connection(number)
        running = in_thread(call)
        connection.wait(lambda received, text=text: text in received)
        server.default = TRUE
        connection.close()
        running.result()
        server.default = None
        assert text in server.connection(number + 1).received
    # later connections log in as the user of the last login
    connection = server.connection(2)
    running = in_thread(lambda: session.run("x"))
    connection.wait(lambda received: received.endswith(b"script\nx"))
    server.default = VOID
    connection.close()
    running.result()
    assert b"login\nu\np\nfalse" in server.connection(3).received


def test_reply_time_out__is_the_end_of_the_call(server, connected):
    session = connected(retryWrites=True, readTimeout=0.2)
    with pytest.raises(ddb.SendTimeout):
        session.run("slow")
    calls = [bytes(connection.received).count(b"script\nslow") for connection in server.connections]
    assert sum(calls) == 1 and session.stats.reconnects == 0
    server.default = VOID
    # the next one, on a new connection, has no more time
    eventually(lambda: _answered(session))
    assert session.stats.reconnects >= 1


def _answered(session):
    with contextlib.suppress(ddb.SendTimeout, ddb.ConnectError):
        session.run("next")
        return True


def test_server_error__is_raised_and_nothing_is_repeated(server, connected):
    session = connected(retryWrites=True)
    server.connection().replies.append(reply(status=b"no such table"))
    with pytest.raises(ddb.ServerError, match="no such table"):
        session.run("f", 1)
    assert len(server.connections) == 1 and marks(server.connection()) == [1]


def test_without_reconnect__nothing_is_marked_and_nothing_is_repeated(server):
    with ddb.Session() as session:
        session.connect("127.0.0.1", server.port)
        server.connection().replies.append(VOID)
        session.run("f", 1)
        assert marks(server.connection()) == []
        server.connection().close()
        noticed(session)
        with pytest.raises(ddb.LinkError):
            session.run("1")
        assert len(server.connections) == 1 and session.stats.reconnects == 0


# -- asynchronous submissions


@pytest.mark.parametrize("end", ["close", "reset"])
def test_submissions__are_never_sent_again(end, server, connected):
    session = connected(True)
    first = server.connection(0)
    session.run("one", FRAME)
    first.wait(lambda received: received.endswith(expected.frame(FRAME)))
    getattr(first, end)()
    with pytest.raises(ddb.LinkError):
        in_thread(lambda: [session.run("lost", FRAME) for _ in range(100_000)]).result()
    assert len(server.connections) == 1
    session.run("after", FRAME)
    second = server.connection(1)
    second.wait(lambda received: received.endswith(expected.frame(FRAME)))
    assert [body.split(b"\n")[1] for body in bodies(second)] == [b"after"]
    assert b"lost" not in second.received and b"one" not in second.received
    assert session.stats.reconnects == 1 and session.stats.lastError is None
    assert marks(second) == []


def test_batch__that_was_lost_is_not_sent_again(server, connected):
    session = connected(True)
    first = server.connection(0)
    with session.batch() as batch:
        session.run("gathered", FRAME)
        first.close()  # what leaves before it is noticed is lost without a word
        with pytest.raises(ddb.LinkError, match="[12] gathered submissions"):
            eventually(lambda: [session.run("gathered", FRAME), batch.flush()] and None)
        session.run("after", FRAME)
    second = server.connection(1)
    second.wait(lambda received: received.endswith(expected.frame(FRAME)))
    assert b"gathered" not in second.received


def test_new_session_id__stands_in_every_later_header(server, connected):
    for asynchronous in (True, False):
        start = len(server.connections)
        server.handshake = b"111 1 1\nOK\n\x01\0\x01"
        session = connected(asynchronous)
        server.connection(start).replies.append(VOID)
        session.run("f", 1)
        server.handshake = b"2222 1 1\nOK\n\x01\0\x01"
        server.connection(start).close()
        server.default = VOID
        moved(session)
        second = server.connection(start + 1)
        second.wait(lambda received: b"function\nf" in received)
        assert b"API2 2222 " in second.received and b"API2 111 " not in second.received
        assert session.session_id == "2222"
        server.default = None


def test_request__made_for_the_connection_before_is_not_sent_on_this_one(server, connected):
    """Encoding needs no lock: meanwhile another thread may have connected again."""
    server.handshake = b"111 1 1\nOK\n\x01\0\x01"
    session = connected(True)

    class Cell:
        def __str__(self):
            server.handshake = b"222 1 1\nOK\n\x01\0\x01"
            server.connection(0).close()
            noticed(session)
            session.run("inner", 1)
            return "text"

    with pytest.raises(ddb.LinkError, match="connected anew") as caught:
        session.run("outer", pd.DataFrame({"a": pd.Series(["x", Cell()], dtype=object)}))
    assert caught.value.sent is False
    session.run("last", 1)
    second = server.connection(1)
    second.wait(lambda received: b"last" in received)
    assert b"outer" not in second.received and b"API2 111" not in second.received


# -- acknowledged submissions


@pytest.fixture
def acknowledged(server):
    session = ddb.Session(enableASYNC=True, acknowledge=True, keepUnacknowledged=True)
    session.connect("127.0.0.1", server.port, reconnect=True, tryReconnectNums=3)
    yield session
    session.close()


def test_acknowledged__what_was_not_answered_is_handed_over_and_not_sent_again(server, acknowledged):
    server.handshake = b"2222 0 1\nOK\n"
    session, first = acknowledged, server.connection(0)
    lost = [session.run("lost", number) for number in range(3)]
    first.wait(lambda received: bytes(received).count(b"function\nlost") == 3)
    first.close()
    for handle in lost:
        with pytest.raises(ddb.OutcomeUnknown):
            handle.result(20)
    server.default = reply(expected.scalar(7))
    assert session.run("after", 1).result(20) == 7
    second = server.connection(1)
    assert b"lost" not in second.received and b"API2 2222 " in second.received
    assert session.stats.reconnects == 1
    items = session.unacknowledged()
    assert [item.name for item in items] == ["lost"] * 3
    assert session.resubmit(items[0]).result(20) == 7
    assert second.received.count(b"function\nlost") == 1
    assert b"API2 2222 " in bytes(second.received).split(b"function\nlost")[0][-60:]
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    session.flush(20)


def test_acknowledged__resubmitting_connects_again(server, acknowledged):
    session, first = acknowledged, server.connection(0)
    lost = session.run("lost", 1)
    first.wait(lambda received: b"function\nlost" in received)
    first.close()
    with pytest.raises(ddb.OutcomeUnknown):
        lost.result(20)
    server.handshake = b"2222 0 1\nOK\n"
    server.default = reply(expected.scalar(7))
    (item,) = session.unacknowledged()
    assert session.resubmit(item).result(20) == 7
    assert b"API2 2222 " in bytes(server.connection(1).received).split(b"function\nlost")[0][-60:]


def test_acknowledged__batch_that_was_lost(server, acknowledged):
    session = acknowledged
    with session.batch() as batch:
        gathered = session.run("gathered", FRAME)
        server.connection(0).close()
        with pytest.raises(ddb.LinkError):
            eventually(lambda: [session.run("gathered", FRAME), batch.flush()] and None)
        server.default = reply(expected.scalar(7))
        after = session.run("after", FRAME)
    assert after.result(20) == 7
    with pytest.raises((ddb.OutcomeUnknown, ddb.LinkError)):
        gathered.result(20)
    assert b"gathered" not in server.connection(1).received


# -- attempts


@pytest.mark.parametrize("asynchronous", [True, False])
def test_attempts__end_at_the_number_given(asynchronous, waits):
    session = ddb.Session(enableASYNC=asynchronous)
    with held_port() as port:
        with pytest.raises(ddb.ConnectError, match=f"127.0.0.1:{port} after 4 attempts.*refused"):
            session.connect("127.0.0.1", port, reconnect=True, tryReconnectNums=4)
    assert len(waits) == 3
    with pytest.raises(ddb.UsageError):
        session.run("1")


@pytest.mark.parametrize("number", [None, 0, -1])
def test_attempts__without_a_number_go_on_until_somebody_listens(number, monkeypatch):
    rounds = []

    def pause(stopped, seconds):
        rounds.append(seconds)
        if len(rounds) == 50:
            server.start()

    monkeypatch.setattr(reconnect, "pause", pause)
    with restartable_server() as server, ddb.Session() as session:
        server.stop()
        session.connect("127.0.0.1", server.port, reconnect=True, tryReconnectNums=number)
        assert session.run("1+1") == 2
    assert len(rounds) == 50


def test_pauses__grow_to_a_bound_and_differ(monkeypatch):
    waits = list(itertools.islice(reconnect.pauses(), 40))
    assert all(0 < wait <= reconnect.LONGEST_PAUSE for wait in waits)
    assert waits[0] <= reconnect.FIRST_PAUSE and min(waits[20:]) >= reconnect.LONGEST_PAUSE / 2
    assert len(set(waits)) > 30
    monkeypatch.setattr(reconnect.random, "uniform", lambda low, high: high)
    doubled = list(itertools.islice(reconnect.pauses(), 4))
    assert doubled == [reconnect.FIRST_PAUSE * factor for factor in (1, 2, 4, 8)]


def test_wrong_password__is_no_matter_of_attempts(waits):
    with LocalServer() as server:
        session = ddb.Session()
        with pytest.raises(ddb.AuthenticationError):
            session.connect("127.0.0.1", server.port, "admin", "wrong", reconnect=True)
    assert waits == []


def test_attempts__that_fail_can_be_repeated_by_the_next_call(server, connected, waits):
    session = connected(True, tryReconnectNums=2)
    server.handshake = b"no server\n\n"
    server.connection(0).close()
    noticed(session)
    for _ in range(2):
        with pytest.raises(ddb.ConnectError, match="after 2 attempts"):
            session.run("x")
    assert len(waits) == 2
    server.handshake = None
    session.run("x")
    server.connection(5).wait(lambda received: received.endswith(b"script\nx"))


def test_close__ends_the_attempts_of_another_thread(server, connected, monkeypatch):
    begun = threading.Event()

    def pause(stopped, seconds):
        begun.set()
        assert stopped.wait(20)

    session = connected(True, tryReconnectNums=None)
    monkeypatch.setattr(reconnect, "pause", pause)
    server.handshake = b"no server\n\n"
    server.connection(0).close()
    noticed(session)
    call = in_thread(lambda: session.run("x"))
    assert begun.wait(20)
    session.close()
    with pytest.raises(ddb.UsageError, match="closed"):
        call.result()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.run("1")


def test_close__is_no_fault_to_recover_from(server, connected):
    session = connected()
    session.close()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.run("1")
    assert len(server.connections) == 1


def test_finalizer__that_uses_the_session_while_it_connects_again(server, connected, monkeypatch):
    caught = []

    def pause(stopped, seconds):
        with pytest.raises(ddb.UsageError) as error:
            session.run("inner")
        caught.append(error)
        server.handshake = None

    session = connected(True)
    monkeypatch.setattr(reconnect, "pause", pause)
    server.handshake = b"no server\n\n"
    server.connection(0).close()
    noticed(session)
    session.run("outer")
    assert len(caught) == 1


# -- startup


@pytest.mark.parametrize("asynchronous", [True, False])
def test_startup__runs_once_for_each_connection_before_anything_else(asynchronous, server, connected):
    server.default = VOID
    script = "x = 1\ny = 'größe'"
    session = connected(asynchronous, startup=script)
    assert session.startup == script
    server.connection(0).wait(lambda received: received.endswith(script.encode()))
    server.connection(0).close()
    moved(session)
    session.run("after")
    second = server.connection(1)
    second.wait(lambda received: received.endswith(b"script\nafter"))
    for connection in server.connections:
        assert bodies(connection)[0] == b"script\n" + script.encode()
        assert bytes(connection.received).count(b"x = 1") == 1
    assert session.stats.reconnects == 1


def test_startup__that_was_set_later_is_what_is_run(server, connected):
    server.default = VOID
    session = connected(startup="x = 1")
    session.setInitScript("x = 2")
    server.connection(0).close()
    moved(session)
    assert bodies(server.connection(1))[0] == b"script\nx = 2"


def test_startup__that_fails_when_connecting_again_is_raised(server, connected):
    server.default = VOID
    session = connected(startup="x = 1")
    server.default = reply(status=b"startup failed")
    server.connection(0).close()
    with pytest.raises((ddb.ServerError, ddb.LinkError)):
        for _ in range(3):
            session.run("f", 1)
    with pytest.raises(ddb.ServerError, match="startup failed"):
        session.run("f", 1)
    server.default = VOID
    session.run("f", 1)


def test_startup__is_not_gathered_by_an_open_batch(server, connected):
    session = connected(True, startup="st = 1")
    with session.batch() as batch:
        server.connection(0).close()
        with pytest.raises(ddb.LinkError):
            eventually(lambda: [session.run("lost"), batch.flush()] and None)
        session.run("after")
    second = server.connection(1)
    second.wait(lambda received: received.endswith(b"script\nafter"))
    assert bodies(second) == [b"script\nst = 1", b"script\nafter"]


# -- threads


def test_threads__share_one_new_connection_and_lose_nothing():
    """Each call either raised or is on the server; nothing twice, nothing into another's handshake."""
    with LocalServer() as local:
        session = ddb.Session()
        session.connect("127.0.0.1", local.port, "admin", "123456", reconnect=True, tryReconnectNums=5)
        session.run("share streamTable(1:0, `a`b, [LONG,LONG]) as kept")
        answered, raised = [], []

        def work(number):
            for step in range(200):
                frame = pd.DataFrame({"a": [number], "b": [step]})
                try:
                    session.run("tableInsert{kept}", frame)
                    answered.append((number, step))
                except ddb.LinkError:
                    raised.append((number, step))
                if number == 0 and step % 40 == 20:
                    for connection in list(local._live):
                        connection.hang_up()

        threads = [in_thread(lambda number=number: work(number)) for number in range(6)]
        for thread in threads:
            thread.result(2 * DEADLINE)
        found = [tuple(row) for row in local.table("kept").values.tolist()]
        assert len(found) == len(set(found)), "nothing twice"
        assert set(answered) <= set(found)
        assert set(found) <= set(answered) | set(raised)
        assert session.stats.reconnects >= 1
        session.close()

"""Acknowledged mode against servers that die, lie, stall and babble: nothing is lost silently, nothing hangs."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import expected, replies
from support.process import program
from support.recorder import VOID, FakeServer, reply
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2]})
#: 24 MB, more than any socket buffer takes
LARGE = pd.DataFrame({"a": np.arange(1_500_000), "b": np.arange(1_500_000) / 8})
ERROR = reply(status=b"it was refused")
TABLE = expected.table({"a": expected.vector(5, [1, 2, 3])}, 3)


def integer(value: int) -> bytes:
    return reply(replies.scalar("INT", value))


@pytest.fixture
def connected():
    """``connected(session arguments, receive_buffer=, **connect) -> session, its connection``."""
    opened = []

    def connect(arguments=None, *, receive_buffer=None, **connecting):
        server = FakeServer(receive_buffer=receive_buffer)
        session = ddb.Session(enableASYNC=True, acknowledge=True, **(arguments or {}))
        opened.extend((session, server))
        session.connect("127.0.0.1", server.port, **connecting)
        return session, server.connection()

    yield connect
    for one in opened:
        one.close()


def unknown(submission) -> bool:
    return isinstance(submission.exception(), ddb.OutcomeUnknown)


THREE = [integer(1), ERROR, VOID]


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("last", [VOID, b"MSG\nhello\0" + reply(TABLE)], ids=["short", "table"])
def test_server_dies__at_any_byte_of_the_replies(last, end, connected, capfd):
    parts = [integer(1), ERROR, last]
    whole = b"".join(parts)
    ends = [len(b"".join(parts[: i + 1])) for i in range(3)]
    for size in range(len(whole) + 1):
        session, connection = connected()
        submissions = [session.run("f", FRAME) for _ in range(3)]
        eventually(lambda: len(connection.received) == session.stats.bytesSent)
        connection.send(whole[:size])
        getattr(connection, end)()
        with pytest.raises((ddb.SubmissionError, ddb.LinkError)) as caught:
            session.flush(20)
        answered = [size >= position for position in ends]
        if end == "close" or size == 0:
            assert [not unknown(submission) for submission in submissions] == answered, size
        assert all(submission.done() for submission in submissions)
        if not answered[0]:
            assert caught.value.count == 3 and caught.value.failures == submissions
        with pytest.raises(ddb.LinkError):
            # an end that comes after the last reply is noticed by one of the next calls
            for _ in range(1 if unknown(submissions[2]) else 100_000):
                session.run("1")
        session.close()


def test_lost_connection__says_how_much_is_unproven(connected):
    session, connection = connected()
    submissions = [session.run("f", FRAME) for _ in range(5)]
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    connection.send(integer(2) + integer(2))
    connection.close()
    assert isinstance(submissions[4].exception(20), ddb.OutcomeUnknown)
    with pytest.raises(ddb.LinkError, match="3 submissions went out since the last proof"):
        session.run("1")
    with pytest.raises(ddb.SubmissionError, match="3 submissions failed.*\n.*OutcomeUnknown"):
        session.flush()
    with pytest.raises(ddb.LinkError, match="3 submissions"):
        session.flush()
    assert (session.stats.requests, session.stats.acknowledged, session.stats.failed) == (5, 2, 0)


def test_lost_connection__of_a_plain_asynchronous_session_says_how_much_is_unproven():
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        for _ in range(7):
            session.run("f", FRAME)
        server.connection().close()
        for _ in range(100_000):
            try:
                session.run("f", FRAME)
            except ddb.LinkError:
                break
        sent = session.stats.requests
        with pytest.raises(ddb.LinkError, match=f"; {sent} submissions went out since the last proof"):
            session.run("1")


def test_replies__byte_by_byte(connected, capfd):
    session, connection = connected()
    submissions = [session.run("f", FRAME) for _ in range(5)]
    whole = b"MSG\nhello\0" + b"".join([integer(1), ERROR, VOID, reply(TABLE), b"MSG\nworld\0", integer(5)])
    for position in range(len(whole)):
        connection.send(whole[position : position + 1])
        submissions[0].done()
    assert submissions[4].result(20) == 5
    assert submissions[0].result() == 1 and submissions[2].result() is None
    assert submissions[1].exception().serverText == "it was refused"
    assert submissions[3].result()["a"].tolist() == [1, 2, 3]
    assert "hello" in capfd.readouterr().out


#: a reply and what it means
KINDS = {
    "int": (integer(7), 7),
    "long": (reply(replies.scalar("LONG", 8)), 8),
    "void": (VOID, None),
    "carriage-returns": (integer(9).replace(b"\n", b"\r\n", 2), 9),
    "text": (reply(replies.scalar("STRING", "x" * 300)), "x" * 300),
    "long-text": (reply(replies.scalar("STRING", "y" * 9000)), "y" * 9000),
    "vector": (reply(replies.vector("INT", range(2000))), list(range(2000))),
    "error": (ERROR, "it was refused"),
    "long-error": (reply(status=b"e" * 6000), "e" * 6000),
    "printed": (b"MSG\n" + b"p" * 100 + b"\0" + integer(3), 3),
    "null": (reply(replies.scalar("INT", None)), None),
}


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=30),
    cuts=st.lists(st.integers(1, 5000), max_size=40),
)
def test_replies__in_any_order_cut_anywhere(chosen, cuts):
    with FakeServer() as server:
        session = ddb.Session(enableASYNC=True, acknowledge=True, show_output=False)
        session.connect("127.0.0.1", server.port)
        submissions = [session.run("f", 1) for _ in chosen]
        whole = b"".join(KINDS[kind][0] for kind in chosen)
        for size in (*cuts, len(whole)):
            server.connection().send(whole[:size])
            whole = whole[size:]
            submissions[-1].done()
        for submission, kind in zip(submissions, chosen, strict=True):
            error = submission.exception(20)
            found = error.serverText if error is not None else submission.result()
            found = found.tolist() if isinstance(found, np.ndarray) else found
            assert found == KINDS[kind][1] or (kind == "null" and pd.isna(found))
        session.close()


MALFORMED = {
    "no-header": b"hello\nOK\n",
    "two-fields": b"1234567890 1\nOK\n",
    "four-fields": b"1234567890 1 1 1\nOK\n",
    "no-number": b"1234567890 x 1\nOK\n",
    "no-count": b"1234567890  1\nOK\n",
    "empty-line": b"\n\n",
    "type": reply(b"\x3f\0"),
    "form": reply(b"\x05\x0f\x01\0\0\0\x01\0\0\0"),
    "negative-rows": reply(b"\x05\x01\xff\xff\xff\xff\x01\0\0\0"),
    "endless-line": b"x" * (1 << 21),
    "endless-status": b"1 0 1\n" + b"x" * (1 << 21),
    "endless-message": b"MSG\n" + b"x" * (1 << 21),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_reply__that_is_malformed_ends_the_connection(name, connected):
    session, connection = connected()
    submissions = [session.run("f", FRAME) for _ in range(3)]
    sender = in_thread(lambda: connection.send(integer(2) + MALFORMED[name] + integer(2)))
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    assert submissions[0].result() == 2
    assert unknown(submissions[1]) and unknown(submissions[2])
    for _ in range(2):
        with pytest.raises(ddb.LinkError):
            session.run("1")
    assert session.stats.lastError
    try:
        sender.result()
    except OSError:
        pass  # the client had gone


def test_reply__that_nobody_asked_for_ends_the_connection(connected):
    """From there on no reply could be trusted to belong to its request."""
    session, connection = connected()
    first = session.run("1")
    connection.send(integer(1) + integer(2))
    assert first.result(20) == 1
    with pytest.raises((ddb.LinkError, ddb.ProtocolError), match="nobody asked"):
        in_thread(lambda: [session.run("f", FRAME) for _ in range(100_000)]).result()


def test_unanswered__waits_end_in_time_and_lose_nothing(connected):
    session, connection = connected()
    submission = session.run("f", FRAME)
    with pytest.raises(ddb.ReplyTimeout, match="submission 1"):
        submission.result(0.05)
    with pytest.raises(ddb.ReplyTimeout):
        submission.result(0)
    with pytest.raises(TimeoutError):
        session.flush(0.05)
    with pytest.raises(ddb.ReplyTimeout, match="1 submissions"):
        session.barrier(0.05)
    assert not submission.done()
    connection.send(integer(2))
    session.flush(20)
    assert submission.result(0) == 2


def test_unanswered__default_wait_is_the_time_out_of_connect(connected):
    session, connection = connected(readTimeout=0.2)
    submission = session.run("f", FRAME)
    with pytest.raises(ddb.ReplyTimeout):
        submission.result()
    with pytest.raises(ddb.ReplyTimeout):
        session.flush()
    # bytes that come are progress, even if they are no reply yet
    whole = b"MSG\n" + b"x" * 10 + b"\0" + integer(2)
    waiting = in_thread(submission.result)
    for position in range(len(whole)):
        connection.send(whole[position : position + 1])
        threading.Event().wait(0.02)
    assert waiting.result() == 2


@pytest.mark.parametrize("limits", [{"maxInFlight": 4}, {"maxInFlightBytes": 300}])
def test_bound__waits_for_replies_and_gives_up_without_a_byte_sent(limits, connected):
    session, connection = connected(limits, writeTimeout=0.2)
    sent = 0
    with pytest.raises(ddb.SendTimeout, match="in flight") as caught:
        while sent < 100:
            session.run("f", FRAME)
            sent += 1
    assert caught.value.sent is False and sent < 10
    before = session.stats.bytesSent
    with pytest.raises(ddb.SendTimeout), session.batch():
        session.run("f", FRAME)
    assert session.stats.bytesSent == before and session.stats.blockedSeconds > 0
    connection.send(integer(2) * sent)
    session.flush(20)
    waiting = session.run("f", FRAME)
    connection.send(integer(3))
    assert waiting.result(20) == 3
    eventually(lambda: len(connection.received) == session.stats.bytesSent)


def test_bound__is_waited_for_as_long_as_replies_keep_coming(connected):
    session, connection = connected({"maxInFlight": 2}, writeTimeout=1)
    call = in_thread(lambda: [session.run("f", FRAME) for _ in range(6)])
    for _ in range(6):
        threading.Event().wait(0.4)
        connection.send(integer(2))
    assert [submission.result(20) for submission in call.result()] == [2] * 6


def test_server_that_never_reads__ends_with_the_time_out(connected):
    session, connection = connected(receive_buffer=8192, writeTimeout=0.3)
    before = session.run("f", FRAME)
    connection.stall()
    with pytest.raises(ddb.SendTimeout) as caught:
        in_thread(lambda: session.run("f", LARGE)).result()
    assert caught.value.sent is True
    assert unknown(before)
    with pytest.raises(ddb.SubmissionError) as caught:
        session.flush()
    assert caught.value.count == 2


def test_both_sides_blocked__replies_are_taken_while_a_send_waits(connected, capfd):
    """A server that writes before it reads on: if the client only wrote, both would wait for ever."""
    session, connection = connected(receive_buffer=8192, writeTimeout=20)
    submissions = [session.run("f", FRAME) for _ in range(3)]
    connection.stall()
    babble = (b"MSG\n" + b"x" * 4000 + b"\0") * 4000 + integer(1) + ERROR + integer(3)
    talking = in_thread(lambda: connection.send(babble))
    call = in_thread(lambda: session.run("f", LARGE))
    talking.result()
    assert [s.exception() is None for s in submissions if s.done()].count(True) <= 2
    connection.resume()
    large = call.result()
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    connection.send(integer(4))
    assert large.result(20) == 4
    assert [submissions[0].result(), submissions[2].result()] == [1, 3]
    assert submissions[1].exception().serverText == "it was refused"


def test_reply__of_a_request_that_is_still_being_sent(connected):
    """A server may refuse a request before it has read all of it."""
    session, connection = connected(receive_buffer=8192)
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 1000)
    connection.send(ERROR)
    connection.resume()
    assert call.result().exception(20).serverText == "it was refused"


def test_waiting_thread__gets_its_reply_while_another_one_is_kept_waiting(connected):
    session, connection = connected(receive_buffer=8192, writeTimeout=20)
    first = session.run("1")
    second = session.run("2")
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 1000)
    waiting = in_thread(lambda: second.result(20))
    connection.send(integer(1) + integer(2))
    assert waiting.result() == 2 and first.result() == 1
    assert call.running
    connection.resume()
    call.result()


def test_threads__that_wait_for_different_replies(connected):
    session, connection = connected()
    submissions = [session.run(str(i)) for i in range(20)]
    waiting = [in_thread(lambda submission=s: submission.result(20)) for s in submissions]
    impatient = in_thread(lambda: submissions[19].exception(0.1))
    with pytest.raises(ddb.ReplyTimeout):
        impatient.result()
    for i in range(20):
        connection.send(integer(i))
        assert waiting[i].result() == i
        assert all(later.running for later in waiting[i + 1 :])


@pytest.mark.parametrize("size", [5_000, 3_000_000])
@pytest.mark.parametrize("end", ["whole", "cut", "stalled", "malformed"])
def test_large_reply__in_pieces(size, end, connected):
    session, connection = connected(readTimeout=0.5)
    submissions = [session.run("f", FRAME) for _ in range(3)]
    raw = reply(replies.vector("INT", range(size // 4)))
    if end == "malformed":
        raw = reply(replies.any_vector([replies.vector("INT", range(size // 4)), b"\x3f\0"]))
    tail = b"" if end in ("cut", "stalled") else integer(5)
    whole = integer(1) + (raw[:-4] if end in ("cut", "stalled") else raw) + tail

    def send():
        for start in range(0, len(whole), 50_000):
            connection.send(whole[start : start + 50_000])
        if end == "cut":
            connection.close()

    sender = in_thread(send)
    assert submissions[0].result(20) == 1
    if end == "whole":
        assert submissions[2].result(20) == 5
        assert submissions[1].result().tolist() == list(range(size // 4))
    elif end == "stalled" and size < 1 << 20:
        with pytest.raises(ddb.ReplyTimeout):
            submissions[1].result()
        connection.send(raw[-4:])
        assert submissions[1].result().tolist() == list(range(size // 4))
    else:
        assert isinstance(submissions[1].exception(20), ddb.OutcomeUnknown) and unknown(submissions[2])
        with pytest.raises(ddb.LinkError):
            session.run("1")
    sender.result()


@pytest.mark.parametrize("waiter", ["result", "flush", "send", "bound"])
def test_close__while_another_thread_waits(waiter, connected):
    session, connection = connected({"maxInFlight": 2 if waiter == "bound" else 100}, receive_buffer=8192)
    submission = session.run("f", FRAME)
    calls = {
        "result": lambda: submission.result(60),
        "flush": lambda: session.flush(60),
        "send": lambda: session.run("f", LARGE),
        "bound": lambda: [session.run("f", FRAME) for _ in range(9)],
    }
    if waiter == "send":
        connection.stall()
    sent = session.stats.bytesSent
    call = in_thread(calls[waiter])
    if waiter in ("send", "bound"):
        eventually(lambda: session.stats.bytesSent > sent)
    session.close()
    with pytest.raises((ddb.SubmissionError, ddb.LinkError, ddb.UsageError)):
        call.result()
    assert unknown(submission)


def test_close__takes_the_replies_that_are_there(connected):
    session, connection = connected()
    submissions = [session.run("f", FRAME) for _ in range(2)]
    connection.send(integer(2))
    eventually(lambda: select_readable(session, connection))
    session.close()
    assert submissions[0].result() == 2 and unknown(submissions[1])
    with pytest.raises(ddb.SubmissionError, match="closed before the reply came"):
        session.flush()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.flush()


def select_readable(session, connection):
    """True once the kernel has handed what the server sent to the client: both are on this machine."""
    return connection.sock.getsockopt(6, 11, 104)[24:28] == bytes(4)  # TCP_INFO: tcpi_unacked


def test_dropped_session__loses_its_submissions_and_is_freed_at_once():
    with FakeServer() as server:
        gc.disable()
        try:
            session = ddb.Session(enableASYNC=True, acknowledge=True, keepUnacknowledged=True)
            session.connect("127.0.0.1", server.port)
            submission = session.run("f", FRAME)
            session.run("g", FRAME)
            watched = weakref.ref(session)
            del session
            assert watched() is None
            assert submission.done()
            with pytest.raises(ddb.OutcomeUnknown, match="dropped"):
                submission.result()
            server.connection().wait_closed()
        finally:
            gc.enable()


def test_session_in_a_cycle_with_its_callback__is_collected():
    with FakeServer() as server:

        class Owner:
            def __init__(self):
                self.session = ddb.Session(enableASYNC=True, acknowledge=True, onError=self.failed)
                self.session.connect("127.0.0.1", server.port)
                self.submission = self.session.run("f", FRAME)

            def failed(self, submission):
                raise AssertionError

        owner = Owner()
        watched = weakref.ref(owner.session)
        del owner
        gc.collect()
        assert watched() is None
        server.connection().wait_closed()


def test_waiting_thread__keeps_the_connection_of_a_dropped_session(connected):
    with FakeServer() as server:
        session = ddb.Session(enableASYNC=True, acknowledge=True)
        session.connect("127.0.0.1", server.port)
        submission = session.run("f", FRAME)
        waiting = in_thread(lambda: submission.result(20))
        del session
        server.connection().send(integer(2))
        try:
            assert waiting.result() == 2
        except ddb.OutcomeUnknown:
            pass  # the thread had not begun to wait


class Interrupted(Exception):
    pass


@pytest.fixture
def alarm():
    def handler(number, frame):
        raise Interrupted

    previous = signal.signal(signal.SIGALRM, handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def test_interrupt__while_waiting_loses_nothing(connected, alarm):
    session, connection = connected({"maxInFlight": 1})
    submission = session.run("f", FRAME)
    for call in (submission.result, session.flush, lambda: session.run("f", FRAME)):
        alarm(0.1)
        started = time.monotonic()
        with pytest.raises(Interrupted):
            call()
        assert time.monotonic() - started < 5
    connection.send(integer(2))
    assert submission.result(20) == 2
    session.flush(20)


def test_interrupt__while_a_request_is_half_sent(connected, alarm):
    session, connection = connected()
    submission = session.run("f", FRAME)
    connection.stall()
    alarm(0.2)
    with pytest.raises(Interrupted):
        session.run("f", LARGE)
    assert unknown(submission)
    with pytest.raises(ddb.LinkError):
        session.run("1")


def test_signal_handler__that_uses_the_session(connected):
    """It may submit; waiting for what it interrupted is an error, no deadlock."""
    session, connection = connected()
    caught, inner = [], []

    def handler(*_):
        inner.append(session.run("inner"))
        try:
            inner[0].result(20)
        except ddb.UsageError as error:
            caught.append(error)
        connection.send(integer(1) + integer(2))

    submission = session.run("outer")
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert submission.result(20) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(caught) == 1 and inner[0].result(20) == 2


def test_output__that_uses_the_session(connected, monkeypatch):
    """Printed text is shown while replies are taken: the session is at work."""
    session, connection = connected()
    submissions = [session.run("1"), session.run("2")]
    caught = []

    class Output:
        def write(self, text):
            for call in (lambda: session.run("3"), lambda: submissions[1].result(1), session.flush):
                try:
                    call()
                except ddb.UsageError as error:
                    caught.append(error)
            submissions[1].done()

        def flush(self):
            pass

    monkeypatch.setattr("sys.stdout", Output())
    connection.send(b"MSG\nhello\0" + integer(1) + integer(2))
    assert [submission.result(20) for submission in submissions] == [1, 2]
    assert len(caught) >= 3


FORK = """
import os, sys, pandas as pd, dolphindb_fast as ddb
session = ddb.Session(enableASYNC=True, acknowledge=True, keepUnacknowledged=True)
session.connect("127.0.0.1", int(sys.argv[1]))
frame = pd.DataFrame({"a": [1, 2]})
submission = session.run("before", frame)
sys.stdout.flush()
child = os.fork()
if child == 0:
    status = 9
    try:
        try:
            submission.result(10)
        except ddb.UsageError as error:
            status = 8 if "parent" in str(error) else 7
        try:
            session.run("child", frame)
        except (ddb.UsageError, ddb.LinkError) as error:
            status = 0 if status == 8 and "fork" in str(error) else status
    finally:
        try:
            session.close()
            del session
        finally:
            os._exit(status)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
print(submission.result(20), session.run("after", frame).result(20))
session.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork__submissions_fail_clearly_in_the_child_and_live_on_in_the_parent():
    with FakeServer(default=VOID) as server:
        done = program(FORK, str(server.port))
        assert (done.stdout, done.stderr) == ("child 0\nNone None\n", "")
        assert b"child" not in server.connection().received


EXIT = """
import sys, pandas as pd, dolphindb_fast as ddb
session = ddb.Session(enableASYNC=True, acknowledge=True, onError=print)
session.connect("127.0.0.1", int(sys.argv[1]))
kept = [session.run("f", pd.DataFrame({"a": range(100)})) for _ in range(100)]
session.run("last")
{ending}
"""


@pytest.mark.parametrize(
    "ending", ["", "session.me = session", "sys.exit(0)", "import atexit; atexit.register(kept[0].done)"]
)
def test_exit__with_submissions_in_flight_prints_nothing_and_does_not_hang(ending):
    with FakeServer() as server:
        done = program(EXIT.replace("{ending}", ending), str(server.port))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        server.connection().wait_closed()
        assert server.connection().received.endswith(b"script\nlast")


def test_batch__of_a_lost_connection(connected):
    session, connection = connected()
    with pytest.raises(ddb.LinkError, match="gathered submissions"), session.batch():
        gathered = [session.run("f", FRAME) for _ in range(3)]
        connection.close()
        other = in_thread(lambda: [session.run("1") for _ in range(100_000)])
        with pytest.raises(ddb.LinkError):
            other.result()
    for submission in gathered:
        with pytest.raises(ddb.LinkError, match="before this submission was sent"):
            submission.result()
        assert not unknown(submission)


def test_kept_submissions__are_bounded_and_told(connected):
    session, connection = connected({"keepUnacknowledged": True, "maxInFlightBytes": 2000})
    first = [session.run("f", FRAME) for _ in range(10)]
    in_flight = session.unacknowledged()
    assert [item.sequence for item in in_flight] == list(range(1, 11))
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    sent = b"".join(item.bytes for item in in_flight)
    assert bytes(connection.received).endswith(sent)
    connection.send(integer(2) * 4)
    assert first[3].result(20) == 2
    connection.close()
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    with FakeServer(default=integer(2)) as other:
        session.connect("127.0.0.1", other.port)
        with pytest.raises(ddb.UsageError, match="unacknowledged"):
            session.run("f", pd.DataFrame({"a": range(200)}))
        items = session.unacknowledged()
        assert [item.sequence for item in items] == list(range(5, 11))
        assert [item.bytes for item in items] == [item.bytes for item in in_flight[4:]]
        assert session.unacknowledged() == []
        assert items[0].frame().equals(FRAME) and "100 bytes" not in repr(items[0])
        large = session.run("f", pd.DataFrame({"a": range(200)}))
        assert large.result(20) == 2
        again = session.resubmit(items[0])
        assert again.result(20) == 2 and again.name == "f" and again.rows == 2
        assert bytes(other.connection().received).endswith(items[0].bytes)
        session.close()


def test_lost_submissions__are_told_to_the_callback(connected):
    told = []
    session, connection = connected({"onError": told.append})
    submissions = [session.run("f", FRAME) for _ in range(3)]
    connection.close()
    assert eventually(submissions[0].done)
    eventually(lambda: told == submissions)
    with pytest.raises(ddb.SubmissionError):
        session.flush()


@pytest.mark.parametrize("fault", ["silence", "close", "reset", "stray", "token-cut"])
def test_barrier__without_its_answer_ends_the_connection(fault):
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        session.run("f", FRAME)
        connection = server.connection()
        call = in_thread(lambda: session.barrier(0.5))
        connection.wait(lambda received: b"script\n" in received)
        token = bytes(connection.received).rsplit(b'"', 2)[1]
        if fault in ("close", "reset"):
            getattr(connection, fault)()
        elif fault == "stray":
            connection.send(VOID + ERROR + integer(1) + b"MSG\nhello\0")
        elif fault == "token-cut":
            connection.send(reply(b"\x12\0" + token))
        with pytest.raises(ddb.LinkError) as caught:
            call.result()
        if fault not in ("close", "reset"):
            assert isinstance(caught.value, ddb.SendTimeout) and caught.value.sent
        if fault == "stray":
            assert "it was refused" in str(caught.value)
        with pytest.raises(ddb.LinkError, match="1 submissions went out since the last proof"):
            session.run("f", FRAME)


@pytest.mark.parametrize("stray", [b"", b"lo\0", VOID, ERROR + b"MSG\nx\0", b"x" * 300_000, b"1 1"])
def test_barrier__is_not_confused_by_what_comes_unasked(stray, capfd):
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        session.run("f", FRAME)
        connection = server.connection()
        for _ in range(3):
            call = in_thread(lambda: session.barrier(20))
            connection.wait(lambda received: received.endswith(b'"'))
            token = bytes(connection.take()).rsplit(b'"', 2)[1]
            answer = stray + reply(b"\x12\0" + token + b"\0") + stray
            for start in range(0, len(answer), 1 + len(answer) // 50):
                connection.send(answer[start : start + 1 + len(answer) // 50])
            call.result()
        session.run("f", FRAME)


def test_barrier__is_proof_of_what_went_before_it():
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        connection = server.connection()
        for _ in range(5):
            session.run("f", FRAME)
        call = in_thread(lambda: session.barrier(20))
        connection.wait(lambda received: received.endswith(b'"'))
        header = bytes(connection.received).rsplit(b"API2 ", 1)[1]
        assert b" / 32_1_4_64__0\nscript\n" in header
        connection.send(reply(b"\x12\0" + header.rsplit(b'"', 2)[1] + b"\0"))
        call.result()
        session.run("f", FRAME)
        session.run("f", FRAME)
        connection.close()
        with pytest.raises(ddb.LinkError):
            session.barrier(20)
        with pytest.raises(ddb.LinkError, match="; 2 submissions went out"):
            session.run("1")


def test_barrier__that_can_not_be_sent_leaves_the_session_usable():
    with FakeServer(receive_buffer=8192) as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port, writeTimeout=0.1)
        server.connection().stall()
        with pytest.raises(ddb.SendTimeout) as caught:
            while True:
                session.run("x")
        if caught.value.sent:
            return  # the buffers were full in the middle of a request
        with pytest.raises(ddb.SendTimeout) as caught:
            session.barrier(0.2)
        assert caught.value.sent is False
        server.connection().resume()
        session.run("last")
        server.connection().wait(lambda received: received.endswith(b"script\nlast"))


def test_barrier__interrupted_ends_the_connection(alarm):
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        alarm(0.1)
        with pytest.raises(Interrupted):
            session.barrier(30)
        with pytest.raises(ddb.LinkError, match="Interrupted"):
            session.run("1")

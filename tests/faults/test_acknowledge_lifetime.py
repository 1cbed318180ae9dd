"""Submissions in flight while sessions are closed, dropped, interrupted, re-entered, forked, and at the end of the
program."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import weakref

import pytest
from support.interrupt import Interrupted, interrupted
from support.process import forked_program
from support.recorder import VOID, FakeServer
from support.submissions import FRAME, LARGE, integer, unknown
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb


@pytest.mark.parametrize("waiter", ["result", "flush", "send", "bound"])
def test_close__while_another_thread_waits(waiter, acknowledged):
    session, connection = acknowledged({"maxInFlight": 2 if waiter == "bound" else 100}, receive_buffer=8192)
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


def test_close__takes_the_replies_that_are_there(acknowledged):
    session, connection = acknowledged()
    submissions = [session.run("f", FRAME) for _ in range(2)]
    connection.send(integer(2))
    eventually(lambda: _is_delivered(connection.sock))
    session.close()
    assert submissions[0].result() == 2 and unknown(submissions[1])
    with pytest.raises(ddb.SubmissionError, match="closed before the reply came"):
        session.flush()
    with pytest.raises(ddb.UsageError, match="closed"):
        session.flush()


def _is_delivered(sock) -> bool:
    """True once the client's system has what was sent."""
    if not hasattr(socket, "TCP_INFO"):
        pytest.skip("asks Linux")
    unacknowledged = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[24:28]
    return unacknowledged == bytes(4)


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


def test_waiting_thread__keeps_the_connection_of_a_dropped_session(acknowledged):
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


def test_interrupt__while_waiting_loses_nothing(acknowledged):
    session, connection = acknowledged({"maxInFlight": 1})
    submission = session.run("f", FRAME)
    for call in (submission.result, session.flush, lambda: session.run("f", FRAME)):
        # that it waits can't be seen from outside; what holds afterwards holds without that, too
        with pytest.raises(Interrupted), interrupted(lambda: not threading.Event().wait(0.1)):
            call()
    connection.send(integer(2))
    assert submission.result(20) == 2
    session.flush(20)


def test_interrupt__while_a_request_is_half_sent(acknowledged):
    session, connection = acknowledged()
    submission = session.run("f", FRAME)
    connection.stall()
    sent = session.stats.bytesSent
    with pytest.raises(Interrupted), interrupted(lambda: session.stats.bytesSent > sent):
        session.run("f", LARGE)
    assert unknown(submission)
    with pytest.raises(ddb.LinkError):
        session.run("1")


def test_signal_handler__that_uses_the_session(acknowledged):
    """It may submit; waiting for what it interrupted is an error, no deadlock."""
    session, connection = acknowledged()
    caught, inner = [], []

    def handler(*_):
        if not inner:
            inner.append(session.run("inner"))
        try:
            inner[0].result(0.01)
        except ddb.ReplyTimeout:
            # it has interrupted something else
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            return
        except ddb.UsageError as error:
            caught.append(error)
        connection.send(integer(1) + integer(2))

    submission = session.run("outer")
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert submission.result(20) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(caught) == 1 and inner[0].result(20) == 2


def test_output__that_uses_the_session(acknowledged, monkeypatch):
    """Printed text is shown while replies are taken: the session is at work."""
    session, connection = acknowledged()
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
        done = forked_program(FORK, str(server.port))
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
        done = forked_program(EXIT.replace("{ending}", ending), str(server.port))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        server.connection().wait_closed()
        assert server.connection().received.endswith(b"script\nlast")

"""Every time-out, under each of its names; what TCP itself is told."""

from __future__ import annotations

import datetime
import signal
import socket
import threading

import numpy as np
import pandas as pd
import pytest
from support.recorder import VOID, FakeServer
from support.waiting import connect_at_last, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import connecting
from dolphindb_fast.reconnect import Node

LARGE = pd.DataFrame({"a": np.arange(3_000_000)})
SHORT = [0.2, datetime.timedelta(milliseconds=200)]
#: far longer than any of these tests may take: what is awaited must end by the short one
LONG = 1000


@pytest.fixture(params=[False, True], ids=["plain", "reconnecting"])
def options(request):
    return {"reconnect": True, "tryReconnectNums": 1} if request.param else {}


@pytest.mark.parametrize("name", ["netTimeout", "writeTimeout"])
@pytest.mark.parametrize("value", SHORT, ids=type)
def test_sending__without_progress(name, value, options):
    for asynchronous in (True, False):
        with FakeServer(receive_buffer=8192) as server, ddb.Session(enableASYNC=asynchronous) as session:
            connect_at_last(session, "127.0.0.1", server.port, readTimeout=LONG, **{name: value}, **options)
            server.connections[-1].stall()
            with pytest.raises(ddb.SendTimeout, match="0.2 s") as caught:
                in_thread(lambda session=session: session.run("f", LARGE)).result()
            assert caught.value.sent is True
            assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("name", ["timeout", "readTimeout"])
@pytest.mark.parametrize("value", SHORT, ids=type)
def test_waiting_for_a_reply(name, value, options):
    with FakeServer() as server, ddb.Session() as session:
        connect_at_last(session, "127.0.0.1", server.port, writeTimeout=LONG, **{name: value}, **options)
        with pytest.raises(ddb.SendTimeout, match="no reply for 0.2 s"):
            in_thread(lambda: session.run("x")).result()


@pytest.fixture
def ticking():
    """A timer, as of a profiler, whose signals come far more often than any time-out ends."""
    before = signal.signal(signal.SIGALRM, lambda *ignored: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_signals__do_not_prolong_a_time_out(ticking):
    for asynchronous in (True, False):
        with FakeServer(receive_buffer=8192) as server, ddb.Session(enableASYNC=asynchronous) as session:
            connect_at_last(session, "127.0.0.1", server.port, readTimeout=LONG, writeTimeout=0.2)
            server.connections[-1].stall()
            with pytest.raises(ddb.SendTimeout, match="0.2 s"):
                session.run("f", LARGE)
    with FakeServer() as server, ddb.Session() as session:
        connect_at_last(session, "127.0.0.1", server.port, writeTimeout=LONG, readTimeout=0.2)
        with pytest.raises(ddb.SendTimeout, match="no reply for 0.2 s"):
            session.run("x")


@pytest.mark.parametrize("name", ["netTimeout", "writeTimeout"])
def test_handshake__waits_as_long_as_a_send_if_replies_may_take_for_ever(name, options):
    with FakeServer(stalled=True) as server, ddb.Session() as session:
        with pytest.raises(ddb.ConnectError, match="does not answer"):
            in_thread(lambda: session.connect("127.0.0.1", server.port, **{name: 0.2}, **options)).result()


def test_questions_and_startup__have_the_time_of_a_reply(options):
    with FakeServer(courtesy={}) as server, ddb.Session() as session:
        with pytest.raises(ddb.LinkError):
            options["writeTimeout"] = LONG
            in_thread(lambda: session.connect("127.0.0.1", server.port, readTimeout=0.2, **options)).result()
    with FakeServer() as server, ddb.Session() as session:
        with pytest.raises(ddb.LinkError):
            in_thread(
                lambda: session.connect("127.0.0.1", server.port, readTimeout=0.2, startup="slow", **options)
            ).result()


@pytest.mark.parametrize("forever", [0, 0.0, datetime.timedelta(0), None])
def test_zero_and_none__of_replies_wait_for_ever(forever):
    with FakeServer() as server, ddb.Session() as session:
        connect_at_last(session, "127.0.0.1", server.port, readTimeout=forever, writeTimeout=0.1)
        call = in_thread(lambda: session.run("x"))
        connection = server.connections[-1]
        connection.wait(lambda received: received.endswith(b"script\nx"))
        # three times as long as sending may take without progress
        threading.Event().wait(0.3)
        assert call.running
        connection.send(VOID)
        assert call.result() is None


def test_zero__of_sending_waits_for_ever():
    with FakeServer(receive_buffer=8192) as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port, writeTimeout=0)
        server.connection().stall()
        call = in_thread(lambda: session.run("f", LARGE))
        threading.Event().wait(0.3)
        assert call.running
        server.connection().resume()
        assert call.result() is None


@pytest.mark.parametrize(
    "given",
    [
        {"netTimeout": 1, "writeTimeout": 1},
        {"timeout": 1, "readTimeout": 1},
        {"netTimeout": -1},
        {"readTimeout": datetime.timedelta(seconds=-1)},
        {"writeTimeout": "5"},
        {"timeout": float("nan")},
        {"readTimeout": True},
    ],
    ids=str,
)
def test_time_outs__that_mean_nothing(given):
    with pytest.raises(ddb.UsageError, match=next(iter(given))):
        ddb.Session().connect("127.0.0.1", 1, **given)


def _option(sock, name):
    return sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="TCP_USER_TIMEOUT is Linux's")
@pytest.mark.parametrize(
    "timeout, idle, dead",
    [(30.0, 30, 120), (1.0, 7, 28), (500.0, 7, 1000), (None, 30, None), (0.2, 0, None), (1e9, 30, None)],
)
def test_tcp__is_told_when_the_other_side_counts_as_dead(timeout, idle, dead):
    opener = connecting.open_socket
    with FakeServer() as server, opener(Node("127.0.0.1", server.port), timeout, idle) as sock:
        assert _option(sock, "TCP_NODELAY") == 1
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if idle:
            assert [_option(sock, f"TCP_KEEP{name}") for name in ("IDLE", "INTVL", "CNT")] == [idle, idle, 3]
        if timeout == 1e9:
            assert _option(sock, "TCP_USER_TIMEOUT") == 2**31 - 1
        else:
            # a receiver that stalls counts for TCP, too: longer than a call may wait for it
            assert _option(sock, "TCP_USER_TIMEOUT") == (dead or 0) * 1000
            assert not dead or dead > timeout


def test_keep_alive__of_the_constructor_and_of_connect(monkeypatch):
    asked = []
    original = connecting.open_socket
    monkeypatch.setattr(connecting, "open_socket", lambda *a: asked.append(a[2]) or original(*a))
    with FakeServer() as server:
        for constructor, connect in ((None, None), (5, None), (None, 6), (5, 6)):
            with ddb.Session(keepAliveTime=constructor) as session:
                session.connect("127.0.0.1", server.port, keepAliveTime=connect)
    assert asked == [30, 5, 6, 6]

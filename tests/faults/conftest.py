"""Fixtures of the fault tests."""

from __future__ import annotations

import signal

import pytest
from support.interrupt import Interrupted
from support.recorder import FakeServer

import dolphindb_fast as ddb


@pytest.fixture
def alarm():
    """``alarm(seconds)``: from then on the main thread gets SIGALRM, whose handler raises `Interrupted`."""

    def handler(number, frame):
        raise Interrupted

    previous = signal.signal(signal.SIGALRM, handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def acknowledged():
    """``acknowledged(session arguments, receive_buffer=, **connect) -> session, its connection``."""
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

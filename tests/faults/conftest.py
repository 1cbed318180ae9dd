"""Fixtures of the fault tests."""

from __future__ import annotations

import pytest
from support.recorder import FakeServer
from support.waiting import connect_at_last

import dolphindb_fast as ddb


@pytest.fixture
def acknowledged():
    """``acknowledged(session arguments, receive_buffer=, **connect) -> session, its connection``."""
    opened = []

    def connect(arguments=None, *, receive_buffer=None, **connecting):
        server = FakeServer(receive_buffer=receive_buffer)
        session = ddb.Session(enableASYNC=True, acknowledge=True, **(arguments or {}))
        opened.extend((session, server))
        connect_at_last(session, "127.0.0.1", server.port, **connecting)
        return session, server.connections[-1]

    yield connect
    for one in opened:
        one.close()

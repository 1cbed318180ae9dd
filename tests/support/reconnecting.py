"""Sessions that connect again, servers that end, and no waiting between attempts."""

from __future__ import annotations

import contextlib

import pandas as pd
import pytest

import dolphindb_fast as ddb
from dolphindb_fast import reconnect

from .recorder import FakeServer
from .waiting import connect_at_last, eventually, in_thread

__all__ = ["FRAME", "bodies", "connected", "marks", "moved", "noticed", "other", "server", "waits"]

FRAME = pd.DataFrame({"a": [1, 2]})


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No test waits between attempts; the seconds that would have been waited."""
    waited = []
    monkeypatch.setattr(reconnect, "pause", lambda stopped, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def server():
    with FakeServer() as one:
        yield one


@pytest.fixture
def other():
    with FakeServer() as one:
        yield one


@pytest.fixture
def connected(server):
    """``connected(asynchronous, **connect)``: a session that connects again."""
    opened = []

    def connect(asynchronous=False, **arguments):
        session = ddb.Session(enableASYNC=asynchronous)
        opened.append(session)
        arguments.setdefault("reconnect", True)
        arguments.setdefault("tryReconnectNums", 3)
        connect_at_last(session, "127.0.0.1", server.port, "admin", "123456", **arguments)
        return session

    yield connect
    for session in opened:
        session.close()


def bodies(connection):
    """The texts of the requests after the handshake and the client's own questions."""
    parts = bytes(connection.received).split(b"API2 ")[1:]
    own = (b"function\ngetRequiredAPIVersion", b"function\nisNodeInitialized")
    return [body for body in (part.split(b"\n", 1)[1] for part in parts) if not body.startswith(own)]


def marks(connection):
    """What stands behind fetchSize in the headers of user's requests: number or None."""
    lines = [part.split(b"\n")[0] for part in bytes(connection.received).split(b"API2 ")[1:]]
    ends = [line.split(b"__", 2)[2:] for line in lines]
    return [int(end[0].rsplit(b"_", 1)[1]) for end in ends if end]


def moved(session):
    """Call until the session, whose connection has ended, has another one."""
    before = session.stats.reconnects

    def attempt():
        with contextlib.suppress(ddb.LinkError):
            session.run("f", 1)
        return session.stats.reconnects > before

    in_thread(lambda: eventually(attempt)).result()


def noticed(session):
    """Call until a session that does not make calls again sees that its connection has ended."""
    with pytest.raises(ddb.LinkError):
        in_thread(lambda: [session.run("f", FRAME) for _ in range(100_000)]).result()

"""`Session.batch`: what leaves when, and that nothing is lost or reordered."""

from __future__ import annotations

import threading

import pandas as pd
import pytest
from support.waiting import eventually

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
BAD = pd.DataFrame({"a": [1, 2], "b": ["x", "y\0"]})


@pytest.fixture
def server(dolphindb_server):
    dolphindb_server.run("share streamTable(1000:0, `a`b, [LONG,STRING]) as t")
    return dolphindb_server


@pytest.fixture
def session(server):
    with ddb.Session(enableASYNC=True) as session:
        session.connect(server.host, server.port)
        yield session


def test_batch__sends_everything_in_order_at_its_end(server, session):
    with session.batch(maxBytes=1 << 30):
        for i in range(500):
            session.run("tableInsert{t}", pd.DataFrame({"a": [i], "b": [str(i)]}))
        assert session.stats.requests == 0 and session.stats.rows == 0
    assert session.stats.requests == 500 and session.stats.rows == 500
    eventually(lambda: server.rows("t") == 500)
    assert server.table("t")["a"].tolist() == list(range(500))


def test_batch__sends_when_its_bytes_are_reached(session):
    size = len(ddb.dumps(FRAME))
    with session.batch(maxBytes=10 * size):
        for _ in range(99):
            session.run("tableInsert{t}", FRAME)
        assert 80 <= session.stats.requests < 99


def test_batch__sends_at_the_next_call_after_its_delay(session):
    with session.batch(maxDelay=0.0):
        session.run("tableInsert{t}", FRAME)
        assert session.stats.requests == 1
    with session.batch(maxDelay=3600.0):
        session.run("tableInsert{t}", FRAME)
        assert session.stats.requests == 1


def test_batch__that_ends_with_an_exception_still_sends(server, session):
    with pytest.raises(ZeroDivisionError), session.batch():
        session.run("tableInsert{t}", FRAME)
        raise ZeroDivisionError
    eventually(lambda: server.rows("t") == 2)


def test_refused_frame__leaves_the_others_in(server, session):
    with session.batch():
        session.run("tableInsert{t}", FRAME)
        with pytest.raises(ddb.ValueRefused, match="row 1"):
            session.run("tableInsert{t}", BAD)
        with pytest.raises(ddb.UsageError):
            session.run("a\nb", FRAME)
        session.run("tableInsert{t}", FRAME)
    eventually(lambda: server.rows("t") == 4)
    assert server.failed_tasks == []


def test_close__sends_what_was_gathered(server, session):
    with session.batch():
        session.run("tableInsert{t}", FRAME)
        session.close()
    eventually(lambda: server.rows("t") == 2)


def test_upload__leaves_behind_what_was_gathered(server, session):
    with session.batch():
        session.run("tableInsert{t}", FRAME)
        session.upload({"x": 1})
        assert session.stats.requests == 2


@pytest.mark.parametrize("way", ["run", "upload"])
def test_other_threads__send_at_once(way, server, session):
    with session.batch():
        session.run("tableInsert{t}", FRAME)
        if way == "run":
            thread = threading.Thread(target=session.run, args=("tableInsert{t}", FRAME))
        else:
            thread = threading.Thread(target=session.upload, args=({"x": 1},))
        thread.start()
        thread.join()
        assert session.stats.requests == 1, "what is gathered stays with the thread that gathers it"
        eventually(lambda: server.rows("t") == (2 if way == "run" else 0))
    eventually(lambda: server.rows("t") == (4 if way == "run" else 2))


def test_flush__sends_in_between(server, session):
    with session.batch() as batch:
        session.run("tableInsert{t}", FRAME)
        batch.flush()
        eventually(lambda: server.rows("t") == 2)
        batch.flush()
    assert session.stats.requests == 1


def test_lost_connection__says_how_many_did_not_leave(server, session):
    session.run("tableInsert{t}", FRAME)
    with pytest.raises(ddb.LinkError, match="3 gathered submissions"):
        with session.batch():
            for _ in range(3):
                session.run("tableInsert{t}", FRAME)
            server.stop()
            eventually(lambda: _is_gone(session))


def _is_gone(session) -> bool:
    """True once a send fails: the first ones after a server's end can still succeed."""
    done = []

    def probe():
        try:
            session.run("1")
        except ddb.LinkError:
            done.append(True)

    thread = threading.Thread(target=probe)
    thread.start()
    thread.join()
    return bool(done)


@pytest.mark.parametrize("arguments", [{"maxBytes": 0}, {"maxBytes": 1.5}, {"maxDelay": -1}, {"maxDelay": "1"}])
def test_wrong_limits__are_refused(session, arguments):
    with pytest.raises(ddb.UsageError, match=next(iter(arguments))):
        session.batch(**arguments)


def test_batch__needs_an_asynchronous_connected_session_without_a_batch(server, session):
    with ddb.Session() as synchronous:
        synchronous.connect(server.host, server.port)
        with pytest.raises(ddb.UsageError, match="asynchronous"), synchronous.batch():
            pass
    with pytest.raises(ddb.UsageError, match="asynchronous|connected"), ddb.Session(enableASYNC=True).batch():
        pass
    with session.batch(), pytest.raises(ddb.UsageError, match="already"), session.batch():
        pass

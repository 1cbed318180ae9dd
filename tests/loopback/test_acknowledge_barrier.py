"""`Session.barrier`: how far the server is."""

from __future__ import annotations

import itertools
import threading

import pandas as pd
import pytest
from support.recorder import DEADLINE
from support.waiting import Late, in_thread, unhurried

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2]})
names = (f"barrier{i}" for i in itertools.count())


@pytest.fixture
def table(server_address):
    name = next(names)
    with ddb.Session(*server_address.login) as session:
        session.run(f"share streamTable(1000:0, [`a], [LONG]) as {name}")
    return name


@pytest.fixture(params=["plain", "acknowledged"])
def session(request, server_address):
    acknowledged = request.param == "acknowledged"
    with ddb.Session(enableASYNC=True, acknowledge=acknowledged, maxInFlight=100) as session:
        session.connect(*server_address.login)
        yield session


def test_barrier__returns_when_earlier_tasks_are_done(session, table, local_address):
    for round in range(1, 4):
        for _ in range(300):
            session.run(f"tableInsert{{{table}}}", FRAME)
        session.barrier()
        assert local_address.local.rows(table) == 600 * round


def test_check__is_asked_until_it_is_true(session, table):
    for _ in range(300):
        session.run(f"tableInsert{{{table}}}", FRAME)
    session.barrier(check=f"exec count(*) from {table}", expect=600)


def test_check__that_becomes_true_later(session, table, server_address):
    waiting = in_thread(lambda: session.barrier(check=f"exec count(*) from {table}", expect=4))
    with ddb.Session(*server_address.login) as other:
        other.run(f"tableInsert{{{table}}}", FRAME)
        assert waiting.running
        other.run(f"tableInsert{{{table}}}", FRAME)
    waiting.result()


def test_check__that_stays_false_leaves_the_session_usable(session, table, server_address):
    def attempt(seconds):
        session.connect(*server_address.login)
        with pytest.raises(TimeoutError) as caught:
            session.barrier(seconds, check=f"exec count(*) from {table}", expect=1)
        if "is 0, not 1" not in str(caught.value):
            # not even once was it answered in this time
            raise Late
        assert isinstance(caught.value, ddb.ReplyTimeout)

    unhurried(attempt)
    session.run(f"tableInsert{{{table}}}", FRAME)
    session.barrier(check=f"exec count(*) from {table}", expect=2)


def test_check__may_be_a_vector(session):
    session.barrier(DEADLINE, check="1..3", expect=[1, 2, 3])


def test_check__that_fails_says_so_and_leaves_the_session_usable(session):
    with pytest.raises(ddb.ServerError, match="no_such"):
        session.barrier(check="no_such()", expect=1)
    session.barrier()
    if session.stats.failed:
        # it was a submission, and flush tells of all that failed
        with pytest.raises(ddb.SubmissionError, match="no_such"):
            session.flush()


def test_batch__is_sent_first(session, table):
    with session.batch():
        session.run(f"tableInsert{{{table}}}", FRAME)
        session.barrier(check=f"exec count(*) from {table}", expect=2)


def test_threads__submit_meanwhile(session, table):
    stop = threading.Event()

    def submit():
        while not stop.is_set():
            session.run(f"tableInsert{{{table}}}", FRAME)

    threads = [in_thread(submit) for _ in range(3)]
    for _ in range(8):
        session.barrier()
        session.barrier(check="1", expect=1)
    stop.set()
    for thread in threads:
        thread.result()
    session.barrier(check=f"exec count(*) from {table}", expect=session.stats.rows)


@pytest.mark.parametrize("arguments", [{"check": "1"}, {"expect": 1}, {"check": 1, "expect": 1}])
def test_arguments__that_mean_nothing_are_refused(arguments, session):
    with pytest.raises(ddb.UsageError, match="check"):
        session.barrier(**arguments)


def test_barrier__needs_a_connected_asynchronous_session(server_address):
    with ddb.Session(*server_address.login) as synchronous, pytest.raises(ddb.UsageError, match="asynchronous"):
        synchronous.barrier()
    with pytest.raises(ddb.UsageError, match="connect"):
        ddb.Session(enableASYNC=True).barrier()

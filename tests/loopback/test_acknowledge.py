"""Acknowledged mode against a server that runs scripts: every submission gets its own reply."""

from __future__ import annotations

import itertools
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from support.local_server import LocalServer
from support.recorder import DEADLINE
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
names = (f"acknowledged{i}" for i in itertools.count())


@pytest.fixture
def table(server_address):
    """The name of an empty shared table of two columns."""
    name = next(names)
    with ddb.Session(*server_address.login) as session:
        session.run(f"share streamTable(1000:0, `a`b, [LONG,STRING]) as {name}")
    return name


@pytest.fixture
def connected(server_address):
    """``connected(**arguments) -> session`` in acknowledged mode."""
    opened = []

    def connect(**arguments):
        session = ddb.Session(enableASYNC=True, acknowledge=True, **arguments)
        opened.append(session)
        session.connect(*server_address.login)
        return session

    yield connect
    for session in opened:
        session.close()


@pytest.fixture
def session(connected):
    return connected()


def test_submission__knows_what_it_is_and_what_became_of_it(session, table):
    submission = session.run(f"tableInsert{{{table}}}", FRAME)
    assert isinstance(submission, ddb.Submission)
    assert (submission.name, submission.rows, submission.sequence) == (f"tableInsert{{{table}}}", 2, 1)
    assert submission.result(DEADLINE) == 2
    assert submission.done() and submission.exception() is None
    assert "acknowledged" in repr(submission)
    assert session.run("1").sequence == 2


@pytest.mark.parametrize(
    "script, value",
    [
        ("7", 7),
        ("7h", 7),
        ("0x = 1".replace("0x", "x"), None),
        ("`abc", "abc"),
        ("1.5", 1.5),
        ("00i", None),
        ("true", True),
        ("2020.01.02", np.datetime64("2020-01-02")),
    ],
)
def test_result__is_what_a_synchronous_session_returns(script, value, session, server_address):
    with ddb.Session(*server_address.login) as synchronous:
        wanted = synchronous.run(script)
    found = session.run(script).result(DEADLINE)
    assert type(found) is type(wanted)
    assert found == wanted and (found == value or value is None)


def test_result__may_be_a_vector_or_a_table_of_any_size(session, table):
    for rows in (1, 3000, 200_000):
        frame = pd.DataFrame({"a": np.arange(rows), "b": [f"t{i}" for i in range(rows)]})
        inserted = session.run(f"tableInsert{{{table}}}", frame)
        read = session.run(f"select * from {table}")
        after = session.run("5")
        assert inserted.result(DEADLINE) == rows
        assert after.result(DEADLINE) == 5
        pd.testing.assert_frame_equal(read.result(DEADLINE).tail(rows).reset_index(drop=True), frame)
    assert session.run("1..10").result(DEADLINE).tolist() == list(range(1, 11))


def test_result__takes_the_forms_of_its_run(session):
    assert session.run("7", raw=True).result(DEADLINE).data.tolist() == [7]
    assert session.run("7").result(DEADLINE) == 7
    with pytest.raises(ddb.UsageError, match="fetchSize"):
        session.run("select * from t", fetchSize=8192)


def test_upload__is_a_submission_too(session):
    assert session.upload({"x": 5}).result(DEADLINE) is None
    assert session.run("x + 1").result(DEADLINE) == 6
    assert session.upload({}) == -1


def test_login_and_questions__wait(session, server_address):
    session.login(server_address.user, server_address.password)
    with pytest.raises(ddb.AuthenticationError):
        session.login(server_address.user, "wrong" + server_address.password)
    assert session.existsDatabase("dfs://no_such_database") is False
    assert session.is_alive


def test_flush__waits_for_all(session, table):
    submissions = [session.run(f"tableInsert{{{table}}}", FRAME) for _ in range(500)]
    session.flush()
    assert all(submission.done() for submission in submissions)
    stats = session.stats
    assert (stats.requests, stats.rows, stats.acknowledged, stats.failed) == (500, 1000, 500, 0)
    assert session.run(f"exec count(*) from {table}").result(DEADLINE) == 1000
    session.flush()


def test_refused_submissions__are_told_by_flush_and_by_the_callback(connected, table):
    called = []
    session = connected(onError=lambda failed: called.append((threading.get_ident(), failed)))
    good = session.run(f"tableInsert{{{table}}}", FRAME)
    bad = session.run("no_such_function", FRAME)
    also_bad = session.run("1 +")
    last = session.run(f"tableInsert{{{table}}}", FRAME)
    with pytest.raises(ddb.SubmissionError) as caught:
        session.flush(DEADLINE)
    assert caught.value.failures == [bad, also_bad] and caught.value.count == 2
    text = str(caught.value)
    assert "2 submissions failed" in text and "number 2, no_such_function, 2 rows: " in text
    assert called == [(threading.get_ident(), bad), (threading.get_ident(), also_bad)]
    assert good.result() == last.result() == 2
    assert bad.exception().serverText in text
    with pytest.raises(ddb.ServerError, match="<Exception> in call: Server Response: .*no_such_function"):
        bad.result()
    with pytest.raises(ddb.ServerError, match="<Exception> in exec: "):
        also_bad.result()
    assert session.stats.failed == 2 and session.stats.acknowledged == 2
    session.flush()


def test_refused_submission__has_the_exception_of_a_synchronous_call(session, server_address):
    with ddb.Session(*server_address.login) as synchronous, pytest.raises(ddb.ServerError) as wanted:
        synchronous.run("no_such_function", 1)
    found = session.run("no_such_function", 1).exception(DEADLINE)
    assert str(found) == str(wanted.value) and found.serverText == wanted.value.serverText


def test_callback__may_use_the_session(connected, table):
    repaired = []

    def repair(failed):
        repaired.append(session.run(f"tableInsert{{{table}}}", FRAME))
        assert repaired[-1].result(DEADLINE) == 2

    session = connected(onError=repair)
    session.run("no_such_function", FRAME)
    assert session.run("1").result(DEADLINE) == 1
    with pytest.raises(ddb.SubmissionError):
        session.flush(DEADLINE)
    assert len(repaired) == 1 and session.run(f"exec count(*) from {table}").result(DEADLINE) == 2


def test_callback__that_raises_is_logged(connected, caplog):
    def broken(failed):
        raise ValueError("broken callback")

    session = connected(onError=broken)
    assert session.run("no_such_function", 1).exception(DEADLINE) is not None
    with pytest.raises(ddb.SubmissionError):
        session.flush(DEADLINE)
    assert "broken callback" in caplog.text


def test_failures__of_a_million_calls_take_little_memory(session):
    for _ in range(3000):
        session.run("no_such_function", 1)
    with pytest.raises(ddb.SubmissionError) as caught:
        session.flush(DEADLINE)
    assert caught.value.count == 3000 and len(caught.value.failures) == 1000
    assert str(caught.value).count("\n") < 20


def test_with_block__ends_with_a_flush(connected, table):
    with pytest.raises(ddb.SubmissionError, match="1 submission failed"):
        with connected() as session:
            submission = session.run(f"tableInsert{{{table}}}", FRAME)
            session.run("no_such_function", 1)
    assert submission.result() == 2 and session.is_closed
    with pytest.raises(ZeroDivisionError), connected() as session:
        session.run("no_such_function", 1)
        raise ZeroDivisionError
    with ddb.Session(enableASYNC=True, acknowledge=True):
        pass


def test_printed_text__is_shown_and_is_no_reply(session, capfd, local_address):
    first = session.run("print('hello')")
    assert session.run("3").result(DEADLINE) == 3
    assert first.result(DEADLINE) is None
    assert "hello" in capfd.readouterr().out


@pytest.mark.parametrize("limits", [{"maxInFlight": 1}, {"maxInFlight": 7}, {"maxInFlightBytes": 500}])
def test_bounds__are_kept_and_nothing_is_lost(limits, connected, table):
    session = connected(**limits)
    submissions = []
    for i in range(200):
        submissions.append(session.run(f"tableInsert{{{table}}}", pd.DataFrame({"a": [i], "b": [str(i)]})))
        in_flight = session.stats.requests - session.stats.acknowledged
        assert in_flight <= limits.get("maxInFlight", 7)
    # larger than the bound: alone
    large = pd.DataFrame({"a": range(1000), "b": ["x"] * 1000})
    submissions.append(session.run(f"tableInsert{{{table}}}", large))
    session.flush()
    assert [s.result() for s in submissions] == [1] * 200 + [1000]
    assert session.run(f"exec a from {table}").result(DEADLINE).tolist() == [*range(200), *range(1000)]


def test_batch__gathers_and_returns_submissions(session, table):
    with session.batch(maxBytes=1 << 20) as batch:
        submissions = [session.run(f"tableInsert{{{table}}}", FRAME) for _ in range(50)]
        assert session.stats.requests == 0 and not submissions[0].done()
        with pytest.raises(ddb.UsageError, match="batch"):
            submissions[0].result()
        with pytest.raises(ddb.ValueRefused):
            session.run(f"tableInsert{{{table}}}", pd.DataFrame({"a": [1], "b": ["\0"]}))
        batch.flush()
        assert submissions[0].result(DEADLINE) == 2
        failed = session.run("no_such_function", 1, priority=5)
    assert [submission.result(DEADLINE) for submission in submissions] == [2] * 50
    assert [submission.sequence for submission in (*submissions, failed)] == list(range(1, 52))
    assert failed.exception(DEADLINE).serverText
    with pytest.raises(ddb.SubmissionError), session.batch():
        last = session.run("5")
        session.flush(DEADLINE)
    assert last.result() == 5


def test_batch__larger_than_the_bound_of_requests(connected, table):
    session = connected(maxInFlight=10)
    with session.batch():
        submissions = [session.run(f"tableInsert{{{table}}}", FRAME) for _ in range(100)]
    session.flush()
    assert [submission.result() for submission in submissions] == [2] * 100


@pytest.mark.parametrize("limit", [4096, 3])
def test_threads__each_get_their_own_replies(limit, connected):
    """Replies come in the order of the requests on the wire, whoever sent them."""
    session = connected(maxInFlight=limit)

    def work(number):
        for i in range(100):
            value = number * 1000 + i
            submission = session.run(str(value))
            if i % 3 == 0:
                assert submission.result(DEADLINE) == value
            elif i % 7 == 0:
                assert submission.done() in (True, False)
            kept.append((submission, value))

    kept = []
    threads = [in_thread(lambda number=number: work(number)) for number in range(8)]
    for thread in threads:
        thread.result(DEADLINE)
    session.flush(DEADLINE)
    assert len(kept) == 800
    assert all(submission.result() == value for submission, value in kept)
    assert sorted(submission.sequence for submission, _ in kept) == list(range(1, 801))


def test_threads__one_waits_while_another_one_sends(connected):
    session = connected(maxInFlight=100)
    stop = threading.Event()

    def submit():
        while not stop.is_set():
            session.run("1")

    sender = in_thread(submit)
    for i in range(200):
        assert session.run(str(i)).result(DEADLINE) == i
    stop.set()
    sender.result()
    session.flush(DEADLINE)


def test_kept_submissions__of_a_lost_connection_can_be_sent_again():
    with LocalServer() as server:
        server.run("share streamTable(1000:0, `a`b, [LONG,STRING]) as t")
        session = ddb.Session(enableASYNC=True, acknowledge=True, keepUnacknowledged=True)
        session.connect(server.host, server.port)
        session.run("tableInsert{t}", FRAME).result(DEADLINE)
        assert session.unacknowledged() == []
        port = server.port
        session.run("sleepless = 1", clearMemory=True)
        session.run("tableInsert{t}", FRAME)
        session.upload({"x": 1})
        session.flush(DEADLINE)
        # closed with requests in flight: of some of them nobody knows
        submissions = [session.run("tableInsert{t}", FRAME) for _ in range(20)]
        script = session.run("x = 1")
        session.close()
        lost = [s for s in submissions if s.exception() is not None]
        assert all(isinstance(s.exception(), ddb.OutcomeUnknown) for s in lost)
        items = session.unacknowledged()
        assert [item.sequence for item in items] == [
            s.sequence for s in (*submissions, script) if s.exception() is not None
        ]
        assert session.unacknowledged() == []
        session.connect(server.host, port)
        with pytest.raises((ddb.SubmissionError, ddb.UsageError)) if items else pytest.raises(ddb.UsageError):
            session.flush(DEADLINE)
            session.resubmit("no item")
        again = []
        for item in items:
            if item.rows:
                pd.testing.assert_frame_equal(item.frame(), FRAME)
                assert (item.name, item.rows) == ("tableInsert{t}", 2)
            else:
                assert item.frame() is None
            again.append(session.resubmit(item))
        session.flush(DEADLINE)
        assert [s.result() for s in again] == [2 if item.rows else None for item in items]
        assert server.rows("t") >= 44
        session.close()


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"acknowledge": True}, "enableASYNC"),
        ({"enableASYNC": True, "acknowledge": True, "maxInFlight": 0}, "maxInFlight"),
        ({"enableASYNC": True, "acknowledge": True, "maxInFlight": True}, "maxInFlight"),
        ({"enableASYNC": True, "acknowledge": True, "maxInFlightBytes": 1.5}, "maxInFlightBytes"),
        ({"enableASYNC": True, "acknowledge": True, "onError": 7}, "onError"),
        ({"enableASYNC": True, "onError": print}, "acknowledge"),
        ({"keepUnacknowledged": True}, "acknowledge"),
    ],
)
def test_arguments__that_mean_nothing_are_refused(arguments, text):
    with pytest.raises(ddb.UsageError, match=text):
        ddb.Session(**arguments)


def test_methods__need_the_mode(server_address, session):
    with ddb.Session(enableASYNC=True) as plain:
        plain.connect(*server_address.login)
        for call in (plain.flush, plain.unacknowledged, lambda: plain.resubmit(None)):
            with pytest.raises(ddb.UsageError, match="acknowledge"):
                call()
    with pytest.raises(ddb.UsageError, match="keepUnacknowledged"):
        session.unacknowledged()
    with pytest.raises(ddb.UsageError, match="connect"):
        ddb.Session(enableASYNC=True, acknowledge=True).flush()
    with pytest.raises(TypeError):
        ddb.Submission()
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(session.run("1"))


def test_plain_asynchronous_mode__returns_none_as_ever(server_address):
    with ddb.Session(enableASYNC=True) as plain:
        plain.connect(*server_address.login)
        assert plain.run("1") is None and plain.stats.acknowledged == 0


def test_connect__anew_goes_on_with_the_numbers(session, server_address):
    first = session.run("1")
    session.flush(DEADLINE)
    session.connect(*server_address.login)
    second = session.run("2")
    assert (first.result(), second.result(DEADLINE)) == (1, 2)
    assert second.sequence == first.sequence + 1
    assert session.stats.requests == 2


def test_dropped_results__do_not_keep_anything_back(session):
    for _ in range(10_000):
        session.run("x = 1")
    session.flush(DEADLINE)
    eventually(lambda: session.stats.acknowledged == 10_000)

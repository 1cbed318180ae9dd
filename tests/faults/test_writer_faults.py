"""Writers whose servers end, move and lie: each row is in the table, or can be fetched."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from support import replies
from support.local_server import LocalServer
from support.process import forked_program
from support.recorder import DEADLINE, FakeServer, reply
from support.schemas import schema
from support.server_process import restartable_server
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import lanes, reconnect, settings
from dolphindb_fast import writer as writers
from dolphindb_fast.column import Column

TABLE = "share table(1:0, `id`sym, [INT,SYMBOL]) as t"
SCHEMA = reply(schema(["id", "sym"], ["INT", "SYMBOL"]))


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No test waits long between attempts."""
    for module in (lanes, reconnect):
        monkeypatch.setattr(module, "pause", lambda stopped, seconds: stopped.wait(0.01))


@pytest.fixture
def server():
    with restartable_server() as server:
        server.run(TABLE)
        yield server


@pytest.fixture
def writer():
    """``writer(server, **arguments)``; those that were made end with the test."""
    made = []

    def make(server, **arguments):
        one = ddb.MultithreadedTableWriter("127.0.0.1", server.port, "admin", "123456", "", "t", **arguments)
        made.append(one)
        return one

    yield make
    for one in made:
        try:
            one.waitForThreadCompletion(timeout=0)
        except ddb.ReplyTimeout:
            pass


def assert_accounted(server, writer, inserted):
    """Each row is in the table once, or among the unwritten ones; in both only if it is uncertain."""
    written = server.table("t")["id"].tolist()
    unwritten = writer.getUnwrittenData()
    certain = [row[0] for row in unwritten[unwritten.uncertain :]]
    uncertain = [row[0] for row in unwritten[: unwritten.uncertain]]
    assert len(set(written)) == len(written) and len({*certain, *uncertain}) == len(unwritten)
    assert not {*written} & {*certain}
    assert {*written, *certain, *uncertain} == {*inserted}
    return written, uncertain, certain


def load(writer, frames=False):
    """Four threads that insert rows of their own until the writer ends; all that was taken."""
    taken = [[] for _ in range(4)]
    stop = threading.Event()

    def insert(thread):
        for i in itertools.count(thread * 10**7):
            if stop.is_set():
                return
            try:
                if frames and i % 50 == 0:
                    first = i * 10
                    frame = pd.DataFrame({"id": range(first, first + 10), "sym": "f"})
                    if writer.append(frame).succeed():
                        taken[thread].extend(range(first, first + 10))
                elif writer.insert(-1 - i, "abcdefgh"[i % 8]).succeed():
                    taken[thread].append(-1 - i)
            except (RuntimeError, ddb.QueueFull):
                return

    running = [in_thread(lambda thread=thread: insert(thread)) for thread in range(4)]

    def finish():
        stop.set()
        for one in running:
            one.result(2 * DEADLINE)
        return [row for part in taken for row in part]

    return finish


@pytest.mark.parametrize("round", range(3))
@pytest.mark.parametrize("frames", [False, True], ids=["rows", "frames"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"reconnect": False, "batchSize": 100, "throttle": 0.01},
        {"reconnect": False, "batchSize": 1, "maxInFlight": 1},
        {"tryReconnectNums": 2, "batchSize": 500, "throttle": 0.01, "threadCount": 3, "partitionCol": "id"},
    ],
    ids=["pipelined", "one by one", "threads"],
)
def test_server_killed_in_mid_load__every_row_is_accounted_for(arguments, frames, round, server, writer):
    one = writer(server, maxRows=20000, **arguments)
    finish = load(one, frames)
    eventually(lambda: server.rows("t") > 1000 * round)
    server.stop()
    eventually(lambda: one.getStatus().hasError())
    inserted = finish()
    one.waitForThreadCompletion()
    status = one.getStatus()
    assert status.errorCode == "A5" and status.isExiting
    assert status.errorInfo.startswith("Failed to save the inserted data: ")
    assert status.sentRows + status.unsentRows + status.sendFailedRows == len(inserted)
    written, _, _ = assert_accounted(server, one, inserted)
    assert status.sentRows <= len(written)


def test_server_comes_back__the_writer_goes_on(server, writer):
    one = writer(server, maxRows=50000, batchSize=100, throttle=0.01)
    finish = load(one)
    eventually(lambda: server.rows("t") > 1000)
    server.stop()
    server.start()
    rows = server.rows("t")
    eventually(lambda: server.rows("t") > rows + 1000)
    inserted = finish()
    one.waitForThreadCompletion()
    status = one.getStatus()
    assert not status.hasError() and status.unsentRows == 0
    assert status.sendFailedRows == status.uncertainRows
    _, uncertain, certain = assert_accounted(server, one, inserted)
    assert certain == [] and len(uncertain) == status.uncertainRows


def test_server_comes_back__retried_writes_are_there_at_least_once(server, writer):
    one = writer(server, maxRows=50000, batchSize=100, throttle=0.01, retryWrites=True)
    finish = load(one)
    eventually(lambda: server.rows("t") > 1000)
    server.stop()
    server.start()
    rows = server.rows("t")
    eventually(lambda: server.rows("t") > rows + 1000)
    inserted = finish()
    one.waitForThreadCompletion()
    assert not one.getStatus().hasError() and one.getUnwrittenData() == []
    assert {*server.table("t")["id"]} == {*inserted}


@pytest.mark.parametrize("retry", [False, True])
def test_lost_reply__is_uncertain_and_what_comes_after_is_not(retry, writer):
    with FakeServer(replies=(SCHEMA,)) as server:
        one = writer(server, batchSize=2, throttle=3600, retryWrites=retry)
        for i in range(2):
            one.insert(i, "a")
        connection = server.connection()
        eventually(lambda: b"tableInsert{t}" in bytes(connection.received))
        connection.close()
        # connects when there is something to send
        for i in range(2, 4):
            one.insert(i, "a")
        eventually(lambda: len(server.connections) == 2)
        again = server.connection(1)
        eventually(lambda: bytes(again.received).count(b"tableInsert{t}") == 1 + retry)
        for _ in range(1 + retry):
            again.send(reply(replies.scalar("INT", 2)))
        eventually(lambda: one.getStatus().sentRows == 2 + 2 * retry)
        status = one.getStatus()
        assert not status.hasError() and status.uncertainRows == status.sendFailedRows == (0 if retry else 2)
        rows = one.getUnwrittenData()
        assert rows == ([] if retry else [[0, "a"], [1, "a"]]) and rows.uncertain == len(rows)
        assert one.getStatus().uncertainRows == 0
        if retry:
            sent = bytes(again.received)
            assert sent.index(b"\0\0\0\0\x01\0\0\0") < sent.index(b"\x02\0\0\0\x03\0\0\0")


def test_lost_replies__are_retried_in_order(writer):
    with FakeServer(replies=(SCHEMA,)) as server:
        one = writer(server, batchSize=2, throttle=3600, retryWrites=True)
        first = server.connection()
        for i in range(0, 8, 2):
            for number in (i, i + 1):
                one.insert(number, "a")
            first.wait(lambda received, i=i: received.count(b"tableInsert{t}") == i // 2 + 1)
        first.close()
        again = server.connection(1)
        again.wait(lambda received: received.count(b"tableInsert{t}") == 4)
        status = one.getStatus()
        assert (status.sentRows, status.unsentRows, status.sendFailedRows) == (0, 8, 0)
        again.send(4 * reply(replies.scalar("INT", 2)))
        one.waitForThreadCompletion()
        assert one.getStatus().sentRows == 8 and one.getUnwrittenData() == []
        sent = bytes(again.received)
        places = [sent.index(np.array([i, i + 1], "<i4").tobytes()) for i in range(0, 8, 2)]
        assert places == sorted(places)


@pytest.mark.parametrize("again", [False, True])
def test_bad_reply__is_a_lost_connection(again, writer):
    with FakeServer(replies=(SCHEMA,)) as server:
        one = writer(server, batchSize=2, throttle=3600, reconnect=again)
        for i in range(2):
            one.insert(i, "a")
        connection = server.connection()
        eventually(lambda: b"tableInsert{t}" in bytes(connection.received))
        connection.send(b"nonsense\n")
        eventually(lambda: one.getStatus().uncertainRows == 2)
        assert one.getStatus().errorCode == ("" if again else "A5")
        assert again or "nonsense" in one.getStatus().errorInfo
        rows = one.getUnwrittenData()
        assert rows == [[0, "a"], [1, "a"]] and rows.uncertain == 2


def test_not_leader__the_writer_moves(server, writer):
    with LocalServer() as other:
        other.run(TABLE)
        one = writer(server, batchSize=10, throttle=3600, maxInFlight=4)
        for i in range(10):
            one.insert(i, "a")
        eventually(lambda: one.getStatus().sentRows == 10)
        server.refuse("tableInsert", f"<NotLeader>127.0.0.1:{other.port}", times=2)
        for i in range(10, 100):
            one.insert(i, "a")
        one.waitForThreadCompletion()
        assert not one.getStatus().hasError() and one.getStatus().sentRows == 100
        here, there = server.table("t")["id"].tolist(), other.table("t")["id"].tolist()
        assert here[:10] == list(range(10)) and sorted(here + there) == list(range(100)) and there


def test_not_ready__the_writer_tries_again_but_not_for_ever(server, writer):
    one = writer(server, batchSize=1)
    server.refuse("tableInsert", "<DataNodeNotReady> not yet", times=2)
    one.insert(1, "a")
    eventually(lambda: one.getStatus().sentRows == 1)
    server.refuse("tableInsert", "<DataNodeNotReady> not yet", times=100)
    one.insert(2, "a")
    eventually(lambda: one.getStatus().hasError())
    one.waitForThreadCompletion()
    assert one.getStatus().errorCode == "A5" and "<DataNodeNotReady>" in one.getStatus().errorInfo
    assert one.getUnwrittenData() == [[2, "a"]]


def test_refused__what_was_behind_it_is_accounted_for(server, writer):
    one = writer(server, batchSize=10, throttle=3600, maxInFlight=8)
    server.refuse("tableInsert", "no")
    inserted = []
    for i in range(200):
        try:
            one.insert(i, "a")
        except RuntimeError:
            break
        inserted.append(i)
    one.waitForThreadCompletion()
    assert one.getStatus().errorCode == "A5"
    _, uncertain, certain = assert_accounted(server, one, inserted)
    assert uncertain == [] and certain[:10] == list(range(10))


def test_server_that_does_not_come_back__completion_can_be_given_up(server, writer):
    one = writer(server, batchSize=10, throttle=0.01)
    for i in range(10):
        one.insert(i, "a")
    eventually(lambda: one.getStatus().sentRows == 10)
    server.stop()
    for i in range(10, 20):
        one.insert(i, "a")
    # they may have left before the end of the connection was seen
    eventually(lambda: not one._work.lanes[0].session._is_open)
    for i in range(20, 30):
        one.insert(i, "a")
    told = rf"20 rows of table t were not confirmed in 0.2 s \(the connection was lost: {server.host}:{server.port}: "
    with pytest.raises(ddb.ReplyTimeout, match=told):
        in_thread(lambda: one.waitForThreadCompletion(timeout=0.2)).result()
    assert one.getStatus().errorCode == "A5"
    assert_accounted(server, one, range(30))


def test_uncertain_rows__end_the_writer_when_too_many_are_not_fetched(writer):
    with FakeServer(replies=(SCHEMA,)) as server:
        one = writer(server, batchSize=2, throttle=3600, maxRows=3)
        for number in range(3):
            for i in range(2):
                assert one.insert(2 * number + i, "a").succeed()
            eventually(lambda number=number: len(server.connections) > number)
            connection = server.connection(number)
            eventually(lambda connection=connection: b"tableInsert{t}" in bytes(connection.received))
            assert not one.getStatus().hasError()
            connection.close()
            if number == 0:
                eventually(lambda: one.getStatus().uncertainRows == 2)
                assert one.getUnwrittenData().uncertain == 2
        eventually(lambda: one.getStatus().hasError())
        assert "4 rows of table t have an unknown outcome" in one.getStatus().errorInfo
        assert one.getUnwrittenData().uncertain == 4


@pytest.mark.parametrize("again", [False, True])
def test_nonsense_while_idle__is_a_lost_connection(again, writer):
    with FakeServer(replies=(SCHEMA,)) as server:
        one = writer(server, batchSize=2, throttle=3600, reconnect=again)
        server.connection().send(b"nonsense\n")
        for i in range(2):
            one.insert(i, "a")
        eventually(lambda: one.getStatus().uncertainRows == 2)
        assert one.getStatus().hasError() is not again
        if again:
            for i in range(2):
                one.insert(i, "a")
            server.connection(1).wait(lambda received: b"tableInsert{t}" in received)
            server.connection(1).send(reply(replies.scalar("INT", 2)))
            eventually(lambda: one.getStatus().sentRows == 2)
        else:
            assert "nonsense" in one.getStatus().errorInfo


# -- the end, and what comes while it comes -----------------------------------------------------------------


def test_row_that_comes_just_before_the_end__is_written(server, writer, monkeypatch):
    one = writer(server, batchSize=10, throttle=3600)
    is_drained = lanes.Work.is_drained.fget
    late = iter([7])

    def look(work):
        # as if the thread stood still, after it had seen an empty queue
        for number in late:
            assert one.insert(number, "a").succeed()
            work.finish()
        return is_drained(work)

    monkeypatch.setattr(lanes.Work, "is_drained", property(look))
    one._work.look_around()
    eventually(lambda: one.getStatus().isExiting)
    one.waitForThreadCompletion()
    assert server.table("t")["id"].tolist() == [7] and one.getUnwrittenData() == []


@pytest.fixture
def busy_switching():
    """Threads take turns far more often than they do."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("threads", [1, 3])
def test_what_was_taken_before_the_end__is_written(threads, server, writer, busy_switching):
    frames = [pd.DataFrame({"id": [thread], "sym": ["x"]}) for thread in range(4)]
    for _ in range(60 if os.environ.get("DOLPHINDB_FAST_STRESS") else 6):
        one = writer(server, batchSize=1, threadCount=threads, partitionCol="id")
        before = server.rows("t")
        taken = []
        begun = threading.Barrier(5)

        def insert(thread, one=one, begun=begun, taken=taken):
            begun.wait()
            try:
                while True:
                    one.append(frames[thread])
                    taken.append(1)
                    one.insertUnwrittenData([[thread, "y"], [thread, "z"]])
                    taken.append(2)
                    one.insert(thread, "w")
                    taken.append(1)
            except RuntimeError:
                return

        running = [in_thread(lambda thread=thread: insert(thread)) for thread in range(4)]
        begun.wait()
        eventually(lambda taken=taken: len(taken) > 20)
        one.waitForThreadCompletion()
        for thread in running:
            thread.result()
        assert server.rows("t") - before == sum(taken) and one.getUnwrittenData() == []


def test_several_wait_for_the_end(server, writer):
    one = writer(server, batchSize=1000, throttle=3600, threadCount=2, partitionCol="id")
    for i in range(100):
        one.insert(i, "a")
    for waiting in [in_thread(one.waitForThreadCompletion) for _ in range(5)]:
        waiting.result()
    assert server.rows("t") == 100


@pytest.mark.parametrize("threads", [1, 3])
def test_handler_of_the_log__may_wait_for_the_end(threads, server, writer):
    one = writer(server, batchSize=1, threadCount=threads, partitionCol="id")
    waited = []

    class Handler(logging.Handler):
        def emit(self, record):
            try:
                one.waitForThreadCompletion()
                waited.append(one.getStatus().errorCode)
            except Exception as error:
                waited.append(error)

    handler = Handler()
    logging.getLogger("dolphindb_fast").addHandler(handler)
    try:
        one.insert(1, 5)
        eventually(lambda: waited)
    finally:
        logging.getLogger("dolphindb_fast").removeHandler(handler)
    assert waited == ["A1"]


_FORK_IN_BLOCK = """
import os, sys, warnings
warnings.simplefilter("ignore")
import dolphindb_fast as ddb
from dolphindb_fast.localserver import LocalServer
with LocalServer() as server:
    server.run("share table(1:0, `id`sym, [INT,SYMBOL]) as t")
    with ddb.MultithreadedTableWriter(server.host, server.port, "admin", "123456", "", "t") as writer:
        writer.insert(1, "a")
        child = os.fork()
        if child == 0:
            try:
                with writer:
                    raise KeyError
            except KeyError:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    print(server.rows("t"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_in_a_with_block__its_exception_passes():
    pytest.importorskip("lark")
    ended = forked_program(_FORK_IN_BLOCK)
    assert ended.stdout == "1\n", ended.stderr


# -- what can be fetched ------------------------------------------------------------------------------------


def test_get_unwritten_data__that_is_interrupted_can_be_repeated(server, writer, monkeypatch):
    with FakeServer(replies=(SCHEMA,)) as lost:
        one = writer(lost, batchSize=2, throttle=3600, reconnect=False)
        for i in range(2):
            one.insert(i, "a")
        lost.connection().wait(lambda received: b"tableInsert{t}" in received)
        one.append(pd.DataFrame({"id": [2], "sym": ["b"]}))
        lost.connection().close()
        one.waitForThreadCompletion()
    before = one.getStatus()
    as_rows = writers.as_rows

    def interrupted(batch):
        monkeypatch.setattr(writers, "as_rows", as_rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(writers, "as_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.getUnwrittenData()
    after = one.getStatus()
    assert (after.uncertainRows, after.unsentRows + after.sendFailedRows) == (
        before.uncertainRows,
        before.unsentRows + before.sendFailedRows,
    )
    rows = one.getUnwrittenData()
    assert sorted(rows) == [[0, "a"], [1, "a"], [2, "b"]] and rows.uncertain == before.uncertainRows >= 2
    assert one.getUnwrittenData() == [] and one._work.unconfirmed == 0


@pytest.mark.parametrize("full", ["raise", "drop"])
def test_insert_unwritten_data__takes_all_or_none(full, server, writer):
    one = writer(server, maxRows=5, whenFull=full, batchSize=10, throttle=3600)
    rows = [[i, "a"] for i in range(4)]
    for i in range(3):
        one.insert(i, "a")
    if full == "raise":
        with pytest.raises(ddb.QueueFull, match="4 more were not taken"):
            one.insertUnwrittenData(rows)
    else:
        assert one.insertUnwrittenData(rows).errorCode == "Dropped" and one.getStatus().droppedRows == 4
    assert one.getStatus().unsentRows == 3 and len(one.getUnwrittenData()) == 3
    # more than that go alone
    assert one.insertUnwrittenData(rows * 2).succeed() and one.insertUnwrittenData([]).succeed()
    one.waitForThreadCompletion()
    assert server.table("t")["id"].tolist() == [0, 1, 2, 3] * 2


def test_frames_of_several_threads__stay_within_the_bound(server, writer, busy_switching):
    with server.paused():
        server._unpaused.set()
        one = writer(server, maxRows=100, whenFull="drop", batchSize=1, throttle=3600)
        server._unpaused.clear()
        frame = pd.DataFrame({"id": range(30), "sym": "a"})
        running = [in_thread(lambda: [one.append(frame) for _ in range(5)]) for _ in range(6)]
        results = [result for thread in running for result in thread.result()]
        assert sum(result.succeed() for result in results) == 3
        assert one.getStatus().unsentRows == 90 and one.getStatus().droppedRows == 27 * 30


# -- arguments and replies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ever", [float("inf"), 1e12])
def test_times__may_be_for_ever(ever, server, writer):
    one = writer(server, batchSize=10, throttle=ever, blockTimeout=ever, maxRows=1)
    assert one.insert(1, "a").succeed()
    waiting = in_thread(lambda: one.insert(2, "a"))
    eventually(lambda: one._work.waiting)
    assert one.getStatus().unsentRows == 1 and not one.getStatus().hasError()
    one.waitForThreadCompletion(timeout=ever)
    with pytest.raises(RuntimeError, match="thread is exiting"):
        waiting.result()
    assert server.table("t")["id"].tolist() == [1]


def test_upsert__may_be_answered_with_anything(server, writer):
    one = writer(server, mode="upsert", batchSize=1)
    server.answer("upsert!", Column(settings.DT_DURATION, np.zeros(1, "V8"), form=settings.DF_SCALAR))
    assert one.insert(1, "a").succeed()
    one.waitForThreadCompletion()
    assert not one.getStatus().hasError() and one.getStatus().sentRows == 1


def test_status__counts_each_row_once_while_threads_hand_them_over(server, writer, busy_switching):
    one = writer(server, batchSize=1000, throttle=3600, threadCount=3, partitionCol="id")
    for i in range(0, 600, 2):
        one.insertUnwrittenData([[i, "a"], [i + 1, "a"]])
        status = one.getStatus()
        assert status.sentRows + status.unsentRows + status.sendFailedRows == i + 2

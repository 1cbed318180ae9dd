"""The server's process is killed while rows are inserted: each row was carried out, or can be fetched."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading

import pandas as pd
import pytest
from support.fault_proxy import Fault, FaultProxy
from support.mortal_server import mortal_servers
from support.recorder import DEADLINE
from support.server_process import held_port
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import lanes, reconnect

TABLES = {
    "append": "share table(1:0, `id`sym, [INT,SYMBOL]) as t",
    "upsert": "share keyedTable(`id, 1:0, `id`sym, [INT,SYMBOL]) as t",
}
LATER = 3600

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd to wait for a killed process")


@pytest.fixture(scope="module")
def zygote():
    pytest.importorskip("lark")
    with mortal_servers() as start:
        yield start


@pytest.fixture
def start(zygote):
    """``start(mode="append", port=0)``: a server of a process of its own."""
    return lambda mode="append", port=0: zygote(TABLES[mode], port)


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No test waits long between attempts."""
    for module in (lanes, reconnect):
        monkeypatch.setattr(module, "pause", lambda stopped, seconds: stopped.wait(0.01))


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith("dolphindb-writer")])


@pytest.fixture
def writer():
    """``writer(port, **arguments)``; those that were made end with the test."""
    made = []

    def make(port, **arguments):
        one = ddb.MultithreadedTableWriter("127.0.0.1", port, "admin", "123456", "", "t", **arguments)
        made.append(one)
        return one

    yield make
    for one in made:
        with contextlib.suppress(ddb.ReplyTimeout):
            one.waitForThreadCompletion(timeout=0)


def sym(number):
    return "abcdefgh"[number % 8]


def insert(one, numbers):
    for number in numbers:
        assert one.insert(number, sym(number)).succeed()


def load(one):
    """Four threads insert rows and frames until the writer ends or ``finish()``, which returns the rows."""
    taken = [[] for _ in range(4)]
    stop = threading.Event()

    def run(mine, numbers):
        with contextlib.suppress(RuntimeError):
            for number in numbers:
                if stop.is_set():
                    break
                part = list(itertools.islice(numbers, 20)) if number % 50 == 0 else [number]
                if len(part) > 1:
                    frame = pd.DataFrame({"id": part, "sym": [sym(i) for i in part]})
                    assert one.append(frame).succeed()
                else:
                    assert one.insert(number, sym(number)).succeed()
                mine += part

    running = [
        in_thread(lambda mine=mine, first=10**8 * i: run(mine, itertools.count(first))) for i, mine in enumerate(taken)
    ]

    def finish():
        stop.set()
        for thread in running:
            thread.result(2 * DEADLINE)
        return [number for part in taken for number in part]

    return finish


def passed(connection, toward):
    """The bytes that have passed, those too that have just arrived."""
    connection.wait(lambda: True)
    return connection.passed(toward)


def accounted(start, one, inserted, *servers, mode="append"):
    """Each row was carried out once, or can be fetched; both only if nobody could know.

    What is fetched can be given to another server. Returns what was carried out, what is uncertain, and what
    is certainly unwritten.
    """
    one.waitForThreadCompletion()
    status = one.getStatus()
    unwritten = one.getUnwrittenData()
    uncertain = [row[0] for row in unwritten[: unwritten.uncertain]]
    certain = [row[0] for row in unwritten[unwritten.uncertain :]]
    written = [number for server in servers for number in server.rows()]
    for numbers in (written, uncertain + certain):
        assert len({*numbers}) == len(numbers)
    assert {*written, *uncertain, *certain} == {*inserted}
    assert not {*written} & {*certain}
    # no reply was invented
    assert {*inserted} - {*uncertain, *certain} <= {*written}
    assert status.sentRows == len(inserted) - len(unwritten)
    assert status.uncertainRows == len(uncertain)
    assert status.sendFailedRows + status.unsentRows == len(unwritten)

    server = start(mode)
    login = "127.0.0.1", server.port, "admin", "123456"
    with ddb.MultithreadedTableWriter(*login, "", "t", mode=mode, batchSize=100) as again:
        assert again.insertUnwrittenData(unwritten).succeed()
    assert sorted(server.rows()) == sorted(uncertain + certain)
    with ddb.Session(*login) as session:
        found = session.run("select * from t")
    assert {*found["id"], *written} == {*inserted}
    assert found["sym"].tolist() == [sym(number) for number in found["id"]]
    return written, uncertain, certain


def ended(one):
    status = one.getStatus()
    assert status.errorCode == "A5" and status.isExiting
    assert status.errorInfo.startswith("Failed to save the inserted data: ")


# -- in mid-load --------------------------------------------------------------------------------------------

THREADS = pytest.mark.parametrize("threads", [1, 3])
MODES = pytest.mark.parametrize("mode", ["append", "upsert"])


@pytest.mark.parametrize("rows", [1, 500, 1500])
@THREADS
@MODES
def test_killed_in_mid_load(mode, threads, rows, start, writer):
    server = start(mode)
    one = writer(
        server.port,
        mode=mode,
        threadCount=threads,
        partitionCol="id",
        batchSize=50,
        throttle=0.01,
        maxRows=2000,
        reconnect=False,
    )
    finish = load(one)
    eventually(lambda: server.count >= rows)
    server.kill()
    eventually(lambda: one.getStatus().isExiting)
    inserted = finish()
    written, _, _ = accounted(start, one, inserted, server, mode=mode)
    ended(one)
    assert len(written) >= rows


@THREADS
@MODES
def test_killed_in_mid_load__the_writer_goes_on_with_another_server(mode, threads, start, writer):
    servers = [start(mode) for _ in range(3)]
    with FaultProxy(servers[0].port) as proxy:
        one = writer(
            proxy.port,
            mode=mode,
            threadCount=threads,
            partitionCol="id",
            batchSize=50,
            throttle=0.01,
            maxRows=2000,
        )
        finish = load(one)
        for server, following in itertools.pairwise(servers):
            eventually(lambda server=server: server.count >= 500)
            proxy.target = following.port
            server.kill()
        eventually(lambda: servers[-1].count >= 500)
        inserted = finish()
        _, uncertain, certain = accounted(start, one, inserted, *servers, mode=mode)
        assert not one.getStatus().hasError() and certain == []
        # what stood without reply on each of the connections that were lost
        assert len(uncertain) <= 2000


# -- at other moments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "offset"),
    [(0, 0), (0, 10), (0, 60), (1, 0), (1, 10), (2, 0)],
    ids=["handshake", "its reply", "schema", "second handshake", "second reply", "third handshake"],
)
def test_killed_during_connect(number, offset, start):
    server = start()

    def faults(connection):
        return [Fault("stall", "client", offset)] if connection == number else []

    with FaultProxy(server.port, faults) as proxy:
        login = "127.0.0.1", proxy.port, "admin", "123456", "", "t"
        making = in_thread(lambda: ddb.MultithreadedTableWriter(*login, threadCount=3, partitionCol="id"))
        connection = proxy.connection(number)
        connection.wait_fired()
        connection.wait(lambda: connection.passed("server"))
        server.kill()
        connection.inject(Fault("reset", "client", passed(connection, "client")))
        with pytest.raises(ddb.LinkError):
            making.result()
        eventually(lambda: all(connection.ended for connection in proxy.connections))


def test_killed_while_the_writer_connects_again(start, writer):
    first, frozen, last = start(), start(), start()
    frozen.freeze()
    with FaultProxy(first.port) as proxy:
        one = writer(proxy.port, batchSize=10, throttle=LATER)
        insert(one, range(10))
        eventually(lambda: one.getStatus().sentRows == 10)
        proxy.target = frozen.port
        first.kill()
        lost = proxy.connection()
        lost.inject(Fault("reset", "client", passed(lost, "client")))
        lost.wait(lambda: lost.ended)
        insert(one, range(10, 20))
        connection = proxy.connection(1)
        connection.wait(lambda: connection.passed("server"))
        proxy.target = last.port
        frozen.kill()
        insert(one, range(20, 30))
        written, _, certain = accounted(start, one, range(30), first, frozen, last)
        assert not one.getStatus().hasError() and certain == [] and frozen.count == 0
        assert {*range(20, 30)} <= {*written}


@pytest.mark.parametrize("again", [False, True])
def test_killed_while_idle(again, start, writer):
    with held_port() as port:
        server = start(port=port)
        one = writer(port, batchSize=10, throttle=LATER, reconnect=again)
        insert(one, range(10))
        eventually(lambda: one.getStatus().sentRows == 10)
        # the end of the connection has arrived when the process has ended
        server.kill()
        other = start(port=port)
        insert(one, range(10, 20))
        written, uncertain, certain = accounted(start, one, range(20), server, other)
    # it is seen before a byte is sent
    assert uncertain == [] and certain == ([] if again else [*range(10, 20)])
    assert one.getStatus().hasError() is not again
    assert len(written) == (20 if again else 10)


@pytest.mark.parametrize("full", ["block for a time", "block", "raise", "drop"])
@THREADS
def test_killed_while_the_queue_is_full(threads, full, start, writer):
    server = start()
    one = writer(
        server.port,
        batchSize=10,
        throttle=0.01,
        maxRows=100,
        reconnect=False,
        threadCount=threads,
        partitionCol="id",
        whenFull=full.split()[0],
        blockTimeout=0.02 if full == "block for a time" else 0,
    )
    insert(one, range(50))
    eventually(lambda: one.getStatus().sentRows == 50)
    server.freeze()
    insert(one, range(50, 150))
    frame = pd.DataFrame({"id": [1000, 1001], "sym": ["a", "b"]})
    calls = (
        lambda: one.insert(999, "x"),
        lambda: one.append(frame),
        lambda: one.insertUnwrittenData([[1002, "c"], [1003, "d"], [1004, "e"]]),
    )
    waiting = []
    for call in calls:
        if full == "block":
            waiting.append(in_thread(call))
        elif full == "drop":
            assert call().errorCode == "Dropped"
        else:
            with pytest.raises(ddb.QueueFull, match="holds 100 rows, as many as maxRows allows"):
                call()
    eventually(lambda: one._work.waiting == len(waiting))
    assert one.getStatus().droppedRows == (6 if full == "drop" else 0)
    server.kill()
    eventually(lambda: one.getStatus().isExiting)
    for thread in waiting:
        with pytest.raises(RuntimeError, match="thread is exiting"):
            thread.result()
    # nothing that was refused is anywhere
    written, uncertain, certain = accounted(start, one, range(150), server)
    ended(one)
    assert sorted(written) == [*range(50)] and sorted(uncertain + certain) == [*range(50, 150)]


# -- what nobody can know -----------------------------------------------------------------------------------


def test_no_reply_passes__what_was_carried_out_is_uncertain_and_the_rest_is_not(start, writer):
    server = start()
    with FaultProxy(server.port) as proxy:
        one = writer(proxy.port, batchSize=10, throttle=LATER, maxInFlight=4, reconnect=False)
        connection = proxy.connection()
        connection.inject(Fault("stall", "client", passed(connection, "client")))
        for first in range(0, 40, 10):
            insert(one, range(first, first + 10))
            eventually(lambda first=first: server.count == first + 10)
        insert(one, range(40, 100))
        assert one.getStatus().sentRows == 0 and one.getStatus().unsentRows == 100
        server.kill()
        connection.inject(Fault("reset", "client", passed(connection, "client")))
        written, uncertain, certain = accounted(start, one, range(100), server)
        ended(one)
        assert written == uncertain == [*range(40)] and certain == [*range(40, 100)]


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("toward", ["server", "client"])
def test_connection_lost_in_mid_request(toward, again, kind, start, writer):
    server = start()
    with FaultProxy(server.port) as proxy:
        one = writer(proxy.port, batchSize=10, throttle=LATER, maxInFlight=1, reconnect=again)
        connection = proxy.connection()
        before = passed(connection, toward)
        insert(one, range(100, 110))
        eventually(lambda: one.getStatus().sentRows == 10)
        # the requests are of one length, and so are the replies
        whole = passed(connection, toward)
        connection.inject(Fault(kind, toward, whole + (whole - before) // 2))
        insert(one, range(110, 120))
        eventually(lambda: one.getStatus().uncertainRows == 10)
        if again:
            insert(one, range(120, 130))
        inserted = range(100, 130 if again else 120)
        written, uncertain, certain = accounted(start, one, inserted, server)
        assert uncertain == [*range(110, 120)] and certain == []
        # the request came as a whole, but its reply did not
        assert ({*uncertain} <= {*written}) is (toward == "client")
        assert one.getStatus().hasError() is not again
        if not again:
            ended(one)

"""DBConnectionPool and PartitionedTableAppender against a server that runs scripts."""

from __future__ import annotations

import asyncio
import copy
import gc
import threading
import weakref
from concurrent.futures import CancelledError, Future

import numpy as np
import pandas as pd
import pytest
from support.local_server import LocalServer
from support.process import forked_program
from support.recorder import DEADLINE
from support.server_process import restartable_server
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast.column import Column, Dictionary, Table


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_connection_left(server):
    yield
    gc.collect()
    eventually(lambda: server.open_connections == 0)


@pytest.fixture
def pool(server):
    with ddb.DBConnectionPool(server.host, server.port, 3, "admin", "123456") as pool:
        yield pool


# -- tasks ----------------------------------------------------------------------------------------------------


def test_run__is_a_coroutine(pool):
    async def both():
        return await asyncio.gather(pool.run("1 + 1"), pool.run("size", [1, 2, 3]), pool.run("`a`b"))

    first, second, third = asyncio.run(both())
    assert (first, second, third.tolist()) == (2, 3, ["a", "b"])
    with pytest.raises(ddb.ServerError, match="no_such"):
        asyncio.run(pool.run("no_such"))
    assert asyncio.run(pool.run("x = 5; x")) == 5
    with pytest.raises(ddb.ServerError):
        # each run clears the session's variables
        asyncio.run(pool.run("x"))
    with pytest.raises(ddb.UsageError, match="priority"):
        asyncio.run(pool.run("1", priority=10))


def test_tasks__by_their_number(pool):
    assert pool.addTask("3 * 4", 7) is None
    pool.addTask("size", 8, [1, 2])
    eventually(lambda: pool.isFinished(7) and pool.isFinished(8))
    assert (pool.getData(8), pool.getData(7)) == (2, 12)
    for ask in (pool.getData, pool.isFinished):
        for number in (7, 99):
            with pytest.raises(ddb.UsageError, match=rf"Task \[{number}\] does not exist"):
                ask(number)


def test_task__that_failed_says_why(pool):
    pool.addTask("no_such", 1)
    with pytest.raises(ddb.ServerError, match="no_such"):
        eventually(lambda: pool.isFinished(1))
    with pytest.raises(ddb.ServerError, match="no_such"):
        pool.getData(1)
    with pytest.raises(ddb.UsageError):
        pool.getData(1)


def test_get_data__waits(server, pool):
    with server.paused():
        pool.addTask("1", 1)
        assert pool.isFinished(1) is False
        waiting = in_thread(lambda: pool.getData(1))
        assert waiting.running
    assert waiting.result() == 1


def test_run_task_async__returns_a_future(pool):
    future = pool.runTaskAsync("size", [1, 2, 3])
    assert isinstance(future, Future) and future.result(DEADLINE) == 3
    with pytest.warns(DeprecationWarning, match="'runTaskAsyn' is deprecated. Please use 'runTaskAsync' instead."):
        assert pool.runTaskAsyn("1").result(DEADLINE) == 1
    assert isinstance(pool.runTaskAsync("no_such").exception(DEADLINE), ddb.ServerError)
    frame = pool.runTaskAsync("table(1 2 as a)").result(DEADLINE)
    assert frame["a"].tolist() == [1, 2]
    assert isinstance(pool.runTaskAsync("table(1 2 as a)", pickleTableToList=True).result(DEADLINE), list)


def test_tasks__run_side_by_side(server, pool):
    before = server.counters.requests
    with server.paused():
        futures = [pool.runTaskAsync(f"{i}") for i in range(3)]
        # each of the three waits in the server
        eventually(lambda: pool._executor._work_queue.empty())
        more = pool.runTaskAsync("3")
        assert not any(future.done() for future in futures)
    assert [future.result(DEADLINE) for future in (*futures, more)] == [0, 1, 2, 3]
    assert server.counters.requests == before + 4


def test_tasks__from_many_threads(pool):
    results = [
        in_thread(lambda i=i: [pool.runTaskAsync(f"{i}+{j}").result(DEADLINE) for j in range(20)]) for i in range(8)
    ]
    assert [r.result() for r in results] == [[i + j for j in range(20)] for i in range(8)]


# -- life -----------------------------------------------------------------------------------------------------


def test_pool__opens_and_closes_its_connections(server):
    pool = ddb.DBConnectionPool(server.host, server.port, 4, "admin", "123456")
    ids = pool.getSessionId()
    assert len(set(ids)) == 4 and all(isinstance(one, str) for one in ids)
    assert server.open_connections == 4
    assert (pool.host, pool.port, pool.userid, pool.size) == (server.host, server.port, "admin", 4)
    assert pool.is_shutdown() is False
    pool.shutDown()
    pool.shutDown()
    assert pool.is_shutdown() is True
    eventually(lambda: server.open_connections == 0)
    for use in (lambda: pool.addTask("1", 1), lambda: pool.runTaskAsync("1"), lambda: asyncio.run(pool.run("1"))):
        with pytest.raises(ddb.UsageError, match="shut down"):
            use()


def test_pool__that_is_forgotten_ends(server):
    threads = threading.active_count()
    pool = ddb.DBConnectionPool(server.host, server.port, 2)
    assert pool.runTaskAsync("1").result(DEADLINE) == 1
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    eventually(lambda: server.open_connections == 0)
    # the server has threads of its own for connections
    eventually(lambda: threading.active_count() <= threads)


@pytest.mark.parametrize("last", [repr, ddb.DBConnectionPool.shutDown], ids=["forgotten", "shut down"])
def test_pool__that_ends_in_a_thread_of_its_own(server, last, monkeypatch):
    ignored = []
    monkeypatch.setattr("sys.unraisablehook", ignored.append)
    threads = threading.active_count()
    pool = ddb.DBConnectionPool(server.host, server.port, 2)
    gone = weakref.ref(pool)
    with server.paused():
        other = pool.runTaskAsync("2")
        future = pool.runTaskAsync("1")
        future.add_done_callback(lambda future, pool=pool: last(pool))
        # the thread has the last reference to it
        del pool, future
    assert other.result(DEADLINE) == 2
    eventually(lambda: gone() is None and server.open_connections == 0)
    eventually(lambda: threading.active_count() <= threads)
    assert ignored == []


def test_shut_down__finishes_what_runs_and_drops_what_waits(server):
    pool = ddb.DBConnectionPool(server.host, server.port, 1)
    with server.paused():
        running, waiting = pool.runTaskAsync("1"), pool.runTaskAsync("2")
        eventually(running.running)
        end = in_thread(pool.shutDown)
        eventually(waiting.cancelled)
    end.result()
    assert running.result(DEADLINE) == 1
    with pytest.raises(CancelledError):
        waiting.result(DEADLINE)


def test_loop__is_there_for_who_wants_it(server):
    pool = ddb.DBConnectionPool(server.host, server.port, 1)
    assert pool.loop is None
    pool.startLoop()
    with pytest.raises(ddb.UsageError, match="already started"):
        pool.startLoop()
    assert asyncio.run_coroutine_threadsafe(pool.run("1+1"), pool.loop).result(DEADLINE) == 2
    pool.shutDown()
    assert pool.loop is None
    other = ddb.DBConnectionPool(server.host, server.port, 1)
    other.startLoop()
    asyncio.run_coroutine_threadsafe(other.stopLoop(), other.loop).result(DEADLINE)
    eventually(lambda: not other.loop.is_running())
    other.shutDown()


def test_constructor__leaves_nothing_open_if_it_fails(server):
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(ddb.UsageError, match="threadNum"):
            ddb.DBConnectionPool(server.host, server.port, wrong)
    with pytest.raises(ddb.AuthenticationError):
        ddb.DBConnectionPool(server.host, server.port, 2, "admin", "wrong")
    server.refuse("connect", "full")
    with pytest.raises(ddb.ConnectError):
        ddb.DBConnectionPool(server.host, server.port, 2, "admin", "123456")
    with pytest.raises(ddb.NotSupported):
        ddb.DBConnectionPool(server.host, server.port, 2, protocol=ddb.settings.PROTOCOL_PICKLE)


def test_pool__shows_no_password_and_is_not_copied(pool):
    assert "123456" not in repr(vars(pool))
    with pytest.raises(TypeError, match="DBConnectionPool"):
        copy.copy(pool)


def test_load_balance__spreads_the_connections_over_the_data_nodes(server):
    with LocalServer() as other:
        server.answer(
            "rpc(getControllerAlias(), getClusterPerf)",
            pd.DataFrame(
                {
                    "host": ["127.0.0.1"] * 3,
                    "port": [server.port, other.port, 1],
                    "mode": [0, 0, 1],
                    "maxConnections": [9] * 3,
                    "connectionNum": [0] * 3,
                    "workerNum": [0] * 3,
                    "executorNum": [0] * 3,
                }
            ),
        )
        with ddb.DBConnectionPool(server.host, server.port, 4, "admin", "123456", loadBalance=True):
            # the server may see a little later that a connection that went to the other one has ended
            eventually(lambda: (server.open_connections, other.open_connections) == (2, 2))


def test_lost_connection__comes_back_if_it_may(server):
    with restartable_server() as lost:
        pool = ddb.DBConnectionPool(lost.host, lost.port, 1, "admin", "123456", reConnect=True)
        assert pool.runTaskAsync("1").result(DEADLINE) == 1
        lost.stop()
        lost.start()
        # the task that meets the fault is not carried out twice
        assert isinstance(pool.runTaskAsync("2").exception(DEADLINE), (ddb.LinkError, type(None)))
        assert pool.runTaskAsync("3").result(DEADLINE) == 3
        pool.shutDown()


FORKED = """
import os, sys, warnings
import dolphindb_fast as ddb

# later versions of Python warn of forking beside threads
warnings.simplefilter("ignore", DeprecationWarning)
pool = ddb.DBConnectionPool("127.0.0.1", int(sys.argv[1]), 2, "admin", "123456")
assert pool.runTaskAsync("1").result(50) == 1
child = os.fork()
if child == 0:
    try:
        pool.runTaskAsync("1")
    except ddb.UsageError as error:
        print(error, flush=True)
    del pool
    sys.exit()
os.waitpid(child, 0)
print(pool.runTaskAsync("2").result(50))
"""


def test_exit_and_fork__end_quietly(server):
    # the pool is not shut down
    ended = forked_program(FORKED, str(server.port))
    assert ended.stderr == ""
    said, two = ended.stdout.splitlines()
    assert "parent of this process" in said and two == "2"


# -- partitioned tables ---------------------------------------------------------------------------------------

SCHEMES = iter(range(10**6))


@pytest.fixture
def path(server):
    path = f"dfs://pool{next(SCHEMES)}"
    server.run(
        f"d = database('{path}', RANGE, 0 10 20 30);"
        "d.createPartitionedTable(table(1:0, `s`i`p, [SYMBOL,INT,DOUBLE]), `t, `i)"
    )
    return path


def frame(rows=300):
    index = np.arange(rows)
    return pd.DataFrame({"s": [f"s{i % 5}" for i in index], "i": index % 30, "p": index / 8})


def test_partitioned_appender__returns_the_rows(server, pool, path):
    appender = ddb.PartitionedTableAppender(path, "t", "i", pool)
    assert repr(appender) == f"<PartitionedTableAppender {path}/t by i>"
    for sent in (frame(), frame()[["p", "i", "s"]], frame().set_axis(list("xyz"), axis=1)):
        assert appender.append(sent) == 300
    assert appender.append(frame()[:0]) == 0
    found = server.table(f"{path}/t")
    assert sorted(found["p"]) == sorted(frame()["p"].tolist() * 3)
    assert found["i"].dtype == "int32"


def test_partitioned_appender__writes_a_partition_over_one_connection(pool, path):
    parts = []
    appender = ddb.PartitionedTableAppender(path, "t", "i", pool)
    submit = pool._submit

    def watched(task):
        def see(session):
            class Seen:
                @staticmethod
                def run(function, part):
                    parts.append(set(part.columns[1].data // 10))
                    return session.run(function, part)

            return task(Seen)

        return submit(see)

    pool._submit = watched
    try:
        assert appender.append(frame()) == 300
    finally:
        del pool._submit
    assert sorted(map(tuple, parts)) == [(0,), (1,), (2,)]


def test_partitioned_appender__sends_nothing_of_a_frame_that_is_refused(server, pool, path):
    appender = ddb.PartitionedTableAppender(path, "t", "i", pool)
    before = server.counters.requests
    for wrong, message in (
        (frame().assign(p=["x"] * 300), "column 'p'"),
        (frame().assign(i=[*range(29), *[2**31] * 271]), "column 'i'.*row 29"),
        (frame().assign(i=[*range(29), *[30] * 271]), "column 'i', row 29: .*30.* no partition"),
        (frame()[["i"]], "1 columns"),
    ):
        with pytest.raises(ddb.ConversionError, match=f"table {path}/t: .*{message}"):
            appender.append(wrong)
    with pytest.raises(ddb.UsageError, match="a DataFrame or another table is needed"):
        appender.append([1])
    assert server.counters.requests == before


def test_partitioned_appender__tells_what_others_appended(server, pool, path):
    appender = ddb.PartitionedTableAppender(path, "t", "i", pool)
    server.refuse("tableInsert", "locked")
    with pytest.raises(ddb.ServerError, match="locked") as caught:
        appender.append(frame())
    assert caught.value.appended == 200 == server.rows(f"{path}/t")


def test_partitioned_appender__of_several_partition_columns(server, pool):
    def texts(*values):
        return Column.from_strings(values)

    def ints(*values):
        return Column(ddb.settings.DT_INT, np.array(values, "<i4"))

    server.run("share table(1:0, `a`b, [INT,SYMBOL]) as compound")
    members = {
        "colDefs": Table(["name", "typeInt"], [texts("a", "b"), ints(4, 17)]),
        "partitionColumnName": texts("a", "b"),
        "partitionColumnIndex": ints(0, 1),
        "partitionColumnType": ints(4, 18),
        "partitionType": ints(ddb.settings.VALUE, ddb.settings.HASH),
        "partitionSchema": Column(ddb.settings.DT_ANY, [ints(1, 2), ints(3)]),
    }
    reply = Dictionary(texts(*members), Column(ddb.settings.DT_ANY, list(members.values())))
    for column in ("a", "b"):
        server.answer("schema(compound)", reply)
        appender = ddb.PartitionedTableAppender(None, "compound", column, pool)
        assert appender.append(pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]})) == 3
    assert server.rows("compound") == 6


def test_partitioned_appender__refuses_what_means_nothing(server, pool, path):
    with pytest.raises(ddb.UsageError, match="Can't find specified partition column name"):
        ddb.PartitionedTableAppender(path, "t", "p", pool)
    server.run("share table(1:0, `a`b, [INT,SYMBOL]) as unparted")
    with pytest.raises(ddb.UsageError, match="not partitioned"):
        ddb.PartitionedTableAppender("", "unparted", "a", pool)
    for wrong in (None, ddb.Session()):
        with pytest.raises(ddb.UsageError, match="pool must be"):
            ddb.PartitionedTableAppender(path, "t", "i", wrong)
    with pytest.raises(ddb.ServerError, match="no_such"):
        ddb.PartitionedTableAppender(path, "no_such", "i", pool)
    with pytest.warns(DeprecationWarning, match="'dbConnectionPool' is deprecated, please use 'pool'"):
        ddb.PartitionedTableAppender(path, "t", "i", dbConnectionPool=pool)

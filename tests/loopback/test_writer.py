"""MultithreadedTableWriter against a server that runs scripts."""

from __future__ import annotations

import datetime
import gc
import itertools
import os
import queue
import re
import threading
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support.process import forked_program
from support.server_process import held_port
from support.unchanged import fingerprint
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb
from dolphindb_fast import lanes
from dolphindb_fast.writer import UnwrittenRows

names = (f"written{i}" for i in itertools.count())
LATER = 3600


@pytest.fixture
def plain(server_address):
    """A synchronous session to look with."""
    with ddb.Session(*server_address.login) as session:
        yield session


@pytest.fixture
def table(plain):
    name = next(names)
    plain.run(f"share table(1:0, `id`sym`price, [INT,SYMBOL,DOUBLE]) as {name}")
    return name


@pytest.fixture
def writer(server_address, table):
    """``writer(**arguments)`` of the table; those that were made end with the test."""
    made = []

    def make(**arguments):
        made.append(ddb.MultithreadedTableWriter(*server_address.login, "", arguments.pop("table", table), **arguments))
        return made[-1]

    yield make
    for one in made:
        one.waitForThreadCompletion(timeout=50)


def ids(plain, table):
    return plain.run(f"exec id from {table}").tolist()


def taken(result):
    assert result.succeed() and not result.hasError() and result.errorCode == "", result


# -- rows ---------------------------------------------------------------------------------------------------


def test_rows__are_in_the_table_in_order(writer, plain, table):
    with writer(batchSize=100) as one:
        for i in range(1000):
            taken(one.insert(i, "A", i / 8))
    status = one.getStatus()
    assert (status.sentRows, status.unsentRows, status.sendFailedRows) == (1000, 0, 0)
    assert not status.hasError() and status.isExiting is True
    assert ids(plain, table) == list(range(1000))
    assert one.getUnwrittenData() == []


@pytest.mark.parametrize("threads", [1, 3])
def test_batch__leaves_after_throttle_though_nothing_more_comes(threads, writer, plain, table):
    one = writer(batchSize=1000, throttle=0.05, threadCount=threads, partitionCol="id")
    one.insert(1, "A", 1.0)
    eventually(lambda: ids(plain, table) == [1])
    one.insert(2, "A", 1.0)
    eventually(lambda: ids(plain, table) == [1, 2])


def test_batch__waits_for_throttle_or_its_rows(writer, plain, table):
    one = writer(batchSize=3, throttle=datetime.timedelta(seconds=LATER))
    one.insert(1, "A", 1.0)
    one.insert(2, "A", 1.0)
    status = one.getStatus()
    assert (status.sentRows, status.unsentRows, status.isExiting) == (0, 2, False)
    assert [thread.unsentRows for thread in status.threadStatus] == [0, 2]
    one.insert(3, "A", 1.0)
    eventually(lambda: one.getStatus().sentRows == 3)
    assert ids(plain, table) == [1, 2, 3]


def test_threads__each_value_has_one(writer, plain, table):
    one = writer(batchSize=10, throttle=0.01, threadCount=4, partitionCol="sym")
    rows = [(i, "abcdefgh"[i * 7 % 8], float(i)) for i in range(2000)]
    for row in rows:
        taken(one.insert(*row))
    one.append(pd.DataFrame(rows, columns=["id", "sym", "price"]).assign(id=lambda frame: frame["id"] + 2000))
    one.waitForThreadCompletion()
    status = one.getStatus()
    assert len(status.threadStatus) == 5 and status.threadStatus[0].threadId == 0
    assert sum(thread.sentRows > 0 for thread in status.threadStatus) > 1
    found = plain.run(f"select * from {table}")
    assert sorted(found["id"]) == list(range(4000))
    for _, group in found.groupby("sym"):
        assert group["id"].is_monotonic_increasing


def test_insert__from_eight_threads(writer, plain, table):
    one = writer(batchSize=500, throttle=0.01, maxRows=2000)

    def insert(thread):
        for i in range(2000):
            taken(one.insert(thread * 10000 + i, "A", None))

    for running in [in_thread(lambda thread=thread: insert(thread)) for thread in range(8)]:
        running.result(60)
    one.waitForThreadCompletion()
    found = ids(plain, table)
    for thread in range(8):
        assert [i for i in found if i // 10000 == thread] == [thread * 10000 + i for i in range(2000)]


def test_large_queue__leaves_in_several_batches(writer, plain, table):
    one = writer(batchSize=10, throttle=LATER)
    for i in range(lanes.MOST_ROWS + 5):
        one.insert(i, "A", 0.5)
    one.waitForThreadCompletion()
    assert ids(plain, table) == list(range(lanes.MOST_ROWS + 5))


def test_types__of_every_kind(plain, writer):
    name = next(names)
    kinds = "BOOL,CHAR,LONG,FLOAT,DATE,NANOTIMESTAMP,STRING,BLOB,UUID,DECIMAL64(2),INT[]"
    plain.run(f"share table(1:0, `a`b`c`d`e`f`g`h`i`j`k, [{kinds}]) as {name}")
    uuid = "5d212a78-cc48-e3b1-4235-b4d91473ee87"
    moment = pd.Timestamp("2020-01-02T03:04:05.678901234")
    with writer(table=name) as one:
        one.insert(True, 1, 2**40, 1.5, datetime.date(2020, 1, 2), moment, "text", b"\x00\xff", uuid, 4.35, [1, 2])
        one.insert(*[None] * 10, [])
    found = plain.run(f"select * from {name}", lossless=True)
    assert found.iloc[0, :4].tolist() == [True, 1, 2**40, 1.5]
    assert found["f"][0] == moment and found["g"][0] == "text" and found["h"][0] == b"\x00\xff"
    assert str(found["i"][0]) == uuid and found["j"][0] == Decimal("4.35") and list(found["k"][0]) == [1, 2]
    assert found.iloc[1, :10].isna().all()


# -- frames -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_append__a_frame_between_rows(threads, writer, plain, table):
    one = writer(batchSize=1000, throttle=LATER, threadCount=threads, partitionCol="sym")
    frame = pd.DataFrame({"price": [1.5, None], "id": np.array([2, 3], "i8"), "sym": ["x", "x"]})
    before = fingerprint(frame)
    one.insert(1, "x", 0.0)
    taken(one.append(frame))
    assert fingerprint(frame) == before
    # a copy was made
    frame["id"] = -1
    # the row before it leaves with it
    eventually(lambda: one.getStatus().sentRows == 3)
    one.insert(4, "x", 0.0)
    one.waitForThreadCompletion()
    assert ids(plain, table) == [1, 2, 3, 4]


def test_append__a_frame_that_is_refused_leaves_the_writer_alive(writer, plain, table):
    with writer() as one:
        with pytest.raises(ddb.ConversionError, match=rf"table {table}: column 'id' .* to INT, row 1: .*4294967296"):
            one.append(pd.DataFrame({"id": [1, 2**32], "sym": ["a", "b"], "price": [1.0, 2.0]}))
        with pytest.raises(ddb.UsageError, match="a DataFrame or another table is needed"):
            one.append([1, 2])
        taken(one.append(pd.DataFrame({"id": [], "sym": [], "price": []})))
        taken(one.append(pd.DataFrame({"id": [7], "sym": ["a"], "price": [1]})))
    assert ids(plain, table) == [7]


@pytest.mark.parametrize("threads", [1, 2])
def test_append__the_types_that_a_frame_gives_itself(threads, writer, plain, table):
    frame = pd.DataFrame({"id": [7, 8, 9], "sym": ["a", "b", "a"], "price": ["x", "x", "x"]})
    frame.attrs.clear()
    object.__setattr__(frame, "__DolphinDB_Type__", {"sym": "STRING"})
    one = writer(threadCount=threads, partitionCol="id")
    with pytest.raises(ddb.ConversionError, match="price"):
        one.append(frame)
    frame["price"] = 1.5
    taken(one.append(frame))
    one.waitForThreadCompletion()
    assert sorted(ids(plain, table)) == [7, 8, 9]


@pytest.mark.parametrize("threads", [1, 2])
def test_compressed__rows_and_frames(threads, writer, plain, table):
    pytest.importorskip("lz4")
    one = writer(
        compressMethods=["DELTA", "LZ4", "lz4"],
        batchSize=5000,
        throttle=LATER,
        threadCount=threads,
        partitionCol="id",
    )
    for i in range(5000):
        one.insert(i, "A", 1.0)
    one.append(pd.DataFrame({"id": range(5000, 9000), "sym": "B", "price": 2.0}))
    one.waitForThreadCompletion()
    assert not one.getStatus().hasError(), one.getStatus()
    assert sorted(ids(plain, table)) == list(range(9000))


def test_upsert__replaces_rows_with_the_same_key(plain, server_address):
    name = next(names)
    plain.run(f"share keyedTable(`k, 1:0, `k`v, [INT, DOUBLE]) as {name}")
    with ddb.MultithreadedTableWriter(
        *server_address.login, "", name, mode="Upsert", modeOption=["ignoreNull=true"]
    ) as one:
        one.insert(1, 1.0)
        one.append(pd.DataFrame({"k": [1, 2], "v": [np.nan, 5.0]}))
        one.insert(2, 7.0)
    found = plain.run(f"select * from {name}")
    assert dict(zip(found["k"], found["v"], strict=True)) == {1: 1.0, 2: 7.0}


# -- what is wrong ------------------------------------------------------------------------------------------


def test_wrong_number_of_values__is_told_at_once(writer, plain, table):
    with writer() as one:
        for row in ((), (1, "A"), (1, "A", 2.0, 3)):
            result = one.insert(*row)
            assert (result.errorCode, result.hasError(), result.succeed()) == ("A2", True, False)
            assert result.errorInfo.startswith("Column counts don't match 3")
            assert table in result.errorInfo and "id, sym, price" in result.errorInfo
        taken(one.insert(1, "A", 2.0))
        result = one.insertUnwrittenData([[2, "A", 2.0], [3, "A"]])
        assert result.errorCode == "A1" and result.errorInfo.startswith("arg size mismatch col size 3")
    # all or nothing
    assert ids(plain, table) == [1]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (("x", "A", 1.0), r"column 'id' \(number 0\) to INT, row 1: the text is no INT: 'x' \(str\)"),
        (
            (2**31, "A", 1.0),
            r"column 'id' \(number 0\) to INT, row 1: the value does not fit INT: 2147483648 \(int\)",
        ),
        ((1.5, "A", 1.0), r"column 'id' \(number 0\) to INT, row 1: the value is no INT: 1.5 \(float\)"),
        ((Decimal("1.5"), "A", 1.0), r"column 'id' \(number 0\) to INT, row 1: .*: Decimal\('1.5'\)"),
        ((1, 5, 1.0), r"column 'sym' \(number 1\) to SYMBOL, row 1: the value is no SYMBOL: 5 \(int\)"),
        (
            (1, "a\0b", 1.0),
            r"column 'sym' \(number 1\) to SYMBOL, row 1: text holds a NUL.*: 'a\\x00b' \(str\)",
        ),
        ((1, "A", "x"), r"column 'price' \(number 2\) to DOUBLE, row 1: the text is no DOUBLE: 'x'"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_wrong_type__ends_the_writer_and_names_the_cell(row, place, threads, writer, plain, table):
    one = writer(batchSize=3, throttle=LATER, threadCount=threads, partitionCol="price")
    rows = [(7, "A", 1.0), row, (8, "A", 1.0)]
    for number, values in enumerate(rows):
        taken(one.insert(*values))
        if threads > 1 and number == 0:
            eventually(lambda: one.getStatus().threadStatus[0].unsentRows == 0)
    eventually(lambda: one.getStatus().hasError())
    status = one.getStatus()
    assert status.errorCode == "A1" and status.isExiting
    assert status.errorInfo.startswith(f"Data conversion error: table {table}: column ")
    # of a batch of one thread the number of the row may be another one
    place = place if threads == 1 else place.replace("row 1", r"row \d")
    assert re.search(place, status.errorInfo), status.errorInfo
    one.waitForThreadCompletion()
    assert one.getStatus().sendFailedRows + one.getStatus().unsentRows == 3
    for use in (
        lambda: one.insert(1, "A", 1.0),
        lambda: one.append(None),
        lambda: one.insertUnwrittenData([]),
    ):
        with pytest.raises(RuntimeError, match="<Exception> in insert: thread is exiting"):
            use()
    unwritten = one.getUnwrittenData()
    assert type(unwritten) is UnwrittenRows and unwritten.uncertain == 0
    assert sorted(map(str, unwritten)) == sorted(str(list(values)) for values in rows)
    assert one.getUnwrittenData() == [] and one.getStatus().sendFailedRows == 0
    assert ids(plain, table) == []


def test_refused_by_the_server__what_was_refused_can_be_fetched(plain, writer, table):
    one = writer(batchSize=2, throttle=LATER, maxInFlight=1)
    one.insert(1, "A", 1.0)
    one.insert(2, "A", 1.0)
    eventually(lambda: one.getStatus().sentRows == 2)
    plain.run(f"undef(`{table}, SHARED)")
    for i in range(3, 7):
        try:
            one.insert(i, "A", 1.0)
        except RuntimeError:
            break
    one.waitForThreadCompletion()
    status = one.getStatus()
    assert status.errorCode == "A5" and status.sentRows == 2
    assert status.errorInfo.startswith("Failed to save the inserted data: Server Response: ")
    assert status.errorInfo.endswith(f"script: tableInsert{{{table}}}")
    unwritten = one.getUnwrittenData()
    assert unwritten.uncertain == 0 and [row[0] for row in unwritten] == list(range(3, 3 + len(unwritten)))
    assert len(unwritten) >= 2
    plain.run(f"share table(1:0, `id`sym`price, [INT,SYMBOL,DOUBLE]) as {table}")
    with writer() as other:
        taken(other.insertUnwrittenData(unwritten))
    assert ids(plain, table) == [row[0] for row in unwritten]


def test_with_block__raises_what_ended_the_writer(writer, plain, table):
    with pytest.raises(ddb.ConversionError, match="'x'"):
        with writer() as one:
            one.insert("x", "A", 1.0)
    with pytest.raises(ZeroDivisionError):
        with writer() as one:
            one.insert(1, "A", 1.0)
            raise ZeroDivisionError
    assert ids(plain, table) == [1]


def test_unwritten__of_frames(plain, writer):
    name = next(names)
    plain.run(f"share table(1:0, `id`at`big`sym, [INT,TIMESTAMP,LONG,SYMBOL]) as {name}")
    one = writer(table=name, batchSize=1, maxInFlight=1)
    plain.run(f"undef(`{name}, SHARED)")
    at = pd.Timestamp("2020-01-02 03:04:05.678")
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "at": [at, pd.NaT],
            "big": pd.array([2**60 + 1, None], dtype="Int64"),
            "sym": ["a", None],
        }
    )
    taken(one.append(frame))
    one.waitForThreadCompletion()
    plain.run(f"share table(1:0, `id`at`big`sym, [INT,TIMESTAMP,LONG,SYMBOL]) as {name}")
    unwritten = one.getUnwrittenData()
    assert unwritten[0] == [1, at, 2**60 + 1, "a"] and pd.isna(unwritten[1][1:3]).all()
    with writer(table=name) as other:
        taken(other.insertUnwrittenData(unwritten))
    found = plain.run(f"select * from {name}", lossless=True)
    assert found["big"].tolist() == [2**60 + 1, pd.NA] and found["at"][0] == at


def test_unwritten__is_taken_from_the_queue_of_a_writer_that_works(writer, plain, table):
    one = writer(batchSize=1000, throttle=LATER)
    for i in range(5):
        one.insert(i, "A", 1.0)
    assert one.getUnwrittenData() == [[i, "A", 1.0] for i in range(5)]
    assert one.getStatus().unsentRows == 0
    taken(one.insertUnwrittenData([[8, "A", 1.0]]))
    one.waitForThreadCompletion()
    assert ids(plain, table) == [8]


# -- back-pressure ------------------------------------------------------------------------------------------


@pytest.fixture
def full(local_address, writer):
    """``full(**arguments)``: a writer of five rows whose server does not answer until the test is over."""
    with local_address.local.paused():

        def make(**arguments):
            # it has questions to the server
            local_address.local._unpaused.set()
            one = writer(maxRows=5, **arguments)
            local_address.local._unpaused.clear()
            for i in range(5):
                taken(one.insert(i, "A", 1.0))
            return one

        yield make


def test_full__blocks_until_there_is_room(full, local_address, plain, table):
    one = full()
    more = in_thread(lambda: one.insert(5, "A", 1.0))
    frame = in_thread(lambda: one.append(pd.DataFrame({"id": range(6, 16), "sym": "A", "price": 1.0})))
    assert one.getStatus().unsentRows == 5 and more.running and frame.running
    local_address.local._unpaused.set()
    taken(more.result())
    # a frame of more rows than that goes alone
    taken(frame.result())
    eventually(lambda: one.getStatus().sentRows == 16)
    assert sorted(ids(plain, table)) == list(range(16))


def test_full__blocks_for_a_time(full, plain, table):
    one = full(blockTimeout=0.02)
    with pytest.raises(
        ddb.QueueFull, match=rf"table {table} holds 5 rows, as many as maxRows allows.* in 0.02 s"
    ) as caught:
        one.insert(5, "A", 1.0)
    assert isinstance(caught.value, queue.Full)
    with pytest.raises(ddb.QueueFull):
        one.append(pd.DataFrame({"id": [1], "sym": ["a"], "price": [1.0]}))


def test_full__raises_at_once(full):
    one = full(whenFull="raise", blockTimeout=0)
    with pytest.raises(ddb.QueueFull, match="1 more were not taken"):
        one.insert(5, "A", 1.0)
    assert one.getStatus().droppedRows == 0


def test_full__drops_and_counts(full, local_address, plain, table):
    one = full(whenFull="drop")
    result = one.insert(5, "A", 1.0)
    assert result.errorCode == "Dropped" and result.hasError()
    assert one.append(pd.DataFrame({"id": [1, 2], "sym": ["a", "a"], "price": [1.0, 2.0]})).hasError()
    assert one.getStatus().droppedRows == 3
    local_address.local._unpaused.set()
    eventually(lambda: one.getStatus().sentRows == 5)
    taken(one.insert(6, "A", 1.0))
    one.waitForThreadCompletion()
    assert ids(plain, table) == [0, 1, 2, 3, 4, 6]


def test_full__a_waiting_insert_ends_with_the_writer(full):
    one = full(blockTimeout=0)
    waiting = in_thread(lambda: one.insert(5, "A", 1.0))
    eventually(lambda: one._work.waiting)
    with pytest.raises(ddb.ReplyTimeout, match="5 rows .* were not confirmed in 0.05 s"):
        one.waitForThreadCompletion(timeout=0.05)
    with pytest.raises(RuntimeError, match="thread is exiting"):
        waiting.result()
    rows = one.getUnwrittenData()
    assert sorted(row[0] for row in rows) == list(range(5))
    status = one.getStatus()
    assert status.uncertainRows == 0 and status.errorCode == "A5"


# -- life ---------------------------------------------------------------------------------------------------


def test_ended__takes_no_more(writer):
    one = writer()
    one.waitForThreadCompletion()
    one.waitForThreadCompletion()
    with pytest.raises(RuntimeError, match="thread is exiting"):
        one.insert(1, "A", 1.0)
    with pytest.raises(RuntimeError, match="thread is exiting"):
        # the number of values comes second
        one.insert()


def test_forgotten__writes_what_it_has_and_ends(server_address, plain, table):
    threads = threading.active_count()
    one = ddb.MultithreadedTableWriter(*server_address.login, "", table, batchSize=100, throttle=LATER)
    one.insert(1, "A", 1.0)
    del one
    gc.collect()
    eventually(lambda: ids(plain, table) == [1])
    eventually(lambda: threading.active_count() <= threads)


def test_server__says_that_it_took_fewer_rows(local_address, writer, caplog):
    one = writer(batchSize=3, throttle=LATER)
    local_address.local.answer("tableInsert", 2)
    for i in range(3):
        one.insert(i, "A", 1.0)
    one.waitForThreadCompletion()
    assert one.getStatus().ignoredRows == 1
    assert "the server took 2 of 3 rows" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batchSize": 0}, "The parameter batchSize must be greater than or equal to 1"),
        ({"batchSize": True}, "batchSize"),
        ({"threadCount": 0}, "The parameter threadCount must be greater than or equal to 1"),
        ({"throttle": -1}, "throttle"),
        ({"maxRows": 0}, "maxRows"),
        ({"maxInFlight": "1"}, "maxInFlight"),
        ({"whenFull": "wait"}, "whenFull must be 'block', 'raise' or 'drop'"),
        ({"blockTimeout": -1}, "blockTimeout"),
        (
            {"threadCount": 2},
            "The parameter partitionCol must be specified when threadCount is greater than 1",
        ),
        ({"threadCount": 2, "partitionCol": "x"}, "No match found for x: table .* has id, sym, price"),
        (
            {"compressMethods": ["LZ4"]},
            "The number of elements in parameter compressMethods.* match the column size 3",
        ),
        ({"compressMethods": ["LZ4", "X", "LZ4"]}, "Unsupported compression method 'X'"),
        ({"mode": "foo"}, "Unsupported mtw mode FOO"),
        ({"tryReconnectNums": "2"}, "tryReconnectNums must be an int"),
    ],
)
def test_arguments__that_mean_nothing(arguments, message, server_address, table):
    with pytest.raises(ddb.UsageError, match=message):
        ddb.MultithreadedTableWriter(*server_address.login, "", table, **arguments)


def test_table__that_is_not_there(server_address, local_address):
    with pytest.raises(ddb.ServerError):
        ddb.MultithreadedTableWriter(*server_address.login, "", "no_such_table")
    with pytest.raises(ddb.AuthenticationError):
        ddb.MultithreadedTableWriter(server_address.host, server_address.port, "admin", "wrong", "", "t")
    with held_port() as port, pytest.raises(ddb.ConnectError):
        ddb.MultithreadedTableWriter(server_address.host, port, "admin", "123456", "", "t")
    eventually(lambda: local_address.local.open_connections == 0)


def test_partition_column__must_be_one_of_the_table(plain, server_address, local_address):
    path = f"dfs://{next(names)}"
    plain.run(f"db = database('{path}', VALUE, 1..5);db.createPartitionedTable(table(1:0, `a`b, [INT,INT]), `t, `a)")
    with pytest.raises(ddb.UsageError, match="is partitioned by a, not by b"):
        ddb.MultithreadedTableWriter(*server_address.login, path, "t", threadCount=2, partitionCol="b")
    name = next(names)
    plain.run(f"share table(1:0, `a`b, [INT,INT[]]) as {name}")
    with pytest.raises(ddb.UsageError, match="array vectors"):
        ddb.MultithreadedTableWriter(*server_address.login, "", name, threadCount=2, partitionCol="b")


def test_stream_table_timestamp__is_left_to_the_server(local_address, table):
    local_address.local.answer("getStreamTableTimestamp", "price")
    local_address.local.answer("tableInsert", 1)
    with ddb.MultithreadedTableWriter(*local_address.login, "", table, enableStreamTableTimestamp=True) as one:
        assert one.schema.names == ("id", "sym")
        taken(one.insert(1, "A"))
    assert one.getStatus().sentRows == 1


_EXIT = """
import dolphindb_fast as ddb
from dolphindb_fast.localserver import LocalServer
server = LocalServer().start()
server.run("share table(1:0, `id`sym, [INT,SYMBOL]) as t")
writer = ddb.MultithreadedTableWriter(server.host, server.port, "admin", "123456", "", "t",
                                      threadCount={threads}, partitionCol="id", batchSize=100, throttle=1000)
writer.insert(1, "A")
{last}
print("end")
"""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "last",
    ["", "server._unpaused.clear(); writer._work.batch_size = 1; writer._work.look_around()"],
    ids=["idle", "busy"],
)
def test_exit__with_a_live_writer_does_not_hang(threads, last):
    pytest.importorskip("lark")
    ended = forked_program(_EXIT.format(threads=threads, last=last))
    assert ended.returncode == 0 and ended.stdout == "end\n", ended.stderr
    assert "1 rows of table t may not be written" in ended.stderr


_FORK = """
import os, warnings
warnings.simplefilter("ignore")
import dolphindb_fast as ddb
from dolphindb_fast.localserver import LocalServer
with LocalServer() as server:
    server.run("share table(1:0, `id`sym, [INT,SYMBOL]) as t")
    writer = ddb.MultithreadedTableWriter(server.host, server.port, "admin", "123456", "", "t", threadCount=2,
                                          partitionCol="id", batchSize=100, throttle=100)
    writer.insert(1, "A")
    child = os.fork()
    if child == 0:
        said = []
        for use in (lambda: writer.insert(2, "A"), writer.getStatus, writer.getUnwrittenData,
                    writer.waitForThreadCompletion):
            try:
                use()
            except ddb.UsageError as error:
                said.append("belongs to the process that made it" in str(error))
        del writer
        os._exit(0 if said == [True] * 4 else 1)
    assert os.waitpid(child, 0)[1] == 0
    writer.insert(3, "A")
    writer.waitForThreadCompletion()
    assert not writer.getStatus().hasError(), writer.getStatus()
    print(sorted(server.table("t")["id"]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork__the_writer_stays_the_parents():
    pytest.importorskip("lark")
    # some versions of Python warn of a fork beside threads
    ended = forked_program(_FORK)
    assert ended.stdout == "[1, 3]\n", ended.stderr

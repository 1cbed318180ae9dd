"""Arrow data wherever a frame is appended: the rows, the rules of columns and the refusals are those of a frame."""

from __future__ import annotations

import datetime
import itertools
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support.arrow_columns import as_arrow, as_frame
from support.local_server import LocalServer
from support.waiting import eventually

import dolphindb_fast as ddb

names = (f"arrow{number}" for number in itertools.count())

MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"
#: name -> (type on the server, kind of Arrow column, values)
COLUMNS = {
    "time": ("TIMESTAMP", "timestamp[us]", [MOMENT, None, datetime.datetime(1969, 12, 31, 23, 59, 59, 999500)]),
    "sym": ("SYMBOL", "text view", ["A", "größe", "A"]),
    "id": ("INT", "int64", [1, None, -3]),
    "price": ("DECIMAL64(2)", "double", [4.35, None, -1.25]),
    "day": ("DATE", "timestamp[ns]", [MOMENT, None, MOMENT]),
    "order": ("UUID", "text", [UUID, "", None]),
    "kind": ("STRING", "dictionary", ["b", None, "a"]),
    "sizes": ("INT[]", "lists", [[1, 2], [3], [2**31 - 1]]),
    "cost": ("DOUBLE", "decimal", [Decimal("1.255"), None, Decimal(-7)]),
    "note": ("SHORT", "null", [None, None, None]),
}
ROWS = [(name, kind, values) for name, (_, kind, values) in COLUMNS.items()]


def _polars(columns):
    """The same as a polars.DataFrame, whose columns have types of their own."""
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: polars.Series(name, values, strict=False) for name, _, values in columns})


def _pyarrow(columns):
    """The same as a pyarrow.Table of two chunks."""
    pa = pytest.importorskip("pyarrow")
    types = {
        "timestamp[us]": pa.timestamp("us"),
        "timestamp[ns]": pa.timestamp("ns"),
        "text": pa.string(),
        "text view": pa.string_view(),
        "dictionary": pa.dictionary(pa.int8(), pa.large_string()),
        "int64": pa.int64(),
        "double": pa.float64(),
        "decimal": pa.decimal128(20, 3),
        "lists": pa.list_(pa.int64()),
        "null": pa.null(),
    }
    table = pa.table({name: pa.array(values, types[kind]) for name, kind, values in columns})
    return pa.concat_tables([table[:1], table[1:]])


EXPORTERS = {
    "stream": lambda columns: as_arrow(columns),
    "batches": lambda columns: as_arrow(columns, 3),
    "array": lambda columns: as_arrow(columns, kind="array"),
    "both": lambda columns: as_arrow(columns, 2, kind="both"),
    "pyarrow.Table": _pyarrow,
    "pyarrow.RecordBatch": lambda columns: _pyarrow(columns).combine_chunks().to_batches()[0],
    "pyarrow.RecordBatchReader": lambda columns: _pyarrow(columns).to_reader(),
    "polars": _polars,
}


@pytest.fixture(scope="module")
def session(server_address):
    with ddb.Session(*server_address.login) as session:
        yield session


def _table(session, key=None):
    name = next(names)
    types = ",".join(kind for kind, _, _ in COLUMNS.values())
    made = f"keyedTable(`{key}, " if key else "table("
    session.run(f"share {made}1:0, `{'`'.join(COLUMNS)}, [{types}]) as {name}")
    return name


def _appended(session, name, table):
    return ddb.TableAppender(None, name, session).append(table)


def _upserted(session, name, table):
    return ddb.TableUpserter(None, name, session, key_cols=["id"]).upsert(table)


def _written(threads):
    def write(session, name, table):
        more = {"threadCount": threads, "partitionCol": "sym"} if threads > 1 else {}
        writer = ddb.MultithreadedTableWriter(session.host, session.port, "admin", "123456", "", name, **more)
        assert not writer.append(table).hasError()
        writer.waitForThreadCompletion()
        assert not writer.getStatus().hasError()
        return 3

    return write


WAYS = {"append": _appended, "upsert": _upserted, "writer": _written(1), "threads": _written(3)}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("way", WAYS)
def test_rows__are_those_of_a_frame(way, exporter, session):
    tables, counts = [], []
    for sent in (as_frame(ROWS), EXPORTERS[exporter](ROWS)):
        name = _table(session)
        counts.append(WAYS[way](session, name, sent))
        eventually(lambda name=name: session.run(f"exec count(*) from {name}") == 3)
        # threads write in any order
        tables.append(session.run(f"select * from {name} order by id", raw=True))
        if hasattr(sent, "released"):
            assert sent.released == sent.made
    assert counts[0] == counts[1]
    assert ddb.dumps(tables[0]) == ddb.dumps(tables[1])
    assert tables[0].columns[3].data.tolist() == [-(2**63), -125, 435]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_partitioned_appender__spreads_them(exporter, session, server_address):
    kinds = [*COLUMNS]
    tables = []
    with ddb.DBConnectionPool(server_address.host, server_address.port, 2, "admin", "123456") as pool:
        for sent in (as_frame(ROWS), EXPORTERS[exporter](ROWS)):
            path = f"dfs://{next(names)}"
            types = ",".join(kind for kind, _, _ in COLUMNS.values())
            session.run(
                f"d = database('{path}', VALUE, `A`B);"
                f"d.createPartitionedTable(table(1:0, `{'`'.join(kinds)}, [{types}]), `t, `sym)"
            )
            assert ddb.PartitionedTableAppender(path, "t", "sym", pool).append(sent) == 3
            tables.append(ddb.dumps(session.run(f"select * from loadTable('{path}', 't') order by id", raw=True)))
            if hasattr(sent, "released"):
                assert sent.released == sent.made
    assert tables[0] == tables[1]


def test_prepared_call__takes_them(session):
    name = _table(session)
    session.run(f"share table(1:0, `a`b, [LONG,STRING]) as {name}")
    insert = session.prepare(f"tableInsert{{{name}}}")
    columns = [("a", "int64", [1, None]), ("b", "large text", ["x", "größe"])]
    for sent in (as_arrow(columns), as_frame(columns), ddb.typed(as_arrow(columns), {"b": "SYMBOL"})):
        assert insert(sent) == 2
    assert session.run(f"exec b from {name}").tolist() == ["x", "größe"] * 3


def test_arrays_and_lists__are_appended_too(session):
    name = _table(session)
    session.run(f"share table(1:0, `a`b, [INT,SYMBOL]) as {name}")
    appender = ddb.TableAppender(None, name, session)
    assert appender.append(ddb.table({"b": ["x", "y"], "a": np.array([1, 2])})) == 2
    assert appender.append(ddb.table({"v": [3], "w": ["z"]})) == 1
    assert session.run(f"exec a from {name}").tolist() == [1, 2, 3]
    assert session.run(f"exec b from {name}").tolist() == ["x", "y", "z"]
    with pytest.raises(ddb.ValueRefused, match=f"^table {name}: column 'a'.* to INT, row 1: .*2147483648"):
        appender.append(ddb.table({"b": ["x", "y"], "a": [1, 2**31]}))


# -- columns --------------------------------------------------------------------------------------------------

SMALL = [("a", "int64", [1, 2]), ("b", "text", ["x", "y"]), ("c", "double", [1.5, None])]


def _renamed(*columns):
    return [(name, *SMALL[place][1:]) for name, place in columns]


ARRANGED = {
    "same": SMALL,
    "another order": _renamed(("c", 2), ("a", 0), ("b", 1)),
    "other names": _renamed(("x", 0), ("y", 1), ("z", 2)),
    "some names": _renamed(("a", 0), ("y", 1), ("c", 2)),
    "misplaced": _renamed(("b", 0), ("y", 1), ("z", 2)),
    "missing": SMALL[:2],
    "extra": [*SMALL, ("d", "int64", [1, 2])],
    "twice": _renamed(("a", 0), ("a", 1), ("c", 2)),
    "another type": [("a", "text", ["x", "y"]), *SMALL[1:]],
    "another type by position": [("x", "text", ["x", "y"]), ("y", *SMALL[1][1:]), ("z", *SMALL[2][1:])],
    "too large": _renamed(("c", 2), ("b", 1)) + [("a", "int64", [1, 2**31])],
    "too large by position": [("x", "int64", [1, 2**31]), ("y", *SMALL[1][1:]), ("z", *SMALL[2][1:])],
    "NUL": [SMALL[0], ("b", "text", ["x", "y\0"]), SMALL[2]],
}
REFUSED = {
    "misplaced": "the frame's column number 0 is called 'b', which is the table's column number 1; ",
    "missing": "the frame has 2 columns, the table has 3: a, b, c",
    "extra": "the frame has 4 columns, the table has 3: a, b, c",
    "twice": "column names must be unique, but 'a' is repeated",
    "another type": "column 'a' (number 0, *): it can't be converted to INT",
    "another type by position": "column 'a' (number 0, *): it can't be converted to INT",
    "too large": "column 'a' (number 0, *) to INT, row 1: value outside the range of the target type: *2147483648",
    "too large by position": "column 'a' (number 0, *) to INT, row 1: value outside the range of the target type: ",
    "NUL": "column 'b' (number 1, *) to SYMBOL, row 1: *",
}


def _matches(pattern, message):
    return re.match(".*".join(map(re.escape, pattern.split("*"))), message)


@pytest.mark.parametrize("case", ARRANGED)
def test_columns__go_where_those_of_a_frame_go(case, session):
    exporters = [as_arrow(ARRANGED[case], 2), as_arrow(ARRANGED[case], kind="array")]
    for sent in (as_frame(ARRANGED[case]), *exporters):
        name = next(names)
        session.run(f"share table(1:0, `a`b`c, [INT,SYMBOL,DOUBLE]) as {name}")
        appender = ddb.TableAppender(None, name, session)
        if case in REFUSED:
            requests = session.stats.requests
            with pytest.raises(ddb.ConversionError) as caught:
                appender.append(sent)
            assert _matches(f"table {name}: {REFUSED[case]}", str(caught.value)), caught.value
            # nothing was sent but the question for the schema
            assert session.stats.requests == requests + 1
            assert session.run(f"exec count(*) from {name}") == 0
        else:
            assert appender.append(sent) == 2
            found = session.run(f"select * from {name}", lossless=True)
            assert found["a"].tolist() == [1, 2] and found["b"].tolist() == ["x", "y"]
            assert found["c"].isna().tolist() == [False, True]
    for exporter in exporters:
        assert exporter.released == exporter.made


@pytest.mark.parametrize("kind", ["stream", "array", "both"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused_data__is_given_back_once(case, kind, session, server_address):
    name, path = next(names), f"dfs://{next(names)}"
    session.run(f"share table(1:0, `a`b`c, [INT,SYMBOL,DOUBLE]) as {name}")
    session.run(
        f"d = database('{path}', VALUE, 1..3);d.createPartitionedTable(table(1:0, `a`b`c, [INT,SYMBOL,DOUBLE]), `t, `a)"
    )
    address = server_address.host, server_address.port, "admin", "123456"
    more = {"threadCount": 2, "partitionCol": "a"}
    with (
        ddb.Session(*address, enableASYNC=True) as asynchronous,
        ddb.Session(*address, enableASYNC=True, acknowledge=True) as acknowledged,
        ddb.DBConnectionPool(address[0], address[1], 2, "admin", "123456") as pool,
    ):
        writers = [
            ddb.MultithreadedTableWriter(*address, "", name),
            ddb.MultithreadedTableWriter(*address, "", name, **more),
        ]
        takers = [
            ddb.TableAppender(None, name, asynchronous).append,
            ddb.TableAppender(None, name, acknowledged).append,
            ddb.TableUpserter(None, name, session, key_cols=["a"]).upsert,
            ddb.PartitionedTableAppender(path, "t", "a", pool).append,
            *(writer.append for writer in writers),
        ]
        for take in takers:
            exporter = as_arrow(ARRANGED[case], kind=kind)
            with pytest.raises(ddb.ConversionError, match=f"^table ({name}|{path}/t): "):
                take(exporter)
            assert exporter.released == exporter.made
        for writer in writers:
            writer.waitForThreadCompletion()
            assert not writer.getStatus().hasError()
    assert session.run(f"exec count(*) from {name}") == 0


def test_partition__that_there_is_not_is_refused_with_its_value(session, server_address):
    path = f"dfs://{next(names)}"
    session.run(
        f"d = database('{path}', RANGE, [2020.01.01,2020.02.01,2020.03.01]);"
        "d.createPartitionedTable(table(1:0, `t`v, [TIMESTAMP,INT]), `t, `t)"
    )
    moments = [MOMENT, datetime.datetime(2021, 1, 1), MOMENT]
    columns = [("v", "int64", [1, 2, 3]), ("t", "timestamp[us]", moments)]
    with ddb.DBConnectionPool(server_address.host, server_address.port, 2, "admin", "123456") as pool:
        appender = ddb.PartitionedTableAppender(path, "t", "t", pool)
        for sent in (as_frame(columns), as_arrow(columns)):
            with pytest.raises(ddb.ValueRefused, match="column 't', row 1: .*2021-01-01.*belongs to no partition"):
                appender.append(sent)


# -- what can be read only once -------------------------------------------------------------------------------


class Once:
    """Hands its rows over when it is asked first, later none, as the reader of pyarrow does."""

    def __init__(self, columns):
        self.exporters = [as_arrow(columns), as_arrow([(name, kind, []) for name, kind, _ in columns])]
        self.asked = 0

    def __arrow_c_stream__(self, requested_schema=None):
        self.asked += 1
        return self.exporters[min(self.asked, 2) - 1].__arrow_c_stream__()


TWO = [("a", "int64", [1, 2])]


def test_stream__is_not_sent_again_when_the_schema_changed():
    with LocalServer() as server, ddb.Session(server.host, server.port, "admin", "123456") as session:
        server.run("share table(1:0, [`a], [INT]) as t")
        appender = ddb.TableAppender(None, "t", session)
        server.run("share table(1:0, [`a], [LONG]) as t")
        large = [("a", "int64", [1, 2**40])]
        with pytest.raises(ddb.ValueRefused, match="^table t: column 'a'.*INT, row 1"):
            appender.append(Once(large))
        # but the new columns are known now
        assert appender.append(Once(large)) == 2
        assert server.table("t")["a"].tolist() == [1, 2**40]


@pytest.mark.parametrize("way", ["run", "append", "upload"])
def test_stream__is_kept_where_a_call_may_be_repeated(way):
    with LocalServer() as server, ddb.Session() as session:
        server.run("share table(1:0, [`a], [INT]) as t")
        session.connect(server.host, server.port, "admin", "123456", reconnect=True)
        appender = ddb.TableAppender(None, "t", session)
        server.refuse("u" if way == "upload" else "tableInsert", "<ChunkInTransaction>")
        sent = Once(TWO)
        if way == "upload":
            session.upload({"u": sent})
            assert session.run("exec count(*) from u") == 2
        elif way == "run":
            assert session.run("tableInsert{t}", ddb.typed(sent, {"a": "INT"})) == 2
        else:
            assert appender.append(sent) == 2
        assert sent.asked == 1


def test_frame__is_sent_again_as_ever():
    with LocalServer() as server, ddb.Session() as session:
        server.run("share table(1:0, [`a], [INT]) as t")
        session.connect(server.host, server.port, "admin", "123456", reconnect=True)
        server.refuse("tableInsert", "<ChunkInTransaction>")
        assert ddb.TableAppender(None, "t", session).append(pd.DataFrame({"a": [1, 2]})) == 2

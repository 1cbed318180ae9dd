"""Tables of other libraries to a server, and its tables as Arrow and Polars."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from support.recorder import DEADLINE, Recorder, our_session, reply

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

SCHEMA = "share table(1:0, `time`sym`price`id, [NANOTIMESTAMP,SYMBOL,DOUBLE,LONG]) as {}"
ROWS = [
    {
        "time": datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=i),
        "sym": ["IBN", None, "größe"][i % 3],
        "price": None if i % 9 == 0 else i / 4,
        "id": i,
    }
    for i in range(2_000)
]


@pytest.fixture
def session(server_address):
    with ddb.Session(*server_address.login) as session:
        yield session


def _arrow():
    pa = pytest.importorskip("pyarrow")
    kinds = pa.schema({"time": pa.timestamp("us"), "sym": pa.string(), "price": pa.float64(), "id": pa.int64()})
    return pa.Table.from_pylist(ROWS, schema=kinds)


def _polars():
    pl = pytest.importorskip("polars")
    kinds = {"time": pl.Datetime("us"), "sym": pl.String, "price": pl.Float64, "id": pl.Int64}
    return pl.DataFrame(ROWS, schema=kinds)


FRAMES = {
    "pyarrow": _arrow,
    "polars": _polars,
    "table": lambda: ddb.table([{**row, "time": np.datetime64(row["time"], "ns")} for row in ROWS]),
}


@pytest.mark.parametrize("name", FRAMES)
def test_insert__and_read_back(name, session):
    data = FRAMES[name]()
    session.run(SCHEMA.format(f"from_{name}"))
    assert session.run(f"tableInsert{{from_{name}}}", data) == len(ROWS)
    session.upload({"uploaded": data})
    for script in (f"select * from from_{name}", "select * from uploaded"):
        back = session.run(script, raw=True)
        assert back.columns[1].strings() == [row["sym"] or "" for row in ROWS]
        frame = session.run(script)
        assert frame["id"].tolist() == [row["id"] for row in ROWS]
        np.testing.assert_array_equal(
            frame["price"], [np.nan if row["price"] is None else row["price"] for row in ROWS]
        )
        assert (frame["time"] == pd.to_datetime([row["time"] for row in ROWS])).all()


@pytest.mark.parametrize("name", ["pyarrow", "polars"])
def test_result__as_it_was_sent(name, session):
    data = FRAMES[name]()
    session.run(SCHEMA.format(f"kept_{name}"))
    session.run(f"tableInsert{{kept_{name}}}", data)
    back = session.run(f"select * from kept_{name}", as_="arrow" if name == "pyarrow" else "polars")
    assert type(back) is type(data)
    rows = back.to_pylist() if name == "pyarrow" else back.to_dicts()
    assert [{**row, "time": row["time"].replace(tzinfo=None)} for row in rows] == ROWS
    assert session.run(f"exec count(*) from kept_{name}", as_="arrow" if name == "pyarrow" else "polars") == 2_000


def test_asynchronous_and_batched(server_address, session):
    data = FRAMES["polars"]()
    session.run(SCHEMA.format("asynchronous"))
    with ddb.Session(*server_address.login, enableASYNC=True) as fast:
        for part in (data[:10], data[10:11], data[11:]):
            assert fast.run("tableInsert{asynchronous}", part) is None
        with fast.batch():
            for _ in range(3):
                fast.run("tableInsert{asynchronous}", data[:100])
        fast.barrier(check="exec count(*) from asynchronous", expect=2_300)
        assert fast.stats.rows == 2_300


@pytest.mark.parametrize("methods", ["LZ4", {"id": "DELTA", "price": "LZ4"}, ["DELTA", None, "LZ4", "DELTA"]])
def test_compressed(methods, server_address, session):
    pytest.importorskip("lz4")
    data = FRAMES["polars"]()
    session.run(SCHEMA.format("packed"))
    with ddb.Session(*server_address.login, compressMethods=methods) as packed:
        before = packed.stats.bytesSent
        assert packed.run("tableInsert{packed}", data) == 2_000
        assert packed.stats.bytesSent - before < len(ddb.dumps(data))
    assert session.run("exec sum(id) from packed") == sum(range(2_000))


def test_blocks(session):
    pl = pytest.importorskip("polars")
    session.run(SCHEMA.format("blocks"))
    for _ in range(10):
        session.run("tableInsert{blocks}", FRAMES["polars"]())
    blocks = list(session.run("select * from blocks", fetchSize=8192, as_="polars"))
    assert len(blocks) == 3 and all(isinstance(block, pl.DataFrame) for block in blocks)
    assert pl.concat(blocks)["id"].sum() == 10 * sum(range(2_000))


def test_acknowledged(server_address):
    pl = pytest.importorskip("polars")
    with ddb.Session(*server_address.login, enableASYNC=True, acknowledge=True) as session:
        submission = session.run("table(1 2 3 as a)", as_="polars")
        assert isinstance(submission.result(), pl.DataFrame)


def test_arrow_protocol__and_as():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    table = pa.table({"a": [1, 2]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream = reply(b"\x00\x26" + sink.getvalue().to_pybytes())
    with Recorder(our_session, protocol=keys.PROTOCOL_ARROW, connect={"readTimeout": DEADLINE}) as recorder:
        assert recorder.result(stream).equals(table)
        assert recorder.result(stream, as_="arrow").equals(table)
        assert isinstance(recorder.result(stream, as_="polars"), pl.DataFrame)

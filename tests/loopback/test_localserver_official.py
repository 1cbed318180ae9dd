"""The official client against the local server: connect, run, upload, append, read back."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from support.waiting import eventually

dolphindb = pytest.importorskip("dolphindb")

pytestmark = pytest.mark.official

FUNCTION_VIEW = """
login("admin","123456")
share streamTable(10000:0,`time`sym`price`id, [DATE,SYMBOL,DOUBLE,INT]) as trades
def appendStreamingData(mutable data){
    tableInsert(trades, data.replaceColumn!(`time, date(data.time)))
}
addFunctionView(appendStreamingData)
"""


@pytest.fixture
def session(server):
    session = dolphindb.Session()
    assert session.connect(server.host, server.port, "admin", "123456")
    yield session
    session.close()


@pytest.fixture
def asynchronous(server):
    session = dolphindb.Session(enableASYNC=True)
    assert session.connect(server.host, server.port, "admin", "123456")
    yield session
    session.close()


def frame(rows=100):
    index = np.arange(rows)
    return pd.DataFrame(
        {
            "time": np.datetime64("2020-01-01", "s") + (index % 200).astype("m8[D]"),
            "sym": [("IBN", "GTYU", "größe")[i % 3] for i in index],
            "price": index / 8,
            "id": index,
        }
    )


def test_connect__true_false_and_guest(server):
    for arguments, expected in [(("admin", "123456"), True), (("admin", "no"), False), ((), True)]:
        session = dolphindb.Session()
        assert session.connect(server.host, server.port, *arguments) is expected
        session.close()


def test_synchronous_insert__count_and_rows(server, session):
    session.run("share streamTable(10000:0,`time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as trades")
    sent = frame()
    assert session.run("tableInsert{trades}", sent) == 100
    for found in (session.run("select * from trades"), server.table("trades")):
        assert found["time"].astype("M8[ns]").tolist() == sent["time"].astype("M8[ns]").tolist()
        assert found["sym"].tolist() == sent["sym"].tolist()
        assert found["price"].tolist() == sent["price"].tolist()
        assert found["id"].tolist() == sent["id"].tolist()
        assert str(found["id"].dtype) == "int32"


def test_asynchronous_insert__all_rows_arrive(server, asynchronous):
    asynchronous.run("share streamTable(10000:0,`time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as trades")
    sent = frame()
    for _ in range(200):
        asynchronous.run("tableInsert{trades}", sent)
    eventually(lambda: server.counters.rows == 20_000)
    assert server.table("trades")["price"].tolist() == sent["price"].tolist() * 200
    asynchronous.run("tableInsert{trades}", sent[["id"]])
    eventually(lambda: server.failed_tasks)
    assert "1 columns, the table has 4" in server.failed_tasks[0].error


def test_function_view__converts_while_inserting(server, session, asynchronous):
    session.run(FUNCTION_VIEW)
    asynchronous.run("appendStreamingData", frame())
    eventually(lambda: server.rows("trades") == 100)
    assert session.run("typestr(trades.time)") == "FAST DATE VECTOR"
    session.run(FUNCTION_VIEW)
    assert server.rows("trades") == 0


def test_partitioned_table__append(server, session):
    session.run(
        """
        dbPath="dfs://testDB"
        tbName=`tb1
        if(existsDatabase(dbPath))
            dropDatabase(dbPath)
        db=database(dbPath, VALUE, ["AAPL", "AMZN", "A"])
        testDictSchema=table(5:0, `id`ticker`price, [INT,SYMBOL,DOUBLE])
        tb1=db.createPartitionedTable(testDictSchema, tbName, `ticker)
        """
    )
    rows = pd.DataFrame({"id": np.array([1, 2], dtype="int32"), "ticker": ["A", "AMZN"], "price": [22, 3.5]})
    assert session.run("append!{loadTable('dfs://testDB', `tb1)}", rows) is None
    assert session.existsDatabase("dfs://testDB")
    assert session.run("exec sum(price) from loadTable('dfs://testDB', `tb1)") == 25.5
    assert server.table("dfs://testDB/tb1")["ticker"].tolist() == ["A", "AMZN"]


def test_upload__is_seen_by_scripts(session):
    session.upload({"df": frame(3), "x": 5, "v": [1, 2, 3], "d": {"a": 1}})
    assert session.run("x + size(df) + sum(v) + d[`a]") == 5 + 3 + 6 + 1
    assert session.run("exec sym from df").tolist() == ["IBN", "GTYU", "größe"]
    session.undef("x", "VAR")
    with pytest.raises(RuntimeError, match="token x"):
        session.run("x")
    session.undefAll()
    with pytest.raises(RuntimeError, match="token df"):
        session.run("df")


@pytest.mark.parametrize(
    "script, expected",
    [
        ("1+1", 2),
        ("1.5", 1.5),
        ("true", True),
        ("`a", "a"),
        ("NULL", None),
        ("00i", None),
        ("(1,`a)", [1, "a"]),
        ("1:2", [1, 2]),
        ("2020.01.01", np.datetime64("2020-01-01", "D")),
        ("2020.01.01T01:02:03.004", np.datetime64("2020-01-01T01:02:03.004", "ms")),
        ("x = 1", None),
    ],
)
def test_results__as_the_official_client_reads_them(session, script, expected):
    found = session.run(script)
    assert found == expected
    assert type(found) is type(expected)


def test_vectors__as_the_official_client_reads_them(session):
    assert session.run("symbol(`a`b`a)").tolist() == ["a", "b", "a"]
    assert session.run("[1,NULL,3]").tolist()[::2] == [1.0, 3.0]
    assert session.run("[2020.01.01,2020.01.02]").dtype == "datetime64[D]"
    assert session.run("schema(table(1 2 as a))")["colDefs"]["typeString"].tolist() == ["INT"]


def test_errors__carry_the_text_and_leave_the_session_usable(session):
    with pytest.raises(RuntimeError, match="rand.*not part of the local server's subset"):
        session.run("rand(1, 5)")
    with pytest.raises(RuntimeError, match="in call.*can't be appended"):
        session.run("tableInsert{table(1:0, `a, [INT])}", pd.DataFrame({"a": ["x"]}))
    assert session.run("1") == 1


def test_printed_lines__are_shown(session, capfd):
    assert session.run("print('hello');3") == 3
    out, err = capfd.readouterr()
    assert "hello" in out + err


def test_appender_and_writer__against_a_server_in_another_process(server):
    """Both keep the interpreter lock while they wait: here the client is the other process."""
    server.run("share table(1:0, `time`sym`id, [DATE,SYMBOL,INT]) as t")
    script = f"""
        import pandas as pd, dolphindb
        session = dolphindb.Session()
        session.connect("{server.host}", {server.port}, "admin", "123456")
        rows = pd.DataFrame({{"time": pd.to_datetime(["2020-01-02"]), "sym": ["a"], "id": [7]}})
        print("appended", dolphindb.TableAppender(table_name="t", conn=session).append(rows))
        session.close()
        writer = dolphindb.MultithreadedTableWriter(
            "{server.host}", {server.port}, "admin", "123456", "", "t", threadCount=1)
        writer.insert(pd.Timestamp("2020-01-03").date(), "b", 8)
        writer.waitForThreadCompletion()
        print("unsent", writer.getStatus().unsentRows)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert "appended 1" in ended.stdout, ended.stdout + ended.stderr
    assert "unsent 0" in ended.stdout, ended.stdout + ended.stderr
    found = server.table("t")
    assert found["sym"].tolist() == ["a", "b"]
    assert found["id"].tolist() == [7, 8]


def test_appender_and_upserter__read_types_and_scales_from_the_schema(server):
    """Against a server in another process, as above: here the client is the other process."""
    server.run("share table(1:0, `k`d`u`a, [INT, DECIMAL64(2), UUID, INT[]]) as t")
    server.run("share keyedTable(`k, 1:0, `k`v, [INT, DOUBLE]) as u")
    script = f"""
        from decimal import Decimal
        import pandas as pd, dolphindb
        session = dolphindb.Session()
        session.connect("{server.host}", {server.port}, "admin", "123456")
        rows = pd.DataFrame({{
            "k": [1, 2], "d": [Decimal("1.5"), Decimal("2.25")],
            "u": ["5d212a78-cc48-e3b1-4235-b4d91473ee87", ""], "a": [[1, 2], [3]],
        }})
        print("appended", dolphindb.TableAppender(table_name="t", conn=session).append(rows))
        upserter = dolphindb.TableUpserter(
            table_name="u", ddbSession=session, ignoreNull=True, keyColNames=["k"])
        for values in ([1.0, 2.0], [None, 4.0]):
            upserter.upsert(pd.DataFrame({{"k": [1, 2], "v": values}}))
        del upserter
        session.close()
        print("done")
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert "appended 2" in ended.stdout and "done" in ended.stdout, ended.stdout + ended.stderr
    assert server.failed_tasks == []
    stored = server.table("t")
    assert list(map(str, stored["d"])) == ["1.50", "2.25"]
    nil = "00000000-0000-0000-0000-000000000000"
    assert stored["u"].tolist() == ["5d212a78-cc48-e3b1-4235-b4d91473ee87", nil]
    assert [row.tolist() for row in stored["a"]] == [[1, 2], [3]]
    assert server.table("u").to_numpy().tolist() == [[1, 1.0], [2, 4.0]]

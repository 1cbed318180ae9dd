"""TableAppender, TableUpserter and Session.prepare against a server that runs scripts."""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support.local_server import LocalServer
from support.recorder import DEADLINE
from support.unchanged import fingerprint
from support.waiting import eventually, in_thread

import dolphindb_fast as ddb

MODES = {
    "synchronous": {},
    "acknowledged": {"enableASYNC": True, "acknowledge": True},
    "asynchronous": {"enableASYNC": True},
}
names = (f"appended{i}" for i in itertools.count())


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture
def session(server_address, mode):
    with ddb.Session(**MODES[mode]) as session:
        session.connect(*server_address.login)
        yield session


@pytest.fixture
def plain(server_address):
    """A synchronous session to look with."""
    with ddb.Session(*server_address.login) as session:
        yield session


@pytest.fixture
def table(plain):
    name = next(names)
    plain.run(f"share table(1:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {name}")
    return name


def frame(rows=3):
    index = np.arange(rows)
    return pd.DataFrame(
        {
            "time": np.datetime64("2020-01-02T03:04:05.678901", "us") + index.astype("m8[D]"),
            "sym": [("A", "B", "größe")[i % 3] for i in index],
            "price": index / 8,
            "id": index,
        }
    )


def rows_of(plain, table, expected):
    """The table as soon as it has so many rows."""
    eventually(lambda: plain.run(f"exec count(*) from {table}") == expected)
    return plain.run(f"select * from {table}")


def outcome(result):
    """What an append returned, its submission waited for."""
    return result.result(DEADLINE) if isinstance(result, ddb.Submission) else result


# -- what it returns, what it does ----------------------------------------------------------------------------


def test_append__returns_what_the_mode_knows(session, plain, table, mode):
    appender = ddb.TableAppender(table_name=table, conn=session)
    sent = frame()
    before = fingerprint(sent)
    for _ in range(2):
        result = appender.append(sent)
        assert type(result) is {"synchronous": int, "asynchronous": type(None)}.get(mode, ddb.Submission)
        assert outcome(result) == {"asynchronous": None}.get(mode, 3)
    assert fingerprint(sent) == before and not hasattr(sent, "__DolphinDB_Type__")
    found = rows_of(plain, table, 6)
    assert found["time"][:3].tolist() == sent["time"].astype("M8[ms]").tolist()
    assert found["sym"].tolist() == sent["sym"].tolist() * 2
    assert found["id"].dtype == "int32" and found["id"].tolist() == [0, 1, 2] * 2
    assert repr(appender) == f"<TableAppender {table}>"


def test_append__casts_by_the_table(session, plain):
    name = next(names)
    types = "DATE,BLOB,UUID,DECIMAL64(2),SHORT,INT[],NANOTIME,IPADDR"
    plain.run(f"share table(1:0, `{'`'.join('abcdefgh')}, [{types}]) as {name}")
    sent = pd.DataFrame(
        {
            "a": pd.to_datetime(["1969-12-31 23:59:59.5", None]),
            "b": ["x", None],
            "c": ["5d212a78-cc48-e3b1-4235-b4d91473ee87", ""],
            "d": [4.35, np.nan],
            "e": pd.array([1, None], dtype="Int64"),
            "f": [[1, 2], [3]],
            "g": pd.to_datetime(["1969-12-31 23:59:59.5", None]),
            "h": ["127.0.0.1", "2001:db8::1"],
        }
    )
    outcome(ddb.TableAppender(table_name=name, conn=session).append(sent))
    rows_of(plain, name, 2)
    assert plain.run(f"exec a from {name}")[0] == np.datetime64("1969-12-31", "D")
    assert plain.run(f"exec b from {name}").tolist() == [b"x", b""]
    assert plain.run(f"exec c from {name}")[0] == "5d212a78-cc48-e3b1-4235-b4d91473ee87"
    assert plain.run(f"exec d from {name}").tolist() == [Decimal("4.35"), None]
    assert plain.run(f"exec e from {name}")[0] == 1
    assert [row.tolist() for row in plain.run(f"exec f from {name}")] == [[1, 2], [3]]
    assert plain.run(f"exec g from {name}")[0].astype("M8[ms]").item().time() == datetime.time(23, 59, 59, 500_000)
    assert plain.run(f"exec h from {name}").tolist() == ["127.0.0.1", "2001:db8::1"]


def test_upsert__changes_and_adds(session, plain, mode):
    name = next(names)
    plain.run(f"share keyedTable(`k, 1:0, `k`v, [INT,DOUBLE]) as {name}")
    upserter = ddb.TableUpserter(table_name=name, conn=session)
    for keys, values in (([1, 2], [1.0, 2.0]), ([2, 3], [5.0, 6.0])):
        result = upserter.upsert(pd.DataFrame({"k": keys, "v": values}))
        # the function that the official client sends returns 0
        assert outcome(result) == (None if mode == "asynchronous" else 0)
    rows_of(plain, name, 3)
    eventually(lambda: plain.run(f"exec v from {name}").tolist() == [1.0, 5.0, 6.0])


def test_upserter__quotes_what_is_no_plain_name(plain):
    name = next(names)
    plain.upload({name: pd.DataFrame({"k 1": [1, 2], "v": [1.0, 2.0]})})
    upserter = ddb.TableUpserter(None, name, plain, key_cols=["k 1"])
    assert 'keyColNames=["k 1"]' in upserter._function
    upserter.upsert(pd.DataFrame({"k 1": [2], "v": [7.0]}))
    assert plain.run(f"exec v from {name}").tolist() == [1.0, 7.0]


def test_database__is_loaded_by_its_path(session, plain):
    path = f"dfs://{next(names)}"
    plain.run(f"d = database('{path}', VALUE, 1..10); d.createPartitionedTable(table(1:0, `i`s, [INT,SYMBOL]), `t, `i)")
    appender = ddb.TableAppender(path, "t", session)
    outcome(appender.append(pd.DataFrame({"i": [1, 2], "s": ["a", "b"]})))
    eventually(lambda: plain.run(f"exec count(*) from loadTable('{path}', 't')") == 2)
    assert appender.schema.label == f"{path}/t"
    assert [(p.name, p.index, p.kind) for p in appender.schema.partitions] == [("i", 0, ddb.settings.VALUE)]


# -- columns --------------------------------------------------------------------------------------------------


def test_columns__in_another_order_go_where_their_names_say(session, plain, table):
    appender = ddb.TableAppender(table_name=table, conn=session)
    sent = frame()[["id", "sym", "time", "price"]]
    outcome(appender.append(sent))
    found = rows_of(plain, table, 3)
    assert list(found.columns) == ["time", "sym", "price", "id"]
    assert found["id"].tolist() == sent["id"].tolist() and found["price"].tolist() == sent["price"].tolist()


def test_columns__of_other_names_count_by_position_and_are_cast(session, plain, table):
    appender = ddb.TableAppender(table_name=table, conn=session)
    sent = frame().set_axis(list("wxyz"), axis=1)
    outcome(appender.append(sent))
    found = rows_of(plain, table, 3)
    assert found["id"].tolist() == [0, 1, 2] and found["sym"].tolist() == sent["x"].tolist()


def test_columns__one_with_the_name_of_another_is_refused(session, plain, table):
    appender = ddb.TableAppender(table_name=table, conn=session)
    wrong = frame().rename(columns={"price": "id", "id": "other"})
    with pytest.raises(ddb.ValueRefused, match=f"table {table}: .*number 2 is called 'id'.*column number 3"):
        appender.append(wrong)
    for refused in (frame()[["time"]], frame().assign(more=1)):
        with pytest.raises(ddb.ValueRefused, match=f"table {table}: the frame has . columns, the table has 4"):
            appender.append(refused)
    assert outcome(appender.append(frame())) in (3, None)
    assert len(rows_of(plain, table, 3)) == 3


def test_note_of_the_frame__wins(plain):
    name = next(names)
    plain.run(f"share table(1:0, `a`b, [LONG,LONG]) as {name}")
    appender = ddb.TableAppender(table_name=name, conn=plain)
    for sent in (pd.DataFrame({"a": [300], "b": [1]}), pd.DataFrame({"b": [1], "a": [300]})):
        object.__setattr__(sent, "__DolphinDB_Type__", {"a": "CHAR"})
        with pytest.raises(ddb.ValueRefused, match="'a'.* to CHAR, row 0: .*300"):
            appender.append(sent)
    assert plain.run(f"exec count(*) from {name}") == 0


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("id", [1, 2, 2**31], "'id'.* to INT, row 2: .*2147483648"),
        ("time", [1, 2, 3], "'time'.*int64.*can't be converted to TIMESTAMP"),
        ("sym", ["a", "b\0c", "d"], "'sym'.* to SYMBOL, row 1: "),
        ("price", ["x", "y", "z"], "'price'.* to DOUBLE, row 0|'price'.*can't be converted to DOUBLE"),
    ],
)
def test_refusal__names_table_column_row_value_and_type(session, plain, table, column, values, message):
    appender = ddb.TableAppender(table_name=table, conn=session)
    sent = session.stats.requests
    with pytest.raises(ddb.ConversionError, match=f"^table {table}: column {message}"):
        appender.append(frame().assign(**{column: values}))
    if session.asynchronous:
        assert session.stats.requests == sent
    assert outcome(appender.append(frame())) in (3, None)
    assert len(rows_of(plain, table, 3)) == 3


# -- the schema -----------------------------------------------------------------------------------------------


@pytest.fixture
def counted():
    """A server of its own, whose requests are counted."""
    with LocalServer() as server:
        server.run("share table(1:0, `a`b, [INT,SYMBOL]) as t")
        yield server


def _two(server, **arguments):
    session = ddb.Session(**arguments)
    session.connect(server.host, server.port, "admin", "123456")
    return session


ROWS = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def test_schema__is_asked_once(counted):
    with _two(counted) as session:
        before = counted.counters.requests
        appender = ddb.TableAppender(None, "t", session)
        for _ in range(5):
            appender.append(ROWS)
        assert counted.counters.requests == before + 6
        assert appender.schema.names == ("a", "b")
        assert appender.schema.types == (ddb.settings.DT_INT, ddb.settings.DT_SYMBOL)


@pytest.mark.parametrize("kind", MODES)
def test_schema__that_changed_is_noticed_when_a_frame_does_not_fit(counted, kind):
    with _two(counted, **MODES[kind]) as session:
        appender = ddb.TableAppender(None, "t", session)
        outcome(appender.append(ROWS))
        eventually(lambda: counted.rows("t") == 2)
        counted.run("share table(1:0, `a`b`c, [LONG,SYMBOL,DOUBLE]) as t")
        outcome(appender.append(ROWS.assign(a=2**40, c=1.5)))
        eventually(lambda: counted.rows("t") == 2)
        assert counted.table("t")["a"].tolist() == [2**40] * 2
        assert appender.schema.names == ("a", "b", "c")


def test_schema__that_changed_is_noticed_when_the_server_refuses(counted):
    with _two(counted) as session:
        appender = ddb.TableAppender(None, "t", session)
        counted.run("share table(1:0, `a`b, [INT,INT]) as t")
        # SYMBOL is refused by the server; now the frame is, by the new schema
        with pytest.raises(ddb.ConversionError, match="column 'b'.*INT"):
            appender.append(ROWS)
        counted.run("share table(1:0, `a`b, [INT,BLOB]) as t")
        assert appender.append(ROWS.astype({"b": object})) == 2
        assert appender.schema.types == (ddb.settings.DT_INT, ddb.settings.DT_BLOB)
        # once, and not again
        counted.refuse("tableInsert", "no", times=2)
        counted.run("share table(1:0, `a`b, [INT,SYMBOL]) as t")
        with pytest.raises(ddb.ServerError, match="no"):
            appender.append(ROWS)
        assert appender.append(ROWS) == 2


def test_schema__that_did_not_change_leaves_the_error_as_it_is(counted):
    with _two(counted) as session:
        appender = ddb.TableAppender(None, "t", session)
        counted.refuse("tableInsert", "disk full")
        with pytest.raises(ddb.ServerError, match="disk full"):
            appender.append(ROWS)
        counted.refuse("schema", "not now")
        with pytest.raises(ddb.ConversionError, match="row 1: .*5000000000"):
            appender.append(ROWS.assign(a=[1, 5_000_000_000]))
        assert appender.append(ROWS) == 2


def test_schema__is_asked_again_after_a_failed_submission(counted):
    with _two(counted, enableASYNC=True, acknowledge=True) as session:
        appender = ddb.TableAppender(None, "t", session)
        counted.run("share table(1:0, `a`b, [INT,BLOB]) as t")
        assert isinstance(appender.append(ROWS).exception(10), ddb.ServerError)
        assert appender.append(ROWS).result(DEADLINE) == 2
        with pytest.raises(ddb.SubmissionError):
            session.flush()


def test_asynchronous_session__asks_over_a_connection_that_it_closes(counted):
    with _two(counted, enableASYNC=True) as session:
        appender = ddb.TableAppender(None, "t", session)
        eventually(lambda: counted.open_connections == 1)
        assert counted.counters.connections == 2
        appender.append(ROWS)
        eventually(lambda: counted.rows("t") == 2)
        session.close()
        with pytest.raises(ddb.UsageError, match="closed"):
            ddb.TableAppender(None, "t", session)


def test_refusal__is_told_though_nobody_can_be_asked_again():
    with LocalServer() as server:
        server.run("share table(1:0, `a`b, [INT,SYMBOL]) as t")
        session = _two(server, enableASYNC=True)
        appender = ddb.TableAppender(None, "t", session)
    with pytest.raises(ddb.ConversionError, match="row 0: .*5000000000"):
        appender.append(ROWS.assign(a=[5_000_000_000, 1]))
    with pytest.raises(ddb.LinkError):
        ddb.TableAppender(None, "t", session)
    session.close()


def test_asynchronous_session__that_logged_in_later_asks_as_that_user():
    with LocalServer(users={"admin": "1", "other": "2"}) as server:
        server.run("share table(1:0, `a`b, [INT,SYMBOL]) as t")
        with ddb.Session(enableASYNC=True) as session:
            session.connect(server.host, server.port, "other", "2")
            ddb.TableAppender(None, "t", session)
            session.login("admin", "1")
            assert session._credentials.userid == "admin"
            ddb.TableAppender(None, "t", session)


@pytest.mark.parametrize("order", ["sequential", "shuffled"])
def test_orders__all_rows_arrive(order, mode):
    with LocalServer(order=order) as server, _two(server, **MODES[mode]) as session:
        server.run("share table(1:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as t")
        appender = ddb.TableAppender(None, "t", session)
        for number in range(50):
            appender.append(frame().assign(id=number))
        eventually(lambda: server.rows("t") == 150)
        assert sorted(server.table("t")["id"]) == sorted(list(range(50)) * 3)


# -- wrong use ------------------------------------------------------------------------------------------------


def test_constructor__refuses_what_means_nothing(session, plain, table):
    with pytest.raises(ddb.UsageError, match="Unsupported action type: x"):
        ddb.TableAppender(None, table, session, "x")
    for wrong in (None, 5, "session"):
        with pytest.raises(ddb.UsageError, match="conn must be"):
            ddb.TableAppender(None, table, wrong)
        with pytest.raises(ddb.UsageError, match="conn must be"):
            ddb.TableUpserter(None, table, wrong)
    with pytest.raises(ddb.UsageError, match="key_cols|keyColNames"):
        ddb.TableUpserter(None, table, session, key_cols="a")
    # in acknowledged mode `flush` would tell it once more
    for asker in (plain,) if session._acknowledge else (plain, session):
        with pytest.raises(ddb.ServerError, match="no_such_table"):
            ddb.TableAppender(None, "no_such_table", asker)
    with pytest.raises(ddb.ProtocolError, match="schema of table"):
        plain.run("def schema(x) { return 1 }")
        ddb.TableAppender(None, table, plain)


@pytest.mark.parametrize("wrong", [None, 5, [1], {"a": [1]}, "x"])
def test_append__refuses_what_is_no_frame(session, table, wrong):
    appender = ddb.TableAppender(None, table, session)
    with pytest.raises(ddb.UsageError, match=f"table {table}: a DataFrame or another table is needed"):
        appender.append(wrong)


def test_old_spellings__warn(session, table):
    with pytest.warns(DeprecationWarning) as warned:
        ddb.tableAppender(dbPath="", tableName=table, ddbSession=session)
    assert [str(w.message) for w in warned] == [
        "The parameter 'dbPath' is deprecated, please use 'db_path' instead.",
        "The parameter 'tableName' is deprecated, please use 'table_name' instead.",
        "The parameter 'ddbSession' is deprecated, please use 'conn' instead.",
    ]
    assert all(w.filename == __file__ for w in warned)


def test_closed_session__is_refused(session, table):
    appender = ddb.TableAppender(None, table, session)
    session.close()
    with pytest.raises(ddb.UsageError, match="closed"):
        appender.append(frame())


# -- prepared calls -------------------------------------------------------------------------------------------


def test_prepare__is_the_call(session, plain, mode):
    name = next(names)
    plain.run(f"share table(1:0, `a`b, [LONG,STRING]) as {name}")
    insert = session.prepare(f"tableInsert{{{name}}}")
    assert insert.function == f"tableInsert{{{name}}}"
    assert outcome(insert(ROWS)) == (None if mode == "asynchronous" else 2)
    assert outcome(insert(ddb.typed(ROWS, {"b": "SYMBOL"}))) in (2, None)
    assert outcome(insert([[3], ["z"]])) in (1, None)
    assert rows_of(plain, name, 5)["b"].tolist() == ["x", "y", "x", "y", "z"]
    with pytest.raises(ddb.ConversionError, match=f"tableInsert{{{name}}}: column 'a'.*row 0"):
        insert(ROWS.assign(a=np.array([2**63, 1], dtype="u8")))
    with pytest.raises(TypeError):
        insert()
    for wrong in ("f\n", 5):
        with pytest.raises(ddb.UsageError):
            session.prepare(wrong)


def test_prepare__gathers_in_a_batch(server_address, plain, table):
    with ddb.Session(*server_address.login, enableASYNC=True) as session:
        appender = ddb.TableAppender(None, table, session)
        with session.batch():
            for _ in range(10):
                assert appender.append(frame()) is None
            assert session.stats.requests == 0
            with pytest.raises(ddb.ConversionError, match=f"^table {table}: "):
                appender.append(frame().assign(id=2**40))
        assert session.stats.requests == 10
        rows_of(plain, table, 30)


def test_prepare__survives_a_new_connection(server_address, plain, table):
    with ddb.Session() as session:
        insert = session.prepare("size")
        with pytest.raises(ddb.UsageError, match="not connected|connect"):
            insert([1])
        for _ in range(2):
            session.connect(*server_address.login)
            assert insert([1, 2, 3]) == 3
        session.connect(*server_address.login, reconnect=True)
        assert insert([1, 2]) == 2


def test_prepare__with_options_of_the_session(server_address, table):
    for options in ({"compress": True}, {"raw": True}, {"lossless": True}):
        with ddb.Session(*server_address.login, **options) as session:
            assert ddb.TableAppender(None, table, session).append(frame()) == 3


def test_appender__is_safe_from_several_threads(server_address, plain, table):
    with ddb.Session(*server_address.login) as session:
        appender = ddb.TableAppender(None, table, session)
        running = [in_thread(lambda: [appender.append(frame()) for _ in range(20)]) for _ in range(4)]
        assert [thread.result() for thread in running] == [[3] * 20] * 4
    assert len(rows_of(plain, table, 240)) == 240

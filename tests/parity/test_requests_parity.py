"""The bytes of requests that are more than a plain call: options, kinds of sessions, methods of scripts."""

from __future__ import annotations

import contextlib
import datetime
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from support.cases import each
from support.recorder import TRUE, VOID, FakeServer, Recorder, official_session, our_session, split

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

pytestmark = pytest.mark.official

SESSIONS = {
    "plain": {},
    "ddb": {"protocol": keys.PROTOCOL_DDB},
    "no-pickle": {"enablePickle": False},
    "compress": {"compress": True},
    "compress-1": {"compress": 1},
    "python": {"python": True},
    "python-by-name": {"parser": "python"},
    "python-by-number": {"parser": 2},
    "kdb": {"parser": keys.ParserType.Kdb},
    "unknown-parser": {"parser": "something"},
    "no-parser": {"parser": None},
    "oracle": {"sqlStd": keys.SqlStd.Oracle},
    "mysql": {"sqlStd": 2},
    "mysql-by-name": {"sqlStd": "mysql"},
    "all": {"compress": True, "parser": "kdb", "sqlStd": keys.SqlStd.MySQL},
    "chunks": {"enableChunkGranularityConfig": True},
    "quiet": {"show_output": False},
    "arrow": {"protocol": keys.PROTOCOL_ARROW},
    "arrow-all": {"protocol": keys.PROTOCOL_ARROW, "parser": "kdb", "sqlStd": keys.SqlStd.Oracle},
}


@pytest.fixture(autouse=True)
def official_client():
    pytest.importorskip("dolphindb")


@contextlib.contextmanager
def _both(name, asynchronous):
    """Our and the official recorder of one kind of session."""
    arguments = dict(SESSIONS[name], enableASYNC=asynchronous)
    if "arrow" in name:
        pytest.importorskip("pyarrow")
    official = dict(arguments)
    if hasattr(official.get("sqlStd"), "value"):
        # members of the official enumeration and of ours are different objects
        official["sqlStd"] = official["sqlStd"].value
    if hasattr(official.get("parser"), "value"):
        official["parser"] = official["parser"].value
    with Recorder(our_session, **arguments) as ours, Recorder(official_session, **official) as theirs:
        yield ours, theirs


def _frame():
    return pd.DataFrame({"a": [1, 2], "s": ["x", None]})


CALLS = {
    "script": lambda s: s.run("1+1"),
    "function": lambda s: s.run("f", 1, "a"),
    "one-argument": lambda s: s.run("f", 1),
    "frame": lambda s: s.run("f", _frame()),
    "two-frames": lambda s: s.run("f", _frame(), 1, _frame()),
    "upload": lambda s: s.upload({"a": 1, "b_2": "x", "T3": _frame()}),
    "upload-nothing": lambda s: s.upload({}),
    "clearMemory": lambda s: s.run("x", clearMemory=True),
    "clearMemory-1": lambda s: s.run("f", 1, clearMemory=1),
    "clearMemory-false": lambda s: s.run("f", 1, clearMemory=False),
    "list": lambda s: s.run("x", pickleTableToList=True),
    "priority": lambda s: s.run("f", _frame(), priority=0),
    "priority-9": lambda s: s.run("x", priority=9),
    "priority-true": lambda s: s.run("x", priority=True),
    "parallelism": lambda s: s.run("x", parallelism=1),
    "parallelism-large": lambda s: s.run("f", 1, 2, parallelism=2**31 - 1),
    "disableDecimal": lambda s: s.run("f", 1, disableDecimal=True),
    "every-option": lambda s: s.run(
        "x", clearMemory=True, pickleTableToList=True, priority=1, parallelism=2, disableDecimal=True
    ),
    "fetchSize-of-a-function": lambda s: s.run("f", 1, fetchSize=1),
    "exec": lambda s: s.exec("x"),
    "exec-options": lambda s: s.exec(
        "x", clear_memory=True, table_to_list=True, priority=None, parallelism=3, disable_decimal=True
    ),
    "call": lambda s: s.call("f", 1, _frame()),
    "call-without-arguments": lambda s: s.call("f"),
    "call-options": lambda s: s.call(
        "f", clear_memory=True, table_to_list=True, priority=2, parallelism=None, disable_decimal=True
    ),
}


@each("asynchronous", [False, True], ids=["synchronous", "asynchronous"])
@each("name", SESSIONS)
def test_request__is_identical(name, asynchronous):
    with _both(name, asynchronous) as (ours, theirs):
        for what, call in CALLS.items():
            assert ours.record(call) == theirs.record(call), what
        login = lambda s: s.login("a", "b")  # noqa: E731
        assert ours.record(login) == theirs.record(login, ahead=not asynchronous), "login"


@pytest.mark.parametrize("name", ["plain", "compress"])
def test_batch__holds_the_same_requests(name):
    chosen = [CALLS[call] for call in ("frame", "priority", "clearMemory", "call", "one-argument")]

    def gathered(session):
        with session.batch():
            for call in chosen:
                call(session)

    with _both(name, True) as (ours, theirs):
        assert ours.record(gathered) == b"".join(theirs.record(call) for call in chosen)


@each("name", SESSIONS)
def test_connecting__is_identical(name):
    with _both(name, False) as (ours, theirs):
        assert ours.connected == theirs.connected
    with _both(name, True) as (ours, theirs):
        # the questions that follow are asked on a second connection; a documented difference
        assert ours.connected == [theirs.connected[0][: theirs.connected[0].index(b"API2")]]


@pytest.mark.parametrize("name", ["plain", "compress", "arrow"])
def test_startup__is_identical(name):
    if name == "arrow":
        pytest.importorskip("pyarrow")
    sent = []
    for session_class in (our_session, official_session):
        with FakeServer(default=VOID) as server:
            session = session_class(**SESSIONS[name])
            session.setInitScript("before")
            assert session.connect("127.0.0.1", server.port, startup="started = 1")
            assert session.startup == "started = 1"
            sent.append(server.connection().take())
            session.close()
    assert sent[0] == sent[1]
    assert b"script\nstarted = 1" in sent[0]


@pytest.mark.parametrize("name", ["1x", "_a", "a b", "a-b", "a\nb", "a,b"])
def test_upload__refuses_a_name_in_the_official_words(name, ours_sync, official_sync):
    messages = []
    for recorder in (ours_sync, official_sync):
        with pytest.raises(RuntimeError) as caught:
            recorder.session.upload({name: 1})
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


REFUSED = [
    {"priority": 10},
    {"priority": -1},
    {"priority": 1.5},
    {"priority": "1"},
    {"parallelism": 0},
    {"parallelism": -3},
    {"parallelism": "x"},
    {"fetchSize": 8191},
    {"fetchSize": -1},
    {"fetchSize": True},
]


@each("options", REFUSED, ids=str)
def test_option__is_refused_in_the_official_words(options, ours_sync):
    # a session of its own: a refused fetchSize makes the official one useless, which ours does not do
    messages = []
    theirs = official_session()
    with FakeServer() as server:
        theirs.connect("127.0.0.1", server.port)
        for session in (ours_sync.session, theirs):
            with pytest.raises(RuntimeError) as caught:
                session.run("x", **options)
            messages.append(str(caught.value))
        theirs.close()
    assert messages[0] == messages[1]
    assert ours_sync.record(lambda s: s.run("x")), "still usable"


@pytest.mark.parametrize("options", [{"parallelism": 2**31}, {"fetchSize": 2**31}, {"fetchSize": 9000.5}], ids=str)
def test_option__that_the_official_client_refuses_otherwise(options, ours_sync):
    with pytest.raises(ddb.UsageError):
        ours_sync.session.run("x", **options)


CONSTRUCTORS = {
    "python-and-parser": {"python": True, "parser": "kdb"},
    "parser-number": {"parser": 9},
    "protocol-number": {"protocol": 9},
    "sql-number": {"sqlStd": 7},
    "sql-name": {"sqlStd": "sqlite"},
    "pickle-and-protocol": {"enablePickle": True, "protocol": keys.PROTOCOL_DDB},
    "arrow-and-compress": {"protocol": keys.PROTOCOL_ARROW, "compress": True},
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_constructor__refuses_what_the_official_one_refuses(name):
    with pytest.raises((RuntimeError, ValueError)):
        official_session(**CONSTRUCTORS[name])
    with pytest.raises(ddb.UsageError):
        our_session(**CONSTRUCTORS[name])


@pytest.mark.parametrize("arguments", [{"enablePickle": True}, {"protocol": keys.PROTOCOL_PICKLE}], ids=str)
def test_pickle__is_refused_with_its_reason(arguments):
    with pytest.raises(ddb.NotSupported, match="code it chose to send"):
        our_session(**arguments)


DAYS = np.array(["2020-01-01", "2020-02-01"], dtype="M8[D]")
SCRIPTS = {
    "existsDatabase": lambda s: s.existsDatabase("dfs://a"),
    "existsTable": lambda s: s.existsTable("dfs://a", "t"),
    "dropDatabase": lambda s: s.dropDatabase("dfs://a"),
    "dropPartition": lambda s: s.dropPartition("dfs://a", "'/20200101'"),
    "dropPartition-several": lambda s: s.dropPartition("dfs://a", ["'/a'", "'/b'"], "t"),
    "dropPartition-empty-name": lambda s: s.dropPartition("dfs://a", ["'/a'"], tableName=""),
    "dropTable": lambda s: s.dropTable("dfs://a", "t"),
    "undef": lambda s: s.undef("x", "VAR"),
    "undefAll": lambda s: s.undefAll(),
    "clearAllCache": lambda s: s.clearAllCache(),
    "clearAllCache-everywhere": lambda s: s.clearAllCache(dfs=True),
    "database": lambda s: s.database("d"),
    "database-without-a-name": lambda s: s.database(dbPath="dfs://a"),
    "database-values": lambda s: s.database("d", keys.VALUE, [1, 2, 3], "dfs://x"),
    "database-texts": lambda s: s.database("d", partitionType=keys.LIST, partitions=[["a", "b"], ["c"]]),
    "database-hash": lambda s: s.database("d", partitionType=keys.HASH, partitions=[keys.DT_INT, 3]),
    "database-numbers": lambda s: s.database("d", partitionType=keys.RANGE, partitions=np.array([1, 5, 9])),
    "database-rows": lambda s: s.database("d", keys.LIST, np.array([[1, 2], [3, 4]])),
    "database-days": lambda s: s.database("d", partitionType=keys.RANGE, partitions=DAYS),
    "database-months": lambda s: s.database("d", keys.VALUE, DAYS.astype("M8[M]")),
    "database-hours": lambda s: s.database("d", keys.VALUE, DAYS.astype("M8[h]")),
    "database-minutes": lambda s: s.database("d", keys.VALUE, DAYS.astype("M8[m]")),
    "database-engine": lambda s: s.database(
        "d", dbPath="dfs://y", engine="TSDB", atomic="CHUNK", chunkGranularity="TABLE"
    ),
    "database-untyped": lambda s: s.database("d", partitions=[1, 2]),
    "database-composed": lambda s: s.database(
        "d", keys.COMPO, [s.database("d1", keys.VALUE, [1]), s.database("d2", keys.VALUE, [2])], "dfs://z"
    ),
}


@pytest.mark.parametrize("kind", ["plain", "chunks"])
def test_script_method__sends_the_official_script(kind):
    with _both(kind, False) as (ours, theirs):
        for name, call in SCRIPTS.items():
            requests, results = [], []
            for recorder in (ours, theirs):
                recorder.server.default = TRUE
                sent = recorder.record(lambda s: results.append(call(s)), TRUE)  # noqa: B023
                requests.append(re.sub(rb"TMP_DB_[0-9a-f]{8}DB", b"TMP_DB_nnnnnnnnDB", sent))
            assert requests[0] == requests[1], name
            assert type(results[0]).__name__ == type(results[1]).__name__, name
            if name.startswith("exists"):
                assert results == [True, True]


def test_run_file__is_identical(ours_sync, official_sync, tmp_path):
    path = tmp_path / "größe.dos"
    for text, arguments in (("a = 1\na + 1\n", ()), ("", ()), ("size", (1, "a"))):
        path.write_text(text)
        sent = [
            recorder.record(lambda s: s.runFile(str(path), *arguments, clearMemory=True))  # noqa: B023
            for recorder in (ours_sync, official_sync)
        ]
        assert sent[0] == sent[1]


def test_is_alive__asks_the_official_question(ours_sync, official_sync):
    for answer, alive in ((TRUE, True), (VOID, False)):
        seen = []
        ours = ours_sync.record(lambda s: seen.append(s.is_alive), answer)  # noqa: B023
        theirs = official_sync.record(lambda s: seen.append(s.is_alive), answer, ahead=True)  # noqa: B023
        assert split(ours) == split(theirs)
        assert seen == [alive, alive]


def test_month__has_the_official_text():
    dolphindb = pytest.importorskip("dolphindb")
    for year, month in ((2020, 3), (1999, 12), (2000, 10), (2000, 9)):
        assert str(ddb.month(year, month)) == str(dolphindb.month(year, month))


def test_set_timeout__sets_the_default_of_new_connections():
    try:
        ddb.Session.setTimeout(0.2)
        with FakeServer(stalled=True) as server, pytest.raises(ddb.ConnectError, match=r"0\.2 s"):
            ddb.Session().connect("127.0.0.1", server.port)
        with pytest.raises(ValueError, match="must be non-negative"):
            ddb.Session.setTimeout(-1)
    finally:
        ddb.Session.setTimeout(30)


def test_recorder__of_a_quiet_session_shows_nothing(capsys):
    with warnings.catch_warnings(), Recorder(our_session, show_output=False) as recorder:
        recorder.result(b"MSG\nhello\0" + VOID)
    assert capsys.readouterr().out == ""


def test_time_outs__of_both_spellings_are_taken():
    with FakeServer() as server:
        session = our_session()
        session.connect("127.0.0.1", server.port, netTimeout=datetime.timedelta(seconds=1), keepAliveTime=3)
        session.close()

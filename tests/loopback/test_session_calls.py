"""Sessions against a server that runs scripts: calls, uploads, results, life and end of a session."""

from __future__ import annotations

import datetime
import sys
import threading
import uuid

import numpy as np
import pandas as pd
import pytest
from support.waiting import eventually

import dolphindb_fast as ddb


@pytest.fixture
def session(server_address):
    with ddb.Session() as session:
        session.connect(*server_address.login)
        yield session


@pytest.fixture
def asynchronous(server_address):
    with ddb.Session(enableASYNC=True) as session:
        session.connect(*server_address.login)
        yield session


@pytest.fixture
def shared(session):
    """A shared stream table of its own for each test; its name."""
    name = "t" + uuid.uuid4().hex[:12]
    session.run(f"share streamTable(1000:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {name}")
    yield name
    session.run(f"undef(`{name}, SHARED)")


def _frame(rows, start=0):
    index = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "time": (1_600_000_000_000 + index).astype("M8[ms]"),
            "sym": [("IBN", "GTYU", "größe")[i % 3] for i in index],
            "price": index / 4,
            "id": index.astype("int32"),
        }
    )


RESULTS = {
    "1+1": 2,
    "1.5*2": 3.0,
    "'text'": "text",
    "true": True,
    "`sym": "sym",
    "3 > 4": False,
    "size(1 2 3)": 3,
}


@pytest.mark.parametrize("script", RESULTS)
def test_run__returns_python_values(script, session):
    result = session.run(script)
    assert result == RESULTS[script] and type(result) is type(RESULTS[script])


def test_run__of_a_statement_returns_none(session):
    assert session.run("x = 1") is None
    assert session.run("x") == 1


def test_run__returns_arrays_and_frames(session):
    np.testing.assert_array_equal(session.run("1 2 3"), np.array([1, 2, 3], dtype="int32"))
    frame = session.run("table(1 2 as a, `x`y as b)")
    assert frame["a"].tolist() == [1, 2] and frame["b"].tolist() == ["x", "y"]


def test_run__calls_a_function_with_arguments(session):
    session.run("def twice(x){ return x * 2 }")
    assert session.run("twice", 21) == 42
    assert session.run("twice", 1.5) == 3.0
    session.run("def third(a, b, c){ return c }")
    assert session.run("third", 1, "b", "last") == "last"
    assert session.run("third", None, True, False) is False


@pytest.mark.parametrize("rows", [0, 1, 100, 30_000])
def test_frame__comes_back_as_it_was(rows, session):
    frame = _frame(rows)
    session.upload({"t": frame})
    back = session.run("t")
    assert back.columns.tolist() == frame.columns.tolist()
    assert back["time"].astype("M8[ms]").tolist() == frame["time"].tolist()
    assert back["sym"].tolist() == frame["sym"].tolist()
    assert back["price"].tolist() == frame["price"].tolist()
    assert back["id"].tolist() == frame["id"].tolist()


@pytest.mark.parametrize("value", [True, 1, -1.5, "text", "größe 漢字", ""])
def test_upload__of_a_scalar(value, session):
    session.upload({"v": value})
    back = session.run("v")
    assert back == (value if value != "" else None)


def test_upload__several_at_once(session):
    session.upload({"a1": 1, "b_2": "two", "T3": _frame(2)})
    assert session.run("a1") == 1 and session.run("b_2") == "two" and len(session.run("T3")) == 2


@pytest.mark.parametrize("name", ["", "1x", "a b", "a-b", "_a", "a\nb", "größe", "a,b", "a\0"])
def test_upload__refuses_what_is_no_name(name, session):
    with pytest.raises(RuntimeError, match="not a qualified variable name"):
        session.upload({name: 1})
    assert session.run("1+1") == 2


def test_synchronous_append__returns_the_number_of_rows(session, shared):
    assert session.run(f"tableInsert{{{shared}}}", _frame(100)) == 100
    assert session.run(f"exec count(*) from {shared}") == 100


def test_asynchronous_append__arrives(session, asynchronous, shared):
    for step in range(50):
        assert asynchronous.run(f"tableInsert{{{shared}}}", _frame(10, step * 10)) is None
    eventually(lambda: session.run(f"exec count(*) from {shared}") == 500)
    stored = session.run(f"select * from {shared}")
    assert sorted(stored["id"].tolist()) == list(range(500))


def test_asynchronous_large_frames__arrive(session, asynchronous, shared):
    for step in range(3):
        asynchronous.run(f"tableInsert{{{shared}}}", _frame(70_000, step * 70_000))
    eventually(lambda: session.run(f"exec count(*) from {shared}") == 210_000)
    assert session.run(f"exec sum(id) from {shared}") == sum(range(210_000))


def test_two_modes__leave_equal_tables(session, asynchronous, shared, server_address):
    frames = [_frame(7, 7 * i) for i in range(20)]
    other = "t" + uuid.uuid4().hex[:12]
    session.run(f"share streamTable(1000:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {other}")
    for frame in frames:
        asynchronous.run(f"tableInsert{{{shared}}}", frame)
        session.run(f"tableInsert{{{other}}}", frame)
    eventually(lambda: session.run(f"exec count(*) from {shared}") == 140)
    one, two = (session.run(f"select * from {name}").sort_values("id", ignore_index=True) for name in (shared, other))
    pd.testing.assert_frame_equal(one, two)
    session.run(f"undef(`{other}, SHARED)")


def test_server_error__leaves_the_session_usable(session):
    with pytest.raises(ddb.ServerError) as caught:
        session.run("thisFunctionDoesNotExist(1)")
    assert caught.value.serverText
    assert str(caught.value).startswith("<Exception> in exec: Server Response: '")
    assert session.run("1+1") == 2
    with pytest.raises(ddb.ServerError, match="in call"):
        session.run("thisFunctionDoesNotExist", 1)
    assert session.run("1+1") == 2


def test_conversion_error__leaves_the_session_usable(session, asynchronous, shared):
    bad = _frame(2).assign(extra=pd.to_timedelta([1, 2]))
    for one in (session, asynchronous):
        before = one.stats
        with pytest.raises(ddb.UnsupportedTypeError, match="extra"):
            one.run(f"tableInsert{{{shared}}}", bad)
        after = one.stats
        assert (after.requests, after.bytesSent, after.rows) == (
            before.requests,
            before.bytesSent,
            before.rows,
        )
        one.run(f"tableInsert{{{shared}}}", _frame(2))
    eventually(lambda: session.run(f"exec count(*) from {shared}") == 4)


def test_stats__count(session, asynchronous, shared):
    for one in (session, asynchronous):
        before = one.stats
        for _ in range(5):
            one.run(f"tableInsert{{{shared}}}", _frame(20))
        after = one.stats
        assert after.requests - before.requests == 5
        assert after.rows - before.rows == 100
        assert after.bytesSent - before.bytesSent >= 5 * len(ddb.dumps(_frame(20)))
        assert after.lastError is None and after.blockedSeconds >= 0 and after.slowPath is False
        assert after.unsolicitedBytes == 0
    assert session.stats.bytesReceived > 0


def test_stats__bytes_sent_are_the_bytes_of_the_requests(asynchronous):
    before = asynchronous.stats.bytesSent
    asynchronous.run("x = 1")
    request = f"API2 {asynchronous.getSessionId()} 12 / 36_1_4_64__0\nscript\nx = 1"
    assert asynchronous.stats.bytesSent - before == len(request)


def test_connect__returns_true_and_sets_what_one_may_ask_for(server_address):
    session = ddb.Session()
    assert session.connect(*server_address.login) is True
    assert (session.host, session.port) == (server_address.host, server_address.port)
    assert session.getSessionId() == session.session_id and session.session_id.isdigit()
    assert session.isClosed() is False
    session.close()
    assert session.isClosed() is True


def test_constructor__connects_when_it_is_given_an_address(server_address):
    session = ddb.Session(*server_address.login)
    assert session.run("1+1") == 2
    session.close()


def test_close__twice_and_then_use(server_address):
    session = ddb.Session()
    session.connect(*server_address.login)
    session.close()
    session.close()
    for call in (
        lambda: session.run("1"),
        lambda: session.run("f", 1),
        lambda: session.upload({"a": 1}),
        lambda: session.login("a", "b"),
    ):
        with pytest.raises(ddb.UsageError, match="closed"):
            call()


def test_unconnected_session__says_so():
    session = ddb.Session()
    with pytest.raises(ddb.UsageError, match="connect"):
        session.run("1")
    session.close()


def test_context_manager__closes(server_address):
    with ddb.Session(enableASYNC=True) as session:
        session.connect(*server_address.login)
        session.run("x = 1")
    assert session.isClosed()
    with pytest.raises(ZeroDivisionError), ddb.Session() as session:
        session.connect(*server_address.login)
        raise ZeroDivisionError
    assert session.isClosed()


def test_connect__again_after_close_and_while_connected(server_address):
    session = ddb.Session()
    for _ in range(3):
        session.connect(*server_address.login)
        assert session.run("1+1") == 2
    session.close()
    session.connect(*server_address.login)
    assert session.run("1+1") == 2 and not session.isClosed()
    session.close()


def test_close__delivers_what_was_sent(server_address, session, shared):
    for _ in range(10):
        with ddb.Session(enableASYNC=True) as one:
            one.connect(*server_address.login)
            one.run(f"tableInsert{{{shared}}}", _frame(5000))
    eventually(lambda: session.run(f"exec count(*) from {shared}") == 50_000)


def test_login__later(server_address):
    with ddb.Session() as session:
        session.connect(server_address.host, server_address.port)
        assert session.login(server_address.user, server_address.password) is None
        with pytest.raises(ddb.AuthenticationError):
            session.login(server_address.user, "wrong " + server_address.password)
        assert session.run("1+1") == 2


def test_startup__is_run_while_connecting(server_address):
    with ddb.Session() as session:
        session.connect(*server_address.login, startup="started = 42")
        assert session.run("started") == 42


def test_print__is_shown_or_not(server_address, capfd):
    for show in (True, False):
        with ddb.Session(show_output=show) as session:
            session.connect(*server_address.login)
            session.run("print('hello')")
        assert capfd.readouterr().out == ("hello\n" if show else "")


@pytest.mark.parametrize("spin", [None, 0, 1e-6, 5.0, datetime.timedelta(milliseconds=1)])
def test_reply_spin__changes_no_result(spin, server_address):
    with ddb.Session(replySpin=spin) as session:
        session.connect(*server_address.login, readTimeout=60)
        assert [session.run(f"{n}+1") for n in range(50)] == list(range(1, 51))
        session.connect(*server_address.login)
        assert session.run("size(1 2 3)") == 3


@pytest.mark.parametrize("spin", [-1, "1", True, float("nan")])
def test_reply_spin__must_be_a_time(spin):
    with pytest.raises(ddb.UsageError, match="replySpin"):
        ddb.Session(replySpin=spin)


def test_threads__share_a_synchronous_session(session):
    wrong = []

    def work(number):
        for step in range(40):
            wanted = number * 1000 + step
            if session.run(f"{wanted} + 0") != wanted:
                wrong.append(wanted)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads__share_an_asynchronous_session(session, asynchronous, shared):
    def work(number):
        for step in range(25):
            asynchronous.run(f"tableInsert{{{shared}}}", _frame(10, (number * 25 + step) * 10))
            if step % 10 == 0:
                asynchronous.run(f"tableInsert{{{shared}}}", _frame(3000, 1_000_000))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = 6 * 25 * 10 + 6 * 3 * 3000
    eventually(lambda: session.run(f"exec count(*) from {shared}") == total)
    stored = session.run(f"select * from {shared}")
    assert sorted(i for i in stored["id"].tolist() if i < 1_000_000) == list(range(1500))
    assert asynchronous.stats.requests == 6 * 28
    assert asynchronous.stats.rows == total


def test_run__options(session, asynchronous):
    options = {"priority": 8, "parallelism": 2, "disableDecimal": True, "pickleTableToList": False}
    assert session.run("1+1", **options) == 2
    assert session.run("size", "a", **options) == 1
    assert session.exec("1+1", priority=3) == 2
    assert session.call("size", "a", parallelism=3) == 1
    assert asynchronous.run("1+1", **options) is None
    with pytest.raises(TypeError):
        session.run("1", thereIsNoSuchArgument=1)


def test_results__in_other_forms(session, server_address, monkeypatch):
    with ddb.Session(*server_address.login, raw=True) as raw:
        assert type(raw.run("1 2 3")).__name__ == "Column"
        assert raw.run("1+1", raw=False) == 2
        assert type(raw.upload({"a": 1})) is int
        with pytest.raises(ddb.AuthenticationError):
            raw.login(server_address.user, "wrong " + server_address.password)
    assert type(session.run("1 2 3", raw=True)).__name__ == "Column"
    assert type(session.run("1+1")) is int
    asked = []
    module = sys.modules["dolphindb_fast.session"]
    monkeypatch.setattr(module, "to_python", lambda value, **forms: asked.append(forms))
    with ddb.Session(*server_address.login, lossless=True) as lossless:
        asked.clear()
        lossless.run("1")
        lossless.run("1", lossless=False)
        lossless.run("1", lossless=False, pickleTableToList=True)
        lossless.run("1", priority=1, raw=True)
    assert asked == [{"lossless": True}, {}, {"pickleTableToList": True}, {"lossless": True, "raw": True}]


@pytest.mark.parametrize("arguments", [{"compress": True}, {"protocol": "arrow"}], ids=str)
def test_other_kinds_of_session__get_the_same_results(arguments, server_address):
    if "protocol" in arguments:
        pytest.importorskip("pyarrow")
    with ddb.Session(*server_address.login, **arguments) as session:
        session.upload({"t": _frame(100), "x": 5})
        back = session.run("t")
        if "protocol" in arguments and not isinstance(back, pd.DataFrame):
            back = back.to_pandas()
        assert back["id"].tolist() == list(range(100))
        assert session.run("x") == 5 and session.run("size", "a") == 1


def test_run__clear_memory_releases_the_variables(session):
    session.run("x = 5")
    assert session.run("x", clearMemory=True) == 5
    with pytest.raises(ddb.ServerError):
        session.run("x")


def test_server_error__with_options_leaves_the_session_usable(session):
    with pytest.raises(ddb.ServerError, match="in call"):
        session.run("thisFunctionDoesNotExist", 1, priority=1)
    with pytest.raises(ddb.ServerError, match="in exec"):
        session.exec("thisFunctionDoesNotExist(1)")
    assert session.run("1+1") == 2


def test_run_file__runs_what_is_in_the_file(session, tmp_path):
    path = tmp_path / "script.dos"
    path.write_text("a = 20\na + 1\n")
    assert session.runFile(str(path)) == 21
    assert session.runFile(path, clearMemory=True) == 21


def test_script_methods(session):
    session.run("v = 1")
    assert session.undef("v", "VAR") is None
    with pytest.raises(ddb.ServerError):
        session.run("v")


def test_session__says_how_it_is(server_address):
    session = ddb.Session()
    assert (session.is_closed, session.is_busy, session.is_alive) == (False, False, False)
    session.connect(*server_address.login)
    assert (session.is_closed, session.is_busy, session.is_alive) == (False, False, True)
    session.setInitScript("x = 1")
    assert session.startup == session.getInitScript() == "x = 1"
    session.close()
    assert (session.is_closed, session.is_busy, session.is_alive) == (True, False, False)
    assert session.session_id == ""


@pytest.mark.parametrize(
    "arguments",
    [
        {"netTimeout": datetime.timedelta(seconds=50)},
        {"timeout": datetime.timedelta(seconds=50)},
        {"readTimeout": 50},
        {"writeTimeout": 50},
        {"writeTimeout": 0, "readTimeout": 0},
        {"keepAliveTime": 7},
        {"netTimeout": datetime.timedelta(seconds=50), "timeout": datetime.timedelta(seconds=50)},
    ],
    ids=lambda arguments: ",".join(arguments),
)
def test_connect__takes_every_spelling_of_the_time_outs(arguments, server_address):
    with ddb.Session() as session:
        session.connect(*server_address.login, **arguments)
        assert session.run("1+1") == 2


def test_enable_asyn__is_the_deprecated_spelling():
    with pytest.warns(DeprecationWarning, match="enableASYNC"):
        session = ddb.Session(enableASYN=True)
    session.close()


@pytest.mark.parametrize("script", [None, 1, b"1", ["1"]])
def test_run__needs_text(script, session):
    with pytest.raises((ddb.UsageError, TypeError)):
        session.run(script)
    with pytest.raises((ddb.UsageError, TypeError)):
        session.run(script, 1)
    assert session.run("1+1") == 2

"""`Session.report_stats`, and the documentation's examples of watching a session."""

from __future__ import annotations

import datetime
import gc
import logging
import re
import threading
import urllib.request
import weakref
from pathlib import Path

import pytest
from support.waiting import eventually

import dolphindb_fast as ddb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def reporters():
    return [thread for thread in threading.enumerate() if thread.name == "dolphindb_fast-stats"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    eventually(lambda: not reporters())


@pytest.fixture
def session(server):
    server.run("share streamTable(1:0, `a, [LONG]) as t")
    with ddb.Session(enableASYNC=True) as session:
        session.connect(server.host, server.port)
        yield session


@pytest.mark.parametrize("seconds", [0.01, datetime.timedelta(milliseconds=10)], ids=["number", "timedelta"])
def test_callback__sees_the_counters_again_and_again(session, seconds):
    seen = []
    session.report_stats(seen.append, seconds)
    eventually(lambda: len(seen) > 2)
    session.run("tableInsert{t}", [1, 2])
    eventually(lambda: seen[-1].requests == 1)
    assert seen[-1] == session.stats
    assert all(type(stats) is ddb.Stats for stats in seen)


def test_close__ends_all_reports(session):
    for _ in range(3):
        session.report_stats(lambda stats: None, 1000)
    assert len(reporters()) == 3
    session.close()
    eventually(lambda: not reporters())
    with pytest.raises(ddb.UsageError, match="closed"):
        session.report_stats(print, 1)


def test_stop__ends_one(session):
    seen = []
    report = session.report_stats(seen.append, 1000)
    report.stop()
    report.stop()
    eventually(lambda: not reporters())
    assert seen == [] and session.is_alive


def test_report__does_not_keep_the_session_alive():
    session = ddb.Session()
    session.report_stats(lambda stats: None, 1000)
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None


def test_callback_that_fails__is_logged_and_called_again(session, caplog):
    calls = []

    def fail(stats):
        calls.append(stats)
        raise ValueError("no")

    session.report_stats(fail, 0.01)
    eventually(lambda: len(calls) > 1)
    assert "the callback of report_stats failed" in caplog.text


def test_callback__may_close_the_session(session):
    session.report_stats(lambda stats: session.close(), 0.01)
    eventually(session.isClosed)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1", None, True])
def test_seconds_that_mean_nothing__are_refused(session, seconds):
    with pytest.raises(ddb.UsageError, match="seconds"):
        session.report_stats(print, seconds)
    with pytest.raises(ddb.UsageError, match="callback"):
        session.report_stats(None, 1)


def test_logger__is_one():
    sources = Path(ddb.__file__).parent.glob("**/*.p*")
    text = "".join(path.read_text() for path in sources if path.suffix in (".py", ".pyx", ".pxi"))
    assert set(re.findall(r'getLogger\("(.*?)"\)', text)) == {"dolphindb_fast", "dolphindb_fast.localserver"}


@pytest.mark.skipif(not PAGE.is_file(), reason="runs beside the source only")
class TestDocumentation:
    @pytest.fixture
    def examples(self):
        """The names that each program of the page defines."""
        blocks = re.findall(r'^```python title="(\w+)\.py"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
        found = {}
        for name, text in blocks:
            exec(compile(text, f"{name}.py", "exec"), found.setdefault(name, {}))
        assert sorted(found) == ["lag", "prometheus"]
        return found

    def test_stats__are_all_described(self):
        described = set(re.findall(r"`(\w+)`", PAGE.read_text().partition("## Counters")[2]))
        assert set(ddb.Stats._fields) <= described

    def test_lag__is_logged(self, examples, session, caplog):
        caplog.set_level(logging.INFO)
        examples["lag"]["watch"](session, 0.02)
        session.run("tableInsert{t}", [1, 2])
        eventually(lambda: "rows in 0.02 s, server busy" in caplog.text)

    def test_prometheus__reads_every_counter(self, examples, session):
        session.run("tableInsert{t}", [1, 2])
        prometheus = examples["prometheus"]
        assert {*prometheus["COUNTERS"], "lastError", "slowPath"} == set(ddb.Stats._fields)
        server = prometheus["serve"]({'a"b\\': session}, 0)
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/metrics"
            with urllib.request.urlopen(url, timeout=30) as reply:
                text = reply.read().decode()
        finally:
            server.shutdown()
            server.server_close()
        assert 'dolphindb_requests_total{session="a\\"b\\\\"} 1\n' in text
        assert f'dolphindb_bytes_sent_total{{session="a\\"b\\\\"}} {session.stats.bytesSent}\n' in text
        assert 'dolphindb_up{session="a\\"b\\\\"} 1\n' in text
        for line in text.splitlines():
            sample = r'dolphindb_\w+\{session="(\\.|[^"\\])*"\} [\d.e-]+'
            assert re.fullmatch(rf"# (HELP|TYPE) dolphindb_\w+ .+|{sample}", line), line

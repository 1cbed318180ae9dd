"""The official appenders and ours fill tables of one server from the same frames."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import appending
from support.cases import each

import dolphindb_fast as ddb

pytest.importorskip("dolphindb")
pytest.importorskip("lark")
from dolphindb_fast.localserver import ORDERS, LocalServer  # noqa: E402

pytestmark = pytest.mark.official


def _fill(server, module, seconds):
    """Let a process fill the server's tables through this client; False if it did not end in time."""
    package = str(Path(ddb.__file__).parents[1])
    try:
        ended = subprocess.run(
            [sys.executable, appending.__file__, module, server.host, str(server.port), f"{module}_"],
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": package},
            cwd=package,
        )
    except subprocess.TimeoutExpired:
        return False
    assert ended.stdout.endswith("done\n"), ended.stdout + ended.stderr
    return True


@pytest.fixture(scope="module", params=[order for order in ORDERS if order != "unanswered"])
def filled(request):
    """A server whose tables both clients filled, each under a prefix of its own."""
    # threads of the official pool now and then wait for ever for work that is there: on a busy machine one run in ten
    for _ in range(5):
        with LocalServer(order=request.param) as server:
            if _fill(server, "dolphindb", 30):
                assert _fill(server, "dolphindb_fast", 100)
                yield server
                return
    pytest.fail("the official client never ended")


def _both(server, select):
    ours, theirs = (server.run(select.format(prefix)) for prefix in ("dolphindb_fast_", "dolphindb_"))
    assert len(ours)
    return ddb.dumps(ours), ddb.dumps(theirs)


@each("name", appending.TABLES)
def test_appender__leaves_equal_tables(filled, name):
    ours, theirs = _both(filled, "select * from {}" + name)
    assert ours == theirs


@pytest.mark.parametrize("name", appending.KEYED)
def test_upserter__leaves_equal_tables(filled, name):
    ours, theirs = _both(filled, "select * from {}" + name)
    assert ours == theirs
    found = ddb.loads(ours)
    assert dict(zip(found["k"], found["v"].fillna(-1), strict=True)) == {
        1: 10.0,
        2: 20.0 if name == "ignoring" else -1,
        3: 30.0,
        4: 5.0,
    }
    if name == "sorting":
        assert found["v"].fillna(-1).is_monotonic_increasing


@each("number", range(len(appending.PARTITIONED)), ids=list(appending.PARTITIONED))
def test_partitioned_appender__leaves_equal_tables(filled, number):
    # the parts arrive in any order
    tables = [
        ddb.loads(raw).sort_values(["p"]).reset_index(drop=True)
        for raw in _both(filled, f"select * from loadTable('dfs://{{}}{number}', 'tb')")
    ]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 200

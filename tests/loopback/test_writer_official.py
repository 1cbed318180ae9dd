"""The official MultithreadedTableWriter and ours fill tables of one server from the same rows."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import inserting
from support.local_server import LocalServer

import dolphindb_fast as ddb
from dolphindb_fast import writer

dolphindb = pytest.importorskip("dolphindb")

pytestmark = pytest.mark.official


@pytest.fixture(scope="module")
def filled():
    """A server whose tables both clients filled, each under a prefix of its own."""
    with LocalServer() as server:
        package = str(Path(ddb.__file__).parents[1])
        for module in ("dolphindb", "dolphindb_fast"):
            ended = subprocess.run(
                [sys.executable, inserting.__file__, module, server.host, str(server.port), f"{module}_"],
                capture_output=True,
                text=True,
                timeout=100,
                env={**os.environ, "PYTHONPATH": package},
                cwd=package,
            )
            assert ended.stdout.endswith("done\n"), ended.stdout + ended.stderr
        yield server


def _both(server, select):
    ours, theirs = (server.run(select.format(prefix)) for prefix in ("dolphindb_fast_", "dolphindb_"))
    assert len(ours)
    return ours, theirs


@pytest.mark.parametrize("number", range(len(inserting.TYPES)), ids=inserting.TYPES)
def test_values__become_the_same_cells(filled, number):
    ours, theirs = map(ddb.dumps, _both(filled, f"select * from {{}}type{number}"))
    assert ours == theirs


@pytest.mark.parametrize("name", inserting.SPREAD)
def test_rows__leave_equal_tables(filled, name):
    tables = [ddb.loads(ddb.dumps(one)) for one in _both(filled, f"select * from {{}}{name}")]
    if inserting.SPREAD[name].get("threadCount", 1) == 1:
        pd.testing.assert_frame_equal(*tables)
    _assert_spread(tables, inserting.SPREAD[name].get("partitionCol"))


@pytest.mark.parametrize("number", range(len(inserting.SCHEMES)), ids=list(inserting.SCHEMES))
def test_partitioned_table__is_equal(filled, number):
    select = f"select * from loadTable('dfs://{{}}{number}', 'tb')"
    _assert_spread(
        [ddb.loads(ddb.dumps(one)) for one in _both(filled, select)], list(inserting.SCHEMES.values())[number]
    )


def _assert_spread(tables, column):
    """Equal rows; the threads may have written in any order, but what has one value in order."""
    if column:
        for table in tables:
            assert all(group["p"].is_monotonic_increasing for _, group in table.groupby(column))
    tables = [table.sort_values("p").reset_index(drop=True) for table in tables]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == len(inserting.spread_rows())


@pytest.mark.parametrize("name", inserting.KEYED)
def test_upsert__leaves_equal_tables(filled, name):
    ours, theirs = map(ddb.dumps, _both(filled, "select * from {}" + name))
    assert ours == theirs
    found = ddb.loads(ours)
    assert dict(zip(found["k"], found["v"].fillna(-1), strict=True)) == {
        1: 10.0,
        2: 20.0 if name == "ignoring" else -1,
        3: 30.0,
        4: 5.0,
    }


# -- classes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ErrorCodeInfo", "MultithreadedTableWriterStatus", "MultithreadedTableWriterThreadStatus"]
)
def test_status_class__is_spelled_as_the_official_one(name):
    theirs, ours = getattr(dolphindb.writer, name), getattr(writer, name)
    arguments = ([(p.name, p.default) for p in inspect.signature(one).parameters.values()] for one in (ours, theirs))
    assert len({str(one) for one in arguments}) == 1
    made = theirs(), ours()
    assert set(vars(made[0])) <= set(vars(made[1])) | {"errorCode", "errorInfo"}
    # `update` fills it from what the compiled half of the official writer returns
    public = {one for one in dir(theirs) if not one.startswith("_")} - {"update"}
    assert public <= set(dir(ours))


def _shown(made):
    *lines, last = repr(made).split("\n")
    assert last.startswith(f"<{type(made).__module__}.{type(made).__qualname__} object at 0x")
    return lines


@pytest.mark.parametrize("code", [None, "", "A1"])
@pytest.mark.parametrize("info", [None, "", "what happened"])
def test_status__is_shown_as_the_official_one(code, info):
    shown = []
    for module in (dolphindb.writer, writer):
        made = module.ErrorCodeInfo(code, info)
        status = module.MultithreadedTableWriterStatus()
        threads = [module.MultithreadedTableWriterThreadStatus(number) for number in (0, 1234567890)]
        threads[1].sentRows, threads[1].unsentRows, threads[1].sendFailedRows = 1, 2, 3
        status.errorCode, status.errorInfo, status.threadStatus = code, info, threads
        empty = _shown(status)
        status.isExiting, status.sentRows, status.unsentRows, status.sendFailedRows = True, 1, 22, 333
        shown.append((_shown(made), empty, _shown(status), made.hasError(), made.succeed(), status.hasError()))
    assert shown[0] == shown[1]

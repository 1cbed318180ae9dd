"""The official appenders and ours fill tables of one server from the same frames."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import subprocess
import sys
import threading
import time
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


#: seconds in which a waiting client may have wanted the processor for a tenth of the time
STILL = 1


def _start(server, module, prefix, *first):
    package = str(Path(ddb.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, appending.__file__, module, server.host, str(server.port), prefix, *first],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": package},
        cwd=package,
    )


def _output(process):
    """What the process prints until it ends, or until it and the server's threads only wait for each other.

    The time for which a thread wants the processor counts, whether it has it or not: on a slow machine too,
    nothing is taken for waiting that has something to do.
    """

    def wanted():
        own = str(threading.get_native_id())
        theirs = Path(f"/proc/{process.pid}/task").iterdir()
        total = 0
        # the server's threads are the others of this process
        for thread in [*theirs, *(task for task in Path("/proc/self/task").iterdir() if task.name != own)]:
            # it may have ended
            with contextlib.suppress(OSError):
                total += sum(map(int, (thread / "schedstat").read_text().split()[:2]))
        return total / 1e9

    output = b""
    since, before = time.monotonic(), wanted()
    while True:
        if select.select([process.stdout], [], [], STILL / 10)[0]:
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                return output.decode()
            output += part
            since, before = time.monotonic(), wanted()
        elif time.monotonic() - since >= STILL:
            if abs(wanted() - before) < STILL / 10:
                return output.decode()
            since, before = time.monotonic(), wanted()


def _fill(server, module):
    """Let processes fill the server's tables through this client; paths of the partitioned tables."""
    with _start(server, module, f"{module}_") as process:
        output = process.stdout.read().decode()
    assert output.endswith("done\n"), output
    paths, failed = [], 0
    # every other run, a thread of the official pool waits for ever for work that is there: go on behind what is done
    for attempt in itertools.count():
        with _start(server, module, f"{module}_{attempt}_", str(len(paths))) as process:
            output = _output(process)
            process.kill()
        done = [line for line in output.splitlines() if line.startswith("dfs://")]
        paths += done
        failed = 0 if done else failed + 1
        assert failed < 10, output
        assert module == "dolphindb" or output.endswith("done\n"), output
        if len(paths) == len(appending.PARTITIONED):
            return paths


@pytest.fixture(scope="module", params=[order for order in ORDERS if order != "unanswered"])
def filled(request):
    """A server whose tables both clients filled, each under a prefix of its own; paths of the partitioned ones."""
    with LocalServer(order=request.param) as server:
        yield server, [_fill(server, module) for module in ("dolphindb_fast", "dolphindb")]


def _both(filled, name):
    ours, theirs = (filled[0].run(f"select * from {prefix}_{name}") for prefix in ("dolphindb_fast", "dolphindb"))
    assert len(ours)
    return ddb.dumps(ours), ddb.dumps(theirs)


@each("name", appending.TABLES)
def test_appender__leaves_equal_tables(filled, name):
    ours, theirs = _both(filled, name)
    assert ours == theirs


@pytest.mark.parametrize("name", appending.KEYED)
def test_upserter__leaves_equal_tables(filled, name):
    ours, theirs = _both(filled, name)
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
    server, paths = filled
    tables = [
        ddb.loads(ddb.dumps(server.run(f"select * from loadTable('{each_paths[number]}', 'tb')")))
        .sort_values(["p"])
        .reset_index(drop=True)
        for each_paths in paths
    ]
    pd.testing.assert_frame_equal(*tables)
    assert len(tables[0]) == 200

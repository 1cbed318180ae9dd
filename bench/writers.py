"""The two MultithreadedTableWriters fill tables of one local server, which counts what arrived."""

from __future__ import annotations

import datetime
import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import dolphindb_fast
from dolphindb_fast.commands.demo import start_server

from . import machine
from .competitors import OURS
from .measure import Absent, Outcome, Wrong

COLUMNS = "`id`time`sym`price`volume, [INT,TIMESTAMP,SYMBOL,DOUBLE,LONG]"


def writer_class(name: str) -> type:
    if name == OURS:
        return dolphindb_fast.MultithreadedTableWriter
    if importlib.util.find_spec("dolphindb") is None:
        raise Absent("dolphindb")
    import dolphindb

    return dolphindb.MultithreadedTableWriter


def make_rows(count: int) -> list[tuple]:
    """Tuples of int, datetime, text of 50 words, float, int."""
    start = datetime.datetime(2020, 1, 1)
    return [(i, start + datetime.timedelta(milliseconds=i), f"SYM{i * 7 % 50}", i / 8, i * 3) for i in range(count)]


@contextmanager
def local_server(bench) -> Iterator[dolphindb_fast.Session]:
    """A synchronous session to a local server in a process of its own, on the sink's processor."""
    if importlib.util.find_spec("lark") is None:
        raise Absent("lark, for the local server")
    with ExitStack() as stack:
        mine = bench.allowed[-1:]
        # a process begins where its parent is
        machine.bind(bench.allowed[-2:-1] or mine)
        try:
            host, port = start_server(stack, 0)
        finally:
            machine.bind(mine)
        yield stack.enter_context(dolphindb_fast.Session(host, port, "admin", "123456"))


def writing(bench, case) -> Outcome:
    """From the first `insert` until `waitForThreadCompletion` is over."""
    return _measured(bench, case, whole=True)


def inserting(bench, case) -> Outcome:
    """From the first `insert` to the last; with a large `batchSize` nothing is sent meanwhile."""
    return _measured(bench, case, whole=False)


def _measured(bench, case, whole: bool) -> Outcome:
    """Microseconds a row, each time with a writer and a table that are new; every row must arrive."""
    rows = make_rows(case.rows)
    total = sum(row[4] for row in rows)
    with local_server(bench) as session:

        def arm(name: str) -> Callable[[], float]:
            made = writer_class(name)

            def figure() -> float:
                session.run(f"share table(1:0, {COLUMNS}) as written")
                writer = made(session.host, session.port, "admin", "123456", "", "written", **case.options)
                insert = writer.insert
                start = time.perf_counter()
                for row in rows:
                    insert(*row)
                inserted = time.perf_counter()
                # the official one, if it is not ended, looks for its server for ever
                writer.waitForThreadCompletion()
                end = time.perf_counter() if whole else inserted
                found = (
                    session.run("exec count(*) from written"),
                    session.run("exec sum(volume) from written"),
                )
                if found != (len(rows), total):
                    raise Wrong(f"{name} wrote {found[0]} of {len(rows)} rows: {writer.getStatus()}")
                return (end - start) / len(rows) * 1e6

            return figure

        found = bench.alternate(case, {name: arm(name) for name in (case.ours, case.theirs)})
    return Outcome(found[case.ours], found[case.theirs], detail={"rows": len(rows), **case.options})

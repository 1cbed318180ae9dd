"""The cases as data: what is measured against whom, and what must be reached.

``must`` and ``aim`` are numbers, or a pair (without pyarrow, with pyarrow). `more_is_better`: the figure is
how many times less time we take; otherwise how many times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import frames, runners, writers
from .asynchronous import AIO, AIO_TASKS, UVLOOP_TASKS, awaited_locally
from .competitors import ACKNOWLEDGED, ARROW, BARRIER, FLUSH, OFFICIAL, OURS, PIECES, POLARS, SENDALL, SLEEPING

Target = float | tuple[float, float] | None


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    against: str
    run: Callable
    must: Target = None
    aim: Target = None
    more_is_better: bool = True
    frame: Callable = frames.seed
    rows: int = 100
    options: dict = field(default_factory=dict)
    #: what differs in the other side's frames
    their_options: dict = field(default_factory=dict)
    ours: str = OURS
    theirs: str = OFFICIAL
    ring: int = 64
    most_calls: int = 5000
    repetitions: int = 101
    quick_repetitions: int = 31
    #: a sender that was blocked makes the verdict void
    latency: bool = False
    #: the quantile of single calls that is the figure; None: their mean
    share: float | None = None
    #: processor time is the figure, not elapsed time
    processor: bool = False
    #: "ar": only where pyarrow is
    only: str | None = None

    def target(self, value: Target, environment: str) -> float | None:
        if isinstance(value, tuple):
            return value[environment == "ar"]
        return value


def at_least(must: Target, aim: Target) -> dict:
    """Targets of how many times less time we take."""
    return {"must": must, "aim": aim}


def at_most(must: Target, aim: Target) -> dict:
    """Targets of how many times as much we take, or of a figure of ours alone."""
    return {"must": must, "aim": aim, "more_is_better": False}


#: calls of milliseconds, and of a good part of a second
LONG = {"repetitions": 31, "quick_repetitions": 11}
VERY_LONG = {"repetitions": 11, "quick_repetitions": 3}
OFFICIAL_CLIENT = "official client"


def _vendor(rows: int) -> Case:
    # distinct frames: fewer where 64 would take more than about a GiB
    ring = 32 if rows <= 1_000 else 8 if rows <= 10_000 else 3
    return Case(
        f"vendor-{rows}",
        f"vendor's shape, 45 columns, {rows:,} rows",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(12, 20),
        frame=frames.vendor,
        rows=rows,
        their_options={"forced": True},
        ring=ring,
        repetitions=51 if rows <= 10_000 else 21,
        quick_repetitions=11 if rows <= 10_000 else 5,
    )


def _exported(name: str, rows: int, **targets) -> Case:
    """The seed's frame by another library against pandas; of milliseconds, since Polars has no seconds.

    With pyarrow the text of pandas is Arrow memory itself: then both do the same work."""
    library, table, only = {
        "polars": (POLARS, "polars.DataFrame", None),
        "arrow": (ARROW, "pyarrow.Table", "ar"),
    }[name]
    return Case(
        f"{name}-{rows}",
        f"seed frame as {table}, {rows:,} rows",
        "itself, pandas.DataFrame",
        runners.sending,
        **targets,
        rows=rows,
        options={"unit": "ms"},
        ours=library,
        theirs=OURS,
        only=only,
        **({"ring": 8, **LONG} if rows > 1_000 else {}),
    )


CASES = [
    Case("seed-official", "seed frame, async run", OFFICIAL_CLIENT, runners.sending, **at_least(15, 20)),
    Case(
        "seed-sendall",
        "seed frame, async run",
        "sendall, same pace",
        runners.paced,
        **at_most((1.6, 1.8), (1.25, 1.35)),
        theirs=SENDALL,
        latency=True,
    ),
    Case(
        "seed-p99",
        "p99 of seed frame, async run",
        "p99 of sendall, same pace",
        runners.paced,
        **at_most(1.3, 1.15),
        theirs=SENDALL,
        latency=True,
        share=0.99,
        repetitions=51,
        quick_repetitions=21,
    ),
    Case(
        "seed-beside-thread",
        "seed frame, async run, a CPU-bound Python thread beside",
        "itself without",
        runners.beside_thread,
        **at_most(2, 1.3),
        theirs=OURS,
        repetitions=31,
        quick_repetitions=11,
    ),
    Case(
        "seed-encode",
        "seed frame, Encoder.encode",
        "pyarrow serialize, batch ready",
        runners.encoding,
        **at_most(1.0, 0.5),
        theirs="pyarrow, batch ready",
        only="ar",
    ),
    Case("1x4", "1 row x 4, async run", OFFICIAL_CLIENT, runners.sending, **at_least(15, 20), rows=1),
    Case(
        "1000x4",
        "1,000 rows x 4, async run",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(25, 32),
        rows=1000,
    ),
    Case(
        "1000-columns-one-block",
        "10 rows x 1,000 columns, one block",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(200, 500),
        frame=frames.wide,
        rows=10,
    ),
    Case(
        "1000-columns-own-blocks",
        "10 rows x 1,000 columns, one block each",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(30, 60),
        frame=frames.wide,
        rows=10,
        options={"blocks": "each"},
    ),
    Case(
        "100000x4",
        "100,000 rows x 4, async run",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least((13, 18), (17, 23)),
        rows=100_000,
        ring=8,
        **LONG,
    ),
    Case(
        "million-numeric",
        "1,000,000 x 10 numeric",
        "sendall",
        runners.sending,
        **at_most(1.15, 1.0),
        frame=frames.numeric,
        rows=1_000_000,
        theirs=SENDALL,
        ring=3,
        most_calls=3,
        **LONG,
    ),
    Case(
        "million-numeric-nan",
        "1,000,000 x 10 numeric, 1 % NaN",
        "sendall",
        runners.sending,
        **at_most(1.2, 1.05),
        frame=frames.numeric,
        rows=1_000_000,
        options={"nan_share": 0.01},
        theirs=SENDALL,
        ring=3,
        most_calls=3,
        **LONG,
    ),
    Case(
        "million-memory",
        "1,000,000 x 10 numeric, extra peak memory",
        "",
        runners.peak_memory,
        **at_most(2, 1.1),
        frame=frames.numeric,
        rows=1_000_000,
        **VERY_LONG,
    ),
    Case(
        "million-memory-nan",
        "1,000,000 x 10 numeric, 1 % NaN, extra peak memory",
        "",
        runners.peak_memory,
        **at_most(2, 1.1),
        frame=frames.numeric,
        rows=1_000_000,
        options={"nan_share": 0.01},
        **VERY_LONG,
    ),
    *map(_vendor, (10, 100, 1_000, 10_000, 100_000)),
    Case(
        "tsbs-text",
        "TSBS cpu shape, text, 1,000,000 rows, encode",
        "questdb",
        runners.encoding,
        **at_least(20, 35),
        frame=frames.tsbs,
        rows=1_000_000,
        ours=PIECES,
        theirs="questdb",
        ring=2,
        **VERY_LONG,
    ),
    Case(
        "tsbs-categorical",
        "TSBS cpu shape, Categorical, 1,000,000 rows, encode",
        "questdb",
        runners.encoding,
        **at_least(40, 90),
        frame=frames.tsbs,
        rows=1_000_000,
        options={"categorical": True},
        ours=PIECES,
        theirs="questdb",
        ring=2,
        **VERY_LONG,
    ),
    Case(
        "text-objects",
        "text 100,000 x 3, Python objects",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(12, 16),
        frame=frames.text,
        rows=100_000,
        ring=8,
        **LONG,
    ),
    Case(
        "text-arrow",
        "text 100,000 x 3, Arrow",
        OFFICIAL_CLIENT,
        runners.sending,
        **at_least(25, 32),
        frame=frames.text,
        rows=100_000,
        options={"form": "str"},
        ring=8,
        only="ar",
        **LONG,
    ),
    Case(
        "text-categorical",
        "text 100,000 x 3, Categorical",
        "official client, SYMBOL forced",
        runners.sending,
        **at_least(40, 60),
        frame=frames.text,
        rows=100_000,
        options={"form": "category"},
        their_options={"form": "symbol"},
        ring=8,
        **LONG,
    ),
    Case(
        "many-categories",
        "seed frame, Categorical of 5,000, encode",
        "the same as plain text",
        runners.encoding,
        **at_most(1.0, 0.7),
        frame=frames.many_categories,
        their_options={"plain": True},
        theirs=OURS,
    ),
    *(
        _exported(name, rows, **targets)
        for name in ("polars", "arrow")
        for rows, targets in ((100, at_most(1.5, 1.3)), (100_000, at_most((1.0, 1.25), (0.9, 1.0))))
    ),
    Case(
        "seed-synchronous",
        "seed frame, synchronous run",
        OFFICIAL_CLIENT,
        runners.answered,
        **at_least(3, 3.5),
        latency=True,
    ),
    Case(
        "seed-sleeping",
        "seed frame, synchronous run, replySpin=0",
        OFFICIAL_CLIENT,
        runners.answered,
        **at_least(2.5, 3.5),
        ours=SLEEPING,
        latency=True,
    ),
    Case(
        "seed-processor",
        "seed frame, synchronous run, processor time",
        "itself with replySpin=0",
        runners.answered,
        **at_most(1.25, 1.0),
        theirs=SLEEPING,
        processor=True,
    ),
    Case(
        "seed-batch",
        "seed frame, in session.batch()",
        "official client without",
        runners.sending,
        **at_least(60, 100),
        ours="batch",
    ),
    Case(
        "seed-acknowledged",
        "seed frame, acknowledged run, with all replies",
        "itself, asynchronous run",
        runners.acknowledged,
        **at_most(1.25, 1.1),
        ours=ACKNOWLEDGED,
        theirs=OURS,
    ),
    Case(
        "link-acknowledged",
        "seed frame, acknowledged run, 1 ms round trip",
        "itself, synchronous run",
        runners.acknowledged_over_link,
        **at_least(3, 10),
        ours=ACKNOWLEDGED,
        theirs=OURS,
        **LONG,
    ),
    Case(
        "link-barrier",
        "barrier after a submission, 1 ms round trip",
        "itself, synchronous run of a script",
        runners.round_trip,
        **at_most(1.5, 1.2),
        ours=BARRIER,
        theirs=OURS,
        **LONG,
    ),
    Case(
        "link-flush",
        "flush after a submission, 1 ms round trip",
        "itself, synchronous run of a script",
        runners.round_trip,
        **at_most(1.5, 1.2),
        ours=FLUSH,
        theirs=OURS,
        **LONG,
    ),
    Case(
        "aio-one-task",
        "seed frame, awaited run, one after the other",
        "itself, synchronous run, replySpin=0",
        runners.answered,
        **at_most(3, 2),
        ours=AIO,
        theirs=SLEEPING,
        **LONG,
    ),
    Case(
        "aio-many-tasks",
        "seed frame, awaited run, 64 tasks on one connection",
        "itself, synchronous run, replySpin=0",
        runners.answered,
        **at_most(1, 0.5),
        ours=AIO_TASKS,
        theirs=SLEEPING,
        **LONG,
    ),
    Case(
        "aio-many-tasks-uvloop",
        "the same under uvloop",
        "itself, synchronous run, replySpin=0",
        runners.answered,
        **at_most(1, 0.5),
        ours=UVLOOP_TASKS,
        theirs=SLEEPING,
        **LONG,
    ),
    Case(
        "aio-local-server",
        "1+1 awaited, 64 tasks, local server",
        "",
        awaited_locally,
        **at_most(100, 50),
        ours=AIO_TASKS,
        **LONG,
    ),
    Case(
        "aio-local-server-one-task",
        "1+1 awaited, one after the other, local server",
        "",
        awaited_locally,
        **at_most(100, 50),
        ours=AIO,
        **LONG,
    ),
    Case(
        "reading",
        "reading 1,000,000 x 6",
        OFFICIAL_CLIENT,
        runners.reading,
        **at_least((2, 5), (3, 9)),
        rows=1_000_000,
        **VERY_LONG,
    ),
    Case(
        "writer",
        "MultithreadedTableWriter, 200,000 rows of 5 values, batchSize=10000",
        OFFICIAL_CLIENT,
        writers.writing,
        **at_least(5, 8),
        rows=200_000,
        options={"batchSize": 10_000, "throttle": 0.1},
        **VERY_LONG,
    ),
    Case(
        "writer-at-once",
        "MultithreadedTableWriter, 200,000 rows of 5 values, batchSize=1",
        OFFICIAL_CLIENT,
        writers.writing,
        **at_least(5, 8),
        rows=200_000,
        **VERY_LONG,
    ),
    Case(
        "writer-threads",
        "MultithreadedTableWriter, 200,000 rows of 5 values, 2 threads",
        OFFICIAL_CLIENT,
        writers.writing,
        **at_least(5, 6),
        rows=200_000,
        options={"batchSize": 10_000, "throttle": 0.1, "threadCount": 2, "partitionCol": "sym"},
        **VERY_LONG,
    ),
    Case(
        "writer-insert",
        "insert of 5 values, nothing sent",
        OFFICIAL_CLIENT,
        writers.inserting,
        **at_least(8, 12),
        rows=100_000,
        options={"batchSize": 1_000_000, "throttle": 3600},
        **VERY_LONG,
    ),
    Case(
        "two-threads",
        "two threads encode text and numbers, 10,000-30,000 rows",
        "one thread",
        runners.two_threads,
        **at_least(1.6, 1.85),
        frame=frames.text_and_numbers,
        rows=30_000,
        theirs=OURS,
        ring=24,
        only="ar",
        **LONG,
    ),
]


def named(patterns: list[str]) -> list[Case]:
    """The cases whose name holds one of `patterns`; all without any."""
    return [case for case in CASES if not patterns or any(pattern in case.name for pattern in patterns)]

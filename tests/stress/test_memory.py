"""Memory: flat over any number of calls, a few MiB for a frame of any size.

Programs of their own send to a server in another process. ``DOLPHINDB_FAST_STRESS=1`` makes them as long as
what is promised: 1,000,000 submissions instead of 50,000, and frames of 3 GB instead of 1 GB, one of which is really
there besides those whose columns share their memory.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.discarding import discarding
from support.process import SANITIZED, program
from support.recorder import VOID, FakeServer

import dolphindb_fast as ddb

FULL = bool(os.environ.get("DOLPHINDB_FAST_STRESS"))
SUBMISSIONS = 1_000_000 if FULL else 50_000
FAILING = 10_000 if FULL else 5_000
#: bytes of a large frame
SIZE = 3_000_000_000 if FULL else 1_000_000_000
#: KiB of growth that is none: what the allocator and the interpreter keep differs by so much from run to run
FLAT = 1024
EXTRA = 4096

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux") or SANITIZED, reason="reads /proc/self/status")

RESIDENT = """
import gc, re, sys, numpy as np, pandas as pd, dolphindb_fast as ddb
from pathlib import Path

def resident(field="VmRSS"):
    return int(re.search(rf"{field}:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

def connected(port, mode):
    options = {"asynchronous": dict(enableASYNC=True), "synchronous": {}, "lost": {},
               "acknowledged": dict(enableASYNC=True, acknowledge=True),
               "kept": dict(enableASYNC=True, acknowledge=True, keepUnacknowledged=True)}
    session = ddb.Session(**options[mode])
    session.connect("127.0.0.1", int(port))
    return session

def grown(call, times):
    # what the first calls need is kept for later ones
    for number in range(max(times // 10, 1000)):
        call(number)
    gc.collect()
    before = resident()
    for number in range(times):
        call(number)
    gc.collect()
    return resident() - before
"""

SUBMIT = (
    RESIDENT
    + """
port, mode, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
# a ring of distinct frames: numbers with and without NULL, text, categories
ring = [pd.DataFrame({"a": np.arange(20) + i, "b": np.where(np.arange(20) % 7 == i % 7, np.nan, i / 8),
                      "t": pd.Timestamp("2024-01-02") + pd.to_timedelta(np.arange(20) + i, "s"),
                      "s": pd.Series([f"s{i}{j}" for j in range(20)], dtype=object),
                      "c": pd.Categorical.from_codes(np.arange(20) % 3, [f"x{i}", "y", "z"])})
        for i in range(16)]
session = connected(port, mode)
print(grown(lambda number: session.run("tableInsert{t}", ring[number % 16]), times))
if mode in ("acknowledged", "kept"):
    session.flush(60)
    assert session.stats.acknowledged == session.stats.requests >= times
session.close()
"""
)


@pytest.mark.parametrize("mode", ["asynchronous", "acknowledged", "kept", "synchronous"])
def test_submissions__leave_the_resident_size_as_it_is(mode):
    times = SUBMISSIONS if mode != "synchronous" or FULL else SUBMISSIONS // 5
    with discarding() as server:
        done = program(SUBMIT, str(server.port), mode, str(times), timeout=600)
    assert done.stderr == ""
    assert int(done.stdout) <= FLAT, "KiB"


FAIL = (
    RESIDENT
    + """
port, mode, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
rows = 3000
frames = [pd.DataFrame({"a": np.arange(rows), "bad": bad}) for bad in (
    pd.Series(["x"] * (rows - 1) + ["a\\0b"], dtype=object),
    pd.Series([1] * (rows - 1) + [object()], dtype=object),
    np.zeros(rows, dtype="m8[ns]"),
    np.zeros(rows, dtype="c16"),
    np.array([0] * (rows - 1) + [2**63], dtype="u8"),
)]
session = connected(port, mode)
refused = 0

def call(number):
    global refused
    try:
        if mode == "lost":
            session.run(number if number == "die" else "f", 1)
            return
        kind = number % (len(frames) + 2)
        if kind < len(frames):
            session.run("f", frames[kind])
        elif kind == len(frames):
            session.run("two\\nlines", 1)
        elif mode == "asynchronous":
            session.upload({"no name": 1})
        else:
            answer = session.run("fail", number)
            if mode == "acknowledged" and answer.exception(60) is not None:
                refused += 1
    except (ddb.ConversionError, ddb.UsageError, ddb.ServerError, ddb.LinkError):
        refused += 1

if mode == "lost":
    call("die")
    refused = 0
print(grown(call, times))
assert refused == times + max(times // 10, 1000), refused
if mode == "acknowledged":
    try:
        session.flush(60)
    except ddb.SubmissionError as error:
        assert error.count == session.stats.failed
if mode != "lost":
    session.run("last", 1)
session.close()
"""
)


@pytest.mark.parametrize("mode", ["asynchronous", "acknowledged", "synchronous", "lost"])
def test_failing_submissions__leave_the_resident_size_as_it_is(mode):
    with discarding() as server:
        done = program(FAIL, str(server.port), mode, str(FAILING), timeout=600)
    assert done.stderr == ""
    assert int(done.stdout) <= FLAT, "KiB"


LARGE = (
    RESIDENT
    + """
port, kind, rows, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
count = size // (8 * rows)
if kind == "one-array":
    # every column is the same memory
    column = np.arange(rows) / 8
    frame = pd.DataFrame({f"c{i}": column for i in range(count)}, copy=False)
elif kind == "nulls":
    column = np.where(np.arange(rows) % 1000 == 7, np.nan, np.arange(rows) / 8)
    frame = pd.DataFrame({f"c{i}": column for i in range(count)}, copy=False)
elif kind == "broadcast":
    frame = pd.DataFrame({f"c{i}": np.broadcast_to(np.int64(i), rows) for i in range(count)}, copy=False)
else:
    frame = pd.DataFrame(np.random.default_rng(7).standard_normal((count, rows)).T, copy=False,
                         columns=[f"c{i}" for i in range(count)])
session = connected(port, "asynchronous")
for _ in range(100):
    session.run("f", frame[:10])
sent = session.stats.bytesSent
gc.collect()
# the peak starts again at the present size
Path("/proc/self/clear_refs").write_text("5")
before = resident()
session.run("tableInsert{t}", frame)
peak = resident("VmHWM")
assert session.stats.bytesSent - sent >= size
print(peak - before, session.stats.bytesSent)
session.close()
"""
)

KINDS = [("one-array", 1_000_000), ("nulls", 1_000_000), ("broadcast", SIZE // 8), ("real", 1_000_000)]


@pytest.mark.parametrize("kind, rows", KINDS, ids=[kind for kind, _ in KINDS])
def test_frame_of_gigabytes__needs_four_mebibytes(kind, rows):
    if kind in ("real", "nulls") and not FULL:
        pytest.skip("DOLPHINDB_FAST_STRESS=1 sends this one too")
    with discarding() as server:
        done = program(LARGE, str(server.port), kind, str(rows), str(SIZE), timeout=600)
        assert done.stderr == ""
        grown, sent = map(int, done.stdout.split())
        assert server.ended() == sent - len(b"API 0 8 / 36_1_4_2\nconnect\n")
    assert grown <= EXTRA, "KiB"


MANY = 2**31
TOO_MANY = {
    "int8": lambda: np.broadcast_to(np.int8(1), MANY),
    "float64": lambda: np.broadcast_to(np.float64(1), MANY),
    "datetime64": lambda: np.broadcast_to(np.datetime64("2024-01-02", "ns"), MANY),
    "uint16": lambda: np.broadcast_to(np.uint16(1), MANY),
    "strings": lambda: np.broadcast_to(np.array("a"), MANY),
    "objects": lambda: np.broadcast_to(np.array("a", dtype=object), MANY),
    "matrix": lambda: np.broadcast_to(np.float64(1), (MANY // 2, 2)),
    "series": lambda: pd.Series(np.broadcast_to(np.int8(1), MANY), copy=False),
    "series-datetime64": lambda: pd.Series(np.broadcast_to(np.datetime64("2024-01-02", "ns"), MANY), copy=False),
    "series-nullable": lambda: pd.Series(
        pd.arrays.IntegerArray(np.broadcast_to(np.int8(1), MANY), np.broadcast_to(False, MANY)), copy=False
    ),
    "frame": lambda: pd.DataFrame({"a": np.broadcast_to(np.int8(1), MANY)}, copy=False),
    "frame-datetime64": lambda: pd.DataFrame(
        {"a": np.broadcast_to(np.datetime64("2024-01-02", "ns"), MANY)}, copy=False
    ),
    "frame-forced": lambda: ddb.typed(
        pd.DataFrame({"a": np.broadcast_to(np.int8(1), MANY)}, copy=False), {"a": "LONG"}
    ),
}


@pytest.fixture
def little_memory():
    """Whoever copies such a thing fails here instead of filling the machine's memory."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.parametrize("mode", ["asynchronous", "acknowledged", "synchronous"])
def test_too_many_rows__are_refused_before_anything_is_sent(mode, little_memory):
    with FakeServer(default=VOID) as server:
        session = ddb.Session(enableASYNC=mode != "synchronous", acknowledge=mode == "acknowledged")
        session.connect("127.0.0.1", server.port)
        sent = session.stats.bytesSent
        for name, make in TOO_MANY.items():
            with pytest.raises(ddb.ValueRefused, match=f"{MANY} rows"):
                session.run("f", make())
            with pytest.raises(ddb.ValueRefused, match=f"{MANY} rows"):
                session.upload({"x": make()})
            assert session.stats.bytesSent == sent, name
        session.run("last", 1)
        assert session.stats.requests == 1
        connection = server.connection()
        connection.wait(lambda received: b"function\nlast" in received)
        assert b"function\nf\n" not in connection.received and b"variable" not in connection.received
        session.close()

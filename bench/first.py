"""Microseconds per asynchronous call of the manual's frame: ours, the official client, plain ``sendall``.

    python bench/first.py [--quick] [--json FILE]

The frame is that of the manual's example 1 (100 rows: TIMESTAMP, SYMBOL or STRING, DOUBLE, INT or LONG as
the client infers them), in a ring of 64 distinct frames. The competitors send the same requests over one
connection each to a discarding sink in its own process. Every repetition runs one block of calls of each,
in changing order, and waits between blocks until the sink has received every byte. Before anything is
timed, what each client sends for the whole ring is compared byte by byte.
"""
from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import math
import os
import platform
import random
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from sink import Sink  # noqa: E402

import dolphindb_fast  # noqa: E402
from dolphindb_fast.commands.demo import manual_frame  # noqa: E402

FUNCTION = "tableInsert{trades}"
RING = 64
OURS, OFFICIAL, PLAIN = "dolphindb_fast", "dolphindb", "sendall"


def request_of(frame: pd.DataFrame, session_id: str) -> bytes:
    """The whole request that an asynchronous ``run(FUNCTION, frame)`` sends."""
    body = f"function\n{FUNCTION}\n1\n1".encode()
    return f"API2 {session_id} {len(body)} / 36_1_4_64__0\n".encode() + body + dolphindb_fast.dumps(frame)


def pin() -> tuple[int | None, int | None]:
    """Bind this process to one processor; that one and another one for the sink."""
    if not hasattr(os, "sched_setaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        return allowed[0], allowed[0]
    os.sched_setaffinity(0, {allowed[-1]})
    return allowed[-1], allowed[-2]


def open_clients(port: int, names: list[str]) -> dict:
    """Connected asynchronous senders by name: ``(callable of one argument or two, handle)``."""
    clients = {}
    for name in names:
        if name == PLAIN:
            handle = socket.create_connection(("127.0.0.1", port))
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            handle.sendall(b"API 0 8 / 36_1_4_2\nconnect\n")
            reply = handle.recv(4096)
            clients[name] = handle
            clients["session_id"] = reply.split()[0].decode()
        elif name == OFFICIAL:
            import dolphindb

            session = dolphindb.Session(enableASYNC=True, show_output=False)
            if not session.connect("127.0.0.1", port):
                raise SystemExit("bench: the official client refused the sink")
            clients[name] = session
        else:
            session = dolphindb_fast.Session(enableASYNC=True)
            session.connect("127.0.0.1", port)
            clients[name] = session
    return clients


def block(client, items: list) -> float:
    """Seconds that one call for each of `items` takes."""
    clock = time.perf_counter
    if isinstance(client, socket.socket):
        sendall = client.sendall
        start = clock()
        for item in items:
            sendall(item)
        return clock() - start
    run = client.run
    start = clock()
    for item in items:
        run(FUNCTION, item)
    return clock() - start


def check_bytes(sink: Sink, clients: dict, names: list[str], frames: list, requests: list[bytes]) -> None:
    """Stop unless every client sends exactly `requests` for `frames`."""
    expected = b"".join(requests)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / name
            before = sink.settle()
            sink.keep(path)
            block(clients[name], requests if name == PLAIN else frames)
            sink.wait_for(before + len(expected))
            sink.drop()
            got = path.read_bytes()
            if got != expected:
                same = os.path.commonprefix([got, expected])
                raise SystemExit(f"bench: {name} sent other bytes, from byte {len(same)} of {len(expected)}")


def median_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the median of the population, from order statistics alone."""
    ordered = sorted(values)
    n = len(ordered)
    skipped = 0
    # the chance that fewer than k + 1 of n values lie below the median, and the same above
    while 2 * sum(math.comb(n, k) for k in range(skipped + 1)) / 2**n <= 1 - confidence:
        skipped += 1
    skipped = max(skipped - 1, 0)
    return ordered[skipped], ordered[n - 1 - skipped]


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("dolphindb-fast", "dolphindb", "numpy", "pandas", "pyarrow"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = dolphindb_fast.__version__ if name == "dolphindb-fast" else "absent"
    return found


def measure(repetitions: int, calls: int, rows: int, seed: int) -> dict:
    """Run the comparison; everything that was found, ready for JSON."""
    sender_cpu, sink_cpu = pin()
    generator = random.Random(seed)
    frames = [manual_frame(rows, generator) for _ in range(RING)]
    names = [OURS, PLAIN]
    try:
        importlib.metadata.version("dolphindb")
        names.insert(1, OFFICIAL)
    except importlib.metadata.PackageNotFoundError:
        pass
    with Sink(sink_cpu) as sink:
        clients = open_clients(sink.port, names)
        requests = [request_of(frame, clients["session_id"]) for frame in frames]
        check_bytes(sink, clients, names, frames, requests)

        turns = [i % RING for i in range(calls)]
        items = {name: [frames[i] for i in turns] for name in names}
        items[PLAIN] = [requests[i] for i in turns]
        expected = sum(len(requests[i]) for i in turns)
        received = sink.settle()
        means: dict[str, list[float]] = {name: [] for name in names}
        gc.collect()
        gc.freeze()
        gc.disable()
        # repetition 0 warms caches, branch predictors and socket buffers, and is not counted
        for repetition in range(repetitions + 1):
            shift = repetition % len(names)
            for name in names[shift:] + names[:shift]:
                seconds = block(clients[name], items[name])
                received += expected
                arrived = sink.wait_for(received)
                if arrived != received:
                    raise SystemExit(f"bench: after {name} {arrived} bytes had arrived, not {received}")
                if repetition:
                    means[name].append(seconds / calls * 1e6)
        gc.enable()
        for name in names:
            clients[name].close()
    return {
        "benchmark": "first",
        "rows": rows,
        "columns": 4,
        "ring": RING,
        "calls_per_block": calls,
        "repetitions": repetitions,
        "request_bytes": statistics.mean(map(len, requests)),
        "microseconds": means,
        "versions": versions(),
        "machine": {"processor": processor(), "count": os.cpu_count(), "system": platform.platform(),
                    "sender_cpu": sender_cpu, "sink_cpu": sink_cpu},
    }


def report(found: dict) -> str:
    means = found["microseconds"]
    machine = found["machine"]
    lines = [
        f"{found['rows']} rows x {found['columns']} columns, {found['request_bytes']:.0f} bytes a request, "
        f"{found['repetitions']} repetitions of {found['calls_per_block']} calls; every byte received",
        "  ".join(f"{name} {version}" for name, version in found["versions"].items()),
        f"{machine['count']} x {machine['processor']}; "
        f"sender on {machine['sender_cpu']}, sink on {machine['sink_cpu']}",
        "",
        f"{'microseconds per call':24}{'median':>9}{'min':>9}{'max':>9}",
    ]
    for name, values in means.items():
        lines.append(f"{name:24}{statistics.median(values):9.2f}{min(values):9.2f}{max(values):9.2f}")
    lines += ["", f"{'ratio (of pairs)':24}{'median':>9}   95 % interval"]
    for upper, lower in ((OFFICIAL, OURS), (OURS, PLAIN)):
        if upper in means and lower in means:
            ratios = [a / b for a, b in zip(means[upper], means[lower], strict=True)]
            low, high = median_interval(ratios)
            middle = statistics.median(ratios)
            lines.append(f"{upper + ' / ' + lower:24}{middle:9.2f}   {low:.2f} to {high:.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=31, help="counted blocks (default 31)")
    parser.add_argument("--calls", type=int, default=2000, help="calls in one block (default 2000)")
    parser.add_argument("--rows", type=int, default=100, help="rows of a frame (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="11 repetitions of 500 calls: does it work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append the result as one line of JSON")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.calls = 11, 500
    if options.repetitions < 11:
        parser.error("--repetitions: at least 11, since loopback times have two modes")
    found = measure(options.repetitions, options.calls, options.rows, options.seed)
    print(report(found))
    if options.json:
        with options.json.open("a") as file:
            file.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

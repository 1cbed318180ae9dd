"""Sessions of every mode, eight threads, a network that breaks: is an acknowledged row lost?

    python tests/stress/soak.py --seconds 600 --pace 0.1

Prints a report and ends with status 1 if a promise was broken. Each submission has a number, each of its rows
an id of which that number can be read, so that at the end every row found is put to what its own call said.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gc
import itertools
import json
import logging
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

import dolphindb_fast as ddb

INSERT = "tableInsert{soak}"
#: ids of one submission
ROOM = 4096
#: what is known of a submission
UNKNOWN, ACKNOWLEDGED, REFUSED = 1, 2, 3
#: it may have been sent more than once
REPEATED = 8
#: seconds without progress, shorter than some of the stalls
TIMEOUT = 1.0
WORDS = [f"w{number}" for number in range(50)]
#: Seconds from which on a run judges its resident size: in shorter ones what all threads need and keep still grows.
RESIDENT_SECONDS = 60
#: KiB by which it may grow after the first quarter; AddressSanitizer keeps freed memory for a while.
RESIDENT_BOUND = 4096 if "libasan" not in os.environ.get("LD_PRELOAD", "") else 1 << 20

#: submissions before which a run does not end, whatever its time, and a fourth of which go before memory is measured:
#: until then all threads have done what they do, and what that needs is kept
LEAST_SUBMISSIONS = 2000

MODES = {
    "asynchronous": {"enableASYNC": True},
    "acknowledged": {"enableASYNC": True, "acknowledge": True, "keepUnacknowledged": True, "maxInFlight": 64},
    "synchronous": {},
    "retrying": {},
}


def row_count(submission):
    """Mostly a few rows; some more than leave in one piece. Of a number or an array of numbers."""
    return np.where(submission % 50 == 49, 3000, 1 + submission * 7919 % 20)


def make_frame(submission: int) -> pd.DataFrame:
    ids = np.arange(int(row_count(submission))) + submission * ROOM
    return pd.DataFrame(
        {
            "id": ids,
            "eighth": ids / 8,
            "text": pd.Series([f"row {number}" for number in ids.tolist()], dtype=object),
            "word": pd.Categorical.from_codes(ids % len(WORDS), WORDS),
        }
    )


class Ledger:
    """What the session said of each submission."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.states = bytearray(1 << 24)
        #: submissions so far, about: threads count side by side
        self.count = 0

    def new(self) -> int:
        number = next(self.numbers)
        self.states[number] = UNKNOWN
        self.count = number + 1
        return number

    def note(self, number: int, state: int) -> None:
        self.states[number] = state | (self.states[number] & REPEATED)

    def may_repeat(self, number: int) -> None:
        self.states[number] |= REPEATED

    def verdict(self, found: np.ndarray) -> tuple[dict[str, int], list[str]]:
        """Rows by what was said of them, and what is wrong; `found` are the ids on the server."""
        states = np.frombuffer(self.states, dtype=np.uint8)[: next(self.numbers)]
        known, repeated = states & ~np.uint8(REPEATED), (states & REPEATED) != 0
        rows = row_count(np.arange(len(states)))
        owner = found // ROOM
        wrong = []

        def broken(what, submissions):
            submissions = np.flatnonzero(submissions)
            if len(submissions):
                wrong.append(f"{what}: {len(submissions)} submissions, the first of them {submissions[:5].tolist()}")

        inside = (owner >= 0) & (owner < len(states))
        if not inside.all():
            wrong.append(f"{(~inside).sum()} rows that nobody sent")
        found, owner = found[inside], owner[inside]
        count = np.bincount(owner, minlength=len(states))
        times = count // rows
        broken("acknowledged and not found", (known == ACKNOWLEDGED) & (times == 0))
        broken(
            "found, although the call said that nothing was sent",
            (known == REFUSED) & ~repeated & (count > 0),
        )
        broken("found more than once", ~repeated & (times > 1))
        # every row of a submission as often as every other one
        each = np.bincount(np.unique(found, return_counts=True)[0] // ROOM, minlength=len(states))
        broken("found in part", (count % rows != 0) | ((count > 0) & (each != rows)))
        totals = {
            "submissions": len(states),
            "rows submitted": int(rows[known != REFUSED].sum()),
            "rows refused": int(rows[known == REFUSED].sum()),
            "rows acknowledged": int(rows[known == ACKNOWLEDGED].sum()),
            "rows found": int((rows * (count > 0)).sum()),
            "rows found more than once, of calls that may repeat": int((rows * np.maximum(times - 1, 0)).sum()),
        }
        return totals, wrong


class Client:
    """A session, what it has submitted and not proven, and how it is used; by one thread or by several."""

    def __init__(self, mode: str, port: int, ledger: Ledger, *, shared: bool, reconnect: bool = True) -> None:
        self.mode, self.port, self.ledger = mode, port, ledger
        self.shared, self.reconnect = shared, reconnect
        self.events: collections.Counter[str] = collections.Counter()
        self.reconnects = 0
        self.lock = threading.Lock()
        # asynchronous mode: submissions, and the connection on which they left for certain
        self.unproven: collections.deque[tuple[int, str]] = collections.deque()
        # acknowledged mode
        self.handles: collections.deque[tuple[int | None, ddb.Submission]] = collections.deque()
        self.make()

    def make(self) -> None:
        self.session = ddb.Session(**MODES[self.mode])
        self.connected = False

    def connect(self) -> None:
        self.connected = False
        self.session.connect(
            "127.0.0.1", self.port, "admin", "123456", reconnect=self.reconnect, tryReconnectNums=2,
            writeTimeout=TIMEOUT, readTimeout=TIMEOUT, retryWrites=self.mode == "retrying",
        )  # fmt: skip
        self.connected = True
        self.events["connect"] += 1

    # -- what a thread does, one thing at a time ----------------------------------------------------------

    def step(self, numbers: random.Random) -> None:
        actions = [self.submit] * 20 + [self.submit_refused, self.submit_failing, self.upload, self.look]
        if self.mode in ("asynchronous", "acknowledged"):
            actions += [self.barrier] * 2 + [self.batch] * 3
        if self.mode == "acknowledged":
            actions += [self.flush] * 2
        if not self.shared:
            actions += [self.renew]
        action = numbers.choice(actions)
        try:
            if not self.connected:
                self.connect()
            action(numbers)
        except ddb.LinkError as error:
            self.events[type(error).__name__ + ("" if error.sent else ", nothing sent")] += 1
            self.connected = self.connected and self.reconnect
        if len(self.handles) > 500:
            self.take_answers(0)

    def submit(self, numbers: random.Random) -> None:
        number = self.ledger.new()
        frame = make_frame(number)
        if self.mode == "retrying":
            self.ledger.may_repeat(number)
        before = self.session.session_id
        try:
            value = self.session.run(INSERT, frame)
        except ddb.LinkError as error:
            if not error.sent and self.mode != "retrying":
                self.ledger.note(number, REFUSED)
            raise
        self.note_sent(number, value, before)

    def note_sent(self, number: int, value, before: str) -> None:
        if self.mode == "asynchronous":
            if before == self.session.session_id:
                self.unproven.append((number, before))
        elif self.mode == "acknowledged":
            self.handles.append((number, value))
        else:
            assert value == row_count(number), value
            self.ledger.note(number, ACKNOWLEDGED)

    def submit_refused(self, numbers: random.Random) -> None:
        number = self.ledger.new()
        self.ledger.note(number, REFUSED)
        frame = make_frame(number)
        frame["text"] = "a\0b"
        with contextlib.suppress(ddb.ConversionError):
            self.session.run(INSERT, frame)
            raise AssertionError("text with NUL was sent")

    def submit_failing(self, numbers: random.Random) -> None:
        number = self.ledger.new()
        self.ledger.note(number, REFUSED)
        try:
            value = self.session.run("tableInsert{no_such_table}", make_frame(number))
        except ddb.ServerError as error:
            assert "no_such_table" in error.serverText
        else:
            if self.mode == "acknowledged":
                self.handles.append((None, value))

    def upload(self, numbers: random.Random) -> None:
        self.session.upload({"x": make_frame(1)})

    def look(self, numbers: random.Random) -> None:
        if self.mode in ("synchronous", "retrying"):
            assert self.session.run("exec count(*) from soak") >= 0
        assert self.session.stats.requests >= 0 and repr(self.session)

    def batch(self, numbers: random.Random) -> None:
        submitted, before = [], self.session.session_id
        try:
            with self.session.batch(numbers.choice([1000, 100_000])):
                for _ in range(numbers.randrange(1, 20)):
                    number = self.ledger.new()
                    submitted.append((number, self.session.run(INSERT, make_frame(number))))
        except ddb.UsageError as error:
            # of a shared session one thread may gather at a time
            assert self.shared and "a batch is open already" in str(error), error
            self.events["batch of another thread"] += 1
            return
        finally:
            # of the last one of a failed batch there is no handle: its outcome stays unknown
            if self.mode == "acknowledged":
                self.handles.extend(submitted)
        if self.mode == "asynchronous":
            for number, value in submitted:
                self.note_sent(number, value, before)

    def barrier(self, numbers: random.Random) -> None:
        pending, before = list(self.unproven), self.session.session_id
        try:
            self.session.barrier(TIMEOUT)
        except ddb.ReplyTimeout:
            assert self.mode == "acknowledged"
            self.events["ReplyTimeout"] += 1
            return
        if self.mode == "acknowledged":
            return self.take_answers(None)
        proof = self.session.session_id == before
        for number, connection in pending:
            if proof and connection == before:
                self.ledger.note(number, ACKNOWLEDGED)
        with self.lock:
            while self.unproven and pending and self.unproven[0] in pending:
                self.unproven.popleft()

    def flush(self, numbers: random.Random) -> None:
        try:
            self.session.flush(TIMEOUT)
        except ddb.SubmissionError as error:
            for failure in error.failures:
                reason = failure.exception()
                refused = isinstance(reason, ddb.ServerError) and failure.name == "tableInsert{no_such_table}"
                assert refused or isinstance(reason, ddb.LinkError), reason
        except ddb.ReplyTimeout:
            self.events["ReplyTimeout"] += 1
        else:
            self.take_answers(0)
        if numbers.random() < 0.5:
            self.resubmit()

    def resubmit(self) -> None:
        for item in self.session.unacknowledged():
            if item.name != INSERT:
                continue
            number = int(item.frame()["id"].iloc[0]) // ROOM
            self.ledger.may_repeat(number)
            self.events["resubmitted"] += 1
            self.handles.append((number, self.session.resubmit(item)))

    def take_answers(self, timeout: float | None) -> None:
        """Of submissions, up to the first one that has none yet."""
        while True:
            try:
                number, handle = self.handles.popleft()
            except IndexError:
                return
            try:
                error = handle.exception(timeout)
            except ddb.ReplyTimeout:
                self.handles.append((number, handle))
                return
            except ddb.UsageError as gathered:
                # by another thread's batch
                assert "gathered" in str(gathered), gathered
                self.handles.append((number, handle))
                return
            if error is None:
                assert number is not None, "a function that does not exist was carried out"
                value = handle.result()
                assert value == row_count(number), f"{handle} of {row_count(number)} rows was answered by {value!r}"
                self.ledger.note(number, ACKNOWLEDGED)
            elif isinstance(error, ddb.ServerError):
                assert number is None, error
            else:
                assert isinstance(error, ddb.LinkError), error
                self.events["outcome unknown"] += 1

    def renew(self, numbers: random.Random) -> None:
        """Another connection, or another session; what was not proven stays unknown."""
        self.unproven.clear()
        way = numbers.choice(["connect", "close", "drop"])
        if way != "connect":
            if self.mode == "acknowledged":
                with contextlib.suppress(ddb.SubmissionError, ddb.ReplyTimeout):
                    self.session.flush(TIMEOUT)
            self.reconnects += self.session.stats.reconnects
            if way == "close":
                self.session.close()
                self.take_answers(0)
            self.make()
        self.connect()

    def end(self) -> None:
        """Close; what is proven by then is acknowledged."""
        with contextlib.suppress(ddb.LinkError, ddb.ReplyTimeout, ddb.SubmissionError, ddb.UsageError):
            if self.mode == "acknowledged":
                self.session.flush(5)
            elif self.mode == "asynchronous":
                self.barrier(random.Random())
        self.reconnects += self.session.stats.reconnects
        self.session.close()
        self.take_answers(0)
        assert not self.handles
        del self.session


class Soak:
    """Eight threads on seven sessions for some seconds."""

    def __init__(self, port: int, seed: int, pace: float) -> None:
        self.port, self.seed, self.pace = port, seed, pace
        self.ledger = Ledger()
        self.stopped = threading.Event()
        self.failures: list[str] = []
        shared = [self.client(mode, shared=True) for mode in ("asynchronous", "acknowledged")]
        own = [
            self.client("asynchronous", shared=False, reconnect=False),
            self.client("acknowledged", shared=False),
            self.client("synchronous", shared=False),
            self.client("retrying", shared=False),
        ]
        self.clients = shared + own
        self.uses = [shared[0], shared[0], shared[1], shared[1], *own]

    def client(self, mode: str, **how) -> Client:
        return Client(mode, self.port, self.ledger, **how)

    def work(self, place: int, client: Client) -> None:
        numbers = random.Random(f"{self.seed} {place}")
        try:
            while not self.stopped.wait(numbers.expovariate(1 / self.pace) if self.pace else 0):
                client.step(numbers)
        except BaseException:
            self.failures.append(traceback.format_exc())
            print(self.failures[-1], flush=True)
            self.stopped.set()

    def run(self, seconds: float) -> list[tuple[float, int, int]]:
        """Part of the run that is over, resident size and descriptors, every so often."""
        for client in self.clients:
            while not client.connected:
                with contextlib.suppress(ddb.ConnectError):
                    client.connect()
        start = time.monotonic()
        threads = [threading.Thread(target=self.work, args=(place, client)) for place, client in enumerate(self.uses)]
        for thread in threads:
            thread.start()
        samples = []
        while not self.stopped.wait(min(1, seconds / 20)):
            elapsed = time.monotonic() - start
            part = min(elapsed / seconds, self.ledger.count / LEAST_SUBMISSIONS)
            samples.append((part, resident(), descriptors()))
            if part >= 1:
                break
            if len(samples) % 10 == 0:
                print(f"{elapsed:.0f} s: {samples[-1][1]} KiB, {samples[-1][2]} descriptors", flush=True)
        self.stopped.set()
        for thread in threads:
            thread.join()
        return samples


def resident() -> int:
    """KiB."""
    return int(re.search(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())[1])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def found_on(port: int) -> np.ndarray:
    """The ids of all rows on the server, whose other cells are looked at."""
    with ddb.Session("127.0.0.1", port, "admin", "123456") as session:
        table = session.run("select * from soak", raw=True)
    columns = dict(zip(table.names, table.columns, strict=True))
    ids = columns["id"].data
    assert (columns["eighth"].data == ids / 8).all(), "cells of other rows"
    assert columns["text"].strings() == [f"row {number}" for number in ids.tolist()], "text of other rows"
    assert columns["word"].strings() == [WORDS[number] for number in (ids % len(WORDS)).tolist()]
    return ids


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--pace", type=float, default=0, help="seconds that each thread waits between calls, about")
    parser.add_argument("--fault-pause", type=float, default=0.05, help="seconds between faults, about")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    logging.getLogger("dolphindb_fast").setLevel(logging.ERROR)
    command = [
        sys.executable, str(Path(__file__).with_name("soak_server.py")),
        "--seed", str(options.seed), "--pause", str(options.fault_pause),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            return soak(server, options)
        except BaseException:
            server.kill()
            raise
        finally:
            server.stdin.close()


def soak(server: subprocess.Popen, options: argparse.Namespace) -> int:
    proxy_port, server_port = map(int, server.stdout.readline().split())
    make_frame(49)
    gc.collect()
    before = resident(), descriptors()
    work = Soak(proxy_port, options.seed, options.pace)
    samples = work.run(options.seconds)
    server.stdin.write("calm\n")
    server.stdin.flush()
    server.stdout.readline()
    wrong = list(work.failures)
    for client in work.clients:
        client.end()
    gc.collect()
    after = resident(), descriptors()
    server.stdin.write("report\n")
    server.stdin.flush()
    there = json.loads(server.stdout.readline())
    totals, broken = work.ledger.verdict(found_on(server_port))
    wrong += broken
    settled = next((size for part, size, _ in samples if part >= 1 / 4), before[0])
    if options.seconds >= RESIDENT_SECONDS and after[0] - settled > RESIDENT_BOUND:
        wrong.append(f"resident size: {settled} KiB after a quarter of the run, {after[0]} KiB at the end")
    if after[1] != before[1]:
        wrong.append(f"descriptors: {before[1]} before, {after[1]} after")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    events = sum((client.events for client in work.clients), collections.Counter())
    rows = [
        ("seconds", f"{options.seconds:g}"),
        ("seed", options.seed),
        *totals.items(),
        *((f"faults injected: {kind}", count) for kind, count in there["faults"].items()),
        ("server stopped and started", there["restarts"]),
        ("connections made", there["connections"]),
        ("sessions connected again by themselves", sum(client.reconnects for client in work.clients)),
        *((f"events: {name}", count) for name, count in sorted(events.items())),
        (
            "resident size before, after a quarter of the run, after",
            f"{before[0]}, {settled}, {after[0]} KiB",
        ),
        ("descriptors before, most, after", f"{before[1]}, {max(s[2] for s in samples)}, {after[1]}"),
        (
            "processor seconds, clients and server",
            f"{usage.ru_utime + usage.ru_stime:.0f}, {there['processor']:.0f}",
        ),
    ]
    print("\n| | |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value:,} |" if isinstance(value, int) and name != "seed" else f"| {name} | {value} |")
    print("\nno promise was broken" if not wrong else "\nBROKEN:\n" + "\n".join(wrong), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

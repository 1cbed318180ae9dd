"""How each kind of case is measured. A runner takes the bench and a case and returns an `Outcome`."""

from __future__ import annotations

import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

import dolphindb_fast
from dolphindb_fast.commands.demo import start_server

from . import competitors, frames, machine
from .checks import check_frame, check_stream
from .competitors import FLUSH, FUNCTION, OURS, SENDALL, SYNCHRONOUS, request_of, shared_encoder
from .delay import Delay
from .link import blocked_seconds
from .measure import (
    Outcome,
    Wrong,
    alternate,
    calls_for,
    clock_cost,
    quantile,
    quiet_collector,
)
from .sink import Sink

ROOT = Path(__file__).resolve().parents[1]
#: bytes of wire up to which what arrives is recorded and compared for the whole ring, not for one frame
RECORD_ALL = 1 << 20
#: how long calls are made before those that are timed, at most one ring of them
WARM_SECONDS = 0.003
#: in a repetition, where each waits for the link
CALLS_OVER_LINK = 10


@dataclass
class Bench:
    """What a run has: the sink, the processors, how long to measure, whom to tell."""

    sink: Sink
    allowed: list[int] = field(default_factory=list)
    quick: bool = False
    passes: int = 1
    seed: int = 1
    tick: Callable[[], None] = lambda: None
    #: repetitions of the present case that were made again since the scheduler had interfered
    remade: int = 0

    @property
    def block_seconds(self) -> float:
        return 0.006 if self.quick else 0.012

    def repetitions(self, case) -> int:
        """Of one pass."""
        return -(-(case.quick_repetitions if self.quick else case.repetitions) // self.passes)

    def preemptions(self) -> int:
        """How often this thread and the sink lost their processor to another process, so far."""
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw + self.sink.preemptions()

    def alternate(self, case, arms: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
        found, remade = alternate(arms, self.repetitions(case), self.tick, self.preemptions)
        self.remade += remade
        return found

    def ring(self, case, make: Callable, **changes) -> list[pd.DataFrame]:
        """`case.ring` distinct frames; equal for equal arguments, in memory of their own."""
        return [make(case.rows, np.random.default_rng([self.seed, i]), **changes) for i in range(case.ring)]


class Arm:
    """One side of a sending case: a sender, its items, and what its calls must make arrive.

    A block begins with `warm` calls that are not timed: after a pause the caches hold other things, and the
    loops that are measured do not pause.
    """

    def __init__(self, bench: Bench, sender: competitors.Sender, items: list, sizes: list[int]):
        self.bench, self.sender, self.items, self.sizes = bench, sender, items, sizes
        self.turn = 0
        self.calls = 1
        self.warm = 0

    def _turns(self, calls: int) -> list[int]:
        ring = len(self.items)
        turns = [(self.turn + i) % ring for i in range(calls)]
        self.turn = (self.turn + calls) % ring
        return turns

    def run(self, calls: int) -> float:
        """Seconds of `calls` calls; returns once the sink has every byte of them."""
        warm, timed = self._turns(self.warm), self._turns(calls)
        expected = self.bench.sink.count() + sum(self.sizes[i] for i in warm + timed)
        warm_items, items = [self.items[i] for i in warm], [self.items[i] for i in timed]
        self.sender.block(warm_items)
        seconds = self.sender.block(items)
        arrived = self.bench.sink.wait_for(expected)
        if arrived != expected:
            raise Wrong(f"{expected} bytes were to arrive, {arrived} did")
        return seconds

    def calibrate(self, most: int) -> None:
        self.calls = calls_for(self.run, self.bench.block_seconds, most)
        self.warm = min(len(self.items), int(WARM_SECONDS / self.bench.block_seconds * self.calls))

    def __call__(self) -> float:
        return self.run(self.calls) / self.calls * 1e6


def open_arms(bench: Bench, case, stack: ExitStack, names: list[str]) -> dict[str, Arm]:
    """Connected and checked arms by name. Each has frames of its own, so that nothing which a client leaves
    in a string (its UTF-8, its hash) serves the other one."""
    arms = {}
    senders = {}
    for name in names:
        senders[name] = competitors.SENDERS[name](bench.sink.port)
        stack.callback(senders[name].close)
    mine = bench.ring(case, case.frame, **case.options)
    check_frame(mine[0])
    plain = SENDALL in names
    requests = [request_of(frame) if plain else len(request_of(frame)) for frame in mine]
    sizes = [len(r) for r in requests] if plain else requests
    for name in names:
        if name == SENDALL:
            items = requests
        elif name == competitors.OFFICIAL:
            items = bench.ring(case, case.frame, **{**case.options, **case.their_options})
        elif name in competitors.ITEMS:
            items = [competitors.ITEMS[name](frame) for frame in mine]
        else:
            items = mine
        arms[name] = Arm(bench, senders[name], items, sizes)
        checked = len(items) if sum(sizes) <= RECORD_ALL else 1
        expected = b"".join(requests[:checked]) if plain else b"".join(map(request_of, mine[:checked]))
        check_stream(bench.sink, name, lambda arm=arms[name], n=checked: arm.run(n), expected, mine[:checked])
        arms[name].turn = 0
    return arms


class AcknowledgedArm(Arm):
    """As `Arm`; a block of this sender ends with its last reply, so that nothing need be waited for."""

    def run(self, calls: int) -> float:
        start = self.turn
        warm, timed = self._turns(self.warm), self._turns(calls)
        self.bench.sink.expect(self.sizes[start:] + self.sizes[:start])
        warm_items, items = [self.items[i] for i in warm], [self.items[i] for i in timed]
        self.sender.block(warm_items)
        return self.sender.block(items)


def _blocked(bench: Bench, arms: dict[str, Arm]) -> float:
    return max(blocked_seconds(bench.sink.port), sum(arm.sender.blocked() for arm in arms.values()))


def sending(bench: Bench, case) -> Outcome:
    """Blocks of asynchronous calls, ours and theirs in turn."""
    with ExitStack() as stack:
        arms = open_arms(bench, case, stack, [case.ours, case.theirs])
        for arm in arms.values():
            arm.calibrate(case.most_calls)
        bench.sink.settle(0.05)
        bench.sink.largest = 0
        before = _blocked(bench, arms)
        found = bench.alternate(case, arms)
        outcome = Outcome(found[case.ours], found[case.theirs])
        outcome.blocked = _blocked(bench, arms) - before
        outcome.detail = {
            "request_bytes": statistics.mean(arms[case.ours].sizes),
            "calls": {name: arm.calls for name, arm in arms.items()},
            "largest_read": bench.sink.largest,
        }
    return outcome


def paced(bench: Bench, case) -> Outcome:
    """Every call timed by itself, `run` and ``sendall`` by turns, and before each ``sendall`` another frame
    is encoded outside the timing: both sends follow the same work, at the same pace, and find the receiver in
    the same state. The figure of a repetition is the mean, or with ``case.share`` that quantile."""
    calls = 2000 if case.share else 800
    cost = clock_cost()
    clock = time.perf_counter
    encode = shared_encoder().encode
    with ExitStack() as stack:
        arms = open_arms(bench, case, stack, [OURS, SENDALL])
        run, mine = arms[OURS].sender.call, arms[OURS].items
        sendall, requests = arms[SENDALL].sender.call, arms[SENDALL].items
        other = mine[len(mine) // 2 :] + mine[: len(mine) // 2]
        # the first round over the ring warms the caches and is not counted
        turns = [i % case.ring for i in range(case.ring + calls)]
        rounds = [(mine[i], other[i], requests[i]) for i in turns]
        expected = 2 * sum(arms[OURS].sizes[i] for i in turns)
        outcome = Outcome([], [])
        pools: tuple[list[float], list[float]] = ([], [])
        before = _blocked(bench, arms)
        bench.sink.largest = 0
        spare = repetitions = bench.repetitions(case)
        with quiet_collector():
            while len(outcome.ours) < repetitions:
                preempted = bench.preemptions()
                target = bench.sink.count() + expected
                ours, theirs = [], []
                for frame, another, request in rounds:
                    start = clock()
                    run(FUNCTION, frame)
                    ours.append(clock() - start)
                    encode(another)
                    start = clock()
                    sendall(request)
                    theirs.append(clock() - start)
                if bench.sink.wait_for(target) != target:
                    raise Wrong("not every byte arrived")
                if spare and bench.preemptions() != preempted:
                    spare -= 1
                    bench.remade += 1
                else:
                    for values, figures, pool in zip(
                        (ours, theirs), (outcome.ours, outcome.theirs), pools, strict=True
                    ):
                        del values[: case.ring]
                        values.sort()
                        figure = quantile(values, case.share) if case.share else statistics.fmean(values)
                        figures.append((figure - cost) * 1e6)
                        pool.extend(values)
                bench.tick()
        outcome.blocked = _blocked(bench, arms) - before
    outcome.detail = {"calls": calls, "largest_read": bench.sink.largest, "quantiles": {}}
    for name, pool in zip((OURS, SENDALL), pools, strict=True):
        pool.sort()
        outcome.detail["quantiles"][name] = [
            [share, (quantile(pool, share) - cost) * 1e6]
            for share in (*np.linspace(0, 0.99, 100), 0.995, 0.999, 0.9999)
        ]
    return outcome


def encoding(bench: Bench, case) -> Outcome:
    """Bytes of a frame, nothing sent; ours and theirs in turn, each over frames of its own."""
    sides = {}
    for side, name, options in ((0, case.ours, {}), (1, case.theirs, case.their_options)):
        ring = bench.ring(case, case.frame, **{**case.options, **options})
        if side == 0:
            check_frame(ring[0])
        calls = [competitors.ENCODERS[name](frame) for frame in ring]
        if any(call() <= 0 for call in calls):
            raise Wrong(f"{name} made no bytes")
        sides[side] = EncodingArm(bench, calls)
    for arm in sides.values():
        arm.calibrate(20_000)
    found = bench.alternate(case, sides)
    return Outcome(found[0], found[1], detail={"calls": [sides[0].calls, sides[1].calls]})


class EncodingArm:
    """Calls one encoder after the other over its ring; the first of a block are not timed, as in `Arm`."""

    def __init__(self, bench: Bench, calls: list[Callable[[], int]]):
        self.bench = bench
        self.size = len(calls)
        self.ring = itertools.cycle(calls)
        self.calls = 1
        self.warm = 0

    def calibrate(self, most: int) -> None:
        self.calls = calls_for(self.run, self.bench.block_seconds, most)
        self.warm = min(self.size, int(WARM_SECONDS / self.bench.block_seconds * self.calls))

    def run(self, count: int) -> float:
        for call in itertools.islice(self.ring, self.warm):
            call()
        turns = list(itertools.islice(self.ring, count))
        clock = time.perf_counter
        start = clock()
        for call in turns:
            call()
        return clock() - start

    def __call__(self) -> float:
        return self.run(self.calls) / self.calls * 1e6


def _spin(stop: threading.Event) -> None:
    count = 0
    while not stop.is_set():
        for _ in range(1000):
            count += 1


def _spin_block(calls: int) -> float:
    """A loop in pure Python that takes as long as some calls: what the other thread's turns cost anybody."""
    start = time.perf_counter()
    for _ in range(calls * 100):
        pass
    return time.perf_counter() - start


def beside_thread(bench: Bench, case) -> Outcome:
    """Blocks of asynchronous calls with a thread beside that computes in Python, and without it."""
    with ExitStack() as stack:
        arm = open_arms(bench, case, stack, [OURS])[OURS]
        # many times the interpreter's switch interval, so that a block has many turns
        seconds = 0.05 if bench.quick else 0.3
        arm.calls = calls_for(arm.run, seconds, 100_000)
        loops = calls_for(_spin_block, seconds, 2_000_000)

        def beside(block: Callable[[], float]) -> float:
            stop = threading.Event()
            thread = threading.Thread(target=_spin, args=(stop,))
            thread.start()
            try:
                return block()
            finally:
                stop.set()
                thread.join()

        found, _ = alternate(
            {
                "beside": lambda: beside(arm),
                "alone": arm,
                "loop beside": lambda: beside(lambda: _spin_block(loops)),
                "loop alone": lambda: _spin_block(loops),
            },
            bench.repetitions(case),
            bench.tick,
        )
    control = [a / b for a, b in zip(found["loop beside"], found["loop alone"], strict=True)]
    name = "a loop in pure Python beside the same thread against itself without"
    return Outcome(found["beside"], found["alone"], control=control, control_name=name)


def peak_memory(bench: Bench, case) -> Outcome:
    """Growth of the peak resident size by one call, in a process of its own for every repetition."""
    found = []
    for repetition in range(bench.repetitions(case)):
        found.append(
            extra_memory(
                bench,
                case.rows,
                case.options.get("columns", 10),
                case.options.get("nan_share", 0.0),
                repetition,
            )
        )
        bench.tick()
    return Outcome(found, unit="MiB")


def extra_memory(bench: Bench, rows: int, columns: int, nan_share: float, seed: int) -> float:
    command = [
        sys.executable,
        "-m",
        f"{__package__}.memory",
        str(bench.sink.port),
        str(rows),
        str(columns),
        str(nan_share),
        str(seed),
    ]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    before = bench.sink.count()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(reversed(paths))},
        check=False,
    )
    if done.returncode:
        raise Wrong("the measured process failed: " + done.stderr.strip().splitlines()[-1])
    size, mebibytes = done.stdout.split()
    if bench.sink.wait_for(before + int(size)) != before + int(size):
        raise Wrong("not every byte arrived")
    return float(mebibytes)


def answered(bench: Bench, case) -> Outcome:
    """Synchronous calls to a sink that answers at once."""
    mine, others = bench.ring(case, case.frame), bench.ring(case, case.frame)
    requests = [request_of(frame, SYNCHRONOUS) for frame in mine]
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        arms = {}
        for name, ring in ((case.ours, mine), (case.theirs, others)):
            sender = competitors.SENDERS[name](bench.sink.port, asynchronous=False)
            stack.callback(sender.close)
            bench.sink.expect(list(map(len, requests)))
            path = Path(folder) / name
            bench.sink.keep(path)
            replies = [sender.call(FUNCTION, frame) for frame in ring]
            bench.sink.drop()
            if path.read_bytes() != b"".join(requests) or any(reply != 100 for reply in replies):
                raise Wrong(f"{name} sent other bytes, or read another reply than 100")
            arms[name] = AnsweredArm(bench, sender, ring, list(map(len, requests)), case.processor)
        for arm in arms.values():
            arm.count = calls_for(arm.run, bench.block_seconds, 2000)
        found = bench.alternate(case, arms)
    return Outcome(found[case.ours], found[case.theirs])


class AnsweredArm:
    """Synchronous calls; the sink is told before a block which lengths come."""

    def __init__(self, bench: Bench, sender, items: list, sizes: list[int], processor: bool = False):
        self.bench, self.sender, self.items, self.sizes = bench, sender, items, sizes
        self.processor = processor
        self.count = 1

    def run(self, count: int) -> float:
        self.bench.sink.expect(self.sizes)
        items = [self.items[i % len(self.items)] for i in range(count)]
        used = time.process_time()
        elapsed = self.sender.block(items)
        return time.process_time() - used if self.processor else elapsed

    def __call__(self) -> float:
        return self.run(self.count) / self.count * 1e6


def checked_arm(bench: Bench, case, stack: ExitStack, name: str, port: int, asynchronous: bool) -> Arm:
    """An arm whose every call is answered, at the sink or something before it; its bytes and replies are right."""
    ring = bench.ring(case, case.frame)
    requests = [request_of(frame, SYNCHRONOUS) for frame in ring]
    sizes = list(map(len, requests))
    sender = competitors.SENDERS[name](port, asynchronous=asynchronous)
    stack.callback(sender.close)
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "requests"
    bench.sink.expect(sizes)
    bench.sink.keep(path)
    replies = [sender.call(FUNCTION, frame) for frame in ring]
    if asynchronous:
        replies = [submission.result(10) for submission in replies]
    bench.sink.drop()
    if path.read_bytes() != b"".join(requests) or any(reply != 100 for reply in replies):
        raise Wrong(f"{name} sent other bytes, or read another reply than 100")
    return AcknowledgedArm(bench, sender, ring, sizes)


def acknowledged(bench: Bench, case) -> Outcome:
    """Blocks of submissions and all their replies, against blocks of asynchronous calls."""
    with ExitStack() as stack:
        ours = checked_arm(bench, case, stack, case.ours, bench.sink.port, True)
        theirs = open_arms(bench, case, stack, [case.theirs])[case.theirs]
        theirs.calibrate(case.most_calls)
        # the wait for the last reply comes once a block, not once every few calls
        ours.calls = theirs.calls = 4 * theirs.calls
        ours.warm = theirs.warm
        found = bench.alternate(case, {case.ours: ours, case.theirs: theirs})
    return Outcome(found[case.ours], found[case.theirs], detail={"calls": theirs.calls})


def acknowledged_over_link(bench: Bench, case) -> Outcome:
    """Submissions and their replies against synchronous calls, both through a link of 1 ms there and back."""
    with ExitStack() as stack:
        link = stack.enter_context(Delay(bench.sink.port, 0.0005))
        arms = {
            "ours": checked_arm(bench, case, stack, case.ours, link.port, True),
            "theirs": checked_arm(bench, case, stack, case.theirs, link.port, False),
        }
        for arm in arms.values():
            arm.calls = calls_for(arm.run, 5 * bench.block_seconds, case.most_calls)
        found = bench.alternate(case, arms)
    return Outcome(found["ours"], found["theirs"], detail={"calls": {name: arm.calls for name, arm in arms.items()}})


def round_trip(bench: Bench, case) -> Outcome:
    """`barrier` or `flush` behind a submission against one synchronous call, both to the local server over the link."""
    with ExitStack() as stack:
        host, port = start_server(stack, 0)
        link = stack.enter_context(Delay(port, 0.0005))
        ours = dolphindb_fast.Session(enableASYNC=True, acknowledge=case.ours == FLUSH)
        theirs = dolphindb_fast.Session()
        for session in (ours, theirs):
            session.connect(host, link.port, "admin", "123456")
            stack.callback(session.close)
        settle = ours.flush if case.ours == FLUSH else ours.barrier

        def settled() -> float:
            ours.run("x = 1")
            start = time.perf_counter()
            settle()
            return time.perf_counter() - start

        def answered() -> float:
            start = time.perf_counter()
            theirs.run("x = 1")
            return time.perf_counter() - start

        def mean(call: Callable[[], float]) -> float:
            return sum(call() for _ in range(CALLS_OVER_LINK)) / CALLS_OVER_LINK * 1e6

        found = bench.alternate(case, {"ours": lambda: mean(settled), "theirs": lambda: mean(answered)})
        ours.barrier(check="x", expect=1)
    return Outcome(found["ours"], found["theirs"], detail={"calls": CALLS_OVER_LINK})


def reading(bench: Bench, case) -> Outcome:
    """A script whose reply is one large table, prepared in the sink."""
    table = frames.reply_table(case.rows, np.random.default_rng(bench.seed))
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply"
        path.write_bytes(f"{competitors.SESSION_ID} 1 1\nOK\n".encode() + dolphindb_fast.dumps(table))
        arms, results = {}, []
        for name in (OURS, case.theirs):
            sender = competitors.SENDERS[name](bench.sink.port, asynchronous=False)
            stack.callback(sender.close)
            arms[name] = sender
        bench.sink.prepare(path)
        for sender in arms.values():
            results.append(sender.call("select * from orders"))
        try:
            pd.testing.assert_frame_equal(*results)
        except AssertionError as error:
            raise Wrong(f"the clients read different frames: {error}") from None
        if len(results[0]) != case.rows or results[0]["volume"].sum() != table.columns[1].data.sum():
            raise Wrong("what was read is not what was sent")
        results.clear()

        def timed(call: Callable) -> float:
            start = time.perf_counter()
            frame = call("select * from orders")
            seconds = time.perf_counter() - start
            if len(frame) != case.rows:
                raise Wrong(f"{len(frame)} rows were read")
            return seconds * 1e6

        found = bench.alternate(case, {name: lambda sender=sender: timed(sender.call) for name, sender in arms.items()})
    return Outcome(found[OURS], found[case.theirs])


def two_threads(bench: Bench, case) -> Outcome:
    """The same frames encoded by one thread, and halved between two, each on its own processor."""
    if machine.environment() != "ar":
        raise competitors.Absent("pyarrow")
    if len(bench.allowed) < 2:
        raise competitors.Absent("a second processor")
    sizes = [10_000, 20_000, 30_000]
    ring = [case.frame(sizes[i % 3], np.random.default_rng([bench.seed, i])) for i in range(case.ring)]
    check_frame(ring[0])
    encoders = [dolphindb_fast.Encoder(), dolphindb_fast.Encoder()]
    rounds = 2 if bench.quick else 6

    def work(encoder: dolphindb_fast.Encoder, mine: list[pd.DataFrame]) -> None:
        for _ in range(rounds):
            for frame in mine:
                encoder.encode(frame)

    def one() -> float:
        start = time.perf_counter()
        work(encoders[0], ring)
        return (time.perf_counter() - start) * 1e6

    def two() -> float:
        barrier = threading.Barrier(3)

        def part(i: int) -> None:
            # left to the scheduler, both share one processor for a good part of such a short time
            machine.bind([bench.allowed[i]])
            barrier.wait()
            work(encoders[i], ring[i::2])
            barrier.wait()

        threads = [threading.Thread(target=part, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait()
        start = time.perf_counter()
        barrier.wait()
        seconds = time.perf_counter() - start
        for thread in threads:
            thread.join()
        return seconds * 1e6

    found = bench.alternate(case, {"two": two, "one": one})
    return Outcome(found["two"], found["one"])

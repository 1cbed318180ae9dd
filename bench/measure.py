"""Alternating repetitions, intervals over them, verdicts. Knows no client and no frame."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CONFIDENCE = 0.95


@dataclass
class Outcome:
    """What a case found: one figure a repetition for each side, in the case's unit.

    `theirs` is empty where the figure itself is judged, not a ratio. `blocked` is how many seconds the sender
    was kept waiting by the receiver while it was timed. `control` are ratios of something else in the same
    repetitions, which help to read the figure; `control_name` says of what.
    """

    ours: list[float]
    theirs: list[float] = field(default_factory=list)
    unit: str = "us"
    control: list[float] = field(default_factory=list)
    control_name: str = ""
    blocked: float = 0.0
    detail: dict = field(default_factory=dict)

    def extend(self, later: Outcome) -> Outcome:
        """Take the repetitions of another pass over the same case; details are those of the last one."""
        self.ours += later.ours
        self.theirs += later.theirs
        self.control += later.control
        self.blocked += later.blocked
        remade = self.detail.get("remade", 0) + later.detail.get("remade", 0)
        self.detail = {**later.detail, "remade": remade}
        return self


class Wrong(Exception):
    """The receiver did not get what it should have got."""


class Absent(Exception):
    """The case can't be measured here: what is missing."""


def median_interval(values: list[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval for the median of the population, from order statistics alone; few values: their range."""
    ordered = sorted(values)
    n = len(ordered)
    skipped = 0
    # the chance that fewer than k + 1 of n values lie below the median, and the same above
    while 2 * sum(math.comb(n, k) for k in range(skipped + 1)) / 2**n <= 1 - confidence:
        skipped += 1
    skipped = max(skipped - 1, 0)
    return ordered[skipped], ordered[n - 1 - skipped]


@dataclass
class Judged:
    """A case's figure: median, the end of the interval that is worse for us, verdict."""

    median: float
    unfavourable: float
    verdict: str


def judge(
    outcome: Outcome, *, more_is_better: bool, must: float | None, aim: float | None, latency: bool = False
) -> Judged:
    """Compare the unfavourable end of the interval with the targets.

    more_is_better : the figure is ``theirs / ours`` ("times less time"), else ``ours / theirs``.
    latency : a sender that was blocked measured its receiver, and the verdict is void.
    """
    ours, theirs = outcome.ours, outcome.theirs
    if not theirs:
        figures = list(ours)
    elif more_is_better:
        figures = [b / a for a, b in zip(ours, theirs, strict=True)]
    else:
        figures = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, high = median_interval(figures)
    worst = low if more_is_better else high

    def reaches(target: float | None) -> bool:
        return target is not None and (worst >= target if more_is_better else worst <= target)

    if latency and outcome.blocked > 0:
        verdict = "void: blocked"
    elif must is None and aim is None:
        verdict = ""
    elif reaches(aim):
        verdict = "aim"
    elif reaches(must):
        verdict = "must"
    else:
        verdict = "MISSED"
    return Judged(statistics.median(figures), worst, verdict)


def alternate(
    arms: dict[str, Callable[[], float]],
    repetitions: int,
    tick: Callable[[], None] = lambda: None,
    preemptions: Callable[[], int] | None = None,
) -> tuple[dict[str, list[float]], int]:
    """One figure of every arm in each repetition, the order rotating; repetition 0 warms and is not counted.

    preemptions : counts how often the scheduler gave the processors of sender and sink to somebody else. A
        repetition in which it grew is made again, at most as often as there are repetitions: what is left out
        is chosen by the scheduler's count, never by the time. How many were made again is the second result.
    """
    names = list(arms)
    found: dict[str, list[float]] = {name: [] for name in names}
    spare = repetitions if preemptions else 0
    with quiet_collector():
        for turn in itertools.count():
            shift = turn % len(names)
            before = preemptions() if preemptions else 0
            figures = {name: arms[name]() for name in names[shift:] + names[:shift]}
            if turn == 0:
                continue
            if spare and preemptions() != before:
                spare -= 1
                continue
            for name, figure in figures.items():
                found[name].append(figure)
            tick()
            if len(found[names[0]]) == repetitions:
                return found, (repetitions if preemptions else 0) - spare


@contextmanager
def quiet_collector() -> Iterator[None]:
    """No garbage collection, and nothing that exists now is looked at by a later one."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def calls_for(block: Callable[[int], float], seconds: float, most: int) -> int:
    """How many calls make a block of about `seconds`; `block(n)` runs n calls and gives their seconds."""
    block(1)
    once = block(1)
    if once > seconds / 4:
        return max(1, min(most, round(seconds / once)))
    several = max(1, min(most, int(seconds / 4 / max(once, 1e-7))))
    return max(1, min(most, round(seconds * several / block(several))))


def clock_cost() -> float:
    """Seconds that two readings of the clock next to each other are apart."""
    clock = time.perf_counter
    gaps = []
    for _ in range(2001):
        start = clock()
        gaps.append(clock() - start)
    return statistics.median(gaps)


def quantile(ordered: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

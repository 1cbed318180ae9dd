"""What is drawn but not judged: all peers on one frame, and how cost grows with rows and columns."""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from . import competitors, frames, runners
from .cases import Case
from .competitors import OFFICIAL, OURS, SENDALL
from .measure import Absent, alternate
from .runners import Bench, EncodingArm, open_arms

PEER_ROWS = (100, 100_000)
SCALE_ROWS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SCALE_COLUMNS = (1, 3, 10, 30, 100, 300, 1_000, 2_000)
MEMORY_ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
#: beyond this the official client and sendall's prebuilt requests are left out: time and memory
MOST_ROWS_OF_OTHERS = 1_000_000


def peers(bench: Bench) -> dict:
    """Median microseconds of every peer for the seed's frame, by number of rows; absent ones by name."""
    found: dict = {"absent": []}
    for rows in PEER_ROWS:
        ring = 64 if rows < 10_000 else 4
        case = Case("peers", "", "", runners.encoding, rows=rows, ring=ring)
        arms: dict = {}
        with ExitStack() as stack:
            for name, encode in competitors.ENCODERS.items():
                try:
                    arms[f"{name}: encode" if name == OURS else name] = EncodingArm(
                        bench, [encode(frame) for frame in bench.ring(case, frames.seed)]
                    )
                except Absent as missing:
                    if name not in found["absent"]:
                        found["absent"].append(str(missing))
            for name in (OURS, OFFICIAL, SENDALL):
                try:
                    label = name if name == SENDALL else f"{name}: run"
                    arms[label] = open_arms(bench, case, stack, [name])[name]
                except Absent as missing:
                    found["absent"].append(str(missing))
            for arm in arms.values():
                arm.calibrate(2000)
            figures, _ = alternate(arms, 5 if bench.quick else 11, bench.tick)
        found[str(rows)] = {name: statistics.median(values) for name, values in figures.items()}
    found["absent"] = sorted(set(found["absent"]))
    return found


def _curve(bench: Bench, make, rows: int, options: dict, names: list[str], repetitions: int) -> dict[str, float]:
    case = Case(
        "scaling",
        "",
        "",
        runners.sending,
        None,
        None,
        frame=make,
        rows=rows,
        options=options,
        ring=64 if rows <= 1000 else 3 if rows <= 1_000_000 else 1,
    )
    with ExitStack() as stack:
        arms = open_arms(bench, case, stack, names)
        for arm in arms.values():
            arm.calibrate(500)
        found, _ = alternate(arms, repetitions)
        return {name: statistics.median(values) for name, values in found.items()}


def scaling(bench: Bench) -> dict:
    """Median microseconds of one call against rows and against columns; extra peak memory against rows."""
    names = [OURS, SENDALL]
    try:
        competitors.open_official(bench.sink.port).close()
        names.append(OFFICIAL)
    except Absent:
        pass
    most = 100_000 if bench.quick else SCALE_ROWS[-1]
    repetitions = 3 if bench.quick else 7
    found: dict = {"rows": {}, "columns one block": {}, "columns one block each": {}, "memory": {}}
    for rows in SCALE_ROWS:
        if rows <= most:
            some = names if rows <= MOST_ROWS_OF_OTHERS else [OURS, SENDALL]
            found["rows"][rows] = _curve(bench, frames.seed, rows, {}, some, repetitions)
            bench.tick()
    for columns in SCALE_COLUMNS:
        for label, blocks in (("columns one block", "one"), ("columns one block each", "each")):
            if not bench.quick or columns <= 300:
                found[label][columns] = _curve(
                    bench, frames.wide, 10, {"columns": columns, "blocks": blocks}, names, repetitions
                )
                bench.tick()
    for rows in MEMORY_ROWS:
        if rows <= most * 10:
            found["memory"][rows] = runners.extra_memory(bench, rows, 10 if rows <= 1_000_000 else 4, 0.01, 1)
            bench.tick()
    return found


def steps() -> int:
    """How many ticks `scaling` makes at most."""
    return len(SCALE_ROWS) + 2 * len(SCALE_COLUMNS) + len(MEMORY_ROWS)

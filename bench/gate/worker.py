"""The process that is counted: runs the loops of the chosen cases between marks.

Started by meters.py under callgrind, trace.c or with allocations.c preloaded. Every case runs in a child
forked after the imports, so that it counts the same whichever others were chosen. A file of JSON for each
case has the calls of each loop and what the preloaded counter saw, or the reason why there is nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import sys
import traceback
import zlib
from contextlib import ExitStack, nullcontext
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the folder of the package `gate`

import numpy as np  # noqa: E402
from gate.cases import BATCH, CASES, DECODE, ENCODE, SYNCHRONOUS, Case  # noqa: E402

import dolphindb_fast  # noqa: E402

FUNCTION = "tableInsert{trades}"
WARM_UP = 4


class Absent(Exception):
    """What the case uses is not in this version of the product."""


def run_loop(run, frames) -> None:
    for frame in frames:
        run(FUNCTION, frame)


def call_loop(call, arguments) -> None:
    for argument in arguments:
        call(argument)


def slowed(function, what: str):
    """`function` with a needless extra, for the tests of the gate itself."""
    if what == "dtypes":
        extra = lambda argument: argument.dtypes  # noqa: E731
    elif what == "system-call":
        extra = lambda argument: os.getppid()  # noqa: E731
    else:
        extra = lambda argument: argument.copy()  # noqa: E731

    def call(*arguments):
        extra(arguments[-1])
        return function(*arguments)

    return call


def prepare(case: Case, port: int, stack: ExitStack, slower: str | None):
    """The loop of a case as a callable of its arguments, and its session if it has one."""
    if case.kind in (ENCODE, DECODE):
        if case.kind == ENCODE:
            call = dolphindb_fast.Encoder().encode
        else:
            from dolphindb_fast._decode import decode
            from dolphindb_fast.result import to_python

            def call(data):
                return to_python(decode(data))

        call = slowed(call, slower) if slower else call
        return lambda arguments: call_loop(call, arguments), None
    # how often a reply is looked for is a matter of luck
    session = stack.enter_context(dolphindb_fast.Session(enableASYNC=case.kind != SYNCHRONOUS, replySpin=0))
    if case.kind == BATCH and not hasattr(session, "batch"):
        raise Absent("Session has no batch")
    session.connect("127.0.0.1", port)
    run = slowed(session.run, slower) if slower else session.run
    around = session.batch if case.kind == BATCH else nullcontext

    def loop(frames):
        with around():
            run_loop(run, frames)

    return loop, session


def measure(name: str, first_section: int, options) -> dict:
    """Run the loops of one case; its sections are numbered from `first_section`, short and long in turn."""
    case = CASES[name]
    probe = ctypes.PyDLL(options.probe)
    begin, end = probe.gate_begin, probe.gate_end
    preloaded = getattr(ctypes.PyDLL(None), "gate_allocations", None)
    counters = (ctypes.c_uint64 * 2)()
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    sections = []
    with ExitStack() as stack:
        loop, session = prepare(case, options.port, stack, options.slower)
        loop([case.argument(rng) for _ in range(min(WARM_UP, case.short))])
        plan = [case.short, case.long] * options.repeat
        ring = [[case.argument(rng) for _ in range(calls)] for calls in plan]
        probe.gate_prepare()
        for number, (calls, arguments) in enumerate(zip(plan, ring, strict=True), first_section):
            allocations = None
            if preloaded:
                preloaded(counters)
                before = tuple(counters)
            begin(number)
            loop(arguments)
            end(number)
            if preloaded:
                preloaded(counters)
                allocations = [now - earlier for now, earlier in zip(counters, before, strict=True)]
            arguments.clear()
            sections.append({"section": number, "calls": calls, "allocations": allocations})
        blocked = session.stats.blockedSeconds if session is not None else 0.0
    return {"sections": sections, "blocked": blocked}


def in_child(name: str, first_section: int, options) -> None:
    """Measure in a forked child, which leaves its result in a file."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                result = measure(name, first_section, options)
            except Absent as reason:
                result = {"absent": str(reason)}
            result["package"] = str(Path(dolphindb_fast.__file__).parent)
            Path(options.results, name).write_text(json.dumps(result))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"gate: case {name} failed")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--results", required=True, help="folder")
    parser.add_argument("--repeat", type=int, required=True)
    parser.add_argument("--slower")
    parser.add_argument("chosen", help="a digit for each case, in order: 1 or 0")
    options = parser.parse_args()
    gc.disable()
    # Nothing that depends on the choice is kept here: where objects lie decides about collisions in
    # CPython's caches, some 200 instructions each.
    for number, name in enumerate(CASES):
        if options.chosen[number] == "1":
            in_child(name, number * 100, options)


if __name__ == "__main__":
    main()

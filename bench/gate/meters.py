"""Runs worker.py under the three counters and turns what they saw into numbers per call."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.cases import CASES

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build"
METERS = ("instructions", "system-calls", "allocations")
#: exit code of trace.c where the kernel does not let it trace
CANNOT_TRACE = 126
#: first argument of the prctl calls that mark the loops for trace.c, "Gate"; no kernel knows it
MARK = 0x47617465
#: loops of the native meters are repeated and the median taken, against what happens now and then only
REPEAT = 3


class Unavailable(Exception):
    """A counter can't run here; the text says what is missing."""


class Failed(Exception):
    """A worker ended with an error."""


def compiler() -> list[str]:
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name.split()[0]):
            return name.split()
    raise Unavailable("C compiler not found")


def build(source: str, *flags: str) -> Path:
    """Compile a file of this folder unless that was done before with the same text."""
    flags = (*flags, f"-DGATE_MARK={MARK:#x}")
    text = (HERE / source).read_bytes() + " ".join(flags).encode()
    target = BUILT / f"gate-{Path(source).stem}-{zlib.crc32(text):08x}"
    if not target.exists():
        BUILT.mkdir(exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        command = [*compiler(), "-std=gnu11", "-O2", "-Wall", *flags, "-o", str(fresh), str(HERE / source)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{source} does not compile: {done.stderr.strip()[:500]}")
        fresh.replace(target)
    return target


@contextmanager
def peer() -> Iterator[int]:
    """Port of the far end."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "peer.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def environment(package_path: str) -> dict[str, str]:
    """A small environment that is the same everywhere: its size moves the stack, its switches the product."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": package_path,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "LD_PRELOAD": str(build("clock.c", "-shared", "-fPIC")),
    }


def without_random_addresses() -> list[str]:
    """Addresses decide the order in which CPython's sets and dicts of objects are searched."""
    command = ["setarch", os.uname().machine, "-R"]
    if shutil.which("setarch") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
        return command
    return []


def run_worker(
    prefix: list[str], cases: list[str], repeat: int, slower: str | None, env: dict[str, str]
) -> dict[str, dict]:
    """Start worker.py behind `prefix`; case -> what it found."""
    probe = build("probe.c", "-shared", "-fPIC")
    with peer() as port, tempfile.TemporaryDirectory() as folder:
        command = [*without_random_addresses(), *prefix, sys.executable, str(HERE / "worker.py")]
        command += ["--port", f"{port:05d}", "--probe", str(probe), "--results", folder]
        command += ["--repeat", str(repeat)]
        if slower:
            command += ["--slower", slower]
        command.append("".join("01"[name in cases] for name in CASES))
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder)
        found = {name: json.loads(Path(folder, name).read_text()) for name in cases if not done.returncode}
    if done.returncode == CANNOT_TRACE:
        raise Unavailable("ptrace is not permitted here")
    if done.returncode:
        name = " ".join([*prefix, "worker.py"])
        raise Failed(f"{name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return found


def per_call(result: dict, counted: dict[int, float]) -> float:
    """Cost of a call, from a count by section: what the long loop has more than the short one."""
    costs = []
    for short, long in zip(result["sections"][::2], result["sections"][1::2], strict=True):
        more = counted.get(long["section"], 0) - counted.get(short["section"], 0)
        costs.append(more / (long["calls"] - short["calls"]))
    return statistics.median(costs)


def preprocessed(text: str, *flags: str) -> str | None:
    """What the C preprocessor makes of `text`; None if a header is missing."""
    command = [*compiler(), "-E", *flags, "-x", "c", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return None if done.returncode else done.stdout


def instructions(cases: list[str], slower: str | None, env: dict[str, str]) -> dict[str, dict]:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Unavailable("valgrind not found")
    if preprocessed("#include <valgrind/callgrind.h>\n") is None:
        raise Unavailable("valgrind/callgrind.h not found")
    totals: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        prefix = [valgrind, "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no"]
        prefix.append(f"--callgrind-out-file={folder}/out.%p")
        found = run_worker(prefix, cases, 1, slower, env)
        for path in Path(folder).iterdir():
            with path.open(errors="replace") as dump:
                text = dump.read()
            section = re.search(r"^desc: Trigger: Client Request: section (\d+)$", text, re.MULTILINE)
            total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
            if section and total:
                totals[int(section[1])] = float(total[1])
    for name, result in found.items():
        if "absent" not in result:
            missing = [part["section"] for part in result["sections"] if not totals.get(part["section"])]
            if missing:
                raise Failed(f"callgrind wrote nothing for {name}, sections {missing}")
            result["counts"] = {"instructions": round(per_call(result, totals), 1)}
    return found


def call_names() -> dict[int, str]:
    """Names of the system calls of this machine, from the C library's header."""
    macros = preprocessed("#include <sys/syscall.h>\n", "-dM") or ""
    found = re.findall(r"^#define __NR_(\w+) (\d+)$", macros, re.MULTILINE)
    return {int(number): name for name, number in found}


def system_calls(cases: list[str], slower: str | None, env: dict[str, str]) -> dict[str, dict]:
    tracer = build("trace.c")
    names = call_names()
    by_name: dict[str, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result"
        found = run_worker([str(tracer), str(path)], cases, REPEAT, slower, env)
        for line in path.read_text().splitlines():
            section, number, count = map(int, line.split())
            by_name.setdefault(names.get(number, f"call {number}"), {})[section] = float(count)
    for result in found.values():
        if "absent" not in result:
            counts = {name: round(per_call(result, seen), 2) for name, seen in sorted(by_name.items())}
            result["counts"] = {"system calls": {name: count for name, count in counts.items() if count > 0}}
    return found


def allocations(cases: list[str], slower: str | None, env: dict[str, str]) -> dict[str, dict]:
    library = build("allocations.c", "-shared", "-fPIC", "-fno-builtin")
    env = {**env, "LD_PRELOAD": f"{env['LD_PRELOAD']} {library}", "PYTHONMALLOC": "malloc"}
    found = run_worker([], cases, REPEAT, slower, env)
    for result in found.values():
        if "absent" in result:
            continue
        if result["sections"][0]["allocations"] is None:
            raise Unavailable("LD_PRELOAD has no effect")
        result["counts"] = {}
        for i, what in enumerate(("allocations", "allocated bytes")):
            seen = {part["section"]: part["allocations"][i] for part in result["sections"]}
            result["counts"][what] = round(per_call(result, seen), 2)
    return found


RUN = {"instructions": instructions, "system-calls": system_calls, "allocations": allocations}


def count(
    cases: list[str], meters: list[str], package_path: str, slower: str | None = None
) -> tuple[dict[str, dict], dict[str, str], dict[str, str], str]:
    """Count the cases with the product on `package_path`.

    Returns
    -------
    counts : dict
        Case -> what -> number per call; "system calls" is a dict by name.
    unavailable : dict
        Counter -> why it can't run.
    absent : dict
        Case -> what this version of the product lacks.
    package : str
        Folder of the product that was counted.
    """
    counts: dict[str, dict] = {}
    unavailable, absent, package = {}, {}, ""
    for meter in meters:
        wanted = [name for name in cases if name not in absent]
        try:
            # a sender that had to wait was counted with its waiting
            for _ in range(3):
                found = RUN[meter](wanted, slower, environment(package_path))
                waited = [name for name, result in found.items() if result.get("blocked")]
                if not waited:
                    break
            else:
                raise Failed(f"{meter}: the far end did not keep up with {', '.join(waited)}")
        except Unavailable as reason:
            unavailable[meter] = str(reason)
            continue
        for name, result in found.items():
            package = result["package"]
            if "absent" in result:
                absent[name] = result["absent"]
            else:
                counts.setdefault(name, {}).update(result["counts"])
    return counts, unavailable, absent, package

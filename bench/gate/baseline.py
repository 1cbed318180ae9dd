"""The committed numbers: by what they hold for, how they are compared, how they are replaced.

key -> case -> what -> {"value": ..., "was": ..., "date": ..., "reason": ...}
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import json
import platform
import re
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from gate import meters

FILE = Path(__file__).with_name("baseline.json")
#: growth that is no regression
TOLERANCE = 0.03
#: and growth per call that is too small to be one, where the number itself is small
SLACK = {"instructions": 100.0, "system calls": 0.1, "allocations": 0.1, "allocated bytes": 64.0}
#: relative change below which --update leaves a number with its old reason
SAME = 0.005


def product_compiler() -> str:
    """The compiler that built the product, which writes its name into the library; else the one in PATH."""
    spec = importlib.util.find_spec("dolphindb_fast")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in sorted(Path(folder).glob("_core*.so")):
            data = library.read_bytes()
            if clang := re.search(rb"clang version ([\d.]+)", data):
                return f"clang-{clang[1].decode()}"
            if gcc := re.search(rb"GCC: \([^)]*\) ([\d.]+)", data):
                return f"gcc-{gcc[1].decode()}"
    try:
        command = meters.compiler()
        done = subprocess.run([*command, "-dumpfullversion"], capture_output=True, text=True)
        return f"{Path(command[0]).name}-{done.stdout.strip() or 'unknown'}"
    except meters.Unavailable:
        return "unknown-compiler"


def interpreter() -> str:
    """Python with how it was compiled: optimized by profile it executes other instructions."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS"))
    level = re.findall(r"-O\w", str(sysconfig.get_config_var("PY_CFLAGS")))
    parts = [platform.python_implementation().lower(), platform.python_version()]
    parts += [platform.python_compiler().lower().replace(" ", ""), level[-1][1:] if level else "O?"]
    options = {"pgo": "--enable-optimizations", "lto": "--with-lto"}
    parts += [name for name, flag in options.items() if flag in arguments]
    return "-".join(parts)


def key() -> str:
    """What the numbers depend on besides the product."""
    try:
        flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        flags = None
    # valgrind shows a program AVX2 at most
    machine = platform.machine() + ("-avx2" if flags and " avx2 " in f"{flags[1]} " else "")
    parts = [machine, product_compiler(), "-".join(platform.libc_ver()), interpreter()]
    for name in ("numpy", "pandas", "pyarrow"):
        try:
            parts.append(f"{name}-{importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            parts.append(f"no-{name}")
    return " ".join(parts)


def load(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}


def values(entry: dict) -> dict:
    """what -> number, of a case of the file."""
    return {what: noted["value"] for what, noted in entry.items()}


@dataclass(frozen=True)
class Line:
    """One number of the table."""

    case: str
    what: str
    old: float | None
    new: float | None

    @property
    def verdict(self) -> str:
        if self.old is None or self.new is None:
            return "new" if self.old is None else "not counted"
        slack = SLACK[self.what.split(":")[0]]
        if self.new > self.old * (1 + TOLERANCE) + slack:
            return "GREW"
        if self.new < self.old * (1 - TOLERANCE) - slack:
            return "less"
        return ""

    @property
    def change(self) -> str:
        if self.old is None or self.new is None:
            return ""
        if self.old == 0:
            return f"{self.new:+g}" if self.new else ""
        return f"{(self.new / self.old - 1) * 100:+.1f} %"


def flat(counts: dict) -> dict[str, float]:
    """Counts of a case with a line for each system call."""
    lines = {}
    for what, value in counts.items():
        if isinstance(value, dict):
            lines.update({f"{what}: {name}": number for name, number in value.items()})
        else:
            lines[what] = value
    return lines


def compare(case: str, old: dict | None, new: dict) -> list[Line]:
    """Old and new counts of a case. What was not counted this time is left out."""
    if old is None:
        return [Line(case, what, None, value) for what, value in flat(new).items()]
    # a system call that one side does not make is made 0 times
    before = flat({what: value for what, value in old.items() if what in new})
    after = flat(new)
    known_calls = isinstance(old.get("system calls"), dict)
    lines = []
    for what in dict.fromkeys([*before, *after]):
        if what.startswith("system calls: ") and known_calls:
            line = Line(case, what, before.get(what, 0.0), after.get(what, 0.0))
            if max(line.old, line.new) > SLACK["system calls"]:
                lines.append(line)
        else:
            lines.append(Line(case, what, before.get(what), after.get(what)))
    return lines


def same(old: float | dict, new: float | dict) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        names = {*old, *new}
        return all(abs(old.get(name, 0) - new.get(name, 0)) <= SLACK["system calls"] for name in names)
    if isinstance(old, dict) or isinstance(new, dict):
        return False
    return abs(new - old) <= SAME * abs(old)


def update(path: Path, for_key: str, counts: dict[str, dict], reason: str) -> int:
    """Write `counts` into the file, each changed number with `reason` and the date; how many changed."""
    data = load(path)
    cases = data.setdefault(for_key, {})
    changed = 0
    for case, numbers in counts.items():
        entry = cases.setdefault(case, {})
        for what, value in numbers.items():
            before = entry.get(what)
            if before is not None and same(before["value"], value):
                continue
            entry[what] = {
                "value": value,
                "was": before["value"] if before else None,
                "date": datetime.date.today().isoformat(),
                "reason": reason,
            }
            changed += 1
    lines = []
    for a_key in sorted(data):
        inner = []
        for case in sorted(data[a_key]):
            notes = [
                f"   {json.dumps(what)}: {json.dumps(note, ensure_ascii=False)}"
                for what, note in data[a_key][case].items()
            ]
            inner.append(f"  {json.dumps(case)}: {{\n" + ",\n".join(notes) + "\n  }")
        lines.append(f" {json.dumps(a_key)}: {{\n" + ",\n".join(inner) + "\n }")
    # one number a line, so that a change reads well in a diff
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return changed

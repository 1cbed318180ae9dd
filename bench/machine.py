"""What the figures depend on: versions, processors, which one this process is bound to."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path

import dolphindb_fast

PACKAGES = (
    "dolphindb",
    "numpy",
    "pandas",
    "pyarrow",
    "polars",
    "questdb",
    "clickhouse-connect",
    "matplotlib",
    "rich",
)
#: the targets against other packages bind with these versions; those against `sendall` bind everywhere
PINNED = {"python": "3.11", "pandas": "3.1.1", "numpy": "2.4.6", "dolphindb": "3.0.6.1"}


def environment() -> str:
    """``ar`` where text columns have Arrow memory, ``py`` where they hold Python strings."""
    return "ar" if importlib.util.find_spec("pyarrow") else "py"


def versions() -> dict[str, str]:
    found = {"dolphindb_fast": dolphindb_fast.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def differs_from_pinned(found: dict[str, str]) -> list[str]:
    """Names of what is installed in another version than the one that the targets were set with."""
    return [name for name, wanted in PINNED.items() if not f"{found[name]}.".startswith(f"{wanted}.")]


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def facts() -> dict[str, object]:
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "kernels": dolphindb_fast._core._select_kernels(),
    }


def processors() -> list[int]:
    """The processors that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def bind(allowed: list[int]) -> None:
    """Bind the calling thread, and threads that it starts from now on, to these processors."""
    if hasattr(os, "sched_setaffinity") and allowed:
        os.sched_setaffinity(0, allowed)

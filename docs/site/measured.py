"""Tables of the bench, from the JSON that it wrote to bench/results."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from types_table import table

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"
#: no line is broken between a number and its unit
NARROW = "\N{NO-BREAK SPACE}"
ENVIRONMENTS = {"py": "Without pyarrow", "ar": "With pyarrow"}


def render(folder: Path = RESULTS) -> str:
    """A section for each run in `folder`."""
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"), reverse=True)]
    return "\n\n".join(map(section, runs)) or "No run of the bench is committed here."


def section(run: dict) -> str:
    versions = ", ".join(
        f"{name} {version}"
        for name, version in run["versions"].items()
        if version != "absent" and name not in ("dolphindb_fast", "matplotlib", "rich")
    )
    machine = run["machine"]
    where = (
        f"{machine['processors']} x {machine['processor']}, kernels {machine['kernels']}, {machine['system']}; "
        f"{versions}; "
        f"{run['time'][:10]}."
    )
    rows = [cells(case) for case in run["cases"] if "median" in case]
    absent = [case["title"] for case in run["cases"] if "median" not in case]
    lines = [
        f"## {ENVIRONMENTS[run['environment']]}",
        where,
        table(("what", "against", "ours", "theirs", "ratio", "worse end", "target", "aim"), rows),
    ]
    if absent:
        lines.append(f"Not measured in this environment: {'; '.join(absent)}.")
    return "\n\n".join(lines)


def cells(case: dict) -> tuple[str, ...]:
    ours, theirs, unit = case["ours"], case["theirs"], case["unit"]
    sign = ("≥" if case["more_is_better"] else "≤") + NARROW
    shown = f"{NARROW}{unit}" if not theirs else ""
    missed = "**missed**:" + NARROW if case["verdict"] == "MISSED" else ""
    return (
        case["title"],
        case["against"],
        _time(ours) if theirs else "",
        _time(theirs) if theirs else "",
        f"{case['median']:.2f}{shown}",
        f"{case['unfavourable']:.2f}{shown}",
        f"{missed}{sign}{case['must']:g}{shown}",
        f"{sign}{case['aim']:g}{shown}",
    )


def _time(microseconds: list[float]) -> str:
    value = statistics.median(microseconds)
    shown = f"{value / 1000:,.1f} ms" if value >= 1000 else f"{value:.0f} us" if value >= 100 else f"{value:.1f} us"
    return shown.replace(" ", NARROW)

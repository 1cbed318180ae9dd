"""The table and the JSON of a run."""

from __future__ import annotations

import dataclasses
import json
import statistics
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .cases import Case
from .measure import Judged, Outcome, judge, median_interval

STYLES = {"aim": "bold green", "must": "green", "MISSED": "bold red", "WRONG": "bold red"}


@dataclasses.dataclass
class Row:
    """A case and what became of it: an outcome, or a reason why there is none."""

    case: Case
    environment: str
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def must(self) -> float | None:
        return self.case.target(self.case.must, self.environment)

    @property
    def aim(self) -> float | None:
        return self.case.target(self.case.aim, self.environment)

    @property
    def judged(self) -> Judged | None:
        if self.outcome is None:
            return None
        return judge(
            self.outcome,
            more_is_better=self.case.more_is_better,
            must=self.must,
            aim=self.aim,
            latency=self.case.latency,
        )

    @property
    def verdict(self) -> str:
        return self.judged.verdict if self.judged else self.reason

    @property
    def failed(self) -> bool:
        return self.verdict == "MISSED" or self.verdict.startswith(("WRONG", "void"))

    def cells(self) -> list[str]:
        case, found, unit = self.case, self.judged, ""
        if found is None:
            return [
                case.title,
                case.against,
                "",
                "",
                "",
                "",
                _target(case, self.must, ""),
                _target(case, self.aim, ""),
                self.reason,
            ]
        ours, theirs = self.outcome.ours, self.outcome.theirs
        if not theirs:
            unit = f" {self.outcome.unit}"
        return [
            case.title,
            case.against,
            _number(statistics.median(ours)) if theirs else "",
            _number(statistics.median(theirs)) if theirs else "",
            f"{found.median:.2f}{unit}",
            f"{found.unfavourable:.2f}",
            _target(case, self.must, unit),
            _target(case, self.aim, unit),
            found.verdict,
        ]


HEADINGS = ["case", "against", "ours us", "theirs us", "median", "worse end", "must", "aim", "verdict"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _target(case: Case, value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{'>=' if case.more_is_better else '<='} {value:g}{unit}"


def print_table(console: Console, rows: list[Row]) -> None:
    table = Table(title=None, header_style="bold", pad_edge=False)
    for heading in HEADINGS:
        left = heading in ("case", "against", "verdict")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for row in rows:
        cells = row.cells()
        style = STYLES.get(cells[-1].split(":")[0], "dim" if row.outcome is None else "")
        table.add_row(*cells[:-1], f"[{style}]{cells[-1]}[/]" if style else cells[-1])
    console.print(table)
    for row in rows:
        if row.outcome and row.outcome.control:
            ratios = row.outcome.control
            low, high = median_interval(ratios)
            shown = f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"
            console.print(f"{row.case.name}: {row.outcome.control_name}: {shown}", highlight=False)


def as_markdown(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- " * len(HEADINGS) + "|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def as_json(rows: list[Row], header: dict, extra: dict) -> dict:
    cases = []
    for row in rows:
        entry = {
            "name": row.case.name,
            "title": row.case.title,
            "against": row.case.against,
            "rows": row.case.rows,
            "ring": row.case.ring,
            "more_is_better": row.case.more_is_better,
            "must": row.must,
            "aim": row.aim,
            "verdict": row.verdict,
        }
        if row.outcome is not None:
            entry |= dataclasses.asdict(row.outcome) | {
                "median": row.judged.median,
                "unfavourable": row.judged.unfavourable,
            }
        cases.append(entry)
    return {**header, "cases": cases, **extra}


def write_json(path: Path, document: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")

"""Run the cases, print the table, write JSON and plots."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import machine, plots, report, surveys
from .cases import CASES, Case, named
from .measure import Absent, Wrong
from .report import Row
from .runners import Bench
from .sink import Sink

RESULTS = Path(__file__).parent / "build" / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks, under two minutes")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="cases whose name holds NAME, or 'peers', 'scaling'; may be repeated",
    )
    parser.add_argument(
        "--passes",
        type=int,
        metavar="N",
        help="spread the repetitions of every case over N passes (default 3, with --quick 1)",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases and end")
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS,
        metavar="FOLDER",
        help="where JSON, table and plots go (default bench/build/results)",
    )
    parser.add_argument("--no-plots", action="store_true", help="judge only: no peers, no scaling, no PNG")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.passes is None:
        options.passes = 1 if options.quick else 3
    if options.passes < 1:
        parser.error("--passes: at least 1")
    return options


def measure_case(bench: Bench, case: Case, environment: str) -> Row:
    if case.only and case.only != environment:
        return Row(case, environment, reason="absent: pyarrow")
    bench.remade = 0
    try:
        outcome = case.run(bench, case)
        outcome.detail["remade"] = bench.remade
        return Row(case, environment, outcome)
    except Absent as missing:
        return Row(case, environment, reason=f"absent: {missing}")
    except Wrong as error:
        return Row(case, environment, reason=f"WRONG: {error}")
    except Exception as error:  # one client that breaks must not take the other cases along
        return Row(case, environment, reason=f"WRONG: {type(error).__name__}: {error}")
    finally:
        gc.collect()


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.list:
        for case in CASES:
            console.print(f"{case.name:28}{case.title}; against: {case.against or 'nothing'}", highlight=False)
        return 0
    cases = named(options.only)
    wanted = {
        name: not options.no_plots and (not options.only or name in options.only) for name in ("peers", "scaling")
    }
    if not cases and not any(wanted.values()):
        console.print(f"no case's name holds {' or '.join(options.only)}; --list prints the names")
        return 2
    header = {
        "environment": machine.environment(),
        "quick": options.quick,
        "passes": options.passes,
        "seed": options.seed,
        "versions": machine.versions(),
        "machine": machine.facts(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    rows, extra = run(console, options, cases, wanted, header)
    print_header(console, header)
    report.print_table(console, rows)
    document = report.as_json(rows, header, extra)
    name = header["environment"]
    report.write_json(options.out / f"{name}.json", document)
    (options.out / f"{name}.md").write_text(report.as_markdown(rows))
    console.print(f"written: {options.out / name}.json, .md", highlight=False)
    if not options.no_plots:
        try:
            for path in plots.draw(document, options.out):
                console.print(f"drawn: {path}", highlight=False)
        except Absent as missing:
            console.print(f"no plots, absent: {missing}", highlight=False)
    # short blocks are for seeing that everything works: only what arrived wrongly counts then
    counted = [row for row in rows if row.failed and (not options.quick or row.verdict.startswith("WRONG"))]
    return 1 if counted else 0


def print_header(console: Console, header: dict) -> None:
    console.print("  ".join(f"{name} {version}" for name, version in header["versions"].items()), highlight=False)
    facts = header["machine"]
    text = "Arrow memory" if header["environment"] == "ar" else "Python strings"
    console.print(
        f"{facts['processors']} x {facts['processor']}, kernels {facts['kernels']}, {facts['system']}, "
        f"load {facts['load'][0]:.1f}; text as {text}",
        highlight=False,
    )
    if differing := machine.differs_from_pinned(header["versions"]):
        console.print(
            f"Not the versions that the targets were set with ({', '.join(differing)}): "
            "only those against sendall bind."
        )


def run(
    console: Console, options: argparse.Namespace, cases: list[Case], wanted: dict[str, bool], header: dict
) -> tuple[list[Row], dict]:
    allowed = machine.processors()
    machine.bind(allowed[-1:])
    rows: dict[str, Row] = {}
    extra: dict = {}
    columns = (TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console_of_progress = Console(stderr=True)
    with (
        Sink(allowed[-2] if len(allowed) > 1 else None) as sink,
        Progress(*columns, console=console_of_progress, refresh_per_second=2, auto_refresh=False) as progress,
    ):
        bench = Bench(sink, allowed, options.quick, options.passes, options.seed)
        everything = progress.add_task("all", total=options.passes * len(cases) + sum(wanted.values()))
        current = progress.add_task("", total=1)

        def tick() -> None:
            progress.advance(current)
            progress.refresh()

        bench.tick = tick
        for case in cases * options.passes:
            progress.reset(current, description=case.name, total=bench.repetitions(case) + 1)
            progress.refresh()
            row = measure_case(bench, case, header["environment"])
            if row.outcome and case.name in rows and rows[case.name].outcome:
                rows[case.name].outcome.extend(row.outcome)
            elif case.name not in rows or not row.outcome:
                # one pass that went wrong is enough
                rows[case.name] = row
            progress.advance(everything)
        for name, survey, steps in (
            ("peers", surveys.peers, 24),
            ("scaling", surveys.scaling, surveys.steps()),
        ):
            if wanted[name]:
                progress.reset(current, description=name, total=steps)
                try:
                    extra[name] = survey(bench)
                except (Absent, Wrong) as error:
                    console.print(f"{name}: {error}")
                progress.advance(everything)
    machine.bind(allowed)
    return list(rows.values()), extra


if __name__ == "__main__":
    sys.exit(main())

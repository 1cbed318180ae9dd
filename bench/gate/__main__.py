"""python bench/gate: does a call cost more than before? See bench/gate/README.md.

Exit code 0: nothing grew beyond 3 %; 1: something did; 2: an error; 3: there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# the folder of the package `gate`, in place of the current folder or this one: what is counted is what is
# installed or on PYTHONPATH, never what happens to lie in a checkout
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from gate import baseline, meters, reference  # noqa: E402
from gate.cases import CASES  # noqa: E402

GREW, ERROR, NOTHING_TO_COMPARE = 1, 2, 3


def say(text: str) -> None:
    print(f"gate: {text}", flush=True)


def choice(allowed) -> object:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(allowed)}")
        return names

    return parse


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench/gate", description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--cases", type=choice(CASES), default=list(CASES), metavar="A,B", help="default: all")
    add(
        "--meters",
        type=choice(meters.METERS),
        default=list(meters.METERS),
        metavar="A,B",
        help=f"default: {','.join(meters.METERS)}",
    )
    add("--list", action="store_true", help="print the cases and the key of this environment")
    add("--update", action="store_true", help="write the numbers into the baseline; needs --reason")
    add("--reason", help="why the numbers changed; is written beside each")
    add("--build", type=Path, default=meters.BUILT, metavar="FOLDER", help="where compiled counters are kept")
    add("--baseline", type=Path, default=baseline.FILE, metavar="FILE")
    add("--against", metavar="COMMIT", help="build this commit and compare with it, not with the file")
    add(
        "--repository",
        type=Path,
        default=Path(__file__).resolve().parents[2],
        metavar="FOLDER",
        help="the clone that has the earlier commit",
    )
    add(
        "--slower",
        choices=["dtypes", "system-call", "copy"],
        help="test of the gate: add a needless extra to every call",
    )
    options = parser.parse_args(argv)
    if options.update and not (options.reason or "").strip():
        parser.error('--update needs --reason "...": why the numbers changed')
    if options.reason and not options.update:
        parser.error("--reason belongs to --update")
    if options.update and (options.slower or options.against):
        parser.error("--update takes the numbers of the product as it is; leave --slower and --against away")
    return options


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.2f}"


def table(lines: list[baseline.Line]) -> str:
    rows = [("case", "per call", "old", "new", "change", "")]
    for line in lines:
        rows.append((line.case, line.what, number(line.old), number(line.new), line.change, line.verdict))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in (0, 1, 5) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def reference_counts(options, key: str, cases: list[str], package_path: str) -> tuple[dict, str]:
    """Counts of the earlier product, and what it is."""
    if options.against:
        commit = reference.git(options.repository, "rev-parse", "--verify", f"{options.against}^{{commit}}")
    else:
        commit = reference.commit_before(options.repository)
    say(f"building commit {commit[:12]} to compare with")
    folder = reference.build(options.repository, commit, key)
    path = os.pathsep.join(part for part in (str(folder), package_path) if part)
    counts, _, absent, package = meters.count(cases, options.meters, path)
    if package and Path(package).parent != folder:
        raise meters.Failed(f"the earlier product was to be loaded from {folder}, not from {package}")
    for case, reason in absent.items():
        say(f"{case}: not counted in {commit[:12]}: {reason}")
    return counts, f"commit {commit[:12]}"


def run(options) -> int:
    package_path = os.pathsep.join(
        str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
    )
    key = baseline.key()
    meters.BUILT = options.build.resolve()
    say(key)
    if options.list:
        for name, case in CASES.items():
            print(f"{name:24} {case.text}")
        return 0
    counts, unavailable, absent, package = meters.count(options.cases, options.meters, package_path, options.slower)
    for meter, reason in unavailable.items():
        say(f"{reason}: {meter.replace('-', ' ')} not counted")
    for case, reason in absent.items():
        say(f"{case}: not counted: {reason}")
    if not counts:
        say("nothing could be counted")
        return ERROR
    say(f"counted {len(counts)} cases of {package}")
    if options.update:
        changed = baseline.update(options.baseline, key, counts, options.reason.strip())
        say(f"{changed} numbers written to {options.baseline}")
        return 0

    known = {} if options.against else baseline.load(options.baseline).get(key, {})
    old = {case: baseline.values(known[case]) for case in counts if case in known}
    # a case counts as unknown if anything counted now has no number
    unknown = [case for case in counts if not set(counts[case]) <= set(old.get(case, {}))]
    if committed := [case for case in old if case not in unknown]:
        say(f"comparing with {options.baseline.name}: {', '.join(committed)}")
    without = []
    if unknown:
        if not options.against:
            say(f"no committed numbers here for {', '.join(unknown)}")
        try:
            earlier, name = reference_counts(options, key, unknown, package_path)
        except reference.NoReference as reason:
            if options.against:
                raise
            say(f"NOTHING TO COMPARE WITH: {reason}")
            earlier, name = {}, ""
            without = [case for case in unknown if case not in old]
        for case in unknown:
            if case in earlier:
                old[case] = {**earlier[case], **old.get(case, {})}
        if earlier:
            say(f"comparing with {name}: {', '.join(case for case in unknown if case in earlier)}")
    lines = [line for case in counts for line in baseline.compare(case, old.get(case), counts[case])]
    print(table(lines))
    grown = [line for line in lines if line.verdict == "GREW"]
    if grown:
        say(
            f"FAILED: {len(grown)} numbers grew by more than {baseline.TOLERANCE:.0%}; "
            'if that is meant: --update --reason "..."'
        )
        return GREW
    if without:
        say(f"nothing to compare with for {', '.join(without)}")
        return NOTHING_TO_COMPARE
    if any(line.verdict == "less" for line in lines):
        say('some numbers fell: --update --reason "..." keeps them there')
    say("passed")
    return 0


def main(argv: list[str] | None = None) -> int:
    try:
        return run(arguments(argv))
    except (meters.Failed, reference.NoReference, OSError) as error:
        say(str(error))
        return ERROR


if __name__ == "__main__":
    sys.exit(main())

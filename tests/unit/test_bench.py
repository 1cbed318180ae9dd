"""The bench without timing: verdicts, intervals, the table, and the shapes of the frames."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.cases import each
from support.frames import PANDAS_3

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "bench" / "cases.py").is_file():
    pytest.skip("runs beside the source only", allow_module_level=True)
pytest.importorskip("rich")
# behind everything else: the installed package is the one that is tested
sys.path.append(str(ROOT))

import dolphindb_fast  # noqa: E402
from bench import cases, checks, competitors, frames, measure, report  # noqa: E402
from dolphindb_fast import settings as keys  # noqa: E402
from dolphindb_fast._decode import decode  # noqa: E402
from dolphindb_fast.commands.demo import manual_frame  # noqa: E402
from dolphindb_fast.result import to_python  # noqa: E402


def numbers(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- intervals and verdicts ---------------------------------------------------------------------------------


@each(("count", "skipped"), [(1, 0), (5, 0), (6, 0), (9, 1), (11, 1), (12, 2), (31, 9), (101, 40)])
def test_interval__leaves_out_what_order_statistics_allow(count, skipped):
    values = list(range(count))
    assert measure.median_interval(values[::-1]) == (skipped, count - 1 - skipped)


def outcome(ours: list[float], theirs: list[float] = (), **more) -> measure.Outcome:
    return measure.Outcome(list(ours), list(theirs), **more)


@pytest.mark.parametrize(
    ("theirs", "verdict"), [(25.0, "aim"), (20.0, "aim"), (17.0, "must"), (15.0, "must"), (14.9, "MISSED")]
)
def test_judge__times_less_time(theirs, verdict):
    found = measure.judge(outcome([1.0] * 11, [theirs] * 11), more_is_better=True, must=15, aim=20)
    assert (found.median, found.unfavourable, found.verdict) == (theirs, theirs, verdict)


@pytest.mark.parametrize(("ours", "verdict"), [(1.2, "aim"), (1.5, "must"), (1.61, "MISSED")])
def test_judge__times_as_much(ours, verdict):
    found = measure.judge(outcome([ours] * 11, [1.0] * 11), more_is_better=False, must=1.6, aim=1.25)
    assert (found.median, found.verdict) == (ours, verdict)


def test_judge__takes_the_worse_end():
    theirs = [20.0] * 8 + [10.0] * 3
    found = measure.judge(outcome([1.0] * 11, theirs), more_is_better=True, must=15, aim=20)
    assert (found.median, found.unfavourable, found.verdict) == (20.0, 10.0, "MISSED")
    found = measure.judge(outcome(theirs, [10.0] * 11), more_is_better=False, must=1.5, aim=1.0)
    assert (found.unfavourable, found.verdict) == (2.0, "MISSED")


def test_judge__pairs_repetitions():
    # both sides twice as slow in half of the repetitions: the ratio does not move
    ours = [1.0, 2.0] * 6
    found = measure.judge(outcome(ours, [15 * x for x in ours]), more_is_better=True, must=15, aim=20)
    assert (found.unfavourable, found.verdict) == (15.0, "must")


def test_judge__a_blocked_sender_voids_a_latency_only():
    blocked = outcome([1.0] * 11, [1.0] * 11, blocked=0.1)
    targets = {"more_is_better": False, "must": 2, "aim": 1}
    assert measure.judge(blocked, **targets, latency=True).verdict == "void: blocked"
    assert measure.judge(blocked, **targets).verdict == "aim"


def test_judge__a_figure_without_other_side():
    found = measure.judge(outcome([1.0, 1.5, 3.0], unit="MiB"), more_is_better=False, must=2, aim=1.1)
    assert (found.median, found.unfavourable, found.verdict) == (1.5, 3.0, "MISSED")


def test_outcome__passes_are_joined():
    first = outcome([1.0], [2.0], blocked=0.5, detail={"remade": 1, "calls": 3})
    first.extend(outcome([3.0], [4.0], blocked=0.25, control=[2.0], detail={"remade": 2, "calls": 5}))
    assert (first.ours, first.theirs, first.control) == ([1.0, 3.0], [2.0, 4.0], [2.0])
    assert (first.blocked, first.detail) == (0.75, {"remade": 3, "calls": 5})


def test_alternate__rotates_and_drops_the_first():
    order: list[str] = []
    arms = {name: lambda name=name: float(order.append(name) or len(order)) for name in "ab"}
    found, remade = measure.alternate(arms, 3)
    assert "".join(order) == "abbaabba"
    assert {name: len(values) for name, values in found.items()} == {"a": 3, "b": 3}
    assert remade == 0


def test_alternate__makes_disturbed_repetitions_again_but_not_for_ever():
    count = iter(range(1000))
    found, remade = measure.alternate({"a": lambda: 1.0}, 5, preemptions=lambda: next(count))
    assert (len(found["a"]), remade) == (5, 5)


def test_calls_for__fills_the_block():
    assert measure.calls_for(lambda calls: calls * 1e-5, 0.01, 5000) == 1000
    assert measure.calls_for(lambda calls: calls * 1e-5, 0.01, 64) == 64
    assert measure.calls_for(lambda calls: calls * 1.0, 0.01, 5000) == 1


# -- table and JSON -----------------------------------------------------------------------------------------


def rows() -> list[report.Row]:
    official = next(case for case in cases.CASES if case.name == "seed-official")
    plain = next(case for case in cases.CASES if case.name == "seed-sendall")
    return [
        report.Row(official, "py", outcome([6.0] * 11, [120.0] * 11)),
        report.Row(plain, "ar", outcome([7.0] * 11, [4.0] * 11)),
        report.Row(plain, "py", outcome([7.0] * 11, [4.0] * 11)),
        report.Row(official, "py", reason="absent: dolphindb"),
        report.Row(official, "py", reason="WRONG: not every byte arrived"),
    ]


def test_report__targets_depend_on_the_environment_and_absent_is_no_failure():
    assert [row.verdict.split(":")[0] for row in rows()] == ["aim", "must", "MISSED", "absent", "WRONG"]
    assert [row.failed for row in rows()] == [False, False, True, False, True]


def test_report__table():
    from rich.console import Console

    stream = io.StringIO()
    report.print_table(Console(file=stream, width=160), rows())
    text = stream.getvalue()
    for part in ("official client", "20.00", ">= 15", "1.75", "<= 1.8", "<= 1.6", "absent: dolphindb"):
        assert part in text
    assert report.as_markdown(rows()).count("\n") == 2 + len(rows())


def test_report__json_holds_every_repetition():
    document = json.loads(json.dumps(report.as_json(rows(), {"environment": "py"}, {"peers": {}})))
    assert document["environment"] == "py" and document["peers"] == {}
    assert document["cases"][0]["ours"] == [6.0] * 11 and document["cases"][0]["verdict"] == "aim"
    assert "ours" not in document["cases"][3]


# -- cases and frames ---------------------------------------------------------------------------------------


def test_cases__names_are_unique_and_targets_in_order():
    names = [case.name for case in cases.CASES]
    assert len(set(names)) == len(names)
    for case in cases.CASES:
        assert case.repetitions >= 11
        for environment in ("py", "ar"):
            must, aim = case.target(case.must, environment), case.target(case.aim, environment)
            assert must <= aim if case.more_is_better else must >= aim, case.name
    assert cases.named(["vendor"]) == [case for case in cases.CASES if case.name.startswith("vendor")]


#: of writers: their options are those of the writer, their rows are tuples
WITH_FRAMES = [case for case in cases.CASES if not case.name.startswith("writer")]


@each("case", WITH_FRAMES, ids=lambda case: case.name)
def test_cases__frames_are_distinct_and_equal_by_seed(case):
    if case.name == "reading":
        assert len(frames.reply_table(50, numbers()).columns) == 6
        return
    rows = min(case.rows, 500)
    frame = case.frame(rows, numbers(), **case.options)
    other = case.frame(rows, numbers(), **{**case.options, **case.their_options})
    assert len(frame) == len(other) == rows
    assert checks.same_values(frame, other), "both sides get the same values"
    if rows > 1:
        assert not checks.same_values(frame, case.frame(rows, numbers(8), **case.options))
    checks.check_frame(frame)


def test_frames__seed_is_the_manuals():
    import random

    expected = manual_frame(100, random.Random(1))
    if not PANDAS_3:
        # older versions make nanoseconds of a list of days
        expected["time"] = expected["time"].astype("datetime64[s]")
    pd.testing.assert_series_equal(frames.seed(100, numbers()).dtypes, expected.dtypes)


def test_frames__vendor_has_45_columns_and_336_bytes_a_row():
    assert sum(count for count, _ in frames.VENDOR_COLUMNS.values()) == 45
    assert sum(count * size for count, size in frames.VENDOR_COLUMNS.values()) == 336
    rows = frames.VENDOR_SYMBOL_COUNT * 20
    few, many = (len(dolphindb_fast.dumps(frames.vendor(n, numbers()))) for n in (rows, 2 * rows))
    # once every symbol occurs, more rows cost their cells only
    assert many - few == 336 * rows
    types = [column.type for column in decode(dolphindb_fast.dumps(frames.vendor(5, numbers()))).columns]
    assert types.count(keys.DT_STRING) == 7 and types.count(keys.DT_SYMBOL) == 6


def test_frames__blocks_of_wide():
    one, each = (frames.wide(10, numbers(), columns=30, blocks=blocks) for blocks in ("one", "each"))
    assert (len(one._mgr.blocks), len(each._mgr.blocks)) == (1, 30)
    pd.testing.assert_frame_equal(one, each)
    again = frames.wide(10, numbers(), columns=30)
    assert again.columns is not one.columns


def test_frames__tsbs():
    frame = frames.tsbs(20, numbers(), categorical=True)
    assert frame.shape == (20, 21)
    assert (frame.dtypes == "category").sum() == 10 and (frame.dtypes == "float64").sum() == 10
    assert frame.dtypes["timestamp"] == "datetime64[ns]"


def test_frames__nan_share():
    assert frames.numeric(1000, numbers()).isna().sum().sum() == 0
    share = frames.numeric(10_000, numbers(), nan_share=0.01).drop(columns=["c4", "c9"]).isna().mean().mean()
    assert 0.009 < share <= 0.01


def test_checks__a_recorded_stream_decodes_to_its_frames():
    sent = [frames.seed(n, numbers(n)) for n in (1, 20)]
    stream = b"".join(map(competitors.request_of, sent))
    got = list(checks.decoded(stream))
    assert all(checks.same_values(a, b) for a, b in zip(sent, got, strict=True))
    assert not checks.same_values(sent[1], got[1].assign(id=0))


def test_reply_table__encodes():
    table = frames.reply_table(100, numbers())
    frame = to_python(decode(dolphindb_fast.dumps(table)))
    assert list(frame.columns) == ["price", "volume", "side", "time", "order", "sym"] and len(frame) == 100

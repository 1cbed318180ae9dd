"""``compressMethods``: what becomes of columns, by bytes built without the package; what is refused."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import replies
from support.cases import each
from support.recorder import our_session
from support.values import object_column

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast._decode import decode
from dolphindb_fast.column import Column, Table

pytest.importorskip("lz4")

UNITS = {"SHORT": 2, "INT": 4, "LONG": 8, "DATE": 4, "NANOTIMESTAMP": 8}


@pytest.fixture
def compressing(recorders):
    def recorder(methods):
        return recorders(our_session, enableASYNC=True, compressMethods=methods)

    return recorder


# delta code


def _values(bits):
    limit = 2 ** (bits - 1) - 1
    edges = [2**k + d for k in (6, 7, 8, 9, 15, 16, 31, 32, bits - 3, bits - 2) for d in (-2, -1, 0, 1)]
    near = st.sampled_from([v for e in (*edges, 0, limit) for v in (e, -e) if abs(v) <= limit])
    return st.one_of(st.none(), st.integers(-limit, limit), near, st.integers(-3, 3))


@st.composite
def series(draw):
    """A type, and cells with runs: what has none does not shrink."""
    kind = draw(st.sampled_from(list(UNITS)))
    runs = draw(st.lists(st.tuples(_values(8 * UNITS[kind]), st.integers(1, 200)), max_size=30))
    return kind, [value for value, times in runs for _ in range(times)]


def _fits(cells, unit) -> bool:
    """Whether the code has bits for the second value's difference, and no step passes 64 bits."""
    seen = [cell for cell in cells if cell is not None]
    deltas = [b - a for a, b in zip(seen, seen[1:], strict=False)]
    steps = [b - a for a, b in zip(deltas, deltas[1:], strict=False)]
    far = 2 ** (8 * unit - 1)
    return all(-far <= d < far for d in deltas[:1]) and all(-(2**63) <= d < 2**63 for d in deltas + steps)


def _expected(kind, cells) -> bytes:
    unit = UNITS[kind]
    plain = replies.vector(kind, cells)
    size = 65536 // unit
    blocks = [cells[i : i + size] for i in range(0, len(cells), size)]
    if not all(_fits(block, unit) for block in blocks):
        return plain
    coded = [replies.delta_block(block, unit) for block in blocks]
    code = replies.compressed(kind, len(cells), coded, method=2, unit=unit)
    return code if len(code) < len(plain) else plain


def _object(recorder, *columns) -> bytes:
    """The columns as they are sent, behind the head of their table."""
    names = [f"c{i}" for i in range(len(columns))]
    sent = recorder.object(Table(names, [decode(column) for column in columns]))
    head = 11 + sum(len(name) + 1 for name in names)
    assert sent[:2] == b"\x08\x06"
    return sent[head:]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(case=series())
def test_delta__any_values(case, recorders):
    kind, cells = case
    recorder = recorders(our_session, enableASYNC=True, compressMethods="DELTA")
    assert _object(recorder, replies.vector(kind, cells)) == _expected(kind, cells)


@each("kind", UNITS)
@each("more", [-1, 0, 1])
def test_delta__blocks_begin_anew(kind, more, compressing):
    size = 65536 // UNITS[kind]
    saw = [i % 9 * 100 for i in range(3 * size + more)]
    for cells in (saw, [None] * (size + more), [5] * (2 * size + more)):
        assert _object(compressing("DELTA"), replies.vector(kind, cells)) == _expected(kind, cells)


def test_delta__one_block_that_does_not_fit_makes_the_whole_column_plain(compressing):
    far = 2**63 - 1
    column = replies.vector("LONG", [1] * 20_000 + [-far, far, 0] * 5)
    assert _object(compressing("DELTA"), column) == column


# which columns


def _frame(rows=500):
    index = np.arange(rows)
    return pd.DataFrame(
        {
            "id": index,
            "time": np.datetime64("2020-01-01", "ns") + index.astype("m8[s]"),
            "price": index % 10 / 4,
            "text": object_column([f"text {i % 7}" for i in index]),
            "sym": pd.Categorical([f"S{i % 3}" for i in index]),
        }
    )


def _methods(sent: bytes, frame) -> list:
    """The method of each column of the sent frame."""
    at = sent.index(b"sym\0") + 4 if "sym" in frame else sent.index(b"\0", 11) + 1
    found = []
    for column in decode(ddb.dumps(frame)).columns:
        if sent[at] != replies.COMPRESS:
            found.append(None)
            at += len(ddb.dumps(column))
            continue
        found.append({1: "LZ4", 2: "DELTA"}[sent[at + 13]])
        at += 10 + int.from_bytes(sent[at + 2 : at + 6], "little")
    assert at == len(sent)
    return found


@pytest.mark.parametrize(
    "methods, expected",
    [
        ("LZ4", ["LZ4", "LZ4", "LZ4", "LZ4", None]),
        ("lz4", ["LZ4", "LZ4", "LZ4", "LZ4", None]),
        (["DELTA", "delta", "LZ4", None, "DELTA"], ["DELTA", "DELTA", "LZ4", None, None]),
        (("LZ4", None, None, None, None), ["LZ4", None, None, None, None]),
        ({"time": "DELTA", "text": "LZ4", "other": "DELTA"}, [None, "DELTA", None, "LZ4", None]),
        ({"other": "DELTA"}, [None] * 5),
        ({"text": None}, [None] * 5),
    ],
    ids=str,
)
def test_methods__for_all_by_position_or_by_name(methods, expected, compressing):
    frame = _frame()
    before = frame.copy(deep=True)
    sent = compressing(methods).object(frame)
    assert _methods(sent, frame) == expected
    assert ddb.dumps(decode(sent)) == ddb.dumps(decode(ddb.dumps(frame)))
    assert compressing(methods).object(ddb.typed(frame, {})) == sent
    assert compressing(methods).object(decode(ddb.dumps(frame)))[1:30] == sent[1:30]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("methods", [None, [], {}, ()], ids=str)
def test_no_methods__nothing_is_compressed(methods, recorders):
    recorder = recorders(our_session, enableASYNC=True, compressMethods=methods)
    request = recorder.run("f", _frame())
    assert request.objects == ddb.dumps(_frame())
    assert b" / 36_" in request.header


def test_small_and_random_columns__are_sent_plain(compressing):
    random = np.random.default_rng(1).integers(-(2**62), 2**62, 30_000)
    frames = [_frame(rows) for rows in (0, 1, 2)]
    frames += [pd.DataFrame({"id": random}), pd.DataFrame({"d": random.view("f8")})]
    for frame in frames:
        for methods in ("LZ4", {"id": "DELTA"}):
            assert compressing(methods).object(frame) == b"\x08" + ddb.dumps(frame)[1:]


def test_tables_in_other_objects__are_sent_plain(recorders, compressing):
    frame = _frame()
    inside = Column(keys.DT_ANY, [decode(ddb.dumps(frame))] * 200)
    inner = Table(["a", "b"], [inside, decode(replies.vector("LONG", [0] * 200))])
    flagged = recorders(our_session, enableASYNC=True, compress=True)
    column = frame["id"]
    for value in ([frame], {"a": frame}, (decode(ddb.dumps(frame)), 1), column, column.to_numpy(), 5):
        assert compressing("LZ4").object(value) == flagged.object(value)
    sent, plain = compressing("LZ4").object(inner), flagged.object(inner)
    assert 1400 < len(plain) - len(sent) < 1600
    assert ddb.dumps(decode(sent)) == ddb.dumps(decode(plain))


def test_every_kind_of_request__compresses(compressing):
    frame = _frame()
    recorder = compressing("LZ4")
    alone = recorder.object(frame)
    assert recorder.run("f", frame, 1, frame).objects == alone + ddb.dumps(1) + alone
    assert recorder.record(lambda s: s.upload({"a": frame, "b": 5})).endswith(alone + ddb.dumps(5))
    assert recorder.record(lambda s: s.call("f", frame, priority=1)).endswith(alone)

    def gathered(session):
        with session.batch():
            session.run("f", frame)
            with pytest.raises(ddb.ValueRefused):
                session.run("f", pd.DataFrame({"a": np.zeros(1000), "b": object_column(["a\0b"] * 1000)}))
            session.run("f", frame)

    request = recorder.record(lambda s: s.run("f", frame))
    assert recorder.record(gathered) == request * 2


def test_large_columns__whatever_their_memory(compressing):
    """Cells that are borrowed, gathered, patched and widened while they are coded."""
    rows = 700_000
    step = np.arange(2 * rows) // 5 % 50
    halves = np.where(step == 7, np.nan, step / 2)
    frame = pd.DataFrame(
        {
            "borrowed": step[:rows].copy(),
            "strided": step[::2],
            "patched": np.where(np.arange(rows) < 300_000, halves[:rows], 1.5),
            "widened": step[:rows].astype("u4"),
            "text": pd.Series(step[:rows]).astype(str),
            "masked": pd.array(step[:rows], dtype="Int32"),
            "category": pd.Categorical(step[:rows].astype(str)),
        }
    )
    frame.loc[5, "masked"] = pd.NA
    sent = compressing("LZ4").object(frame)
    plain = ddb.dumps(frame)
    assert len(sent) < len(plain) / 4
    assert ddb.dumps(decode(sent)) == ddb.dumps(decode(plain))


# what is refused


def _nothing_was_sent(recorder, value, error, match):
    with pytest.raises(error, match=match):
        recorder.object(value)
    # the recorder would see it before its marker
    assert recorder.run("f", 1).objects == ddb.dumps(1)


@pytest.mark.parametrize("name", ["price", "text"])
def test_delta__refused_naming_the_column(name, compressing):
    kind = {"price": "DOUBLE", "text": "STRING"}[name]
    match = f"f: column '{name}' .* to {kind}: .*DELTA is for SHORT, INT, LONG and temporal"
    _nothing_was_sent(compressing({"id": "LZ4", name: "DELTA"}), _frame(), ddb.UnsupportedTypeError, match)
    _nothing_was_sent(compressing("DELTA"), _frame()[["id", name]], ddb.UnsupportedTypeError, match)


def test_list__of_another_length_than_the_table(compressing):
    for value in (_frame(), decode(ddb.dumps(_frame()))):
        match = "compressMethods, 2, does not match the column size 5"
        _nothing_was_sent(compressing(["LZ4", "LZ4"]), value, ddb.UsageError, match)


def test_values__are_refused_as_ever(compressing):
    bad = pd.DataFrame({"good": np.zeros(9000), "bad": object_column(["a"] * 8999 + ["b\0c"])})
    _nothing_was_sent(compressing("LZ4"), bad, ddb.ValueRefused, "f: column 'bad'.*row 8999.*NUL")
    bad = pd.DataFrame({"good": np.zeros(9000), "bad": np.full(9000, 2**64 - 1, dtype="u8")})
    _nothing_was_sent(compressing("LZ4"), bad, ddb.ValueRefused, "f: column 'bad'.*row 0")


@each("methods", ["ZSTD", "", 1, b"LZ4", ["LZ4", "GZIP"], {"a": "zip"}, {"a": 2}, [1], True, {"LZ4"}], ids=str)
def test_methods__that_there_are_not(methods):
    with pytest.raises(ddb.UsageError, match="compress"):
        ddb.Session(compressMethods=methods)


def test_arrow__is_never_compressed():
    with pytest.raises(ddb.UsageError, match="Arrow protocol does not support compression"):
        ddb.Session(protocol="arrow", compressMethods="LZ4")


def test_lz4_absent__is_said_at_construction():
    script = """
        import sys
        sys.modules["lz4"] = None
        import dolphindb_fast as ddb
        ddb.Session(compress=True)
        for methods in ("DELTA", ["LZ4"]):
            try:
                ddb.Session(compressMethods=methods)
            except ddb.NotSupported as error:
                print(error)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        # python -c looks into the current folder first, which may be the source tree
        cwd=Path(ddb.__file__).parents[1],
    )
    assert ended.stdout.count("pip install lz4") == 2, ended.stdout + ended.stderr

"""Compressed uploads: the bytes of the official client's writer, and columns that both clients read back."""

from __future__ import annotations

import datetime
import random
import struct
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from support import oracle, replies, strategies
from support.cases import WIDE, each
from support.compare import assert_same
from support.corpus import BY_NAME
from support.recorder import our_session, reply
from support.writer import stop, written

import dolphindb_fast as ddb
from dolphindb_fast._decode import decode
from dolphindb_fast.column import Column, Table

lz4 = pytest.importorskip("lz4.block")
pytestmark = pytest.mark.official

LZ4, DELTA = 1, 2


def columns(table: bytes, plain) -> list[bytes]:
    """The bytes of each column of a table; of those that are not compressed `plain` are the bytes."""
    assert table[:2] == b"\x08\x06"
    at = 10
    for _ in range(len(plain) + 1):
        at = table.index(b"\0", at) + 1
    found = []
    for column in plain:
        compressed = table[at] == replies.COMPRESS
        size = 10 + struct.unpack_from("<i", table, at + 2)[0] if compressed else len(column)
        found.append(table[at : at + size])
        assert compressed or found[-1] == column
        at += size
    assert at == len(table)
    return found


def head_and_blocks(column: bytes) -> tuple[bytes, list[bytes]]:
    """Both heads without their size; the blocks, of LZ4 unpacked."""
    assert struct.unpack_from("<i", column, 2)[0] == len(column) - 10
    at, blocks = 30, []
    while at < len(column):
        (size,) = struct.unpack_from("<I", column, at)
        block = column[at + 4 : at + 4 + size]
        assert len(block) == size
        blocks.append(lz4.decompress(block, uncompressed_size=65536) if column[13] == LZ4 else block)
        at += 4 + size
    return column[:2] + column[6:30], blocks


def assert_same_columns(ours: bytes, theirs: bytes) -> int:
    """Delta code is equal. What LZ4 makes of a block depends on its version: what it says is equal. Where it
    says it with more bytes than the column has, ours is plain. Returns how many are compressed."""
    plain = [ddb.dumps(column) for column in decode(theirs).columns]
    count = 0
    for i, (one, other) in enumerate(zip(columns(ours, plain), columns(theirs, plain), strict=True)):
        assert other[0] == replies.COMPRESS, i
        if one[0] != replies.COMPRESS:
            assert len(other) >= len(plain[i]) - 10, i
            continue
        count += 1
        assert len(one) < len(plain[i]), i
        assert other[13] != DELTA or not oracle.difference(one, other), i
        (our_head, our_blocks), (their_head, their_blocks) = head_and_blocks(one), head_and_blocks(other)
        assert our_head == their_head, i
        if other[14] == replies.TYPES["STRING"]:
            # long columns are coded while they are gathered, and cut there too, but never a text
            assert all(block.endswith(b"\0") for block in our_blocks), i
            our_blocks, their_blocks = b"".join(our_blocks), b"".join(their_blocks)
        assert our_blocks == their_blocks, i
    return count


@pytest.fixture(scope="module", autouse=True)
def writers_process():
    yield
    stop()


@pytest.fixture
def compressing(recorders):
    def recorder(methods):
        return recorders(our_session, enableASYNC=False, compressMethods=methods)

    return recorder


def _check(compressing, types, rows, methods, scales=None) -> int:
    """Our session sends the writer's table again: the same columns, so many of them compressed."""
    theirs = written(types, rows, methods, scales)
    assert not theirs.error
    request = compressing(methods).run("tableInsert{t}", decode(theirs.table))
    assert int(request.header.split()[-1].split(b"_")[0]) == theirs.flags == 96
    head = theirs.table.index(b"\x1a\x01")
    assert request.objects[:head] == theirs.table[:head]
    return assert_same_columns(request.objects, theirs.table)


def test_frame__is_what_the_writer_sends(compressing):
    rows = 3000
    index = np.arange(rows)
    frame = pd.DataFrame({"c0": (index // 8).astype("i4"), "c1": index**2, "c2": [f"s{i}" for i in index]})
    theirs = written(["INT", "LONG", "STRING"], list(frame.itertuples(index=False, name=None)), ["LZ4", "DELTA", "LZ4"])
    spelled = {"c0": "LZ4", "c1": "delta", "c2": "Lz4", "another": "DELTA"}
    for methods in (["LZ4", "DELTA", "LZ4"], ("lz4", "DELTA", "LZ4"), spelled):
        ours = compressing(methods).run("tableInsert{t}", frame)
        assert ours.header.split()[-1].startswith(b"96_")
        assert assert_same_columns(ours.objects, theirs.table) == 3


DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678_999)
#: cell number i of a column of the type
CELLS = {
    "BOOL": lambda i: i % 7 > 3,
    "CHAR": lambda i: i % 100,
    "SHORT": lambda i: i % 1000 - 500,
    "INT": lambda i: i * 7,
    "LONG": lambda i: i * i,
    "DATE": lambda i: DAY + datetime.timedelta(days=i),
    "MONTH": lambda i: DAY,
    "TIME": lambda i: np.datetime64(i, "ms"),
    "MINUTE": lambda i: np.datetime64(i % 1000, "m"),
    "SECOND": lambda i: np.datetime64(i, "s"),
    "DATETIME": lambda i: MOMENT + datetime.timedelta(seconds=i),
    "TIMESTAMP": lambda i: MOMENT + datetime.timedelta(milliseconds=i * 3),
    "NANOTIME": lambda i: np.datetime64(i * 1000, "ns"),
    "NANOTIMESTAMP": lambda i: np.datetime64(i * 1000, "ns"),
    "DATEHOUR": lambda i: MOMENT + datetime.timedelta(hours=i),
    "FLOAT": lambda i: np.float32(i % 10),
    "DOUBLE": lambda i: i % 10 / 4,
    "STRING": lambda i: "text" * (i % 40) + str(i),
    "BLOB": lambda i: b"blob" * (i % 40),
    "UUID": lambda i: "12345678-1234-5678-1234-567812345678",
    "IPADDR": lambda i: f"1.2.3.{i % 256}",
    "INT128": lambda i: "e1671797c52e15f763380b45e841ec32",
    "DECIMAL32": lambda i: Decimal(i % 100) / 4,
    "DECIMAL64": lambda i: Decimal(i) / 8,
    "DECIMAL128": lambda i: Decimal(i % 7),
}
SCALES = {"DECIMAL32": 2, "DECIMAL64": 3, "DECIMAL128": 4}
DELTA_TYPES = ["SHORT", "INT", "LONG", "DATE", "MONTH", "TIME", "MINUTE", "SECOND", "DATETIME", "TIMESTAMP",
               "NANOTIME", "NANOTIMESTAMP", "DATEHOUR"]  # fmt: skip


@pytest.mark.parametrize("rows", [300, 20_000])
def test_lz4__every_type_as_the_writer_does(rows, compressing):
    cells = [[None if i % 11 == 5 else cell(i) for cell in CELLS.values()] for i in range(rows)]
    scales = [SCALES.get(name, 0) for name in CELLS]
    assert _check(compressing, list(CELLS), cells, ["LZ4"] * len(CELLS), scales) >= len(CELLS) // 2


@pytest.mark.parametrize("rows", [300, 20_000])
def test_delta__every_type_as_the_writer_does(rows, compressing):
    cells = [[None if i % 11 == 5 else CELLS[name](i) for name in DELTA_TYPES] for i in range(rows)]
    assert _check(compressing, DELTA_TYPES, cells, ["DELTA"] * len(DELTA_TYPES)) == len(DELTA_TYPES)


def test_array_vectors__as_the_writer_does(compressing):
    long, longer, short = list(range(16_000)), list(range(40_000)), [1, 2, 3]
    orders = {
        "rows": [short] * 20_000,
        "long": [longer, short, short, long, long, short, longer, longer, [5], short],
        "growing": [list(range(i % 700)) or [1] for i in range(1, 500)],
        "one": [[i] for i in range(30_000)],
    }
    for name, rows in orders.items():
        for number in (68, 69, 80, 65 + 1):
            if number == 66 and name != "one":
                continue
            rows = [[cell % 100 for cell in row] if number == 66 else row for row in rows]
            _check(compressing, [number], [(row,) for row in rows], ["LZ4"])
    assert _check(compressing, [64 + 38], [([Decimal(i % 9) / 4] * 3,) for i in range(9000)], ["LZ4"], [3])
    assert _check(compressing, [64 + 19], [(["12345678-1234-5678-1234-567812345678"] * 3,)] * 3000, ["LZ4"])


def test_symbols__are_sent_as_they_are_by_both(compressing):
    for method in ("LZ4", "DELTA"):
        theirs = written(["SYMBOL", "INT"], [("a", 1), ("b", 2)] * 50, [method, "LZ4"]).table
        frame = pd.DataFrame({"c0": ["a", "b"] * 50, "c1": np.array([1, 2] * 50, dtype="i4")})
        ours = compressing([method, "LZ4"]).object(ddb.typed(frame, {"c0": "SYMBOL"}))
        one, other = ours.index(b"\x1a\x01"), theirs.index(b"\x1a\x01")
        assert ours[:19] == theirs[:19] and ours[17:19] == b"\x91\x01"
        assert ours[one:] == theirs[other:]


def _steps(rng, bits):
    """Values with steps of every size, up to a quarter of the range; a tail that makes the column shrink."""
    limit = 2 ** (bits - 3)
    sizes = [2**k + d for k in range(bits - 3) for d in (-1, 0, 1)] + [0, 0, 0, 1]
    value, found = rng.randrange(-limit, limit), []
    for _ in range(60):
        if rng.random() < 0.2:
            found.append(None)
            continue
        found.append(value)
        value += rng.choice((-1, 1)) * rng.choice(sizes)
        if abs(value) > limit:
            value = rng.randrange(-limit, limit)
    leading = rng.choice((0, 0, 1, 57, 200))
    return [None] * leading + found + [value] * (1000 - leading)


def test_delta__steps_of_every_size_as_the_writer_codes_them(compressing):
    rng = random.Random(20260)
    types = ["SHORT", "INT", "LONG"] * 40
    bits = {"SHORT": 16, "INT": 32, "LONG": 64}
    series = [_steps(rng, bits[name]) for name in types]
    assert _check(compressing, types, list(zip(*series, strict=True)), ["DELTA"] * len(types)) == len(types)


@pytest.mark.parametrize("nulls", [0, 57, 1000])
def test_delta__of_few_values_among_nulls(nulls, compressing):
    """Blocks that end at a word's end, that hold one value or none."""
    for tail in ([], [7], [7, 9], [7, 9, 11]):
        cells = [None] * nulls + tail + [None] * (1000 - nulls)
        assert _check(compressing, ["LONG"], [(cell,) for cell in cells], ["DELTA"]) == 1


FAR = 2**63 - 1


@pytest.mark.parametrize(
    "kind, cells",
    [("SHORT", [-32767, 32767, 5]), ("SHORT", [16384, -16385]), ("INT", [-(2**31) + 1, 2**31 - 1])]
    + [("LONG", cells) for cells in ([-FAR, FAR], [0, -1, FAR], [0, FAR, 0], [0, 2**62, 0, 2**62])],
    ids=str,
)
def test_delta__values_too_far_apart_are_sent_plain(kind, cells, compressing):
    """The writer loses the high bits of a second value, and gives up where a step passes 64 bits."""
    cells = cells + [cells[-1]] * 300
    theirs = written([kind], [(cell,) for cell in cells], ["DELTA"])
    if theirs.error:
        assert "Delta out of range" in theirs.error
    else:
        assert decode(theirs.table).columns[0].data.tolist() != cells
    column = decode(replies.vector(kind, cells))
    plain = replies.vector(kind, cells)
    assert columns(compressing("DELTA").object(Table(["c0"], [column])), [plain]) == [plain]


def test_delta__second_values_that_just_fit(compressing):
    for kind, cells in (("SHORT", [-16384, 16383]), ("SHORT", [16384, -16384]), ("LONG", [1, -FAR + 1]),
                        ("INT", [-(2**31) + 1, 0]), ("LONG", [0, 1, -FAR + 1])):  # fmt: skip
        assert _check(compressing, [kind], [(cell,) for cell in cells + [cells[-1]] * 300], ["DELTA"]) == 1


NO_DELTA = ["BOOL", "CHAR", "FLOAT", "DOUBLE", "STRING", "UUID", "BLOB", "DECIMAL64", 68]


@each("kind", NO_DELTA)
def test_delta__is_refused_for_the_types_for_which_the_writer_refuses_it(kind, compressing):
    cell = [1, 2] if kind == 68 else CELLS[kind](1)
    theirs = written([kind], [(cell,)] * 3, ["DELTA"], [3])
    assert "Cannot apply compression method DELTA to" in theirs.error
    if kind == 68:
        column = decode(replies.array_vector("INT", [[1, 2]] * 3))
    else:
        column = decode(written([kind], [(cell,)] * 3, [], [3]).table).columns[0]
    with pytest.raises(ddb.UnsupportedTypeError, match="column 1 .*DELTA is for SHORT, INT, LONG and temp"):
        compressing({"bad": "DELTA"}).object(Table(["good", "bad"], [column, column]))


def test_text_that_no_block_holds__the_column_is_sent_plain(compressing):
    """The writer forgets such a text or never ends."""
    cells = ["a" * 100] * 20 + ["b" * 65_536, "c"]
    column = decode(replies.vector("STRING", cells))
    assert compressing("LZ4").object(Table(["c0"], [column])).endswith(replies.vector("STRING", cells))
    cells[20] = cells[20][:-1]
    assert _check(compressing, ["STRING"], [(cell,) for cell in cells], ["LZ4"]) == 1


# what is sent is read back


def _repeated(frame):
    """The frame's rows again and again, so that it shrinks; its forced types stay."""
    try:
        long = frame.take(np.tile(np.arange(len(frame)), 60 if len(frame) < 100 else 2))
    except NotImplementedError:
        return frame  # an Arrow type whose rows can't be taken
    types = getattr(frame, "__DolphinDB_Type__", None)
    if types is not None:
        object.__setattr__(long, "__DolphinDB_Type__", types)
    return long


def _assert_same_meaning(recorder, value) -> tuple[int, int]:
    """A frame is refused in the same words, or says the same; returns plain and compressed size."""
    try:
        plain = ddb.dumps(value)
    except (ddb.ConversionError, ddb.UsageError) as error:
        with pytest.raises(type(error)) as caught:
            recorder.object(value)
        assert str(caught.value).endswith(str(error))
        return 0, 0
    sent = recorder.object(value)
    assert sent[:1] == b"\x08" and len(sent) <= len(plain)
    # cells that are alike take far more memory than bytes
    assert ddb.dumps(decode(sent, expansion=10_000)) == ddb.dumps(decode(plain))
    return len(plain), len(sent)


def _corpus_frames():
    for case in BY_NAME.values():
        value = case.build()
        if isinstance(value, ddb.TypedFrame):
            yield ddb.typed(_repeated(value.frame), value.types)
        elif isinstance(value, pd.DataFrame):
            yield _repeated(value)


def test_corpus__every_frame_means_the_same(compressing):
    sizes = [_assert_same_meaning(compressing("LZ4"), value) for value in _corpus_frames()]
    plain, compressed = map(sum, zip(*sizes, strict=True))
    assert len(sizes) > 700 and 0 < compressed < plain / 2


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=strategies.frames())
def test_random_frames__mean_the_same(frame, recorders):
    _assert_same_meaning(recorders(our_session, enableASYNC=False, compressMethods="LZ4"), _repeated(frame))


def _columns(name, rng):
    """Columns of a type whose cells shrink under LZ4."""
    for rows in (1, 40, 9000, 70_000) if WIDE else (1, 40, 9000):
        if name in ("STRING", "BLOB"):
            words = ["", "a", "größe", "x" * 300, "y" * 20]
            cells = [rng.choice(words) for _ in range(rows)]
            yield decode(replies.vector(name, [c.encode() for c in cells] if name == "BLOB" else cells))
        elif name in ("UUID", "IPADDR", "INT128"):
            cells = [rng.choice((None, "12345678123456789abcdef012345678", "f" * 32)) for _ in range(rows)]
            yield decode(replies.vector(name, cells))
        else:
            low = 24_000 if name == "MONTH" else 0
            cells = [rng.choice((None, low, low + 1, low + 50)) for _ in range(rows)]
            yield decode(replies.vector(name, cells, scale=SCALES.get(name, 0)))


@pytest.mark.wide
@pytest.mark.parametrize("method", ["LZ4", "DELTA"])
def test_official_client__reads_what_we_send(method, compressing, official_sync, ours_sync):
    rng = random.Random(7)
    for name in CELLS if method == "LZ4" else DELTA_TYPES:
        for column in _columns(name, rng):
            sent = compressing(method).object(Table(["a", "b"], [column, column]))
            table = ddb.dumps(Table(["a", "b"], [column, column]))
            assert len(sent) < len(table) or len(column) < 9000, name
            theirs = official_sync.result(reply(table))
            assert_same(official_sync.result(reply(sent)), theirs, name)
            assert_same(ours_sync.result(reply(sent)), theirs, name)


def test_official_client__reads_array_vectors_that_we_send(compressing, official_sync):
    rng = np.random.default_rng(3)
    for name, cell in (("INT", "<i4"), ("CHAR", "i1"), ("DOUBLE", "<f8"), ("DECIMAL128", "V16")):
        long = [70_000, 1, 2, 20_000, 40_000]
        counts = np.concatenate([rng.integers(1, 9, 9000), long, rng.integers(1, 300, 500)])
        offsets = np.concatenate([[0], counts.cumsum()])
        data = np.resize(np.frombuffer(bytes(range(160)), dtype=cell), offsets[-1])
        column = Column(replies.TYPES[name] + 64, data, offsets=offsets, scale=SCALES.get(name, 0))
        table = Table(["a"], [column])
        sent, plain = compressing("LZ4").object(table), ddb.dumps(table)
        assert len(sent) < len(plain) / 2
        assert ddb.dumps(decode(sent)) == plain
        assert_same(official_sync.result(reply(sent)), official_sync.result(reply(plain)), name)

"""Compressed columns in replies: both clients decode them to the same result."""

from __future__ import annotations

import random

import pytest
from support import replies
from support.cases import each
from support.compare import assert_same
from support.recorder import reply

pytest.importorskip("lz4")
pytestmark = pytest.mark.official

WIDTHS = {
    "BOOL": 1, "CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 8, "DATE": 4, "MONTH": 4, "TIME": 4, "MINUTE": 4,
    "SECOND": 4, "DATETIME": 4, "TIMESTAMP": 8, "NANOTIME": 8, "NANOTIMESTAMP": 8, "DATEHOUR": 4, "FLOAT": 4,
    "DOUBLE": 8, "UUID": 16, "IPADDR": 16, "INT128": 16, "DECIMAL32": 4, "DECIMAL64": 8, "DECIMAL128": 16,
    "STRING": 255, "SYMBOL": 255, "BLOB": 255,
}  # fmt: skip
DELTA = [name for name, width in WIDTHS.items() if width in (2, 4, 8) and name not in ("FLOAT", "DOUBLE")
         and not name.startswith("DECIMAL")]  # fmt: skip
FIXED = [name for name, width in WIDTHS.items() if width < 255]


def _cells(name: str) -> list:
    if name in ("STRING", "SYMBOL"):
        return ["a", "größe", None, "x" * 300]
    if name == "BLOB":
        return [b"a", b"\xff\xfe", None, b"x" * 300]
    if WIDTHS[name] == 16 and not name.startswith("DECIMAL"):
        return ["12345678123456789abcdef012345678", None, "f" * 32, "0" * 31 + "1"]
    if name == "MONTH":
        return [24240, None, 24241]
    return [1, 0, None, 1, 1]


def _lz4(name: str, cells: list, size: int = 65536, **keywords) -> bytes:
    data = replies.cells(name, cells)
    scale = 2 if name.startswith("DECIMAL") else 0
    return replies.compressed(
        name, len(cells), replies.lz4_blocks(data, size), method=1, unit=WIDTHS[name], scale=scale, **keywords
    )


def _delta(name: str, cells: list, block: int | None = None, **keywords) -> bytes:
    unit = WIDTHS[name]
    block = block or 65536 // unit
    blocks = [replies.delta_block(cells[i : i + block], unit) for i in range(0, len(cells), block)]
    return replies.compressed(name, len(cells), blocks, method=2, unit=unit, **keywords)


def _in_objects(column: bytes, rows: int, kind: int) -> tuple[bytes, ...]:
    """The column alone, in a table of this kind, in a dictionary and in an ANY vector."""
    others = replies.vector("INT", range(rows))
    words = replies.vector("STRING", [f"k{i}" for i in range(rows)])
    return (
        column,
        replies.table({"a": column, "b": others, "c": column}, rows, kind=kind),
        replies.dictionary(words, column),
        replies.any_vector([column, others]),
    )


def _both(ours_sync, official_sync, column: bytes, rows: int, plain: bytes | None = None) -> None:
    """Both clients read the column alike; or the official client is given `plain`, the same without compression."""
    shown = _in_objects(column, rows, 8)
    for mine, theirs in zip(shown, shown if plain is None else _in_objects(plain, rows, 0), strict=True):
        assert_same(ours_sync.result(reply(mine)), official_sync.result(reply(theirs)))


def _no_rows(name: str) -> bytes:
    """Uncompressed: reading a compressed column of no rows, the official client damages its memory."""
    return replies.vector(name, [], scale=2 if name.startswith("DECIMAL") else 0)


@each("times", [0, 1, 3000])
@each("name", WIDTHS)
def test_lz4(name, times, ours_sync, official_sync):
    cells = _cells(name) * times
    _both(ours_sync, official_sync, _lz4(name, cells), len(cells), None if cells else _no_rows(name))


@each("size", [16, 64, 4096])
@each("name", WIDTHS)
def test_lz4__small_blocks(name, size, ours_sync, official_sync):
    cells = _cells(name) * 20
    _both(ours_sync, official_sync, _lz4(name, cells, size, top_bit=True), len(cells))


@pytest.mark.parametrize("size", [1, 5, 7])
def test_lz4__text_split_between_blocks(size, ours_sync, official_sync):
    for name in ("STRING", "SYMBOL", "BLOB"):
        cells = _cells(name)
        _both(ours_sync, official_sync, _lz4(name, cells, size), len(cells))


@each("block", [1, 2, 100])
@each("name", FIXED)
def test_lz4__array_vectors(name, block, ours_sync, official_sync):
    cells = _cells(name)
    rows = [cells[:2], [], cells, [None]] * 30
    scale = 2 if name.startswith("DECIMAL") else 0
    number = replies.TYPES[name]
    data = replies.array_blocks(number, rows, block=block)
    for size in (65536, 50):
        column = replies.compressed(
            number + 64, len(rows), replies.lz4_blocks(data, size), method=1, unit=WIDTHS[name], scale=scale
        )
        _both(ours_sync, official_sync, column, len(rows))


SERIES = {
    "empty": [],
    "one": [7],
    "two": [7, 9],
    "null": [None],
    "nulls": [None] * 10,
    "leading": [None, None, 5, None, None, 6, 8, 10],
    "constant": [42] * 300,
    "regular": list(range(1000, 4000, 10)),
    "steps": [1, 2, 4, 70, 200, 1000, 1500, -3000, 31000, -31000, None, 0, 0, 1],
}


@each("series", SERIES)
@each("name", DELTA)
def test_delta(name, series, ours_sync, official_sync):
    # months stay in the range of datetime64[ns]
    cells = [None if v is None else v % 1000 + 24000 if name == "MONTH" else v for v in SERIES[series]]
    _both(ours_sync, official_sync, _delta(name, cells), len(cells), None if cells else _no_rows(name))


@pytest.mark.parametrize("name", ["SHORT", "INT", "LONG"])
def test_delta__of_every_step_that_the_type_has(name, ours_sync, official_sync):
    bits = 8 * WIDTHS[name] - 1
    edges = [0, 1, -1, 2**bits - 1, -(2**bits) + 1]
    edges += [sign * (2**k + d) for k in range(5, bits) for d in (-1, 0, 1) for sign in (-1, 1)]
    rng = random.Random(len(edges))
    cells = [edges[rng.randrange(len(edges))] if rng.random() < 0.9 else None for _ in range(5000)]
    _both(ours_sync, official_sync, _delta(name, cells), len(cells))


@pytest.mark.parametrize("rows", [8191, 8192, 8193, 40000])
def test_delta__in_blocks(rows, ours_sync, official_sync):
    for name in ("LONG", "NANOTIMESTAMP"):
        cells = [i * i % 9973 if i % 17 else None for i in range(rows)]
        _both(ours_sync, official_sync, _delta(name, cells), rows)
    _both(ours_sync, official_sync, _delta("INT", list(range(rows)), block=1000), rows)


@pytest.mark.parametrize("scale, extra", [(2, 2), (2, 3), (0, 3)])
def test_scale__stands_in_the_reserved_field(scale, extra, ours_sync, official_sync):
    data = replies.lz4_blocks(replies.cells("DECIMAL64", [15, None]))
    column = replies.compressed("DECIMAL64", 2, data, method=1, unit=8, scale=scale, extra=extra)
    _both(ours_sync, official_sync, column, 2)


def test_blocks__that_split_a_number_are_read_where_the_official_client_hangs(ours_sync):
    column = _lz4("INT", list(range(10)), 7)
    assert ours_sync.result(reply(column)).tolist() == list(range(10))

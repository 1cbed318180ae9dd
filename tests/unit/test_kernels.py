"""The loops over cells, under every instruction set that this processor has: the same answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.arrow_producer import Given, Stream
from support.cases import each
from support.frames import BY_NAME
from support.values import object_column

import dolphindb_fast as ddb
from dolphindb_fast import _core

LEVELS = ["baseline", "avx2", "avx512"]

#: lengths around the widths of vectors and of the loops' blocks
LENGTHS = [
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    129,
    255,
    257,
    1023,
    1024,
    1025,
    2049,
]


@pytest.fixture(params=LEVELS)
def level(request):
    """The set in use; sets that the processor lacks are skipped."""
    chosen = _core._select_kernels(request.param)
    try:
        if chosen != request.param:
            pytest.skip(f"this processor has no {request.param}")
        yield chosen
    finally:
        _core._select_kernels()


def _encoded(frame):
    """By a new encoder: it is the one that takes the selected set."""
    return ddb.Encoder().encode(frame)


def _positions(length):
    return sorted({0, 1, length // 2, length - 2, length - 1} & set(range(length)))


@each("name", [name for name in BY_NAME if "-70000" not in name])
def test_every_frame__of_the_corpus(name):
    """Under every set in turn: to build the frame and what is expected takes most of the time."""
    frame = BY_NAME[name].build()
    wanted = expected.frame(frame)
    try:
        for level in LEVELS:
            if _core._select_kernels(level) == level:
                assert _encoded(frame) == wanted, level
    finally:
        _core._select_kernels()


BAD = {
    "uint64": (np.uint64(2**63), "u8"),
    "seconds": (2**31, "M8[s]"),
    "seconds-before": (-(2**31), "M8[s]"),
    "us": (2**63 // 1000 + 1, "M8[us]"),
    "us-before": (-(2**63 // 1000) - 1, "M8[us]"),
}


@each("name", BAD)
@each("stride", [1, 2, -1])
def test_bad_cell__is_found_wherever_it_is(name, stride, level):
    value, dtype = BAD[name]
    for length in LENGTHS:
        for position in _positions(length):
            cells = np.zeros(length, dtype="u8" if dtype == "u8" else "i8")
            cells[position] = value
            room = np.zeros(length * abs(stride), dtype=cells.dtype)
            room[::stride][:] = cells
            with pytest.raises(ddb.ValueRefused, match=rf"row {position}\b"):
                _encoded(pd.DataFrame({"a": room.view(dtype)[::stride]}, copy=False))


@each("dtype", ["f4", "f8"])
@each("bad", [np.nan, np.inf, -np.inf])
def test_float__becomes_null_wherever_it_is(dtype, bad, level):
    for length in LENGTHS:
        for position in _positions(length):
            cells = np.arange(length, dtype=dtype)
            cells[position] = bad
            frame = pd.DataFrame({"a": cells}, copy=False)
            assert _encoded(frame) == expected.frame(frame)


def test_float__deferred_blocks_with_one_nan(level):
    """Columns above the block size are looked at block by block while they are sent."""
    for position in (0, 131_071, 131_072, 131_073, 299_999):
        cells = np.arange(300_000, dtype="f8")
        cells[position] = np.nan
        frame = pd.DataFrame({"a": cells, "b": cells[::-1]}, copy=False)
        assert _encoded(frame) == expected.frame(frame)


@pytest.mark.parametrize("dtype", [object, "string"])
def test_nul__is_found_wherever_it_is(dtype, level):
    for length in LENGTHS:
        for position in _positions(length):
            text = "x" * position + "\0" + "y" * (length - position - 1)
            for texts in ([text, "b", "c"], ["", "b", text]):
                with pytest.raises(
                    ddb.ValueRefused, match=rf"row {texts.index(text)}\b.*NUL|NUL.*row {texts.index(text)}\b"
                ):
                    _encoded(pd.DataFrame({"a": pd.Series(object_column(texts), dtype=dtype)}))


@each("alphabet", ["a", "é", "漢", "😀", "aé漢😀"])
def test_text__of_every_length_and_width(alphabet, level):
    texts = [(alphabet * length)[:length] for length in [0, *range(1, 70), *LENGTHS]]
    for dtype in (object, "string"):
        frame = pd.DataFrame({"a": pd.Series(object_column(texts), dtype=dtype)})
        assert _encoded(frame) == expected.frame(frame)


@each("count", [3, 200, 40_000])
def test_codes__of_every_width_and_length(count, level):
    words = [f"w{i}" for i in range(count)]
    for length in LENGTHS:
        codes = (np.arange(length) * 7919) % (count + 1) - 1
        frame = pd.DataFrame({"a": pd.Categorical.from_codes(codes, categories=words)})
        assert _encoded(frame) == expected.frame(frame)
        assert _encoded(frame[::-1]) == expected.frame(frame[::-1])


KINDS = [("c", "i1", 2), ("s", "i2", 3), ("i", "i4", 4), ("l", "i8", 5)]


def test_nulls__of_a_bitmap_wherever_they_are(level):
    for length in LENGTHS:
        for first in range(0, 9, 4):
            for position in _positions(length):
                valid = np.ones(first + length, dtype=bool)
                valid[first + position] = False
                bitmap = np.packbits(valid, bitorder="little").tobytes()
                for format, dtype, type_id in KINDS:
                    cells = np.arange(first + length).astype(dtype) % 100
                    column = Given(format, [bitmap, cells.tobytes()], length, null_count=1, offset=first)
                    values = cells[first:].tolist()
                    values[position] = None
                    wanted = expected.table({"a": expected.vector(type_id, values)}, length)
                    assert _encoded(Stream(Given.table(column))) == wanted

"""Wire bytes to Python without a session: lossless and raw results, blocks, compressed columns."""

from __future__ import annotations

import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import replies
from support.cases import each
from support.compare import assert_same

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast._decode import Reader
from dolphindb_fast.column import Column, Matrix, Set, Table
from dolphindb_fast.result import to_python

INTEGERS = {"CHAR": "Int8", "SHORT": "Int16", "INT": "Int32", "LONG": "Int64"}


def reader(data: bytes, step: int = 1 << 20, **arguments) -> Reader:
    rest = memoryview(data)

    def fill(view):
        nonlocal rest
        size = min(len(view), len(rest), step)
        view[:size], rest = rest[:size], rest[size:]
        return size

    return Reader(fill, **arguments)


# lossless


@each("cells", [[1, None, 3], [1, 2], [None], []], ids=str)
@each("name", INTEGERS)
def test_lossless__integers_have_one_dtype(name, cells):
    result = ddb.loads(replies.vector(name, cells), lossless=True)
    assert result.dtype == INTEGERS[name]
    assert [None if cell is pd.NA else cell for cell in result] == cells


def test_lossless__long_keeps_every_digit():
    cells = [2**63 - 1, None, 2**53 + 1]
    result = ddb.loads(replies.table({"a": replies.vector("LONG", cells)}, 3), lossless=True)
    assert result["a"].dtype == "Int64"
    assert result["a"].tolist() == [2**63 - 1, pd.NA, 2**53 + 1]


def test_lossless__bool():
    result = ddb.loads(replies.vector("BOOL", [1, None, 0]), lossless=True)
    assert result.dtype == "boolean" and result.tolist() == [True, pd.NA, False]


@pytest.mark.parametrize("name", ["Float32", "Float64"])
def test_lossless__nan_is_not_null(name):
    kind = {"Float32": "FLOAT", "Float64": "DOUBLE"}[name]
    result = ddb.loads(replies.vector(kind, [1.5, float("nan"), None]), lossless=True)
    assert result.dtype == name
    assert result._mask.tolist() == [False, False, True] and np.isnan(result._data[1])


def test_lossless__dates_keep_their_unit():
    assert ddb.loads(replies.vector("DATE", [2932896]), lossless=True).dtype == "datetime64[D]"
    columns = {
        "date": replies.vector("DATE", [2932896, None]),
        "month": replies.vector("MONTH", [24240, None]),
        "time": replies.vector("TIME", [5, None]),
        "datetime": replies.vector("DATETIME", [5, None]),
        "timestamp": replies.vector("TIMESTAMP", [5, None]),
        "nanotimestamp": replies.vector("NANOTIMESTAMP", [5, None]),
        "datehour": replies.vector("DATEHOUR", [5, None]),
    }
    frame = ddb.loads(replies.table(columns, 2), lossless=True)
    assert [str(dtype) for dtype in frame.dtypes] == [
        f"datetime64[{unit}]" for unit in ("s", "s", "ms", "s", "ms", "ns", "s")
    ]
    assert frame["date"][0] == pd.Timestamp("9999-12-31")
    assert frame.iloc[1].isna().all()


def test_lossless__text():
    columns = {
        "s": replies.vector("STRING", ["größe", ""]),
        "y": replies.symbol_base(0, ["", "b", "unused", "a"], [3, 0]),
        "plain": replies.vector("SYMBOL", ["x", None]),
        "u": replies.vector("UUID", ["1" * 32, None]),
        "i": replies.vector("IPADDR", [f"{0x7F000001:032x}", None]),
        "b": replies.vector("BLOB", [b"a\0", None]),
        "d": replies.vector("DECIMAL64", [150, None], scale=2),
    }
    frame = ddb.loads(replies.table(columns, 2, name="t"), lossless=True)
    dtypes = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert dtypes == {"s": "string", "y": "category", "plain": "category", "u": "string", "i": "string",
                      "b": "object", "d": "object"}  # fmt: skip
    assert frame["y"].cat.categories.tolist() == ["b", "unused", "a"]
    uuid = "11111111-1111-1111-1111-111111111111"
    assert frame.iloc[0].tolist() == ["größe", "a", "x", uuid, "127.0.0.1", b"a\0", Decimal("1.50")]
    assert frame.iloc[1].isna().all()


@pytest.mark.parametrize("words", [["", "a", "a"], ["", "a", ""], ["x", "a"]], ids=str)
def test_lossless__symbol_base_that_repeats_itself(words):
    result = ddb.loads(replies.symbol_base(0, words, [1, 0, 1]), lossless=True)
    assert [None if cell != cell else cell for cell in result] == ["a", words[0] or None, "a"]


def test_lossless__array_vectors():
    result = ddb.loads(replies.array_vector("LONG", [[1, None], [], [3]]), lossless=True)
    assert [row.dtype for row in result] == ["Int64"] * 3
    assert [row.tolist() for row in result] == [[1, pd.NA], [], [3]]


def test_lossless__matrix():
    labels = replies.vector("INT", [1, None])
    payload = replies.matrix("LONG", 2, 2, [2**63 - 1, 2, None, 4], row_labels=labels)
    cells, row_labels, column_labels = ddb.loads(payload, lossless=True)
    assert cells.tolist() == [[2**63 - 1, None], [2, 4]] and cells.dtype == np.int64
    assert row_labels.dtype == "Int32" and column_labels is None
    dates, _, _ = ddb.loads(replies.matrix("DATE", 1, 2, [1, None]), lossless=True)
    assert dates.dtype == "datetime64[D]" and dates.shape == (1, 2)


def test_lossless__reaches_into_any_and_dictionaries():
    inner = replies.vector("INT", [1, None])
    assert ddb.loads(replies.any_vector([inner]), lossless=True)[0].dtype == "Int32"
    payload = replies.dictionary(replies.vector("STRING", ["a"]), replies.any_vector([inner]))
    assert ddb.loads(payload, lossless=True)["a"].dtype == "Int32"


def test_lossless__keeps_equal_names():
    payload = replies.table({"a": replies.vector("INT", [1]), "b": replies.vector("INT", [2])}, 1)
    frame = ddb.loads(payload.replace(b"a\0b\0", b"a\0a\0"), lossless=True)
    assert list(frame.columns) == ["a", "a"] and frame.iloc[0].tolist() == [1, 2]


def test_lossless__scalars_are_the_same():
    for cell in (("LONG", 2**63 - 1), ("DATE", 1), ("STRING", "x"), ("BOOL", None)):
        payload = replies.scalar(*cell)
        assert_same(ddb.loads(payload, lossless=True), ddb.loads(payload))


def test_lossless__excludes_lists():
    with pytest.raises(ddb.UsageError, match="lossless"):
        ddb.loads(replies.table({"a": replies.vector("INT", [1])}, 1), lossless=True, pickleTableToList=True)


def test_raw__is_the_neutral_value():
    column = ddb.loads(replies.vector("DECIMAL64", [15, None], scale=1), raw=True)
    assert isinstance(column, Column) and column.scale == 1 and column.data.tolist() == [15, -(2**63)]
    assert isinstance(ddb.loads(replies.set_of(replies.vector("INT", [1])), raw=True), Set)
    assert isinstance(ddb.loads(replies.matrix("INT", 1, 1, [1]), raw=True), Matrix)
    ones = replies.vector("INT", [1])
    chart = ddb.loads(replies.dictionary(ones, ones, form=7), raw=True)
    assert chart.form == keys.DF_CHART
    function = ddb.loads(b"\x14\0\1f\0", raw=True)
    assert function.scale == 1 and function.strings() == ["f"]
    rows = ddb.loads(replies.array_vector("INT", [[1], [2, 3]]), raw=True)
    assert rows.data.tolist() == [1, 2, 3] and rows.offsets.tolist() == [0, 1, 3]


def test_loads__takes_any_bytes_and_changes_none():
    payload = replies.vector("INT", [1, 2])
    for data in (payload, bytearray(payload), memoryview(payload)):
        assert ddb.loads(data).tolist() == [1, 2]
        assert bytes(data) == payload


def test_texts__repeated_ones_are_one_object():
    cells = [f"s{i % 10}" for i in range(5000)] + ["größe", "x" * 100] * 10
    result = ddb.loads(replies.vector("STRING", cells))
    assert result.tolist() == cells
    assert len({id(cell) for cell in result[4000:5000]}) == 10
    many = [str(i) for i in range(20_000)]
    assert ddb.loads(replies.vector("STRING", many)).tolist() == many


# replies


def test_header__behind_messages():
    source = reader(b"MSG\none\0MSG\r\ntwo\n\0a_1 12 1\r\nOK\nx 0 0\n", 7, window=64)
    shown = []
    assert source.read_header(shown.append) == ("a_1", 12, "1")
    assert shown == [b"one", b"two\n"]
    assert source.read_line() == b"OK"
    assert source.read_header() == ("x", 0, "0")


@each(
    "line",
    [b"", b"1", b"1 2", b"1 2 1 ", b"1  1", b"1 -2 1", b"1 x 1", "1 \u0663 1".encode(), b"1 " + b"1" * 19 + b" 1"],
)
def test_header__that_is_none(line):
    with pytest.raises(ddb.ProtocolError, match="Received invalid header"):
        reader(line + b"\n").read_header()


# blocks


def test_block_header__then_its_tables():
    table = replies.table({"a": replies.vector("INT", [1, 2])}, 2)
    source = reader(replies.any_vector([table, table]) + b"next\n", 7, window=64)
    assert source.read_block_header() == (2, 1)
    assert [len(source.read_object()) for _ in range(2)] == [2, 2]
    assert source.read_line() == b"next"


@pytest.mark.parametrize(
    "payload",
    [
        replies.vector("INT", [1, 2, 3]),
        replies.table({"a": replies.vector("INT", [1])}, 1),
        b"\x19\1" + struct.pack("<ii", -1, 1),
    ],
)
def test_block_header__of_anything_else_is_refused(payload):
    with pytest.raises(ddb.ProtocolError, match="ANY"):
        reader(payload).read_block_header()


def test_reader__one_byte_at_a_time():
    payload = replies.table(
        {
            "a": replies.array_vector("LONG", [[1, 2], []] * 50, block=3),
            "b": replies.vector("BLOB", [b"x" * 200, b""] * 50),
            "c": replies.vector("STRING", ["x" * 300, ""] * 50),
            "d": replies.symbol_base(0, ["", "x" * 100], [1, 0] * 50),
            "e": replies.vector("DECIMAL128", [1, None] * 50, scale=3),
        },
        100,
    )  # fmt: skip
    for step in (1, 3, 64):
        value = reader(payload, step, window=64).read_object()
        assert isinstance(value, Table)
        assert_same(to_python(value), ddb.loads(payload))


def test_reader__gives_a_large_window_back():
    source = reader(replies.scalar("STRING", "x" * 100_000) * 2 + replies.scalar("INT", 7), window=64)
    for _ in range(2):
        assert len(source.read_object()) == 1
    assert source.read_object().data.tolist() == [7]
    assert sys.getsizeof(source) < 1000


# compressed columns


def test_lz4__absent_is_said():
    payload = replies.compressed("INT", 2, [b"\x80" + replies.cells("INT", [1, 2])], method=1, unit=4)
    code = f"""
import sys
sys.modules["lz4"] = sys.modules["lz4.block"] = None
import dolphindb_fast as ddb
try:
    ddb.loads({payload!r})
except ddb.NotSupported as error:
    assert "lz4" in str(error) and "compress" in str(error)
else:
    raise SystemExit("no error")
"""
    # python -c looks into the current folder first, which may be the source tree
    folder = Path(ddb.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=folder)


def _block(data: bytes, kind="INT", count=2, method=1, unit=4) -> bytes:
    return replies.compressed(kind, count, [data], method=method, unit=unit)


BAD_COLUMNS = {
    "method": _block(b"\0" * 8, method=3),
    "method-0": _block(b"\0" * 8, method=0),
    "count": _block(b"\0" * 8, count=-1),
    "void": _block(b"\0" * 8, kind=0, unit=1),
    "any": _block(b"\0" * 8, kind=25),
    "nested": _block(b"\0" * 8, kind=26),
    "symbol-base": _block(b"\0" * 8, kind=145),
    "void-array": _block(b"\0" * 8, kind=64),
    "text-array": _block(b"\0" * 8, kind=82),
    "delta-of-text": _block(replies.delta_block([1, 2], 4), kind="STRING", method=2),
    "delta-of-float": _block(replies.delta_block([1, 2], 4), kind="FLOAT", method=2),
    "delta-of-char": _block(replies.delta_block([1, 2], 2), kind="CHAR", method=2, unit=1),
    "delta-of-arrays": _block(replies.delta_block([1, 2], 4), kind=68, method=2),
    "delta-unit": _block(replies.delta_block([1, 2], 4), kind="LONG", method=2),
    "delta-cut": _block(replies.delta_block([1, 2, 5, 90], 4)[:8], count=4, method=2),
    "delta-empty": _block(b"", method=2),
    "delta-too-few": _block(replies.delta_block([1, 2], 4), count=3, method=2),
    "size": _block(b"").replace(struct.pack("<i", 24), struct.pack("<i", 19), 1),
    "negative-size": _block(b"").replace(struct.pack("<i", 24), struct.pack("<i", -5), 1),
    "block-beyond-column": _block(b"12345678").replace(b"\x08\0\0\0001", b"\x09\0\0\0001"),
    "scale": replies.compressed("DECIMAL32", 0, [], method=1, unit=4, scale=10),
}


@each("name", BAD_COLUMNS)
def test_compressed__broken_ones_are_refused(name):
    with pytest.raises(ddb.ProtocolError, match=r"\(byte \d+\)$"):
        ddb.loads(BAD_COLUMNS[name])


def test_lz4__broken_blocks_are_refused():
    pytest.importorskip("lz4")
    good = replies.lz4_blocks(replies.cells("INT", [1, 2]))
    large = replies.lz4_blocks(bytes(1 << 20), 1 << 20)
    for count, blocks in ((2, [b"\xff" * 8]), (1, good), (3, good), (2, [b"", *good]), (2, [*good, b""]),
                          (1 << 18, large), (2, [bytes(70_000)])):  # fmt: skip
        with pytest.raises(ddb.ProtocolError, match="compressed column of"):
            ddb.loads(replies.compressed("INT", count, blocks, method=1, unit=4))
    assert ddb.loads(replies.compressed("INT", 2, good, method=1, unit=4)).tolist() == [1, 2]


@each(
    ("line", "objects"),
    [
        (b"1234567890 1 1\nOK\nrest", 1),
        (b"7 0 0\nOK\n", 0),
        (b"1234567890 1 1\r\nOK\r\n", -1),
        (b"1234567890 12 1\nOK\n", -1),
        (b"1234567890 1 1\nOKAY\n", -1),
        (b"1234567890 1 1\nfailed\n", -1),
        (b"1234567890 1 1\nOK", -1),
        (b" 1 1\nOK\n", -1),
        (b"MSG\ntext\0", -1),
        (b"1", -1),
    ],
)
def test_read_ok__knows_the_ordinary_head_and_consumes_nothing_else(line, objects):
    source = reader(line)
    assert source.read_ok() == objects
    assert source.offset == (0 if objects < 0 else line.index(b"OK\n") + 3)

"""Arrow columns forced to types that their own says nothing of: decimals to floats, nulls to anything."""

from __future__ import annotations

import random
import struct
from fractions import Fraction

import pytest
from support.arrow_columns import KINDS, as_arrow
from support.arrow_producer import Given, Stream
from support.cases import each

import dolphindb_fast as ddb


def _column(given, spec):
    exporter = Stream(Given.table(given))
    table = ddb.loads(ddb.dumps(ddb.typed(exporter, {"a": spec})), raw=True)
    assert exporter.released == exporter.made
    return table.columns[0]


def _digits(scale):
    """Unscaled values: those around which doubles begin to lie apart, the largest, and some of every length."""
    some = random.Random(scale)
    edges = [0, 1, 2**53 - 1, 2**53, 2**53 + 1, 2**54 + 2, 10**22, 10**38 - 1]
    values = edges + [some.randrange(10 ** some.randrange(1, 39)) for _ in range(300)]
    return values + [-value for value in values]


@each("scale", [0, 1, 3, 9, 22, 23, 38])
@each("bits", [32, 64, 128])
def test_decimals__become_the_nearest_float(bits, scale):
    limit = {32: 9, 64: 18, 128: 38}[bits]
    if scale > limit:
        pytest.skip("no such decimal")
    values = [value for value in _digits(scale) if abs(value) < 10**limit]
    data = b"".join(value.to_bytes(bits // 8, "little", signed=True) for value in values)
    given = Given(f"d:{limit},{scale},{bits}", [None, data], len(values))
    wanted = [float(Fraction(value, 10**scale)) for value in values]
    assert _column(given, "DOUBLE").data.tolist() == wanted
    small = [value if abs(value) < 3e38 else 0.0 for value in wanted]
    assert _column(given, "FLOAT").data.tobytes() == struct.pack(f"<{len(small)}f", *small)


def test_decimals__that_are_null_are_null_floats():
    given = Given("d:9,2", [b"\x05", struct.pack("<6q", 125, 0, 7, 7, -50, -1)], 3, null_count=1)
    column = _column(given, "DOUBLE")
    assert column.data[[0, 2]].tolist() == [1.25, -0.5] and column.data[1] < -1e308


@each("buffers", [[], [None]], ids=["without", "with"])
@each("spec", ["BOOL", "INT", "DOUBLE", "TIMESTAMP", "STRING", "SYMBOL", "BLOB", "UUID", ["DECIMAL128", 3]], ids=str)
def test_nulls__become_the_null_of_any_type(spec, buffers):
    wanted = KINDS["text"].given([None, None, None])
    text = spec in ("STRING", "SYMBOL", "BLOB", "UUID")
    if not text:
        wanted = Given("i", [b"\0", bytes(12)], 3, null_count=3)
    found = _column(Given("n", buffers, 3, null_count=3), spec)
    if spec == "TIMESTAMP":
        wanted = Given("tsm:", [b"\0", bytes(24)], 3, null_count=3)
    assert ddb.dumps(found) == ddb.dumps(_column(wanted, spec))


def test_nulls__have_no_type_of_their_own():
    for exporter in (as_arrow([("a", "null", [None])]), Stream(KINDS["null"].given([None]))):
        with pytest.raises(ddb.UnsupportedTypeError, match="Arrow type null can't be sent"):
            ddb.dumps(exporter)
        assert exporter.released == exporter.made
    exporter = as_arrow([("a", "null", [None])])
    with pytest.raises(ddb.UnsupportedTypeError, match="'a'.* to INT\\[\\], row 0: "):
        ddb.dumps(ddb.typed(exporter, {"a": "INT[]"}))
    assert exporter.released == exporter.made


def test_text_with_nul__names_its_row():
    exporter = as_arrow([("a", "text", ["x", "y", "z\0", "z\0"])], 2)
    with pytest.raises(ddb.ValueRefused, match="'a'.* to SYMBOL, row 2: .*NUL.*'z"):
        ddb.dumps(ddb.typed(exporter, {"a": "SYMBOL"}))
    assert exporter.released == exporter.made

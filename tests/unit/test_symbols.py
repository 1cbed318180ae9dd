"""Text forced to SYMBOL: numbered in order of first appearance, each text once."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dolphindb_fast as ddb

try:
    import pyarrow
except ImportError:
    pyarrow = None


def expected(texts) -> bytes:
    """The column as it ought to be, behind the table's head."""
    numbers = {"": 0}
    indices = [numbers.setdefault(text or "", len(numbers)) for text in texts]
    head = struct.pack("<BBiiii", 145, 1, len(indices), 1, 0, len(numbers))
    return head + b"".join(t.encode() + b"\0" for t in numbers) + np.array(indices, "<i4").tobytes()


def column(texts, dtype=object) -> bytes:
    """What `ddb.dumps` makes of a frame of that column."""
    raw = ddb.dumps(ddb.typed(pd.DataFrame({"a": pd.Series(texts, dtype=dtype)}, copy=False), {"a": "SYMBOL"}))
    return raw[len(b"\0\6") + 8 + len(b"\0a\0") :]


DTYPES = [object, "string[python]", *(["string[pyarrow]", "str"] if pyarrow else [])]
#: around the 8 bytes that are looked at together, at which a text may end
LENGTHS = [f"{'x' * size}{last}" for size in range(18) for last in ("", "a", "b", "ß")]


@pytest.mark.parametrize("dtype", DTYPES)
def test_lengths(dtype):
    texts = [*LENGTHS, *reversed(LENGTHS), *LENGTHS]
    assert column(texts, dtype) == expected(texts)
    for text in LENGTHS[1:]:
        assert column([text], dtype) == expected([text])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [31, 32, 33, 64, 65, 5000, 70_000])
def test_many(dtype, count):
    texts = [f"text {i * 7919 % count}" for i in range(2 * count)]
    assert column(texts, dtype) == expected(texts)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nulls(dtype):
    texts = [None, "a", "", None, "b", "a"]
    assert column(texts, dtype) == expected(texts)
    assert column([None, None], dtype) == expected(["", ""])


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))))
def test_any_text(texts):
    if texts:
        assert column(texts) == expected(texts)


def test_cells_of_other_types__are_the_same_as_their_text():
    assert column([1, "1", b"1", 1.5, "1.5", np.nan, bytes([0xFF])]) == expected(
        ["1", "1", "1", "1.5", "1.5", "", None]
    ).replace(
        struct.pack("<i", 3) + b"\0" + b"1\x001.5\0", struct.pack("<i", 4) + b"\0" + b"1\x001.5\0\xff\0"
    ).removesuffix(struct.pack("<i", 0)) + struct.pack("<i", 3)


def test_behind_other_columns_of_any_size():
    """A symbol column is written at once, what stands before it later."""
    rows = 40_000
    texts = [f"s{i % 100}" for i in range(rows)]
    frame = pd.DataFrame({"n": np.arange(rows), "a": np.array(texts, object), "m": np.arange(rows) / 2})
    plain = ddb.dumps(frame[["n"]])[2 + 8 + 1 + 2 :]
    last = ddb.dumps(frame[["m"]])[2 + 8 + 1 + 2 :]
    typed = ddb.typed(frame, {"a": "SYMBOL"})
    made = struct.pack("<BBii", 0, 6, rows, 3) + b"\0n\0a\0m\0" + plain + expected(texts) + last
    assert ddb.dumps(typed) == made
    assert bytes(ddb.Encoder().encode(typed)) == made


def test_refusals__name_the_row():
    for bad, message in (("x\0y", "row 1.*NUL"), ("x" * 262_144, "row 1")):
        with pytest.raises(ddb.ValueRefused, match=message):
            column(["a", bad, "c"])

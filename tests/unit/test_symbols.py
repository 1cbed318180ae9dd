"""Text forced to SYMBOL: numbered in order of first appearance, each text once."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import each

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
    """What is sent of that column."""
    return ddb.dumps(typed(texts, dtype))[len(b"\0\6") + 8 + len(b"\0a\0") :]


def typed(texts, dtype):
    """The column as SYMBOL: of a frame with that dtype, or of a table with what a function of ARROW makes."""
    if dtype in ARROW:
        table = pyarrow.table({"a": dtype(pyarrow.array(texts, "string"))})
    else:
        table = pd.DataFrame({"a": pd.Series(texts, dtype=dtype)}, copy=False)
    return ddb.typed(table, {"a": "SYMBOL"})


def arrow_text(array):
    return array


def arrow_large(array):
    return array.cast("large_string")


def arrow_view(array):
    return array.cast("string_view")


def arrow_chunks(array):
    half = len(array) // 2
    return pyarrow.chunked_array([array[:half], array[half:]])


def arrow_dictionary(array):
    return array.dictionary_encode()


def arrow_dictionaries(array):
    return pyarrow.chunked_array([part.dictionary_encode() for part in arrow_chunks(array).chunks])


ARROW = [arrow_text, arrow_large, arrow_view, arrow_chunks, arrow_dictionary, arrow_dictionaries]
DTYPES = [object, "string[python]", *(["string[pyarrow]", "str", *ARROW] if pyarrow else [])]
#: around the 8 bytes that are looked at together, at which a text may end
LENGTHS = [f"{'x' * size}{last}" for size in range(18) for last in ("", "a", "b", "ß")]


@each("dtype", DTYPES)
def test_lengths(dtype):
    texts = [*LENGTHS, *reversed(LENGTHS), *LENGTHS]
    assert column(texts, dtype) == expected(texts)
    for text in LENGTHS[1:]:
        assert column([text], dtype) == expected([text])


@each("dtype", DTYPES)
@each("count", [31, 32, 33, 64, 65, 5000, 70_000])
def test_many(dtype, count):
    texts = [f"text {i * 7919 % count}" for i in range(2 * count)]
    assert column(texts, dtype) == expected(texts)


@each("dtype", DTYPES)
def test_nulls(dtype):
    texts = [None, "a", "", None, "b", "a"]
    assert column(texts, dtype) == expected(texts)
    assert column([None, None], dtype) == expected(["", ""])


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))))
def test_any_text(texts):
    for dtype in DTYPES if texts else []:
        assert column(texts, dtype) == expected(texts)


@each("shape", ["{}", "S{:06}", "{:06}.XSHG", "{:06}abcdefgh", "abcdefgh{:06}", "\U0001f600{:x}"])
def test_texts_alike__are_found_as_fast(shape):
    """If such texts stood at few places of the table, this would take minutes."""
    texts = [shape.format(i) for i in range(200_000)]
    wanted = expected(texts)
    for dtype in DTYPES:
        assert column(texts, dtype) == wanted, dtype


@each("dtype", DTYPES)
def test_one_encoder__forgets_the_texts_of_a_column(dtype):
    encoder = ddb.Encoder()
    for texts in (LENGTHS, ["b", "a"], [f"{i}" for i in range(1000)], [""], ["a"]):
        assert bytes(encoder.encode(typed(texts, dtype))).endswith(b"\0a\0" + expected(texts))


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


@each("dtype", DTYPES)
def test_refusals__name_the_row(dtype):
    place = "category" if dtype in (arrow_dictionary, arrow_dictionaries) else "row 2"
    for bad, message in (("x\0y", rf"{place}.*NUL"), ("x" * 262_144, place)):
        with pytest.raises(ddb.ValueRefused, match=message):
            column(["a", "c", bad, "c", bad], dtype)


@pytest.mark.parametrize("dtype", [object, *([arrow_text, arrow_dictionary] if pyarrow else [])])
def test_as_many_as_a_base_can_hold(dtype):
    texts = [f"{i}" for i in range(2**21 - 1)]
    raw = column(texts, dtype)
    assert struct.unpack_from("<i", raw, 14) == (2**21,)
    assert raw.endswith(np.arange(1, 2**21, dtype="<i4").tobytes())
    with pytest.raises(ddb.ValueRefused, match="more than 2,097,151 distinct symbols"):
        column([*texts, "one more"], dtype)

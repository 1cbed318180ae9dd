"""`table`: dicts of arrays, arrays with named fields and lists of dicts as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each

import dolphindb_fast as ddb

DAYS = np.array(["2020-01-02", "NaT", "1969-12-31"], dtype="datetime64[D]")


def test_dict__of_columns():
    table = ddb.table(
        {
            "long": np.array([1, 2, 3]),
            "list": [1, None, 3],
            "tuple": (1.5, None, 2),
            "text": ["a", None, "c"],
            "words": np.array(["a", "bc", ""]),
            "series": pd.Series([1, None, 3], dtype="Int32"),
            "numbers": pd.Series([1.5, np.nan, 2]),
            "category": pd.Categorical(["u", None, "v"]),
            "uint8": np.array([1, 2, 255], dtype="u1"),
        }
    )
    assert ddb.dumps(table) == expected.table(
        {
            "long": expected.vector(5, [1, 2, 3]),
            "list": expected.vector(5, [1, None, 3]),
            "tuple": expected.vector(16, [1.5, None, 2]),
            "text": expected.vector(18, ["a", None, "c"]),
            "words": expected.vector(18, ["a", "bc", ""]),
            "series": expected.vector(4, [1, None, 3]),
            "numbers": expected.vector(16, [1.5, None, 2]),
            "category": expected.symbols(["u", None, "v"]),
            "uint8": expected.vector(3, [1, 2, 255]),
        },
        3,
    )
    assert len(table) == 3 and table.names[0] == "long"
    assert repr(table).startswith("<Columns 3 x 9: long, list")


@pytest.mark.parametrize(
    ("unit", "type_id", "cells"),
    [
        ("D", 6, [18263, None, -1]),
        ("M", 7, [24240, None, 23639]),
        ("h", 28, [438312, None, -24]),
        ("m", 11, [1577923200, None, -86400]),
        ("s", 11, [1577923200, None, -86400]),
        ("ms", 12, [1577923200000, None, -86400000]),
        ("ns", 14, [1577923200 * 10**9, None, -86400 * 10**9]),
    ],
)
def test_dates__of_units_that_frames_have_not(unit, type_id, cells):
    wanted = expected.table({"a": expected.vector(type_id, cells)}, 3)
    assert ddb.dumps(ddb.table({"a": DAYS.astype(f"datetime64[{unit}]")})) == wanted


def test_structured_array():
    rows = np.array(
        [(1, 2.5, b"x", "ü"), (3, np.nan, b"yz", "")],
        dtype=[("a", "i4"), ("b", "f8"), ("c", "S2"), ("d", "U3")],
    )
    blobs = b"\x20\x01" + np.array([2, 1, 1], "<i4").tobytes() + b"x" + np.int32(2).tobytes() + b"yz"
    wanted = {
        "a": expected.vector(4, [1, 3]),
        "b": expected.vector(16, [2.5, None]),
        "c": blobs,
        "d": expected.vector(18, ["ü", ""]),
    }
    assert ddb.dumps(ddb.table(rows)) == expected.table(wanted, 2)
    assert ddb.dumps(ddb.table(rows[::-1])) == expected.table(
        {**{name: ddb.dumps(rows[::-1][name]) for name in "abcd"}}, 2
    )
    assert ddb.dumps(ddb.table(rows.view(np.recarray))) == expected.table(wanted, 2)


def test_list_of_dicts():
    rows = [{"a": 1, "b": "x"}, {"b": "y", "c": [1, 2]}, {"a": None, "c": [3]}]
    frame = pd.DataFrame({"a": [1, None, None], "b": ["x", "y", None], "c": [None, [1, 2], [3]]}, dtype=object)
    frame["c"] = [[], [1, 2], [3]]
    rows[0]["c"] = []
    assert ddb.dumps(ddb.table(rows)) == ddb.dumps(frame)


def test_types_given():
    table = ddb.table({"a": [1, 2], "b": np.array(["x", "y"]), "c": DAYS[:2], "d": ["1.25", None]})
    typed = ddb.typed(table, {"a": "INT", "b": "SYMBOL", "c": "NANOTIMESTAMP"})
    wanted = {
        "a": expected.vector(4, [1, 2]),
        "b": expected.symbols(["x", "y"]),
        "c": expected.vector(14, [1577923200 * 10**9, None]),
        "d": expected.vector(18, ["1.25", None]),
    }
    assert ddb.dumps(typed) == expected.table(wanted, 2)
    with pytest.raises(ddb.UsageError, match="'x'"):
        ddb.dumps(ddb.typed(table, {"x": "INT"}))


def test_plain_dict__stays_a_dictionary():
    assert ddb.dumps({"a": [1]})[1] == 5
    assert ddb.dumps(ddb.table({"a": [1]}))[1] == 6


def test_nested_in_other_objects():
    inner = expected.table({"a": expected.vector(5, [1])}, 1)
    assert ddb.dumps([ddb.table({"a": [1]})]).endswith(inner)


@each(
    ("data", "words"),
    [
        ({}, "at least one column"),
        ([], "at least one column"),
        ({"a": [1], "b": [1, 2]}, "'b' has 2 rows, but 'a' has 1"),
        ({"a": 5}, "'a' must be a list"),
        ({"a": "text"}, "'a' must be a list"),
        ({"a": np.zeros((2, 2))}, "'a' must be .* an array of 2 dimensions"),
        (np.zeros(3), "named fields"),
        (np.zeros((2, 2), dtype=[("a", "i4")]), "named fields"),
        ([1, 2], "not list"),
        ("text", "not str"),
        (pd.DataFrame({"a": [1]}), "DataFrame"),
    ],
)
def test_refused(data, words):
    with pytest.raises(ddb.UsageError, match=words):
        ddb.table(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"a": [1], 5: [1]}, "5 is int"),
        ({"a\0": [1]}, "NUL"),
        ({"a": [1], "b": np.array([1], dtype="c16")}, r"column 'b' \(number 1, dtype complex128\)"),
        ({"a": [1, 2], "b": ["x", object()]}, None),
        ({"a": [1, "x"]}, r"column 'a' .*row 1"),
        ({"a": np.array([1, 2**63], dtype="u8")}, r"column 'a' .*row 1: .*9223372036854775808"),
        ({"a": np.array(["a", "b\0c"])}, r"column 'a' .*NUL"),
    ],
)
def test_can_not_be_sent(data, words):
    if words is None:
        assert ddb.dumps(ddb.table(data))
        return
    with pytest.raises(ddb.ConversionError, match=words):
        ddb.dumps(ddb.table(data))

"""Frames and values that can't be sent: an error that says where and why, and nothing else happens."""

from __future__ import annotations

import copy
import datetime
import decimal
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each
from support.values import object_column

import dolphindb_fast as ddb


def _one(values, dtype=None, name="bad"):
    """A frame of which only the column in the middle is wrong."""
    column = values if dtype is None else pd.Series(values, dtype=dtype)
    frame = pd.DataFrame({"good": np.arange(len(column)), name: column})
    frame["also good"] = 1.5
    return frame


def _texts(*values):
    return _one(object_column(list(values)))


def _stamps(unit, values):
    return _one(np.array(values, dtype="i8").view(f"M8[{unit}]"))


# name -> (frame, exception, what the message must name)
VALUES = {
    "nul": (lambda: _texts("a", None, "b\0c"), ["bad", "row 2", "NUL"]),
    "nul-first": (lambda: _texts("\0", "b"), ["bad", "row 0", "NUL"]),
    "nul-last": (lambda: _texts("b", "abcdefgh\0"), ["bad", "row 1", "NUL"]),
    "nul-unicode": (lambda: _texts("x", "漢\0"), ["bad", "row 1", "NUL"]),
    "nul-string": (lambda: _one(["a", "b\0"], "string"), ["bad", "row 1", "NUL", "string"]),
    "nul-str-of-object": (
        lambda: _texts("a", type("T", (), {"__str__": lambda self: "x\0y"})()),
        ["bad", "row 1", "NUL"],
    ),
    "surrogate": (lambda: _texts("a", "b", "\ud800"), ["bad", "row 2", "surrogate"]),
    "surrogate-middle": (lambda: _texts("a\udfffb"), ["bad", "row 0", "surrogate"]),
    "too-long": (lambda: _texts("a", "x" * 262_144), ["bad", "row 1", "262"]),
    "too-long-in-bytes": (lambda: _texts("é" * 131_072), ["bad", "row 0", "262"]),
    "too-long-string": (lambda: _one(["", "x" * 300_000], "string"), ["bad", "row 1", "262"]),
    "uint64": (
        lambda: _one(np.array([0, 2**63, 5], dtype="u8")),
        ["bad", "row 1", "uint64", "LONG", str(2**63)],
    ),
    "uint64-maximum": (
        lambda: _one(np.array([1, 2, 2**64 - 1], dtype="u8")),
        ["bad", "row 2", "uint64", "LONG"],
    ),
    "seconds-2038": (lambda: _stamps("s", [0, 2**31]), ["bad", "row 1", r"datetime64\[s\]", "DATETIME"]),
    "seconds-1901": (
        lambda: _stamps("s", [0, 1, -(2**31) - 1]),
        ["bad", "row 2", r"datetime64\[s\]", "DATETIME"],
    ),
    "seconds-sentinel": (lambda: _stamps("s", [-(2**31)]), ["bad", "row 0", r"datetime64\[s\]", "DATETIME"]),
    "us-2262": (
        lambda: _stamps("us", [0, (2**63 - 1) // 1000 + 1]),
        ["bad", "row 1", r"datetime64\[us\]", "NANOTIMESTAMP"],
    ),
    "us-1677": (
        lambda: _stamps("us", [-(2**63 // 1000) - 1]),
        ["bad", "row 0", r"datetime64\[us\]", "NANOTIMESTAMP"],
    ),
    "masked-uint64": (
        lambda: _one(pd.array([None, 1, 2**63], dtype="UInt64")),
        ["bad", "row 2", "UInt64", "LONG", str(2**63)],
    ),
    "category-nul": (lambda: _one(pd.Series(pd.Categorical(["a", "b\0"]))), ["bad", "NUL"]),
    "category-too-long": (lambda: _one(pd.Series(pd.Categorical(["a", "x" * 262_144]))), ["bad", "262"]),
}

TYPES = {
    "tz-aware": (
        lambda: _one(pd.date_range("2020", periods=2, tz="UTC")),
        ["bad", "UTC", r"dt\.tz_convert\(None\)", r"dt\.tz_localize\(None\)"],
    ),
    "timedelta": (lambda: _one(pd.to_timedelta([1, 2])), ["bad", "timedelta64"]),
    "period": (lambda: _one(pd.period_range("2020", periods=2, freq="D")), ["bad", r"period\[D\]"]),
    "interval": (lambda: _one(pd.interval_range(0, 2)), ["bad", "interval"]),
    "sparse": (lambda: _one(pd.arrays.SparseArray([1, 0])), ["bad", "Sparse"]),
    "complex": (lambda: _one(np.zeros(2, "c16")), ["bad", "complex128", "two columns"]),
    "float16": (lambda: _one(np.zeros(2, "f2")), ["bad", "float16"]),
    "longdouble": (lambda: _one(np.zeros(2, "longdouble")), ["bad", "float128|longdouble"]),
    "timedelta-empty": (lambda: _one(pd.to_timedelta([])), ["bad", "timedelta64"]),
    "object-of-objects": (lambda: _texts(object(), None), ["bad", "row 0|object"]),
    "object-of-dicts": (lambda: _texts({}, {}), ["bad", "dict|object"]),
    "object-of-timedeltas": (
        lambda: _texts(None, datetime.timedelta(1)),
        ["bad", "row 1", "timedelta"],
    ),
    "object-mixed": (lambda: _texts(1, "a"), ["bad", "row 1", "LONG", "'a'", "str"]),
    "object-dates-and-times": (
        lambda: _texts(datetime.date.min, datetime.time.min),
        ["bad", "row 1", "DATE"],
    ),
    "int-name": (lambda: pd.DataFrame({"a": [1], 7: [2]}), ["7", "str"]),
    "tuple-name": (lambda: pd.DataFrame({("a", "b"): [1]}), ["levels|str"]),
    "multiindex-names": (
        lambda: pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], ["b", "c"]])),
        ["levels|str"],
    ),
    "none-name": (lambda: pd.DataFrame([[1]], columns=pd.Index([None], dtype=object)), ["None|str"]),
    "range-names": (lambda: pd.DataFrame([[1, 2]]), ["str"]),
}

SHAPES = {
    "duplicate-names": (lambda: pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), ["'a'"]),
    "no-columns": (lambda: pd.DataFrame(index=[1, 2]), ["column"]),
    "empty-frame": (lambda: pd.DataFrame(), ["column"]),
    "nul-in-name": (lambda: pd.DataFrame({"a": [1], "b\0c": [2]}), ["NUL"]),
    "surrogate-in-name": (
        lambda: pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)),
        ["surrogate"],
    ),
}

ALL = {
    **{name: (build, (ddb.ValueRefused, ValueError), words) for name, (build, words) in VALUES.items()},
    **{name: (build, (ddb.UnsupportedTypeError, TypeError), words) for name, (build, words) in TYPES.items()},
    **{name: (build, (ddb.ConversionError,), words) for name, (build, words) in SHAPES.items()},
}
AFTERWARDS = pd.DataFrame({"a": [1, 2], "b": ["x", None]})


def _cells(frame):
    """What a frame holds, comparable: object cells by identity."""
    for position, dtype in enumerate(frame.dtypes):
        array = frame.iloc[:, position].to_numpy()
        if dtype.kind == "O" and isinstance(dtype, np.dtype):
            yield [id(cell) for cell in array]
        else:
            yield array.tolist() if array.dtype == object else array.tobytes()


@each("name", ALL)
def test_refusal__says_where_and_why_and_changes_nothing(name):
    build, exceptions, words = ALL[name]
    frame = build()
    before = copy.deepcopy(frame)
    cells = list(_cells(frame))
    blocks = [id(block.values) for block in frame._mgr.blocks]
    encoder = ddb.Encoder()
    bytes(encoder.encode(AFTERWARDS))

    for attempt in (lambda: ddb.dumps(frame), lambda: encoder.encode(frame)):
        with pytest.raises(ddb.ConversionError) as caught:
            attempt()
        error = caught.value
        assert isinstance(error, exceptions), type(error)
        assert isinstance(error, RuntimeError)
        for word in words:
            assert re.search(word, str(error)), f"{word!r} is not in {error}"

        pd.testing.assert_index_equal(frame.columns, before.columns)
        assert frame.dtypes.tolist() == before.dtypes.tolist()
        assert [id(block.values) for block in frame._mgr.blocks] == blocks
        assert list(_cells(frame)) == cells
        assert bytes(encoder.encode(AFTERWARDS)) == expected.frame(AFTERWARDS), "the encoder goes on"


def test_refusal__of_the_last_row_of_a_large_column():
    frame = pd.DataFrame({"a": np.zeros(300_000), "b": np.zeros(300_000, dtype="u8")})
    frame.loc[299_999, "b"] = 2**63
    with pytest.raises(ddb.ValueRefused, match="row 299999"):
        ddb.dumps(frame)


def test_refusal__row_is_counted_in_the_frame_that_was_given():
    values = np.zeros(100, dtype="u8")
    values[42] = 2**63
    frame = pd.DataFrame({"a": values})
    for given in (frame[::2], frame[::-1], frame[30:], frame[::-3]):
        (row,) = np.flatnonzero(given["a"].to_numpy())
        with pytest.raises(ddb.ValueRefused, match=rf"row {row}\b"):
            ddb.dumps(given)


OBJECTS = {
    "complex": 1j,
    "object": object(),
    "type": int,
    "timedelta": datetime.timedelta(1),
    "timedelta64": np.timedelta64(1, "s"),
    "pandas-timedelta": pd.Timedelta(1),
    "period": pd.Period("2020", "D"),
    "float16": np.float16(1),
    "longdouble": np.longdouble(1),
    "datetime64-years": np.datetime64("2020", "Y"),
    "datetime64-several": np.datetime64(5, "2s"),
    "range": range(3),
    "generator": (i for i in ()),
    "module": pd,
    "array-0d": np.array(5),
    "array-3d": np.zeros((1, 1, 1)),
    "array-complex": np.zeros(2, "c16"),
    "array-float16": np.zeros(2, "f2"),
    "array-timedelta": np.zeros(2, "m8[s]"),
    "array-years": np.zeros(2, "M8[Y]"),
    "array-records": np.zeros(2, [("a", "i4")]),
    "matrix-of-text": np.array([["a"]]),
    "matrix-of-decimals": np.array([[decimal.Decimal(1)]]),
    "matrix-mixed": np.array([[1, "a"]], dtype=object),
    "series-aware": pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
    "set-mixed": {1, "a"},
    "set-bool": {True},
    "set-decimal": {decimal.Decimal(1)},
    "set-tuple": {(1, 2)},
    "dict-keys-mixed": {1: 2, "a": 3},
    "dict-keys-bool": {True: 1},
}
#: what stands in the message where it is not the value's type
NAMED = {
    "datetime64-years": r"datetime64\[Y\]",
    "datetime64-several": r"datetime64\[2s\]",
    "array-0d": "0 dimensions",
    "array-3d": "3 dimensions",
    "array-complex": "complex128",
    "array-float16": "float16",
    "array-timedelta": "timedelta64",
    "array-years": r"datetime64\[Y\]",
    "array-records": "can't be sent",
    "matrix-of-text": "STRING",
    "matrix-of-decimals": "DECIMAL64",
    "matrix-mixed": "ANY",
    "series-aware": "UTC",
    "set-mixed": "int, str",
    "set-bool": "BOOL",
    "set-decimal": "DECIMAL64",
    "set-tuple": "tuple",
    "dict-keys-mixed": "int, str",
    "dict-keys-bool": "BOOL",
    "timedelta64": "timedelta64",
    "float16": "float16",
    "longdouble": "float128|longdouble",
}


@each("name", OBJECTS)
def test_object__that_can_not_be_sent_is_refused_by_name(name):
    value = OBJECTS[name]
    for given, place in ((value, ""), ([1, "a", value], "index 2: "), ({"k": [0, [1, value]]}, "index 0: ")):
        with pytest.raises(ddb.UnsupportedTypeError) as caught:
            ddb.dumps(given)
        assert re.search(NAMED.get(name, type(value).__name__), str(caught.value)), str(caught.value)
        assert str(caught.value).startswith(place), str(caught.value)


NOTHING = {"set": set(), "set-of-none": {None}, "dict": {}, "dict-of-none": {None: 1}}


@pytest.mark.parametrize("name", NOTHING)
def test_object__that_does_not_say_its_type_is_refused(name):
    with pytest.raises(ddb.ValueRefused):
        ddb.dumps(NOTHING[name])


SCALARS = {
    "int-too-large": (2**63, ["LONG"]),
    "int-too-small": (-(2**63) - 1, ["LONG"]),
    "int-huge": (10**100, ["LONG"]),
    "text-nul": ("a\0b", ["NUL"]),
    "text-surrogate": ("\ud800", ["surrogate"]),
    "text-long": ("x" * 262_144, ["262"]),
}


@pytest.mark.parametrize("name", SCALARS)
def test_scalar__out_of_range_is_refused(name):
    value, words = SCALARS[name]
    with pytest.raises(ddb.ValueRefused) as caught:
        ddb.dumps(value)
    for word in words:
        assert word in str(caught.value)


def test_error__can_be_pickled():
    with pytest.raises(ddb.ConversionError) as caught:
        ddb.dumps(_texts("a\0"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value) and str(again) == str(caught.value)

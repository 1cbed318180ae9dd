"""Lists, sets, dicts, arrays, Series and Index against the official client's bytes."""

from __future__ import annotations

import collections
import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support import oracle
from support.cases import each
from support.compare import assert_same
from support.recorder import reply
from support.values import NAT_WITHOUT_UNIT

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

NAN32 = np.float32("nan")
DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678_999)
Point = collections.namedtuple("Point", "x y")


def _d(*texts):
    return [Decimal(text) for text in texts]


def _m(unit, *ticks):
    return [np.datetime64("NaT" if tick is None else tick, unit) for tick in ticks]


LISTS = {
    "empty": [],
    "ints": [1, -2, 2**63 - 1, -(2**63)],
    "ints-nulls": [None, 1, pd.NA, float("nan"), pd.NaT, Decimal("NaN"), NAN32],
    "int-float": [1, 2.5],
    "long-float": [2**62, 1.5],
    "int-float32": [1, np.float32(1.5)],
    "small-ints": [np.int8(1), np.int16(300)],
    "int8-int": [np.int8(1), 300],
    "int8-float32": [np.int8(1), np.float32(1.5)],
    "float32-float": [np.float32(1.5), 1e300],
    "float32-infinity": [np.float32("inf"), np.float32(1)],
    "float32-infinity-int": [np.float32("inf"), 1],
    "floats": [1.5, float("nan"), float("inf"), -float("inf"), None],
    "decimal-infinity-float": [Decimal("inf"), 1.5],
    "bools": [True, False, None, float("nan"), np.bool_(True)],
    "bool-int": [True, 1],
    "bool-int8": [True, np.int8(1)],
    "text": ["a", "", None, "größe", float("nan"), pd.NaT, Decimal("NaN"), NAN32, NAT_WITHOUT_UNIT],
    "text-int": ["a", 1],
    "text-bytes": ["a", b"b"],
    "numpy-text": [np.str_("a"), "b"],
    "bytes": [b"a", b"", None, np.bytes_(b"c")],
    "dates": [DAY, None, datetime.date.max],
    "date-moment": [DAY, MOMENT],
    "moments": [MOMENT, pd.Timestamp(MOMENT), pd.NaT, None],
    "times": [datetime.time(1, 2, 3, 456), None, datetime.time.max],
    "datetime64-date": [*_m("D", 5), DAY],
    "datetime64-units": _m("m", 5) + _m("s", 5),
    "datetime64-two-types": _m("D", 5) + _m("s", 5),
    **{f"datetime64-{unit}": _m(unit, 1, None, -1) for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")},
    "null-none": [None, None],
    "null-na": [pd.NA],
    "null-nan": [float("nan"), None],
    "null-float32": [None, NAN32],
    "null-float32-nan": [NAN32, float("nan")],
    "null-nat": [float("nan"), pd.NaT],
    "null-nat-days": [*_m("D", None), pd.NaT],
    "null-nat-first": _m("D", None) + _m("ns", None),
    "null-decimal": [pd.NaT, Decimal("NaN")],
    "null-nat-int": [*_m("D", None), 1],
    "decimals": _d("1.2", "3.45"),
    "decimals-down": _d("3.45", "1.2"),
    "decimals-nulls": [*_d("1.5", "NaN", "Infinity"), None, float("nan")],
    "decimals-exponent": _d("1", "1E+3"),
    "decimals-negative": _d("-1.5", "-0.01"),
    "decimal128": _d("0.123456789012345678", "1E-20"),
    "decimal-widths": _d("1", "0.123456789012345678"),
    "decimal-int": [Decimal("1.2"), 1],
    "nested": [[1, 2], [3], [], [None], ["a"]],
    "nested-mixed": [1, [2, [3, [4, "x"]]], (5,)],
    "arrays": [np.arange(3), np.zeros(2, "f4"), np.array(["a"])],
    "dict": [{"a": 1}, None],
    "set": [{1}, {"x"}],
    "frame": [pd.DataFrame({"a": [1, 2], "b": ["x", None]}), 1],
    "series": [pd.Series([1, 2]), pd.Index(["a"])],
    "one-of-each": [
        None,
        True,
        1,
        1.5,
        "a",
        b"b",
        DAY,
        MOMENT,
        datetime.time(1),
        Decimal("1.5"),
        *_m("s", 1),
        pd.NaT,
        np.int8(1),
        np.float32(1),
        [1],
        {"k": [1]},
        np.arange(2),
        pd.DataFrame({"a": [1]}),
    ],  # fmt: skip
    "long": list(range(5000)),
    "long-any": [1, "a"] * 2000,
}


#: nulls that the official client takes in lists but not in arrays of objects
ODD_NULLS = {"ints-nulls", "float32-infinity-int", "null-nat-int"}


@each("name", LISTS)
def test_list__is_sent_as_the_official_client_sends_it(name, official):
    theirs = official.object(LISTS[name])
    assert not oracle.difference(ddb.dumps(LISTS[name]), theirs)
    assert not oracle.difference(ddb.dumps(tuple(LISTS[name])), theirs)
    if name in ODD_NULLS:
        return
    array = np.fromiter(LISTS[name], dtype=object, count=len(LISTS[name]))
    assert not oracle.difference(ddb.dumps(array), official.object(array))
    series = pd.Series(array, dtype=object)
    assert not oracle.difference(ddb.dumps(series), official.object(series))


def test_namedtuple__is_a_tuple(official):
    assert ddb.dumps(Point(1, 2)) == official.object(Point(1, 2))


def test_nested_lists__up_to_the_limit(official):
    value = 1
    for _ in range(64):
        value = [value]
    assert ddb.dumps(value) == official.object(value)


#: one element each: no order
ONE = {
    "int": 1,
    "float": 1.5,
    "float32": np.float32(1.5),
    "int8": np.int8(1),
    "text": "größe",
    "bytes": b"x",
    "date": DAY,
    "moment": MOMENT,
    "time": datetime.time(1, 2, 3),
    **{f"datetime64-{unit}": _m(unit, 5)[0] for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")},
    "nan": float("nan"),
    "nat": pd.NaT,
}


@each("name", ONE)
def test_set_and_dict__of_one_element(name, official):
    assert ddb.dumps({ONE[name]}) == official.object({ONE[name]})
    for value in (ONE[name], 7, "v", None, [1, 2]):
        assert ddb.dumps({ONE[name]: value}) == official.object({ONE[name]: value})


DICT_VALUES = {
    "bool": True,
    "decimal": Decimal("1.5"),
    "list": [1, "a"],
    "empty-list": [],
    "dict": {"b": {"c": 1}},
    "set": {1},
    "frame": pd.DataFrame({"a": [1, 2]}),
    "series": pd.Series([1.5]),
    "array": np.arange(3),
    "matrix": np.zeros((2, 2)),
    "nan": float("nan"),
    "infinity": float("inf"),
    "nat": pd.NaT,
    "na": pd.NA,
}


@each("name", DICT_VALUES)
def test_dict__values(name, official):
    value = {"key": DICT_VALUES[name]}
    assert not oracle.difference(ddb.dumps(value), official.object(value))


SEVERAL = {
    "set-int": {3, 1, 2, None},
    "set-float": {1, 2.5},
    "set-text": {"a", "b", "größe", None},
    "set-int16": {np.int8(1), np.int16(300)},
    "dict": {"a": 1, "b": 2.5, "c": None},
    "dict-int-keys": {1: "x", 5: None, 3: "z"},
    "dict-mixed": {"a": [1, 2], "b": None, "c": "text", "d": Decimal("1.5")},
    "dict-decimals": {"a": Decimal("1.5"), "b": Decimal("1.25")},
    "dict-all-none": {"a": None, "b": pd.NA},
    "dict-nested": {"a": {"b": 1, "c": 2}, "d": {}.fromkeys("xyz", 1)},
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
    "many": {f"k{i}": i for i in range(500)},
}


@each("name", SEVERAL)
def test_set_and_dict__of_several_say_the_same_in_another_order(name, official, official_sync):
    """Theirs is hash order: what the official client reads from both is compared."""
    ours, theirs = ddb.dumps(SEVERAL[name]), official.object(SEVERAL[name])
    assert len(ours) == len(theirs) and ours[:2] == theirs[:2]
    assert sorted(ours) == sorted(theirs), "the same bytes, moved"
    assert_same(official_sync.result(reply(ours)), official_sync.result(reply(theirs)))


def _arrays():
    for name in ("?", "i1", "i2", "i4", "i8", "q", "f4", "f8"):
        yield np.dtype(name).name + name, np.array([0, 1, 100, 0], dtype=name)
        yield f"empty-{name}", np.array([], dtype=name)
    for name in ("i1", "i2", "i4", "i8"):
        yield f"edges-{name}", np.array([np.iinfo(name).min, np.iinfo(name).max], dtype=name)
    for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns"):
        yield f"datetime64-{unit}", np.array([0, 1, -1, 99_999, "NaT"], dtype=f"M8[{unit}]")
        yield f"empty-datetime64-{unit}", np.array([], dtype=f"M8[{unit}]")
    yield "datetime64-generic", np.array([NAT_WITHOUT_UNIT])
    yield "floats", np.array([np.nan, np.inf, -np.inf, 1.5, -0.0])
    yield "float32s", np.array([np.nan, np.inf, -np.inf, 1.5, -0.0], dtype="f4")
    yield "text", np.array(["a", "größe", "", "x" * 300])
    yield "bytes", np.array([b"a", b"b\0c", b""])
    yield "empty-text", np.array([], dtype="U1")
    yield "empty-bytes", np.array([], dtype="S1")
    yield "object-empty", np.array([], dtype=object)
    yield "reversed", np.arange(10)[::-3]
    yield "large", np.arange(50_000, dtype="i4")
    yield "large-floats", np.where(np.arange(50_000) % 3, 1.5, np.nan)
    yield "read-only", np.broadcast_to(np.int32(7), (5,))
    yield "subclass", np.rec.array(np.arange(3))
    yield "masked", np.ma.array([1, 2], mask=[False, True])
    for order in "CF":
        yield f"matrix-{order}", np.array([[1, 2, 3], [4, 5, 6]], order=order)
        yield f"matrix-floats-{order}", np.array([[1, np.nan], [np.inf, 4], [5, 6]], dtype="f4", order=order)
        yield f"matrix-large-{order}", np.ones((300, 400), order=order) * np.arange(400)
    yield "matrix-bool", np.array([[True, False]])
    yield "matrix-days", np.array([[0, 1], [-1, "NaT"]], dtype="M8[D]")
    yield "matrix-seconds", np.array([[0, 1], [-1, "NaT"]], dtype="M8[s]")
    yield "matrix-strided", np.arange(24).reshape(4, 6)[::-2, ::3]
    yield "matrix-class", np.array([[1, 2], [3, 4]]).view(np.matrix)
    yield "matrix-no-rows", np.zeros((0, 3), "i4")
    yield "matrix-no-columns", np.zeros((3, 0), "M8[s]")
    yield "matrix-objects", np.array([[1, None], [2.5, 3]], dtype=object)
    yield "matrix-objects-floats", np.array([[np.inf, np.nan]], dtype=object)
    yield "matrix-objects-dates", np.array([[DAY, None]], dtype=object)
    yield "matrix-objects-empty", np.empty((0, 3), dtype=object)


ARRAYS = dict(_arrays())


@each("name", ARRAYS)
def test_array__is_sent_as_the_official_client_sends_it(name, official, ours):
    before = ARRAYS[name].tobytes()
    theirs = official.run("f", ARRAYS[name])
    assert not oracle.difference(ddb.dumps(ARRAYS[name]), theirs.objects)
    assert not oracle.difference(ddb.Encoder().encode(ARRAYS[name]), theirs.objects)
    assert ours.run("f", ARRAYS[name]) == theirs
    assert ARRAYS[name].tobytes() == before


def _series():
    for name in ("bool", "int8", "int32", "int64", "float32", "float64", "datetime64[s]", "datetime64[ns]"):
        yield name, pd.Series([0, 1, 1], dtype=name)
    yield "text", pd.Series(["a", None, "größe"])
    yield "string", pd.Series(["a", None], dtype="string")
    yield "objects", pd.Series(["a", 1, None], dtype=object)
    yield "lists", pd.Series([[1], [2, 3]])
    yield "empty", pd.Series([], dtype=object)
    yield "strided", pd.Series(np.arange(10))[::-2]
    yield "index", pd.Index([1, 2])
    yield "index-text", pd.Index(["a", "b"])
    yield "index-objects", pd.Index([1, "a"], dtype=object)
    yield "range", pd.RangeIndex(5)
    yield "dates", pd.date_range("2020", periods=3)
    yield "levels", pd.MultiIndex.from_tuples([(1, 2), (3, 4)])


SERIES = dict(_series())


@each("name", SERIES)
def test_series__is_sent_as_the_official_client_sends_it(name, official):
    assert not oracle.difference(ddb.dumps(SERIES[name]), official.object(SERIES[name]))

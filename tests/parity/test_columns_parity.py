"""Frame columns of Python objects against the official client's bytes: inference and array vectors."""

from __future__ import annotations

import datetime
import os
import random
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support import oracle
from support.cases import each
from support.values import NAT_WITHOUT_UNIT, object_column

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

NAN = float("nan")
INF = float("inf")
NAN32 = np.float32("nan")
DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678_999)
TIME = datetime.time(1, 2, 3, 456_789)
STAMP = pd.Timestamp(MOMENT)


def _m(unit, tick):
    return np.datetime64(tick, unit)


def _d(*texts):
    return [Decimal(text) for text in texts]


COLUMNS = {
    "int": [1, None, -(2**63), 2**63 - 1],
    "int-nulls": [1, NAN, pd.NA, pd.NaT, None],
    "int-float": [1, 2.5],
    "int-whole-float": [1, 2.0],
    "int-bool": [1, True, np.bool_(False)],
    "int-decimal": [1, Decimal("2")],
    "int-float32": [1, np.float32(2)],
    "int-small": [1, np.int8(3)],
    "int-infinity": [1, INF],
    "int-huge-float": [1, 1e300, np.float32(1)],
    "bool": [True, None, False, np.bool_(True)],
    "bool-int": [True, 1, 0],
    "float": [1.5, NAN, None, INF, -INF],
    "float-int-bool": [1.0, 2, True],
    "float-huge-int": [1.5, 2**63],
    "float-decimal": [1.0, Decimal("2.5")],
    "float-float32": [1.0, np.int8(3), np.float32(0.1)],
    "float-infinity-first": [INF, 1],
    "float32": [np.float32(1.5), None, 3, 0.1],
    "float32-infinity": [np.float32(1.5), np.float32("inf"), INF],
    "float32-infinity-first": [np.float32("inf"), 1.0],
    "float32-infinity-alone": [np.float32("inf")],
    "int8-int": [np.int8(1), 300],
    "int8-int16": [np.int8(1), np.int16(2)],
    "int8-int16-large": [np.int8(1), np.int16(300)],
    "int8-float": [np.int8(1), 300, 2.5],
    "int32": [np.int32(-(2**31)), np.int32(5)],
    "text": ["a", None, NAN, pd.NaT, pd.NA, ""],
    "text-others": ["a", 1, 1.5, True, DAY, MOMENT, STAMP, Decimal("1.50"), b"b", [1, 2], {}, Decimal("NaN")],
    "text-numpy": [np.str_("a"), np.float32(1.5), NAN32, NAT_WITHOUT_UNIT],
    "bytes": [b"a", None, b"", b"b\0c", NAN],
    "bytes-text": [b"a", "b", bytearray(b"c")],
    "dates": [DAY, None, datetime.date.max, datetime.date.min],
    "date-moment": [DAY, MOMENT],
    "date-int": [DAY, 5],
    "date-datetime64": [DAY, _m("s", 86_400 * 9 + 5), _m("ns", -1), STAMP],
    "date-nulls": [None, DAY, NAN, INF, ""],
    "moments": [MOMENT, None, datetime.datetime.max, datetime.datetime.min],
    "moment-date": [MOMENT, DAY],
    "moment-int": [MOMENT, 5],
    "moment-datetime64": [MOMENT, _m("ns", 5), _m("D", 5)],
    "moment-aware": [MOMENT.replace(tzinfo=datetime.timezone.utc), MOMENT],
    "stamps": [STAMP, pd.NaT, pd.Timestamp.min, pd.Timestamp.max],
    "stamps-aware": [STAMP.tz_localize("Asia/Tokyo"), STAMP.tz_localize("UTC")],
    "times": [TIME, None, datetime.time.min, datetime.time.max],
    "time-date": [TIME, DAY, MOMENT, 5],
    "time-datetime64": [TIME, _m("s", 86_405), _m("h", 25), _m("us", -1)],
    "month": [_m("M", 5), _m("s", 86_400 * 40), DAY, _m("D", 400)],
    "days": [_m("D", 5), _m("s", 86_400 * 3), DAY, NAT_WITHOUT_UNIT],
    "hours": [_m("h", 5), _m("s", 7_200), MOMENT],
    "minutes": [_m("m", 5), _m("s", 7), DAY],
    "seconds": [_m("s", 5), _m("ns", 5), _m("D", 5)],
    "milliseconds": [_m("ms", 5), _m("ns", 5_000_000), MOMENT],
    "microseconds": [_m("us", 5), _m("D", 7), DAY, MOMENT],
    "nanoseconds": [_m("ns", 5), MOMENT, 7],
    "decimals": _d("1.25", "2.5", "NaN", "Infinity") + [None, NAN],
    "decimals-same-scale": _d("1.25", "-2.50", "1E+3"),
    "decimal128": _d("0.123456789012345678", "1"),
    "nulls-none": [None, pd.NA],
    "nulls-nan": [None, NAN],
    "nulls-float32": [NAN32, None],
    "nulls-nat": [np.datetime64("NaT", "D"), None],
    "nulls-decimal": [Decimal("NaN"), NAN],
    "nulls-infinity": [Decimal("Infinity"), None],
    "empty": [],
}

ROWS = {
    "ints": [[1, 2], [3], (4,), pd.Series([5, 6])],
    "ints-nulls": [[1, None, NAN], [], ()],
    "empty-first": [[], [1.5], [2]],
    "int-float": [[1], [2.5], [3, 4.5]],
    "null-rows": [[None], [1]],
    "nan-rows": [[None, None], [NAN]],
    "infinities": [[INF, 1.0], [-INF]],
    "float32": [[np.float32("inf"), np.float32(1)]],
    "bools": [[True, None], [False]],
    "int8-int16": [[np.int8(1)], [np.int16(300)]],
    "dates": [[DAY, None], [DAY]],
    "moments": [[MOMENT], [STAMP, pd.NaT]],
    "times": [[TIME], [TIME, TIME]],
    "decimals": [_d("1.25"), _d("2.50", "NaN"), []],
    "decimals-in-a-row": [_d("1.25", "2.5")],
    "decimal128": [_d("0.123456789012345678")],
    "arrays": [np.array([1, 2], "i4"), np.array([3], "i4")],
    "arrays-float": [np.array([1.5, np.nan, np.inf]), np.array([])],
    "arrays-mixed": [np.array([1], "i4"), np.array([2.5], "f4"), [5, None]],
    "arrays-widths": [np.array([1], "i4"), np.array([2], "i8")],
    "arrays-empty": [np.array([], "i4"), np.array([1], "i8")],
    "arrays-bool": [np.array([True, False])],
    "arrays-big-endian": [np.array([1, 2], ">i4")],
    "arrays-strided": [np.arange(10)[::-3]],
    "arrays-objects": [np.array([1, None], object), [3]],
    **{
        f"arrays-datetime64-{unit}": [np.array([0, -1, "NaT"], dtype=f"M8[{unit}]")]
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
    },
    "series": [pd.Series([1], dtype="i4"), pd.Index([2])],
    "series-moments": [pd.Series(pd.to_datetime(["2020-01-02 03:04:05"])), pd.date_range("2020", periods=2)],
    "series-nullable": [pd.Series([1, None], dtype="Int64")],
    "long-row": [list(range(300)), [1]],
    "longest-rows": [list(range(70_000)), [1], list(range(256)), []],
    "one-cell-rows": [[i] for i in range(3000)],
}


#: read backwards they are cases of the differences table
REVERSED = {"int-huge-float", "time-datetime64", "decimals", "decimal128"}


#: rows, and the type that is forced
FORCED_ROWS = {
    "ints": ([[1, None], [], [2]], "INT[]"),
    "int-floats": ([[1], [2.5]], "DOUBLE[]"),
    "none-alone": ([[None], []], "LONG[]"),
    "empty-rows": ([[], []], ["INT[]"]),
    "no-rows": ([], "INT[]"),
    "no-rows-decimal": ([], ["DECIMAL64[]", 3]),
    "uuids": ([["12345678-1234-5678-9abc-def012345678", None], []], "UUID[]"),
    "addresses": ([["1.2.3.4"], ["fe80::1", ""]], "IPADDR[]"),
    "hex": ([["0123456789abcdef0123456789abcdef"]], "INT128[]"),
    "texts-in-array": ([np.array(["1.2.3.4"])], "IPADDR[]"),
    "dates": ([[DAY, None], [MOMENT]], "DATE[]"),
    "date-moments": ([[DAY], [_m("s", 5)]], "TIMESTAMP[]"),
    "moments-in-array": ([np.array([5, 86_405, "NaT"], "M8[s]")], "DATE[]"),
    "times": ([[TIME], [MOMENT]], "SECOND[]"),
    "decimals": ([_d("1.25"), _d("2.5", "3.255", "-3.255")], ["DECIMAL64[]", 2]),
    "decimals-first-scale": ([_d("1.25"), _d("2.5")], "DECIMAL64[]"),
    "decimals-narrow": ([_d("1.25"), [None]], ["DECIMAL32[]", 3]),
    "decimals-wide": ([_d("1.25"), []], ["DECIMAL128[]", 3]),
    "floats-to-ints": ([np.array([1.5, -1.5, 2.0])], "LONG[]"),
    "ints-to-floats": ([np.array([1, 2])], "FLOAT[]"),
    "ints-narrowed": ([np.array([1, 2])], "CHAR[]"),
    "ints-widened": ([np.array([1, 2], "i4"), [3]], "LONG[]"),
    "ints-as-dates": ([np.array([1, 2], "i4"), [3]], "DATE[]"),
    "infinities": ([np.array([np.inf]), [INF]], "DOUBLE[]"),
}


@each("name", FORCED_ROWS)
def test_array_vector__of_a_forced_type(name, official):
    rows, spec = FORCED_ROWS[name]
    frame = _frame(rows)
    object.__setattr__(frame, "__DolphinDB_Type__", {"bad": spec})
    assert not oracle.difference(ddb.dumps(frame), official.object(frame))


def _frame(values):
    return pd.DataFrame({"good": np.arange(len(values)), "bad": object_column(values), "also good": 1.5})


def _dumps(frame):
    try:
        return ddb.dumps(frame)
    except ddb.ConversionError:
        return b""


@each("name", COLUMNS)
def test_object_column__is_sent_as_the_official_client_sends_it(name, official):
    frame = _frame(COLUMNS[name])
    theirs = official.object(frame)
    assert not oracle.difference(ddb.dumps(frame), theirs)
    assert not oracle.difference(ddb.Encoder().encode(frame), theirs)
    backwards = frame[::-1]
    try:
        theirs = official.object(backwards)
    except RuntimeError:
        return  # it refuses a mixture when it is read in this order
    assert bool(oracle.difference(_dumps(backwards), theirs)) == (name in REVERSED)


@each("name", ROWS)
def test_array_vector__is_sent_as_the_official_client_sends_it(name, official):
    frame = _frame(ROWS[name])
    theirs = official.object(frame)
    assert not oracle.difference(ddb.dumps(frame), theirs)
    assert not oracle.difference(ddb.Encoder().encode(frame), theirs)


def test_array_vector__of_random_rows_is_cut_into_the_same_blocks(official):
    seed = int(os.environ.get("DOLPHINDB_FAST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed} (set DOLPHINDB_FAST_SEED to repeat)")
    chance = random.Random(seed)
    for _ in range(150):
        dtype = chance.choice(["i1", "i2", "i4", "i8", "f8"])
        longest = chance.choice([1, 3, 30, 300, 3000])
        count = chance.randrange(1, 60_000 // longest // 10 + 2)
        rows = [np.ones(chance.randrange(longest + 1), dtype) for _ in range(count)] + [np.ones(1, dtype)]
        frame = pd.DataFrame({"a": object_column(rows), "b": object_column(rows[::-1])})
        assert not oracle.difference(ddb.dumps(frame), official.object(frame))

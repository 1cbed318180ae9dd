"""Types given by the caller: every kind of column to every type, against the official client.

Where the two differ the reason stands in `reason`, and what we send is worked out independently.
"""

from __future__ import annotations

import datetime
import itertools
import math
import re

import numpy as np
import pandas as pd
import pytest
from support import expected, expected_forced, oracle
from support.cases import each
from support.recorder import RecordError

import dolphindb_fast as ddb
from dolphindb_fast import settings

try:
    import pyarrow
except ImportError:
    pyarrow = None

pytestmark = pytest.mark.official

NAMES = [
    *("BOOL", "CHAR", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL32", "DECIMAL64", "DECIMAL128"),
    *("DATE", "MONTH", "DATETIME", "TIMESTAMP", "NANOTIMESTAMP", "DATEHOUR"),
    *("TIME", "MINUTE", "SECOND", "NANOTIME"),
    *("UUID", "IPADDR", "INT128", "BLOB", "DATEMINUTE", "COMPLEX", "POINT", "DURATION", "INT[]", "VOID"),
]
SPECS = [*NAMES, ["DECIMAL32", 2], ["DECIMAL64", 3], ["DECIMAL128", 20], ["INT", None], ["date", 3]]

NAN, INF = math.nan, math.inf


def _numpy(dtype, cells, **how):
    """numpy cells as they are, and as Python values."""
    array = np.array(cells, dtype="i8" if dtype.startswith("M8") else dtype)
    values = array.tolist()
    if dtype.startswith("M8"):
        how["unit"] = dtype[3:-1]
        values = [None if value == -(2**63) else value for value in values]
        array = array.view(dtype)
    return array, values, {"numpy": True, "bits": array.itemsize * 8 if array.dtype.kind == "i" else 0, **how}


def _masked(dtype, cells):
    return pd.array(cells, dtype=dtype), cells, {"bits": int("".join(filter(str.isdigit, dtype)) or 0)}


NAT = -(2**63)
SOURCES = {
    "bool": _numpy("?", [True, False]),
    "int8": _numpy("i1", [1, 0, -128]),
    "int8-small": _numpy("i1", [1, 0, -127, 127]),
    "int16": _numpy("i2", [300, -(2**15), 0]),
    "int32": _numpy("i4", [1, 2**31 - 1, -(2**31)]),
    "int64": _numpy("i8", [0, 2**63 - 1]),
    "int64-lowest": _numpy("i8", [5, NAT]),
    "int64-flags": _numpy("i8", [0, 1, 1]),
    "int64-sentinels": _numpy("i8", [100, -(2**31)]),
    "float32": _numpy("f4", [1.7, -2.5, NAN, INF]),
    "float64": _numpy("f8", [1.75, -2.5, 0.29, NAN, -INF]),
    "float64-large": _numpy("f8", [0, 1e20, 1e300]),
    "float64-flags": _numpy("f8", [0, 1, NAN]),
    "seconds": _numpy("M8[s]", [0, -1, 1_577_934_245, NAT]),
    "seconds-2200": _numpy("M8[s]", [7_258_118_400 + 3_661]),
    "ms": _numpy("M8[ms]", [0, -1, 1_577_934_245_678, NAT]),
    "ms-2500": _numpy("M8[ms]", [16_725_225_600_000]),
    "us": _numpy("M8[us]", [0, -1, 1_577_934_245_678_901, NAT]),
    "ns": _numpy("M8[ns]", [0, -1, 1_577_934_245_678_901_234, NAT, -86_400 * 10**9 * 31]),
    "ns-1970": _numpy("M8[ns]", [0, 86_400 * 10**9 * 40 + 123_456_789]),
    "Int8": _masked("Int8", [1, None, 0]),
    "Int32": _masked("Int32", [70_000, None, -1]),
    "Int64": _masked("Int64", [2**40, None, 1]),
    "UInt64": _masked("UInt64", [2**40, None, 1]),
    "Float64": _masked("Float64", [1.5, None, -0.25]),
    "boolean": _masked("boolean", [True, None, False]),
}


def _arrow(arrow_type, cells, **how):
    made = pyarrow.array(cells, type=pyarrow.int64()).cast(how.pop("width", pyarrow.int64())).view(arrow_type)
    return pd.array(made, dtype=pd.ArrowDtype(arrow_type)), cells, how


if pyarrow:
    narrow = pyarrow.int32()
    SOURCES |= {
        "arrow-date32": _arrow(pyarrow.date32(), [0, None, -1, 18_263], unit="D", width=narrow),
        "arrow-time32": _arrow(pyarrow.time32("ms"), [0, None, 84_690_123], unit="ms", time=True, width=narrow),
        "arrow-time64": _arrow(pyarrow.time64("ns"), [0, None, 84_690_123_456_789], unit="ns", time=True),
        "arrow-timestamp_s": _arrow(pyarrow.timestamp("s"), [0, None, -1, 7_258_118_400], unit="s"),
        "arrow-timestamp_us": _arrow(pyarrow.timestamp("us"), [0, None, -1, 10**15], unit="us"),
        "arrow-timestamp_ns": _arrow(pyarrow.timestamp("ns"), [0, None, -1, 10**18 + 1], unit="ns"),
        "arrow-double": (
            pd.array(pyarrow.array([1.5, None, NAN, -0.25]), dtype=pd.ArrowDtype(pyarrow.float64())),
            [1.5, None, NAN, -0.25],
            {},
        ),
    }


def _frame(values, spec):
    frame = pd.DataFrame({"a": values}, copy=False)
    object.__setattr__(frame, "__DolphinDB_Type__", {"a": spec})
    return frame


def _table(vector: bytes, rows: int) -> bytes:
    return expected.table({"a": vector}, rows)


def reason(source: str, name: str, cells, how) -> str:
    """Why the official client is not the oracle for this column and type; empty if it is."""
    floats = any(isinstance(cell, float) for cell in cells)
    if source.startswith("arrow-"):
        return "it takes Arrow's numbers as they lie, or fails on its own NULL"
    if source.startswith(("Int", "Float", "UInt", "boolean")) and source != "boolean":
        refuses = name.startswith("DECIMAL") or source[0] in "FU"
        return "it refuses what has one right meaning" if refuses else "it wraps what is out of range"
    if how.get("unit") and name in expected_forced.INTEGERS | expected_forced.FLOATS:
        return "it cuts ticks down and sends NaT as a number"
    if how.get("unit") == "s":
        return "it squeezes seconds into 32 bits first"
    if name == "MONTH":
        return "it has no months before 1970"
    if how.get("unit"):
        return "it wraps what is out of range"
    if name == "BOOL" or (floats and name in ("CHAR", "SHORT")):
        return "it sends other bytes than 0 and 1, and NaN as 0"
    if name in expected_forced.INTEGERS or name == "FLOAT":
        return "it wraps what is out of range"
    if floats and name.startswith("DECIMAL"):
        return "it cuts digits off instead of rounding"
    if name.startswith("DECIMAL"):
        return "it takes the smallest integer for NULL"
    return ""


def _expected(cells, name, scale, how):
    if any(isinstance(cell, float) for cell in cells) and name.startswith("DECIMAL") and scale is None:
        raise expected_forced.Refused
    return expected_forced.vector(cells, name, scale or 0, **how)


CASES = list(itertools.product(SOURCES, range(len(SPECS))))


@each(("source", "number"), CASES, ids=[f"{s}-{SPECS[n]}" for s, n in CASES])
def test_column__of_every_kind_to_every_type(source, number, official):
    values, cells, how = SOURCES[source]
    spec = SPECS[number]
    name, scale = (spec[0].upper(), spec[1]) if isinstance(spec, list) else (spec, None)
    frame = _frame(values, spec)
    try:
        wanted = _table(_expected(cells, name, scale, how), len(cells))
    except expected_forced.Refused as refused:
        wanted = refused.args
    if isinstance(wanted, bytes):
        assert not oracle.difference(ddb.dumps(frame), wanted)
        assert not oracle.difference(ddb.dumps(ddb.typed(pd.DataFrame({"a": values}), {"a": spec})), wanted)
    else:
        row = rf"row {wanted[0]}\b" if wanted else None
        with pytest.raises(ddb.ConversionError, match=row) as caught:
            ddb.dumps(frame)
        assert "'a'" in str(caught.value) and name in str(caught.value)
        assert isinstance(caught.value, ddb.ValueRefused if wanted else ddb.UnsupportedTypeError)
    try:
        theirs = official.run("f", frame).objects
    except RecordError:
        raise
    except Exception:
        theirs = None
    if theirs != (wanted if isinstance(wanted, bytes) else None):
        assert reason(source, name, cells, how)


TEXT = pd.Series(["b", "größe", None, "b", ""], dtype=object)
AS_TEXT = {
    "bool": np.array([True, False, True]),
    "int64": np.array([1, -300, 1]),
    "float32": np.array([1.7, NAN, INF, -1.5], "f4"),
    "float64": np.array([1.7, NAN, 1e20, -INF]),
    "seconds": np.array([0, -1, NAT]).view("M8[s]"),
    "us": np.array([0, -1, NAT]).view("M8[us]"),
    "ns": np.array([0, 10**18 + 1, NAT]).view("M8[ns]"),
    "object": TEXT,
    "string": TEXT.astype("string"),
    "uuids": pd.Series(["12345678-1234-5678-9abc-def012345678", None], dtype="string"),
    "addresses": pd.Series(["1.2.3.4", None, "2001:db8::1"], dtype="string"),
    "int128s": pd.Series(["0123456789abcdef0123456789ABCDEF", None], dtype="string"),
}
if pyarrow:
    AS_TEXT |= {
        f"arrow-{kind}": pd.Series(TEXT.tolist(), dtype=pd.ArrowDtype(kind))
        for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))
    }
    AS_TEXT["arrow-bytes"] = pd.Series([b"b", None, b"b"], dtype=pd.ArrowDtype(pyarrow.large_binary()))
    AS_TEXT["arrow-addresses"] = AS_TEXT["addresses"].astype(pd.ArrowDtype(pyarrow.string()))


@each("spec", ["SYMBOL", "STRING", "ANY", "BLOB", "UUID", "IPADDR", "INT128"])
@each("source", AS_TEXT)
def test_column__as_text_or_as_what_text_says(source, spec, official):
    frame = _frame(AS_TEXT[source], spec)
    try:
        theirs = official.run("f", frame).objects
    except RecordError:
        raise
    except Exception:
        with pytest.raises(ddb.ConversionError, match="'a'"):
            ddb.dumps(frame)
    else:
        assert not oracle.difference(ddb.dumps(frame), theirs)


EMPTY = ["?", "i8", "f8", "M8[ns]", "Int64", "Float64", "boolean", "string"]
EMPTY_CASES = list(itertools.product(EMPTY, [*SPECS, "SYMBOL", "STRING", "ANY"]))


@each(("dtype", "spec"), EMPTY_CASES, ids=str)
def test_empty_column__of_every_kind_to_every_type(dtype, spec, official):
    frame = _frame(pd.array([], dtype=dtype), spec)
    try:
        theirs = official.run("f", frame).objects
    except RecordError:
        raise
    except Exception:
        theirs = None
    try:
        sent = ddb.dumps(frame)
    except ddb.ConversionError:
        sent = None
    if theirs is None and sent is not None:
        assert dtype in ("Int64", "Float64"), "what has one right meaning when there are rows"
    else:
        assert sent == theirs


SPELLINGS = [
    "int",
    "Int",
    settings.DT_INT,
    [settings.DT_INT],
    ["INT"],
    ["INT", None],
    ["int", 3],
    None,
    [38, 2],
    ["decimal64", 2],
    "Decimal64",
    True,
]


@each("spec", SPELLINGS, ids=str)
@each("wrap", [dict, lambda types: list(types.items())], ids=["dict", "pairs"])
def test_spelling__is_read_as_the_official_client_reads_it(spec, wrap, official):
    frame = pd.DataFrame({"a": [1, 0], "b": [3, 4]})
    object.__setattr__(frame, "__DolphinDB_Type__", wrap({"a": spec, "not there": "LONG"}))
    assert not oracle.difference(ddb.dumps(frame), official.run("f", frame).objects)


MALFORMED = [[], [1, 2, 3], ("INT",), 1.5, [None], [None, 2], "no such", 200, -1, ["DECIMAL64", "2"], ["DECIMAL64", -1]]


@each("spec", MALFORMED, ids=str)
def test_spelling__that_the_official_client_refuses(spec, official):
    frame = _frame([1, 2], spec)
    with pytest.raises(RuntimeError):
        official.run("f", frame)
    with pytest.raises(ddb.UsageError, match="'a'"):
        ddb.dumps(frame)
    with pytest.raises(ddb.UsageError, match="'a'"):
        ddb.typed(pd.DataFrame({"a": [1, 2]}), {"a": spec})


def test_months__of_every_day_of_the_calendar():
    first = datetime.date(1, 1, 1).toordinal()
    epoch = datetime.date(1970, 1, 1).toordinal()
    days = np.arange(first, datetime.date(9999, 12, 31).toordinal() + 1) - epoch
    frame = pd.DataFrame({"a": (days * 86_400 + 1).view("M8[s]")}, copy=False)
    years = days.view("M8[D]").astype("M8[M]").view("i8") + 23_640
    vector = expected.vector(7, years.astype("i4"))
    assert ddb.dumps(ddb.typed(frame, {"a": "MONTH"})) == _table(vector, len(days))
    assert re.search("MONTH", repr(ddb.typed(frame, {"a": "MONTH"})))

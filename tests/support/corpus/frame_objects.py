"""Object columns of frames: the type is that of the first value that is no null."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

from .. import expected
from ..values import object_column
from .case import decimals, differs, equal, one, refused
from .scalars import SUBCLASSES, UNSUPPORTED

__all__ = ["CASES"]

DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
TIME = datetime.time(13, 14, 15, 678901)
STAMP = pd.Timestamp("2020-01-02 03:04:05.678901234")
NAN = float("nan")
D = Decimal

#: values that can't be changed, so that cases may share them
_EQUAL = {
    "empty": [],
    "int": [1, -2, 2**63 - 1],
    "int-null-sentinel": [1, -(2**63)],
    "int-nulls": [None, 1, NAN, pd.NA, pd.NaT],
    "int-float": [1, 2.5],
    "int-whole-float": [1, 2.0],
    "int-inf": [1, float("inf")],
    "int-whole-float32": [1, np.float32(2)],
    "int-decimal": [1, D("1")],
    "int-bool": [1, True, None],
    "int-numpy": [1, np.int8(2), np.int16(3), np.int32(4), np.int64(5)],
    "int-float-none": [None, 1, None, 2.5],
    "float": [1.5, -0.0, 1e308, 5e-324],
    "float-nulls": [1.5, None, NAN, pd.NA, pd.NaT],
    "float-int-bool": [1.0, 2, True],
    "float-inf-stays": [float("inf"), 1.0, float("-inf"), None],
    "float-large-int": [1.5, 2**70],
    "float-numpy": [np.float64(1.5), 2.5],
    "float32": [np.float32(1.5), None, np.float32(-2.5)],
    "float32-inf-first": [np.float32("inf"), None],
    "float32-int": [np.float32(1.5), 2],
    "bool": [True, False, None],
    "bool-numpy": [np.bool_(True), False],
    "bool-int": [True, 1, 0],
    "bool-nulls": [NAN, True, pd.NA, pd.NaT],
    "int8": [np.int8(1), None, np.int8(-128)],
    "int8-int16-small": [np.int8(1), np.int16(2)],
    "int8-int16": [np.int8(1), np.int16(300)],
    "int8-int": [np.int8(1), 300],
    "int8-float": [np.int8(1), 1.5],
    "int16": [np.int16(1), 2, None],
    "int32": [np.int32(1), np.int32(-(2**31)), None],
    "int64": [np.int64(1), None],
    "str": ["a", "größe", "漢字😀"],
    "str-nulls": ["a", None, NAN, pd.NA, pd.NaT, ""],
    "str-int": ["a", 1, 1.5, None],
    "str-bool": ["a", True],
    "str-bytes": ["a", b"b", b"c\xff"],
    "str-list": ["a", (1, 2)],
    "str-dates": ["a", DAY, MOMENT, TIME, STAMP],
    "str-datetime64": ["a", np.datetime64(5, "s")],
    "str-decimal": ["a", D("1.50")],
    "str-uuid": ["a", uuid.UUID(int=1)],
    "str-numpy": ["a", np.int8(1), np.float32(1.5), np.str_("b")],
    "str-after-nulls": [None, NAN, "a"],
    "str-numbers-that-look-alike": ["1", 1, "1.0", 1.0],
    "bytes": [b"a", b"", b"\xff", b"a\0b", None],
    "bytes-str": [b"a", "b"],
    "bytes-long": [b"x" * 300_000],
    "bytes-numpy": [np.bytes_(b"a"), None],
    "date": [DAY, None, datetime.date(1969, 12, 31), datetime.date.min, datetime.date.max],
    "date-nulls": [DAY, None, pd.NaT, NAN, pd.NA],
    "date-datetime": [DAY, MOMENT],
    "date-timestamp": [DAY, STAMP],
    "date-int": [DAY, 5],
    "datetime": [MOMENT, None, datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)],
    "datetime-far": [datetime.datetime.min, datetime.datetime.max],
    "datetime-date": [MOMENT, DAY],
    "datetime-int": [MOMENT, 5],
    "datetime-timestamp": [MOMENT, STAMP],
    "datetime-zone": [datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc), MOMENT],
    "timestamp": [STAMP, None, pd.NaT],
    "timestamp-zones": [STAMP, pd.Timestamp("2020-01-02", tz="Asia/Shanghai")],
    "time": [TIME, None, datetime.time.max, datetime.time()],
    "time-date": [TIME, DAY],
    "time-datetime": [TIME, MOMENT],
    "time-int": [TIME, 5],
    **{
        f"datetime64-{unit}": [
            np.datetime64(12_345, unit),
            None,
            np.datetime64(-7, unit),
            np.datetime64("NaT", unit),
        ]
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
    },
    "datetime64-D-s": [np.datetime64(5, "D"), np.datetime64(86_400, "s")],
    "datetime64-s-D": [np.datetime64(5, "s"), np.datetime64(5, "D")],
    "datetime64-D-date": [np.datetime64(5, "D"), DAY],
    "datetime64-ms-timestamp": [np.datetime64(5, "ms"), pd.Timestamp(5)],
    "decimal": [D("1.25"), D("2.50"), None],
    "decimal-first-scale": [D("1.25"), D("2.5")],
    "decimal-nulls": [None, D("1.5"), NAN, D("NaN"), pd.NaT, pd.NA],
    "decimal-infinity": [D("1.55"), D("Infinity"), D("-Infinity"), D("sNaN")],
    "decimal-nan-first": [D("NaN"), D("1.55")],
    "decimal-thousands": [D("1.25"), D("1E+3")],
    "decimal-whole": [D("1"), D("2"), D("-3")],
    "decimal-zero": [D("0.00"), D("-0")],
    "decimal-18-digits": [D("0.123456789012345678"), D("1.5")],
    "decimal-38-digits": [D("1E-37"), D("-1.5")],
    "decimal-largest": [D("999999999999999999"), D("-999999999999999999")],
    "all-none": [None, None],
    "all-na": [pd.NA, None],
    "all-nan": [NAN, None],
    "all-float32-nan": [np.float32("nan"), None],
    "all-nan-mixed": [np.float32("nan"), NAN],
    "all-decimal-nan": [D("NaN"), None],
    "all-nulls": [None, NAN, pd.NaT, D("NaN")],
    "all-nat-datetime64-D": [np.datetime64("NaT", "D"), None],
}

#: values -> what a refusal names beside the column
_REFUSED = {
    "int-str": ([1, "a"], "row 1"),
    "int-none-str": ([None, 1, None, "a"], "row 3"),
    "int-float-str": ([1, 2.5, "a"], "row 2"),
    "int-date": ([1, DAY], "row 1"),
    "float-str": ([1.5, "a"], "row 1"),
    "float-date": ([1.5, DAY], "row 1"),
    "bool-str": ([True, "a"], "row 1"),
    "date-str": ([DAY, "x"], "row 1"),
    "date-float": ([DAY, 5.5], "row 1"),
    "date-bool": ([DAY, True], "row 1"),
    "bytes-int": ([b"a", 1], "row 1"),
    "decimal-float": ([D("1.5"), 1.5], "row 1"),
    "decimal-str": ([D("1.5"), "x"], "row 1"),
    "decimal-too-large": ([D("1"), D("1E+39")], "row 1"),
    "decimal-too-large-by-scale": ([D("1E-30"), D("1E+10")], "row [01]"),
    "int-beyond": ([1, 2**63], "row 1", "LONG"),
    "int-beyond-first": ([2**63], "row 0", "LONG"),
    "int-beyond-negative": ([None, -(2**63) - 1], "row 1", "LONG"),
    "float-int-beyond": ([1.5, 2**2000], "row 1"),
    "str-nul": (["a", "b\0"], "row 1", "NUL"),
    "str-bytes-nul": (["b", b"a\0c"], "row 1", "NUL"),
    "str-too-long": (["b", "x" * 262_144], "row 1", "262"),
    "object-second": ([1, object()], "row 1", "object"),
    "list-after-int": ([1, (2,)], "row [01]"),
    "int-after-list": ([(1,), 2], "row 1"),
}

#: what pandas would make something else of when put into a frame as it is
_NO_OBJECTS = ("range", "dict-keys", "slice")


def _values(values):
    return lambda: one(object_column(list(values)))


CASES = [
    *(equal(f"objects-{name}", _values(values)) for name, values in _EQUAL.items()),
    *(
        equal(
            f"objects-reversed-{name}",
            lambda values=values: one(object_column([*reversed(values), None])[::-1]),
        )
        for name, values in _EQUAL.items()
        if values
    ),
    *(
        equal(f"objects-subclass-{name}", lambda build=build: one(object_column([build(), None, build()])))
        for name, build in SUBCLASSES.items()
    ),
    *(refused(f"objects-{name}", _values(values), "bad", *place) for name, (values, *place) in _REFUSED.items()),
    *(
        refused(f"objects-of-{name}", lambda build=build: one(object_column([None, build()])), "bad", "row 1")
        for name, build in UNSUPPORTED.items()
        if name not in _NO_OBJECTS
    ),
    refused("objects-of-dict", lambda: one(object_column([{"a": 1}])), "bad", "row 0", "dict"),
    refused("objects-of-set", lambda: one(object_column([{1}])), "bad", "row 0", "set"),
    refused("objects-of-frame", lambda: one(object_column([pd.DataFrame({"a": [1]})])), "bad", "row 0"),
    equal("objects-str-dict", lambda: one(object_column(["a", {1: 2}, [3], np.array([4])]))),
    equal("objects-many", lambda: one(object_column([i if i % 5 else None for i in range(20_000)]))),
    equal("objects-many-last-decides", lambda: one(object_column([*range(20_000), 0.5]))),
    equal(
        "objects-dates-many",
        lambda: one(object_column([DAY + datetime.timedelta(i % 400) for i in range(9_000)])),
    ),
    equal("objects-bytes-many", lambda: one(object_column([b"x" * (i % 50) for i in range(9_000)]))),
    equal("objects-decimal-many", lambda: one(object_column([D(i) / 8 + D("0.000") for i in range(3_000)]))),
    equal(
        "objects-two-columns",
        lambda: pd.DataFrame(
            {
                "a": object_column([1, None]),
                "b": object_column([DAY, None]),
                "c": object_column([D("1.5"), 1 and None]),
            }
        ),
    ),
    equal(
        "objects-consolidated",
        lambda: pd.DataFrame(np.array([[1, "x"], [None, "y"], [3, None]], dtype=object)[:, :], columns=["a", "b"]),
    ),
    equal(
        "objects-fortran",
        lambda: pd.DataFrame(np.asfortranarray(np.array([[1, "x"], [None, "y"]], dtype=object)), columns=["a", "b"]),
    ),
    differs("objects-surrogate", _values(["a", None, "\ud800"]), "text", "bad", "row 2", "surrogate"),
    *(
        differs(
            f"objects-{name}",
            lambda v=values: pd.DataFrame({"bad": object_column(list(v))}),
            reason,
            wire=expected.table({"bad": vector}, len(values)),
        )
        for name, values, reason, vector in (
            ("int-float32", [1, np.float32(1.5)], "float32", expected.vector(15, [1, 1.5])),
            (
                "decimal-scales-rising",
                [D("1.2"), None, D("-2.55"), D("2.4")],
                "decimal-scale",
                decimals(38, 2, 120, None, -255, 240),
            ),
            ("float32-beyond", [np.float32(1.5), 1e300], "float32", expected.vector(16, [1.5, 1e300])),
            ("int-float32-nan", [1, np.float32("nan")], "null-kinds", expected.vector(5, [1, None])),
            ("int-decimal-nan", [1, D("NaN")], "null-kinds", expected.vector(5, [1, None])),
            (
                "uuid",
                [uuid.UUID("12345678-1234-5678-9abc-def012345678"), None],
                "uuid",
                bytes.fromhex("1301 02000000 01000000 78563412f0debc9a7856341278563412" + "00" * 16),
            ),
            ("decimal-int", [D("1.25"), 1], "decimal-int", decimals(38, 2, 125, 100)),
            (
                "decimal-wide",
                [D("1"), D("99999999999999999999")],
                "decimal-wide",
                decimals(39, 0, 1, 99999999999999999999),
            ),
            (
                "decimal-wide-by-scale",
                [D("0.12345678901234567"), D("1000")],
                "decimal-wide",
                decimals(39, 17, 12345678901234567, 1000 * 10**17),
            ),
            (
                "bytearray",
                [None, bytearray(b"x")],
                "builtins",
                bytes.fromhex("2001020000000100000000000000 01000000 78"),
            ),
        )
    ),
    differs("objects-int-uuid", _values([1, uuid.UUID(int=5)]), "uuid", "bad", "row 1"),
    differs("objects-date-time", _values([DAY, TIME]), "time-as-date", "bad", "row 1"),
    differs("objects-datetime-time", _values([MOMENT, TIME]), "time-as-date", "bad", "row 1"),
    differs(
        "objects-uint8",
        _values([np.uint8(200), None]),
        "unsigned",
        like=lambda: one(object_column([np.int16(200), None])),
    ),
    differs(
        "objects-uint64",
        _values([np.uint64(200), None]),
        "unsigned",
        like=lambda: one(object_column([200, None])),
    ),
    equal("objects-int-uint8", _values([2, np.uint8(200)])),
    refused("objects-int-uint64-beyond", _values([2, np.uint64(2**63)]), "bad", "row 1"),
    *(
        differs(
            f"objects-datetime64-{unit}-beyond",
            lambda unit=unit, ticks=ticks: one(object_column([np.datetime64(0, unit), np.datetime64(ticks, unit)])),
            "datetime-range",
            "bad",
            "row 1",
        )
        for unit, ticks in (
            ("M", 2**31),
            ("D", 2**31),
            ("h", -(2**31) - 1),
            ("m", 2**31 // 60 + 1),
            ("s", 2**31),
            ("us", 2**60),
        )
    ),
]

"""Lists and tuples: vectors of one type, or ANY vectors."""

from __future__ import annotations

import collections
import datetime
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

from ..values import NAT_WITHOUT_UNIT
from .case import decimals, differs, equal, equivalent, refused
from .scalars import DECIMALS, SUBCLASSES, UNSUPPORTED

__all__ = ["CASES"]

DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
NAN = float("nan")
Pair = collections.namedtuple("Pair", "x y")


class Stack(list):
    pass


_VECTORS = {
    "empty": lambda: [],
    "tuple-empty": lambda: (),
    "tuple": lambda: (1, 2, 3),
    "namedtuple": lambda: Pair(1, 2),
    "subclass": lambda: Stack([1, 2]),
    "int": lambda: [1, 2, 3],
    "int-one": lambda: [7],
    "int-edges": lambda: [2**63 - 1, -(2**63) + 1, -(2**63), 0, -1],
    "int-none": lambda: [1, None, 3],
    "none-int": lambda: [None, 1],
    "na-int": lambda: [pd.NA, 1],
    "nat-int": lambda: [pd.NaT, 1],
    "nan-int": lambda: [NAN, 1],
    "int-nan": lambda: [1, NAN],
    "int-every-null": lambda: [None, pd.NA, pd.NaT, NAN, np.float32("nan"), Decimal("NaN"), 1],
    "int-float": lambda: [1, 2.5],
    "float-int": lambda: [2.5, 1],
    "int-large-float": lambda: [2**53 + 1, 0.5],
    "float": lambda: [1.5, -0.0, 1e308],
    "float-nan": lambda: [1.5, NAN],
    "float-inf": lambda: [float("inf"), float("-inf"), 1.0],
    "float-none": lambda: [1.5, None],
    "nan-alone": lambda: [NAN],
    "nan-none": lambda: [NAN, None],
    "inf-alone": lambda: [float("inf")],
    "bool": lambda: [True, False],
    "bool-none": lambda: [True, None, False],
    "bool-numpy": lambda: [np.bool_(True), False],
    "bool-nan": lambda: [True, NAN],
    "numpy-int8": lambda: [np.int8(1), np.int8(-128)],
    "numpy-int8-int16": lambda: [np.int8(1), np.int16(2)],
    "numpy-int16-int8": lambda: [np.int16(300), np.int8(2)],
    "numpy-int32-int": lambda: [np.int32(1), 2],
    "numpy-int8-none": lambda: [np.int8(1), None],
    "numpy-int8-null-int64": lambda: [np.int8(-128), np.int64(5)],
    "numpy-float32": lambda: [np.float32(1.5), np.float32("nan"), np.float32("inf")],
    "numpy-float32-float": lambda: [np.float32(1.5), 1.0],
    "int-float32": lambda: [1, np.float32(1.5)],
    "int16-float32": lambda: [np.int16(1), np.float32(1.5)],
    "float32-nan": lambda: [np.float32("nan")],
    "float32-nan-none": lambda: [None, np.float32("nan")],
    "float64-int8": lambda: [np.float64(1.5), np.int8(2)],
    "str": lambda: ["a", "größe", ""],
    "str-none": lambda: ["a", None],
    "str-nan": lambda: ["a", NAN, pd.NA, pd.NaT],
    "str-numpy": lambda: [np.str_("a"), "b"],
    "str-long": lambda: ["x" * 262_143, "y"],
    "str-many": lambda: [f"text {i % 37}" for i in range(5000)],
    "bytes": lambda: [b"a", b"", b"\xff"],
    "bytes-none": lambda: [b"a", None],
    "date": lambda: [DAY, datetime.date(1969, 1, 1)],
    "date-none": lambda: [DAY, None],
    "date-nat": lambda: [DAY, pd.NaT],
    "time": lambda: [datetime.time(1, 2, 3, 4), None],
    "datetime": lambda: [MOMENT, None],
    "timestamp": lambda: [pd.Timestamp("2020-01-02 03:04:05.678901234"), pd.Timestamp("1969-01-01")],
    "timestamp-datetime": lambda: [pd.Timestamp("2020-01-02"), MOMENT],
    "nat-timestamp": lambda: [pd.NaT, pd.Timestamp("2020-01-02")],
    "timestamp-zones": lambda: [pd.Timestamp("2020-01-02", tz="UTC"), pd.Timestamp("2020-01-02")],
    "nat-none": lambda: [pd.NaT, None],
    "nat-nan": lambda: [pd.NaT, NAN],
    "decimal-nan-alone": lambda: [Decimal("NaN")],
    "every-null-alone": lambda: [None, NAN, pd.NaT, Decimal("NaN")],
    **{
        f"datetime64-{unit}": lambda unit=unit: [
            np.datetime64(12_345, unit),
            None,
            np.datetime64(-7, unit),
            np.datetime64("NaT", unit),
        ]
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
    },
    "datetime64-nat-generic": lambda: [NAT_WITHOUT_UNIT, np.datetime64(5, "D")],
    "datetime64-m-s": lambda: [np.datetime64(5, "m"), np.datetime64(5, "s")],
    "datetime64-us-ns": lambda: [np.datetime64(5, "us"), np.datetime64(5, "ns")],
    "datetime64-ns-timestamp": lambda: [np.datetime64(5, "ns"), pd.Timestamp(5)],
    "datetime64-ms-datetime": lambda: [np.datetime64(5, "ms"), MOMENT],
    "datetime64-D-date": lambda: [np.datetime64(5, "D"), DAY],
    "decimal": lambda: [Decimal("1.25"), Decimal("2.50")],
    "decimal-none": lambda: [Decimal("1.25"), None, Decimal("NaN")],
    "decimal-scales": lambda: [Decimal("1.2"), Decimal("3.45")],
    "decimal-scales-falling": lambda: [Decimal("3.45"), Decimal("1.2")],
    "decimal128": lambda: [Decimal("0.123456789012345678"), None],
    "decimal-zero-first": lambda: [Decimal("0"), Decimal("1.5")],
}

_ANY = {
    "int-bool": lambda: [1, True],
    "bool-int8": lambda: [True, np.int8(1)],
    "int-str": lambda: [1, "a"],
    "str-int": lambda: ["a", 1],
    "str-none-int": lambda: ["a", None, 1],
    "bytes-str": lambda: [b"a", "b"],
    "date-datetime": lambda: [DAY, MOMENT],
    "date-time": lambda: [DAY, datetime.time(1)],
    "date-int": lambda: [DAY, 5],
    "datetime64-D-s": lambda: [np.datetime64(5, "D"), np.datetime64(5, "s")],
    "decimal-int": lambda: [Decimal("1.5"), 1],
    "decimal64-decimal128": lambda: [Decimal("1.5"), Decimal("0.123456789012345678")],
    "none": lambda: [None],
    "nones": lambda: [None, None],
    "na": lambda: [pd.NA],
    "nested": lambda: [[1, 2], [3]],
    "nested-mixed": lambda: [1, [2, 3], "x", None, {"a": 1}],
    "nested-empty": lambda: [[], ()],
    "nested-deep": lambda: [[[[[1], 2], 3.0], "4"], None],
    "arrays": lambda: [np.array([1, 2], "i4"), np.array(["a"])],
    "matrix": lambda: [np.zeros((2, 3))],
    "series": lambda: [pd.Series([1.5, None]), pd.Index(["a"], dtype=object)],
    "frame": lambda: [pd.DataFrame({"a": [1, 2]}), 1],
    "frames": lambda: [pd.DataFrame({"a": [1]}), pd.DataFrame({"b": ["x"]})],
    "set-of-one": lambda: [{1}, {"a"}],
    "dict-of-one": lambda: [{"a": 1}, {1: "a"}],
    "every-scalar": lambda: [
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
        np.int8(1),
        np.float32(1.5),
        np.datetime64(5, "h"),
        pd.NaT,
        NAN,
        pd.NA,
    ],
}


def _nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def _circle():
    value = [1]
    value.append(value)
    return value


CASES = [
    *(
        equal(f"list-{name}", build)
        for table in (_VECTORS, {f"any-{name}": build for name, build in _ANY.items()})
        for name, build in table.items()
    ),
    *(equal(f"list-subclass-{name}", lambda build=build: [build(), None]) for name, build in SUBCLASSES.items()),
    *(equal(f"list-any-decimal-{text}", lambda text=text: [Decimal(text), "x"]) for text in DECIMALS[::5]),
    equivalent("list-any-set-and-dict", lambda: [{1, 2, 3}, {"a": 1, "b": 2.5, "c": None}]),
    *(
        refused(f"list-{name}", lambda build=build: [build()])
        for name, build in UNSUPPORTED.items()
        if name not in ("range", "object")
    ),
    refused("list-object-second", lambda: [1, object()], "object"),
    refused("list-object-nested", lambda: [[1, [object()]]], "object"),
    refused("list-int-beyond", lambda: [1, 2**63], "9223372036854775808"),
    refused("list-surrogate", lambda: ["a", "\ud800"], "surrogate", "1"),
    refused("list-text-too-long", lambda: ["a", "x" * 262_144], "262"),
    refused("list-any-text-too-long", lambda: [1, "x" * 262_144], "262"),
    differs("list-text-nul", lambda: ["a", "b\0c"], "text", "NUL", "1"),
    differs("list-any-text-nul", lambda: [1, "b\0c"], "text", "NUL"),
    differs(
        "list-bytes-nul",
        lambda: [b"a\0b", b"\0"],
        "bytes-nul",
        wire="20 01 02000000 01000000 03000000 610062 01000000 00",
    ),
    differs("list-uint8", lambda: [np.uint8(200), None], "unsigned", like=lambda: [np.int16(200), None]),
    differs("list-uint64", lambda: [np.uint64(5)], "unsigned", like=lambda: [5]),
    differs(
        "list-uuid",
        lambda: [uuid.UUID("12345678-1234-5678-9abc-def012345678"), None],
        "uuid",
        wire="13 01 02000000 01000000 78563412f0debc9a7856341278563412" + "00" * 16,
    ),
    differs("list-datetime64-beyond", lambda: [np.datetime64(0, "s"), np.datetime64(2**31, "s")], "datetime-range"),
    differs("list-bytearray", lambda: [bytearray(b"x")], "builtins", like=lambda: [b"x"]),
    differs("list-frozenset", lambda: [frozenset([1])], "builtins", like=lambda: [{1}]),
    differs(
        "list-decimal-three-scales",
        lambda: [Decimal("1.2"), Decimal("3.45"), Decimal("-6.785")],
        "decimal-scale",
        wire=decimals(38, 3, 1200, 3450, -6785),
    ),
    equal("list-nested-60", lambda: _nested(60)),
    differs("list-nested-100", lambda: _nested(100), "depth"),
    differs("list-circle", _circle, "depth", crashes=True),
]

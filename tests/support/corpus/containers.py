"""Sets and dicts: one entry is sent in the only order there is, more are compared after decoding."""

from __future__ import annotations

import collections
import datetime
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

from .case import differs, equal, equivalent, refused
from .scalars import SUBCLASSES, UNSUPPORTED

__all__ = ["CASES"]

DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
NAN = float("nan")
UUID = uuid.UUID("12345678-1234-5678-9abc-def012345678")


class Bag(set):
    pass


class Book(dict):
    pass


class Missing(dict):
    def __missing__(self, key):
        raise AssertionError("asked for a key that is not there")


#: one value of every type that may be an element of a set and a key of a dict
_KEYS = {
    "int": lambda: 1,
    "int-null": lambda: -(2**63),
    "float": lambda: 2.5,
    "nan": lambda: NAN,
    "str": lambda: "größe",
    "str-empty": lambda: "",
    "bytes": lambda: b"\xffa",
    "date": lambda: DAY,
    "time": lambda: datetime.time(1, 2, 3, 4),
    "datetime": lambda: MOMENT,
    "timestamp": lambda: pd.Timestamp("2020-01-02 03:04:05.678901234"),
    "nat": lambda: pd.NaT,
    **{name: lambda name=name: getattr(np, name)(7) for name in ("int8", "int16", "int32", "int64")},
    "float32": lambda: np.float32(1.5),
    **{
        f"datetime64-{unit}": lambda unit=unit: np.datetime64(12_345, unit)
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
    },
}

_NO_KEYS = {
    "bool": lambda: True,
    "decimal": lambda: Decimal("1.5"),
    "none": lambda: None,
    "tuple": lambda: (1, 2),
}

_SETS = {
    "ints": lambda: {1, 2, 3, -5},
    "int-none": lambda: {1, None},
    "int-float": lambda: {1, 2.5},
    "float-nan-none": lambda: {1.5, NAN, None},
    "nan-infinity": lambda: {NAN, float("inf")},
    "int-null-sentinel": lambda: {1, -(2**63), None},
    "str-empty-none": lambda: {"a", "", None},
    "str": lambda: {"a", "b", "größe", ""},
    "str-none": lambda: {"a", None},
    "bytes-none": lambda: {b"a", b"bb", None},
    "dates": lambda: {DAY, datetime.date(1969, 1, 1), None},
    "nat-timestamp": lambda: {pd.NaT, pd.Timestamp(5)},
    "int8-int16": lambda: {np.int8(1), np.int16(2)},
    "many": lambda: set(range(5000)),
    "many-str": lambda: {f"key {i}" for i in range(3000)},
}

_DICTS = {
    "ints": lambda: {1: 10, 2: 20, 3: None},
    "str": lambda: {"a": "x", "b": "größe", "c": None},
    "float-values": lambda: {"a": 1, "b": 2.5},
    "mixed-values": lambda: {"a": 1, "b": "x", "c": DAY, "d": None, "e": [1, 2]},
    "null-key": lambda: {None: 1, "a": 2},
    "null-keys": lambda: {NAN: 1, float("inf"): 2, 1.5: 3},
    "null-keys-of-str": lambda: {"": 1, None: 2},
    "nan-key": lambda: {NAN: 1, 1.0: 2},
    "int-float-keys": lambda: {1: 1, 2.5: 2},
    "int8-int16-keys": lambda: {np.int8(1): 1, np.int16(2): 2},
    "decimal-values": lambda: {"a": Decimal("1.5"), "b": Decimal("2.55")},
    "nested": lambda: {"a": {"x": 1, "y": 2}, "b": {"z": "text"}},
    "frames": lambda: {"a": pd.DataFrame({"x": [1, 2]}), "b": pd.DataFrame({"y": ["p"]})},
    "many": lambda: {i: float(i) for i in range(5000)},
    "many-str": lambda: {f"key {i}": f"value {i % 7}" for i in range(3000)},
    "counter": lambda: collections.Counter("aab"),
    "bool-values": lambda: {"a": True, "b": False, "c": None},
    "date-values": lambda: {"a": DAY, "b": None},
    "bytes-values": lambda: {"a": b"x", "b": b""},
    "none-values": lambda: {"a": None, "b": None},
    "nan-none-values": lambda: {"a": None, "b": NAN},
    "sets": lambda: {"a": {1, 2}, "b": {"x", "y"}},
}

#: the value of a dict of one entry
_VALUES = {
    **_KEYS,
    "bool": lambda: True,
    "none": lambda: None,
    "na": lambda: pd.NA,
    "decimal": lambda: Decimal("1.50"),
    "decimal128": lambda: Decimal("0.123456789012345678"),
    "decimal-nan": lambda: Decimal("NaN"),
    "list": lambda: [1, 2.5, None],
    "list-empty": lambda: [],
    "tuple": lambda: ("a", 1),
    "array": lambda: np.arange(3, dtype="i4"),
    "matrix": lambda: np.zeros((2, 2)),
    "set": lambda: {1},
    "dict": lambda: {"b": {"c": 1}},
    "series": lambda: pd.Series(["a", None]),
    "index": lambda: pd.RangeIndex(2),
    "frame": lambda: pd.DataFrame({"x": [1.5, None], "y": ["a", None]}),
    "frame-empty": lambda: pd.DataFrame({"x": np.zeros(0)}),
}


def _nested(depth):
    value = {"a": 1}
    for _ in range(depth):
        value = {"a": value}
    return value


def _circle():
    value = {}
    value["a"] = value
    return value


CASES = [
    *(equal(f"set-one-{name}", lambda build=build: {build()}) for name, build in _KEYS.items()),
    *(equal(f"dict-key-{name}", lambda build=build: {build(): 1}) for name, build in _KEYS.items()),
    *(equal(f"dict-value-{name}", lambda build=build: {"a": build()}) for name, build in _VALUES.items()),
    *(equal(f"dict-value-subclass-{name}", lambda build=build: {"a": build()}) for name, build in SUBCLASSES.items()),
    *(equivalent(f"set-{name}", build) for name, build in _SETS.items()),
    *(equivalent(f"dict-{name}", build) for name, build in _DICTS.items()),
    *(refused(f"set-of-{name}", lambda build=build: {build()}) for name, build in _NO_KEYS.items()),
    *(refused(f"dict-of-{name}", lambda build=build: {build(): 1}) for name, build in _NO_KEYS.items()),
    *(refused(f"dict-{name}", lambda build=build: {"a": build()}) for name, build in UNSUPPORTED.items()),
    equal("set-subclass", lambda: Bag([1])),
    equal("dict-subclass", lambda: Book(a=1)),
    equal("dict-ordered", lambda: collections.OrderedDict(a=1)),
    equal("dict-default", lambda: collections.defaultdict(list, a=[1])),
    equal("dict-missing", lambda: Missing(a=1)),
    refused("set-empty", set),
    refused("set-nones", lambda: {None, pd.NA}),
    refused("set-mixed", lambda: {1, "a"}),
    refused("set-mixed-null", lambda: {1, "a", None}),
    refused("set-dates-mixed", lambda: {DAY, MOMENT}),
    refused("set-int-beyond", lambda: {2**63}, "9223372036854775808"),
    refused("set-text-too-long", lambda: {"x" * 262_144}, "262"),
    refused("dict-empty", dict),
    refused("dict-empty-inside", lambda: {"a": {}}),
    refused("dict-set-empty-inside", lambda: {"a": set()}),
    refused("dict-keys-mixed", lambda: {"a": 1, 1: 2}),
    refused("dict-object-second", lambda: {"a": 1, "b": object()}, "object"),
    refused("dict-key-object", lambda: {object(): 1}, "object"),
    refused("dict-key-too-long", lambda: {"x" * 262_144: 1}, "262"),
    refused("dict-value-too-long", lambda: {"a": "x" * 262_144}, "262"),
    refused("dict-value-beyond", lambda: {"a": 2**63}, "9223372036854775808"),
    refused("dict-frame-refused", lambda: {"a": pd.DataFrame({"bad": [1j]})}, "bad", "complex128"),
    differs("dict-key-nul", lambda: {"a\0b": 1}, "text", "NUL"),
    differs("dict-value-nul", lambda: {"a": "x\0y"}, "text", "NUL"),
    differs("set-nul", lambda: {"x\0y"}, "text", "NUL"),
    differs("set-bytes-nul", lambda: {b"x\0y"}, "bytes-nul", wire="20 04 20 01 01000000 01000000 03000000 780079"),
    differs(
        "dict-bytes-nul",
        lambda: {b"k\0": b"\0v"},
        "bytes-nul",
        wire="20 05 20 01 01000000 01000000 02000000 6b00 20 01 01000000 01000000 02000000 0076",
    ),
    differs("dict-bytearray", lambda: {"a": bytearray(b"x")}, "builtins", like=lambda: {"a": b"x"}),
    differs("dict-frozenset", lambda: {"a": frozenset([1])}, "builtins", like=lambda: {"a": {1}}),
    differs("set-uint16", lambda: {np.uint16(5)}, "unsigned", like=lambda: {np.int32(5)}),
    differs("dict-key-uint16", lambda: {np.uint16(5): 1}, "unsigned", like=lambda: {np.int32(5): 1}),
    differs("dict-value-uint16", lambda: {"a": np.uint16(5)}, "unsigned", like=lambda: {"a": np.int32(5)}),
    differs(
        "set-uuid",
        lambda: {UUID},
        "uuid",
        wire="13 04 13 01 01000000 01000000 78563412f0debc9a7856341278563412",
    ),
    differs(
        "dict-value-uuid",
        lambda: {"a": UUID},
        "uuid",
        wire="13 05 12 01 01000000 01000000 6100 13 01 01000000 01000000 78563412f0debc9a7856341278563412",
    ),
    equal("dict-nested-50", lambda: _nested(50)),
    differs("dict-nested-100", lambda: _nested(100), "depth"),
    differs("dict-circle", _circle, "depth", crashes=True),
]

"""Scalars: what stands alone as an argument."""

from __future__ import annotations

import datetime
import enum
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

from ..values import NAT_WITHOUT_UNIT
from .case import differs, equal, refused

__all__ = ["CASES", "SUBCLASSES", "UNSUPPORTED"]

UTC = datetime.timezone.utc


class Whole(int):
    """An int that is one and is not one, and shows itself as something else."""

    def __str__(self):
        return "wrong"


class Real(float):
    pass


class Text(str):
    def __str__(self):
        return "wrong"


class Raw(bytes):
    pass


class Money(Decimal):
    pass


class Moment(datetime.datetime):
    pass


class Day(datetime.date):
    pass


class Level(enum.IntEnum):
    LOW = 1


class Colour(str, enum.Enum):
    RED = "red"


#: subclasses are what they derive from
SUBCLASSES = {
    "int": lambda: Whole(5),
    "float": lambda: Real(2.5),
    "str": lambda: Text("abc"),
    "bytes": lambda: Raw(b"abc"),
    "decimal": lambda: Money("1.50"),
    "datetime": lambda: Moment(2020, 1, 2, 3, 4, 5, 678901),
    "date": lambda: Day(2020, 1, 2),
    "intenum": lambda: Level.LOW,
    "strenum": lambda: Colour.RED,
}

#: objects that neither client knows
UNSUPPORTED = {
    "timedelta": lambda: datetime.timedelta(1),
    "pandas-timedelta": lambda: pd.Timedelta(1, "s"),
    "timedelta64": lambda: np.timedelta64(1, "s"),
    "timedelta64-nat": lambda: np.timedelta64("NaT", "s"),
    "period": lambda: pd.Period("2020", "D"),
    "interval": lambda: pd.Interval(0, 1),
    "offset": lambda: pd.DateOffset(days=1),
    "float16": lambda: np.float16(1),
    "longdouble": lambda: np.longdouble(1),
    "complex": lambda: 1j,
    "complex64": lambda: np.complex64(1),
    "complex128": lambda: np.complex128(1),
    "void": lambda: np.void(b"abc"),
    "datetime64-ps": lambda: np.datetime64(1, "ps"),
    "datetime64-fs": lambda: np.datetime64(1, "fs"),
    "datetime64-as": lambda: np.datetime64(1, "as"),
    "datetime64-Y": lambda: np.datetime64("2020", "Y"),
    "datetime64-W": lambda: np.datetime64("2020-01-02", "W"),
    "datetime64-25s": lambda: np.datetime64(3, "25s"),
    "object": object,
    "function": lambda: len,
    "lambda": lambda: lambda: 1,
    "class": lambda: int,
    "module": lambda: np,
    "ellipsis": lambda: ...,
    "slice": lambda: slice(1),
    "enum": lambda: enum.Enum("Plain", "A").A,
    "memoryview": lambda: memoryview(b"x"),
    "range": lambda: range(3),
    "generator": lambda: (x for x in (1, 2)),
    "dict-keys": lambda: {1: 2}.keys(),
}


class Broken:
    """Whatever is asked of it, it raises."""

    def __getattr__(self, name):
        raise OSError(name)


_NUMBERS = {
    "none": lambda: None,
    "na": lambda: pd.NA,
    "nat": lambda: pd.NaT,
    "true": lambda: True,
    "false": lambda: False,
    "bool-numpy": lambda: np.bool_(True),
    "int-zero": lambda: 0,
    "int-largest": lambda: 2**63 - 1,
    "int-null": lambda: -(2**63),
    "int-smallest": lambda: -(2**63) + 1,
    "float": lambda: 1.5,
    "float-nan": lambda: float("nan"),
    "float-minus-nan": lambda: -float("nan"),
    "float-inf": lambda: float("inf"),
    "float-minus-inf": lambda: float("-inf"),
    "float-minus-zero": lambda: -0.0,
    "float-subnormal": lambda: 5e-324,
    "float-largest": lambda: 1.7976931348623157e308,
    "float-smallest-is-null": lambda: -1.7976931348623157e308,
    **{
        f"{name}-{label}": lambda name=name, value=value: getattr(np, name)(value)
        for name in ("int8", "int16", "int32", "int64")
        for label, value in (
            ("one", 1),
            ("minus-one", -1),
            ("largest", np.iinfo(name).max),
            ("null", np.iinfo(name).min),
        )
    },
    **{
        f"{name}-{label}": lambda name=name, value=value: getattr(np, name)(value)
        for name in ("float32", "float64")
        for label, value in (
            ("value", 1.25),
            ("nan", np.nan),
            ("inf", np.inf),
            ("minus-inf", -np.inf),
            ("minus-zero", -0.0),
            ("largest", np.finfo(name).max),
            ("smallest", np.finfo(name).min),
            ("subnormal", np.finfo(name).smallest_subnormal),
        )
    },
}

_TEXTS = {
    "str": lambda: "abc",
    "str-empty": lambda: "",
    "str-unicode": lambda: "größe 漢字 😀 \ufeff",
    "str-control": lambda: "\t\r\n\x01\x7f\x9f",
    "str-numpy": lambda: np.str_("größe"),
    "str-longest": lambda: "x" * 262_143,
    "bytes": lambda: b"abc",
    "bytes-empty": lambda: b"",
    "bytes-high": lambda: b"\xff\x80\x01",
    "bytes-numpy": lambda: np.bytes_(b"abc"),
    "bytes-long": lambda: b"x" * 300_000,
}

_MOMENTS = {
    "datetime": lambda: datetime.datetime(2020, 1, 2, 3, 4, 5, 678901),
    "datetime-before-1970-is-floored": lambda: datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    "datetime-first": lambda: datetime.datetime.min,
    "datetime-last": lambda: datetime.datetime.max,
    "datetime-utc": lambda: datetime.datetime(2020, 1, 2, 3, tzinfo=UTC),
    "datetime-zone-keeps-wall-clock": lambda: datetime.datetime(
        2020, 1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=8))
    ),
    "datetime-fold": lambda: datetime.datetime(2020, 10, 25, 2, 30, fold=1),
    "date": lambda: datetime.date(2020, 1, 2),
    "date-first": lambda: datetime.date.min,
    "date-last": lambda: datetime.date.max,
    "date-before-1970": lambda: datetime.date(1969, 12, 31),
    "time": lambda: datetime.time(13, 14, 15, 678901),
    "time-midnight": lambda: datetime.time(),
    "time-last": lambda: datetime.time.max,
    "time-zone": lambda: datetime.time(1, 2, tzinfo=UTC),
    "timestamp": lambda: pd.Timestamp("2020-01-02 03:04:05.678901234"),
    "timestamp-before-1970": lambda: pd.Timestamp("1969-12-31 23:59:59.999999999"),
    "timestamp-first": lambda: pd.Timestamp.min,
    "timestamp-last": lambda: pd.Timestamp.max,
    "timestamp-far": lambda: pd.Timestamp("9999-12-31 23:59:59"),
    "timestamp-zone-keeps-wall-clock": lambda: pd.Timestamp("2020-01-02 03:04", tz="Asia/Shanghai"),
    "timestamp-seconds": lambda: pd.Timestamp("2020-01-02").as_unit("s"),
    **{
        f"datetime64-{unit}-{label}": lambda unit=unit, ticks=ticks: np.datetime64(ticks, unit)
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
        for label, ticks in (("zero", 0), ("value", 12_345_678), ("negative", -7), ("null", "NaT"))
    },
    "datetime64-null": lambda: NAT_WITHOUT_UNIT,
    "datetime64-s-last": lambda: np.datetime64(2**31 - 1, "s"),
    "datetime64-s-first": lambda: np.datetime64(-(2**31) + 1, "s"),
    "datetime64-ms-last": lambda: np.datetime64(2**63 - 1, "ms"),
    "datetime64-us-last": lambda: np.datetime64((2**63 - 1) // 1000, "us"),
    "datetime64-ns-last": lambda: np.datetime64(2**63 - 1, "ns"),
    "datetime64-D-last": lambda: np.datetime64(2**31 - 1, "D"),
}

#: units whose wire type has 32 bits or counts something smaller, and a value beyond it
_BEYOND = {"M": 2**31, "D": 2**31, "h": -(2**31) - 1, "m": 2**31 // 60 + 1, "s": 2**31, "us": 2**62}

DECIMALS = (
    "0 -0 1 -1 1.23 -1.23 0.00 1.50 100 0.1 1E-5 123456789.123456789 -0.00000000000000001 0E-17 "
    "12345678901234567.5 0.12345678901234567 0.123456789012345678 -0.123456789012345678 0E-18 1E-38 "
    "0.1234567890123456789012345678901234567 99999999999999999999.123456789012345678"
    " NaN -NaN sNaN Infinity -Infinity"
).split()
#: text -> type, scale and digits that it has room in
WIDE_DECIMALS = {
    "1E+3": (38, 0, 1000),
    "0E+3": (38, 0, 0),
    "99999999999999999999.5": (39, 1, 999999999999999999995),
    "-123456789012345678901234567890": (39, 0, -123456789012345678901234567890),
    "-1E+30": (39, 0, -(10**30)),
}
DECIMALS_REFUSED = "1E-39 1E+40 1234567890123456789012345678901234567890".split()


def _decimal(type_id, scale, digits):
    width = 8 if type_id == 38 else 16
    return bytes((type_id, 0)) + scale.to_bytes(4, "little") + digits.to_bytes(width, "little", signed=True)


CASES = [
    *(equal(f"scalar-{name}", build) for table in (_NUMBERS, _TEXTS, _MOMENTS) for name, build in table.items()),
    *(equal(f"scalar-subclass-{name}", build) for name, build in SUBCLASSES.items()),
    *(equal(f"scalar-decimal-{text}", lambda text=text: Decimal(text)) for text in DECIMALS),
    *(refused(f"scalar-decimal-{text}", lambda text=text: Decimal(text), "(?i)decimal") for text in DECIMALS_REFUSED),
    *(
        differs(f"scalar-decimal-{text}", lambda text=text: Decimal(text), "decimal-wide", wire=_decimal(*parts))
        for text, parts in WIDE_DECIMALS.items()
    ),
    *(refused(f"scalar-{name}", build) for name, build in UNSUPPORTED.items()),
    differs("scalar-bytearray", lambda: bytearray(b"a\0"), "builtins", wire="20 00 02000000 6100"),
    differs("scalar-frozenset", lambda: frozenset([1]), "builtins", like=lambda: {1}),
    refused("scalar-broken", Broken, "Broken"),
    refused("scalar-int-2**63", lambda: 2**63, "9223372036854775808", "LONG"),
    refused("scalar-int-beyond-null", lambda: -(2**63) - 1, "-9223372036854775809", "LONG"),
    refused("scalar-int-huge", lambda: 10**400, "LONG"),
    refused("scalar-masked", lambda: np.ma.masked),
    *(
        differs(
            f"scalar-{name}",
            lambda name=name: getattr(np, name)(200),
            "unsigned",
            like=lambda wider=wider: getattr(np, wider)(200),
        )
        for name, wider in (("uint8", "int16"), ("uint16", "int32"), ("uint32", "int64"), ("uint64", "int64"))
    ),
    differs("scalar-uint64-largest", lambda: np.uint64(2**63 - 1), "unsigned", like=lambda: 2**63 - 1),
    refused("scalar-uint64-beyond", lambda: np.uint64(2**63), "9223372036854775808", "LONG"),
    *(
        differs(
            f"scalar-datetime64-{unit}-beyond",
            lambda unit=unit, ticks=ticks: np.datetime64(ticks, unit),
            "datetime-range",
            "datetime64",
        )
        for unit, ticks in _BEYOND.items()
    ),
    differs("scalar-str-nul", lambda: "ab\0c", "text", "NUL"),
    refused("scalar-str-surrogate", lambda: "a\ud800", "surrogate"),
    refused("scalar-str-too-long", lambda: "é" * 131_072, "262,?143|262,?144"),
    differs("scalar-bytes-nul", lambda: b"ab\0c", "bytes-nul", wire="20 00 04000000 61620063"),
    differs("scalar-bytes-nul-first", lambda: b"\0", "bytes-nul", wire="20 00 01000000 00"),
    differs(
        "scalar-uuid",
        lambda: uuid.UUID("12345678-1234-5678-9abc-def012345678"),
        "uuid",
        wire="13 00 78563412f0debc9a7856341278563412",
    ),
]

"""Array vectors: object columns whose cells are lists or arrays."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from ..values import object_column
from .case import differs, equal, forced, one, refused

__all__ = ["CASES"]

DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
NAN = float("nan")
D = Decimal
UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"
HEX = "0123456789abcdef0123456789ABCDEF"


def column(*cells):
    return one(object_column(list(cells)))


_EQUAL = {
    "int": lambda: column([1, 2], [3]),
    "tuple": lambda: column((1, 2), (3,)),
    "tuple-and-list": lambda: column((1, 2), [3]),
    "one": lambda: column([1]),
    "null-cell-and-empty-row": lambda: column([1, None], []),
    "empty-row-first": lambda: column([], [1]),
    "empty-tuple-first": lambda: column((), (1,)),
    "nulls-first": lambda: column([None], [1]),
    "nan-first": lambda: column([NAN], [1]),
    "int-float": lambda: column([1], [2.5]),
    "float": lambda: column([1.5, float("inf"), NAN, None, -0.0]),
    "bool": lambda: column([True], [None, False]),
    "nat": lambda: column([pd.NaT]),
    "date": lambda: column([DAY, None], [DAY]),
    "datetime": lambda: column([MOMENT], [pd.Timestamp(5)]),
    "time": lambda: column([datetime.time(1, 2, 3, 4)]),
    "timestamp": lambda: column([pd.Timestamp("2020-01-02 03:04:05.678901234"), None]),
    "decimal": lambda: column([D("1.25"), None], [], [D("2.50")]),
    "decimal-one-row": lambda: column([D("1.25"), D("2.5")]),
    "decimal128": lambda: column([D("0.123456789012345678")], [D("1.000000000000000000")]),
    "int8-int16": lambda: column([np.int8(1)], [np.int16(2)]),
    "int8-int": lambda: column([np.int8(1)], [300]),
    "float32-float": lambda: column([np.float32(1)], [2.5]),
    "array-and-list": lambda: column(np.array([1, 2], "i4"), [3]),
    "list-and-array": lambda: column([3], np.array([1, 2], "i4")),
    "array-int-float": lambda: column(np.array([1, 2], "i4"), np.array([3], "f8")),
    "array-empty-first": lambda: column(np.array([], "i4"), np.array([1], "i4")),
    "array-empty": lambda: column(np.array([1.5, np.nan], "f4"), np.array([], "f4")),
    "array-object": lambda: column(np.array([1, None], object)),
    "array-strided": lambda: column(np.arange(6)[::2], np.arange(3)[::-1]),
    "array-big-endian": lambda: column(np.array([1, 2], ">i4")),
    "array-readonly": lambda: column(np.broadcast_to(np.int16(7), 3)),
    "array-bool": lambda: column(np.array([True, False])),
    **{
        f"array-{name}": lambda name=name: column(
            np.array([np.iinfo(name).min, np.iinfo(name).max, 0], name), np.array([5], name)
        )
        for name in ("int8", "int16", "int32", "int64")
    },
    **{
        f"array-{name}": lambda name=name: column(np.array([1.5, np.nan, np.inf], name), np.array([-0.0], name))
        for name in ("float32", "float64")
    },
    **{
        f"array-datetime64-{unit}": lambda unit=unit: column(
            np.array([12_345, "NaT"], f"M8[{unit}]"), np.array([-7], f"M8[{unit}]")
        )
        for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns")
    },
    "series": lambda: column(pd.Series([1, 2]), pd.Series([3])),
    "series-Int64": lambda: column(pd.Series([1, None], dtype="Int64")),
    "index": lambda: column(pd.Index([1, 2])),
    "row-of-255": lambda: column([1] * 255, [2]),
    "row-of-256": lambda: column([1] * 256, [2]),
    "beside-others": lambda: pd.DataFrame(
        {"a": object_column([[1], [2, 3]]), "b": ["x", "y"], "c": object_column([np.zeros(2), np.ones(1)])}
    ),
    "reversed": lambda: column([1, 2], [3], [4, 5, 6])[::-1],
    "strided": lambda: column([1, 2], [3], [4, 5, 6])[::2],
}

#: blocks of the official client end where its buffer of 4,096 bytes does
_LARGE = {
    "many-rows": lambda: column(*([i] for i in range(2_000))),
    "many-decimals": lambda: column(*([D(i) / 4 + D("0.00")] for i in range(1_000))),
    "three-cells": lambda: column(*(np.arange(i, i + 3) for i in range(2_000))),
    "bool-rows": lambda: column(*(np.array([True] * (i % 4 + 1)) for i in range(5_000))),
    "long-rows": lambda: column(*(np.arange(300, dtype="i4") for _ in range(300))),
    "row-of-65535": lambda: column(np.arange(65_535)),
    "row-of-70000": lambda: column(np.arange(70_000), [1]),
    "rows-70000": lambda: column(*[[7]] * 70_000),
    "ragged": lambda: column(*(np.arange(i % 700, dtype="f8") + 0.5 for i in range(1, 900))),
}

_FORCED = {
    **{
        f"int-{spec}": (lambda: column([1, 0], [None, 1], []), spec)
        for spec in "BOOL[] CHAR[] SHORT[] INT[] LONG[] FLOAT[] DOUBLE[] int[]".split()
    },
    "int-id": (lambda: column([1], [2]), 68),
    "int-id-in-list": (lambda: column([1], [2]), [68]),
    "all-empty": (lambda: column([], []), 68),
    "all-null": (lambda: column([None], [None]), "DATE[]"),
    "no-rows": (lambda: column(), "INT[]"),
    "no-rows-decimal": (lambda: column(), ["DECIMAL64[]", 3]),
    **{
        f"datetime-{spec}": (
            lambda: column([MOMENT, None], [datetime.datetime(1969, 12, 31, 23, 59)]),
            f"{spec}[]",
        )
        for spec in "DATE DATETIME TIMESTAMP NANOTIMESTAMP DATEHOUR TIME MINUTE SECOND NANOTIME".split()
    },
    "datetime-MONTH": (lambda: column([MOMENT, None]), "MONTH[]"),
    "uuid": (lambda: column([UUID, None], [UUID.upper()]), "UUID[]"),
    "ipaddr": (lambda: column(["1.2.3.4", "2001:db8::1"], [None]), "IPADDR[]"),
    "int128": (lambda: column([HEX], [None, HEX]), "INT128[]"),
    "decimal-first-scale": (lambda: column([D("1.25")], [D("2.5")]), 102),
    "decimal-scale": (lambda: column([D("1.25")], [D("2.5"), None]), ["DECIMAL64[]", 3]),
    "decimal32-rounds": (lambda: column([D("1.25")], [D("-1.25")]), ["DECIMAL32[]", 1]),
    "decimal128": (lambda: column([D("1.25")], [D("2.5")]), ["DECIMAL128[]", 20]),
    "array-float-int": (lambda: column(np.array([1.0, np.nan])), "INT[]"),
    "array-double-float": (lambda: column(np.array([1.5, np.nan])), "FLOAT[]"),
    "array-ns-DATE": (lambda: column(np.array([1, "NaT"], "M8[ns]")), "DATE[]"),
    "array-ns-TIMESTAMP": (lambda: column(np.array([1_234_567_890], "M8[ns]")), "TIMESTAMP[]"),
    "any": (lambda: column([1, 2]), "ANY"),
}

_REFUSED = {
    "none-row": (lambda: column([1, 2], None), "row 1"),
    "none-row-first": (lambda: column(None, [1]), "row 0"),
    "nan-row": (lambda: column([1], NAN), "row 1"),
    "int-bool": (lambda: column([1], [True]), "row 1"),
    "int-str": (lambda: column([1], ["a"]), "row 1"),
    "mixed": (lambda: column([1, "a"]), "row 0"),
    "str": (lambda: column(["a"], ["b"]), "STRING"),
    "bytes": (lambda: column([b"a"]), "BLOB"),
    "array-str": (lambda: column(np.array(["a"])), "STRING|str|U1"),
    "date-datetime": (lambda: column([DAY], [MOMENT]), "row 1"),
    "units": (lambda: column(np.array([1], "M8[D]"), np.array([1], "M8[s]")), "row 1"),
    "all-empty": (lambda: column([], []),),
    "all-empty-arrays": (lambda: column(np.array([], "i4"), np.array([], "i4")),),
    "all-null": (lambda: column([None], [None]),),
    "nested": (lambda: column([[1]]), "row 0"),
    "two-dimensions": (lambda: column(np.zeros((2, 2))), "row 0"),
    "int-after": (lambda: column([1], 2), "row 1"),
    "int-before": (lambda: column(1, [2]), "row [01]"),
    "beyond": (lambda: column([1], [2**63]), "row 1", "LONG"),
    "object": (lambda: column([object()]), "row 0", "object"),
    "set": (lambda: column([1], {2}), "row 1"),
    "forced-str": (lambda: forced(column(["a"]), bad="STRING[]"), r"STRING\[\]"),
    "forced-symbol": (lambda: forced(column(["a"]), bad="SYMBOL[]"), r"SYMBOL\[\]"),
    "forced-none-row": (lambda: forced(column(None, [2]), bad="INT[]"), "row 0"),
    "forced-beyond": (lambda: forced(column([1], [2**40]), bad="INT[]"), "row 1", "INT"),
    "forced-float": (lambda: forced(column([1.5]), bad="INT[]"), "row 0", "INT"),
    "forced-element-type": (lambda: forced(column([1], [2]), bad="INT"), "row 0", "INT"),
    "forced-uuid-text": (lambda: forced(column([UUID], ["x"]), bad="UUID[]"), "row 1", "UUID"),
    "forced-on-numbers": (lambda: forced(one(np.array([1, 2])), bad="INT[]"), "INT"),
}

CASES = [
    *(equal(f"vectors-{name}", build) for name, build in _EQUAL.items()),
    *(equal(f"vectors-large-{name}", build) for name, build in _LARGE.items()),
    *(
        equal(f"vectors-forced-{name}", lambda build=build, spec=spec: forced(build(), bad=spec))
        for name, (build, spec) in _FORCED.items()
    ),
    *(refused(f"vectors-{name}", build, "bad", *place) for name, (build, *place) in _REFUSED.items()),
    differs(
        "vectors-array-uint8",
        lambda: column(np.array([200], "u1")),
        "unsigned",
        like=lambda: column(np.array([200], "i2")),
    ),
    differs(
        "vectors-decimal-scales",
        lambda: column([D("1.2")], [D("2.55")]),
        "decimal-scale",
        like=lambda: column([D("1.20")], [D("2.55")]),
    ),
    differs(
        "vectors-forced-array-beyond",
        lambda: forced(column(np.array([1, 300], "i4")), bad="CHAR[]"),
        "forced-range",
        "bad",
        "row 0",
        "CHAR",
    ),
    differs(
        "vectors-datetime64-beyond",
        lambda: column(np.array([2**31], "M8[s]")),
        "datetime-range",
        "bad",
        "row 0",
    ),
]

"""numpy arrays of one and two dimensions, in every layout; Series and Index."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from ..values import NAT_WITHOUT_UNIT
from .case import differs, equal, equivalent, refused

__all__ = ["CASES", "LAYOUTS"]

UNITS = ("M", "D", "h", "m", "s", "ms", "us", "ns")
DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
NAN = float("nan")


def objects(*values):
    """A 1-d object array of `values`, whatever they are."""
    return np.fromiter(values, dtype=object, count=len(values))


def _readonly(array):
    array.setflags(write=False)
    return array


def _unaligned(array):
    room = np.zeros(array.nbytes + 1, "u1")
    moved = np.frombuffer(room, array.dtype, len(array), offset=1)
    moved[:] = array
    return moved


#: the same cells in other memory
LAYOUTS = {
    "contiguous": lambda array: array,
    "reversed": lambda array: array[::-1].copy()[::-1],
    "strided": lambda array: np.repeat(array, 3)[::3],
    "sliced": lambda array: np.concatenate([array, array, array])[len(array) : 2 * len(array)],
    "readonly": _readonly,
}

_TYPED = {
    "bool": lambda: np.array([True, False, True]),
    **{
        name: lambda name=name: np.array([1, -1, np.iinfo(name).min, np.iinfo(name).max, 0], name)
        for name in ("int8", "int16", "int32", "int64")
    },
    **{
        name: lambda name=name: np.array(
            [
                1.25,
                np.nan,
                np.inf,
                -np.inf,
                -0.0,
                np.finfo(name).max,
                np.finfo(name).min,
                np.finfo(name).tiny / 2,
            ],
            name,
        )
        for name in ("float32", "float64")
    },
    **{f"datetime64-{unit}": lambda unit=unit: np.array([0, 12_345_678, -7, "NaT"], f"M8[{unit}]") for unit in UNITS},
    "str": lambda: np.array(["a", "", "größe", "漢字😀"]),
    "bytes": lambda: np.array([b"a\0b", b"", b"\xff", b"abcd"]),
}

_OBJECTS = {
    "empty": lambda: objects(),
    "int-none": lambda: objects(1, None),
    "int-nan": lambda: objects(1, np.nan),
    "int-float": lambda: objects(1, 2.5),
    "str-int": lambda: objects("a", 1),
    "str-none": lambda: objects("a", None, ""),
    "none": lambda: objects(None, None),
    "nan": lambda: objects(NAN),
    "nat": lambda: objects(pd.NaT),
    "dates": lambda: objects(DAY, None),
    "datetimes": lambda: objects(MOMENT, pd.NaT),
    "decimals": lambda: objects(Decimal("1.5"), None),
    "lists": lambda: objects([1, 2], [3]),
    "arrays": lambda: objects(np.arange(2), np.arange(3.0)),
    "bytes": lambda: objects(b"a", None),
    "bool-int": lambda: objects(True, 1),
}

_MATRICES = {
    "c-order": lambda: np.array([[1, 2, 3], [4, 5, 6]]),
    "fortran": lambda: np.asfortranarray(np.array([[1, 2, 3], [4, 5, 6]], "i2")),
    "rows-reversed": lambda: np.arange(6, dtype="i4").reshape(2, 3)[::-1],
    "columns-reversed": lambda: np.arange(6, dtype="i4").reshape(2, 3)[:, ::-1],
    "strided": lambda: np.arange(24.0).reshape(4, 6)[::2, 1::3],
    "transposed": lambda: np.arange(6, dtype="f4").reshape(2, 3).T,
    "broadcast": lambda: np.broadcast_to(np.int32(3), (2, 4)),
    "broadcast-row": lambda: np.broadcast_to(np.arange(3), (2, 3)),
    "readonly": lambda: _readonly(np.ones((2, 2))),
    "numpy-matrix": lambda: np.array([[1, 2], [3, 4]]).view(np.matrix),
    "one-row": lambda: np.array([[1, 2, 3]], "i1"),
    "one-column": lambda: np.array([[1], [2]], "i1"),
    "no-rows": lambda: np.zeros((0, 3)),
    "no-columns": lambda: np.zeros((3, 0), "i4"),
    "nothing": lambda: np.zeros((0, 0), "f4"),
    "bool": lambda: np.array([[True, False]]),
    "float64": lambda: np.array([[1.5, np.nan], [np.inf, -0.0]]),
    "float32": lambda: np.array([[1.5, np.nan], [-np.inf, -0.0]], "f4"),
    "int64-null": lambda: np.array([[-(2**63), 1]]),
    **{f"datetime64-{unit}": lambda unit=unit: np.array([[0, 12_345], [-7, "NaT"]], f"M8[{unit}]") for unit in UNITS},
    "object-int": lambda: np.array([[1, None], [None, 4]], object),
    "object-float": lambda: np.array([[1, 2.5], [None, 4]], object),
    "object-bool": lambda: np.array([[True, None]], object),
    "object-dates": lambda: np.array([[DAY, None], [None, DAY]], object),
    "object-nan": lambda: np.array([[NAN, None]], object),
    "object-fortran": lambda: np.asfortranarray(np.array([[1, 2], [3, None]], object)),
    "object-no-columns": lambda: np.zeros((2, 0), object),
    "large": lambda: np.arange(90_000.0).reshape(300, 300),
    "large-nan": lambda: np.where(np.arange(90_000).reshape(300, 300) % 7, 1.5, np.nan),
}

_NO_MATRIX = {
    "str": lambda: np.array([["a", "b"]]),
    "bytes": lambda: np.array([[b"a", b"b"]]),
    "object-str": lambda: np.array([["a", "b"]], object),
    "object-decimal": lambda: np.array([[Decimal("1.5")]], object),
    "object-mixed": lambda: np.array([[1, "a"]], object),
    "object-none": lambda: np.array([[None, None]], object),
    "three-dimensions": lambda: np.zeros((2, 2, 2)),
    "timedelta": lambda: np.zeros((2, 2), "m8[s]"),
    "complex": lambda: np.zeros((2, 2), "c16"),
}

#: dtypes that neither client knows
_NO_DTYPE = {
    "float16": lambda: np.ones(2, "f2"),
    "longdouble": lambda: np.ones(2, "g"),
    "complex64": lambda: np.ones(2, "c8"),
    "complex128": lambda: np.ones(2, "c16"),
    "timedelta": lambda: np.ones(2, "m8[s]"),
    "datetime64-Y": lambda: np.array(["2020"], "M8[Y]"),
    "datetime64-W": lambda: np.array(["2020-01-02"], "M8[W]"),
    "datetime64-ps": lambda: np.array([1], "M8[ps]"),
    "structured": lambda: np.zeros(2, [("a", "i4"), ("b", "f8")]),
    "record": lambda: np.rec.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]),
    "void": lambda: np.zeros(2, "V3"),
    "zero-dimensions": lambda: np.array(5),
}

_SERIES = {
    "int64": lambda: pd.Series([1, 2]),
    "float-none": lambda: pd.Series([1, None]),
    "bool": lambda: pd.Series([True, False]),
    "str": lambda: pd.Series(["a", None, "größe"]),
    "str-object": lambda: pd.Series(["a", None, NAN], dtype=object),
    "string": lambda: pd.Series(["a", None], dtype="string"),
    "datetime64-s": lambda: pd.Series(np.array([0, "NaT"], "M8[s]")),
    "datetime64-ns": lambda: pd.Series(np.array([5, "NaT"], "M8[ns]")),
    "Int8": lambda: pd.Series([1, None], dtype="Int8"),
    "Int64": lambda: pd.Series([1, None], dtype="Int64"),
    "boolean": lambda: pd.Series([True, None], dtype="boolean"),
    "Float32-inf": lambda: pd.Series([1.5, np.inf, None], dtype="Float32"),
    "dates": lambda: pd.Series([DAY, None]),
    "timestamps-object": lambda: pd.Series([pd.Timestamp(5), None], dtype=object),
    "decimals": lambda: pd.Series([Decimal("1.5"), None]),
    "mixed": lambda: pd.Series([1, "a", None]),
    "lists-are-no-array-vector": lambda: pd.Series([[1, 2], [3]]),
    "nones": lambda: pd.Series([None, None], dtype=object),
    "empty-object": lambda: pd.Series([], dtype=object),
    "empty-int32": lambda: pd.Series([], dtype="i4"),
    "reversed": lambda: pd.Series([1, 2, 3])[::-1],
    "strided": lambda: pd.Series([1.5, 2.5, 3.5])[::2],
    "named-and-indexed": lambda: pd.Series([1, 2], index=["x", "y"], name="n"),
    "frame-column": lambda: pd.DataFrame({"a": [1, 2], "b": [3, 4]})["b"],
    "index": lambda: pd.Index([1, 2]),
    "range-index": lambda: pd.RangeIndex(5, 0, -2),
    "str-index": lambda: pd.Index(["a", "b"]),
    "datetime-index": lambda: pd.DatetimeIndex(["2020-01-02", None]),
    "Int64-index": lambda: pd.Index([1, None], dtype="Int64"),
    "columns": lambda: pd.DataFrame({"a": [1], "b": [2]}).columns,
    "multi-index": lambda: pd.MultiIndex.from_tuples([(1, 2), (3, 4)]),
    "multi-index-mixed": lambda: pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    "empty-index": lambda: pd.Index([], dtype=object),
}

_NO_SERIES = {
    "zone": lambda: pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
    "timedelta": lambda: pd.Series(pd.to_timedelta([1, 2])),
    "period": lambda: pd.period_range("2020", periods=2, freq="D"),
    "interval": lambda: pd.interval_range(0, 2),
    "sparse": lambda: pd.Series(pd.arrays.SparseArray([1, 0])),
    "groupby": lambda: pd.DataFrame({"a": [1]}).groupby("a"),
}

_WIDER = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"}


def _typed_cases():
    for name, build in _TYPED.items():
        for layout, move in LAYOUTS.items():
            yield equal(f"array-{name}-{layout}", lambda build=build, move=move: move(build()))
        yield equal(f"array-{name}-empty", lambda build=build: build()[:0])
        if build().dtype.kind not in "SU":
            yield equal(f"array-{name}-unaligned", lambda build=build: _unaligned(build()))
            yield equal(f"array-{name}-broadcast", lambda build=build: np.broadcast_to(build()[:1], (5,)))
            yield equal(f"array-{name}-large", lambda build=build: np.resize(build(), 70_001))


CASES = [
    *_typed_cases(),
    *(equal(f"array-object-{name}", build) for name, build in _OBJECTS.items()),
    *(
        equal(f"array-object-strided-{name}", lambda build=build: np.repeat(build(), 2)[::-2])
        for name, build in _OBJECTS.items()
    ),
    *(equal(f"matrix-{name}", build) for name, build in _MATRICES.items()),
    *(equal(f"series-{name}", build) for name, build in _SERIES.items()),
    *(refused(f"matrix-{name}", build) for name, build in _NO_MATRIX.items()),
    *(refused(f"array-{name}", build) for name, build in _NO_DTYPE.items()),
    *(refused(f"series-{name}", build) for name, build in _NO_SERIES.items()),
    equal("array-datetime64-generic", lambda: np.array([NAT_WITHOUT_UNIT])),
    equal("array-str-big-endian", lambda: np.array(["a", "größe"], ">U5")),
    equal("array-subclass", lambda: np.ma.array([1, 2])),
    refused("array-str-nul", lambda: np.array(["a\0b", "c"]), "NUL"),
    refused("array-str-too-long", lambda: np.array(["a", "x" * 262_144]), "262"),
    refused("array-object-unsupported", lambda: objects(1, object()), "object"),
    *(
        differs(
            f"array-{name}",
            lambda name=name: np.array([0, 200], name),
            "unsigned",
            like=lambda wider=wider: np.array([0, 200], wider),
        )
        for name, wider in _WIDER.items()
    ),
    *(
        differs(
            f"matrix-{name}",
            lambda name=name: np.array([[0, 200], [1, 2]], name),
            "unsigned",
            like=lambda wider=wider: np.array([[0, 200], [1, 2]], wider),
        )
        for name, wider in _WIDER.items()
    ),
    refused("array-uint64-beyond", lambda: np.array([1, 2**63], "u8"), "9223372036854775808|uint64", "1"),
    refused("matrix-uint64-beyond", lambda: np.array([[1, 2**63]], "u8"), "uint64"),
    *(
        differs(
            f"array-big-endian-{name}",
            lambda name=name, build=build: build().astype(build().dtype.newbyteorder(">")),
            "byte-order",
            like=build,
        )
        for name, build in _TYPED.items()
        if name not in ("bool", "int8", "str", "bytes")
    ),
    differs(
        "matrix-big-endian",
        lambda: np.array([[1.5, np.nan], [2, 3]], ">f8"),
        "byte-order",
        like=lambda: np.array([[1.5, np.nan], [2, 3]]),
    ),
    *(
        differs(
            f"array-datetime64-{unit}-beyond",
            lambda unit=unit, ticks=ticks: np.array([0, ticks, 0], f"M8[{unit}]"),
            "datetime-range",
            "1",
            rf"datetime64\[{unit}\]",
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
    differs("matrix-datetime64-beyond", lambda: np.array([[0, 2**31]], "M8[s]"), "datetime-range"),
    differs(
        "series-category",
        lambda: pd.Series(pd.Categorical(["b", "a", None, "b"])),
        "categorical",
        wire="91 01 04000000 01000000 00000000 03000000 00 6200 6100 01000000 02000000 00000000 01000000",
    ),
    differs(
        "series-category-int",
        lambda: pd.Series(pd.Categorical([2, 1, 2])),
        "categorical",
        like=lambda: pd.Series([2, 1, 2]),
    ),
    differs(
        "index-category",
        lambda: pd.CategoricalIndex(["b", "b"]),
        "categorical",
        wire="91 01 02000000 01000000 00000000 02000000 00 6200 01000000 01000000",
    ),
    differs(
        "series-uint8",
        lambda: pd.Series([1, 200], dtype="u1"),
        "unsigned",
        like=lambda: pd.Series([1, 200], dtype="i2"),
    ),
    differs(
        "series-UInt8",
        lambda: pd.Series([1, None], dtype="UInt8"),
        "unsigned",
        like=lambda: pd.Series([1, None], dtype="Int16"),
    ),
    *(
        differs(
            f"extension-{dtype}",
            lambda d=dtype, v=values: pd.array(v, dtype=d),
            "extension",
            like=lambda d=dtype, v=values: pd.Series(v, dtype=d),
        )
        for dtype, values in (("Int64", [1, None]), ("boolean", [True, None]), ("string", ["a", None]))
    ),
    differs(
        "extension-category",
        lambda: pd.Categorical(["b", "b"]),
        "categorical",
        wire="91 01 02000000 01000000 00000000 02000000 00 6200 01000000 01000000",
    ),
    equivalent("array-object-sets", lambda: objects({1, 2}, {"a", "b"})),
]

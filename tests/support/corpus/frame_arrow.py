"""Columns that Arrow holds."""

from __future__ import annotations

import datetime
import functools
from decimal import Decimal

import pandas as pd

from . import case
from .case import decimals, forced, one

try:
    import pyarrow as pa
except ImportError:
    pa = None

__all__ = ["CASES"]

D = Decimal
DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
TIME = datetime.time(13, 14, 15, 678901)
NAN, INF = float("nan"), float("inf")

equal = functools.partial(case.equal, needs="pyarrow")
refused = functools.partial(case.refused, needs="pyarrow")
differs = functools.partial(case.differs, needs="pyarrow")


def column(values, arrow_type):
    """A frame of a column of that Arrow type, which is made only when the case is."""
    return one(pd.Series(list(values), dtype=pd.ArrowDtype(arrow_type())))


def chunked(*chunks, type=None):
    return one(pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(list(chunks), type=type and type()))))


def dictionary(indices, words, index_type=lambda: pa.int32()):
    return pa.DictionaryArray.from_arrays(pa.array(indices, index_type()), pa.array(words))


#: name -> (values, Arrow type)
_TYPES = {
    "bool": ([True, None, False, True, True, None, False, False, True], lambda: pa.bool_()),
    "int8": ([1, None, -128, 127], lambda: pa.int8()),
    "int16": ([1, None, -(2**15), 2**15 - 1], lambda: pa.int16()),
    "int32": ([1, None, -(2**31), 2**31 - 1], lambda: pa.int32()),
    "int64": ([1, None, -(2**63), 2**63 - 1], lambda: pa.int64()),
    "float32": ([1.5, None, NAN, INF, -INF, -0.0], lambda: pa.float32()),
    "float64": ([1.5, None, NAN, INF, -INF, -0.0], lambda: pa.float64()),
    "date32": ([DAY, None, datetime.date(1969, 12, 31), datetime.date.max], lambda: pa.date32()),
    "time32-s": ([datetime.time(1, 2, 3), None], lambda: pa.time32("s")),
    "time32-ms": ([datetime.time(1, 2, 3, 4000), None], lambda: pa.time32("ms")),
    "time64-ns": ([TIME, None, datetime.time.max], lambda: pa.time64("ns")),
    "timestamp-s": (
        [datetime.datetime(2020, 1, 2, 3), None, datetime.datetime(1969, 1, 1)],
        lambda: pa.timestamp("s"),
    ),
    "timestamp-ms": (
        [datetime.datetime(2020, 1, 2, 3), None, datetime.datetime(2300, 1, 1)],
        lambda: pa.timestamp("ms"),
    ),
    "timestamp-ns": ([MOMENT, None, datetime.datetime(1969, 1, 1)], lambda: pa.timestamp("ns")),
    "string": (["a", None, "größe", ""], lambda: pa.string()),
    "large-string": (["a", None, "größe", ""], lambda: pa.large_string()),
    "large-binary": ([b"a\0b", None, b"", b"\xff"], lambda: pa.large_binary()),
    "binary16": ([b"0123456789abcdef", None], lambda: pa.binary(16)),
    "decimal128": ([D("1.50"), None, D("-1.25")], lambda: pa.decimal128(10, 2)),
    "decimal128-whole": ([D("15"), None, D("-3")], lambda: pa.decimal128(5, 0)),
    "decimal128-wide": ([D("1E-38"), None, D("-1E-37")], lambda: pa.decimal128(38, 38)),
    "dictionary": (["b", None, "a", "b", ""], lambda: pa.dictionary(pa.int32(), pa.string())),
    "dictionary-large": (["b", None, "a", "b"], lambda: pa.dictionary(pa.int32(), pa.large_string())),
    "list-int32": ([[1, None], None, [], [3]], lambda: pa.list_(pa.int32())),
    "list-int8": ([[1, None, -128], [2]], lambda: pa.list_(pa.int8())),
    "list-int64": ([[1], [2, 3]], lambda: pa.list_(pa.int64())),
    "list-bool": ([[True, None], [False]], lambda: pa.list_(pa.bool_())),
    "list-float64": ([[1.5, NAN, INF, None], []], lambda: pa.list_(pa.float64())),
    "list-float32": ([[1.5, None], []], lambda: pa.list_(pa.float32())),
    "list-date": ([[DAY, None]], lambda: pa.list_(pa.date32())),
    "list-timestamp-ns": ([[MOMENT, None], None], lambda: pa.list_(pa.timestamp("ns"))),
    "list-timestamp-ms": ([[datetime.datetime(2020, 1, 2)], None], lambda: pa.list_(pa.timestamp("ms"))),
    "list-time64": ([[TIME, None]], lambda: pa.list_(pa.time64("ns"))),
    "list-decimal": ([[D("1.5"), None], []], lambda: pa.list_(pa.decimal128(5, 2))),
    "list-binary16": ([[b"0123456789abcdef", None]], lambda: pa.list_(pa.binary(16))),
}

_REFUSED = {
    "float16": ([1.5], lambda: pa.float16()),
    "timestamp-zone": ([MOMENT], lambda: pa.timestamp("ns", tz="UTC")),
    "duration": ([datetime.timedelta(1)], lambda: pa.duration("ns")),
    "struct": ([{"a": 1}], lambda: pa.struct([("a", pa.int32())])),
    "map": ([[("a", 1)]], lambda: pa.map_(pa.string(), pa.int32())),
    "binary3": ([b"abc"], lambda: pa.binary(3)),
    "list-string": ([["a"]], lambda: pa.list_(pa.string())),
    "list-list": ([[[1]]], lambda: pa.list_(pa.list_(pa.int32()))),
    "string-nul": (["a", "b\0c"], lambda: pa.string()),
    "decimal-negative-scale": ([D("100")], lambda: pa.decimal128(5, -2)),
}

#: source -> (targets as the official client, targets refused)
_FORCED = {
    "bool": (["BOOL", "INT"], ["STRING", "DECIMAL64", "UUID", "ANY", "VOID"]),
    "int32": (["INT"], ["STRING", "SYMBOL", "UUID", "ANY", "VOID", "INT[]"]),
    "float64": (["FLOAT", "DOUBLE"], ["STRING", "DECIMAL64", "UUID", "ANY", "VOID"]),
    "date32": (["DATE"], ["STRING", "DECIMAL64", "ANY", "UUID", "VOID"]),
    "time64-ns": (["NANOTIME"], ["STRING", "DECIMAL64", "ANY", "VOID"]),
    "timestamp-ns": (["NANOTIMESTAMP"], ["DECIMAL64", "ANY", "UUID", "VOID"]),
    "timestamp-ms": (["TIMESTAMP"], ["DECIMAL64", "ANY", "VOID"]),
    "string": (["STRING", "SYMBOL", "BLOB"], ["INT", "DATE", "DOUBLE", "ANY", "VOID"]),
    "large-binary": (["BLOB"], ["INT", "DATE", "ANY", "VOID"]),
    "binary16": (["UUID", "INT128"], ["INT", "DATE", "ANY", "VOID"]),
    "decimal128": (["DECIMAL32", "DECIMAL64", "DECIMAL128"], ["DATE", "ANY", "UUID", "VOID"]),
    "dictionary": (["SYMBOL", "STRING", "BLOB"], ["INT", "DATE", "ANY", "VOID"]),
    "list-int32": (["INT[]"], ["INT", "DATE", "STRING", "ANY", "VOID"]),
}


def _like(sliced_of, arrow_type):
    """The rows of a slice in memory of their own."""
    frame = column(sliced_of * 3, arrow_type)[1 : len(sliced_of) + 2]
    return frame.assign(bad=pd.Series(frame["bad"].tolist(), frame.index, frame["bad"].dtype))


def _type_cases():
    for name, (values, arrow_type) in _TYPES.items():
        build = functools.partial(column, values, arrow_type)
        yield equal(f"arrow-{name}", build)
        yield equal(f"arrow-{name}-empty", lambda t=arrow_type: column([], t))
        if not name.startswith("list-"):
            yield equal(f"arrow-{name}-all-null", lambda t=arrow_type: column([None, None], t))
        yield equal(f"arrow-{name}-reversed", lambda b=build: b()[::-1])
        sliced = lambda v=values, t=arrow_type: column(v * 3, t)[1 : len(v) + 2]  # noqa: E731
        if name.startswith("list-"):
            same = lambda v=values, t=arrow_type: _like(sliced_of=v, arrow_type=t)  # noqa: E731
            yield differs(f"arrow-{name}-sliced", sliced, "arrow-sliced", like=same)
        else:
            yield equal(f"arrow-{name}-sliced", sliced)
        yield equal(f"arrow-{name}-strided", lambda v=values, t=arrow_type: column(v * 3, t)[::2])
        yield equal(f"arrow-{name}-glued", lambda b=build: pd.concat([b(), b()[:0], b()[:1]]))
        yield equal(f"arrow-{name}-many", lambda v=values, t=arrow_type: column(v * 5, t))
    for name, (targets, no) in _FORCED.items():
        values, arrow_type = _TYPES[name]
        # the smallest integers are NULL, which is another matter
        values = [v for v in values if v not in (-(2**31), -(2**63))]
        for target in targets:
            yield equal(
                f"arrow-{name}-forced-{target}",
                lambda v=values, a=arrow_type, t=target: forced(column(v, a), bad=t),
            )
        for target in no:
            yield refused(
                f"arrow-{name}-forced-{target}",
                lambda v=values, a=arrow_type, t=target: forced(column(v, a), bad=t),
                "bad",
            )


CASES = [
    *_type_cases(),
    *(
        refused(f"arrow-{name}", lambda v=values, t=arrow_type: column(v, t), "bad")
        for name, (values, arrow_type) in _REFUSED.items()
    ),
    equal("arrow-int32-forced-LONG", lambda: forced(column([1, -2], lambda: pa.int32()), bad="LONG")),
    differs(
        "arrow-int32-forced-DECIMAL64",
        lambda: forced(column([1, None], lambda: pa.int32()), bad=["DECIMAL64", 2]),
        "decimal-int",
        like=lambda: forced(one(pd.Series([D(1), None], dtype=object)), bad=["DECIMAL64", 2]),
    ),
    equal("arrow-chunks", lambda: chunked([1, 2], [], [None, 4], type=lambda: pa.int32())),
    equal("arrow-chunks-bool", lambda: chunked([True] * 3, [], [None, False] * 5, type=lambda: pa.bool_())),
    equal("arrow-chunks-string", lambda: chunked(["a"], [], [None, "bc"], type=lambda: pa.string())),
    equal("arrow-chunks-list", lambda: chunked([[1], [2, 3]], [None, []], type=lambda: pa.list_(pa.int16()))),
    equal(
        "arrow-chunks-dictionary",
        lambda: chunked(dictionary([0, 1], ["x", "y"]), dictionary([0, 1], ["y", "z"])),
    ),
    equal(
        "arrow-chunks-decimal",
        lambda: chunked([D("1.5")], [None, D("2.5")], type=lambda: pa.decimal128(9, 1)),
    ),
    equal("arrow-dictionary-unused", lambda: chunked(dictionary([2, 0, None, 2], ["b", "unused", "a"]))),
    equal("arrow-dictionary-twice", lambda: chunked(dictionary([0, 1, 2], ["b", "b", "a"]))),
    equal("arrow-dictionary-empty-text", lambda: chunked(dictionary([0, 1], ["", "a"]))),
    *(
        differs(
            f"arrow-list-{name}-alone",
            lambda v=values: pd.DataFrame({"a": pd.Series(v, dtype=pd.ArrowDtype(pa.list_(pa.int32())))}),
            "arrow-empty-rows",
            wire="00 06 02000000 01000000 00 6100  44 01 02000000 00000000  0200 01 00 0000",
        )
        for name, values in (("nulls", [None, None]), ("empty", [[], []]), ("null-and-empty", [None, []]))
    ),
    *(
        differs(
            f"arrow-{name}",
            lambda a=arrow_type: column([0, None, 200], a),
            "unsigned",
            like=lambda w=wider: column([0, None, 200], w),
        )
        for name, arrow_type, wider in (
            ("uint8", lambda: pa.uint8(), lambda: pa.int16()),
            ("uint16", lambda: pa.uint16(), lambda: pa.int32()),
            ("uint32", lambda: pa.uint32(), lambda: pa.int64()),
            ("uint64", lambda: pa.uint64(), lambda: pa.int64()),
        )
    ),
    refused("arrow-uint64-beyond", lambda: column([1, 2**63], lambda: pa.uint64()), "bad", "row 1"),
    differs(
        "arrow-timestamp-us",
        lambda: column([MOMENT, None], lambda: pa.timestamp("us")),
        "arrow-types",
        like=lambda: column([MOMENT, None], lambda: pa.timestamp("ns")),
    ),
    refused(
        "arrow-timestamp-us-beyond",
        lambda: column([MOMENT, datetime.datetime(2400, 1, 1)], lambda: pa.timestamp("us")),
        "bad",
        "row 1",
    ),
    *(
        differs(
            f"arrow-{name}",
            lambda v=values, a=arrow_type: column(v, a),
            "arrow-types",
            like=lambda v=values, s=same: column(v, s),
        )
        for name, values, arrow_type, same in (
            ("date64", [DAY, None], lambda: pa.date64(), lambda: pa.date32()),
            ("time64-us", [TIME, None], lambda: pa.time64("us"), lambda: pa.time64("ns")),
            ("binary", [b"a\0", None, b""], lambda: pa.binary(), lambda: pa.large_binary()),
            ("string-view", ["a", None], lambda: pa.string_view(), lambda: pa.string()),
            (
                "dictionary-int8",
                ["b", None, "a", "b"],
                lambda: pa.dictionary(pa.int8(), pa.string()),
                lambda: pa.dictionary(pa.int32(), pa.string()),
            ),
            (
                "dictionary-of-int",
                [7, None, 5],
                lambda: pa.dictionary(pa.int32(), pa.int64()),
                lambda: pa.int64(),
            ),
            (
                "fixed-list",
                [[1, 2], [3, None]],
                lambda: pa.list_(pa.int32(), 2),
                lambda: pa.list_(pa.int32()),
            ),
            ("list-uint8", [[200], [1]], lambda: pa.list_(pa.uint8()), lambda: pa.list_(pa.int16())),
            (
                "list-timestamp-us",
                [[MOMENT], [None]],
                lambda: pa.list_(pa.timestamp("us")),
                lambda: pa.list_(pa.timestamp("ns")),
            ),
        )
    ),
    differs(
        "arrow-decimal64",
        lambda: pd.DataFrame({"a": pd.Series([D("1.5"), None], dtype=pd.ArrowDtype(pa.decimal64(5, 2)))}),
        "arrow-types",
        wire=bytes.fromhex("0006 02000000 01000000 00 6100") + decimals(38, 2, 150, None),
    ),
    differs(
        "arrow-dictionary-null-word",
        lambda: chunked(dictionary([1, 0, 1], [None, "a"])),
        "arrow-types",
        like=lambda: chunked(dictionary([0, None, 0], ["a"])),
    ),
    *(
        refused(f"arrow-{name}", lambda v=values, a=arrow_type: column(v, a), "bad", name)
        for name, values, arrow_type in (
            ("decimal256", [D("1.5")], lambda: pa.decimal256(40, 2)),
            ("null", [None], lambda: pa.null()),
        )
    ),
    *(
        differs(
            f"arrow-{name}-forced-{target}-null",
            lambda v=values, a=arrow_type, t=target: forced(column(v, a), bad=t),
            "arrow-forced",
            like=lambda v=values, d=dtype, t=target: forced(one(pd.Series(v, dtype=d)), bad=t),
        )
        for name, values, arrow_type, dtype, target in (
            ("int64", [1, None], lambda: pa.int64(), "Int64", "FLOAT"),
            ("int64", [1, None], lambda: pa.int64(), "Int64", "DOUBLE"),
            ("int32", [1, None], lambda: pa.int32(), "Int32", "LONG"),
            ("bool", [True, None], lambda: pa.bool_(), "boolean", "LONG"),
            ("bool", [True, None], lambda: pa.bool_(), "boolean", "SHORT"),
            ("timestamp-ns", [MOMENT, None], lambda: pa.timestamp("ns"), "M8[ns]", "DATE"),
            ("string", ["5d212a78-cc48-e3b1-4235-b4d91473ee87", None], lambda: pa.string(), object, "UUID"),
            ("string", ["0123456789abcdef0123456789abcdef", None], lambda: pa.string(), object, "INT128"),
        )
    ),
    differs(
        "arrow-large-list",
        lambda: column([[1, None], [2]], lambda: pa.large_list(pa.int32())),
        "arrow-types",
        like=lambda: column([[1, None], [2]], lambda: pa.list_(pa.int32())),
    ),
    differs(
        "arrow-timestamp-s-beyond",
        lambda: column([MOMENT.replace(microsecond=0), datetime.datetime(2100, 1, 1)], lambda: pa.timestamp("s")),
        "datetime-range",
        "bad",
        "row 1",
    ),
    *(
        differs(
            f"arrow-timestamp-ns-forced-{target}",
            lambda t=target: forced(column([MOMENT, None], lambda: pa.timestamp("ns")), bad=t),
            "arrow-forced",
            like=lambda t=target: forced(one(pd.Series([MOMENT, None], dtype="M8[ns]")), bad=t),
        )
        for target in ("TIMESTAMP", "DATETIME", "NANOTIME", "DATEHOUR")
    ),
    *(
        differs(
            f"arrow-date32-forced-{target}",
            lambda t=target: forced(column([DAY, None], lambda: pa.date32()), bad=t),
            "arrow-forced",
            like=lambda t=target: forced(one(pd.Series([DAY, None], dtype=object)), bad=t),
        )
        for target in ("MONTH",)
    ),
    *(
        differs(
            f"arrow-{name}-forced-{target}",
            lambda v=values, a=arrow_type, t=target: forced(column(v, a), bad=t),
            "arrow-null",
            like=lambda v=same, d=dtype, t=target: forced(one(pd.Series(v, dtype=d)), bad=t),
        )
        for name, values, arrow_type, same, dtype, target in (
            ("decimal", [D("1.25"), None], lambda: pa.decimal128(3, 2), [1.25, None], "Float64", "FLOAT"),
            ("decimal", [D("0.1"), None], lambda: pa.decimal128(3, 2), [0.1, None], "Float64", "DOUBLE"),
            ("null", [None, None], lambda: pa.null(), [None, None], "Int32", "INT"),
            ("null", [None, None], lambda: pa.null(), [None, None], "M8[ns]", "TIMESTAMP"),
            ("null", [None, None], lambda: pa.null(), [None, None], object, "STRING"),
        )
    ),
]

"""Frames of typed columns, their names and shapes; most of the typed columns are in `support.frames`."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from .. import expected
from ..values import object_column
from .case import differs, equal, forced, one, refused

__all__ = ["CASES", "MASKED"]

MASKED = {
    "boolean": [True, False, None],
    **{f"Int{bits}": [1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, None] for bits in (8, 16, 32, 64)},
    **{f"Float{bits}": [1.5, np.inf, -np.inf, -0.0, None] for bits in (32, 64)},
}

_NAMES = {
    "plain": ["a", "b"],
    "unicode": ["größe", "漢字"],
    "emoji": ["😀", "e\u0301"],
    "empty": ["", "b"],
    "space": [" a ", "b\t"],
    "newline": ["a\nb", "b"],
    "quotes": ["`a", "'b\""],
    "long": ["n" * 5_000, "b"],
    "keyword": ["select", "x.y"],
    "digits": ["1", "2"],
    "case": ["a", "A"],
}


def _named(names):
    return pd.DataFrame({number: [number, 2] for number in range(len(names))}).set_axis(names, axis=1)


def _masked_cases():
    for dtype, values in MASKED.items():
        build = lambda values=values, dtype=dtype: pd.Series(values, dtype=dtype)  # noqa: E731
        yield equal(f"masked-{dtype}", lambda b=build: one(b()))
        yield equal(f"masked-{dtype}-all-null", lambda d=dtype: one(pd.Series([None, None], dtype=d)))
        yield equal(f"masked-{dtype}-empty", lambda d=dtype: one(pd.Series([], dtype=d)))
        yield equal(f"masked-{dtype}-reversed", lambda b=build: one(b()[::-1]))
        yield equal(f"masked-{dtype}-strided", lambda b=build: one(pd.concat([b()] * 4)[::3]))
        if dtype != "boolean":
            every_second = lambda v=values, d=dtype: one(pd.Series(v[:-1] * 3, dtype=d)[::2])  # noqa: E731
            yield differs(
                f"masked-{dtype}-strided-no-null",
                every_second,
                "masked-strided",
                like=lambda b=every_second: b().copy(),
            )
        yield equal(f"masked-{dtype}-no-null", lambda v=values, d=dtype: one(pd.Series(v[:-1], dtype=d)))
        yield equal(f"masked-{dtype}-many", lambda v=values, d=dtype: one(pd.Series(v * 9_000, dtype=d)))
        targets = ["FLOAT", "DOUBLE"] if dtype.startswith("F") else ["INT", "LONG", "FLOAT", "DOUBLE"]
        small = (lambda d=dtype: one(pd.Series([1, 0, None], dtype=d))) if dtype != "boolean" else build_boolean
        if not dtype.startswith("F"):
            targets += ["BOOL", "CHAR", "SHORT"]
        for target in targets:
            yield equal(f"masked-{dtype}-forced-{target}", lambda s=small, t=target: forced(s(), bad=t))
        for target in (
            "DATE",
            "TIMESTAMP",
            "STRING",
            "SYMBOL",
            "ANY",
            "UUID",
            "BLOB",
            "VOID",
            "INT[]",
        ):
            yield refused(f"masked-{dtype}-forced-{target}", lambda s=small, t=target: forced(s(), bad=t), "bad", dtype)


def build_boolean():
    return one(pd.Series([True, False, None], dtype="boolean"))


def _text_cases():
    texts = ["a", None, "größe", ""]
    for label, dtype, needs in (
        ("string", pd.StringDtype("python"), ""),
        ("str", "str", "pandas3"),
        ("string-pyarrow", "string[pyarrow]", "pyarrow"),
        ("object", object, ""),
    ):
        yield equal(f"text-{label}", lambda d=dtype: one(pd.Series(texts, dtype=d)), needs)
        yield equal(f"text-{label}-reversed", lambda d=dtype: one(pd.Series(texts, dtype=d)[::-1]), needs)
        yield equal(f"text-{label}-all-null", lambda d=dtype: one(pd.Series([None, None], dtype=d)), needs)
        for target in ("STRING", "SYMBOL", "BLOB"):
            yield equal(
                f"text-{label}-forced-{target}",
                lambda d=dtype, t=target: forced(one(pd.Series(texts, dtype=d)), bad=t),
                needs,
            )
        for target, values in (
            ("UUID", ["5d212a78-cc48-e3b1-4235-b4d91473ee87", None]),
            ("IPADDR", ["192.168.1.2", None, "2001:db8::1"]),
            ("INT128", ["0123456789abcdef0123456789ABCDEF", None]),
        ):
            yield equal(
                f"text-{label}-forced-{target}",
                lambda d=dtype, t=target, v=values: forced(one(pd.Series(v, dtype=d)), bad=t),
                needs,
            )
            yield refused(
                f"text-{label}-forced-{target}-of-words",
                lambda d=dtype, t=target, v=values: forced(one(pd.Series([v[0], "words"], dtype=d)), bad=t),
                "bad",
                "row 1",
                target,
                needs=needs,
            )
        for target in ("INT", "DOUBLE", "DATE", "DECIMAL64", "BOOL", "VOID", "STRING[]"):
            yield refused(
                f"text-{label}-forced-{target}",
                lambda d=dtype, t=target: forced(one(pd.Series(["1", None], dtype=d)), bad=t),
                "bad",
                needs=needs,
            )


def _aware():
    return pd.date_range("2020", periods=2, tz="UTC")


def _mixed(rows):
    index = np.arange(rows)
    return pd.DataFrame(
        {
            "i": index,
            "f": index / 7,
            "t": (index * 1_000_000_007).view("M8[ms]"),
            "s": object_column([f"s{i % 11}" for i in range(rows)]),
            "b": index % 3 == 0,
            "I": pd.array([None if i % 5 == 0 else i for i in range(rows)], dtype="Int32"),
            "o": object_column([datetime.date(2020, 1, 1) if i % 2 else None for i in range(rows)]),
        }
    )


_SHAPES = {
    "no-rows": lambda: _mixed(10)[:0],
    "one-row": lambda: _mixed(1),
    "rows-100": lambda: _mixed(100),
    "strided": lambda: _mixed(100)[::3],
    "reversed": lambda: _mixed(100)[::-1],
    "sliced": lambda: _mixed(100)[17:23],
    "masked-rows": lambda: _mixed(100)[lambda frame: frame["i"] % 4 == 1],
    "sorted": lambda: _mixed(100).sort_values("f", ascending=False),
    "reindexed": lambda: _mixed(10).reindex(range(5, 15)),
    "columns-reversed": lambda: _mixed(10).iloc[:, ::-1],
    "columns-picked": lambda: _mixed(10)[["s", "i"]],
    "indexed": lambda: _mixed(10).set_index("i"),
    "multi-indexed": lambda: _mixed(10).set_index(["i", "s"]),
    "time-indexed": lambda: _mixed(10).set_index("t"),
    "concatenated": lambda: pd.concat([_mixed(3), _mixed(4)]),
    "concatenated-columns": lambda: pd.concat([_mixed(3), _mixed(3).add_prefix("x")], axis=1),
    "merged": lambda: _mixed(10).merge(_mixed(5), on="i", how="left"),
    "transposed": lambda: pd.DataFrame(np.arange(6.0).reshape(2, 3), index=["a", "b"]).T,
    "pivoted": lambda: _mixed(10).pivot_table(index="b", columns="s", values="f"),
    "grouped": lambda: _mixed(20).groupby("s", as_index=False)[["i", "f"]].sum(),
    "named-columns": lambda: _mixed(3).rename_axis(columns="what"),
    "attributes": lambda: _attributes(_mixed(3)),
    "series-to-frame": lambda: pd.Series([1, 2], name="n").to_frame(),
    "wide": lambda: pd.DataFrame(np.arange(900).reshape(3, 300), columns=[f"c{i}" for i in range(300)]),
}


def _attributes(frame):
    frame.attrs["note"] = {"a": 1}
    return frame


_NOTHING = {
    "zone": (_aware, r"tz_localize|tz_convert"),
    "timedelta": (lambda: pd.to_timedelta([1, 2]), "timedelta64"),
    "period": (lambda: pd.period_range("2020", periods=2, freq="D"), "period"),
    "interval": (lambda: pd.interval_range(0, 2), "interval"),
    "sparse": (lambda: pd.arrays.SparseArray([1, 0]), "Sparse"),
    "complex": (lambda: np.ones(2, "c16"), "complex128"),
    "float16": (lambda: np.ones(2, "f2"), "float16"),
    "longdouble": (lambda: np.ones(2, "g"), "float128|longdouble"),
}

CASES = [
    *(equal(f"names-{name}", lambda names=names: _named(names)) for name, names in _NAMES.items()),
    *(equal(f"shape-{name}", build) for name, build in _SHAPES.items()),
    *_masked_cases(),
    *_text_cases(),
    *(refused(f"typed-{name}", lambda b=build: one(b()), "bad", word) for name, (build, word) in _NOTHING.items()),
    *(
        refused(f"typed-{name}-forced", lambda b=build: forced(one(b()), bad="LONG"), "bad")
        for name, (build, _) in _NOTHING.items()
        if name not in ("complex", "float16", "longdouble", "timedelta")
    ),
    refused("names-int", lambda: pd.DataFrame({"a": [1], 7: [2]}), "7"),
    refused("names-tuple", lambda: pd.DataFrame({("a", "b"): [1]})),
    refused("names-range", lambda: pd.DataFrame([[1, 2]]), "0"),
    refused("names-none", lambda: pd.DataFrame([[1]], columns=pd.Index([None], dtype=object))),
    refused("names-dates", lambda: pd.DataFrame([[1]], columns=pd.to_datetime(["2020"]))),
    refused("names-twice", lambda: pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), "'a'"),
    refused("shape-no-columns", lambda: pd.DataFrame(index=[1, 2]), "column"),
    refused("shape-nothing", pd.DataFrame, "column"),
    refused("names-nul", lambda: pd.DataFrame({"a": [1], "b\0c": [2]}), "NUL"),
    *(
        differs(
            f"typed-{dtype}",
            lambda d=dtype: one(np.array([0, 200], d)),
            "unsigned",
            like=lambda w=wider: one(np.array([0, 200], w)),
        )
        for dtype, wider in (("u1", "i2"), ("u2", "i4"), ("u4", "i8"), ("u8", "i8"))
    ),
    *(
        differs(
            f"masked-{dtype}-forced-{target}",
            lambda d=dtype, t=target: forced(one(pd.Series([1, -2, None], dtype=d)), bad=[t, 2]),
            "decimal-int",
            like=lambda t=target: forced(one(object_column([Decimal(1), Decimal(-2), None])), bad=[t, 2]),
        )
        for dtype in ("Int8", "Int16", "Int32", "Int64")
        for target in ("DECIMAL32", "DECIMAL64", "DECIMAL128")
    ),
    *(
        differs(
            f"masked-{dtype}",
            lambda d=dtype: one(pd.Series([0, 200, None], dtype=d)),
            "unsigned",
            like=lambda w=wider: one(pd.Series([0, 200, None], dtype=w)),
        )
        for dtype, wider in (
            ("UInt8", "Int16"),
            ("UInt16", "Int32"),
            ("UInt32", "Int64"),
            ("UInt64", "Int64"),
        )
    ),
    refused("masked-UInt64-beyond", lambda: one(pd.Series([1, 2**63], dtype="UInt64")), "bad", "row 1", "UInt64"),
    differs(
        "names-empty-of-nulls",
        lambda: pd.DataFrame({"": object_column([None, None])}),
        "empty-name",
        wire=expected.table({"": expected.vector(18, [None, None])}, 2),
    ),
    differs(
        "typed-category",
        lambda: pd.DataFrame({"bad": pd.Categorical(["b", None, "a", "b"], categories=["a", "b", "unused"])}),
        "categorical",
        wire=expected.table({"bad": expected.symbols(["b", None, "a", "b"])}, 4),
    ),
    *(
        differs(
            f"typed-category-of-{name}",
            lambda v=values: one(pd.Series(pd.Categorical(v))),
            "categorical",
            like=lambda p=plain: one(p()),
        )
        for name, values, plain in (
            ("int", [3, 1, 3], lambda: pd.Series([3, 1, 3])),
            ("float", [1.5, None, 1.5], lambda: pd.Series([1.5, None, 1.5])),
            ("int-null", [3, None, 3], lambda: pd.Series([3, None, 3], dtype="Int64")),
            ("bool", [True, False], lambda: pd.Series([True, False])),
            (
                "date",
                [datetime.date(2020, 1, 2), None],
                lambda: object_column([datetime.date(2020, 1, 2), None]),
            ),
        )
    ),
    *(
        differs(
            f"masked-Float64-forced-{target}",
            lambda t=target: forced(one(pd.Series([1.0, -2.0, None], dtype="Float64")), bad=t),
            "nullable-forced",
            like=lambda t=target: forced(one(pd.Series([1, -2, None], dtype="Int64")), bad=t),
        )
        for target in ("CHAR", "SHORT", "INT", "LONG")
    ),
    differs(
        "typed-category-forced-STRING",
        lambda: forced(pd.DataFrame({"bad": pd.Categorical(["b", None, "b"])}), bad="STRING"),
        "categorical",
        wire=expected.table({"bad": expected.vector(18, ["b", None, "b"])}, 3),
    ),
    differs(
        "typed-category-forced-SYMBOL",
        lambda: forced(pd.DataFrame({"bad": pd.Categorical(["b", None, "b"])}), bad="SYMBOL"),
        "categorical",
        wire=expected.table({"bad": expected.symbols(["b", None, "b"])}, 3),
    ),
]

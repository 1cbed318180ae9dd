"""Forced types of columns that numpy holds, and every spelling of the note that asks for them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import expected
from .case import decimals, differs, equal, forced, one, refused

__all__ = ["CASES", "NEVER", "TEMPORAL", "spec_of"]

TEMPORAL = "DATE MONTH TIME MINUTE SECOND DATETIME TIMESTAMP NANOTIME NANOTIMESTAMP DATEHOUR".split()
NUMBERS = "CHAR SHORT INT LONG FLOAT DOUBLE".split()
SCALED = ["DECIMAL32,2", "DECIMAL64,2", "DECIMAL128,2"]
#: what neither client makes of anything
NEVER = ["COMPLEX", "POINT", "DURATION", "DATEMINUTE", "VOID", "no such type"]


def spec_of(text):
    """``DECIMAL32,2`` is written as a name and a scale."""
    name, _, scale = text.partition(",")
    return [name, int(scale)] if scale else name


#: source -> (column, targets as the official client, targets refused)
_SOURCES = {
    "bool": (
        lambda: np.array([True, False]),
        ["BOOL", *NUMBERS, "SYMBOL", "STRING", "ANY"],
        [*TEMPORAL, "UUID", "IPADDR", "INT128", "BLOB", "DECIMAL64", *SCALED, "INT[]"],
    ),
    "int64": (
        lambda: np.array([1, 0, 100]),
        [*NUMBERS, "SYMBOL", "STRING", "ANY", "DECIMAL32", "DECIMAL64", "DECIMAL128", *SCALED],
        [*TEMPORAL, "UUID", "IPADDR", "INT128", "BLOB", "LONG[]"],
    ),
    "int64-bool": (lambda: np.array([1, 0]), ["BOOL"], []),
    "int32": (
        lambda: np.array([-7, 2**31 - 1], "i4"),
        ["INT", "LONG", "DOUBLE", "STRING", "SYMBOL", "ANY"],
        ["DATE", "TIME"],
    ),
    "int8": (lambda: np.array([-7, 127], "i1"), [*NUMBERS, "STRING", *SCALED], ["DATE", "BLOB"]),
    "int16": (lambda: np.array([-700, 127], "i2"), ["SHORT", "INT", "FLOAT", "STRING", "ANY"], ["SECOND"]),
    "float64": (
        lambda: np.array([1.5, -2.25, 0.0]),
        [*NUMBERS, "SYMBOL", "STRING", "ANY", *SCALED],
        [*TEMPORAL, "UUID", "IPADDR", "INT128", "BLOB", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DOUBLE[]"],
    ),
    "float64-null": (
        lambda: np.array([1.5, np.nan]),
        [
            "INT",
            "LONG",
            "FLOAT",
            "DOUBLE",
            "SYMBOL",
            "STRING",
            "ANY",
            "DECIMAL32,2",
            "DECIMAL64,2",
            "DECIMAL128,2",
        ],
        ["DATE"],
    ),
    "float32": (
        lambda: np.array([1.5, np.nan, -3], "f4"),
        ["INT", "LONG", "FLOAT", "DOUBLE", "STRING", "ANY", "DECIMAL64,2"],
        ["TIMESTAMP"],
    ),
}

_MOMENTS = {
    unit: (lambda unit=unit, tick=tick: np.array([tick, "NaT", 0], f"M8[{unit}]"))
    for unit, tick in (
        ("s", 1_577_934_245),
        ("ms", 1_577_934_245_678),
        ("us", 1_577_934_245_678_901),
        ("ns", 1_577_934_245_678_901_234),
    )
}


def _negative(unit):
    """One tick before 1970 and one of a longer time before."""
    return np.array([-1, -100_000_000, "NaT"], f"M8[{unit}]")


def _moment_cases():
    for unit, build in _MOMENTS.items():
        for target in (*TEMPORAL, "LONG", "ANY"):
            yield equal(f"forced-datetime64-{unit}-{target}", lambda b=build, t=target: forced(one(b()), bad=t))
        for target in ("STRING", "SYMBOL"):
            yield equal(f"forced-datetime64-{unit}-{target}", lambda b=build, t=target: forced(one(b()[::2]), bad=t))
        for target in TEMPORAL:
            if target == "MONTH":
                continue
            yield equal(
                f"forced-datetime64-{unit}-negative-{target}",
                lambda u=unit, t=target: forced(one(_negative(u)), bad=t),
            )
        for target in ("UUID", "IPADDR", "INT128", "BLOB", "DECIMAL64", "DECIMAL128,2", "INT[]"):
            yield refused(
                f"forced-datetime64-{unit}-{target}",
                lambda b=build, t=target: forced(one(b()), bad=spec_of(t)),
                "bad",
            )
        for target in ("BOOL", "CHAR", "SHORT", *(("INT",) if unit != "s" else ())):
            yield differs(
                f"forced-datetime64-{unit}-{target}",
                lambda b=build, t=target: forced(one(b()), bad=t),
                "forced-range",
                "bad",
                target,
            )
        months = expected.vector(7, [23_640 - 1, 23_640 - 1 if unit != "s" else 23_640 - 39, None])
        yield differs(
            f"forced-datetime64-{unit}-negative-MONTH",
            lambda u=unit: forced(pd.DataFrame({"bad": _negative(u)}), bad="MONTH"),
            "month",
            wire=expected.table({"bad": months}, 3),
        )


#: every way to say it: specification -> the same as
_SPELLINGS = {
    "id": (4, "INT"),
    "lower": ("int", "INT"),
    "mixed": ("Int", "INT"),
    "id-in-list": ([4], "INT"),
    "name-in-list": (["INT"], "INT"),
    "name-and-none": (["INT", None], "INT"),
    "id-and-none": ([4, None], "INT"),
    "none": (None, "LONG"),
    "decimal-id-scale": ([38, 3], ["DECIMAL64", 3]),
    "decimal-lower": (["decimal64", 3], ["DECIMAL64", 3]),
    "decimal-no-scale": ([38], ["DECIMAL64", 0]),
    "decimal-none": (["DECIMAL64", None], ["DECIMAL64", 0]),
}
_MISSPELLINGS = {
    "empty-list": [],
    "three": ["DECIMAL64", 2, 1],
    "tuple": ("DECIMAL64", 2),
    "float": 4.0,
    "decimal-in-one-word": "DECIMAL64(2)",
    "negative": -1,
    "too-large": 999,
    "object": 40,
}


def _numbers():
    return pd.DataFrame({"bad": [1, 2], "b": [1.5, 2.5]})


def _source_cases():
    for name, (build, as_official, no) in _SOURCES.items():
        for target in as_official:
            yield equal(f"forced-{name}-{target}", lambda b=build, t=target: forced(one(b()), bad=spec_of(t)))
        for target in (*no, *NEVER):
            yield refused(f"forced-{name}-{target}", lambda b=build, t=target: forced(one(b()), bad=spec_of(t)), "bad")


def _beyond():
    """(name, array, targets) that official casts wrap."""
    yield "int64-two", lambda: np.array([1, 2]), ["BOOL"]
    yield "float64-two", lambda: np.array([1.0, 2.0]), ["BOOL"]
    yield "int64-large", lambda: np.array([0, 2**40]), ["CHAR", "SHORT", "INT"]
    yield "int32-large", lambda: np.array([0, 70_000], "i4"), ["CHAR", "SHORT"]
    yield "int16-large", lambda: np.array([0, 300], "i2"), ["CHAR"]
    yield "float64-large", lambda: np.array([0, 1e20]), ["CHAR", "SHORT", "INT", "LONG"]
    yield "float64-huge", lambda: np.array([0, 1e300]), ["FLOAT", "LONG"]


CASES = [
    *_source_cases(),
    *_moment_cases(),
    *(
        equal(f"forced-spelling-{name}", lambda spec=spec: forced(_numbers(), bad=spec))
        for name, (spec, _) in _SPELLINGS.items()
    ),
    *(
        refused(f"forced-spelling-{name}", lambda spec=spec: forced(_numbers(), bad=spec), "bad")
        for name, spec in _MISSPELLINGS.items()
    ),
    refused("forced-empty-f8-DATE", lambda: forced(one(np.zeros(0)), bad="DATE"), "bad", "DATE"),
    refused(
        "forced-int64-beyond-DECIMAL32",
        lambda: forced(one(np.array([0, 2**40])), bad="DECIMAL32"),
        "bad",
        "row 1",
        "DECIMAL32",
    ),
    equal("forced-other-name", lambda: forced(_numbers(), nobody="INT", bad="INT")),
    equal("forced-two", lambda: forced(_numbers(), bad="SHORT", b="FLOAT")),
    equal(
        "forced-symbols",
        lambda: forced(pd.DataFrame({"a": ["x", "y", "x"], "b": ["y", "y", None]}), a="SYMBOL", b=17),
    ),
    equal("forced-all-null-symbol", lambda: forced(pd.DataFrame({"a": [None, None]}, dtype=object), a="SYMBOL")),
    equal("forced-strided", lambda: forced(one(np.arange(20))[::3], bad="INT")),
    equal("forced-reversed", lambda: forced(one(np.arange(20.0))[::-1], bad="LONG")),
    equal("forced-large", lambda: forced(one(np.arange(70_000) % 100), bad="SHORT")),
    equal("forced-moments-large", lambda: forced(one(np.arange(70_000).view("M8[s]")), bad="SECOND")),
    *(
        differs(
            f"forced-{name}-{target}",
            lambda b=build, t=target: forced(one(b()), bad=t),
            "forced-range",
            "bad",
            "row 1",
            target,
        )
        for name, build, targets in _beyond()
        for target in targets
    ),
    *(
        differs(
            f"forced-float64-null-{target}",
            lambda t=target: forced(pd.DataFrame({"bad": [1.0, np.nan]}), bad=t),
            "forced-nan",
            wire=expected.table({"bad": expected.vector(type_id, [1, None])}, 2),
        )
        for target, type_id in (("BOOL", 1), ("CHAR", 2), ("SHORT", 3))
    ),
    *(
        differs(
            f"forced-datetime64-{target}-null",
            lambda t=target: forced(pd.DataFrame({"bad": np.array([5, "NaT"], "M8[ms]")}), bad=t),
            "forced-nan",
            wire=expected.table({"bad": expected.vector(type_id, [5.0, None])}, 2),
        )
        for target, type_id in (("FLOAT", 15), ("DOUBLE", 16))
    ),
    *(
        differs(
            f"forced-float64-rounded-{target}",
            lambda t=target: forced(pd.DataFrame({"bad": [4.35, -1.999, 0.125, 2.0, np.nan]}), bad=[t, 2]),
            "decimal-float",
            wire=expected.table({"bad": decimals(type_id, 2, 435, -200, 13, 200, None)}, 5),
        )
        for target, type_id in (("DECIMAL32", 37), ("DECIMAL64", 38), ("DECIMAL128", 39))
    ),
    differs(
        "forced-int64-beyond-DECIMAL128",
        lambda: forced(one(np.array([1, 2**62])), bad=["DECIMAL128", 20]),
        "forced-range",
        "bad",
        "row 1",
        "DECIMAL128",
    ),
    differs(
        "forced-datetime64-s-INT",
        lambda: forced(pd.DataFrame({"bad": np.array([5, "NaT"], "M8[s]")}), bad="INT"),
        "forced-nan",
        wire=expected.table({"bad": expected.vector(4, [5, None])}, 2),
    ),
    differs(
        "forced-datetime64-s-2200-DATE",
        lambda: forced(pd.DataFrame({"bad": np.array(["2200-01-01"], "M8[s]")}), bad="DATE"),
        "forced-range",
        wire=expected.table({"bad": expected.vector(6, [84_006])}, 1),
    ),
    differs(
        "forced-datetime64-ms-2300-NANOTIMESTAMP",
        lambda: forced(one(np.array(["2020-01-01", "2300-01-01"], "M8[ms]")), bad="NANOTIMESTAMP"),
        "forced-range",
        "bad",
        "row 1",
        "NANOTIMESTAMP",
    ),
    differs(
        "forced-datetime64-ms-2100-DATETIME",
        lambda: forced(one(np.array(["2020-01-01", "2100-01-01"], "M8[ms]")), bad="DATETIME"),
        "forced-range",
        "bad",
        "row 1",
        "DATETIME",
    ),
    *(
        equal(
            f"forced-empty-{dtype}-{target}",
            lambda d=dtype, t=target: forced(one(np.zeros(0, d)), bad=spec_of(t)),
        )
        for dtype in ("f8", "O")
        for target in ("BOOL", "INT", "SYMBOL", "STRING", "DOUBLE", "DECIMAL64,3", "DECIMAL128")
    ),
    *(
        equal(f"forced-empty-O-{target}", lambda t=target: forced(one(np.zeros(0, "O")), bad=spec_of(t)))
        for target in (
            "DATE",
            "MONTH",
            "UUID",
            "IPADDR",
            "INT128",
            "BLOB",
            "INT[]",
            "DECIMAL32[],3",
            "ANY",
            "NANOTIME",
        )
    ),
]

"""Forced types of object columns."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd

from ..values import object_column
from .case import differs, equal, forced, one, refused
from .frame_forced import NEVER, TEMPORAL, spec_of

__all__ = ["CASES"]

D = Decimal
DAY = datetime.date(2020, 1, 2)
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"
HEX = "0123456789abcdef0123456789ABCDEF"
NUMBERS = "BOOL CHAR SHORT INT LONG FLOAT DOUBLE".split()
DECIMALS = ["DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMAL32,2", "DECIMAL64,2", "DECIMAL128,20"]
TIMES = ["TIME", "MINUTE", "SECOND", "NANOTIME"]
DATES = ["DATE", "MONTH", "DATETIME", "TIMESTAMP", "NANOTIMESTAMP", "DATEHOUR"]
TEXT = ["STRING", "SYMBOL"]
OCTETS = ["UUID", "IPADDR", "INT128"]

#: source -> (values, targets as the official client, targets refused)
_SOURCES = {
    "int": ([1, None, 0], [*NUMBERS, *TEMPORAL, *TEXT, "ANY"], [*OCTETS, "BLOB", "INT[]", *NEVER]),
    "float": (
        [1.5, None],
        ["FLOAT", "DOUBLE", *TEXT, "ANY"],
        ["BOOL", "CHAR", "SHORT", "INT", "LONG", *TEMPORAL, *DECIMALS, *OCTETS, "BLOB", *NEVER],
    ),
    "bool": ([True, None, False], [*NUMBERS, *TEXT, "ANY"], [*TEMPORAL, *DECIMALS, *OCTETS, "BLOB", *NEVER]),
    "decimal": (
        [D("1.255"), None, D("-1.245")],
        [*NUMBERS, *DECIMALS, *TEXT, "ANY"],
        [*TEMPORAL, *OCTETS, "BLOB", *NEVER],
    ),
    "date": (
        [DAY, None, datetime.date(1971, 3, 4)],
        [*TEMPORAL, *TEXT, "ANY"],
        ["DOUBLE", "DECIMAL64", *OCTETS, "BLOB", *NEVER],
    ),
    "datetime": (
        [MOMENT, None, datetime.datetime(1971, 3, 4, 5, 6)],
        [*TEMPORAL, *TEXT, "ANY"],
        ["DOUBLE", "DECIMAL64", *OCTETS, "BLOB", *NEVER],
    ),
    "timestamp": ([pd.Timestamp(MOMENT), pd.NaT], [*TEMPORAL, "STRING"], ["FLOAT", "BLOB"]),
    "time": (
        [datetime.time(13, 14, 15, 678901), None],
        [*TIMES, *TEXT, "ANY"],
        ["DOUBLE", "DECIMAL64", *OCTETS, "BLOB", *NEVER],
    ),
    "datetime64-D": ([np.datetime64(5, "D"), None], [*DATES, "STRING"], TIMES),
    "datetime64-ms": ([np.datetime64(1_577_934_245_678, "ms"), None], [*TEMPORAL, "STRING"], []),
    "str": (
        ["a", None, "größe"],
        [*TEXT, "BLOB", "ANY"],
        [*NUMBERS, *TEMPORAL, *DECIMALS, *OCTETS, "STRING[]", *NEVER],
    ),
    "str-empty": ([""], [*TEXT, "BLOB", *OCTETS], []),
    "bytes": (
        [b"a", None, b"\xff"],
        ["STRING", "SYMBOL", "BLOB", "ANY"],
        [*NUMBERS, *TEMPORAL, *DECIMALS, "UUID", "INT128", *NEVER],
    ),
    "nulls": (
        [None, np.nan, pd.NaT, pd.NA],
        [*NUMBERS, *TEMPORAL, *TEXT, *DECIMALS, *OCTETS, "BLOB", "ANY"],
        NEVER,
    ),
    "list": ([[1, 2], [3]], ["STRING", "ANY"], ["INT", "DATE", "DOUBLE"]),
    "numpy": ([np.int8(5), np.int64(-7)], ["CHAR", "INT", "DOUBLE", "STRING"], []),
    "uuid-text": ([UUID, None, UUID.upper()], ["UUID", "STRING", "SYMBOL"], ["INT128", "IPADDR"]),
    "uuid": ([uuid.UUID(UUID), None], ["UUID", "STRING"], []),
    "ip4": (["192.168.1.2", None, "0.0.0.0", "255.255.255.255"], ["IPADDR"], ["UUID"]),
    "ip6": (["2001:db8:1:2:3:4:5:6", "2001:db8::1", "fe80::1"], ["IPADDR"], []),
    "hex": ([HEX, None, "0" * 32], ["INT128"], ["UUID", "IPADDR"]),
    "decimal-thousands": ([D("1E+3"), D("2")], ["DECIMAL64,2", "DECIMAL128,2", "LONG"], []),
    "decimal-null": (
        [D("NaN"), D("1.5"), None, D("Infinity")],
        ["DECIMAL32,1", "DECIMAL64", "DECIMAL128"],
        [],
    ),
    "mixed-text": (["a", 1, 2.5, DAY, [1], None], ["STRING", "SYMBOL", "ANY"], []),
    "mixed": ([1, "a", None], ["STRING", "SYMBOL", "ANY"], ["LONG", "DOUBLE", "DATE"]),
    "symbols": (["b", "a", "b", None, "", "größe", "a"], ["SYMBOL"], []),
}

#: values, target, row that is refused
_BEYOND = {
    "int-CHAR": ([1, 300], "CHAR"),
    "int-BOOL": ([1, 300], "BOOL"),
    "int-SHORT": ([1, -70_000], "SHORT"),
    "int-INT": ([1, 2**31], "INT"),
    "int-LONG": ([None, 2**63], "LONG"),
    "decimal32": ([D("1"), D("10000000000")], "DECIMAL32"),
    "decimal64": ([D("1"), D("1E+19")], "DECIMAL64"),
    "uuid": ([UUID, UUID[:-1]], "UUID"),
    "uuid-undashed": ([UUID, UUID.replace("-", "")], "UUID"),
    "int128": ([HEX, HEX[1:]], "INT128"),
    "int128-letters": ([HEX, "g" * 32], "INT128"),
    "ipaddr": (["1.2.3.4", "1.2.3"], "IPADDR"),
    "ipaddr-text": (["1.2.3.4", "nowhere"], "IPADDR"),
    "str-too-long": (["a", "x" * 262_144], "SYMBOL"),
}


def _column(values):
    return one(object_column(list(values)))


def _source_cases():
    for name, (values, as_official, no) in _SOURCES.items():
        for target in as_official:
            yield equal(
                f"forced-objects-{name}-{target}",
                lambda v=values, t=target: forced(_column(v), bad=spec_of(t)),
            )
        for target in no:
            yield refused(
                f"forced-objects-{name}-{target}",
                lambda v=values, t=target: forced(_column(v), bad=spec_of(t)),
                "bad",
            )


CASES = [
    *_source_cases(),
    *(
        differs(
            f"forced-objects-int-{target}",
            lambda t=target: forced(_column([1, None, np.int8(-5)]), bad=spec_of(t)),
            "decimal-int",
            like=lambda t=target: forced(_column([D(1), None, D(-5)]), bad=spec_of(t)),
        )
        for target in DECIMALS
    ),
    *(
        differs(
            f"forced-objects-timestamp-nanoseconds-{target}",
            lambda t=target: forced(_column([pd.Timestamp("2020-01-02 03:04:05.678901234"), None]), bad=t),
            "timestamp-ns",
            like=lambda t=target: forced(one(np.array(["2020-01-02T03:04:05.678901234", "NaT"], "M8[ns]")), bad=t),
        )
        for target in ("NANOTIME", "NANOTIMESTAMP")
    ),
    differs(
        "forced-objects-decimal-thousands-DECIMAL64",
        lambda: forced(_column([D("1E+3"), D("2")]), bad="DECIMAL64"),
        "decimal-wide",
        like=lambda: forced(_column([D("1000"), D("2")]), bad="DECIMAL64"),
    ),
    *(
        refused(
            f"forced-objects-beyond-{name}",
            lambda v=values, t=target: forced(_column(v), bad=t),
            "bad",
            "row 1",
            target,
        )
        for name, (values, target) in _BEYOND.items()
    ),
    *(
        differs(
            f"forced-objects-time-{target}",
            lambda t=target: forced(_column([datetime.time(1), None]), bad=t),
            "time-as-date",
            "bad",
            "row 0",
            target,
        )
        for target in DATES
    ),
    *(
        differs(
            f"forced-objects-datetime-2100-{target}",
            lambda t=target: forced(_column([MOMENT, datetime.datetime(2400, 1, 1)]), bad=t),
            "forced-range",
            "bad",
            "row 1",
            target,
        )
        for target in ("DATETIME", "NANOTIMESTAMP")
    ),
    *(
        equal(f"forced-objects-{name}-negative-MONTH", lambda v=value: forced(_column([v]), bad="MONTH"))
        for name, value in (
            ("date", datetime.date(1969, 12, 31)),
            ("datetime", datetime.datetime(1969, 12, 31, 5)),
        )
    ),
    differs(
        "forced-objects-str-nul",
        lambda: forced(_column(["a", "b\0"]), bad="SYMBOL"),
        "text",
        "bad",
        "row 1",
        "NUL",
    ),
]

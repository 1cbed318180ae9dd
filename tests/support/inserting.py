"""A program that fills tables with either client's writer: ``python inserting.py MODULE HOST PORT PREFIX``.

The official class keeps the interpreter lock while it waits, so that the server must be in another process.
"""

from __future__ import annotations

import datetime
import importlib
import sys
from decimal import Decimal

import numpy as np
import pandas as pd

__all__ = ["KEYED", "SCHEMES", "SPREAD", "TYPES", "main", "spread_rows", "values_of"]

UUID = "5d212a78-cc48-e3b1-4235-b4d91473ee87"
MOMENTS = "DATE MONTH DATETIME TIMESTAMP NANOTIMESTAMP DATEHOUR".split()
TIMES = "TIME MINUTE SECOND NANOTIME".split()
INTEGERS = "CHAR SHORT INT LONG".split()
REALS = "FLOAT DOUBLE".split()
TEXTS = "SYMBOL STRING BLOB".split()
DECIMALS = ["DECIMAL32(2)", "DECIMAL64(3)", "DECIMAL128(4)"]
WIDE = "UUID IPADDR INT128".split()
ARRAYS = "INT[] DOUBLE[] TIMESTAMP[]".split()
TYPES = ["BOOL", *INTEGERS, *REALS, *MOMENTS, *TIMES, *TEXTS, *DECIMALS, *WIDE, *ARRAYS]

_NULLS = [None, pd.NA, pd.NaT, float("nan"), "", np.datetime64("NaT", "ns")]
_MOMENTS = [
    datetime.date(2020, 1, 2),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 678901),
    datetime.datetime(1970, 1, 1),
    pd.Timestamp("2020-01-02 03:04:05.678901"),
    *(np.datetime64("2020-01-02T03:04:05.678901234", unit) for unit in ("D", "h", "s", "ms", "us", "ns")),
]


def values_of(kind: str) -> list:
    """What both writers take for a column of this type."""
    if kind in ARRAYS:
        values = [[1, 2], (3, 4), np.array([5, 6, 7]), []]
        return values if kind == "INT[]" else [*values[:3], [8]]
    nulls = [*_NULLS, float("inf")] if kind in ["BOOL", *INTEGERS, *REALS, *DECIMALS] else _NULLS
    if kind in TEXTS:
        return [*nulls, "a", "größe", "a", "x" * 300, *([b"xyz"] if kind == "BLOB" else [])]
    if kind == "BOOL":
        return [*nulls, True, False, 1, 0, 7, np.bool_(True), np.int64(0)]
    if kind in INTEGERS:
        return [*nulls, 1, -5, 100, np.int8(3), np.int64(-7)]
    if kind in REALS:
        return [*nulls, 1.5, -2, 0, 300, np.float32(0.5), np.float64(2.5), np.int32(9)]
    if kind in DECIMALS:
        return [*nulls, 1.5, -2, 7, "1", "-3.25", Decimal("1.25"), Decimal("-7"), np.float64(2.5)]
    if kind in WIDE:
        return [*nulls, {"UUID": UUID, "IPADDR": "127.0.0.1", "INT128": "0123456789abcdef" * 2}[kind]]
    if kind in TIMES:
        moments = [one for one in _MOMENTS if not isinstance(one, np.datetime64) or one.dtype.str[4:-1] != "D"]
        return [*nulls, *moments, datetime.time(3, 4, 5, 678901), 5, 0]
    return [*nulls, *_MOMENTS, 5, 0]


#: name of a table -> the writer's arguments
SPREAD = {
    "one": {},
    "batches": {"batchSize": 50, "throttle": 0.02},
    "integers": {"threadCount": 3, "partitionCol": "i", "batchSize": 7, "throttle": 0.02},
    "texts": {"threadCount": 2, "partitionCol": "s", "batchSize": 100, "throttle": 0.02},
    "moments": {"threadCount": 4, "partitionCol": "t"},
    "lz4": {"compressMethods": ["LZ4"] * 4, "batchSize": 1000, "throttle": 0.02},
    "delta": {"compressMethods": ["DELTA", "LZ4", "DELTA", "LZ4"], "batchSize": 1000, "throttle": 0.02},
}

#: scheme of a database -> the column
SCHEMES = {
    "VALUE, 1..40": "i",
    "RANGE, 0 10 20 30 60": "i",
    "LIST, [1..20, 21..60]": "i",
    "HASH, [INT,7]": "i",
    "VALUE, [2020.01.01,2020.01.02,2020.01.03]": "t",
    "HASH, [SYMBOL,3]": "s",
}

#: a table of the key column k -> modeOption
KEYED = {"plain": [], "ignoring": ["ignoreNull=true", "keyColNames=`k"]}


def spread_rows():
    """Rows of the columns t, s, i, p."""
    start = datetime.datetime(2020, 1, 1)
    return [(start + datetime.timedelta(hours=11 * n), "abcdefg"[n % 7], n % 59 + 1, n / 8) for n in range(300)]


def main(module, host, port, prefix):
    client = importlib.import_module(module)
    session = client.Session()
    session.connect(host, port, "admin", "123456")

    def write(table, rows, path="", **arguments):
        writer = client.MultithreadedTableWriter(host, port, "admin", "123456", path, table, **arguments)
        for row in rows:
            result = writer.insert(*row)
            assert not result.hasError(), result
        writer.waitForThreadCompletion()
        status = writer.getStatus()
        assert not status.hasError() and status.sentRows == len(rows), (table, arguments, status)

    for number, kind in enumerate(TYPES):
        session.run(f"share table(1:0, `a`b, [INT,{kind}]) as {prefix}type{number}")
        write(f"{prefix}type{number}", list(enumerate(values_of(kind))), batchSize=100, throttle=0.01)
    for name, arguments in SPREAD.items():
        session.run(f"share table(1:0, `t`s`i`p, [TIMESTAMP,SYMBOL,INT,DOUBLE]) as {prefix}{name}")
        write(prefix + name, spread_rows(), **arguments)
    for number, (scheme, column) in enumerate(SCHEMES.items()):
        path = f"dfs://{prefix}{number}"
        session.run(
            f"db = database('{path}', {scheme});"
            f"db.createPartitionedTable(table(1:0, `t`s`i`p, [TIMESTAMP,SYMBOL,INT,DOUBLE]), `tb, `{column})"
        )
        write("tb", spread_rows(), path, threadCount=3, partitionCol=column, batchSize=40, throttle=0.02)
    for name, options in KEYED.items():
        session.run(f"share keyedTable(`k, 1:0, `k`v, [INT, DOUBLE]) as {prefix}{name}")
        for rows in ([(3, 30.0), (1, 10.0), (2, 20.0)], [(2, None), (4, 5.0)]):
            write(prefix + name, rows, mode="upsert", modeOption=options)
    session.close()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])

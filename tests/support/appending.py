"""A program that fills tables with the appenders of either client: ``python appending.py MODULE HOST PORT PREFIX``.

With a number behind it, it fills the partitioned tables from this one on and prints the path of each.
The official classes keep the interpreter lock while they wait, so that the server must be in another process.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd

__all__ = ["KEYED", "PARTITIONED", "TABLES", "main", "upserts"]

MOMENTS = ["DATE", "MONTH", "DATETIME", "TIMESTAMP", "NANOTIMESTAMP", "DATEHOUR"]
TIMES = ["TIME", "MINUTE", "SECOND", "NANOTIME"]
NUMBERS = ["CHAR", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE"]
UUIDS = ["5d212a78-cc48-e3b1-4235-b4d91473ee87", "", "ffffffff-ffff-ffff-ffff-fffffffffff0"]

#: kind of column -> (its values, types of columns that it is appended to)
_COLUMNS = {
    "int64": (
        lambda: np.array([1, 0, 100]),
        [*NUMBERS, "DECIMAL32(2)", "DECIMAL64(3)", "DECIMAL128(4)", "SYMBOL", "STRING"],
    ),
    "flags": (lambda: np.array([1, 0, 1]), ["BOOL"]),
    "int32": (lambda: np.array([1, -(2**31), 3], "i4"), ["INT"]),
    "bool": (lambda: np.array([True, False, True]), ["BOOL", *NUMBERS]),
    "float64": (lambda: np.array([1.5, np.nan, -2.0]), ["FLOAT", "DOUBLE", "INT", "LONG"]),
    "Int64": (lambda: pd.array([1, None, 0], dtype="Int64"), ["BOOL", *NUMBERS]),
    "boolean": (lambda: pd.array([True, None, False], dtype="boolean"), ["BOOL", "INT"]),
    "ns": (
        lambda: np.array(["2020-01-02T03:04:05.678901234", "NaT", "1970-01-02"], "M8[ns]"),
        [*MOMENTS, *TIMES],
    ),
    "s": (lambda: np.array(["2020-01-02T03:04:05", "NaT", "1970-01-02"], "M8[s]"), [*MOMENTS, *TIMES]),
    "text": (lambda: np.array(["größe", "", "b"], object), ["SYMBOL", "STRING", "BLOB"]),
    "str": (lambda: pd.array(["x", None, "x"], dtype="string"), ["SYMBOL", "STRING", "BLOB"]),
    "uuid": (lambda: np.array(UUIDS, object), ["UUID", "STRING", "SYMBOL"]),
    "ipaddr": (lambda: np.array(["127.0.0.1", "2001:db8::1", None], object), ["IPADDR"]),
    "int128": (lambda: np.array(["0123456789abcdef0123456789abcdef", "", None], object), ["INT128"]),
    "decimals": (
        lambda: np.array([Decimal("1.255"), None, Decimal("-7")], object),
        ["DECIMAL32(2)", "DECIMAL64(3)", "DECIMAL128(10)"],
    ),
    "integers": (lambda: np.array([1, None, 0], object), ["BOOL", *NUMBERS]),
    "lists": (lambda: _rows([1, 2], [3], [4, 5, 6]), ["INT[]", "LONG[]", "DOUBLE[]", "SHORT[]"]),
    "decimal-lists": (
        lambda: _rows([Decimal("1.25")], [Decimal("2.5"), Decimal("0")], [Decimal("3")]),
        ["DECIMAL64(2)[]"],
    ),
    "date-lists": (
        lambda: _rows(np.array(["2020-01-02"], "M8[D]"), np.array(["NaT"], "M8[D]"), np.array(["1999-12-31"], "M8[D]")),
        ["DATE[]"],
    ),
}


def _rows(*rows):
    made = np.empty(len(rows), dtype=object)
    made[:] = rows
    return made


#: name of a table -> (types of its columns, makes a frame); the columns are called a and b
TABLES = {
    f"{kind}_{number}": (
        ["INT", target],
        lambda make=make: pd.DataFrame({"a": [1, 2, 3], "b": pd.Series(make())}, copy=False),
    )
    for kind, (make, targets) in _COLUMNS.items()
    for number, target in enumerate(targets)
}
TABLES = {name.replace("-", "_"): table for name, table in TABLES.items()}

#: further arguments of an upserter of the columns k (key), v
KEYED = {
    "plain": {},
    "ignoring": {"ignore_null": True, "key_cols": ["k"]},
    "sorting": {"key_cols": ["k"], "sort_cols": ["v"]},
}


def upserts():
    """Frames that are upserted one after the other."""
    return [
        pd.DataFrame({"k": [3, 1, 2], "v": [30.0, 10.0, 20.0]}),
        pd.DataFrame({"k": [2, 4], "v": [np.nan, 5.0]}),
    ]


#: partition type and scheme -> the column
PARTITIONED = {
    "VALUE, 1..40": "i",
    "RANGE, 0 10 20 30 60": "i",
    "LIST, [1..20, 21..60]": "i",
    "HASH, [INT,7]": "i",
    "VALUE, [2020.01.01,2020.01.02,2020.01.03]": "t",
    "RANGE, [2020.01.01,2020.01.02,2020.03.03,2021.01.01]": "t",
    "RANGE, [2020.01M,2020.02M,2020.03M,2020.09M]": "t",
    "VALUE, `a`b`c`d`e`f`g": "s",
    "HASH, [SYMBOL,3]": "s",
    "LIST, [`a`b`c,`d`e`f`g]": "s",
}


def partitioned_frame():
    rows = np.arange(200)
    return pd.DataFrame(
        {
            "t": np.datetime64("2020-01-01", "ns") + (rows * 3600 * 10**9 * 11).astype("m8[ns]"),
            "s": np.array(list("abcdefg"))[rows % 7].astype(object),
            "i": rows % 59 + 1,
            "p": rows / 8,
        }
    )


def _plain(client, session, prefix):
    for name, (types, make) in TABLES.items():
        session.run(f"share table(1:0, `a`b, [{','.join(types)}]) as {prefix}{name}")
        appender = client.TableAppender(table_name=prefix + name, conn=session)
        for _ in range(2):
            assert appender.append(make()) == 3, name
    for name, options in KEYED.items():
        session.run(f"share keyedTable(`k, 1:0, `k`v, [INT, DOUBLE]) as {prefix}{name}")
        upserter = client.TableUpserter(table_name=prefix + name, conn=session, **options)
        for frame in upserts():
            upserter.upsert(frame)
        del upserter


def _partitioned(client, session, prefix, pool, first):
    for number, (scheme, column) in list(enumerate(PARTITIONED.items()))[first:]:
        path = f"dfs://{prefix}{number}"
        session.run(
            f"db = database('{path}', {scheme});"
            f"db.createPartitionedTable(table(1:0, `t`s`i`p, [TIMESTAMP,SYMBOL,INT,DOUBLE]), `tb, `{column})"
        )
        appender = client.PartitionedTableAppender(path, "tb", column, pool)
        assert appender.append(partitioned_frame()) == 200, scheme
        print(path, flush=True)


def main(module, host, port, prefix, first=None):
    client = importlib.import_module(module)
    # pandas warns when the official client casts NaN
    warnings.simplefilter("ignore")
    session = client.Session()
    session.connect(host, int(port), "admin", "123456")
    if first is None:
        _plain(client, session, prefix)
    else:
        pool = client.DBConnectionPool(host, int(port), 3, "admin", "123456")
        _partitioned(client, session, prefix, pool, int(first))
        pool.shutDown()
    session.close()
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:])

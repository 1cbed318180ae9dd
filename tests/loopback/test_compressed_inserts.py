"""Compressed uploads to a server, and what is in its tables then."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.waiting import eventually

import dolphindb_fast as ddb

pytest.importorskip("lz4")

TABLE = "share table(1:0, `time`sym`price`id`text, [NANOTIMESTAMP,SYMBOL,DOUBLE,LONG,STRING]) as packed"
METHODS = {"time": "DELTA", "id": "DELTA", "price": "LZ4", "text": "LZ4", "sym": "LZ4"}


def _frame(rows):
    index = np.arange(rows)
    return pd.DataFrame(
        {
            "time": np.datetime64("2020-01-01", "ns") + index.astype("m8[s]"),
            "sym": pd.Categorical([("IBN", "GTYU", "größe")[i % 3] for i in index]),
            "price": np.where(index % 9 == 0, np.nan, index % 10 / 4),
            "id": index,
            "text": [f"text {i % 50}" for i in index],
        }
    )


def _check(found, frame, times):
    for name in frame:
        cells = frame[name].tolist() * times
        if name == "price":
            np.testing.assert_array_equal(found[name].to_numpy(), np.array(cells))
        else:
            assert found[name].tolist() == cells, name


@pytest.mark.parametrize("rows", [1, 3, 400, 50_000])
def test_insert__synchronous(rows, server_address):
    frame = _frame(rows)
    with ddb.Session(*server_address.login) as plain:
        plain.run(TABLE)
        with ddb.Session(*server_address.login, compressMethods=METHODS) as session:
            assert session.run("tableInsert{packed}", frame) == rows
            session.upload({"t": frame})
            _check(session.run("t"), frame, 1)
        _check(plain.run("select * from packed"), frame, 1)


def test_insert__asynchronous_and_in_batches(server_address):
    frame = _frame(5000)
    with ddb.Session(*server_address.login) as plain:
        plain.run(TABLE)
        with ddb.Session(*server_address.login, enableASYNC=True, compressMethods=METHODS) as session:
            for _ in range(4):
                session.run("tableInsert{packed}", frame)
            with session.batch():
                session.run("tableInsert{packed}", frame)
                session.run("tableInsert{packed}", frame)
            assert session.stats.rows == 30_000
            assert session.stats.bytesSent < 6 * len(ddb.dumps(frame)) / 2
            eventually(lambda: plain.run("exec count(*) from packed") == 30_000)
        _check(plain.run("select * from packed"), frame, 6)

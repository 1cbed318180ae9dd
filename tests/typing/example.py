"""A program with types, for mypy and pyright; never run. `assert_type` says what they must make of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import dolphindb_fast as ddb
from dolphindb_fast import aio, settings
from dolphindb_fast.localserver import FailedTask, LocalServer

if TYPE_CHECKING:
    import pandas as pd
    import pytest
    from typing_extensions import assert_type


def append(frames: Iterator[pd.DataFrame]) -> int:
    with ddb.Session(enableASYNC=True, compressMethods={"price": "DELTA", "sym": None}) as session:
        assert_type(session.connect("localhost", 8848, "admin", "123456", reconnect=True), bool)
        with session.batch(maxBytes=1 << 20, maxDelay=datetime.timedelta(milliseconds=5)):
            for frame in frames:
                session.run("tableInsert{ticks}", frame)
        session.barrier(timeout=5, check="exec count(*) from ticks", expect=100)
        assert_type(session.stats.blockedSeconds, float)
        assert_type(session.stats.lastError, "str | None")
        assert_type(session.host, str)
        return session.stats.rows


def acknowledged(frame: pd.DataFrame) -> list[ddb.Unacknowledged]:
    def complain(submission: ddb.Submission) -> None:
        print(submission.name, submission.rows, submission.exception())

    session = ddb.Session(
        "localhost",
        8848,
        "admin",
        "123456",
        enableASYNC=True,
        acknowledge=True,
        onError=complain,
        keepUnacknowledged=True,
        caFile="ca.pem",
    )
    typed = ddb.typed(frame, {"sym": "SYMBOL", "price": ["DECIMAL64", 2]})
    submission = session.run("tableInsert{ticks}", typed)
    try:
        session.flush(timeout=10)
    except ddb.SubmissionError as error:
        assert_type(error.count, int)
        assert_type(error.failures, "list[ddb.Submission]")
    except ddb.LinkError as error:
        print(error.sent)
        for item in session.unacknowledged():
            assert_type(session.resubmit(item), ddb.Submission)
    print(submission.result(timeout=1))
    return session.unacknowledged()


def read(session: ddb.Session) -> dict[str, Any]:
    blocks = session.run("select * from ticks", fetchSize=10000)
    assert isinstance(blocks, ddb.BlockReader)
    found: dict[str, Any] = {str(number): block for number, block in enumerate(blocks)}
    found["exists"] = session.existsTable("dfs://db", "ticks")
    session.upload({"x": np.arange(3), "y": "text"})
    database = session.database("db", partitionType=settings.VALUE, partitions=[1, 2], dbPath="dfs://db")
    assert_type(database, ddb.Database)
    try:
        session.run("nothing")
    except ddb.ServerError as error:
        found["error"] = error.serverText
    return found


def codec(frame: pd.DataFrame) -> Any:
    data = ddb.dumps(frame)
    assert_type(data, bytes)
    assert_type(ddb.verify(frame), int)
    assert_type(ddb.Encoder().encode(frame), memoryview)
    return ddb.loads(data, lossless=True)


def served() -> list[FailedTask]:
    with LocalServer(order="shuffled", users={"alice": "secret"}) as server:
        server.run("share streamTable(1:0, `a, [INT]) as t")
        server.wait_for_rows("t", 0)
        assert_type(server.rows("t"), int)
        assert_type(server.port, int)
        return server.failed_tasks


async def concurrently(frame: pd.DataFrame) -> Any:
    def complain(submission: ddb.Submission) -> None:
        print(submission.exception())

    async with aio.Session("localhost", 8848, "admin", "123456", maxInFlight=8, onError=complain) as session:
        assert_type(await session.connect("localhost", 8848, readTimeout=5), bool)
        assert_type(await session.submit("tableInsert{ticks}", frame), "ddb.Submission | None")
        assert_type(session.stats.rows, int)
        await session.upload({"x": frame})
        await session.login("admin", "123456")
        print(await session.exec("x", priority=3), await session.call("size", frame))
        await session.flush(timeout=5)
    async with aio.Pool("localhost", 8848, 4, connect={"readTimeout": 5}, enableASYNC=True) as pool:
        assert_type(pool.sessions, "tuple[aio.Session, ...]")
        submission = await pool.submit("exec count(*) from ticks", priority=3)
        return await submission if submission is not None else await pool.run("1")


def test_ingestion(dolphindb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", str(dolphindb_server.port))
    assert dolphindb_server.table("t")["a"].tolist() == []

"""The same scripts under both clients against one server: what is found there must be equal."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest
from support.compare import assert_same
from support.recorder import official_session
from support.waiting import eventually

import dolphindb_fast as ddb

pytestmark = pytest.mark.official


@pytest.fixture
def clients(server_address):
    """Synchronous sessions of both clients, ours first."""
    pytest.importorskip("dolphindb")
    ours, theirs = ddb.Session(), official_session()
    for session in (ours, theirs):
        session.connect(*server_address.login)
    yield ours, theirs
    for session in (ours, theirs):
        session.close()


def _frames(loops, rows):
    """The frames of the vendor's example: dates, symbols, prices, numbers."""
    symbols = np.array(["IBN", "GTYU", "FHU", "DGT", "YUG", "EE", "ZD", "FYU"])
    for loop in range(loops):
        index = np.arange(loop * rows, (loop + 1) * rows)
        yield pd.DataFrame(
            {
                "time": np.datetime64("2020-01-01", "ns") + (index % 300).astype("m8[D]"),
                "sym": symbols[index * 7 % 8],
                "price": (index * 37 % 1000) / 8,
                "id": index % 5,
            }
        )


def _loop(session_class, address, control, loops=60, rows=25, asynchronous=True):
    """The loop script; returns the table as the official client reads it."""
    name = "t" + uuid.uuid4().hex[:12]
    session = session_class(enableASYNC=asynchronous)
    session.connect(*address.login)
    session.run(f"share streamTable(1000:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {name}")
    for frame in _frames(loops, rows):
        session.run(f"tableInsert{{{name}}}", frame)
    count = f"exec count(*) from {name}"

    def arrived():
        try:
            return control.run(count) == loops * rows
        except RuntimeError:
            return False  # the table is not there yet: asynchronous as well

    eventually(arrived)
    session.close()
    stored = control.run(f"select * from {name}")
    control.run(f"undef(`{name}, SHARED)")
    return stored


@pytest.mark.parametrize("asynchronous", [True, False], ids=["asynchronous", "synchronous"])
def test_loop__leaves_the_same_table(asynchronous, clients, server_address):
    ours, theirs = clients
    mine = _loop(ddb.Session, server_address, theirs, asynchronous=asynchronous)
    official = _loop(official_session, server_address, theirs, asynchronous=asynchronous)
    order = list(mine.columns)
    assert_same(mine.sort_values(order, ignore_index=True), official.sort_values(order, ignore_index=True))


SCRIPTS = [
    "1",
    "1.5",
    "true",
    "'a'",
    "`sym",
    "1 2 3",
    "1.5 2.5",
    "`a`b`c",
    "int()",
    "table(1 2 3 as id, `a`b`c as s)",
    "2020.01.02",
    "2020.01.02T03:04:05.678",
    "09:30:00",
    "[1, NULL, 3]",
    "table(2020.01.01 2020.01.02 as d, 1.5 NULL as v)",
    "x = 1",
    "typestr(1)",
    "exec count(*) from table(1 2 as a)",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_result__is_read_alike(script, clients):
    results = []
    for session in clients:
        try:
            results.append(session.run(script))
        except RuntimeError as error:
            results.append(str(error))
    assert_same(results[0], results[1])


def test_uploads__are_stored_alike(clients):
    ours, theirs = clients
    frame = next(_frames(1, 50))
    for session in clients:
        session.upload({"f": frame, "i": 5, "s": "text", "d": 2.5, "b": True})
    for name in "fisdb":
        # each session has variables of its own; both are read by the official client's rules
        assert_same(ours.run(name), theirs.run(name))


def test_category__is_stored_as_the_same_texts(clients, server_address):
    ours, theirs = clients
    frame = next(_frames(1, 50))
    name = "t" + uuid.uuid4().hex[:12]
    ours.run(f"share streamTable(1000:0, `time`sym`price`id, [TIMESTAMP,SYMBOL,DOUBLE,INT]) as {name}")
    ours.run(f"tableInsert{{{name}}}", frame.astype({"sym": "category"}))
    theirs.run(f"tableInsert{{{name}}}", frame)
    stored = theirs.run(f"select * from {name}")
    ours.run(f"undef(`{name}, SHARED)")
    assert_same(stored.iloc[:50].reset_index(drop=True), stored.iloc[50:].reset_index(drop=True))

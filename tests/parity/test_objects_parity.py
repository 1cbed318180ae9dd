"""Scalars, scripts, uploads and calls of several arguments: whole requests against the official client's."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from support import expected, oracle
from support.cases import each
from support.frames import BY_NAME
from support.recorder import TRUE, reply
from support.values import NAT_WITHOUT_UNIT

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.5,
    float("nan"),
    float("inf"),
    -float("inf"),
    5e-324,
    1.7976931348623157e308,
    "",
    "abc",
    "größe",
    "漢字",
    "😀",
    "a\nb",
    "x" * 5000,
    "x" * 262_143,
    "é" * 131_071 + "y",
]


def _name(value):
    text = repr(value)
    return text if len(text) < 24 else f"{text[:4]}...{len(value)}"


@each("value", SCALARS, ids=_name)
def test_scalar__is_sent_as_the_official_client_sends_it(value, ours, official):
    theirs = official.run("f", value)
    assert not oracle.difference(ddb.dumps(value), theirs.objects)
    assert not oracle.difference(ddb.Encoder().encode(value), theirs.objects)
    assert ours.run("f", value) == theirs
    assert not oracle.difference(expected.scalar(value), theirs.objects)


def _moments():
    for unit in ("M", "D", "h", "m", "s", "ms", "us", "ns"):
        for ticks in (0, 1, -1, 25_000, -25_000):
            yield np.datetime64(ticks, unit)
        yield np.datetime64("NaT", unit)
    yield NAT_WITHOUT_UNIT


VALUES = [
    pd.NA,
    pd.NaT,
    np.bool_(True),
    *(np.dtype(name).type(number) for name in ("i1", "i2", "i4", "i8", "q") for number in (5, -5)),
    *(np.iinfo(name).min for name in ("i1", "i2", "i4")),
    *(np.dtype(name).type(np.iinfo(name).min) for name in ("i1", "i2", "i4", "i8")),
    *(np.float32(number) for number in ("1.5", "nan", "inf", "-inf", "-0.0")),
    np.float64("inf"),
    np.str_("größe"),
    b"",
    b"bytes",
    bytes(range(1, 256)),
    np.bytes_(b"abc"),
    *map(Decimal, ("0", "1.23", "-0.00", "12345678901234567", "0.12345678901234567", "0.123456789012345678")),
    *map(Decimal, ("-1E-38", "NaN", "-NaN123", "sNaN", "Infinity", "-Infinity", "99999999999999999.5")),
    datetime.date.min,
    datetime.date.max,
    datetime.date(1969, 12, 31),
    datetime.date(2000, 2, 29),
    datetime.datetime.min,
    datetime.datetime.max,
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 678_999, tzinfo=datetime.timezone(datetime.timedelta(hours=5))),
    datetime.time.max,
    datetime.time(1, 2, 3, 4, tzinfo=datetime.timezone.utc),
    pd.Timestamp("2020-01-02 03:04:05.678999321"),
    pd.Timestamp("2020-07-02 03:04:05", tz="Europe/Berlin"),
    pd.Timestamp.min,
    pd.Timestamp.max,
    *_moments(),
]


@each("value", VALUES, ids=lambda value: f"{type(value).__name__}-{value!s:.30}")
def test_value__is_sent_as_the_official_client_sends_it(value, official):
    assert not oracle.difference(ddb.dumps(value), official.object(value))


SCRIPTS = ["1+1", "", "x = 1\ny = 2\n", "größe = `漢字", "a" * 100_000, "\r\n", "{}", "f(1)\n\n\n"]


@each("script", SCRIPTS, ids=_name)
def test_script__asynchronous(script, ours, official):
    assert ours.run(script) == official.run(script)


@each("script", SCRIPTS, ids=_name)
def test_script__synchronous(script, ours_sync, official_sync):
    assert ours_sync.run(script) == official_sync.run(script)


FUNCTIONS = [
    "f",
    "tableInsert{trades}",
    "append!{loadTable('dfs://db', `t)}",
    "größe",
    "def(x){x}",
    "a" * 900,
]


@each("function", FUNCTIONS, ids=_name)
@each("mode", ["asynchronous", "synchronous"])
def test_function_name__stands_in_the_body_as_it_is(function, mode, request):
    clients = ("ours", "official") if mode == "asynchronous" else ("ours_sync", "official_sync")
    ours, official = map(request.getfixturevalue, clients)
    assert ours.run(function, 1) == official.run(function, 1)


def test_function_name__longer_than_the_official_clients_own_limit(ours):
    """The official client gives up where header and body pass 1,024 bytes."""
    function = "f{" + "x" * 5000 + "}"
    theirs = ours.run(function, 1)
    assert theirs.body == b"function\n" + function.encode() + b"\n1\n1"
    assert theirs.objects == expected.scalar(1)


ARGUMENTS = [
    (1, 2),
    (None, None),
    (1, "a", 2.5, None, True),
    tuple(range(20)),
    ("", ""),
]


@each("arguments", ARGUMENTS, ids=repr)
@each("mode", ["asynchronous", "synchronous"])
def test_several_arguments__follow_one_another(arguments, mode, request):
    clients = ("ours", "official") if mode == "asynchronous" else ("ours_sync", "official_sync")
    ours, official = map(request.getfixturevalue, clients)
    assert ours.run("f", *arguments) == official.run("f", *arguments)


def test_several_arguments__frames_and_scalars(ours, official):
    one, two = BY_NAME["mixed-types-contiguous-2"].build(), BY_NAME["float64-nulls-strided-100"].build()
    assert ours.run("f", one, 1, two, "x", one) == official.run("f", one, 1, two, "x", one)


def test_several_arguments__symbol_bases_restart_with_each_table(ours, official):
    frame = BY_NAME["category-mixed-contiguous-3"].build()
    plain = oracle.as_symbols(frame)
    assert ours.run("f", frame, frame) == official.run("f", plain, plain)


@pytest.mark.parametrize("rows", [100, 70_000])
def test_synchronous_call__sends_the_same_frame(rows, ours_sync, official_sync):
    frame = BY_NAME[f"float64-plain-contiguous-{rows}"].build()
    theirs = official_sync.run("tableInsert{t}", frame)
    mine = ours_sync.run("tableInsert{t}", frame)
    assert mine[:2] == theirs[:2]
    assert not oracle.difference(mine.objects, theirs.objects)


UPLOADS = [
    {"a": 1},
    {"x": 1, "yy": "text", "z3_": None},
    {"t": pd.DataFrame({"a": [1, 2]})},
    {"t": pd.DataFrame({"a": [1, 2]}), "u": pd.DataFrame({"b": ["x"]}), "v": 1.5},
]


@each("objects", UPLOADS, ids=lambda objects: ",".join(objects))
@each("mode", ["asynchronous", "synchronous"])
def test_upload__is_sent_as_the_official_client_sends_it(objects, mode, request):
    clients = ("ours", "official") if mode == "asynchronous" else ("ours_sync", "official_sync")
    ours, official = map(request.getfixturevalue, clients)
    assert ours.record(lambda s: s.upload(objects)) == official.record(lambda s: s.upload(objects))


@pytest.mark.parametrize("answer", [reply(), reply(b"\x05\x00" + b"\x07" + bytes(7))], ids=["void", "long"])
def test_upload__returns_what_the_official_client_returns(answer, ours_sync, official_sync):
    results = []
    for recorder in (ours_sync, official_sync):
        recorder.record(lambda s: results.append(s.upload({"a": 1})), answer)
    assert results[0] == results[1] and type(results[0]) is type(results[1])


def test_upload__asynchronous_and_empty_return_the_same(ours, official, ours_sync, official_sync):
    for one, other in ((ours, official), (ours_sync, official_sync)):
        results = []
        sent = [r.record(lambda s, results=results: results.append(s.upload({}))) for r in (one, other)]
        assert sent == [b"", b""] and results[0] == results[1]
    results = []
    for recorder in (ours, official):
        recorder.record(lambda s, results=results: results.append(s.upload({"a": 1})))
    assert results[0] == results[1]


@pytest.mark.parametrize("user", ["u", "größe", ""])
def test_login__is_a_call_with_three_arguments(user, ours_sync, official_sync):
    requests = [r.record(lambda s: s.login(user, "secret"), TRUE, ahead=True) for r in (ours_sync, official_sync)]
    assert requests[0] == requests[1]

"""Tables and columns of pyarrow, Polars, DuckDB and nanoarrow: as the same column in a frame of pandas."""

from __future__ import annotations

import datetime
import decimal
import struct
import threading

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each

import dolphindb_fast as ddb

pa = pytest.importorskip("pyarrow")

from support import arrow_values, expected_arrow  # noqa: E402

ENCODER = ddb.Encoder()


def _frame(array):
    return pd.DataFrame({"a": pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)))})


def _sent(data) -> bytes:
    sent = ddb.dumps(data)
    assert bytes(ENCODER.encode(data)) == sent
    return sent


# -- pyarrow --------------------------------------------------------------------------------------------


@each("kind", ["plain", "nulls", "allnull"])
@each("name", arrow_values.ARROW_TYPES)
def test_table__as_in_a_frame(name, kind):
    array = arrow_values.array(name, kind, 2_000, 1)
    wanted = expected.frame(_frame(array))
    assert _sent(pa.table({"a": array})) == wanted
    cuts = [0, 0, 3, 260, 261, 2_000, 2_000]
    chunks = [array.slice(a, b - a) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    assert _sent(pa.table({"a": pa.chunked_array(chunks)})) == wanted
    assert _sent(pa.record_batch({"a": array})) == wanted


@each("name", arrow_values.ARROW_TYPES)
def test_slice__of_every_offset(name):
    whole = arrow_values.array(name, "nulls", 150, 1)
    rows = pa.StructArray.from_arrays([whole], ["a"])
    for offset in range(9):
        for count in (0, 1, 7, 64, 129):
            wanted = expected.frame(_frame(whole.slice(offset, count)))
            assert _sent(pa.table({"a": whole}).slice(offset, count)) == wanted
            # here the structure has the offset, and its columns have none
            assert _sent(rows.slice(offset, count)) == wanted


@each("name", arrow_values.ARROW_TYPES)
def test_array__is_a_vector(name):
    array = arrow_values.array(name, "nulls", 40, 1)
    series = pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)))
    assert ddb.dumps(array) == ddb.dumps(pa.chunked_array([array])) == ddb.dumps(series)


@each("name", arrow_values.REFUSED)
def test_type_without_a_place_on_the_wire(name):
    table = pa.table({"a": [1] * len(arrow_values.REFUSED[name]), "b": arrow_values.REFUSED[name]})
    with pytest.raises(ddb.UnsupportedTypeError, match=r"column 'b' \(number 1, Arrow type"):
        ddb.dumps(table)


def test_reader__is_read_once():
    table = pa.table({"a": [1, 2, 3]})
    reader = table.to_reader(max_chunksize=2)
    assert ddb.dumps(reader) == ddb.dumps(table)
    assert ddb.dumps(reader) == ddb.dumps(table.slice(0, 0))


def test_reader__that_fails_while_it_is_read():
    def batches():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("the source is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    with pytest.raises(ddb.ConversionError, match="the source is gone"):
        ddb.dumps(reader)


def test_reader__that_encodes_itself():
    """A producer may run Python, and use this package."""

    def batches():
        yield pa.record_batch({"a": [len(ddb.dumps(pa.table({"b": [1]})))]})

    reader = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    length = len(expected.table({"b": expected.vector(5, [1])}, 1))
    assert ddb.dumps(reader) == expected.table({"a": expected.vector(5, [length])}, 1)


def test_memory__is_let_go():
    before = pa.total_allocated_bytes()
    for _ in range(3):
        ENCODER.encode(pa.table({"a": np.arange(100_000), "b": ["x"] * 100_000}))
    assert pa.total_allocated_bytes() - before < 100_000


def test_threads__with_tables_of_their_own():
    tables = [pa.table({"a": np.arange(50_000) + n, "b": [f"{n}"] * 50_000}) for n in range(4)]
    wanted = [ddb.dumps(table) for table in tables]
    failed = []

    def work(n):
        encoder = ddb.Encoder()
        for _ in range(20):
            if bytes(encoder.encode(tables[n])) != wanted[n]:
                failed.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


GIVEN = [
    (pa.array(["b", None, "b"]), "SYMBOL", lambda: expected.symbols(["b", None, "b"])),
    (pa.array(["b", None, "b"]), "BLOB", lambda: expected_arrow.blobs([b"b", None, b"b"])),
    (pa.array(["b", None, "b"]).dictionary_encode(), "STRING", lambda: expected.vector(18, ["b", None, "b"])),
    (pa.array([b"b", None]), "SYMBOL", lambda: expected.symbols(["b", None])),
    (pa.array([5, None, 5]).dictionary_encode(), "INT", lambda: expected.vector(4, [5, None, 5])),
    (
        pa.array([True, None, False]).dictionary_encode(),
        None,
        lambda: expected.vector(1, [True, None, False]),
    ),
    (pa.array([1, 2, 3]), "SHORT", lambda: expected.vector(3, [1, 2, 3])),
    (
        pa.array([decimal.Decimal("1.25"), None], pa.decimal128(20, 2)),
        ["DECIMAL64", 1],
        lambda: expected_arrow.decimals(38, 1, [13, None]),
    ),
    (
        pa.array([[1, None], None], pa.list_(pa.int32())),
        "LONG[]",
        lambda: expected_arrow.array_vector(5, [[1, None], None]),
    ),
]


@each(("array", "spec", "wanted"), GIVEN, ids=[f"{a.type}-{s}" for a, s, _ in GIVEN])
def test_given_type(array, spec, wanted):
    wanted = expected.table({"a": wanted()}, len(array))
    assert _sent(ddb.typed(pa.table({"a": array}), {"a": spec})) == wanted
    assert _sent(ddb.typed(_frame(array), {"a": spec})) == wanted
    assert _sent(ddb.typed(pa.table({"a": pa.chunked_array([array[:1], array[1:]])}), {"a": spec})) == wanted


@each(("scale", "cells"), [(0, [1, None, -2]), (2, [125, None, -150]), (4, [12500, None, -15000])])
@each("target", [37, 38, 39])
@each("source", ["decimal32", "decimal64", "decimal128"])
def test_decimals__of_another_width_and_scale(source, target, scale, cells):
    if not hasattr(pa, source):
        pytest.skip("this pyarrow has no narrow decimals")
    values = [decimal.Decimal("1.25"), None, decimal.Decimal("-1.5")]
    array = pa.array(values, getattr(pa, source)(9, 2))
    wanted = expected.table({"a": expected_arrow.decimals(target, scale, cells)}, 3)
    name = {37: "DECIMAL32", 38: "DECIMAL64", 39: "DECIMAL128"}[target]
    assert _sent(ddb.typed(pa.table({"a": array}), {"a": [name, scale]})) == wanted
    assert _sent(ddb.typed(_frame(array), {"a": [name, scale]})) == wanted


def test_uuid():
    if not hasattr(pa, "uuid"):
        pytest.skip("this pyarrow has no UUID")
    array = pa.array([bytes(range(16)), None], pa.uuid())
    wanted = expected.table({"a": struct.pack("<BBii", 19, 1, 2, 1) + bytes(reversed(range(16))) + bytes(16)}, 2)
    assert _sent(pa.table({"a": array})) == _sent(_frame(array)) == wanted


# -- Polars ---------------------------------------------------------------------------------------------


def _polars():
    return pytest.importorskip("polars")


def test_polars__every_type():
    pl = _polars()
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 678_000)
    ticks = 1_577_934_245_678
    data = {
        "bool": (pl.Series([True, None, False]), expected.vector(1, [True, None, False])),
        "int8": (pl.Series([1, None, 3], dtype=pl.Int8), expected.vector(2, [1, None, 3])),
        "int64": (pl.Series([1, None, 3]), expected.vector(5, [1, None, 3])),
        "uint8": (pl.Series([1, None, 255], dtype=pl.UInt8), expected.vector(3, [1, None, 255])),
        "uint64": (pl.Series([1, None, 3], dtype=pl.UInt64), expected.vector(5, [1, None, 3])),
        "float32": (pl.Series([1.5, None, -1], dtype=pl.Float32), expected.vector(15, [1.5, None, -1])),
        "float64": (pl.Series([1.5, None, -1]), expected.vector(16, [1.5, None, -1])),
        "text": (
            pl.Series(["x", None, "longer than twelve"]),
            expected.vector(18, ["x", None, "longer than twelve"]),
        ),
        "category": (pl.Series(["x", None, "y"], dtype=pl.Categorical), expected.symbols(["x", None, "y"])),
        "enum": (
            pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "x"])),
            expected.symbols(["x", None, "y"], 1),
        ),
        "bytes": (pl.Series([b"x\0", None, b""]), expected_arrow.blobs([b"x\0", None, b""])),
        "date": (
            pl.Series([datetime.date(1970, 1, 2), None, datetime.date(1969, 12, 31)]),
            expected.vector(6, [1, None, -1]),
        ),
        "time": (
            pl.Series([datetime.time(0, 0, 1), None, datetime.time(0)]),
            expected.vector(13, [10**9, None, 0]),
        ),
        "ms": (
            pl.Series([moment, None, moment], dtype=pl.Datetime("ms")),
            expected.vector(12, [ticks, None, ticks]),
        ),
        "us": (
            pl.Series([moment, None, moment], dtype=pl.Datetime("us")),
            expected.vector(14, [ticks * 10**6, None, ticks * 10**6]),
        ),
        "ns": (
            pl.Series([moment, None, moment], dtype=pl.Datetime("ns")),
            expected.vector(14, [ticks * 10**6, None, ticks * 10**6]),
        ),
        "decimal": (
            pl.Series([decimal.Decimal("1.25"), None, decimal.Decimal("-2")], dtype=pl.Decimal(20, 2)),
            expected_arrow.decimals(39, 2, [125, None, -200]),
        ),
        "list": (
            pl.Series([[1, None], None, []], dtype=pl.List(pl.Int32)),
            expected_arrow.array_vector(4, [[1, None], None, []]),
        ),
        "array": (
            pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)),
            expected_arrow.array_vector(5, [[1, 2], None, [3, 4]]),
        ),
    }
    frame = pl.DataFrame({name: series for name, (series, _) in data.items()})
    assert _sent(frame) == expected.table({name: wanted for name, (_, wanted) in data.items()}, 3)
    assert _sent(pl.concat([frame[:1], frame[1:]], rechunk=False)) == _sent(frame)
    assert _sent(frame[1:]) == _sent(frame.slice(1).rechunk())
    for name, (series, _) in data.items():
        assert ddb.dumps(series) == ddb.dumps(series.to_arrow()), name


def test_polars__refused_by_name():
    pl = _polars()
    for series in (
        pl.Series([datetime.timedelta(1)]),
        pl.Series([{"a": 1}]),
        pl.Series([None]),
        pl.Series([["a"]]),
        pl.Series([1], dtype=pl.Int128),
        pl.Series([datetime.datetime(2020, 1, 1)]).dt.replace_time_zone("UTC"),
    ):
        with pytest.raises(ddb.UnsupportedTypeError, match="column 'q'"):
            ddb.dumps(pl.DataFrame({"a": [1], "q": series}))
    with pytest.raises(ddb.UnsupportedTypeError, match="LazyFrame"):
        ddb.dumps(pl.DataFrame({"a": [1]}).lazy())


# -- others ---------------------------------------------------------------------------------------------


def test_duckdb__relations():
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql(
        "select range::int a, case when range % 3 = 0 then null else 't' || range end b, [range, null] c, "
        "(range / 4)::decimal(9, 2) d, date '2020-01-01' + range::int e from range(5000) order by 1"
    )
    table = relation.to_arrow_table()
    assert table.num_rows == 5000
    assert ddb.dumps(relation) == ddb.dumps(table)


def test_nanoarrow__arrays():
    nanoarrow = pytest.importorskip("nanoarrow")
    assert ddb.dumps(nanoarrow.Array([1, None], nanoarrow.int64())) == expected.vector(5, [1, None])
    assert ddb.dumps(nanoarrow.c_array([1, 2], nanoarrow.int32())) == expected.vector(4, [1, 2])
    struct = nanoarrow.c_array_from_buffers(
        nanoarrow.struct({"a": nanoarrow.int64()}),
        2,
        [None],
        children=[nanoarrow.c_array([1, 2], nanoarrow.int64())],
    )
    assert ddb.dumps(struct) == expected.table({"a": expected.vector(5, [1, 2])}, 2)

"""Neutral tables as Arrow data: every type, NULLs, and who keeps the memory how long."""

from __future__ import annotations

import ctypes
import datetime
import gc
import sys
import threading
import weakref
from decimal import Decimal

import numpy as np
import pytest
from support.arrow_producer import _RELEASE_ARRAY, _Array, _pointer, _Schema, _Stream
from support.cases import each

import dolphindb_fast as ddb
from dolphindb_fast import exchange
from dolphindb_fast import settings as keys
from dolphindb_fast.column import NULLS, WIRE_DTYPES, Column, Table
from dolphindb_fast.result import to_python

MOMENT = datetime.datetime(1970, 1, 1)


def _cells(type_id, values, **more):
    dtype = WIRE_DTYPES[type_id % keys.ARRAY_TYPE_BASE]
    if dtype.kind == "V" and dtype.itemsize == 16:
        data = b"".join(v if isinstance(v, bytes) else v.to_bytes(16, "little", signed=True) for v in values)
        return Column(type_id, np.frombuffer(data, dtype), **more)
    return Column(type_id, np.array([NULLS[dtype] if v is None else v for v in values], dtype), **more)


def _blobs(*cells):
    texts = Column.from_strings(cells)
    return Column(keys.DT_BLOB, texts.data, offsets=texts.offsets)


def _symbols(base, codes):
    return Column(keys.DT_SYMBOL, np.array(codes, "<i4"), symbols=Column.from_strings(base))


DOUBLE_NULL = np.array([NULLS[np.dtype("<f8")]] * 2).tobytes()
#: name -> column of three rows, Arrow type, values
COLUMNS = {
    "void": (_cells(keys.DT_VOID, [0, 0, 0]), "null", [None] * 3),
    "bool": (_cells(keys.DT_BOOL, [1, None, 0]), "bool", [True, None, False]),
    "char": (_cells(keys.DT_CHAR, [1, None, -127]), "int8", [1, None, -127]),
    "short": (_cells(keys.DT_SHORT, [1, None, 0]), "int16", [1, None, 0]),
    "int": (_cells(keys.DT_INT, [1, None, 0]), "int32", [1, None, 0]),
    "long": (_cells(keys.DT_LONG, [1, None, 2**63 - 1]), "int64", [1, None, 2**63 - 1]),
    "float": (_cells(keys.DT_FLOAT, [1.5, None, -np.inf]), "float", [1.5, None, -np.inf]),
    "double": (_cells(keys.DT_DOUBLE, [1.5, None, np.inf]), "double", [1.5, None, np.inf]),
    "date": (
        _cells(keys.DT_DATE, [1, None, -1]),
        "date32[day]",
        [datetime.date(1970, 1, 2), None, datetime.date(1969, 12, 31)],
    ),
    "month": (
        _cells(keys.DT_MONTH, [23641, None, 23639]),
        "date32[day]",
        [datetime.date(1970, 2, 1), None, datetime.date(1969, 12, 1)],
    ),
    "time": (
        _cells(keys.DT_TIME, [61, None, 0]),
        "time32[ms]",
        [datetime.time(0, 0, 0, 61_000), None, datetime.time(0)],
    ),
    "minute": (
        _cells(keys.DT_MINUTE, [61, None, 0]),
        "time32[s]",
        [datetime.time(1, 1), None, datetime.time(0)],
    ),
    "second": (
        _cells(keys.DT_SECOND, [61, None, 0]),
        "time32[s]",
        [datetime.time(0, 1, 1), None, datetime.time(0)],
    ),
    "nanotime": (
        _cells(keys.DT_NANOTIME, [61_000, None, 0]),
        "time64[ns]",
        [datetime.time(0, 0, 0, 61), None, datetime.time(0)],
    ),
    "datetime": (
        _cells(keys.DT_DATETIME, [61, None, -1]),
        "timestamp[s]",
        [MOMENT + datetime.timedelta(seconds=61), None, MOMENT - datetime.timedelta(seconds=1)],
    ),
    "datehour": (
        _cells(keys.DT_DATEHOUR, [25, None, -1]),
        "timestamp[s]",
        [MOMENT + datetime.timedelta(hours=25), None, MOMENT - datetime.timedelta(hours=1)],
    ),
    "dateminute": (
        _cells(keys.DT_DATEMINUTE, [61, None, -1]),
        "timestamp[s]",
        [MOMENT + datetime.timedelta(minutes=61), None, MOMENT - datetime.timedelta(minutes=1)],
    ),
    "timestamp": (
        _cells(keys.DT_TIMESTAMP, [61, None, -1]),
        "timestamp[ms]",
        [MOMENT + datetime.timedelta(milliseconds=61), None, MOMENT - datetime.timedelta(milliseconds=1)],
    ),
    "nanotimestamp": (
        _cells(keys.DT_NANOTIMESTAMP, [61_000, None, 0]),
        "timestamp[ns]",
        [MOMENT + datetime.timedelta(microseconds=61), None, MOMENT],
    ),
    "string": (Column.from_strings(["größe", "", "x"]), "large_string", ["größe", None, "x"]),
    "symbol": (
        _symbols(["", "x", "y"], [2, 0, 1]),
        "dictionary<values=large_string, indices=int32, ordered=0>",
        ["y", None, "x"],
    ),
    "symbol-repeated": (
        _symbols(["", "x", "x"], [2, 0, 1]),
        "dictionary<values=large_string, indices=int32, ordered=0>",
        ["x", None, "x"],
    ),
    "symbol-odd": (
        _symbols(["z", "x", "y"], [2, 0, 1]),
        "dictionary<values=large_string, indices=int32, ordered=0>",
        ["y", "z", "x"],
    ),
    "symbol-plain": (
        Column(
            keys.DT_SYMBOL,
            Column.from_strings(["b", "", "b"]).data,
            offsets=Column.from_strings(["b", "", "b"]).offsets,
        ),
        "dictionary<values=large_string, indices=int32, ordered=0>",
        ["b", None, "b"],
    ),
    "symbol-null": (
        _symbols([""], [0, 0, 0]),
        "dictionary<values=large_string, indices=int32, ordered=0>",
        [None, None, None],
    ),
    "blob": (_blobs(b"x\0", b"", b"\xff"), "large_binary", [b"x\0", None, b"\xff"]),
    "uuid": (
        _cells(keys.DT_UUID, [bytes(range(16)), bytes(16), bytes([255] * 16)]),
        "large_string",
        ["0f0e0d0c-0b0a-0908-0706-050403020100", None, "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ),
    "ipaddr": (
        _cells(keys.DT_IPADDR, [bytes([1, 0, 0, 127]) + bytes(12), bytes(16), bytes([255] * 16)]),
        "large_string",
        ["127.0.0.1", None, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ),
    "int128": (
        _cells(keys.DT_INT128, [bytes(range(16)), bytes(16), bytes([255] * 16)]),
        "large_string",
        ["0f0e0d0c0b0a09080706050403020100", None, "f" * 32],
    ),
    "decimal32": (
        _cells(keys.DT_DECIMAL32, [125, None, -(2**31) + 1], scale=2),
        "decimal128(10, 2)",
        [Decimal("1.25"), None, Decimal("-21474836.47")],
    ),
    "decimal64": (
        _cells(keys.DT_DECIMAL64, [125, None, -(2**63) + 1], scale=0),
        "decimal128(19, 0)",
        [Decimal("125"), None, Decimal(-(2**63) + 1)],
    ),
    "decimal128": (
        _cells(keys.DT_DECIMAL128, [125, -(2**127), -5], scale=2),
        "decimal128(38, 2)",
        [Decimal("1.25"), None, Decimal("-0.05")],
    ),
    "array": (
        _cells(keys.DT_INT + keys.ARRAY_TYPE_BASE, [1, 2, None], offsets=np.array([0, 2, 2, 3])),
        "large_list<item: int32>",
        [[1, 2], [], [None]],
    ),
    "array-decimal": (
        _cells(keys.DT_DECIMAL64 + keys.ARRAY_TYPE_BASE, [1, 2, None], offsets=np.array([0, 2, 2, 3]), scale=1),
        "large_list<item: decimal128(19, 1)>",
        [[Decimal("0.1"), Decimal("0.2")], [], [None]],
    ),
    "array-bool": (
        _cells(keys.DT_BOOL + keys.ARRAY_TYPE_BASE, [1, 0, None], offsets=np.array([0, 2, 2, 3])),
        "large_list<item: bool>",
        [[True, False], [], [None]],
    ),
    "array-uuid": (
        _cells(
            keys.DT_UUID + keys.ARRAY_TYPE_BASE,
            [bytes(16), bytes([255] * 16)],
            offsets=np.array([0, 2, 2, 2]),
        ),
        "large_list<item: large_string>",
        [[None, "ffffffff-ffff-ffff-ffff-ffffffffffff"], [], []],
    ),
    "complex": (
        Column(keys.DT_COMPLEX, np.frombuffer(np.array([1.0, 2.0]).tobytes() + DOUBLE_NULL + bytes(16), "V16")),
        "fixed_size_list<item: double>[2]",
        [[1, 2], None, [0, 0]],
    ),
    "point": (
        Column(keys.DT_POINT, np.frombuffer(np.array([1.0, 2.0]).tobytes() + DOUBLE_NULL + bytes(16), "V16")),
        "fixed_size_list<item: double>[2]",
        [[1, 2], None, [0, 0]],
    ),
    "duration": (
        Column(keys.DT_DURATION, np.frombuffer(bytes(range(24)), "V8")),
        "fixed_size_binary[8]",
        [bytes(range(8)), bytes(range(8, 16)), bytes(range(16, 24))],
    ),
}
TABLE = Table(list(COLUMNS), [column for column, _, _ in COLUMNS.values()])


def test_every_type__is_among_them():
    covered = {column.type for column, _, _ in COLUMNS.values()}
    assert set(exchange.TYPES) <= covered
    assert set(WIRE_DTYPES) <= covered


def _values(values):
    """NaN apart, pandas' timestamps and datetime are equal."""
    return [v.to_pydatetime() if hasattr(v, "to_pydatetime") else v for v in values]


@each("name", COLUMNS)
def test_pyarrow(name):
    pa = pytest.importorskip("pyarrow")
    column, kind, values = COLUMNS[name]
    table = pa.table(Table(["ä"], [column]))
    table.validate(full=True)
    assert str(table.schema.field("ä").type) == kind
    assert table.schema.field("ä").nullable
    assert _values(table["ä"].to_pylist()) == values
    array = pa.array(column)
    array.validate(full=True)
    assert _values(array.to_pylist()) == values
    assert array.null_count == sum(v is None for v in values)
    assert pa.DataType._import_from_c_capsule(column.__arrow_c_schema__()) == array.type
    reader = pa.RecordBatchReader.from_stream(Table(["a"], [column]))
    assert reader.schema == pa.schema(Table(["a"], [column])) == pa.table(Table(["a"], [column])).schema


@each("name", COLUMNS)
def test_polars(name):
    pl = pytest.importorskip("polars")
    column, _, values = COLUMNS[name]
    frame = pl.DataFrame(Table(["ä"], [column]))
    found = [v.to_list() if isinstance(v, pl.Series) else v for v in frame["ä"].to_list()]
    assert found == values
    assert pl.Series(column).null_count() == sum(v is None for v in values)


def test_round_trip__of_what_has_the_same_type_in_both():
    """What is sent for the Arrow table is what is sent for the neutral one."""
    pa = pytest.importorskip("pyarrow")
    same = [
        name
        for name in COLUMNS
        if name
        in (
            "bool",
            "char",
            "short",
            "int",
            "long",
            "float",
            "double",
            "date",
            "time",
            "second",
            "nanotime",
            "datetime",
            "timestamp",
            "nanotimestamp",
            "string",
            "blob",
            "decimal128",
            "array",
        )
    ]
    table = Table(same, [COLUMNS[name][0] for name in same])
    assert ddb.dumps(pa.table(table)) == ddb.dumps(table)


@pytest.mark.parametrize(
    "texts",
    [
        [b"\xff\xfea", b"", b"b"],
        [b"\xc3", b"\xb6", b"x"],
        ["ok", b"\xed\xa0\x80", b""],
        ["ö", "ö", b"\x80"],
    ],
)
def test_text__that_is_no_utf8_is_never_handed_over(texts):
    pa = pytest.importorskip("pyarrow")
    column = Column.from_strings(texts)
    table = pa.table(Table(["a"], [column]))
    table.validate(full=True)
    assert [text or "" for text in table["a"].to_pylist()] == column.strings()
    words = Column.from_strings(["", *texts])
    symbols = pa.table(Table(["a"], [Column(keys.DT_SYMBOL, np.array([1, 2, 3], "<i4"), symbols=words)]))
    symbols.validate(full=True)
    assert [text or "" for text in symbols["a"].to_pylist()] == column.strings()


def test_empty_columns():
    pa = pytest.importorskip("pyarrow")
    for name, (column, kind, _) in COLUMNS.items():
        offsets = None if column.offsets is None else column.offsets[:1]
        none = Column(column.type, column.data[:0], offsets=offsets, symbols=column.symbols, scale=column.scale)
        table = pa.table(Table(["a"], [none]))
        table.validate(full=True)
        assert table.num_rows == 0 and str(table["a"].type) == kind, name


@each(
    ("column", "error", "words"),
    [
        (
            Column(keys.DT_ANY, [Column.from_strings(["x"])]),
            ddb.NotSupported,
            "'a': Arrow has no type for ANY",
        ),
        (_symbols(["", "x"], [2]), ddb.ValueRefused, "outside its base"),
        (_symbols(["", "x"], [-1]), ddb.ValueRefused, "outside its base"),
        (Column(keys.DT_STRING, np.zeros(3, "u1"), offsets=np.array([0, 4])), ddb.ValueRefused, "offsets"),
        (Column(keys.DT_STRING, np.zeros(3, "u1"), offsets=np.array([0, 3, 1])), ddb.ValueRefused, "offsets"),
        (Column(keys.DT_BLOB, np.zeros(3, "u1"), offsets=np.array([1, 3])), ddb.ValueRefused, "offsets"),
        (
            _cells(keys.DT_INT + keys.ARRAY_TYPE_BASE, [1], offsets=np.array([0, 2])),
            ddb.ValueRefused,
            "offsets",
        ),
        (_cells(keys.DT_MONTH, [2**31 - 1]), ddb.ValueRefused, "'a': a MONTH"),
    ],
)
def test_refused(column, error, words):
    with pytest.raises(error, match=words):
        Table(["a"], [column]).__arrow_c_stream__()


def test_columns_of_different_length():
    table = Table(["a", "b"], [_cells(keys.DT_INT, [1]), _cells(keys.DT_INT, [1, 2])])
    with pytest.raises(ddb.ValueRefused, match="differ in length"):
        table.__arrow_c_stream__()


def test_scalar__is_no_arrow_data():
    with pytest.raises(ddb.NotSupported, match="vectors and tables"):
        _cells(keys.DT_INT, [1], form=keys.DF_SCALAR).__arrow_c_array__()


# -- memory ---------------------------------------------------------------------------------------------


def _owned():
    """A table, and what is called once nobody refers to its cells."""
    data = np.arange(5, dtype="<i8")
    gone = []
    weakref.finalize(data, gone.append, True)
    return Table(["a", "s"], [Column(keys.DT_LONG, data), _symbols(["", "x"], [1] * 5)]), gone


def test_capsules__that_nobody_takes_are_given_back():
    table, gone = _owned()
    column = table.columns[0]
    capsules = [table.__arrow_c_stream__(), table.__arrow_c_schema__(), column.__arrow_c_array__()]
    del table, column
    gc.collect()
    assert not gone
    del capsules
    gc.collect()
    assert gone


def _take(capsule, name, kind):
    """Move the struct out of a capsule, as a consumer does."""
    source = ctypes.cast(_pointer(id(capsule), name), ctypes.POINTER(kind))
    taken = kind()
    ctypes.memmove(ctypes.byref(taken), source, ctypes.sizeof(kind))
    source[0].release = type(source[0].release)()
    return taken


def test_structs__outlive_their_capsules_and_the_table():
    table, gone = _owned()
    capsule = table.__arrow_c_stream__()
    stream = _take(capsule, b"arrow_array_stream", _Stream)
    del capsule, table
    gc.collect()
    schema, array, end = _Schema(), _Array(), _Array()
    assert stream.get_schema(stream, schema) == 0
    assert stream.get_next(stream, array) == 0
    assert stream.get_next(stream, end) == 0 and not end.release
    assert not stream.get_last_error(stream)
    stream.release(stream)
    assert not stream.release
    assert schema.format == b"+s" and [schema.children[i][0].name for i in range(2)] == [b"a", b"s"]
    assert schema.children[1][0].dictionary[0].format == b"U"
    # a child may be moved out of its parent and live on
    child = _Array()
    ctypes.memmove(ctypes.byref(child), array.children[0], ctypes.sizeof(child))
    array.children[0][0].release = _RELEASE_ARRAY()
    array.release(array)
    schema.release(schema)
    gc.collect()
    assert not gone
    cells = ctypes.cast(child.buffers[1], ctypes.POINTER(ctypes.c_int64))
    assert cells[:5] == [0, 1, 2, 3, 4]
    child.release(child)
    assert not child.release
    gc.collect()
    assert gone


def test_release__in_another_thread():
    table, gone = _owned()
    schema, array = table.columns[0].__arrow_c_array__()
    taken = _take(array, b"arrow_array", _Array)
    del table, schema, array
    # ctypes lets go of the GIL for the call
    thread = threading.Thread(target=lambda: taken.release(taken))
    thread.start()
    thread.join()
    gc.collect()
    assert gone


def test_release__many_times_leaks_nothing():
    table, _ = _owned()
    kept = table.columns[0].data
    before = sys.getrefcount(kept)
    for _ in range(200):
        stream = _take(capsule := table.__arrow_c_stream__(), b"arrow_array_stream", _Stream)
        array = _Array()
        stream.get_next(stream, array)
        stream.release(stream)
        array.release(array)
        del capsule
    assert sys.getrefcount(kept) == before


# -- as_ ------------------------------------------------------------------------------------------------


def _wire(value):
    return ddb.dumps(value)


@pytest.mark.parametrize("as_", ["arrow", "polars"])
def test_as__each_form(as_):
    library = pytest.importorskip("pyarrow" if as_ == "arrow" else "polars")
    table_class, array_class = (library.Table, library.Array) if as_ == "arrow" else (library.DataFrame, library.Series)
    plain = Table(["a", "s"], [_cells(keys.DT_LONG, [1, None]), Column.from_strings(["x", ""])])
    found = ddb.loads(_wire(plain), as_=as_)
    assert isinstance(found, table_class)
    found = ddb.loads(_wire(np.array([1, 2])), as_=as_)
    assert isinstance(found, array_class) and (found.to_pylist() if as_ == "arrow" else found.to_list()) == [
        1,
        2,
    ]
    assert ddb.loads(_wire(5), as_=as_) == 5
    assert ddb.loads(_wire(None), as_=as_) is None
    mixed = ddb.loads(_wire([1, "x", np.array([1.5])]), as_=as_)
    assert mixed[:2] == [1, "x"] and isinstance(mixed[2], array_class)
    found = ddb.loads(_wire({"a": plain, "b": 1}), as_=as_)
    assert isinstance(found["a"], table_class) and found["b"] == 1
    assert ddb.loads(_wire({1, 2}), as_=as_) == {1, 2}
    assert to_python(_cells(keys.DT_INT, [None], form=keys.DF_SCALAR), as_=as_) is None


@pytest.mark.parametrize(
    ("forms", "words"),
    [
        ({"as_": "pandas"}, "as_ must be"),
        ({"as_": 5}, "as_ must be"),
        ({"as_": "arrow", "raw": True}, "as_ and raw"),
        ({"as_": "arrow", "lossless": True}, "as_ and lossless"),
        ({"as_": "polars", "pickleTableToList": True}, "as_ and pickleTableToList"),
    ],
)
def test_as__contradicted(forms, words):
    with pytest.raises(ddb.UsageError, match=words):
        ddb.loads(ddb.dumps(1), **forms)
    with pytest.raises(ddb.UsageError, match=words):
        ddb.Session().run("1", **forms)


@pytest.mark.parametrize("as_", ["arrow", "polars"])
def test_as__without_the_package(as_, monkeypatch):
    name = {"arrow": "pyarrow", "polars": "polars"}[as_]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ddb.NotSupported, match=f"pip install {name}"):
        ddb.Session().run("1", as_=as_)

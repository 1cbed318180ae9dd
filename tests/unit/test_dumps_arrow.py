"""Arrow columns: slices at every bit, chunks, what a null hides, and arrays that lie about their buffers."""

from __future__ import annotations

import decimal

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each

import dolphindb_fast as ddb

pa = pytest.importorskip("pyarrow")

from support import arrow_values, expected_arrow  # noqa: E402

ENCODER = ddb.Encoder()
SIMPLE = [
    "bool",
    "int8",
    "int64",
    "uint32",
    "double",
    "date64",
    "timestamp_us",
    "decimal128",
    "binary16",
    "binary",
    "string_view",
    "dictionary",
    "dictionary_uint8",
    "list_int32",
    "list_bool",
    "large_list_int64",
]


def _frame(*arrays):
    columns = {}
    for name, array in zip("abcdef", arrays, strict=False):
        columns[name] = pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)))
    return pd.DataFrame(columns)


def _sent(frame) -> bytes:
    sent = ddb.dumps(frame)
    assert bytes(ENCODER.encode(frame)) == sent
    return sent


@each("name", SIMPLE)
def test_slice__of_every_offset_and_length(name):
    whole = arrow_values.array(name, "nulls", 150, 1)
    for offset in range(20):
        for rows in (0, 1, 7, 8, 9, 63, 64, 65, 129):
            part = whole.slice(offset, rows)
            assert _sent(_frame(part)) == expected.frame(_frame(part)), (offset, rows)


@each("name", SIMPLE)
def test_chunks__some_of_them_empty(name):
    whole = arrow_values.array(name, "nulls", 900, 1)
    cuts = [0, 0, 3, 3, 3, 260, 261, 900, 900]
    chunks = pa.chunked_array([whole.slice(a, b - a) for a, b in zip(cuts[:-1], cuts[1:], strict=True)])
    assert _sent(_frame(chunks)) == expected.frame(_frame(whole))
    none = pa.chunked_array([], type=whole.type)
    assert _sent(_frame(none)) == expected.frame(_frame(whole.slice(0, 0)))


def test_chunks__with_a_dictionary_each():
    chunks = pa.chunked_array(
        [
            pa.array(["b", "a", None]).dictionary_encode(),
            pa.array(["c", "b"]).dictionary_encode(),
        ]
    )
    wanted = expected.symbols(["b", "a", None, "c", "b"])
    assert _sent(_frame(chunks)) == expected.table({"a": wanted}, 5)


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["x", "z", "z"], [2, 0, 1]),
        (["x", None, "z"], [2, 1, 0, None]),
        (["", "x", "unused"], [1, 0, None]),
        ([None, "", None], [2, 1, 0]),
        ([], [None, None]),
    ],
)
def test_dictionary__with_texts_that_repeat_or_are_null(words, codes):
    array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))
    wanted = expected.symbols(["" if code is None else words[code] for code in codes])
    assert _sent(_frame(array)) == expected.table({"a": wanted}, len(codes))


def test_dictionaries__each_has_its_base():
    array = pa.array(["b", "a", None]).dictionary_encode()
    wanted = {"a": expected.symbols(["b", "a", None], 0), "b": expected.symbols(["b", "a", None], 1)}
    assert _sent(_frame(array, array)) == expected.table(wanted, 3)


def test_null__hides_what_could_not_be_sent():
    valid = pa.array([True, False, True]).buffers()[1]
    numbers = pa.py_buffer(np.array([1, 2**62, 3]).tobytes())
    array = pa.Array.from_buffers(pa.timestamp("us"), 3, [valid, numbers])
    assert _sent(_frame(array)) == expected.table({"a": expected.vector(14, [1000, None, 3000])}, 3)


@pytest.mark.parametrize("list_type", [pa.list_, pa.large_list])
def test_null_list__hides_its_cells(list_type):
    kind = list_type(pa.int64())
    offsets = np.array([2, 4, 7, 7, 9], dtype="i4" if list_type is pa.list_ else "i8")
    valid = pa.array([True, False, True, True]).buffers()[1]
    child = pa.array(range(10))
    array = pa.Array.from_buffers(kind, 4, [valid, pa.py_buffer(offsets.tobytes())], children=[child])
    wanted = expected_arrow.array_vector(5, [[2, 3], None, [], [7, 8]])
    assert _sent(_frame(array)) == expected.table({"a": wanted}, 4)
    wanted = expected_arrow.array_vector(5, [None, [], [7, 8]])
    assert _sent(_frame(array.slice(1))) == expected.table({"a": wanted}, 3)


def test_fixed_size_lists__are_lists():
    array = pa.array([[1, 2], None, [3, None]], pa.list_(pa.int32(), 2))
    wanted = expected_arrow.array_vector(4, [[1, 2], None, [3, None]])
    assert _sent(_frame(array)) == expected.table({"a": wanted}, 3)


@hypothesis.given(
    st.lists(st.integers(0, 6) | st.integers(0, 400) | st.integers(0, 5000), max_size=60),
    st.sampled_from([("int8", 2), ("int32", 4), ("int64", 5), ("decimal128(20, 3)", 39)]),
)
@hypothesis.settings(deadline=None)
def test_blocks__of_any_rows(counts, kind):
    name, type_id = kind
    arrow_type = pa.decimal128(20, 3) if "decimal" in name else pa.type_for_alias(name)
    value = decimal.Decimal("0.007") if "decimal" in name else 7
    array = pa.array([[value] * count for count in counts], pa.list_(arrow_type))
    wanted = expected_arrow.array_vector(type_id, [[7] * count for count in counts], 3 if "decimal" in name else None)
    assert _sent(_frame(array)) == expected.table({"a": wanted}, len(counts))


def test_blocks__of_rows_of_more_cells_than_two_bytes_count():
    array = pa.array([[1], [2] * 70_000, [3]], pa.list_(pa.int8()))
    wanted = expected_arrow.array_vector(2, [[1], [2] * 70_000, [3]])
    assert _sent(_frame(array)) == expected.table({"a": wanted}, 3)


# -- types given by the caller ------------------------------------------------------------------------------

GIVEN = [
    (
        pa.array([[1, None], None, [3]], pa.list_(pa.int32())),
        "LONG[]",
        lambda: expected_arrow.array_vector(5, [[1, None], None, [3]]),
    ),
    (
        pa.array([[1.25, None], [-0.5]], pa.list_(pa.float64())),
        ["DECIMAL64[]", 2],
        lambda: expected_arrow.array_vector(38, [[125, None], [-50]], 2),
    ),
    (
        pa.array([[0, 86_400_000_000]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us"))),
        "DATE[]",
        lambda: expected_arrow.array_vector(6, [[0, 1]]),
    ),
    (pa.array(["b", None, "b"]), "SYMBOL", lambda: expected.symbols(["b", None, "b"])),
    (pa.array(["b", None, "b"], pa.large_string()), "BLOB", lambda: expected_arrow.blobs([b"b", None, b"b"])),
    (pa.array(["b", None, "b"]).dictionary_encode(), "STRING", lambda: expected.vector(18, ["b", None, "b"])),
    (pa.array([b"b", None]), "SYMBOL", lambda: expected.symbols(["b", None])),
    (pa.array([5, None, 5]).dictionary_encode(), "INT", lambda: expected.vector(4, [5, None, 5])),
    (
        pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-1.25")], pa.decimal128(20, 2)),
        ["DECIMAL64", 1],
        lambda: expected_arrow.decimals(38, 1, [13, None, -13]),
    ),
    (
        pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3")], pa.decimal128(20, 2)),
        ["DECIMAL32", 4],
        lambda: expected_arrow.decimals(37, 4, [12_500, None, -30_000]),
    ),
    (
        pa.array([decimal.Decimal("9.99"), None, decimal.Decimal("-9.99")], pa.decimal128(20, 2)),
        "SHORT",
        lambda: expected.vector(3, [9, None, -9]),
    ),
]


@each(("array", "spec", "wanted"), GIVEN, ids=[f"{a.type}-{s}" for a, s, _ in GIVEN])
def test_given_type(array, spec, wanted):
    typed = ddb.typed(_frame(array), {"a": spec})
    assert _sent(typed) == expected.table({"a": wanted()}, len(array))


# -- refused -------------------------------------------------------------------------------------------------


@each("name", arrow_values.REFUSED)
def test_type_without_a_place_on_the_wire(name):
    frame = _frame(pa.array([1, 2]), arrow_values.REFUSED[name])
    with pytest.raises(ddb.UnsupportedTypeError, match=r"column 'b' \(number 1") as caught:
        ddb.dumps(frame)
    assert str(arrow_values.REFUSED[name].type) in str(caught.value)


def test_time_zone__names_the_conversion():
    with pytest.raises(ddb.UnsupportedTypeError, match=r"dt\.tz_convert\(None\).*dt\.tz_localize\(None\)"):
        ddb.dumps(_frame(arrow_values.REFUSED["timestamp[ns, tz=UTC]"]))


VALUES = [
    (pa.array([1, None, 2**63], pa.uint64()), None, 2),
    (pa.array([1, None, 2**31], pa.int64()).cast(pa.timestamp("s")), None, 2),
    (pa.array([1, None, 2**62], pa.int64()).cast(pa.timestamp("us")), None, 2),
    (pa.array([1, None, 300]), "CHAR", 2),
    (pa.array([[1], None, [2, 3], [300, 4]], pa.list_(pa.int32())), "CHAR[]", 3),
    (pa.array([decimal.Decimal("99999999.00"), None], pa.decimal128(20, 2)), ["DECIMAL32", 2], 0),
    (pa.array(["a", "b\0"]), None, 1),
    (pa.array(["a", "b\0"]).dictionary_encode(), None, None),
]


@each(("array", "spec", "row"), VALUES, ids=[f"{a.type}-{s}" for a, s, _ in VALUES])
@each("chunked", [False, True])
def test_value_out_of_range__names_its_row(array, spec, row, chunked):
    given = pa.chunked_array([array.slice(0, 1), array.slice(0, 0), array.slice(1)]) if chunked else array
    frame = _frame(given)
    with pytest.raises(ddb.ValueRefused, match="'a'" + ("" if row is None else rf".*row {row}\b")):
        ddb.dumps(ddb.typed(frame, {"a": spec}))


@each(
    ("arrow_type", "target"),
    [
        (pa.time32("s"), "DATE"),
        (pa.time64("ns"), "TIMESTAMP"),
        (pa.string(), "INT"),
        (pa.large_binary(), "UUID"),
        (pa.binary(16), "LONG"),
        (pa.decimal128(20, 2), "DATE"),
        (pa.bool_(), "DECIMAL64"),
        (pa.int32(), "INT[]"),
        (pa.list_(pa.int32()), "INT"),
        (pa.date32(), "STRING"),
        (pa.float64(), "DATE"),
    ],
)
def test_type_that_this_can_not_become(arrow_type, target):
    frame = _frame(pa.array([None, None], arrow_type))
    with pytest.raises(ddb.UnsupportedTypeError) as caught:
        ddb.dumps(ddb.typed(frame, {"a": target}))
    assert "'a'" in str(caught.value) and target in str(caught.value)


def _buffers(*parts):
    return [None if part is None else pa.py_buffer(np.array(part[1], dtype=part[0]).tobytes()) for part in parts]


def _blobs(*offsets):
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, _buffers(None, ("i4", offsets), ("u1", [1])))


def _rows(*offsets):
    child = pa.array([1], pa.int8())
    return pa.Array.from_buffers(
        pa.list_(pa.int8()), len(offsets) - 1, _buffers(None, ("i4", offsets)), children=[child]
    )


# what pyarrow looks at when it makes an array is the first and the last offset
LIARS = {
    "blob beyond": lambda: _blobs(0, 999, 1),
    "blob before": lambda: _blobs(0, -9, 1),
    "blob backwards": lambda: _blobs(0, 1, 0, 1),
    "list beyond": lambda: _rows(0, 2, 1),
    "list before": lambda: _rows(0, -1, 1),
    "list backwards": lambda: _rows(0, 1, 0, 1),
    "index": lambda: pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["a"]), safe=False),
    "negative index": lambda: pa.DictionaryArray.from_arrays(pa.array([0, -7], pa.int8()), pa.array(["a"]), safe=False),
}


@each("name", LIARS)
def test_array_that_lies__is_refused(name):
    frame = _frame(LIARS[name]())
    with pytest.raises(ddb.ConversionError, match="'a'"):
        ddb.dumps(frame)
    assert bytes(ENCODER.encode(_frame(pa.array([1])))) == expected.table({"a": expected.vector(5, [1])}, 1)

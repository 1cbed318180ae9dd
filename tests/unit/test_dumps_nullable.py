"""Masked arrays in every memory layout, and types given by the caller: casts against Python's own arithmetic."""

from __future__ import annotations

import copy
import warnings

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from support import expected, expected_forced
from support.cases import each
from support.values import object_column

import dolphindb_fast as ddb
from dolphindb_fast import settings

ENCODER = ddb.Encoder()
ROWS = (1, 7, 255, 256, 257, 1000, 5000)


def _sent(frame) -> bytes:
    """The bytes of a frame, the same from all ways to have them."""
    sent = ddb.dumps(frame)
    assert bytes(ENCODER.encode(frame)) == sent
    return sent


def _layouts(array):
    """The same cells in other memory."""
    rows = len(array)
    wide = np.zeros((rows, 3), dtype=array.dtype)
    wide[:, 1] = array
    yield "contiguous", array.copy()
    yield "strided", wide[:, 1]
    yield "reversed", array[::-1].copy()[::-1]
    room = np.zeros(array.nbytes + 1, dtype="u1")
    odd = np.frombuffer(room, dtype=array.dtype, count=rows, offset=1)
    odd[:] = array
    yield "unaligned", odd


@each("rows", ROWS)
@each(
    ("array_class", "dtype"),
    [
        (pd.arrays.IntegerArray, "i1"),
        (pd.arrays.IntegerArray, "i8"),
        (pd.arrays.IntegerArray, "u8"),
        (pd.arrays.FloatingArray, "f4"),
        (pd.arrays.FloatingArray, "f8"),
        (pd.arrays.BooleanArray, "?"),
    ],
)
def test_masked__data_and_mask_of_any_layout(array_class, dtype, rows):
    data = (np.arange(rows) * 37 % 101).astype(dtype)
    mask = np.arange(rows) % 3 == 1
    wanted = expected.frame(pd.DataFrame({"a": array_class(data.copy(), mask.copy())}))
    for data_layout, cells in _layouts(data):
        for mask_layout, nulls in _layouts(mask):
            frame = pd.DataFrame({"a": array_class(cells, nulls)}, copy=False)
            assert _sent(frame) == wanted, (data_layout, mask_layout)


@pytest.mark.parametrize("null", [False, True])
def test_masked__broadcast_data_and_mask(null):
    data = np.broadcast_to(np.int64(5), 1000)
    frame = pd.DataFrame({"a": pd.arrays.IntegerArray(data, np.broadcast_to(null, 1000))}, copy=False)
    assert _sent(frame) == expected.table({"a": expected.vector(5, [None if null else 5] * 1000)}, 1000)


def test_masked__what_lies_under_the_mask_does_not_matter():
    lies = np.array([2**64 - 1, 1, 2**63], dtype="u8")
    frame = pd.DataFrame({"a": pd.arrays.IntegerArray(lies, np.array([True, False, True]))}, copy=False)
    assert _sent(frame) == expected.table({"a": expected.vector(5, [None, 1, None])}, 3)


def test_masked__floats_keep_nan_and_infinities():
    data = np.array([np.nan, np.inf, -np.inf, 1.5])
    frame = pd.DataFrame({"a": pd.arrays.FloatingArray(data, np.array([False, False, False, True]))}, copy=False)
    data[3] = -np.finfo("f8").max
    assert _sent(frame) == expected.table({"a": expected.vector(16, data)}, 4)


def test_masked__through_the_public_methods():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int16"), "b": pd.array([True, None, False])})

    class Other(pd.DataFrame):
        """Goes the public way."""

    assert ddb.dumps(Other(frame)) == _sent(frame)


# -- types given by the caller ------------------------------------------------------------------------------

MOMENTS = sorted(expected_forced.MOMENTS)
TIMES = sorted(expected_forced.TIMES)
INTEGERS = {"i1": 8, "i2": 16, "i4": 32, "i8": 64}


def _agrees(values, cells, target, scale=0, **how):
    """Our bytes, or refusal with its row, are the ones worked out in Python."""
    spec = [target, scale] if scale else target
    typed = ddb.typed(pd.DataFrame({"a": values}, copy=False), {"a": spec})
    try:
        wanted = expected.table({"a": expected_forced.vector(cells, target, scale, **how)}, len(cells))
    except expected_forced.Refused as refused:
        with pytest.raises(ddb.ConversionError) as caught:
            ddb.dumps(typed)
        if refused.args:
            assert f"row {refused.args[0]}:" in str(caught.value)
    else:
        assert _sent(typed) == wanted


def _near(*edges):
    """Integers, most of them near one of the edges."""
    return st.one_of(st.integers(-(2**63), 2**63 - 1), *(st.integers(edge - 2, edge + 2) for edge in edges))


EDGES = [0, 2**7, -(2**7), 2**15, -(2**15), 2**31, -(2**31), 2**53, 10**9, 10**18 // 2, 2**63 - 3, -(2**63) + 2]


@hypothesis.given(st.lists(_near(*EDGES), min_size=1, max_size=5), st.sampled_from(sorted(INTEGERS)), st.data())
def test_integers__to_any_number(values, dtype, data):
    bits = INTEGERS[dtype]
    cells = [(value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for value in values]
    target = data.draw(st.sampled_from([*expected_forced.INTEGERS, *expected_forced.FLOATS, *expected_forced.DECIMALS]))
    scale = data.draw(st.sampled_from([0, 1, 9])) if target in expected_forced.DECIMALS else 0
    # a cell of the same width that is the smallest stays NULL only where the type is not a decimal's
    _agrees(np.array(cells, dtype=dtype), cells, target, scale, bits=0 if scale else bits)


@hypothesis.given(
    st.lists(st.floats() | _near(*EDGES).map(float), min_size=1, max_size=5), st.sampled_from(["f4", "f8"]), st.data()
)
def test_floats__to_any_number(values, dtype, data):
    with np.errstate(over="ignore"):
        array = np.array(values).astype(dtype)
    target = data.draw(st.sampled_from([*expected_forced.INTEGERS, *expected_forced.FLOATS, *expected_forced.DECIMALS]))
    scale = data.draw(st.sampled_from([1, 2, 5])) if target in expected_forced.DECIMALS else 0
    _agrees(array, array.tolist(), target, scale, numpy=True)


UNIT_EDGES = {
    unit: [0, *(sign * 86_400 * 10**9 // ns * n for sign in (1, -1) for n in (1, 365, 24_855, 106_751))]
    for unit, ns in expected_forced.NANOSECONDS.items()
}


@hypothesis.given(st.sampled_from(["s", "ms", "us", "ns"]), st.sampled_from(MOMENTS + TIMES), st.data())
def test_moments__to_any_temporal_type(unit, target, data):
    # years that Python's dates have; MONTH asks for them
    top = 86_400 * 10**9 // expected_forced.NANOSECONDS[unit] * 700_000
    ticks = st.integers(max(-top, -(2**63) + 1), min(2 * top, 2**63 - 1))
    near = [st.integers(edge - 2, edge + 2) for edge in UNIT_EDGES[unit]]
    cells = data.draw(st.lists(st.one_of(st.none(), ticks, *near), min_size=1, max_size=5))
    array = np.array([-(2**63) if cell is None else cell for cell in cells]).view(f"M8[{unit}]")
    _agrees(array, cells, target, unit=unit)


@pytest.mark.parametrize("rows", ROWS)
def test_cast__in_any_layout_and_of_any_length(rows):
    cells = np.arange(rows) * 1_000_003 - 5
    for dtype in ("i8", ">i8", "f8", ">f8"):
        for layout, array in _layouts(cells.astype(dtype)):
            typed = ddb.typed(pd.DataFrame({"a": array}, copy=False), {"a": "LONG"})
            assert _sent(typed) == expected.table({"a": expected.vector(5, cells)}, rows), (dtype, layout)


def test_cast__refused_row_of_a_large_column():
    values = np.zeros(300_000, dtype="i8")
    values[299_998] = 2**31
    for given in (values, pd.arrays.IntegerArray(values, np.zeros(300_000, dtype=bool))):
        frame = pd.DataFrame({"good": 1.5, "bad": given}, copy=False)
        with pytest.raises(ddb.ValueRefused, match=r"'bad'.*INT, row 299998:.*2147483648"):
            ddb.dumps(ddb.typed(frame, {"bad": "INT"}))
        with pytest.raises(ddb.ValueRefused, match=r"row 299998\b"):
            ENCODER.encode(ddb.typed(frame, {"bad": "INT"}))


def test_typed__changes_neither_frame_nor_pandas_and_warns_of_nothing():
    frame = pd.DataFrame({"a": [1, 2], "s": pd.Series(["x", "y"], dtype="string")})
    before, attributes = copy.deepcopy(frame), dict(frame.__dict__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        typed = ddb.typed(frame, {"a": "int"})
        ddb.dumps(typed)
    assert typed.frame is frame and typed.types == {"a": "int"}
    pd.testing.assert_frame_equal(frame, before)
    assert frame.__dict__.keys() == attributes.keys()


def test_typed__wins_over_the_attribute():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    object.__setattr__(frame, "__DolphinDB_Type__", {"a": "SHORT", "b": "SHORT"})
    both = expected.table({"a": expected.vector(2, [1, 2]), "b": expected.vector(3, [3, 4])}, 2)
    assert _sent(ddb.typed(frame, {"a": settings.DT_CHAR})) == both
    assert frame.__dict__["__DolphinDB_Type__"] == {"a": "SHORT", "b": "SHORT"}


def test_typed__none_is_the_own_type():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert _sent(ddb.typed(frame, {"a": None})) == _sent(ddb.typed(frame, {})) == _sent(frame)


@pytest.mark.parametrize(
    ("frame", "types", "words"),
    [
        ([1], {}, "DataFrame"),
        (pd.DataFrame({"a": [1]}), {"b": "INT"}, "'b'"),
        (pd.DataFrame({"a": [1]}), {"a": "INTEGER"}, "INTEGER"),
        (pd.DataFrame({"a": [1]}), {"a": ("INT",)}, "'a'"),
    ],
)
def test_typed__says_what_it_does_not_understand(frame, types, words):
    with pytest.raises(ddb.UsageError, match=words):
        ddb.typed(frame, types)


@pytest.mark.parametrize("types", ["INT", 5, [1], {1: "INT"}])
def test_attribute__that_is_no_dict_of_names(types):
    frame = pd.DataFrame({"a": [1]})
    object.__setattr__(frame, "__DolphinDB_Type__", types)
    with pytest.raises(ddb.UsageError, match="__DolphinDB_Type__"):
        ddb.dumps(frame)


@pytest.mark.parametrize("spec", [["DECIMAL32", 10], ["DECIMAL64", 19]])
def test_scale__that_the_type_does_not_have(spec):
    with pytest.raises(ddb.ValueRefused, match=f"'a'.*{spec[0]}.*{spec[1]}"):
        ddb.dumps(ddb.typed(pd.DataFrame({"a": [1]}), {"a": spec}))


@pytest.mark.parametrize("dtype", ["f8", "Float64"])
def test_decimals__of_floats_need_a_scale(dtype):
    frame = pd.DataFrame({"a": pd.array([1.5], dtype=dtype)})
    with pytest.raises(ddb.UnsupportedTypeError, match="'a'.*scale"):
        ddb.dumps(ddb.typed(frame, {"a": "DECIMAL64"}))


CATEGORIES = [
    (["x", None, "y", "x"], "SYMBOL", expected.symbols(["x", None, "y", "x"])),
    (["x", None, "y", "x"], "STRING", expected.vector(18, ["x", None, "y", "x"])),
    ([5, None, 6, 5], "SYMBOL", expected.symbols(["5", None, "6", "5"])),
    ([5, None, 6, 5], "INT", expected.vector(4, [5, None, 6, 5])),
    ([5, None, 6, 5], "DOUBLE", expected.vector(16, [5, None, 6, 5])),
    ([None, None, None, None], "SYMBOL", expected.symbols([None] * 4)),
]


@pytest.mark.parametrize(("values", "target", "vector"), CATEGORIES)
def test_category__as_another_type(values, target, vector):
    frame = pd.DataFrame({"a": pd.Categorical(values)})
    assert _sent(ddb.typed(frame, {"a": target})) == expected.table({"a": vector}, 4)


def test_category__to_what_its_values_are_not():
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"])})
    with pytest.raises(ddb.ConversionError, match="'a'.*INT"):
        ddb.dumps(ddb.typed(frame, {"a": "INT"}))


def test_symbols__each_typed_column_has_its_base():
    texts = ["b", "a", None, "b"]
    frame = pd.DataFrame(
        {
            "s": pd.Series(object_column(texts)),
            "t": pd.Series(texts, dtype="string"),
            "n": [7, 8, 7, 7],
        }
    )
    typed = ddb.typed(frame, dict.fromkeys(frame, "SYMBOL"))
    vectors = {
        "s": expected.symbols(texts, 0),
        "t": expected.symbols(texts, 1),
        "n": expected.symbols(["7", "8", "7", "7"], 2),
    }
    assert _sent(typed) == expected.table(vectors, 4)

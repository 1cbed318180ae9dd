"""Random objects and frames out of everything that both clients send alike.

What stands in `support.differences` is left out: text with NUL, moments out of range, unsigned and big-endian
memory. Frames may hold Categorical columns; the oracle gets them through `oracle.as_symbols`.
"""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from .corpus.case import forced
from .values import object_column

try:
    import pyarrow as pa
except ImportError:
    pa = None

__all__ = ["blocks", "frames", "objects"]

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
NULLS = (None, float("nan"), pd.NA, pd.NaT)
ROWS = st.one_of(st.integers(0, 12), st.sampled_from([33, 100, 8_192, 9_001]))

# cells

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300)
floats = st.floats()
dates = st.dates()
datetimes = st.datetimes()
times = st.times()
timestamps = st.datetimes(datetime.datetime(1680, 1, 1), datetime.datetime(2260, 1, 1)).map(pd.Timestamp)
#: DECIMAL64 as long as the digits fit
_LIMIT = 10**12
_BOUNDS = {
    "M": (-(2**20), 2**20),
    "D": (-(2**31) + 1, 2**31 - 1),
    "h": (-(2**31) + 1, 2**31 - 1),
    "m": (-(2**31) // 60 + 1, 2**31 // 60 - 1),
    "s": (-(2**31) + 1, 2**31 - 1),
    "ms": (-(2**62), 2**62),
    "us": (-(2**63) // 1000 + 1, (2**63) // 1000 - 1),
    "ns": (-(2**63) + 1, 2**63 - 1),
}


def decimals(places):
    return st.integers(-_LIMIT, _LIMIT).map(lambda digits: Decimal(digits).scaleb(-places))


def _whole(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


#: numpy dtype -> its cells
NUMPY = {
    "bool": st.booleans(),
    **{f"int{bits}": _whole(bits) | st.integers(-3, 3) for bits in (8, 16, 32, 64)},
    "float32": st.floats(width=32),
    "float64": floats,
    **{
        f"datetime64[{unit}]": st.one_of(st.integers(*_BOUNDS[unit]), st.integers(-100, 2_000_000), st.just(-(2**63)))
        for unit in _BOUNDS
    },
}
#: the units that a frame can hold
FRAME_UNITS = ("datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]")
FRAME_DTYPES = (*(name for name in NUMPY if name[0] != "d"), *FRAME_UNITS)
MASKED = {
    "boolean": "bool",
    **{f"Int{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"Float{bits}": f"float{bits}" for bits in (32, 64)},
}


def _array(dtype, cells) -> np.ndarray:
    if dtype.startswith("datetime64"):
        return np.array(cells, "i8").view(f"M8{dtype[10:]}")
    return np.array(cells, dtype)


def _filled(draw, cells, rows):
    """`rows` cells; of many rows only some are drawn, the rest repeats them."""
    drawn = draw(st.lists(cells, min_size=min(rows, 12), max_size=min(rows, 12)))
    return [drawn[i % len(drawn)] for i in range(rows)]


@st.composite
def arrays(draw, rows, dtypes=tuple(NUMPY)):
    """A 1-d array, contiguous or not."""
    dtype = draw(st.sampled_from(dtypes))
    step = draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2]))
    array = _array(dtype, _filled(draw, NUMPY[dtype], rows * abs(step)))
    return array[::step][:rows]


# columns of a frame: each strategy yields (column, types that it may be forced to)

_NUMERIC_TARGETS = ["INT", "LONG", "FLOAT", "DOUBLE", "STRING", "SYMBOL", None]
_MOMENT_TARGETS = ["DATE", "TIME", "MINUTE", "SECOND", "TIMESTAMP", "NANOTIME", "DATEHOUR", "LONG", None]


@st.composite
def numpy_columns(draw, rows):
    array = draw(arrays(rows, FRAME_DTYPES))
    if array.dtype.kind == "M":
        return array, ()
    return array, ["LONG", "DOUBLE", "ANY", None] if array.dtype.kind in "bi" else ["DOUBLE", None]


@st.composite
def forced_numbers(draw, rows):
    """Numbers that fit into every numeric type."""
    dtype = draw(st.sampled_from(["int8", "int16", "int32", "int64", "float32", "float64"]))
    cells = _filled(draw, st.integers(-127, 127), rows)
    return np.array(cells, dtype), ["CHAR", "SHORT", *_NUMERIC_TARGETS, ["DECIMAL64", 2], ["DECIMAL128", 3]]


@st.composite
def forced_moments(draw, rows):
    unit, factor = draw(st.sampled_from([("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]))
    ticks = _filled(draw, st.integers(-2_000_000_000, 2_000_000_000), rows)
    jitter = draw(st.integers(0, factor - 1))
    return np.array([tick * factor + jitter for tick in ticks], f"M8[{unit}]"), _MOMENT_TARGETS


@st.composite
def masked_columns(draw, rows):
    dtype = draw(st.sampled_from(list(MASKED)))
    cells = _filled(draw, NUMPY[MASKED[dtype]] | st.none(), rows)
    targets = ["DOUBLE", None] if dtype[0] == "F" else ["LONG", "DOUBLE", None]
    mask = np.array([cell is None for cell in cells], bool)
    data = np.array([0 if cell is None else cell for cell in cells], MASKED[dtype])
    kind = {"b": pd.arrays.BooleanArray, "i": pd.arrays.IntegerArray, "f": pd.arrays.FloatingArray}
    return pd.Series(kind[data.dtype.kind](data, mask)), targets


@st.composite
def text_columns(draw, rows):
    dtypes = [object, pd.StringDtype("python")]
    if PANDAS_3:
        dtypes += ["str", pd.StringDtype("python", na_value=np.nan)]
    if pa:
        dtypes += [pd.StringDtype("pyarrow"), pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string())]
    cells = _filled(draw, texts | st.none(), rows)
    return pd.Series(object_column(cells), dtype=draw(st.sampled_from(dtypes))), [
        "STRING",
        "SYMBOL",
        "BLOB",
        None,
    ]


@st.composite
def category_columns(draw, rows):
    words = draw(st.lists(texts.filter(bool), min_size=1, max_size=6, unique=True))
    cells = _filled(draw, st.sampled_from(words) | st.none(), rows)
    return pd.Series(pd.Categorical(cells, categories=draw(st.permutations(words)))), ()


#: values of one kind, with the types that they may be forced to
OBJECTS = [
    (integers.filter(lambda n: n > -(2**63)), ["LONG", "DOUBLE", "STRING", "SYMBOL", "ANY", None]),
    (
        st.integers(0, 100),
        ["BOOL", "CHAR", "SHORT", "INT", "DATE", "TIME", "TIMESTAMP", "MONTH", "FLOAT", None],
    ),
    (floats, ["DOUBLE", "STRING", None]),
    (integers | floats, [None]),
    (st.booleans(), ["BOOL", "INT", "DOUBLE", "STRING", "ANY", None]),
    (texts, ["STRING", "SYMBOL", "BLOB", "ANY", None]),
    (texts | integers | floats | st.booleans() | dates, ["STRING", "SYMBOL", None]),
    (st.binary(max_size=20), ["BLOB", None]),
    (dates, ["DATE", "MONTH", "TIMESTAMP", "DATEHOUR", "TIME", "SECOND", "STRING", None]),
    (datetimes, ["DATE", "MONTH", "TIMESTAMP", "TIME", "NANOTIME", "MINUTE", "STRING", None]),
    (timestamps, ["TIMESTAMP", "DATE", "NANOTIME", None]),
    (times, ["TIME", "MINUTE", "SECOND", "NANOTIME", "STRING", None]),
    (
        decimals(2),
        ["DECIMAL64", ["DECIMAL64", 4], ["DECIMAL128", 10], ["DECIMAL64", 1], "DOUBLE", "STRING", None],
    ),
    (decimals(2) | decimals(0) | decimals(3), [["DECIMAL64", 4], ["DECIMAL128", 1], "STRING"]),
    (decimals(20), ["DECIMAL128", ["DECIMAL128", 5], None]),
    (st.uuids().map(str), ["UUID", "STRING"]),
    (st.ip_addresses(v=4).map(str), ["IPADDR"]),
    (st.binary(min_size=16, max_size=16).map(bytes.hex), ["INT128"]),
    *((st.integers(-100, 100).map(kind), [None]) for kind in (np.int8, np.int16, np.int32, np.int64, np.float64)),
    *((st.integers(*_BOUNDS[unit]).map(lambda tick, unit=unit: np.datetime64(tick, unit)), [None]) for unit in _BOUNDS),
]


@st.composite
def object_columns(draw, rows):
    cells, targets = draw(st.sampled_from(OBJECTS))
    nulls = draw(st.sampled_from([(), (None,), NULLS]))
    values = _filled(draw, st.one_of(cells, *map(st.just, nulls)) if nulls else cells, rows)
    return object_column(values), targets


_VECTOR_CELLS = [
    st.lists(integers | st.none(), max_size=5),
    st.lists(floats, max_size=5),
    st.lists(st.booleans() | st.none(), max_size=5),
    st.lists(dates, max_size=3),
    st.lists(decimals(2), max_size=3),
    *(
        st.lists(NUMPY[dtype], max_size=5).map(lambda cells, dtype=dtype: _array(dtype, cells))
        for dtype in (
            "int8",
            "int16",
            "int32",
            "int64",
            "float32",
            "float64",
            "datetime64[D]",
            "datetime64[ns]",
        )
    ),
]


@st.composite
def vector_columns(draw, rows):
    cells = _filled(draw, draw(st.sampled_from(_VECTOR_CELLS)), rows)
    return object_column(cells), [None]


@st.composite
def arrow_columns(draw, rows):
    kinds = [
        (pa.bool_(), st.booleans()),
        *((getattr(pa, f"int{bits}")(), _whole(bits)) for bits in (8, 16, 32, 64)),
        (pa.float32(), st.floats(width=32)),
        (pa.float64(), floats),
        (pa.date32(), dates),
        (pa.time64("ns"), times),
        (pa.timestamp("ns"), timestamps),
        (pa.timestamp("ms"), datetimes.map(lambda moment: moment.replace(microsecond=0))),
        (pa.decimal128(20, 2), decimals(2)),
        (pa.large_binary(), st.binary(max_size=9)),
        (pa.dictionary(pa.int32(), pa.string()), texts),
        (pa.list_(pa.int32()), st.lists(_whole(32) | st.none(), min_size=1, max_size=4)),
        (pa.list_(pa.float64()), st.lists(floats | st.none(), min_size=1, max_size=4)),
    ]
    arrow_type, cells = draw(st.sampled_from(kinds))
    # rows without cells at the end make the official client lose their count
    values = _filled(draw, cells if pa.types.is_list(arrow_type) else cells | st.none(), rows)
    return pd.Series(values, dtype=pd.ArrowDtype(arrow_type)), ()


def _columns(rows):
    kinds = [
        numpy_columns(rows),
        numpy_columns(rows),
        forced_numbers(rows),
        forced_moments(rows),
        masked_columns(rows),
        text_columns(rows),
        category_columns(rows),
        object_columns(rows),
        object_columns(rows),
        vector_columns(rows),
    ]
    return st.one_of(*kinds, *([arrow_columns(rows)] if pa else []))


# placements


def _settled(frame):
    """Masked and list columns in memory of their own where the official client misreads views."""
    owned = {}
    for position, dtype in enumerate(frame.dtypes):
        if dtype.name in MASKED or "list<" in str(dtype):
            column = frame.iloc[:, position]
            owned[frame.columns[position]] = pd.Series(column.tolist(), frame.index, dtype)
    return frame.assign(**owned)


PLACEMENTS = {
    "consolidated": lambda frame: frame.copy(),
    "split": lambda frame: frame,
    "sliced": lambda frame: frame[len(frame) // 3 : len(frame) - len(frame) // 4],
    "reversed": lambda frame: frame[::-1],
    "strided": lambda frame: frame[::2],
    "reordered": lambda frame: frame.iloc[:, ::-1],
    "picked": lambda frame: frame[np.arange(len(frame)) % 3 != 1],
    "indexed": lambda frame: frame.set_axis(np.arange(len(frame))[::-1], axis=0),
}


@st.composite
def frames(draw):
    """A frame, with types forced on some of its columns."""
    rows = draw(ROWS)
    # the official client refuses some object columns whose name is empty
    names = draw(st.lists(texts.filter(bool), min_size=1, max_size=6, unique=True))
    columns, types = {}, {}
    for name in names:
        columns[name], targets = draw(_columns(rows))
        # kinds that have no None must be forced: left alone the clients differ
        force = targets and (None not in targets or draw(st.booleans()))
        target = draw(st.sampled_from(targets)) if force else None
        if target is not None:
            types[name] = target
    frame = pd.DataFrame(columns, copy=False)
    placement = draw(st.sampled_from(list(PLACEMENTS)))
    frame = PLACEMENTS[placement](frame)
    if placement in ("reversed", "strided", "sliced", "picked"):
        frame = _settled(frame)
    return forced(frame, **types) if types else frame


@st.composite
def blocks(draw):
    """A frame over one array, in either order."""
    columns, rows = draw(st.integers(1, 5)), draw(st.sampled_from([0, 1, 2, 7, 40]))
    dtype = draw(st.sampled_from(FRAME_DTYPES))
    array = _array(dtype, _filled(draw, NUMPY[dtype], rows * columns)).reshape(rows, columns)
    array = np.array(array, order=draw(st.sampled_from("CF")))
    return pd.DataFrame(array, columns=[f"c{i}" for i in range(columns)], copy=False)


# objects

_SCALARS = [
    st.none(),
    st.booleans(),
    integers,
    floats,
    texts,
    st.binary(max_size=20).filter(lambda raw: b"\0" not in raw),
    dates,
    datetimes,
    times,
    timestamps,
    decimals(0),
    decimals(3),
    decimals(20),
    st.sampled_from([pd.NA, pd.NaT, Decimal("NaN")]),
    *(st.integers(-100, 100).map(kind) for kind in (np.int8, np.int16, np.int32, np.int64, np.float32)),
    *(st.integers(*_BOUNDS[unit]).map(lambda tick, unit=unit: np.datetime64(tick, unit)) for unit in _BOUNDS),
]
scalars = st.one_of(*_SCALARS)
_KEYS = [integers, texts, dates, floats, times]


@st.composite
def matrices(draw):
    rows, columns = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    flat = draw(arrays(rows * columns))
    array = np.array(flat).reshape(rows, columns)
    return draw(st.sampled_from([array, array.T, array[::-1], array[:, ::-1], np.asfortranarray(array)]))


@st.composite
def _uniform(draw):
    """A list of one kind of values and nulls."""
    cells = draw(st.sampled_from(_SCALARS))
    values = draw(st.lists(cells | st.sampled_from(NULLS), max_size=6))
    return draw(st.sampled_from([list, tuple, lambda v: object_column(v).to_numpy(), object_column]))(values)


_leaves = st.one_of(
    scalars,
    _uniform(),
    st.integers(0, 9).flatmap(arrays),
    matrices(),
    st.integers(0, 9).flatmap(lambda rows: arrays(rows, FRAME_DTYPES)).map(pd.Series),
)


def _one_scale(values) -> bool:
    """False for decimals of several scales, side by side: `differences`, row decimal-scale."""
    return len({v.as_tuple().exponent for v in values if isinstance(v, Decimal) and v.is_finite()}) < 2


objects = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).filter(_one_scale),
        st.lists(inner, max_size=3).filter(_one_scale).map(tuple),
        st.sampled_from(_KEYS).flatmap(
            lambda keys: st.dictionaries(keys, inner, min_size=1, max_size=3).filter(
                lambda pairs: _one_scale(pairs.values())
            )
        ),
        st.sampled_from(_KEYS).flatmap(lambda keys: st.sets(keys, min_size=1, max_size=4)),
    ),
    max_leaves=8,
)

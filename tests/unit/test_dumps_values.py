"""Subclasses of plain types, categories of other things than text, frames in unusual clothes."""

from __future__ import annotations

import enum

import numpy as np
import pandas as pd
import pytest
from support import expected
from support.cases import each
from support.frames import PANDAS_3, pyarrow
from support.values import object_column

import dolphindb_fast as ddb


class Number(enum.IntEnum):
    SEVEN = 7


class Whole(int):
    pass


class Real(float):
    pass


class Words(str):
    def __str__(self):
        return "something else"


SUBCLASSES = {
    "intenum": (Number.SEVEN, 7),
    "int": (Whole(9), 9),
    "float": (Real(2.5), 2.5),
    "numpy-float64": (np.float64(1.5), 1.5),
    "numpy-nan": (np.float64("nan"), float("nan")),
    "str": (Words("text"), "text"),
    "numpy-str": (np.str_("ß"), "ß"),
}


@pytest.mark.parametrize("name", SUBCLASSES)
def test_scalar__of_a_subclass_is_its_base(name):
    value, plain = SUBCLASSES[name]
    assert ddb.dumps(value) == expected.scalar(plain)


@pytest.mark.official
@pytest.mark.parametrize("name", SUBCLASSES)
def test_scalar__of_a_subclass_is_sent_as_the_official_client_sends_it(name, official):
    value, _ = SUBCLASSES[name]
    assert ddb.dumps(value) == official.object(value)


NUMPY_SCALARS = {
    "int8": (np.int8(-5), 2, -5),
    "int64": (np.int64(-5), 5, -5),
    "longlong": (np.longlong(5), 5, 5),
    "uint8": (np.uint8(255), 3, 255),
    "uint16": (np.uint16(65_535), 4, 65_535),
    "uint32": (np.uint32(2**32 - 1), 5, 2**32 - 1),
    "uint64": (np.uint64(2**63 - 1), 5, 2**63 - 1),
    "float32": (np.float32(1.5), 15, 1.5),
    "float32-nan": (np.float32("nan"), 15, None),
    "bool": (np.bool_(True), 1, 1),
    "datetime64[M]": (np.datetime64("1969-12"), 7, 23_639),
    "datetime64[D]": (np.datetime64("1969-12-31"), 6, -1),
    "datetime64[h]": (np.datetime64("NaT", "h"), 28, None),
}


@each("name", NUMPY_SCALARS)
def test_scalar__of_numpy_has_the_type_of_its_dtype(name):
    value, type_id, cell = NUMPY_SCALARS[name]
    assert ddb.dumps(value) == expected.scalar(cell, type_id)
    assert ddb.dumps([value, None]) == expected.vector(type_id, [cell, None])


def _stamps(unit):
    return np.array(["2020-01-01", "2021-01-01"], dtype=f"M8[{unit}]")


#: categories, type on the wire, cells of the codes 1, 0, NULL, 1
CATEGORIES = {
    "int8": (np.array([5, -6], "i1"), 2, [-6, 5, None, -6]),
    "int64": (np.array([5, -6]), 5, [-6, 5, None, -6]),
    "uint16": (np.array([5, 65535], "u2"), 4, [65535, 5, None, 65535]),
    "float64": (np.array([1.5, np.inf]), 16, [None, 1.5, None, None]),
    "bool": (np.array([False, True]), 1, [1, 0, None, 1]),
    "datetime64[s]": (_stamps("s"), 11, [1609459200, 1577836800, None, 1609459200]),
    "datetime64[ms]": (_stamps("ms"), 12, [1609459200_000, 1577836800_000, None, 1609459200_000]),
    "datetime64[us]": (_stamps("us"), 14, [1609459200 * 10**9, 1577836800 * 10**9, None, 1609459200 * 10**9]),
    "datetime64[ns]": (_stamps("ns"), 14, [1609459200 * 10**9, 1577836800 * 10**9, None, 1609459200 * 10**9]),
}


@each("name", CATEGORIES)
def test_category__of_something_else_than_text_is_its_values(name):
    categories, type_id, cells = CATEGORIES[name]
    column = pd.Categorical.from_codes([1, 0, -1, 1], categories=pd.Index(categories))
    frame = pd.DataFrame({"a": column, "b": [1, 2, 3, 4]})
    columns = {"a": expected.vector(type_id, cells), "b": expected.vector(5, [1, 2, 3, 4])}
    assert ddb.dumps(frame) == expected.table(columns, 4)
    columns = {"a": expected.vector(type_id, cells[::-2]), "b": expected.vector(5, [4, 2])}
    assert ddb.dumps(frame[::-2]) == expected.table(columns, 2)


def test_category__of_a_mixture_is_sent_as_objects():
    frame = pd.DataFrame({"a": pd.Categorical(["x", 1, None, "x"])})
    assert ddb.dumps(frame) == expected.table({"a": expected.vector(18, ["x", "1", None, "x"])}, 4)


def _storages():
    yield "object", object
    yield "string[python]", pd.StringDtype("python")
    if PANDAS_3:
        yield "str", "str"
    if pyarrow:
        yield "string[pyarrow]", pd.StringDtype("pyarrow")
        yield "arrow", pd.ArrowDtype(pyarrow.string())


@pytest.mark.parametrize("name, dtype", list(_storages()), ids=lambda value: value if isinstance(value, str) else "")
def test_category__of_text_in_every_storage_is_symbol(name, dtype):
    categories = pd.Index(["unused", "b", "größe", "a"], dtype=dtype)
    column = pd.Categorical.from_codes([2, 3, -1, 2, 1], categories=categories)
    frame = pd.DataFrame({"a": column})
    for given, cells in ((frame, ["größe", "a", None, "größe", "b"]), (frame[::-2], ["b", None, "größe"])):
        assert ddb.dumps(given) == expected.table({"a": expected.symbols(cells)}, len(cells))


def test_category__empty_text_is_null():
    frame = pd.DataFrame({"a": pd.Categorical(["x", "", None, "y", ""])})
    assert ddb.dumps(frame) == expected.table({"a": expected.symbols(["x", None, None, "y", None])}, 5)


@pytest.mark.parametrize("count", [127, 128, 129, 32_767, 32_768, 32_769])
def test_category__codes_of_every_width(count):
    words = [f"w{i}" for i in range(count)]
    codes = np.r_[np.arange(count), [-1, 0, count - 1]]
    frame = pd.DataFrame({"a": pd.Categorical.from_codes(codes, categories=words)})
    assert ddb.dumps(frame) == expected.table({"a": expected.symbols([*words, None, words[0], words[-1]])}, count + 3)


def test_frame__with_an_index_attributes_and_flags():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.MultiIndex.from_tuples([("p", 1), ("q", 2)]))
    frame.attrs["note"] = "not sent"
    frame.flags.allows_duplicate_labels = False
    frame.columns.name = "not sent either"
    assert ddb.dumps(frame) == expected.frame(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))


def test_frame__result_of_ordinary_operations():
    frame = pd.DataFrame(
        {
            "k": list("abcabc"),
            "v": np.arange(6) * 1.5,
            "t": pd.date_range("2020", periods=6),
            "n": object_column(["x", None] * 3),
        }
    )
    for result in (
        frame.groupby("k", as_index=False)["v"].sum(),
        frame.merge(frame, on="k"),
        frame.sort_values("v", ascending=False),
        frame[frame["v"] > 2],
        frame.set_index("k").reset_index(),
        frame.drop_duplicates("k"),
        frame.query("v < 5"),
        frame.pivot(index="t", columns="k", values="v").reset_index(),
        frame.head(0),
        frame.assign(w=frame["v"] * 2),
        frame.shift(1),
        frame.T.T.infer_objects(),
        frame.iloc[[5, 0, 3]],
        frame.loc[:, ["t", "k"]],
        frame.tail(2),
        pd.concat([frame, frame]),
        frame.fillna({"n": "filled"}),
        frame.rename(columns=str.upper),
        frame.stack().unstack().infer_objects(),
    ):
        assert ddb.dumps(result) == expected.frame(result)

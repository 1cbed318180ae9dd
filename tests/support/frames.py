"""The corpus: frames by type, NULLs, memory layout and size, each with a name that never changes.

A name is ``<type>-<nulls>-<layout>-<rows>``. Names that need a package or a pandas version that is not
here are absent from `CASES`.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

try:
    import pyarrow

    from . import arrow_values
except ImportError:
    pyarrow = None

from .values import INTEGERS, LONG_TEXT, MOMENTS, TEXTS, cells, numbers, object_column, texts

__all__ = ["BY_NAME", "CASES", "Case", "PANDAS_3"]

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
COLUMNS = ("a", "b", "c")


@dataclass(frozen=True)
class Case:
    """One frame of the corpus.

    Attributes
    ----------
    name
        Stable; the key of the golden files.
    build
        Makes the frame, equal at each call.
    differs
        Why the official client is not the oracle here (it refuses, or sends something else); empty if it is.
    symbols
        The frame holds categories; the oracle gets the same texts and is told to make SYMBOL of them.
    golden
        Whether the bytes are the same with every version of pandas.
    """

    name: str
    build: Callable[[], pd.DataFrame]
    differs: str = ""
    symbols: bool = False
    golden: bool = True


# columns: (rows, number of the column, kind of NULLs) -> what a frame is made of


def _numpy(type_name, kind):
    return lambda rows, column: cells(type_name, kind, rows, column)


def _text(dtype, kind, nulls=(None,)):
    return lambda rows, column: pd.Series(object_column(texts(kind, rows, column, nulls)), dtype=dtype)


def _category(kind):
    def build(rows, column):
        # short words, and never the empty text: as a category that is a value, on the wire it is NULL
        words = [f"{text[:9]}{column}" for text in texts("plain", 12, column)]
        codes = (numbers(rows, column) % (len(words) + 3)).tolist()
        values = [words[code] if code < len(words) else (None if kind == "nulls" else words[0]) for code in codes]
        if kind == "allnull":
            values = [None] * rows
        # in reverse order, and with categories that no row has: neither order nor rest may show on the wire
        categories = pd.Index(sorted(set(words), reverse=True) + ["unused", "also unused"])
        return pd.Series(pd.Categorical(values, categories=categories))

    return build


def _masked(dtype, kind):
    def build(rows, column):
        numpy_name = {"boolean": "bool"}.get(dtype, dtype.lower())
        data = cells(numpy_name, "plain", rows, column)
        mask = np.zeros(rows, dtype=bool)
        if kind == "nulls":
            mask[::3] = True
        if kind == "allnull":
            mask[:] = True
        return pd.Series(data).astype(dtype).mask(mask)

    return build


# layouts: (column builder, rows) -> frame


def _frame(column, rows, copy=True):
    return pd.DataFrame({name: column(rows, number) for number, name in enumerate(COLUMNS)}, copy=copy)


def _broadcast(column, rows):
    return pd.DataFrame(
        {name: np.broadcast_to(column(3, number)[1], rows) for number, name in enumerate(COLUMNS)}, copy=False
    )


def _block(column, rows, order):
    stacked = np.array([np.asarray(column(rows, number)) for number in range(len(COLUMNS))])
    return pd.DataFrame(np.array(stacked.T, order=order), columns=list(COLUMNS), copy=False)


def _swapped(column, rows):
    arrays = {name: column(rows, number) for number, name in enumerate(COLUMNS)}
    return pd.DataFrame({k: v.astype(v.dtype.newbyteorder(">")) for k, v in arrays.items()}, copy=False)


def _unaligned(column, rows):
    """Cells that begin at odd addresses."""
    arrays = {}
    for number, name in enumerate(COLUMNS):
        array = column(rows, number)
        room = np.zeros(array.nbytes + 1, dtype="u1")
        arrays[name] = np.frombuffer(room, dtype=array.dtype, count=rows, offset=1) if rows else array
        arrays[name][:] = array
    return pd.DataFrame(arrays, copy=False)


def _readonly(column, rows):
    arrays = {name: column(rows, number) for number, name in enumerate(COLUMNS)}
    for array in arrays.values():
        (array if isinstance(array, np.ndarray) else np.asarray(array)).setflags(write=False)
    return pd.DataFrame(arrays, copy=False)


def _edited(column, rows):
    """Columns inserted, deleted and reordered: blocks and columns are then in different orders."""
    frame = pd.DataFrame({name: column(rows, number) for number, name in enumerate("xaybz")})
    del frame["x"], frame["y"]
    frame.insert(1, "w", column(rows, 7))
    frame["c"] = column(rows, 8)
    return frame[["c", "z", "a", "w", "b"]]


def _glued(column, rows):
    """Three frames put together: Arrow-backed columns then have several chunks."""
    whole = _frame(column, rows)
    cuts = (0, rows // 3, rows // 2, rows)
    return pd.concat([whole.iloc[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)])


LAYOUTS = {
    "contiguous": _frame,
    "separate": functools.partial(_frame, copy=False),
    "strided": lambda column, rows: _frame(column, 2 * rows)[::2],
    "reversed": lambda column, rows: _frame(column, rows)[::-1],
    "backstrided": lambda column, rows: _frame(column, 3 * rows, copy=False)[::-3],
    "sliced": lambda column, rows: _frame(column, rows + 5)[3 : rows + 3],
    "broadcast": _broadcast,
    "fortran": functools.partial(_block, order="F"),
    "cblock": functools.partial(_block, order="C"),
    "swapped": _swapped,
    "unaligned": _unaligned,
    "readonly": _readonly,
    "edited": _edited,
    "glued": _glued,
}
_EVERYWHERE = ("separate", "strided", "reversed", "backstrided", "sliced", "edited")
_ARRAYS = (*_EVERYWHERE, "broadcast", "fortran", "cblock", "readonly")


def _cross(type_name, column, kind, layouts, *, big=(), golden=True, symbols=False, differs=""):
    """The cases of one type: every size when contiguous, 2 and 100 rows in other layouts, 70,000 in `big`."""
    sizes = [("contiguous", rows) for rows in ((0, 1, 2, 100) if kind != "allnull" else (1, 100))]
    sizes += [(layout, rows) for layout in layouts for rows in ((2, 100) if kind == "plain" else (100,))]
    sizes += [(layout, 70_000) for layout in big]
    for layout, rows in sizes:
        why = differs(layout) if callable(differs) else differs
        yield Case(
            f"{type_name}-{kind}-{layout}-{rows}",
            functools.partial(LAYOUTS[layout], column, rows),
            differs=why,
            golden=golden and not (golden == "filled" and rows == 0),
            symbols=symbols,
        )


_BYTE_ORDER = "the official client refuses big-endian columns"


def _numeric_cases():
    for type_name in ("bool", *INTEGERS, "float32", "float64", *MOMENTS):
        dtype = np.dtype(type_name)
        label = type_name.replace("[", "_").replace("]", "")
        layouts = _ARRAYS + (("swapped", "unaligned") if dtype.itemsize > 1 else ())
        refused = "the official client refuses unsigned columns" if dtype.kind == "u" else ""
        kinds = (
            ("plain",)
            if dtype.kind == "b"
            else ("plain", "edges")
            if dtype.kind == "u"
            else ("plain", "nulls", "allnull", "edges")
        )
        for kind in kinds:
            big = ()
            if kind in ("plain", "edges"):
                big = ("contiguous",)
            if kind == "nulls":
                big = ("strided", "reversed") if type_name in ("int16", "float64", "datetime64[us]") else ("cblock",)
            yield from _cross(
                label,
                _numpy(type_name, kind),
                kind,
                layouts,
                big=big,
                # numpy's own datetime64 arrays are made native by pandas itself
                differs=lambda layout, refused=refused, kind=dtype.kind: (
                    refused or (_BYTE_ORDER if layout == "swapped" and kind != "M" else "")
                ),
            )


def _text_types():
    """(label, dtype, NULLs, golden)"""
    yield "object", object, (None, np.nan, pd.NA, pd.NaT), "filled"
    yield "string_python", pd.StringDtype("python"), (None,), True
    if PANDAS_3:
        yield "str", "str", (None,), True
        yield "str_python", pd.StringDtype("python", na_value=np.nan), (None,), True
    if pyarrow:
        yield "string_pyarrow", pd.StringDtype("pyarrow"), (None,), True
        yield "arrow_string", pd.ArrowDtype(pyarrow.string()), (None,), True
        yield "arrow_large", pd.ArrowDtype(pyarrow.large_string()), (None,), True
        if PANDAS_3:
            yield "str_pyarrow", pd.StringDtype("pyarrow", na_value=np.nan), (None,), True


def _limit(dtype):
    """Texts of exactly 262,143 bytes, the most that the wire carries."""
    return pd.DataFrame(
        {"a": pd.Series(object_column(["x" * 262_143, "", "é" * 131_071 + "y"]), dtype=dtype), "b": [1, 2, 3]}
    )


def _text_cases():
    for label, dtype, nulls, golden in _text_types():
        for kind in ("plain", "nulls", "allnull", "edges"):
            layouts = (*_EVERYWHERE, "glued")
            if label == "object":
                nulls = (None,) if kind == "allnull" else nulls
                layouts += ("readonly",)
            yield from _cross(
                label,
                _text(dtype, kind, nulls),
                kind,
                layouts,
                big=("contiguous", "strided") if kind == "nulls" else (),
                golden=golden,
            )
        yield Case(f"{label}-limit-contiguous-3", functools.partial(_limit, dtype))


def _category_cases():
    for kind in ("plain", "nulls", "allnull"):
        yield from _cross(
            "category",
            _category(kind),
            kind,
            _EVERYWHERE,
            symbols=True,
            big=("contiguous", "strided") if kind == "nulls" else (),
        )


def _masked_cases():
    integers = [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
    for dtype in ("boolean", *integers, "Float32", "Float64"):
        for kind in ("plain", "nulls", "allnull"):
            yield from _cross(
                dtype,
                _masked(dtype, kind),
                kind,
                ("separate", "strided", "reversed", "sliced", "edited"),
                big=("contiguous", "strided") if kind == "nulls" else (),
                differs=lambda layout, dtype=dtype, plain=kind == "plain" and dtype != "boolean": (
                    "the official client refuses unsigned columns"
                    if dtype.startswith("U")
                    else "the official client misreads strided masked columns without NULL"
                    if plain and layout in ("strided", "reversed")
                    else ""
                ),
            )


_EMPTY_BLOCK = "the official client drops the last count of a block without cells"
_SLICED_LISTS = "the official client sends the cells before a slice instead of its own"


def _arrow(name, kind):
    def build(rows, column):
        made = arrow_values.array(name, kind, rows, column)
        return pd.Series(pd.array(made, dtype=pd.ArrowDtype(made.type)))

    return build


def _arrow_cases():
    if not pyarrow:
        return
    for name, (_, refused) in arrow_values.ARROW_TYPES.items():
        for kind in ("plain", "nulls", "allnull"):
            lists = "list" in name
            whole = refused or (_EMPTY_BLOCK if lists and kind == "allnull" else "")
            sliced = _SLICED_LISTS if lists else ""
            yield from _cross(
                f"arrow_{name}",
                _arrow(name, kind),
                kind,
                # views have no way to be taken row by row
                ("sliced", "glued") if "view" in name else ("strided", "reversed", "sliced", "glued"),
                big=("contiguous", "sliced", "glued") if kind == "nulls" and not lists else (),
                differs=lambda layout, whole=whole, sliced=sliced: whole or (sliced if layout == "sliced" else ""),
            )


class Subclass(pd.DataFrame):
    """A frame that is one and is not one: ``type(frame) is DataFrame`` is false."""

    @property
    def _constructor(self):
        return Subclass


class Name(str):
    """A column name whose ``str()`` lies: the text itself is what counts."""

    def __str__(self) -> str:
        return "wrong"


def _seed(rows):
    """The frame of the vendor's manual: dates as objects of numpy, text, floats, integers."""
    symbols = ("IBN", "GTYU", "FHU", "DGT", "FHU", "YUG", "EE", "ZD", "FYU")
    picks = numbers(rows, 0) % 1000
    days = [np.datetime64(datetime.date(2020, 1 + int(i) % 12, 1 + int(i) % 20)) for i in picks]
    return pd.DataFrame(
        {
            "time": days,
            "sym": [symbols[i % 9] for i in picks],
            "price": [float(i) / 8 for i in picks],
            "id": [int(i) % 5 + 1 for i in picks],
        }
    )


def _mixed(rows, copy=True):
    """One column of every plain type, in an order in which no two neighbours share a block."""
    columns: dict = {}
    for repeat in range(2):
        for number, type_name in enumerate(("bool", "int8", "float64", "int64", *MOMENTS, "int16", "float32", "int32")):
            columns[f"{type_name}{repeat}"] = cells(type_name, "nulls", rows, number + repeat)
        columns[f"text{repeat}"] = object_column(texts("nulls", rows, repeat))
        columns[f"string{repeat}"] = pd.Series(object_column(texts("nulls", rows, repeat)), dtype="string")
    return pd.DataFrame(columns, copy=copy)


def _wide(rows, columns=300):
    return pd.DataFrame(
        np.arange(rows * columns, dtype="f8").reshape(rows, columns),
        columns=[f"column {i}" for i in range(columns)],
        copy=False,
    )


def _named(names):
    return pd.DataFrame(np.arange(2 * len(names)).reshape(2, -1), columns=names)


def _fragmented():
    """Forty columns added one by one, every seventh then replaced: many blocks of the same dtype."""
    frame = pd.DataFrame(index=range(5))
    for number in range(40):
        frame[f"c{number}"] = np.arange(5) * number
    for number in range(0, 40, 7):
        frame[f"c{number}"] = [f"text {number}"] * 5
    return frame


def _assigned():
    """Cells written after construction."""
    frame = _mixed(10)
    frame.loc[3, "int640"] = 99
    frame.iloc[4:6, 2] = 0.5
    frame["float641"] = frame["float640"] + 1
    return frame


def _pieces():
    """More columns, sent as they lie or produced block by block, than fit into one system call."""
    columns: dict = {f"i{n}": cells("int64", "nulls", 4_000, n) for n in range(70)}
    columns |= {f"f{n}": cells("float64", "nulls", 4_000, n) for n in range(20)}
    columns |= {f"m{n}": cells("datetime64[us]", "nulls", 4_000, n) for n in range(20)}
    return pd.DataFrame(columns, copy=False)


def _shared():
    """Two columns over the same memory."""
    array = cells("float64", "nulls", 50, 1)
    return pd.DataFrame({"a": array, "b": array, "c": array[::-1]}, copy=False)


_NAMES = {
    "plain": ["id", "Preis", "x y"],
    "unicode": ["größe", "цена", "価格", "😀", "e\u0301"],
    "empty": ["", "b"],
    "long": ["n" * 5000, LONG_TEXT],
    "odd": ["a\nb", "tab\t", "`x", "'; drop", "\ufeff"],
    "subclass": pd.Index([Name("right"), np.str_("numpy")], dtype=object),
    "stringdtype": pd.Index(["a", "ß"], dtype="string"),
}


def _mixed_cases():
    for rows in (0, 1, 100):
        # dates that pandas 2 and 3 store in different units
        yield Case(f"mixed-seed-contiguous-{rows}", functools.partial(_seed, rows), golden=False)
    for rows in (0, 1, 2, 100):
        yield Case(f"mixed-types-contiguous-{rows}", functools.partial(_mixed, rows), golden=rows > 0)
    yield Case("mixed-types-separate-100", functools.partial(_mixed, 100, copy=False))
    yield Case("mixed-types-strided-100", lambda: _mixed(200)[::2])
    yield Case("mixed-types-sliced-100", lambda: _mixed(300)[7:107])
    yield Case("mixed-types-reordered-100", lambda: _mixed(100)[sorted(_mixed(1).columns)])
    yield Case("mixed-types-subclass-100", lambda: Subclass(_mixed(100)))
    yield Case("mixed-types-indexed-100", lambda: _mixed(100).set_index("int640").set_index("text0", append=True))
    yield Case("mixed-types-multiindex-100", lambda: _mixed(100).set_index(["int640", "text0"]))
    yield Case("mixed-types-assigned-10", _assigned)
    yield Case("mixed-wide-cblock-3", functools.partial(_wide, 3))
    yield Case("mixed-wide-copied-3", lambda: _wide(3).copy())
    yield Case("mixed-wide-transposed-2", lambda: _wide(300, 2).T.set_axis([f"c{i}" for i in range(300)], axis=1))
    yield Case("mixed-wide-1000columns-10", functools.partial(_wide, 10, 1000))
    yield Case("mixed-wide-pieces-4000", _pieces)
    yield Case("mixed-wide-strided-2000", lambda: _pieces()[::2])
    yield Case("mixed-fragmented-separate-5", _fragmented)
    yield Case("mixed-fragmented-consolidated-5", lambda: _fragmented().copy())
    yield Case("mixed-shared-separate-50", _shared)
    for label, names in _NAMES.items():
        yield Case(f"names-{label}-contiguous-2", functools.partial(_named, names))
    yield Case("category-shared-contiguous-6", _one_category_twice, symbols=True)
    yield Case("category-texts-contiguous-100", _category_of_corpus, symbols=True)
    yield Case(
        "category-ordered-contiguous-3",
        lambda: pd.DataFrame(
            {"a": pd.Categorical(["low", "high", "low"], categories=["low", "mid", "high"], ordered=True)}
        ),
        symbols=True,
    )
    yield Case(
        "category-many-contiguous-40000",
        lambda: pd.DataFrame({"a": pd.Categorical([f"s{i % 33_000}" for i in range(40_000)])}),
        symbols=True,
    )
    yield Case(
        "category-mixed-contiguous-3",
        lambda: pd.DataFrame(
            {
                "n": [1, 2, 3],
                "s": pd.Categorical(["x", None, "y"]),
                "t": ["p", "q", "r"],
                "u": pd.Categorical(["y", "y", "z"]),
            }
        ),
        symbols=True,
    )


def _one_category_twice():
    """Two columns with the same dtype object: each has its own symbol base on the wire all the same."""
    dtype = pd.CategoricalDtype(["x", "y", "z"])
    return pd.DataFrame({"a": pd.Series(list("zyzzyx"), dtype=dtype), "b": pd.Series(list("xxyyzz"), dtype=dtype)})


def _category_of_corpus():
    used = [text for text in TEXTS if text]
    return pd.DataFrame(
        {
            "a": pd.Categorical([used[i % len(used)] for i in range(100)]),
            "b": pd.Categorical([used[-i % len(used)] for i in range(100)]),
        }
    )


CASES: tuple[Case, ...] = (
    *_numeric_cases(),
    *_text_cases(),
    *_category_cases(),
    *_masked_cases(),
    *_arrow_cases(),
    *_mixed_cases(),
)
BY_NAME = {case.name: case for case in CASES}
assert len(BY_NAME) == len(CASES), "two cases have one name"

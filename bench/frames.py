"""The frames that are measured: every call of one of these functions makes new arrays and new strings.

Each takes the number of rows and a numpy generator; the same seed gives equal values in other memory.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from dolphindb_fast import settings as keys
from dolphindb_fast.column import Column, Table

#: the symbols of the manual's example 1, one of them twice
SYMBOLS = np.array(["IBN", "GTYU", "FHU", "DGT", "FHU", "YUG", "EE", "ZD", "FYU"])

#: columns of the vendor's API benchmark by type: how many, and bytes a row of one of them.
#: 45 columns and 336 bytes a row are given; how they divide among the types is our choice.
VENDOR_COLUMNS = {
    "STRING": (7, 16),
    "SYMBOL": (6, 4),
    "INT": (10, 4),
    "LONG": (8, 8),
    "DOUBLE": (10, 8),
    "DATE": (2, 4),
    "TIME": (2, 4),
}
VENDOR_TEXT_LENGTH = 15
VENDOR_SYMBOL_COUNT = 200

#: tags of the TSBS "cpu" table and how many values each has
TSBS_TAGS = {
    "hostname": 4000,
    "region": 9,
    "datacenter": 27,
    "rack": 100,
    "os": 3,
    "arch": 2,
    "team": 4,
    "service": 20,
    "service_version": 2,
    "service_environment": 3,
}
TSBS_FIELDS = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
]

#: digits as Cyrillic letters, to make many different Cyrillic texts quickly
_CYRILLIC = str.maketrans("0123456789", "абвгдежзик")


@functools.lru_cache
def _names(columns: int) -> list[str]:
    return [f"c{i}" for i in range(columns)]


def _days(rows: int, numbers: np.random.Generator) -> np.ndarray:
    return np.datetime64("2020-01-01", "s") + 86400 * numbers.integers(0, 360, rows)


def _categorical(values: np.ndarray, codes: np.ndarray) -> pd.Categorical:
    return pd.Categorical.from_codes(codes.astype(np.int32), pd.Index(values))


def _force_symbol(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """What the official client reads as wanted types; as an attribute set past pandas' warning."""
    object.__setattr__(frame, "__DolphinDB_Type__", dict.fromkeys(columns, keys.DT_SYMBOL))
    return frame


def seed(rows: int, numbers: np.random.Generator, *, unit: str = "s") -> pd.DataFrame:
    """The shape of the manual's example 1: datetime64[s], text, float64, int64."""
    return pd.DataFrame(
        {
            "time": _days(rows, numbers).astype(f"M8[{unit}]"),
            "sym": numbers.choice(SYMBOLS, rows),
            "price": np.round(numbers.uniform(1, 100, rows), 1),
            "id": numbers.integers(1, 6, rows),
        }
    )


def many_categories(
    rows: int, numbers: np.random.Generator, *, categories: int = 5000, plain: bool = False
) -> pd.DataFrame:
    """The seed's shape, its text drawn from `categories` values: a Categorical that holds all, or text."""
    values = np.array([f"S{n:06d}" for n in numbers.permutation(1_000_000)[:categories].tolist()])
    codes = numbers.integers(0, categories, rows)
    frame = seed(rows, numbers)
    frame["sym"] = pd.Series(values[codes]) if plain else pd.Series(_categorical(values, codes))
    return frame


def wide(rows: int, numbers: np.random.Generator, *, columns: int = 1000, blocks: str = "one") -> pd.DataFrame:
    """float64 columns in one pandas block, or in one block each.

    The names are the same strings in every frame, as in a program that keeps them; their Index is new.
    """
    names = _names(columns)
    values = numbers.uniform(0, 100, (columns, rows))
    if blocks == "one":
        return pd.DataFrame(values.T, columns=names)
    return pd.DataFrame({name: values[i].copy() for i, name in enumerate(names)}, copy=False)


def numeric(rows: int, numbers: np.random.Generator, *, columns: int = 10, nan_share: float = 0.0) -> pd.DataFrame:
    """float64, every fifth column int64; `nan_share` of the float cells are NaN."""
    data = {}
    for i in range(columns):
        if i % 5 == 4:
            data[f"c{i}"] = numbers.integers(0, 1 << 40, rows)
        else:
            values = numbers.random(rows)
            if nan_share:
                values[numbers.integers(0, rows, int(rows * nan_share))] = np.nan
            data[f"c{i}"] = values
    return pd.DataFrame(data)


def vendor(rows: int, numbers: np.random.Generator, *, forced: bool = False) -> pd.DataFrame:
    """The vendor's API benchmark: 45 columns, 336 bytes a row.

    DATE and TIME are not built yet; datetime64[s], which is DATETIME on the wire, has their 4 bytes a cell.
    SYMBOL columns are Categorical; with `forced` they are text that the official client is told to send as
    SYMBOL, since it refuses Categorical.
    """
    data: dict[str, object] = {}
    symbols = []
    for kind, (count, _) in VENDOR_COLUMNS.items():
        for i in range(count):
            name = f"{kind.lower()}{i}"
            if kind == "STRING":
                low = 10 ** (VENDOR_TEXT_LENGTH - 1)
                data[name] = numbers.integers(low, 10 * low, rows).astype(f"U{VENDOR_TEXT_LENGTH}")
            elif kind == "SYMBOL":
                values = np.array([f"{kind[0]}{i}{n:04d}" for n in range(VENDOR_SYMBOL_COUNT)])
                codes = numbers.integers(0, VENDOR_SYMBOL_COUNT, rows)
                data[name] = values[codes] if forced else _categorical(values, codes)
                symbols.append(name)
            elif kind == "INT":
                data[name] = numbers.integers(0, 1 << 30, rows, dtype=np.int32)
            elif kind == "LONG":
                data[name] = numbers.integers(0, 1 << 60, rows)
            elif kind == "DOUBLE":
                data[name] = numbers.random(rows)
            else:
                data[name] = _days(rows, numbers)
    frame = pd.DataFrame(data)
    return _force_symbol(frame, symbols) if forced else frame


def tsbs(rows: int, numbers: np.random.Generator, *, categorical: bool = False) -> pd.DataFrame:
    """The TSBS "cpu" table: ten tags of few values, ten float64, one datetime64[ns].

    Equal tags of a column share one Python string, as after reading them from a source that interns.
    """
    data: dict[str, object] = {"timestamp": np.datetime64("2024-01-01", "ns") + np.arange(rows) * 10_000_000}
    for tag, count in TSBS_TAGS.items():
        values = np.array([f"{tag}_{n}" for n in range(count)], dtype=object)
        codes = numbers.integers(0, count, rows)
        data[tag] = _categorical(values, codes) if categorical else pd.Series(values[codes], dtype="str")
    for field in TSBS_FIELDS:
        data[field] = np.round(numbers.uniform(0, 100, rows), 2)
    return pd.DataFrame(data)


def text(rows: int, numbers: np.random.Generator, *, form: str = "object") -> pd.DataFrame:
    """Three text columns: ASCII ids, few distinct values, Cyrillic.

    form : "object" (Python strings), "str" (what pandas makes of text; Arrow memory where pyarrow is),
    "category", or "symbol" (text that the official client is told to send as SYMBOL). The last two draw ids
    and Cyrillic from 1,000 values, the others make a new one for each row.
    """
    pool = 1000 if form in ("category", "symbol") else 100_000_000
    few = np.array([f"SYM{n:02d}" for n in range(20)])
    ids = numbers.integers(0, pool, rows).tolist()
    words = numbers.integers(0, pool, rows).tolist()
    data = {
        "id": np.array([f"ID{n:010d}" for n in ids], dtype=object),
        "few": few[numbers.integers(0, len(few), rows)].astype(object),
        "word": np.array([f"слово {str(n).translate(_CYRILLIC)}" for n in words], dtype=object),
    }
    dtype = {"object": object, "str": "str", "symbol": "str", "category": "category"}[form]
    frame = pd.DataFrame({name: pd.Series(values, dtype=dtype) for name, values in data.items()})
    return _force_symbol(frame, list(data)) if form == "symbol" else frame


def text_and_numbers(rows: int, numbers: np.random.Generator) -> pd.DataFrame:
    """Three text columns as pandas stores them (Arrow memory where pyarrow is) and four of numbers."""
    frame = text(rows, numbers, form="str")
    for i in range(3):
        frame[f"number{i}"] = numbers.random(rows)
    frame["count"] = numbers.integers(0, 1000, rows)
    return frame


def reply_table(rows: int, numbers: np.random.Generator) -> Table:
    """What a server replies in the reading case: three numeric columns, nanotimestamp, text, symbol."""
    codes = numbers.integers(1, 501, rows).astype("<i4")
    symbols = Column.from_strings(["", *(f"SYM{n:04d}" for n in range(500))])
    texts = [f"order {n}" for n in numbers.integers(0, 10_000_000, rows).tolist()]
    times = np.int64(1_700_000_000_000_000_000) + np.arange(rows, dtype="<i8") * 1_000_003
    columns = {
        "price": Column(keys.DT_DOUBLE, numbers.random(rows)),
        "volume": Column(keys.DT_LONG, numbers.integers(0, 1 << 40, rows)),
        "side": Column(keys.DT_INT, numbers.integers(0, 2, rows).astype("<i4")),
        "time": Column(keys.DT_NANOTIMESTAMP, times),
        "order": Column.from_strings(texts),
        "sym": Column(keys.DT_SYMBOL, codes, symbols=symbols),
    }
    return Table(list(columns), list(columns.values()))

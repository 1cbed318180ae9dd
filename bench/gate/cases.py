"""What is counted: cases by name, each with distinct arguments for every call.

A frame that is sent again would flatter any cache, in the product or in CPython: no argument is used twice.
Texts and numbers have a fixed width, so that frames of one case cost the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Maker = Callable[[np.random.Generator], object]

# kinds of calls: run in a session of that mode, or no connection
ASYNCHRONOUS, BATCH, SYNCHRONOUS, ENCODE, DECODE = "asynchronous", "batch", "synchronous", "encode", "decode"


@dataclass(frozen=True)
class Case:
    """Calls of one kind, counted in a short and in a long loop.

    The bytes of both loops together stay far below what loopback takes without a reader (some MB): a sender
    that has to wait would be counted with its waiting.
    """

    text: str
    kind: str
    make: Maker
    short: int = 16
    long: int = 48
    #: False: nothing has read a column of the frame yet; pandas first finds out which block has which column.
    #: That is half of such a call; elsewhere it is done before, or it would hide what grows.
    looked_at: bool = True

    def argument(self, rng: np.random.Generator) -> object:
        """What one call is given."""
        made = self.make(rng)
        if self.looked_at and isinstance(made, pd.DataFrame):
            made.iloc[:, 0]
        return made


def texts(rng: np.random.Generator, rows: int, prefix: str = "S") -> list[str]:
    """Distinct objects of one length."""
    return [f"{prefix}{number}" for number in rng.integers(10_000, 99_999, rows).tolist()]


def seed_frame(rows: int) -> Maker:
    """The four columns of the manual's example 1."""

    def make(rng: np.random.Generator) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "time": rng.integers(1_577_836_800, 1_609_459_200, rows).astype("datetime64[s]"),
                "sym": texts(rng, rows),
                "price": rng.uniform(1, 100, rows),
                "id": rng.integers(1, 6, rows),
            }
        )

    return make


def wide_one_block(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(rng.uniform(1, 100, (10, 1000)), columns=[f"c{i:03d}" for i in range(1000)])


def wide_own_blocks(rng: np.random.Generator) -> pd.DataFrame:
    columns = {f"c{i:03d}": rng.uniform(1, 100, 10) for i in range(1000)}
    frame = pd.DataFrame(columns, copy=False)
    if len(frame._mgr.blocks) != 1000:
        raise RuntimeError("pandas put the columns into common blocks")
    return frame


def numeric(rows: int, not_a_number: float = 0.0) -> Maker:
    def make(rng: np.random.Generator) -> pd.DataFrame:
        cells = rng.uniform(1, 100, (rows, 10))
        if not_a_number:
            cells[rng.random((rows, 10)) < not_a_number] = np.nan
        return pd.DataFrame(cells, columns=[f"value{i}" for i in range(10)])

    return make


CATEGORIES = pd.CategoricalDtype([f"device{i:05d}" for i in range(5000)])


def categorical(rng: np.random.Generator) -> pd.DataFrame:
    codes = rng.integers(0, 5000, 100)
    return pd.DataFrame(
        {"device": pd.Categorical.from_codes(codes, dtype=CATEGORIES), "value": rng.uniform(1, 100, 100)}
    )


def cyrillic(rng: np.random.Generator) -> pd.DataFrame:
    prefixes = {"a": "Привод", "b": "Насос", "c": "Клапан"}
    return pd.DataFrame({name: texts(rng, 1000, prefix) for name, prefix in prefixes.items()})


def vendor(rng: np.random.Generator) -> pd.DataFrame:
    """The shape of the vendor's benchmark of its clients: 45 columns, here of 100 rows."""
    rows = 100
    columns: dict[str, object] = {}
    for i in range(5):
        columns[f"text{i}"] = texts(rng, rows)
        columns[f"symbol{i}"] = pd.Categorical(texts(rng, rows // 10) * 10)
    for i in range(10):
        columns[f"int{i}"] = rng.integers(0, 1000, rows).astype("int32")
        columns[f"long{i}"] = rng.integers(0, 1000, rows)
        columns[f"double{i}"] = rng.uniform(1, 100, rows)
    for i in range(5):
        columns[f"time{i}"] = rng.integers(10**18, 2 * 10**18, rows).astype("datetime64[ns]")
    return pd.DataFrame(columns)


def encoded_table(rng: np.random.Generator) -> bytes:
    """Bytes of a table as a server sends it."""
    import dolphindb_fast

    return dolphindb_fast.dumps(
        pd.DataFrame(
            {
                "time": rng.integers(10**18, 2 * 10**18, 1000).astype("datetime64[ns]"),
                "device": pd.Categorical(texts(rng, 10) * 100),
                "text": texts(rng, 1000),
                "a": rng.uniform(1, 100, 1000),
                "b": rng.integers(0, 1000, 1000),
            }
        )
    )


CASES = {
    "seed-run": Case("100 rows x 4, asynchronous run", ASYNCHRONOUS, seed_frame(100)),
    "seed-untouched-run": Case(
        "100 rows x 4, nothing looked at them, run", ASYNCHRONOUS, seed_frame(100), looked_at=False
    ),
    "seed-encode": Case("100 rows x 4, encode only", ENCODE, seed_frame(100)),
    "seed-sync": Case("100 rows x 4, synchronous run", SYNCHRONOUS, seed_frame(100)),
    # both loops fill the 256 KiB of a batch: what its buffer costs while it grows is not a cost of each call
    "seed-batch": Case("100 rows x 4, run within session.batch()", BATCH, seed_frame(100), 100, 300),
    "row-run": Case("1 row x 4, asynchronous run", ASYNCHRONOUS, seed_frame(1)),
    "thousand-run": Case("1,000 rows x 4, asynchronous run", ASYNCHRONOUS, seed_frame(1000), 4, 12),
    "hundred-thousand-encode": Case("100,000 rows x 4, encode only", ENCODE, seed_frame(100_000), 1, 2),
    "wide-block-run": Case("10 rows x 1,000 in one block, run", ASYNCHRONOUS, wide_one_block, 2, 6),
    "wide-blocks-run": Case("10 rows x 1,000, a block each, run", ASYNCHRONOUS, wide_own_blocks, 2, 6),
    "numeric-run": Case("2,000 rows x 10 float64, asynchronous run", ASYNCHRONOUS, numeric(2000), 2, 6),
    "numeric-nan-encode": Case("100,000 x 10 float64, 1 % NaN, encode", ENCODE, numeric(100_000, 0.01), 1, 3),
    "categorical-encode": Case("100 rows out of 5,000 categories, encode only", ENCODE, categorical),
    "cyrillic-encode": Case("1,000 rows x 3 Cyrillic texts, encode only", ENCODE, cyrillic, 4, 12),
    "vendor-run": Case("100 rows x 45, vendor's benchmark, asynchronous run", ASYNCHRONOUS, vendor, 4, 12),
    "decode": Case("1,000 rows x 5 read: decode and make a DataFrame", DECODE, encoded_table, 4, 12),
}

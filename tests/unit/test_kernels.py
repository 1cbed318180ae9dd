"""Every instruction set gives what the baseline gives, on random cells, lengths, alignments and strides."""
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dolphindb_fast as ddb
from dolphindb_fast import _core

SETS = ("avx2", "avx512")
SPECIAL = {
    "f": [0.0, -0.0, np.nan, np.inf, -np.inf],
    "i": [0, -1],
    "u": [0],
    "M": [np.iinfo("i8").min, 0, -1, 2**31 - 1, -(2**31) + 1],
}
DTYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8",
          "M8[s]", "M8[ms]", "M8[us]", "M8[ns]", ">f8", ">i4", ">M8[us]"]


@pytest.fixture
def use():
    yield _core._select_kernels
    _core._select_kernels()


def cells(random: np.random.Generator, dtype: np.dtype, count: int) -> np.ndarray:
    """Any bits that the conversion accepts, a tenth of them special values."""
    if dtype.kind == "b":
        return random.integers(0, 2, count).astype(bool)
    if dtype.kind == "M":
        raw = random.integers(-(2**31) + 1, 2**31, count).astype("i8")
    else:
        raw = np.frombuffer(random.bytes(count * dtype.itemsize), dtype.newbyteorder("=")).copy()
        if dtype.kind == "u" and dtype.itemsize == 8:
            raw >>= np.uint64(1)
    places = random.random(count) < 0.1
    raw[places] = random.choice(np.array(SPECIAL[dtype.kind]).astype(raw.dtype), places.sum())
    if dtype.kind == "M":
        raw = raw.view(dtype.newbyteorder("="))
    return raw.astype(dtype)


def laid_out(random: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """The same cells at an odd address, or some bytes apart."""
    size = array.dtype.itemsize
    gap = int(random.choice([0, 0, 1, size]))
    offset = int(random.integers(0, 9))
    memory = np.zeros(offset + len(array) * (size + gap) + size, np.uint8)
    view = np.ndarray(len(array), array.dtype, memory, offset, (size + gap,))
    view[:] = array
    return view


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers__are_the_same_from_every_set(use, name, dtype):
    if use(name) != name:
        pytest.skip(f"this processor has no {name}")
    seed = np.random.SeedSequence().entropy
    print("seed", seed)
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    for count in (*range(1, 70), 127, 128, 129, 1000, 4097):
        array = laid_out(random, cells(random, dtype, count))
        frame = pd.DataFrame({"a": array}, copy=False)
        answers = []
        for chosen in ("baseline", name):
            use(chosen)
            answers.append((ddb.dumps(frame), bytes(ddb.Encoder().encode(frame))))
        assert answers[0] == answers[1], count


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype, bad", [("u8", 2**63), ("M8[s]", 2**31), ("M8[s]", -(2**31)), ("M8[us]", 2**63 // 1000 + 1)])
def test_bad_cell__is_found_in_its_row_by_every_set(use, name, dtype, bad):
    if use(name) != name:
        pytest.skip(f"this processor has no {name}")
    for count in (1, 7, 8, 9, 63, 64, 65, 5000):
        for row in {0, count // 2, count - 1}:
            array = np.zeros(count, "u8" if dtype == "u8" else "i8")
            array[row] = bad
            frame = pd.DataFrame({"a": array.view(dtype)}, copy=False)
            for chosen in ("baseline", name):
                use(chosen)
                with pytest.raises(ddb.ValueRefused, match=f"row {row}: "):
                    ddb.dumps(frame)


@pytest.mark.parametrize("name", SETS)
def test_text_and_symbols__are_the_same_from_every_set(use, name):
    if use(name) != name:
        pytest.skip(f"this processor has no {name}")
    seed = np.random.SeedSequence().entropy
    print("seed", seed)
    random = np.random.default_rng(seed)
    for count in (1, 2, 15, 16, 17, 31, 127, 129, 600, 3000):
        words = ["x" * int(n) for n in random.integers(0, 40, count)]
        for categories in (1, 2, 100, 127, 128, 300, 40000):
            codes = random.integers(-1, categories, count)
            frame = pd.DataFrame({
                "text": pd.Series(words, dtype="str"),
                "symbol": pd.Categorical.from_codes(codes, [f"c{i}" for i in range(categories)]),
            })
            answers = []
            for chosen in ("baseline", name):
                use(chosen)
                answers.append([ddb.dumps(f) for f in (frame, frame[::-1], frame[::3])])
            assert answers[0] == answers[1], (count, categories)


def test_unknown_set__is_refused(use):
    with pytest.raises(ddb.UsageError, match="avx1024"):
        use("avx1024")

"""Strict equality of what two clients return: value, type, dtype, NULL and order."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd

__all__ = ["assert_same"]


def assert_same(ours, theirs, where: str = "result") -> None:
    """Fail at the first place at which `ours` is not exactly `theirs`."""
    assert type(ours) is type(theirs), f"{where}: {type(ours)} is not {type(theirs)}"
    if isinstance(theirs, pd.DataFrame):
        pd.testing.assert_index_equal(ours.columns, theirs.columns, exact=True)
        assert type(ours.index) is type(theirs.index), f"{where}: index"
        pd.testing.assert_index_equal(ours.index, theirs.index, exact=True)
        for position, name in enumerate(theirs.columns):
            assert_same(ours.iloc[:, position], theirs.iloc[:, position], f"{where}[{name!r}]")
    elif isinstance(theirs, pd.Series):
        assert ours.dtype == theirs.dtype, f"{where}: {ours.dtype} is not {theirs.dtype}"
        if isinstance(theirs.dtype, np.dtype):
            assert_same(ours.to_numpy(), theirs.to_numpy(), where)
        else:
            assert_same(ours.tolist(), theirs.tolist(), where)
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype, f"{where}: {ours.dtype} is not {theirs.dtype}"
        assert ours.shape == theirs.shape, f"{where}: {ours.shape} is not {theirs.shape}"
        if theirs.dtype == object:
            assert_same(ours.tolist(), theirs.tolist(), where)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=where)
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} items, not {len(theirs)}"
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(theirs, set):
        assert {(type(item), item) for item in ours} == {(type(item), item) for item in theirs}, where
    elif isinstance(theirs, Decimal):
        # equal values with other exponents are not the same
        assert ours.as_tuple() == theirs.as_tuple(), f"{where}: {ours!r} is not {theirs!r}"
    elif isinstance(theirs, np.datetime64):
        assert ours.dtype == theirs.dtype and (ours == theirs or (np.isnat(ours) and np.isnat(theirs))), where
    elif isinstance(theirs, float) and math.isnan(theirs):
        assert math.isnan(ours), where
    else:
        assert ours == theirs or ours is theirs, f"{where}: {ours!r} is not {theirs!r}"

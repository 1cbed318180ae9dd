"""Frames that pandas has not looked into yet: where the columns are comes from the blocks themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.cases import each

import dolphindb_fast as ddb


def mixed(columns: int) -> pd.DataFrame:
    """Columns of three kinds in turn, consolidated: the blocks' columns are not side by side."""
    kinds = (np.arange(3), np.arange(3) / 2, np.array(["a", "b", "c"], object))
    frame = pd.DataFrame({f"c{i}": kinds[i * i % 3] for i in range(columns)})
    return frame.copy()


def untouched(columns: int) -> pd.DataFrame:
    frame = mixed(columns)
    frame._mgr._blknos = None
    frame._mgr._blklocs = None
    return frame


@each("columns", [1, 2, 3, 7, 63, 64, 65, 200])
def test_untouched_frame__is_sent_like_one_that_was_looked_at(columns):
    looked_at = mixed(columns)
    assert looked_at.iloc[0, 0] == 0
    frame = untouched(columns)
    assert ddb.dumps(frame) == ddb.dumps(looked_at)


@pytest.mark.parametrize("columns", [3, 64, 70])
def test_untouched_selection__has_its_own_order(columns):
    order = [f"c{i}" for i in reversed(range(columns))]
    looked_at = mixed(columns)[order]
    expected = [ddb.dumps(looked_at[[name]]) for name in order]
    frame = looked_at.copy()
    frame._mgr._blknos = None
    frame._mgr._blklocs = None
    whole = ddb.dumps(frame)
    # each column's vector stands in the whole as it stands alone
    position = 0
    for single in expected:
        vector = single[single.index(b"\0", 11) + 1 :]
        found = whole.find(vector, position)
        assert found >= 0
        position = found + len(vector)
    assert position == len(whole)

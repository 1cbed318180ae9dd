"""The documents say what the tests say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.differences import ROWS

DIFFERENCES = Path(__file__).resolve().parents[2] / "docs" / "differences.md"

pytestmark = pytest.mark.skipif(not DIFFERENCES.is_file(), reason="runs beside the source only")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_differences__have_a_row_each(row):
    assert f"| {row.what} | {row.official} | {row.ours} |" in DIFFERENCES.read_text().splitlines()

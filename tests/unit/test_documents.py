"""The documents say what the tests say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import each
from support.differences import ROWS
from support.guarantees import ANSWERS, FAULTS, GUARANTEES, PLACES

DOCS = Path(__file__).resolve().parents[2] / "docs"
DIFFERENCES = DOCS / "differences.md"

pytestmark = pytest.mark.skipif(not DIFFERENCES.is_file(), reason="runs beside the source only")


@each("row", ROWS, ids=lambda row: row.key)
def test_differences__have_a_row_each(row):
    assert f"| {row.what} | {row.official} | {row.ours} |" in DIFFERENCES.read_text().splitlines()


def test_guarantees__are_the_tables_of_the_tests():
    lines = (DOCS / "guarantees.md").read_text().splitlines()
    heads = ("| ---", "| call |", "| place |")
    tables = [line for line in lines if line.startswith("|") and not line.startswith(heads)]
    assert tables == [row.line for row in (*ANSWERS, *GUARANTEES)]
    explained = [f"- {word}: {text}" for words in (FAULTS, PLACES) for word, text in words.items()]
    assert [line for line in lines if line in explained] == explained

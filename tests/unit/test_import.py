"""What importing the package takes with it."""

from __future__ import annotations

import pytest
from support.process import program

HEAVY = {
    "asyncio",
    "concurrent.futures",
    "dolphindb",
    "http",
    "lark",
    "lz4",
    "multiprocessing",
    "pyarrow",
    "pytest",
    "rich",
    "socket",
    "ssl",
    "dolphindb_fast.localserver",
    "dolphindb_fast.testing",
    "dolphindb_fast.tls",
}


def imported_by(statement: str) -> set[str]:
    """The modules that a statement imports beyond those of pandas."""
    done = program(f"import sys, pandas\nbefore = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_package__imports_nothing_heavy_beyond_pandas():
    found = imported_by("import dolphindb_fast")
    assert "dolphindb_fast.session" in found
    assert found & HEAVY == set()


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import dolphindb_fast; dolphindb_fast.Session(enableSSL=True)", "ssl"),
        ("import dolphindb_fast.localserver", "lark"),
    ],
)
def test_what_needs_it__imports_it(statement, module):
    pytest.importorskip(module)
    assert module in imported_by(statement) and module in HEAVY

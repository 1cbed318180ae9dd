"""The local server of all tests: without the package that it needs, the test that wants one is skipped."""

from __future__ import annotations

import pytest

__all__ = ["LocalServer"]


def LocalServer(*address, **settings):
    """A `dolphindb_fast.localserver.LocalServer`; or the end of the test, where lark is not installed."""
    pytest.importorskip("lark")
    from dolphindb_fast import localserver

    return localserver.LocalServer(*address, **settings)

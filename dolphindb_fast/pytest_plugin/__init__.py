"""The part of `dolphindb_fast.testing` that every run of pytest loads.

Installed as `dolphindb_fast_pytest`, beside the package and not in it: importing the package imports pandas, which runs
that don't use the fixture must not pay for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dolphindb_fast.localserver import LocalServer

MARKER = (
    "dolphindb_server(*, order='sequential', delay=0.0, users={'admin': '123456'}): "
    "settings of the fixture dolphindb_server, as of dolphindb_fast.localserver.LocalServer"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def dolphindb_server(request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """A running server of this test alone, without tables; see dolphindb_fast.testing."""
    from dolphindb_fast.testing import requested_server

    with requested_server(request) as server:
        yield server

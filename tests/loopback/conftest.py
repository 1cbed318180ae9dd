"""A local server of each test, and a client that writes its requests by hand."""

from __future__ import annotations

import pytest
from support.raw_client import Client


@pytest.fixture
def server(dolphindb_server):
    return dolphindb_server


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client

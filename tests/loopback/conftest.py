"""A local server of each test file, and a client that writes its requests by hand."""

from __future__ import annotations

import pytest
from support.raw_client import Client

from dolphindb_fast.localserver import LocalServer


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client

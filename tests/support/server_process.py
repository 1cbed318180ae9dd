"""A server outside of this process: the official client may keep the interpreter lock while it waits."""

from __future__ import annotations

import contextlib
import os

import pytest

from dolphindb_fast.commands.demo import start_server

__all__ = ["outside_server", "server_process"]


def outside_server() -> tuple[str, int, str, str] | None:
    """Host, port, user and password of ``DOLPHINDB_FAST_SERVER=host:port``."""
    outside = os.environ.get("DOLPHINDB_FAST_SERVER")
    if not outside:
        return None
    host, _, port = outside.rpartition(":")
    user = os.environ.get("DOLPHINDB_FAST_USER", "admin")
    return host, int(port), user, os.environ.get("DOLPHINDB_FAST_PASSWORD", "123456")


@contextlib.contextmanager
def server_process():
    """Host, port, user and password of a local server that ends with the block, or of `outside_server`."""
    outside = outside_server()
    if outside is not None:
        yield outside
        return
    pytest.importorskip("lark")
    with contextlib.ExitStack() as stack:
        yield (*start_server(stack, 0), "admin", "123456")

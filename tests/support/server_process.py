"""Servers outside of this process, since the official client may keep the interpreter lock while it waits; and ports
that stay whose they are."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from dolphindb_fast.commands.demo import start_server

from .local_server import LocalServer

__all__ = ["held_port", "outside_server", "restartable_server", "server_process"]


@contextlib.contextmanager
def held_port():
    """A port where nobody listens: bound, so that nobody else is given it; a `LocalServer` may listen there."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextlib.contextmanager
def restartable_server(**settings):
    """A running `LocalServer` whose port nobody else is given while it is stopped."""
    with held_port() as port, LocalServer(port=port, **settings) as server:
        yield server


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

"""The local server in a process of its own: the official client may keep the interpreter lock while it waits."""

from __future__ import annotations

import contextlib

from dolphindb_fast.commands.demo import start_server

__all__ = ["server_process"]


@contextlib.contextmanager
def server_process():
    """Host and port of a server that ends with the block."""
    with contextlib.ExitStack() as stack:
        yield start_server(stack, 0)

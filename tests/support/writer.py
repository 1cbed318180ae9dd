"""What the official client's MultithreadedTableWriter uploads: its only part that compresses columns."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from typing import NamedTuple

from . import replies
from .recorder import DEADLINE, ERROR, FakeServer, reply, split
from .schemas import schema

__all__ = ["Upload", "stop", "written"]

# The writer keeps the interpreter lock while it waits, so it lives in a process of its own: one for all uploads,
# since to import the official client takes longer than to upload a table.
_CHILD = """
import os, pickle, sys, traceback
import dolphindb
said = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

def write(port, rows, methods):
    writer = dolphindb.MultithreadedTableWriter(
        "127.0.0.1", port, "admin", "123456", "", "t", batchSize=len(rows), throttle=60, compressMethods=methods)
    for row in rows:
        error = writer.insert(*row)
        assert not error.hasError(), error
    writer.waitForThreadCompletion()
    return writer.getStatus().errorInfo

while True:
    try:
        asked = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        answer = str(write(*asked))
    except Exception:
        answer = traceback.format_exc()
    pickle.dump(answer, said)
    said.flush()
"""
_child: subprocess.Popen | None = None


def stop() -> None:
    """End the process of the writers, if there is one."""
    global _child
    if _child is not None:
        with _child:
            _child.kill()
        _child = None


def _said(*asked) -> str:
    """What the status of a writer says in the end, or the traceback of its failure."""
    global _child
    if _child is None:
        _child = subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    timer = threading.Timer(3 * DEADLINE, _child.kill)
    timer.start()
    try:
        pickle.dump(asked, _child.stdin)
        _child.stdin.flush()
        return pickle.load(_child.stdout).strip()
    except (EOFError, OSError):
        stop()
        raise
    finally:
        timer.cancel()


class Upload(NamedTuple):
    """The one upload of a writer: its request's flags and its table. `error`: why there is none."""

    flags: int
    table: bytes
    error: str


def written(types, rows, methods, scales=None) -> Upload:
    """What a writer sends that is given `rows` for a table of the columns c0, c1, ... of `types` (names, or
    numbers of array types)."""
    answers = (reply(schema([f"c{i}" for i in range(len(types))], types, scales)), ERROR)
    with FakeServer(replies=answers, default=reply(replies.scalar("INT", len(rows)))) as server:
        said = _said(server.port, rows, methods)
        if len(server.connections) < 2:
            return Upload(0, b"", said)
        # its request is answered as soon as it begins: all of it is here when the writer has closed the connection
        server.connection(1).wait_closed()
        sent = bytes(server.connection(1).received)
    mark = b"API2 1234567890 27 / "
    if mark not in sent:
        return Upload(0, b"", said)
    request = split(sent[sent.index(mark) :])
    assert request.body == b"function\ntableInsert{t}\n1\n1"
    return Upload(int(request.header.split()[-1].split(b"_")[0]), request.objects, "")

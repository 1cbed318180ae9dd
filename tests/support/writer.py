"""What the official client's MultithreadedTableWriter uploads: its only part that compresses columns."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import NamedTuple

from . import replies
from .recorder import DEADLINE, ERROR, FakeServer, reply, split
from .schemas import schema

__all__ = ["Upload", "written"]

# The writer keeps the interpreter lock while it waits, so it lives in a process of its own.
_CHILD = """
import pickle, sys
import dolphindb
port, rows, methods = pickle.load(sys.stdin.buffer)
writer = dolphindb.MultithreadedTableWriter(
    "127.0.0.1", port, "admin", "123456", "", "t", batchSize=len(rows), throttle=60, compressMethods=methods)
for row in rows:
    error = writer.insert(*row)
    assert not error.hasError(), error
writer.waitForThreadCompletion()
print(writer.getStatus().errorInfo)
"""


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
        child = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=pickle.dumps((server.port, rows, methods)),
            capture_output=True,
            timeout=3 * DEADLINE,
        )
        said = (child.stdout + child.stderr).decode().strip()
        if len(server.connections) < 2:
            return Upload(0, b"", said)
        sent = bytes(server.connection(1).received)
    mark = b"API2 1234567890 27 / "
    if mark not in sent:
        return Upload(0, b"", said)
    request = split(sent[sent.index(mark) :])
    assert request.body == b"function\ntableInsert{t}\n1\n1"
    return Upload(int(request.header.split()[-1].split(b"_")[0]), request.objects, "")

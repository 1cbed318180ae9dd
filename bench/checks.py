"""What arrived is what should have arrived: byte by byte, and by decoding it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

import dolphindb_fast
from dolphindb_fast._decode import Reader, decode
from dolphindb_fast.result import to_python

from .measure import Wrong
from .sink import Sink


def same_values(sent: pd.DataFrame, got: pd.DataFrame) -> bool:
    """Equal names, rows and values; text is compared as text whatever holds it, missing text is empty."""
    if list(sent.columns) != list(got.columns) or len(sent) != len(got):
        return False
    for name in sent.columns:
        a, b = sent[name], got[name]
        if a.dtype.kind in "biufM":
            unit = b.dtype if a.dtype.kind == "M" else a.dtype
            if not a.astype(unit).equals(b.astype(unit).set_axis(a.index)):
                return False
        elif list(a.astype(object).fillna("")) != list(b.astype(object).fillna("")):
            return False
    return True


def check_frame(frame: pd.DataFrame) -> None:
    """Stop unless what we encode decodes to the frame's values."""
    if not same_values(frame, to_python(decode(dolphindb_fast.dumps(frame)))):
        raise Wrong("what was encoded does not decode to the frame")


def decoded(stream: bytes) -> Iterator[pd.DataFrame]:
    """The frames of recorded requests, each of one object."""
    view, position = memoryview(stream), 0

    def fill(target: memoryview) -> int:
        nonlocal position
        piece = view[position : position + len(target)]
        target[: len(piece)] = piece
        position += len(piece)
        return len(piece)

    reader = Reader(fill)
    while reader.offset < len(stream):
        head = reader.read_line().split()
        reader.read_bytes(int(head[2]))
        yield to_python(reader.read_object())


def check_stream(
    sink: Sink, name: str, send: Callable[[], object], expected: bytes, frames: list[pd.DataFrame]
) -> None:
    """Stop unless `send` makes `expected` arrive; says whether other bytes at least mean the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream"
        sink.settle(0.05)
        sink.keep(path)
        try:
            send()
        finally:
            sink.settle(0.05)
            sink.drop()
        got = path.read_bytes()
    if got == expected:
        return
    same = len(os.path.commonprefix([got, expected]))
    try:
        equal = all(same_values(a, b) for a, b in zip(frames, decoded(got), strict=True))
    except (ValueError, EOFError, RuntimeError):
        equal = False
    meaning = "with equal values" if equal else "with other values"
    raise Wrong(f"{name} sent other bytes from byte {same} of {len(expected)} on, {meaning}")

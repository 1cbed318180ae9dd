"""Replies under PROTOCOL_ARROW: tables come as Arrow IPC streams, everything else as ever. Needs pyarrow."""

from __future__ import annotations

from typing import Any

from ._decode import Reader
from .errors import LinkError, NotSupported, ProtocolError

__all__ = ["import_pyarrow", "read_reply"]

#: added to the form of an object that is a stream of another protocol
FOREIGN_FORM = 32


def import_pyarrow() -> Any:
    """The module pyarrow, or `NotSupported`."""
    try:
        import pyarrow.ipc
    except ImportError:
        raise NotSupported("protocol=PROTOCOL_ARROW needs pyarrow; get it with: pip install pyarrow") from None
    return pyarrow


def read_reply(reader: Reader) -> Any:
    """The next object: a pyarrow Table, or a neutral value."""
    head = reader.read_bytes(2)
    if head[1] & FOREIGN_FORM:
        return _read_table(reader)
    return Reader(_Rest(head, reader).fill, window=64).read_object()


def _read_table(reader: Reader) -> Any:
    pyarrow = import_pyarrow()
    try:
        # asks for exactly what the stream says comes next, and for nothing after its end
        with pyarrow.ipc.open_stream(_File(reader)) as stream:
            table = stream.read_all()
        # lengths and offsets inside the batches come from the server: unchecked they would be followed blindly
        table.validate(full=True)
    except LinkError:
        # raised by the reader, not by pyarrow; some are OSError too
        raise
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:
        raise ProtocolError(f"no Arrow stream: {error}", reader.offset) from None
    return table


class _Rest:
    """What `reader` has, after bytes that were already taken from it."""

    def __init__(self, taken: bytes, reader: Reader) -> None:
        self.taken = taken
        self.reader = reader

    def fill(self, view: memoryview) -> int:
        data, self.taken = self.taken, b""
        data = data or self.reader.read_bytes(max(1, min(len(view), self.reader.buffered)))
        view[: len(data)] = data
        return len(data)


class _File:
    """A `Reader` as the file that pyarrow reads."""

    closed = False

    def __init__(self, reader: Reader) -> None:
        self.read = reader.read_bytes

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The connection stays open."""

"""Stands in for two functions whose final form is made elsewhere: to be deleted when they are there.

`to_python` is `result.to_python` with its keywords, `read_block_header` is ``Reader.read_block_header``.
"""
from __future__ import annotations

import struct

from .column import Table
from .errors import ProtocolError
from .result import to_python as plain


def to_python(value, *, pickleTableToList=False, lossless=False, raw=False):
    if raw:
        return value
    if pickleTableToList and isinstance(value, Table):
        return [plain(column) for column in value.columns]
    return plain(value)


def read_block_header(reader):
    # a shorter object than this head must not be waited for
    if reader.read_bytes(2) != b"\x19\x01":
        raise ProtocolError("no ANY vector")
    return struct.unpack("<ii", reader.read_bytes(8))

"""Request lines and bodies, and reply lines: bytes in, bytes out, no sockets.

A loop of appends repeats two texts for ever, so a connection parses each of them once.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..errors import ProtocolError

__all__ = [
    "ASYNCHRONOUS",
    "Body",
    "CLEAR_MEMORY",
    "FOREIGN_LANGUAGE",
    "Header",
    "NO_DECIMALS",
    "RequestCache",
    "error_line",
]

# request flags
ASYNCHRONOUS = 4
CLEAR_MEMORY = 16
NO_DECIMALS = 1 << 23
#: Python parser, kdb parser, Oracle and MySQL dialect
FOREIGN_LANGUAGE = 2048 | 4096 | 3 << 19

LINE_LIMIT = 4096
BODY_LIMIT = 64 << 20
_ARGUMENTS_LIMIT = 65_536
_CACHED_TEXTS = 128
_CACHED_LENGTH = 2048

_LINE = re.compile(
    rb"API(?P<two>2?) (?P<session>\S+) (?P<length>\d{1,10}) / (?P<flags>\d{1,10})_1_\d{1,3}_\d{1,5}"
    rb"(?:__(?P<fetch>\d{1,10}))?(?:__[^\s_]+_-?\d+)?"
)


class Header(NamedTuple):
    """The first line of a request."""

    session: bytes
    length: int
    flags: int
    fetch_size: int
    first: bool  # verb API: a handshake


class Body(NamedTuple):
    """The text part; `names` is one function, several variables, or the script."""

    kind: str
    text: str
    count: int  # type: ignore[assignment]  # not tuple.count


class RequestCache:
    """Parsed request lines and bodies of one connection."""

    def __init__(self) -> None:
        self._headers: dict[bytes, Header] = {}
        self._bodies: dict[bytes, Body] = {}

    def header(self, line: bytes) -> Header:
        found = self._headers.get(line)
        return found if found is not None else _remember(self._headers, line, _header(line))

    def body(self, raw: bytes) -> Body:
        found = self._bodies.get(raw)
        return found if found is not None else _remember(self._bodies, raw, _body(raw))


def _remember(cache: dict[bytes, Any], key: bytes, value: Any) -> Any:
    if len(key) <= _CACHED_LENGTH:
        if len(cache) >= _CACHED_TEXTS:
            cache.clear()
        cache[key] = value
    return value


def _header(line: bytes) -> Header:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProtocolError(f"not a request line: {line[:60]!r}")
    length = int(match["length"])
    if length > BODY_LIMIT:
        raise ProtocolError(f"a request text of {length} bytes is too long")
    return Header(match["session"], length, int(match["flags"]), int(match["fetch"] or 0), first=not match["two"])


def _body(raw: bytes) -> Body:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the request text is not UTF-8 ({error.reason})") from None
    kind, _, rest = text.partition("\n")
    if kind == "script":
        return Body(kind, rest, 0)
    if kind in ("function", "variable"):
        # the name may hold anything, so the two numbers are taken from the end
        parts = rest.rsplit("\n", 2)
        if len(parts) == 3 and parts[1].isdecimal() and int(parts[1]) <= _ARGUMENTS_LIMIT:
            if parts[2] != "1":
                raise ProtocolError("big-endian arguments")
            return Body(kind, parts[0], int(parts[1]))
    raise ProtocolError(f"not a request text: {text[:60]!r}")


def error_line(text: str) -> bytes:
    """An error as the one line that a reply has for it."""
    line = " ".join(text.split("\n")).replace("\r", " ").replace("\0", " ").strip()
    return (line if line and line != "OK" else "unknown error").encode(errors="replace")

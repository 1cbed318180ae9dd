"""Literals of the script language as values."""

from __future__ import annotations

import re

from .. import settings as keys
from ..column import Column
from . import temporal
from .failures import ScriptError
from .vectors import fits, null_of, scalar, text, texts, unified

__all__ = ["number", "numbers", "string", "symbols", "temporal_literal"]

_SUFFIXES = {
    "b": keys.DT_BOOL,
    "c": keys.DT_CHAR,
    "h": keys.DT_SHORT,
    "i": keys.DT_INT,
    "l": keys.DT_LONG,
    "L": keys.DT_LONG,
    "f": keys.DT_FLOAT,
    "F": keys.DT_DOUBLE,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def number(source: str) -> Column:
    """``12``, ``12l``, ``1.5``, ``1.5f``, and the NULLs ``00i``, ``00l``, ..."""
    source = str(source)
    suffix = source[-1]
    kind = _SUFFIXES.get(suffix)
    digits = source[:-1] if kind else source
    if kind is None:
        if not digits.isdecimal():
            return _floating(keys.DT_DOUBLE, digits)
        return _integral(keys.DT_INT if len(digits) < 19 and int(digits) < 2**31 else keys.DT_LONG, digits)
    if digits == "00":
        return scalar(kind, null_of(kind))
    if kind in (keys.DT_FLOAT, keys.DT_DOUBLE):
        return _floating(kind, digits)
    return _integral(kind, digits)


def _integral(kind: int, digits: str) -> Column:
    if not digits.isdecimal():
        raise ScriptError(f"'{digits}' is not a whole number")
    if len(digits) > 19 or not fits(kind, int(digits)):
        raise ScriptError(f"{digits[:40]} does not fit into {keys.TYPE_STRING[kind]}")
    return scalar(kind, int(digits))


def _floating(kind: int, digits: str) -> Column:
    value = float(digits)
    if value > (3.4028234e38 if kind == keys.DT_FLOAT else 1.7976931348623157e308):
        raise ScriptError(f"{digits} does not fit into {keys.TYPE_STRING[kind]}")
    return scalar(kind, value)


def numbers(source: str) -> Column:
    """``1 2 3``: a vector."""
    return unified([number(part) for part in source.split()])


def temporal_literal(source: str) -> Column:
    return temporal.literal(str(source))


def string(source: str) -> Column:
    """A quoted text; a backslash keeps its meaning of newline, tab, return, or drops out."""
    return text(re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), source[1:-1]))


def symbols(source: str) -> Column:
    """`` `a`` is a string, `` `a`b`` a vector of strings."""
    parts = source.split("`")[1:]
    return text(parts[0]) if len(parts) == 1 else texts(parts)

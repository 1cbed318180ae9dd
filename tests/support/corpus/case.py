"""What a case of the upload corpus says: an object, and what must become of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

try:
    import pyarrow
except ImportError:
    pyarrow = None

__all__ = [
    "DIFFERS",
    "EQUAL",
    "EQUIVALENT",
    "REFUSED",
    "Case",
    "available",
    "decimals",
    "differs",
    "equal",
    "equivalent",
    "forced",
    "one",
    "refused",
]

#: the bytes of the official client
EQUAL = "equal"
#: its order is that of a hash table, or its blocks are cut by a buffer: the same after decoding
EQUIVALENT = "equivalent"
#: neither client takes it
REFUSED = "refused"
#: as a row of `support.differences` says
DIFFERS = "differs"

_HERE = {"pyarrow": pyarrow is not None, "pandas3": int(pd.__version__.split(".")[0]) >= 3}


@dataclass(frozen=True)
class Case:
    """One object to upload.

    Attributes
    ----------
    name
        Unique in the corpus.
    build
        Makes the object; two calls share nothing that can be changed.
    expect
        `EQUAL`, `EQUIVALENT`, `REFUSED` or `DIFFERS`.
    place
        Regular expressions that the message of a refusal must hold, whatever their order.
    needs
        What must be installed: words out of ``pyarrow``, ``pandas3``, ``pandas2``.
    reason
        `DIFFERS`: key of the row in `support.differences` that allows it.
    wire
        `DIFFERS`: the object's bytes, made by hand.
    like
        `DIFFERS`: makes the object that has the same meaning and that the official client sends rightly. With
        neither `wire` nor `like` our client refuses.
    crashes
        The official client dies or hangs of it and must not see it.
    """

    name: str
    build: Callable[[], object]
    expect: str
    place: tuple[str, ...] = ()
    needs: str = ""
    reason: str = ""
    wire: bytes | None = None
    like: Callable[[], object] | None = None
    crashes: bool = False

    @property
    def refuses(self) -> bool:
        """Whether our client must refuse it."""
        return self.expect == REFUSED or (self.expect == DIFFERS and self.wire is None and self.like is None)


def available(case: Case) -> bool:
    """Whether everything that the case needs is installed."""
    here = {**_HERE, "pandas2": not _HERE["pandas3"]}
    return all(here[word] for word in case.needs.split())


def equal(name, build, needs=""):
    return Case(name, build, EQUAL, needs=needs)


def equivalent(name, build, needs=""):
    return Case(name, build, EQUIVALENT, needs=needs)


def refused(name, build, *place, needs="", crashes=False):
    return Case(name, build, REFUSED, place, needs=needs, crashes=crashes)


def differs(name, build, reason, *place, wire=None, like=None, needs="", crashes=False):
    """`wire` as bytes, or as text of hexadecimal digits."""
    raw = bytes.fromhex(wire) if isinstance(wire, str) else wire
    return Case(name, build, DIFFERS, place, needs, reason, raw, like, crashes)


def decimals(type_id, scale, *digits) -> bytes:
    """A vector of decimals with `digits` as their integers; None is NULL."""
    width = {37: 4, 38: 8, 39: 16}[type_id]
    null = -(1 << (8 * width - 1))
    cells = [(null if number is None else number).to_bytes(width, "little", signed=True) for number in digits]
    return struct.pack("<BBiii", type_id, 1, len(digits), 1, scale) + b"".join(cells)


def one(column, dtype=None, name="bad") -> pd.DataFrame:
    """A frame of one column `name` between two harmless ones."""
    if dtype is not None:
        column = pd.Series(column, dtype=dtype)
    return pd.DataFrame(
        {"before": range(len(column)), name: column, "after": [1.5] * len(column)},
        index=getattr(column, "index", None),
        copy=False,
    )


def forced(frame: pd.DataFrame, **types) -> pd.DataFrame:
    """`frame` with the official client's note of the types that its columns are to have."""
    # set as an attribute in the ordinary way pandas would warn
    object.__setattr__(frame, "__DolphinDB_Type__", types)
    return frame

"""What the official client sends for a frame of the corpus."""

from __future__ import annotations

import pandas as pd

from . import expected
from .frames import Case
from .recorder import Recorder, Request

__all__ = ["as_symbols", "difference", "request"]


def as_symbols(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with its categorical columns as text and the official client's note that they are SYMBOL."""
    columns = [name for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    plain = frame.astype({name: object for name in columns})
    # set as an attribute in the ordinary way pandas would warn
    object.__setattr__(plain, "__DolphinDB_Type__", dict.fromkeys(columns, "SYMBOL"))
    return plain


def request(recorder: Recorder, case: Case, frame: pd.DataFrame) -> Request:
    """The official request ``run("f", frame)``; where it is none, with the independent encoder's bytes."""
    if case.differs:
        header, body, _ = recorder.run("f", None)
        return Request(header, body, expected.frame(frame))
    return recorder.run("f", as_symbols(frame) if case.symbols else frame)


def difference(ours: bytes, theirs: bytes) -> str:
    """Where and how two byte strings differ, for the message of a failed assertion; empty if they don't."""
    ours, theirs = bytes(ours), bytes(theirs)
    if ours == theirs:
        return ""
    common = min(len(ours), len(theirs))
    low, high = 0, common
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if ours[:middle] == theirs[:middle] else (low, middle - 1)
    start = max(0, low - 16)
    return (
        f"differ at byte {low}; lengths ours {len(ours)}, expected {len(theirs)}\n"
        f"  from byte {start}\n"
        f"  ours     {ours[start : low + 32].hex(' ')}\n"
        f"  expected {theirs[start : low + 32].hex(' ')}"
    )

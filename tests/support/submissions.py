"""Frames and replies of the tests of acknowledged mode."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dolphindb_fast as ddb

from . import replies
from .recorder import reply

__all__ = ["ERROR", "FRAME", "LARGE", "integer", "unknown"]

FRAME = pd.DataFrame({"a": [1, 2]})
#: 24 MB, more than any socket buffer takes
LARGE = pd.DataFrame({"a": np.arange(1_500_000), "b": np.arange(1_500_000) / 8})
ERROR = reply(status=b"it was refused")


def integer(value: int) -> bytes:
    return reply(replies.scalar("INT", value))


def unknown(submission) -> bool:
    return isinstance(submission.exception(), ddb.OutcomeUnknown)

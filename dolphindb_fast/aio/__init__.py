"""Sessions for asyncio, spelled like `dolphindb_fast.Session`: no threads, no polling, any loop with ``add_reader``.

A session of this package wraps one of the other: arguments, encoding and results are the same code. What differs is the
link beneath (`_core._LoopLink`), which never waits.
"""

from __future__ import annotations

from .pool import Pool
from .session import Session

__all__ = ["Pool", "Session"]

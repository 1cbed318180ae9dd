"""`Session.batch`: many submissions in few system calls."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Batch"]


class Batch:
    """Within it `run` returns before the operating system has the bytes: they are lost if the process dies.

    This thread's submissions to an asynchronous session are gathered in memory and leave together: when
    `maxBytes` are reached, when `maxDelay` has passed at the next call, and at the end of the ``with`` block, also
    if it ends with an exception. Requests are never cut and keep their order; a frame that is refused leaves
    those before and after it in. `close` and `connect` send what was gathered first. Other threads that use the
    session send at once, as ever.

    Parameters
    ----------
    session : Session
        Connected, asynchronous.
    maxBytes : int
        Gathered bytes from which on they are sent.
    maxDelay : timedelta or float, optional
        Seconds after the first gathered submission from which on the next call sends. There is no timer: without
        a next call nothing leaves before the end of the block.

    Raises
    ------
    UsageError
        Synchronous session, not connected, or a batch is open already.
    """

    def __init__(
        self, session: Session, maxBytes: int = 262144, maxDelay: datetime.timedelta | float | None = None
    ) -> None:
        if isinstance(maxDelay, datetime.timedelta):
            maxDelay = maxDelay.total_seconds()
        if isinstance(maxBytes, bool) or not isinstance(maxBytes, int) or maxBytes < 1:
            raise UsageError(f"maxBytes must be a positive int; got {maxBytes!r}")
        if maxDelay is not None and (not isinstance(maxDelay, (int, float)) or not maxDelay >= 0):
            raise UsageError(f"maxDelay must be a timedelta or a number of seconds, not negative; got {maxDelay!r}")
        self._session = session
        self._limits = (maxBytes, maxDelay)

    def __enter__(self) -> Batch:
        self._session._begin_batch(*self._limits)
        return self

    def flush(self) -> None:
        """Send what was gathered so far.

        Raises
        ------
        LinkError, SendTimeout
            As `Session.run`. After a time-out of which nothing was sent the gathered submissions are kept.
        """
        self._session._flush_batch()

    def __exit__(self, *exception: object) -> None:
        self._session._end_batch()

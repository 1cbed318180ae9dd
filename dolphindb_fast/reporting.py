"""`Session.report_stats`: the counters of a session, again and again."""

from __future__ import annotations

import datetime
import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import connecting
from .errors import UsageError
from .session_part import SessionPart

if TYPE_CHECKING:
    from .session import Stats

__all__ = ["ReportMethods", "StatsReport"]

log = logging.getLogger("dolphindb_fast")


class StatsReport:
    """A thread that calls `callback` with a session's counters, until `stop`, or the session's end or `close`."""

    def __init__(self, session: ReportMethods, callback: Callable[[Stats], object], period: float) -> None:
        self._callback = callback
        self._period = period
        self._stopped = threading.Event()
        # a session that nobody else needs goes, and the thread with it
        self._session = weakref.ref(session, lambda _: self._stopped.set())
        threading.Thread(target=self._run, name="dolphindb_fast-stats", daemon=True).start()

    def stop(self) -> None:
        """Report no more; a call that is under way goes on. May be called again."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._period):
            session = self._session()
            if session is None:
                return
            stats = session.stats
            del session
            try:
                self._callback(stats)
            except Exception:
                log.exception("the callback of report_stats failed")


class ReportMethods(SessionPart):
    """What a `session.Session` does to tell how it fares."""

    if TYPE_CHECKING:

        @property
        def stats(self) -> Stats: ...

    def report_stats(self, callback: Callable[[Stats], object], seconds: datetime.timedelta | float) -> StatsReport:
        """Call `callback` with `stats` again and again, in a thread of its own, until `close`.

        Parameters
        ----------
        callback : callable
            Given `Stats`. What it raises is logged. A callback that refers to the session keeps it alive.
        seconds : timedelta or float
            Between two calls, and before the first.

        Returns
        -------
        StatsReport
            Its ``stop()`` ends the reports of a session that goes on.

        Examples
        --------
        >>> session.report_stats(lambda stats: print(stats.rows), 10)
        """
        period = connecting.seconds("seconds", seconds)
        if period is None or not period < threading.TIMEOUT_MAX:
            raise UsageError(f"seconds must be more than 0, and no more than a thread can wait; got {seconds!r}")
        if not callable(callback):
            raise UsageError(f"callback must be callable; got {callback!r}")
        if self._closed:
            raise UsageError("the session is closed")
        report = StatsReport(self, callback, period)
        self._reports.append(report)
        return report

    def _stop_reports(self) -> None:
        while self._reports:
            self._reports.pop().stop()

"""What is promised when a connection fails, as one table.

`docs/guarantees.md` prints it; `tests/faults/test_guarantees.py` carries out every row.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FAULTS", "HEAD", "ORDERS", "PLACES", "TABLE", "WAYS", "WHERE", "Guarantee", "Sees"]

#: where a fault strikes
PLACES = {
    "handshake-request": "`connect`, what is sent",
    "handshake-answer": "`connect`, what is answered",
    "asynchronous": "asynchronous `run`",
    "batch": "`batch` of asynchronous `run`s",
    "barrier-request": "`barrier`, request",
    "barrier-answer": "`barrier`, answer",
    "synchronous": "synchronous `run`, request",
    "header": "synchronous `run`, head of the reply",
    "body": "synchronous `run`, body of the reply",
    "acknowledged-request": "acknowledged `run`s, requests",
    "acknowledged-reply": "acknowledged `run`s, replies",
}

#: what happens to the bytes; "full" is a stall of which so much is sent that the system's buffers are full
FAULTS = {
    "delay": "delayed",
    "bytes": "one by one",
    "stall": "stalled",
    "full": "stalled, buffers full",
    "close": "closed",
    "reset": "reset",
}

#: after which bytes of that place
WHERE = {
    ("before",): "before the first byte",
    ("within",): "between first and last byte",
    ("behind",): "behind the last byte",
    ("before", "within"): "before the last byte",
    ("within", "behind"): "behind the first byte",
    ("before", "within", "behind"): "anywhere",
}

#: how the session was connected, or what the caller does afterwards; with what `connect` is given to try it
WAYS = {
    "any": ("", ("plain", "reconnect", "retry")),
    "once": ("without `reconnect`", ("plain",)),
    "reconnect": ("with `reconnect`", ("reconnect", "retry")),
    "first": ("without `retryWrites`", ("plain", "reconnect")),
    "retry": ("with `retryWrites`", ("retry",)),
    "resubmit": ("`resubmit` of what is unacknowledged", ("resubmit",)),
}

#: what the session can do afterwards
SESSION = {
    "open": "usable",
    "lost": "closed: later calls say why, or connect again",
    "ends": "closed, as the next call finds",
    "moved": "usable, connected again",
    "none": "not connected",
}

#: which rows of the requests in question the server has in the end
SERVER = {
    "": "",
    "all": "all",
    "none": "none",
    "maybe": "none, or all",
    "later": "none while stalled, then all",
    "whole": "those of requests that passed whole",
    "answered": "those that were answered, perhaps more",
    "twice": "all, perhaps twice",
    "finished": "all, when it returns",
    "read": "all, perhaps not yet when it returns",
}

#: the local server's settings
ORDERS = {"sequential": "in order", "shuffled": "shuffled", "unanswered": "unanswered"}


class Sees(NamedTuple):
    """What the caller sees: an exception's class and ``sent``; from the call, a later one, or the handle."""

    error: str | None
    sent: bool | None = None
    by: str = "call"

    def __str__(self) -> str:
        if self.error is None:
            return "nothing: it returns"
        text = f"`{self.error}`" if self.sent is None else f"`{self.error}`, `sent` is {self.sent}"
        return text + {"call": "", "later": " from a later call", "handle": " from its handle"}[self.by]


class Guarantee(NamedTuple):
    """One row: keys of the tables above, in the order of `HEAD`."""

    place: str
    faults: tuple[str, ...]
    where: tuple[str, ...]
    way: str
    sees: Sees
    session: str
    server: str
    orders: tuple[str, ...] = tuple(ORDERS)

    @property
    def modes(self) -> tuple[str, ...]:
        """How to connect to try it: in more than one way only where that makes a difference."""
        modes = WAYS[self.way][1]
        if self.way == "any" and self.session in ("open", "none"):
            return modes[:1]
        return modes if self.place in ("synchronous", "header", "body") else modes[:2]

    def __str__(self) -> str:
        """The row as a line of a Markdown table."""
        cells = (
            PLACES[self.place],
            ", ".join(FAULTS[fault] for fault in self.faults),
            WHERE[self.where],
            WAYS[self.way][0],
            str(self.sees),
            SESSION[self.session],
            SERVER[self.server],
            "" if self.orders == tuple(ORDERS) else ", ".join(ORDERS[order] for order in self.orders),
        )
        return f"| {' | '.join(cells)} |"


HEAD = "| place | bytes are | from where on | session | caller sees | session is | rows on the server | order |"

_ANY, _EARLY, _LATE = ("before", "within", "behind"), ("before", "within"), ("within", "behind")
_BEFORE, _WITHIN, _BEHIND = ("before",), ("within",), ("behind",)
_SLOW, _STALL, _FULL, _ENDS = ("delay", "bytes"), ("stall",), ("full",), ("close", "reset")
_FINE = Sees(None)
_UNSENT, _SENT, _TIMEOUT = Sees("LinkError", False), Sees("LinkError", True), Sees("SendTimeout", True)


def _connecting():
    request, answer, refused = "handshake-request", "handshake-answer", Sees("ConnectError", False)
    yield Guarantee(request, _SLOW, _ANY, "any", _FINE, "open", "")
    yield Guarantee(request, _STALL, _EARLY, "once", refused, "none", "")
    yield Guarantee(request, _STALL, _BEHIND, "any", _FINE, "open", "")
    yield Guarantee(request, _ENDS, _ANY, "once", refused, "none", "")
    yield Guarantee(request, _STALL, _EARLY, "reconnect", _FINE, "moved", "")
    yield Guarantee(request, _ENDS, _ANY, "reconnect", _FINE, "moved", "")
    yield Guarantee(answer, _SLOW, _LATE, "any", _FINE, "open", "")
    yield Guarantee(answer, (*_STALL, *_ENDS), _WITHIN, "once", refused, "none", "")
    yield Guarantee(answer, (*_STALL, *_ENDS), _WITHIN, "reconnect", _FINE, "moved", "")
    yield Guarantee(answer, _STALL, _BEHIND, "any", _FINE, "open", "")
    yield Guarantee(answer, _ENDS, _BEHIND, "any", _FINE, "ends", "")


def _asynchronous():
    later = Sees("LinkError", by="later")
    for one, cut in ("asynchronous", "none"), ("batch", "whole"):
        yield Guarantee(one, _SLOW, _ANY, "any", _FINE, "open", "all")
        yield Guarantee(one, _STALL, _EARLY, "any", _FINE, "open", "later")
        yield Guarantee(one, _STALL, _BEHIND, "any", _FINE, "open", "all")
        yield Guarantee(one, _FULL, _WITHIN, "any", _TIMEOUT, "lost", "none")
        yield Guarantee(one, _ENDS, _BEFORE, "any", _UNSENT, "lost", "none")
        yield Guarantee(one, _ENDS, _WITHIN, "any", later, "lost", cut)
        yield Guarantee(one, _ENDS, _BEHIND, "any", later, "lost", "all")


def _barrier():
    """The rows are those of earlier calls, which have been read."""
    request, answer, silent = "barrier-request", "barrier-answer", ("unanswered",)
    for order, rows in ("sequential", "finished"), ("shuffled", "read"):
        yield Guarantee(request, _SLOW, _ANY, "any", _FINE, "open", rows, (order,))
        yield Guarantee(request, _STALL, _BEHIND, "any", _FINE, "open", rows, (order,))
        yield Guarantee(answer, _SLOW, _LATE, "any", _FINE, "open", rows, (order,))
        yield Guarantee(answer, _STALL, _BEHIND, "any", _FINE, "open", rows, (order,))
        yield Guarantee(answer, _ENDS, _BEHIND, "any", _FINE, "ends", rows, (order,))
    yield Guarantee(request, _SLOW, _ANY, "any", _TIMEOUT, "lost", "all", silent)
    yield Guarantee(request, _STALL, _BEHIND, "any", _TIMEOUT, "lost", "all", silent)
    yield Guarantee(request, _STALL, _EARLY, "any", _TIMEOUT, "lost", "all")
    yield Guarantee(request, _ENDS, _BEFORE, "any", _UNSENT, "lost", "all")
    yield Guarantee(request, _ENDS, _LATE, "any", _SENT, "lost", "all")
    yield Guarantee(answer, _STALL, _WITHIN, "any", _TIMEOUT, "lost", "all", ("sequential", "shuffled"))
    yield Guarantee(answer, _ENDS, _WITHIN, "any", _SENT, "lost", "all", ("sequential", "shuffled"))


def _synchronous():
    request, body = "synchronous", "body"
    yield Guarantee(request, _SLOW, _ANY, "any", _FINE, "open", "all")
    yield Guarantee(request, _STALL, _EARLY, "any", _TIMEOUT, "lost", "maybe")
    yield Guarantee(request, _STALL, _BEHIND, "any", _FINE, "open", "all")
    yield Guarantee(request, _FULL, _WITHIN, "any", _TIMEOUT, "lost", "none")
    yield Guarantee(request, _ENDS, _BEFORE, "once", _UNSENT, "lost", "none")
    yield Guarantee(request, _ENDS, _BEFORE, "reconnect", _FINE, "moved", "all")
    yield Guarantee(request, _ENDS, _WITHIN, "first", _SENT, "lost", "none")
    yield Guarantee(request, _ENDS, _WITHIN, "retry", _FINE, "moved", "all")
    yield Guarantee(request, _ENDS, _BEHIND, "first", _SENT, "lost", "maybe")
    yield Guarantee(request, _ENDS, _BEHIND, "retry", _FINE, "moved", "twice")
    yield Guarantee("header", _SLOW, _WITHIN, "any", _FINE, "open", "all")
    yield Guarantee(body, _SLOW, _LATE, "any", _FINE, "open", "all")
    for one in "header", body:
        yield Guarantee(one, _STALL, _WITHIN, "any", _TIMEOUT, "lost", "all")
        yield Guarantee(one, _ENDS, _WITHIN, "first", _SENT, "lost", "all")
        yield Guarantee(one, _ENDS, _WITHIN, "retry", _FINE, "moved", "twice")
    yield Guarantee(body, _STALL, _BEHIND, "any", _FINE, "open", "all")
    yield Guarantee(body, _ENDS, _BEHIND, "any", _FINE, "ends", "all")


def _acknowledged():
    request, reply = "acknowledged-request", "acknowledged-reply"
    waits, unknown = Sees("ReplyTimeout", by="handle"), Sees("OutcomeUnknown", True, "handle")
    yield Guarantee(request, _SLOW, _ANY, "any", _FINE, "open", "all")
    yield Guarantee(request, _STALL, _EARLY, "any", waits, "open", "later")
    yield Guarantee(request, _STALL, _BEHIND, "any", _FINE, "open", "all")
    yield Guarantee(request, _FULL, _WITHIN, "any", _TIMEOUT, "lost", "none")
    yield Guarantee(request, _ENDS, _BEFORE, "any", _UNSENT, "lost", "none")
    yield Guarantee(request, _ENDS, _LATE, "any", unknown, "lost", "answered")
    yield Guarantee(request, _ENDS, _LATE, "resubmit", unknown, "lost", "twice")
    yield Guarantee(reply, _SLOW, _LATE, "any", _FINE, "open", "all")
    yield Guarantee(reply, _STALL, _WITHIN, "any", waits, "open", "all")
    yield Guarantee(reply, _STALL, _BEHIND, "any", _FINE, "open", "all")
    yield Guarantee(reply, _ENDS, _WITHIN, "any", unknown, "lost", "answered")
    yield Guarantee(reply, _ENDS, _WITHIN, "resubmit", unknown, "lost", "twice")
    yield Guarantee(reply, _ENDS, _BEHIND, "any", _FINE, "ends", "all")


TABLE = (*_connecting(), *_asynchronous(), *_barrier(), *_synchronous(), *_acknowledged())

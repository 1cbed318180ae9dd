"""What this client promises when the connection misbehaves: one row for each fault at each place."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ANSWERS", "FAULTS", "GUARANTEES", "ORDERS", "PLACES", "Answer", "Guarantee", "find"]

#: settings of the local server: what becomes of asynchronous tasks
ORDERS = ("sequential", "shuffled", "unanswered")

FAULTS = {
    "delay": "nothing passes for a while",
    "split": "the bytes arrive one by one",
    "stall": "from some byte on nothing passes any more",
    "close": "the connection is closed after some byte",
    "reset": "the connection is reset after some byte",
}

PLACES = {
    "handshake": "`connect`",
    "async write": "`run` of an asynchronous session",
    "sync write": "the request of a synchronous `run`",
    "reply header": "the first two lines of its reply",
    "reply body": "the object behind them",
    "barrier": "`barrier` of an asynchronous session: its request or its reply",
    "acknowledged submission": "`run` with `acknowledge=True`: its request or its reply; then `flush`",
    "batch": "the end of a `batch` of an asynchronous session",
}

# what the caller sees
NOTHING = ""
# `sent` of the exception
TRUE, FALSE, TELLS = "True", "False", "False only if no byte of that call left"
# the session afterwards
USABLE, CLOSED = "usable", "closed"
#: as before any connect: a refused connection has no first error that could be repeated
UNCONNECTED = "not connected"
LATER = "usable; the reply may still come"
# of what was submitted, the server has carried out
ALL = "all"
NONE = "nothing of it"
UNTOLD = "all, which the caller can't know"
UNREAD = "nothing of it, which the caller can't know"
BEGINNING = "a beginning, in whole requests"


def _shown(orders: tuple[str, ...], raised: str) -> tuple[str, str]:
    return "any" if orders == ORDERS else ", ".join(orders), f"`{raised}`" if raised else "no exception"


class Guarantee(NamedTuple):
    """One fault at one place.

    Attributes
    ----------
    fault, place : str
        Of `FAULTS`, `PLACES`.
    raised : str
        Class of the exception that the caller sees; empty: none, the call succeeds.
    sent : str
        What its attribute ``sent`` says; empty: it has none.
    session : str
        Whether it can be used afterwards.
    server : str
        What the server has then carried out of all that was submitted.
    orders : tuple of str
        Settings of the local server with which this holds.
    """

    fault: str
    place: str
    raised: str
    sent: str
    session: str
    server: str
    orders: tuple[str, ...] = ORDERS

    @property
    def line(self) -> str:
        """The row of the document's table."""
        shown = _shown(self.orders, self.raised)
        cells = (self.place, self.fault, *shown, self.sent or "-", self.session, self.server)
        return f"| {' | '.join(cells)} |"


ANSWERING = ("sequential", "shuffled")
SILENT = ("unanswered",)

GUARANTEES = (
    Guarantee("delay", "handshake", NOTHING, "", USABLE, ALL),
    Guarantee("split", "handshake", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "handshake", "ConnectError", FALSE, UNCONNECTED, NONE),
    Guarantee("close", "handshake", "ConnectError", FALSE, UNCONNECTED, NONE),
    Guarantee("reset", "handshake", "ConnectError", FALSE, UNCONNECTED, NONE),
    Guarantee("delay", "async write", NOTHING, "", USABLE, ALL),
    Guarantee("split", "async write", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "async write", "SendTimeout", TRUE, CLOSED, BEGINNING),
    Guarantee("close", "async write", "LinkError", TELLS, CLOSED, BEGINNING),
    Guarantee("reset", "async write", "LinkError", TELLS, CLOSED, BEGINNING),
    Guarantee("delay", "sync write", NOTHING, "", USABLE, ALL),
    Guarantee("split", "sync write", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "sync write", "SendTimeout", TRUE, CLOSED, UNREAD),
    Guarantee("close", "sync write", "LinkError", TRUE, CLOSED, UNREAD),
    Guarantee("reset", "sync write", "LinkError", TRUE, CLOSED, UNREAD),
    Guarantee("delay", "reply header", NOTHING, "", USABLE, ALL),
    Guarantee("split", "reply header", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "reply header", "SendTimeout", TRUE, CLOSED, UNTOLD),
    Guarantee("close", "reply header", "LinkError", TRUE, CLOSED, UNTOLD),
    Guarantee("reset", "reply header", "LinkError", TRUE, CLOSED, UNTOLD),
    Guarantee("delay", "reply body", NOTHING, "", USABLE, ALL),
    Guarantee("split", "reply body", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "reply body", "SendTimeout", TRUE, CLOSED, UNTOLD),
    Guarantee("close", "reply body", "LinkError", TRUE, CLOSED, UNTOLD),
    Guarantee("reset", "reply body", "LinkError", TRUE, CLOSED, UNTOLD),
    Guarantee("delay", "barrier", NOTHING, "", USABLE, ALL, ANSWERING),
    Guarantee("delay", "barrier", "SendTimeout", TRUE, CLOSED, BEGINNING, SILENT),
    Guarantee("split", "barrier", NOTHING, "", USABLE, ALL, ANSWERING),
    Guarantee("split", "barrier", "SendTimeout", TRUE, CLOSED, BEGINNING, SILENT),
    Guarantee("stall", "barrier", "SendTimeout", TRUE, CLOSED, BEGINNING),
    Guarantee("close", "barrier", "LinkError", TRUE, CLOSED, BEGINNING),
    Guarantee("reset", "barrier", "LinkError", TRUE, CLOSED, BEGINNING),
    Guarantee("delay", "acknowledged submission", NOTHING, "", USABLE, ALL),
    Guarantee("split", "acknowledged submission", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "acknowledged submission", "ReplyTimeout", "", LATER, BEGINNING),
    Guarantee("close", "acknowledged submission", "OutcomeUnknown", TRUE, CLOSED, BEGINNING),
    Guarantee("reset", "acknowledged submission", "OutcomeUnknown", TRUE, CLOSED, BEGINNING),
    Guarantee("delay", "batch", NOTHING, "", USABLE, ALL),
    Guarantee("split", "batch", NOTHING, "", USABLE, ALL),
    Guarantee("stall", "batch", "SendTimeout", TRUE, CLOSED, BEGINNING),
    Guarantee("close", "batch", "LinkError", TELLS, CLOSED, BEGINNING),
    Guarantee("reset", "batch", "LinkError", TELLS, CLOSED, BEGINNING),
)


def find(fault: str, place: str, order: str) -> Guarantee:
    """The one that holds."""
    (found,) = (one for one in GUARANTEES if one[:2] == (fault, place) and order in one.orders)
    return found


class Answer(NamedTuple):
    """What is known without any fault when a call has returned, with one setting of the local server.

    Attributes
    ----------
    call : str
    orders : tuple of str
        Settings of the local server with which this holds.
    raised : str
        Class of the exception; empty: none.
    known : str
        About what was submitted before.
    """

    call: str
    orders: tuple[str, ...]
    raised: str
    known: str

    @property
    def line(self) -> str:
        """The row of the document's table."""
        return f"| {' | '.join((self.call, *_shown(self.orders, self.raised), self.known))} |"


FINISHED, READ, UNKNOWN = "carried out", "read by the server, perhaps not carried out yet", "nothing"

ANSWERS = (
    Answer("`barrier()`", ("sequential",), NOTHING, FINISHED),
    Answer("`barrier()`", ("shuffled",), NOTHING, READ),
    Answer("`barrier()`", SILENT, "SendTimeout", UNKNOWN),
    Answer("`barrier(check=, expect=)`", ANSWERING, NOTHING, FINISHED),
    Answer("`barrier(check=, expect=)`", SILENT, "SendTimeout", UNKNOWN),
    Answer("`flush()` in acknowledged mode", ORDERS, NOTHING, FINISHED),
    Answer("`run` of a synchronous session", ORDERS, NOTHING, FINISHED),
    Answer("`run` of an asynchronous session", ORDERS, NOTHING, UNKNOWN),
)

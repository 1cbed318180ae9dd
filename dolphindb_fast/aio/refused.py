"""Names of `dolphindb_fast.Session` that sessions and pools for asyncio do not have, and what they say instead."""

from __future__ import annotations

from .. import refused

__all__ = ["POOL", "SESSION", "RefusedMethods", "RefusedPoolMethods"]

_SCRIPT = "is not here; run() takes the same call as a script"
_KEPT = "is not here; SubmissionError of flush() lists the submissions that failed, and what they were made of is yours"

#: method or attribute -> what is said of it
SESSION = {
    **refused.SESSION,
    **dict.fromkeys(
        (
            "clearAllCache",
            "database",
            "dropDatabase",
            "dropPartition",
            "dropTable",
            "existsDatabase",
            "existsTable",
            "runFile",
            "undef",
            "undefAll",
        ),
        _SCRIPT,
    ),
    **dict.fromkeys(
        ("convertDatabase", "convertDatetime64", "setTimeout"),
        "is not here; that of dolphindb_fast.Session needs no connection, and setTimeout counts here too",
    ),
    **dict.fromkeys(("resubmit", "unacknowledged"), _KEPT),
    **dict.fromkeys(("getInitScript", "setInitScript"), "is not here; give startup to connect()"),
    "barrier": "is not here; without enableASYNC each call has its reply, and flush() waits for those of submissions",
    "batch": "is not here; submit() does not wait for replies, and what the socket does not take leaves together",
    "getSessionId": "is not here; use session_id",
    "isClosed": "is not here; use is_closed",
    "is_alive": "is not here; is_open says whether a fault was seen, and run() asks the server",
    "is_busy": "is not here; inFlight says how many calls are under way",
    "prepare": "is not here; run() and submit() take the function and the frame",
    "report_stats": "is not here; a task can read stats as often as it likes",
}
POOL = {
    **dict.fromkeys(("call", "exec"), "is not here; use run()"),
    **dict.fromkeys(("barrier", "batch"), "is not here; use flush()"),
    "login": "is not here; give userid and password to the pool, so that each connection logs in",
    "upload": "is not here; a variable lives on one connection: give what is needed as arguments, or use a Session",
}


class RefusedMethods:
    """Methods of `dolphindb_fast.Session` that raise `NotSupported`."""


class RefusedPoolMethods:
    """Methods of `Session` that raise `NotSupported`."""


refused.add_methods(RefusedMethods, "aio.Session", SESSION, ("is_alive", "is_busy", "msg_logger"))
refused.add_methods(RefusedPoolMethods, "aio.Pool", POOL)

"""Names of the official client that this package does not have, and what it says when one is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .errors import NotSupported

__all__ = ["MODULE", "RefusedMethods", "SESSION", "add_methods", "refuse"]

_BESIDE = (
    "is not part of dolphindb_fast; the official client can live in the same process: "
    "import dolphindb, and give it a session of its own for this"
)
_LATER = "is not built yet"


def _names(names: str, what: str, reason: str) -> dict[str, str]:
    return {name: f"{what} {reason}" for name in names.split()}


#: name in the official module -> what is said of it, later first
LATER = {
    **_names(
        "BatchTableWriter",
        "(a deprecated background writer)",
        _LATER + "; use MultithreadedTableWriter",
    ),
    **_names(
        "SimpleDBConnectionPool SimpleDBConnectionPoolConfig",
        "(connection pools)",
        _LATER + "; one session for each thread serves as well",
    ),
    **_names(
        "DBConnection ConnectionSetting ConnectionConfig", "(the spelling beside Session)", _LATER + "; use Session"
    ),
    **_names("set_dtypes_for_arrow", "(types for pyarrow tables)", _LATER),
    **_names("global_config", "(settings of the process)", _LATER + "; Session.setTimeout sets the time-out"),
}
NOT_HERE = {
    **_names(
        "Table TableUpdate TableDelete TableGroupby TablePivotBy TableContextby Counter Vector FilterCond "
        "wavg wsum covar corr count max min sum sum2 size avg std prod var first last eachPre cumsum cumprod cummax "
        "cummin",
        "(the query builder)",
        _BESIDE,
    ),
    **_names(
        "StreamDeserializer streamDeserializer StreamingClient StreamingClientConfig SubscriptionConfig "
        "ThreadedClient ThreadedStreamingClientConfig ThreadPooledClient ThreadPooledStreamingClientConfig",
        "(streaming subscriptions)",
        _BESIDE,
    ),
    **_names("cep", "(complex event processing)", _BESIDE),
    **_names("io", "(files of objects)", _BESIDE),
    **_names("logger", "(loggers of its own)", "is not part of dolphindb_fast, which uses the module logging"),
}
MODULE = {**LATER, **NOT_HERE}

#: method or attribute of the official Session -> what is said of it
SESSION_LATER = {
    **_names("enableJobCancellation", "(cancelling jobs by Ctrl-C)", _LATER),
    **_names("hashBucket", "(hash partitioning on the client)", _LATER + '; run("hashBucket", obj, n) asks the server'),
}
SESSION_NOT_HERE = {
    **_names(
        "table loadTable loadTableBySQL loadText loadTextEx ploadText saveTable",
        "(a Table of the query builder)",
        _BESIDE + "; run() takes the same call as a script",
    ),
    **_names("enableStreaming subscribe unsubscribe getSubscriptionTopics", "(streaming subscriptions)", _BESIDE),
    **_names(
        "msg_logger", "(a logger of its own)", "is not part of dolphindb_fast; show_output=False keeps scripts quiet"
    ),
}
SESSION = {**SESSION_LATER, **SESSION_NOT_HERE}


def refuse(name: str, reason: str) -> NoReturn:
    """Raise `NotSupported` for a name of the official client."""
    raise NotSupported(f"{name} {reason}")


class RefusedMethods:
    """Methods of the official Session that raise `NotSupported`."""


def _method(owner: str, name: str, reason: str) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(f"{owner}.{name}", reason)

    refused.__name__ = name
    refused.__doc__ = f"Raises `NotSupported`: {reason}."
    return refused


def add_methods(target: type, owner: str, reasons: dict[str, str], attributes: tuple[str, ...] = ()) -> None:
    """Have `target` refuse these names. An attribute raises when it is read, a method when it is called, from the class
    or from an object."""
    for name, reason in reasons.items():
        function = _method(owner, name, reason)
        setattr(target, name, property(function) if name in attributes else function)


add_methods(RefusedMethods, "Session", SESSION, ("msg_logger",))

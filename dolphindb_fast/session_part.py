"""What the classes that a `session.Session` is made of have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._core import SessionCore

if TYPE_CHECKING:
    import ssl

    from ._core import _AcknowledgedLink
    from ._decode import Reader
    from .credentials import Credentials
    from .reconnect import Node, Recovery
    from .reporting import StatsReport

__all__ = ["SessionPart"]


class SessionPart(SessionCore):
    """The attributes of a session, and methods of one part of it that another one calls."""

    # what the constructor was given
    keep_alive_time: int | None
    enableChunkGranularityConfig: bool
    show_output: bool
    #: asynchronous to the server: nothing is answered
    _enable_async: bool
    _acknowledge: bool
    _keeps: bool
    _compress: bool
    _tls_context: ssl.SSLContext | None
    _tls_unverified: bool
    #: flags of requests, and of those that are not answered in Arrow
    _flags: int
    _plain_flags: int
    #: `pyarrow.Table`, or None
    _arrow_table: Any
    _read_reply: Callable[[Reader], Any]
    _convert: Callable[[Any], Any]

    # what `connect` was given, and the connection it made
    startup: str
    _host: str
    _port: int
    _session_id: str
    _closed: bool
    #: None again when nobody will ask for the password any more
    _credentials: Credentials
    _timeouts: tuple[float | None, float | None, int]
    _recovery: Recovery | None
    _may_repeat: bool
    _reconnects: int
    #: None before `connect`
    _reader: Reader
    _peer: str
    #: an insecure connection was told of
    _warned: bool
    _accounts: _AcknowledgedLink
    _reports: list[StatsReport]

    if TYPE_CHECKING:

        @property
        def host(self) -> str: ...
        @property
        def port(self) -> int: ...
        @property
        def session_id(self) -> str: ...
        def isClosed(self) -> bool: ...
        def _receive(self, kind: str, script: str) -> Any: ...
        def _run_with(
            self,
            script: str,
            args: tuple[object, ...],
            function: bool,
            clearMemory: bool | None,
            pickleTableToList: bool | None,
            priority: int | None,
            parallelism: int | None,
            fetchSize: int | None,
            disableDecimal: bool | None,
            lossless: bool | None = None,
            raw: bool | None = None,
        ) -> Any: ...
        def _show(self, message: bytes) -> None: ...
        def _result(self, value: Any, forms: dict[str, bool] | None = None) -> Any: ...
        def _unsolicited(self, data: bytes) -> None: ...
        def _connect_to(self, node: Node, asynchronous: bool) -> None: ...
        def _make_ready(self) -> None: ...
        def _ask_plainly(self, script: str) -> Any: ...
        def _begin_accounts(self) -> None: ...
        def _answered(self, value: Any) -> Any: ...
        def _finish(self, timeout: float | None) -> None: ...
        def _wait_for_replies(self, timeout: float | None) -> None: ...

"""What the classes that a `session.Session` for asyncio is made of have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._core import Submission, _LoopLink, _Request
    from .wire import Wire

__all__ = ["SessionPart"]


class SessionPart:
    """The attributes of a session, and methods of one part of it that another one calls."""

    #: the session beneath, which makes requests, and its link
    _wire: Wire
    _link: _LoopLink
    #: nothing is answered
    _asynchronous: bool

    # what `connect` was given, and the connection it made
    #: None before
    _loop: asyncio.AbstractEventLoop
    _read_timeout: float | None
    _write_timeout: float | None
    _connecting: bool
    #: connected, for everybody
    _ready: bool
    #: watched by the loop
    _descriptor: int
    #: of who connects and waits for bytes
    _change: asyncio.Future[None] | None

    if TYPE_CHECKING:

        @property
        def host(self) -> str: ...
        @property
        def port(self) -> int: ...
        def _enter_loop(self, loop: asyncio.AbstractEventLoop) -> None: ...
        def _readable(self) -> None: ...
        def _changed(self) -> None: ...
        def _detach(self) -> None: ...
        def _after_sending(self) -> None: ...
        def _give_up(self, error: Exception) -> None: ...
        def _close(self) -> None: ...
        def _check(self, open: bool = True) -> None: ...
        async def _carry_out(self, request: _Request) -> Any: ...
        async def _hand_over(self, request: _Request, reply: asyncio.Future[Any] | None) -> Submission | None: ...

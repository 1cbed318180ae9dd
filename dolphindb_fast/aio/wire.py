"""`Wire`: the session of the other kind within one for asyncio."""

from __future__ import annotations

from typing import Any

from .._core import _LoopLink, _Request
from ..errors import NotSupported
from ..session import Session

__all__ = ["Wire"]

NO_CHOICES = (None,) * 9


class Wire(Session):
    """Where calls end in a request that is not sent yet."""

    _link_class = _LoopLink

    def _request(
        self, kind: str, script: str, args: tuple[object, ...], flags: bytes, options: dict[str, bool] | None
    ) -> _Request:
        if kind == "runBlock":
            raise NotSupported("aio: fetchSize (results in blocks); ask for parts of the table, with limit")
        return _Request(self, kind, script, args, flags, options)

    def _upload(self, variables: dict[str, object]) -> _Request:
        return _Request(self, "upload", "", (variables,), None, None)

    def request(self, script: str, args: tuple[object, ...], *choices: Any) -> _Request:
        """What `run` would send; `choices` are its keyword arguments, in their order."""
        if choices == NO_CHOICES:
            return _Request(self, "call" if args else "exec", script, args, None, None)
        request: _Request = self._run_with(script, args, bool(args), *choices)
        return request

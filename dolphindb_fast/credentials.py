"""User name and password: one holder that shows the password to nobody but the login."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from .errors import UsageError

__all__ = ["Credentials", "is_loopback"]


def _fault_of(text: object) -> str:
    """Why a text can't stand in a line of a request, without the text itself; empty if it can."""
    if not isinstance(text, str):
        return f"must be str, not {type(text).__name__}"
    if "\n" in text or "\0" in text:
        return "holds a newline or NUL character, which would break the request"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "holds a lone surrogate, which is no character and has no bytes"
    return ""


def is_loopback(address: str) -> bool:
    """Whether a numeric address never leaves this machine."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


class Credentials:
    """User name and password of a session.

    Printing, copying and pickling it gives the user name only.

    Attributes
    ----------
    userid : str
        Empty: anonymous.
    """

    __slots__ = ("_reveal", "userid")
    _reveal: Callable[[], str]

    def __init__(self, userid: str | None, password: str | None) -> None:
        self.userid = userid = userid or ""
        secret = password or ""
        password = None
        # in a closure, where neither vars() nor a debugger's list of attributes shows it
        self._reveal = lambda: secret
        faults = ("userid", _fault_of(userid)), ("password", _fault_of(secret))
        for name, fault in faults:
            if fault:
                # tracebacks may be shown with the values of variables
                del secret
                raise UsageError(f"{name} {fault}")

    def reveal(self) -> str:
        """The password, for the login and nothing else."""
        return self._reveal()

    def redact(self, text: str) -> str:
        """`text` without the password, should a server repeat it."""
        secret = self._reveal()
        return text.replace(secret, "***") if secret else text

    def __repr__(self) -> str:
        return f"Credentials({self.userid!r}, ***)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Credentials, (self.userid, None)

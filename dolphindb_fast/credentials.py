"""User name and password: one holder that shows the password to nobody but the login."""
from __future__ import annotations

import ipaddress

from .errors import UsageError

__all__ = ["Credentials", "is_loopback", "plain_text"]


def plain_text(what: str, text: str | None) -> str:
    """Text that may stand in a line of a request; None is empty. No message holds the text itself."""
    if text is None:
        return ""
    if not isinstance(text, str):
        raise UsageError(f"{what} must be str, not {type(text).__name__}")
    if "\n" in text or "\0" in text:
        raise UsageError(f"{what} holds a newline or NUL character, which would break the request")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{what} holds a lone surrogate, which is no character and has no bytes")
    return text


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

    def __init__(self, userid: str | None, password: str | None) -> None:
        self.userid = plain_text("userid", userid)
        secret = plain_text("password", password)
        # in a closure, where neither vars() nor a debugger's list of attributes shows it
        self._reveal = lambda: secret

    def reveal(self) -> str:
        """The password, for the login and nothing else."""
        return self._reveal()

    def redact(self, text: str) -> str:
        """`text` without the password, should a server repeat it."""
        secret = self._reveal()
        return text.replace(secret, "***") if secret else text

    def __repr__(self) -> str:
        return f"Credentials({self.userid!r}, ***)"

    def __reduce__(self):
        return Credentials, (self.userid, None)

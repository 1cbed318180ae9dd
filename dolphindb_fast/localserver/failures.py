"""What a script can fail with: always an error line for the client, never a traceback."""

from __future__ import annotations

from ..errors import ServerError

__all__ = ["ScriptError", "refused"]


class ScriptError(ServerError):
    """A script, a call or an append that failed; the text is the server's error line."""

    def __init__(self, text: str) -> None:
        super().__init__(text, text)


def refused(what: str) -> ScriptError:
    """The answer to everything outside the subset: its name, and where it would work."""
    return ScriptError(f"{what} is not part of the local server's subset; run it on a DolphinDB server")

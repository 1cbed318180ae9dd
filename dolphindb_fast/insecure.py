"""Connections that others can read: what is said about them."""

from __future__ import annotations

import os
import sys
import warnings

__all__ = ["CLEAR_TEXT", "InsecureConnectionWarning", "UNVERIFIED", "warn_insecure"]

UNVERIFIED = (
    "enableSSL=True without sslContext or caFile encrypts but does not verify whom it talks to, as the official "
    "client: whoever answers at that address gets user name and password. Give caFile (or sslContext) to verify."
)
CLEAR_TEXT = (
    "user name and password go to {} in clear text; enableSSL=True with caFile encrypts them, if the server has "
    "enableHTTPS=true"
)


class InsecureConnectionWarning(UserWarning):
    """A connection that others can read, or whose other end nobody verified."""


def warn_insecure(message: str) -> None:
    """Warn the caller of this package, whichever of its functions was called."""
    # the frames between differ: connect is called by the constructor too
    level, frame, package = 1, sys._getframe(), os.path.dirname(__file__) + os.sep
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, InsecureConnectionWarning, stacklevel=level)

"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""
from __future__ import annotations

from . import settings
from ._core import Encoder, dumps
from .errors import (
    AuthenticationError,
    ConnectError,
    ConversionError,
    LinkError,
    NotSupported,
    ProtocolError,
    SendTimeout,
    ServerError,
    UnsupportedTypeError,
    UsageError,
    ValueRefused,
)
from .session import Session, Stats

__version__ = "0.1.0"

#: the official client's older spelling
session = Session

__all__ = [
    "AuthenticationError",
    "ConnectError",
    "ConversionError",
    "Encoder",
    "LinkError",
    "NotSupported",
    "ProtocolError",
    "SendTimeout",
    "ServerError",
    "Session",
    "Stats",
    "UnsupportedTypeError",
    "UsageError",
    "ValueRefused",
    "dumps",
    "session",
    "settings",
]

"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""
from __future__ import annotations

from . import settings

try:
    from ._core import Encoder, dumps
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._core":
        raise
    raise ImportError(
        f"dolphindb_fast was imported from {__path__[0]}, where its compiled part is missing: this is the source "
        "folder. Run Python from another folder, or build here with: pip install -e ."
    ) from None
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
from .result import loads
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
    "loads",
    "session",
    "settings",
]

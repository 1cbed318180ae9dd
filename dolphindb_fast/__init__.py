"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""
from __future__ import annotations

from . import refused, settings

try:
    from ._core import Columns, Encoder, Submission, TypedFrame, dumps, table, typed
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._core":
        raise
    raise ImportError(
        f"dolphindb_fast was imported from {__path__[0]}, where its compiled part is missing: this is the source "
        "folder. Run Python from another folder, or build here with: pip install -e ."
    ) from None
from .acknowledge import Unacknowledged
from .blocks import BlockReader
from .errors import (
    AuthenticationError,
    CertificateError,
    ConnectError,
    ConversionError,
    LinkError,
    Mismatch,
    NotSupported,
    OutcomeUnknown,
    ProtocolError,
    ReplyTimeout,
    SendTimeout,
    ServerError,
    SubmissionError,
    UnsupportedTypeError,
    UsageError,
    ValueRefused,
)
from .result import loads
from .scripts import Database, month
from .session import Session, Stats
from .tls import InsecureConnectionWarning
from .verify import _verify_first_requests, verify

__version__ = "0.1.0"

#: as in the official client: what this package is called
name = "dolphindb_fast"
#: the official client's older spelling
session = Session


def __getattr__(name: str):
    if name in refused.MODULE:
        refused.refuse(name, refused.MODULE[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_verify_first_requests()

__all__ = [
    "AuthenticationError",
    "BlockReader",
    "CertificateError",
    "Columns",
    "ConnectError",
    "ConversionError",
    "Database",
    "Encoder",
    "InsecureConnectionWarning",
    "LinkError",
    "Mismatch",
    "NotSupported",
    "OutcomeUnknown",
    "ProtocolError",
    "ReplyTimeout",
    "SendTimeout",
    "ServerError",
    "Session",
    "Stats",
    "Submission",
    "SubmissionError",
    "TypedFrame",
    "Unacknowledged",
    "UnsupportedTypeError",
    "UsageError",
    "ValueRefused",
    "dumps",
    "loads",
    "month",
    "name",
    "session",
    "settings",
    "table",
    "typed",
    "verify",
]

"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""
from __future__ import annotations

from typing import NoReturn

from . import refused, settings

try:
    from ._core import Columns, Encoder, Prepared, Submission, TypedFrame, dumps, table, typed
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._core":
        raise
    raise ImportError(
        f"dolphindb_fast was imported from {__path__[0]}, where its compiled part is missing: this is the source "
        "folder. Run Python from another folder, or build here with: pip install -e ."
    ) from None
from .acknowledge import Unacknowledged
from .appender import TableAppender, TableUpserter
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
    QueueFull,
    ReplyTimeout,
    SendTimeout,
    ServerError,
    SubmissionError,
    UnsupportedTypeError,
    UsageError,
    ValueRefused,
)
from .insecure import InsecureConnectionWarning
from .partitioned import PartitionedTableAppender
from .pool import DBConnectionPool
from .result import loads
from .scripts import Database, month
from .session import Session, Stats
from .writer import (
    MultithreadedTableWriter,
    MultithreadedTableWriterStatus,
    MultithreadedTableWriterThreadStatus,
)
from .verify import _verify_first_requests, verify

__version__ = "0.1.0"

#: as in the official client: what this package is called
name = "dolphindb_fast"
#: the official client's other spellings
session = Session
AutoFitTableAppender = tableAppender = TableAppender
AutoFitTableUpserter = tableUpsert = TableUpserter


def __getattr__(name: str) -> NoReturn:
    if name in refused.MODULE:
        refused.refuse(name, refused.MODULE[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_verify_first_requests()

__all__ = [
    "AuthenticationError",
    "AutoFitTableAppender",
    "AutoFitTableUpserter",
    "BlockReader",
    "CertificateError",
    "Columns",
    "ConnectError",
    "ConversionError",
    "DBConnectionPool",
    "Database",
    "Encoder",
    "InsecureConnectionWarning",
    "LinkError",
    "Mismatch",
    "MultithreadedTableWriter",
    "MultithreadedTableWriterStatus",
    "MultithreadedTableWriterThreadStatus",
    "NotSupported",
    "OutcomeUnknown",
    "PartitionedTableAppender",
    "Prepared",
    "ProtocolError",
    "QueueFull",
    "ReplyTimeout",
    "SendTimeout",
    "ServerError",
    "Session",
    "Stats",
    "Submission",
    "SubmissionError",
    "TableAppender",
    "TableUpserter",
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
    "tableAppender",
    "tableUpsert",
    "typed",
    "verify",
]

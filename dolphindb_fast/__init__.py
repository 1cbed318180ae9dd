"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

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
from .result import loads
from .scripts import Database, month
from .session import Session, Stats

if TYPE_CHECKING:
    from .appender import (
        AutoFitTableAppender,
        AutoFitTableUpserter,
        TableAppender,
        TableUpserter,
        tableAppender,
        tableUpsert,
    )
    from .partitioned import PartitionedTableAppender
    from .pool import DBConnectionPool
    from .verifying import verify
    from .writer import (
        MultithreadedTableWriter,
        MultithreadedTableWriterStatus,
        MultithreadedTableWriterThreadStatus,
    )

__version__ = "0.1.0"

#: as in the official client: what this package is called
name = "dolphindb_fast"
#: the official client's other spelling
session = Session


#: what is imported when it is asked for, and where it is: all of it takes longer (13 ms) than the rest of this
#: package (9)
_LATER = {
    "AutoFitTableAppender": "appender",
    "AutoFitTableUpserter": "appender",
    "DBConnectionPool": "pool",
    "MultithreadedTableWriter": "writer",
    "MultithreadedTableWriterStatus": "writer",
    "MultithreadedTableWriterThreadStatus": "writer",
    "PartitionedTableAppender": "partitioned",
    "TableAppender": "appender",
    "TableUpserter": "appender",
    "tableAppender": "appender",
    "tableUpsert": "appender",
    "verify": "verifying",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        found = globals()[name] = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
        return found
    if name in refused.MODULE:
        refused.refuse(name, refused.MODULE[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


if os.environ.get("DOLPHINDB_FAST_VERIFY"):
    importlib.import_module(".verifying", __name__).verify_first_requests(os.environ["DOLPHINDB_FAST_VERIFY"])

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

"""What several commands need: server arguments, one-line failures, connecting."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..session import Session

DEFAULT_PORT = 8848


def fail(message: object, code: int) -> int:
    """Print one line on stderr; `code`."""
    print("dolphindb-fast: " + " ".join(str(message).split()), file=sys.stderr)
    return code


def missing_extra(error: ModuleNotFoundError) -> int:
    """The failure for an absent extra; an `error` about something else is raised again."""
    if (error.name or "").partition(".")[0] not in ("lark", "rich"):
        raise error
    return fail(f"{error.name} is not installed; the extra 'local' brings it, and so does: pip install lark rich", 2)


def port_number(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port: they go up to 65535")
    return number


def unreadable(name: str, error: Exception) -> int:
    """The failure for a file that can't be read."""
    reason = error.strerror if isinstance(error, OSError) else None
    return fail(f"can't read {name}: {reason or error}", 2)


def add_server_arguments(parser: argparse.ArgumentParser, *, host: str | None, port: int | None) -> None:
    default = f" (default {host})" if host else ""
    parser.add_argument("--host", default=host, help="host name or address" + default)
    parser.add_argument("--port", type=port_number, default=port, help=f"port (default {port or DEFAULT_PORT})")
    parser.add_argument(
        "--user", default=os.environ.get("DOLPHINDB_FAST_USER"), help="user name (or DOLPHINDB_FAST_USER)"
    )
    parser.add_argument(
        "--password", default=os.environ.get("DOLPHINDB_FAST_PASSWORD"), help="(or DOLPHINDB_FAST_PASSWORD)"
    )


def connect(host: str, port: int, user: str | None, password: str | None, **options: Any) -> Session:
    """A connected session of this package; `options` go to its constructor."""
    from .. import Session

    if password and not user:
        raise UsageError("a password without a user name; give --user, too")
    session = Session(**options)
    try:
        session.connect(host, port, user or "", password or "")
    except BaseException:
        session.close()
        raise
    return session

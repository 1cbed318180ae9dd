"""Run the local test server (no database) until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import logging
import sys

from ._shared import DEFAULT_PORT, fail, missing_extra, port_number

NOTICE = """\
This is the local test server of dolphindb_fast, not a DolphinDB server: its tables live in memory, and it
understands a small part of the script language. Ctrl-C ends it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=DEFAULT_PORT, help="port (default 8848; 0: any free one)")
    parser.add_argument(
        "--order",
        default="sequential",
        metavar="ORDER",
        help="asynchronous tasks: sequential (default), shuffled, or unanswered (sequential, and synchronous "
        "requests on an asynchronous connection get no answer)",
    )
    parser.add_argument(
        "--delay", type=float, default=0.0, metavar="SECONDS", help="how long each request waits before it runs"
    )
    # for a parent process: the server ends with it, however it ends
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def execute(options: argparse.Namespace) -> int:
    try:
        from ..localserver import LocalServer
    except ModuleNotFoundError as error:
        return missing_extra(error)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    server = LocalServer(options.host, options.port, order=options.order, delay=options.delay)
    try:
        server.start()
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            reason = "port in use; give another with --port, 0 for any free one"
        return fail(f"can't listen on {options.host}:{options.port}: {reason}", 2)
    print(f"listening on {server.host}:{server.port}", flush=True)
    print(NOTICE, flush=True)
    try:
        if options.until_stdin_closes:
            sys.stdin.read()
        else:
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
    return 0

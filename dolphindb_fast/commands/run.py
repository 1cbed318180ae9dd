"""Send a script file to a server and print its result."""

from __future__ import annotations

import argparse
import sys

from ..errors import ConnectError, LinkError, NotSupported, ServerError
from ._shared import DEFAULT_PORT, add_server_arguments, connect, fail, unreadable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="script, UTF-8; - reads standard input")
    add_server_arguments(parser, host="localhost", port=DEFAULT_PORT)


def read_script(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    with open(name, encoding="utf-8") as file:
        return file.read()


def execute(options: argparse.Namespace) -> int:
    try:
        script = read_script(options.file)
    except (OSError, UnicodeDecodeError) as error:
        return unreadable(options.file, error)
    try:
        session = connect(options.host, options.port, options.user, options.password)
    except ConnectError as error:
        return fail(error, 2)
    try:
        result = session.run(script)
    except ServerError as error:
        return fail(error.serverText or error, 1)
    except (LinkError, NotSupported) as error:
        return fail(error, 1)
    finally:
        session.close()
    if result is not None:
        print(result)
    return 0

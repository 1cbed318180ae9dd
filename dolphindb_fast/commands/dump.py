"""Print recorded wire bytes for a person: offset, bytes, meaning."""

from __future__ import annotations

import argparse
import sys

from ._shared import fail, unreadable
from ._walk import Stopped, Stretch, walk

SHOWN_BYTES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="requests, replies or objects; - reads standard input")


def read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def render(stretch: Stretch) -> str:
    """One line: offset, the first bytes, how many there are, meaning."""
    shown = stretch.data[:SHOWN_BYTES].hex(" ") + (".." if len(stretch.data) > SHOWN_BYTES else "")
    meaning = "".join(c if c.isprintable() else "?" for c in stretch.meaning)
    return f"{stretch.offset:08x}  {shown:<32}{len(stretch.data):>8}  {'  ' * stretch.depth}{meaning}"


def execute(options: argparse.Namespace) -> int:
    try:
        data = read(options.file)
    except OSError as error:
        return unreadable(options.file, error)
    print(f"{'offset':<10}{'first bytes':<32}{'size':>8}  meaning")
    try:
        for stretch in walk(data):
            print(render(stretch))
    except Stopped as stopped:
        sys.stdout.flush()
        return fail(f"understood no further: {stopped}", 1)
    return 0

"""``dolphindb-fast`` and ``python -m dolphindb_fast``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import __version__
from .commands import demo, dump, probe, run, serve
from .commands._shared import fail
from .errors import UsageError

COMMANDS = {"demo": demo, "serve": serve, "run": run, "dump": dump, "probe": probe}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="dolphindb-fast", description="A fast DolphinDB client for pandas.")
    parser.add_argument("--version", action="version", version=f"dolphindb-fast {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(execute=module.execute)
    options = parser.parse_args(argv)
    try:
        code: int = options.execute(options)
        return code
    except UsageError as error:
        return fail(error, 2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader of our output (head, less) has gone; leave nothing for the interpreter to flush
        sys.stdout = None
        return 0


if __name__ == "__main__":
    sys.exit(main())

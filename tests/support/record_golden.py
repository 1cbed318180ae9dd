"""Record the golden file from the installed official client: ``python -m tests.support.record_golden``.

Needs pandas 3 and pyarrow, so that every storage of text is there. With ``--check`` nothing is written:
names that are here and differ from the file are printed, and the exit code says whether there were any.
Run that with other versions of pandas before a new file is committed: bytes that depend on the version
have no place in it.
"""

from __future__ import annotations

import sys

from . import golden, oracle
from .frames import CASES
from .recorder import Recorder


def record() -> dict[str, str]:
    """Fingerprints of all frames whose bytes the official client itself can give."""
    entries = {}
    with Recorder(enableASYNC=True) as recorder:
        for case in CASES:
            if case.golden and not case.differs:
                entries[case.name] = golden.fingerprint(oracle.request(recorder, case, case.build()).objects)
    return entries


def main(arguments: list[str]) -> int:
    entries = record()
    if arguments != ["--check"]:
        golden.save(entries)
        print(f"{len(entries)} frames recorded in {golden.PATH}")
        return 0
    known = golden.load()
    different = [name for name, print_ in entries.items() if known.get(name) != print_]
    for name in different:
        print("missing " if name not in known else "different ", name)
    print(f"{len(entries)} frames, {len(different)} not as in {golden.PATH}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

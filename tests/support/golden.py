"""The golden file: name of a frame -> the bytes the official client sent for it.

Short objects are kept as hex, longer ones as their length and the first half of their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["PATH", "fingerprint", "load", "save"]

PATH = Path(__file__).parent.parent / "golden" / "frames.json"
_SHORT = 48


def fingerprint(data: bytes | memoryview) -> str:
    """`data` as the golden file writes it."""
    data = bytes(data)
    if len(data) <= _SHORT:
        return data.hex()
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()[:32]}"


def load() -> dict[str, str]:
    return json.loads(PATH.read_text(encoding="ascii"))


def save(entries: dict[str, str]) -> None:
    PATH.write_text(json.dumps(dict(sorted(entries.items())), indent=0) + "\n", encoding="ascii")

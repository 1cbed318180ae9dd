"""A signal whose handler raises."""

from __future__ import annotations

__all__ = ["Interrupted"]


class Interrupted(Exception):
    """Raised by the handler of the fixture `alarm`."""

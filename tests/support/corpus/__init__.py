"""The upload corpus: objects by kind, each a named case that says what must become of it."""

from __future__ import annotations

from . import (
    arrays,
    containers,
    frame_arrow,
    frame_forced,
    frame_forced_objects,
    frame_objects,
    frame_typed,
    frame_vectors,
    scalars,
    sequences,
)
from .case import DIFFERS, EQUAL, EQUIVALENT, REFUSED, Case, available

__all__ = ["BY_NAME", "DIFFERS", "EQUAL", "EQUIVALENT", "EVERY", "REFUSED", "Case"]

_ROOMS = (
    scalars,
    sequences,
    containers,
    arrays,
    frame_typed,
    frame_arrow,
    frame_objects,
    frame_vectors,
    frame_forced,
    frame_forced_objects,
)

#: every case, whether it can be built here or not
EVERY: tuple[Case, ...] = tuple(case for room in _ROOMS for case in room.CASES)
BY_NAME = {case.name: case for case in EVERY if available(case)}
assert len({case.name for case in EVERY}) == len(EVERY), "two cases have one name"

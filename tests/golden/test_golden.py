"""Bytes recorded once from the official client, for machines on which it can't be installed."""

from __future__ import annotations

from support import expected, golden
from support.cases import each
from support.frames import BY_NAME

import dolphindb_fast as ddb

RECORDED = golden.load()
NAMES = [name for name in RECORDED if name in BY_NAME]


@each("name", NAMES)
def test_frame__has_the_recorded_bytes(name):
    frame = BY_NAME[name].build()
    assert golden.fingerprint(ddb.dumps(frame)) == RECORDED[name], "dumps"
    if not name.endswith("-70000"):
        assert golden.fingerprint(expected.frame(frame)) == RECORDED[name], "independent encoder"


def test_every_frame__is_recorded_or_says_why_not():
    missing = [name for name, case in BY_NAME.items() if case.golden and not case.differs and name not in RECORDED]
    assert not missing, "run python -m tests.support.record_golden"

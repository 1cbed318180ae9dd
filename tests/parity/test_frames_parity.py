"""Every frame of the corpus: our bytes, and those of the independent encoder, against the official client's."""

from __future__ import annotations

import pytest
from support import expected, oracle
from support.cases import WIDE, each
from support.frames import BY_NAME

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

# one for all frames, as in a loop: what one frame leaves behind must not reach the next
ENCODER = ddb.Encoder()


# of the large frames those that are sent as they lie; wide: those of every layout
@pytest.mark.wide
@each("name", [name for name in BY_NAME if WIDE or not name.endswith("-70000") or "-contiguous-" in name])
def test_frame__is_sent_as_the_official_client_sends_it(name, ours, official):
    case = BY_NAME[name]
    frame = case.build()
    theirs = oracle.request(official, case, frame)

    assert not oracle.difference(ddb.dumps(frame), theirs.objects), "dumps"
    assert not oracle.difference(ENCODER.encode(frame), theirs.objects), "encode"
    request = ours.run("f", frame)
    assert request.header == theirs.header
    assert request.body == theirs.body
    assert not oracle.difference(request.objects, theirs.objects), "run"
    if not case.differs:
        assert not oracle.difference(expected.frame(frame), theirs.objects), "independent encoder"

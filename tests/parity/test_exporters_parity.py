"""Tables of pyarrow under both clients: refused by the official one, or sent as a stream of Arrow's own."""

from __future__ import annotations

import pytest
from support.recorder import Recorder, official_session, our_session

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys

pa = pytest.importorskip("pyarrow")

TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.mark.official
@pytest.mark.parametrize("value", [TABLE, TABLE.to_batches()[0], TABLE["a"]], ids=["table", "batch", "column"])
def test_official_client__refuses_them(value, official, ours):
    with pytest.raises(RuntimeError):
        official.run("f", value)
    assert ours.object(value) == ddb.dumps(value)


@pytest.mark.official
def test_arrow_protocol__ours_sends_the_same_table_under_each():
    pytest.importorskip("dolphindb")
    with Recorder(official_session, protocol=keys.PROTOCOL_ARROW) as theirs:
        stream = theirs.object(TABLE)
    assert stream[1] == 32 + keys.DF_TABLE and pa.ipc.open_stream(stream[2:]).read_all() == TABLE
    with Recorder(our_session, protocol=keys.PROTOCOL_ARROW) as ours:
        assert ours.object(TABLE) == ddb.dumps(TABLE)

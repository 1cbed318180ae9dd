"""Who is measured: senders that put a frame on a connection, encoders that only make bytes of it.

Every one is a function that raises `Absent` where its package is not installed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import pickle
import socket
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import dolphindb_fast

from . import asynchronous
from .measure import Absent

FUNCTION = "tableInsert{trades}"
#: the session id that the sink gives to everybody
SESSION_ID = "1234567890"
ASYNCHRONOUS, SYNCHRONOUS = 36, 32

OURS, OFFICIAL, SENDALL = "dolphindb_fast", "dolphindb", "sendall"
#: ours, sleeping at once until the reply comes
SLEEPING = "dolphindb_fast, sleeping"
#: ours as `run` encodes: pieces ready to be sent, not one contiguous object
PIECES = "dolphindb_fast, in pieces"
#: ours, every submission answered
ACKNOWLEDGED = "dolphindb_fast, acknowledged"
#: ours, waiting for what was sent
BARRIER, FLUSH = "dolphindb_fast, barrier", "dolphindb_fast, flush"
#: ours, given the same table by another library
POLARS, ARROW = "dolphindb_fast, Polars", "dolphindb_fast, pyarrow"


def request_of(frame: pd.DataFrame, flag: int = ASYNCHRONOUS) -> bytes:
    """The whole request that ``run(FUNCTION, frame)`` sends."""
    body = f"function\n{FUNCTION}\n1\n1".encode()
    head = f"API2 {SESSION_ID} {len(body)} / {flag}_1_4_64__0\n".encode()
    return head + body + dolphindb_fast.dumps(frame)


# -- senders ------------------------------------------------------------------------------------------------


class Sender:
    """A connection to the sink; `block` runs one call for each item and returns the seconds of all."""

    def __init__(self, client, call: Callable):
        self.client = client
        self.call = call

    def block(self, items: list) -> float:
        call, clock = self.call, time.perf_counter
        start = clock()
        for item in items:
            call(FUNCTION, item)
        return clock() - start

    def blocked(self) -> float:
        """Seconds that the client itself says it has waited for the receiver."""
        return 0.0

    def close(self) -> None:
        self.client.close()


class OurSender(Sender):
    def blocked(self) -> float:
        return self.client.stats.blockedSeconds


class BatchSender(OurSender):
    """A block is one ``with session.batch()``; leaving it is part of the block."""

    def block(self, items: list) -> float:
        run, clock = self.call, time.perf_counter
        start = clock()
        with self.client.batch():
            for item in items:
                run(FUNCTION, item)
        return clock() - start


class AcknowledgedSender(OurSender):
    """A block ends when every one of its submissions has its reply."""

    def block(self, items: list) -> float:
        run, clock = self.call, time.perf_counter
        start = clock()
        for item in items:
            run(FUNCTION, item)
        self.client.flush()
        return clock() - start


class PlainSender(Sender):
    """Sends prebuilt requests with Python's ``socket.sendall``; its items are those, not frames."""

    def block(self, items: list) -> float:
        sendall, clock = self.call, time.perf_counter
        start = clock()
        for item in items:
            sendall(item)
        return clock() - start


def open_ours(port: int, asynchronous: bool = True) -> Sender:
    session = dolphindb_fast.Session(enableASYNC=asynchronous)
    session.connect("127.0.0.1", port)
    return OurSender(session, session.run)


def open_sleeping(port: int, asynchronous: bool = True) -> Sender:
    session = dolphindb_fast.Session(enableASYNC=asynchronous, replySpin=0)
    session.connect("127.0.0.1", port)
    return OurSender(session, session.run)


def open_batch(port: int, asynchronous: bool = True) -> Sender:
    if not hasattr(dolphindb_fast.Session, "batch"):
        raise Absent("Session.batch")
    session = open_ours(port).client
    return BatchSender(session, session.run)


def open_acknowledged(port: int, asynchronous: bool = True) -> Sender:
    session = dolphindb_fast.Session(enableASYNC=True, acknowledge=True)
    session.connect("127.0.0.1", port)
    return AcknowledgedSender(session, session.run)


def as_polars(frame: pd.DataFrame):
    """The frame as Polars keeps it: one chunk."""
    try:
        import polars
    except ImportError:
        raise Absent("polars") from None
    columns = {
        name: polars.Series(values.tolist() if values.dtype.kind not in "iufM" else values.to_numpy())
        for name, values in frame.items()
    }
    return polars.DataFrame(columns)


def as_arrow(frame: pd.DataFrame):
    return _pyarrow().Table.from_pandas(frame, preserve_index=False)


#: what the items of a sender are made of frames by, if they are none
ITEMS: dict[str, Callable] = {POLARS: as_polars, ARROW: as_arrow}


def open_official(port: int, asynchronous: bool = True) -> Sender:
    try:
        import dolphindb
    except ImportError:
        raise Absent("dolphindb") from None
    session = dolphindb.Session(enableASYNC=asynchronous, show_output=False)
    if not session.connect("127.0.0.1", port):
        raise ConnectionError("the official client could not connect to the sink")
    return Sender(session, session.run)


def open_plain(port: int, asynchronous: bool = True) -> Sender:
    handle = socket.create_connection(("127.0.0.1", port))
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    handle.sendall(b"API 0 8 / 36_1_4_2\nconnect\n")
    handle.recv(4096)
    return PlainSender(handle, handle.sendall)


SENDERS: dict[str, Callable[..., Sender]] = {
    OURS: open_ours,
    SLEEPING: open_sleeping,
    "batch": open_batch,
    ACKNOWLEDGED: open_acknowledged,
    POLARS: open_ours,
    ARROW: open_ours,
    OFFICIAL: open_official,
    SENDALL: open_plain,
    **asynchronous.SENDERS,
}


# -- encoders: frame -> a function without arguments that encodes it and returns the number of bytes ---------


def encode_ours(frame: pd.DataFrame) -> Callable[[], int]:
    encode = shared_encoder().encode
    return lambda: len(encode(frame))


def produce_ours(frame: pd.DataFrame) -> Callable[[], int]:
    """As `run` encodes: in pieces that are ready to be sent. Columns that lie as on the wire are not copied."""
    produce = shared_encoder()._produce
    return lambda: produce(frame)


_ENCODER: list[dolphindb_fast.Encoder] = []


def shared_encoder() -> dolphindb_fast.Encoder:
    """One encoder for the whole run, as a program has it: its scratch memory is there already."""
    if not _ENCODER:
        _ENCODER.append(dolphindb_fast.Encoder())
    return _ENCODER[0]


_BUFFER: list = []


def encode_questdb(frame: pd.DataFrame) -> Callable[[], int]:
    """``Buffer.dataframe`` into a kept buffer: text as symbols, the first time column as the time.

    It takes Categorical only where pyarrow is; elsewhere it gets the same values as text.
    """
    if not _BUFFER:
        try:
            with warnings.catch_warnings():
                # the module says that another one is recommended for new programs; it is the one with Buffer
                warnings.simplefilter("ignore", DeprecationWarning)
                from questdb.ingress import Buffer
        except ImportError:
            raise Absent("questdb") from None
        _BUFFER.append(Buffer(protocol_version=2))
    buffer = _BUFFER[0]
    if not importlib.util.find_spec("pyarrow"):
        frame = frame.astype({name: "str" for name, kind in frame.dtypes.items() if kind.kind == "O"})
    symbols = [name for name, kind in frame.dtypes.items() if kind.kind not in "biufM"]
    at = next(name for name, kind in frame.dtypes.items() if kind.kind == "M")

    def call() -> int:
        buffer.clear()
        buffer.dataframe(frame, table_name="trades", symbols=symbols, at=at)
        return len(buffer)

    return call


def encode_clickhouse(frame: pd.DataFrame) -> Callable[[], int]:
    """The native insert block of a frame."""
    try:
        from clickhouse_connect.datatypes.registry import get_from_name
        from clickhouse_connect.driver.insert import InsertContext
        from clickhouse_connect.driver.transform import NativeTransform
    except ImportError:
        raise Absent("clickhouse-connect") from None
    named = {"M": "DateTime64(3)", "f": "Float64", "i": "Int64"}
    types = [get_from_name(named.get(dtype.kind, "String")) for dtype in frame.dtypes]
    names = list(frame.columns)

    def call() -> int:
        context = InsertContext("trades", names, types, data=frame)
        return sum(map(len, NativeTransform.build_insert(context)))

    return call


def _pyarrow():
    try:
        import pyarrow
    except ImportError:
        raise Absent("pyarrow") from None
    return pyarrow


def encode_arrow(frame: pd.DataFrame) -> Callable[[], int]:
    """Frame to record batch to IPC bytes."""
    pyarrow = _pyarrow()
    return lambda: pyarrow.RecordBatch.from_pandas(frame, preserve_index=False).serialize().size


def encode_arrow_ready(frame: pd.DataFrame) -> Callable[[], int]:
    """Only ``serialize`` of a record batch that was built before."""
    batch = _pyarrow().RecordBatch.from_pandas(frame, preserve_index=False)
    return lambda: batch.serialize().size


def encode_pickle(frame: pd.DataFrame) -> Callable[[], int]:
    return lambda: len(pickle.dumps(frame, protocol=5))


def encode_memcpy(frame: pd.DataFrame) -> Callable[[], int]:
    """Copying the request's bytes."""
    source = np.frombuffer(dolphindb_fast.dumps(frame), np.uint8)
    target = np.zeros_like(source)
    copy, to, of, size = ctypes.memmove, target.ctypes.data, source.ctypes.data, source.size

    def call(keep=(source, target)) -> int:
        copy(to, of, size)
        return size

    return call


#: name in tables and plots -> encoder
ENCODERS: dict[str, Callable[[pd.DataFrame], Callable[[], int]]] = {
    PIECES: produce_ours,
    OURS: encode_ours,
    "questdb": encode_questdb,
    "clickhouse-connect": encode_clickhouse,
    "pyarrow": encode_arrow,
    "pyarrow, batch ready": encode_arrow_ready,
    "pickle": encode_pickle,
    "memcpy": encode_memcpy,
}

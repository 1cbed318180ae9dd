"""Arrow data made by hand through the C data interface: of any shape, sound or not, counted when released."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Given", "Stream", "View", "views"]


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))
_GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))
_GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))
_GET_ERROR = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Stream))

_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.POINTER(_Schema)),
    ("release", _RELEASE_SCHEMA),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", _RELEASE_ARRAY),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", _GET_SCHEMA),
    ("get_next", _GET_NEXT),
    ("get_last_error", _GET_ERROR),
    ("release", _RELEASE_STREAM),
    ("private_data", ctypes.c_void_p),
]

_api = ctypes.pythonapi
_DESTRUCTOR = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, _DESTRUCTOR)(("PyCapsule_New", _api))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_GetPointer", _api))


@dataclass
class Given:
    """One array, its type, and what is wrong with either."""

    format: str
    buffers: list
    length: int
    null_count: int = 0
    offset: int = 0
    name: str | None = "a"
    children: list = field(default_factory=list)
    dictionary: Given | None = None
    metadata: bytes | None = None
    #: fields of the structs that are set to something else at the end
    array_lies: dict = field(default_factory=dict)
    schema_lies: dict = field(default_factory=dict)

    @classmethod
    def table(cls, *columns: Given, length: int | None = None, **more) -> Given:
        rows = columns[0].length if length is None else length
        return cls("+s", [None], rows, children=list(columns), name="", **more)


def _nothing(_) -> None:
    """Children are released with their parents; this says that they are there."""


_CHILD_SCHEMA, _CHILD_ARRAY = _RELEASE_SCHEMA(_nothing), _RELEASE_ARRAY(_nothing)


class Stream:
    """An exporter of batches, each a `Given` of one type.

    Parameters
    ----------
    batches
        What `get_next` yields, one after the other. The first one has the schema.
    fails
        Number of the batch instead of which `get_next` fails; -1: `get_schema` does.
    ends
        How many batches there are; default all.
    kind
        Which protocol methods there are: "stream", "array" or "both".
    capsule
        Called instead of the method, for what is no capsule.
    """

    def __new__(cls, *batches, kind="stream", **more):
        methods = {
            "stream": ["__arrow_c_stream__"],
            "array": ["__arrow_c_array__"],
            "both": ["__arrow_c_stream__", "__arrow_c_array__"],
        }[kind]
        exported = {name: getattr(cls, name.strip("_")) for name in methods}
        return object.__new__(type("Exporter", (cls,), exported))

    def __init__(
        self,
        *batches,
        fails=None,
        ends=None,
        kind="stream",
        lies=None,
        message=b"no more to be had",
        capsule=None,
    ):
        self.batches, self.fails, self.lies, self.message = list(batches), fails, lies or {}, message
        self.capsule, self.ends = capsule, ends
        self.released = Counter()
        self.made = Counter()
        self.kept = []

    # structs

    def _keep(self, thing):
        self.kept.append(thing)
        return thing

    def _release(self, kind):
        def release(pointer):
            self.released[kind] += 1
            pointer[0].release = type(pointer[0].release)()

        return release

    def _schema(self, given: Given, target: _Schema, root: bool = True) -> None:
        target.format = self._keep(given.format.encode())
        target.name = None if given.name is None else self._keep(given.name.encode())
        target.metadata = given.metadata
        target.n_children = len(given.children)
        if given.children:
            children = (ctypes.POINTER(_Schema) * len(given.children))()
            for place, child in enumerate(given.children):
                children[place] = ctypes.pointer(self._keep(_Schema()))
                self._schema(child, children[place][0], False)
            target.children = self._keep(children)
        if given.dictionary is not None:
            target.dictionary = ctypes.pointer(self._keep(_Schema()))
            self._schema(given.dictionary, target.dictionary[0], False)
        target.release = self._keep(_RELEASE_SCHEMA(self._release("schema"))) if root else _CHILD_SCHEMA
        self.made["schema"] += root
        for name, value in given.schema_lies.items():
            setattr(target, name, value)

    def _array(self, given: Given, target: _Array, root: bool = True) -> None:
        target.length, target.null_count, target.offset = given.length, given.null_count, given.offset
        target.n_buffers = len(given.buffers)
        # one of exactly its size each: whoever reads behind it is seen by a sanitizer
        buffers = [None if data is None else ctypes.create_string_buffer(data, len(data)) for data in given.buffers]
        addresses = (ctypes.c_void_p * max(1, len(buffers)))()
        for place, buffer in enumerate(self._keep(buffers)):
            addresses[place] = None if buffer is None else ctypes.addressof(buffer)
        target.buffers = self._keep(addresses)
        target.n_children = len(given.children)
        if given.children:
            children = (ctypes.POINTER(_Array) * len(given.children))()
            for place, child in enumerate(given.children):
                children[place] = ctypes.pointer(self._keep(_Array()))
                self._array(child, children[place][0], False)
            target.children = self._keep(children)
        if given.dictionary is not None:
            target.dictionary = ctypes.pointer(self._keep(_Array()))
            self._array(given.dictionary, target.dictionary[0], False)
        target.release = self._keep(_RELEASE_ARRAY(self._release("array"))) if root else _CHILD_ARRAY
        self.made["array"] += root
        for name, value in given.array_lies.items():
            setattr(target, name, value)

    # capsules

    def _capsule(self, struct, name: bytes):
        def destroy(capsule):
            pointer = ctypes.cast(_pointer(capsule, name), ctypes.POINTER(type(struct)))
            if pointer[0].release:
                pointer[0].release(pointer)

        return _new(ctypes.addressof(self._keep(struct)), self._keep(name), self._keep(_DESTRUCTOR(destroy)))

    def arrow_c_stream(self, requested_schema=None):
        if self.capsule:
            return self.capsule()
        stream = _Stream()
        left = iter(enumerate(self.batches[: self.ends]))

        def get_schema(_, target):
            if self.fails == -1:
                return 5
            self._schema(self.batches[0], target[0])
            return 0

        def get_next(_, target):
            number, given = next(left, (len(self.batches), None))
            if number == self.fails:
                return 5
            if given is None:
                target[0].release = _RELEASE_ARRAY()
            else:
                self._array(given, target[0])
            return 0

        message = None if self.message is None else self._keep(ctypes.create_string_buffer(self.message))
        stream.get_schema = self._keep(_GET_SCHEMA(get_schema))
        stream.get_next = self._keep(_GET_NEXT(get_next))
        stream.get_last_error = self._keep(_GET_ERROR(lambda _: message and ctypes.addressof(message)))
        stream.release = self._keep(_RELEASE_STREAM(self._release("stream")))
        self.made["stream"] += 1
        for name, value in self.lies.items():
            setattr(stream, name, value)
        return self._capsule(stream, b"arrow_array_stream")

    def arrow_c_array(self, requested_schema=None):
        if self.capsule is not None:
            return self.capsule()
        if len(self.batches) != 1:
            raise ValueError("several chunks")
        schema, array = _Schema(), _Array()
        self._schema(self.batches[0], schema)
        self._array(self.batches[0], array)
        return self._capsule(schema, b"arrow_schema"), self._capsule(array, b"arrow_array")


@dataclass
class View:
    """One row of text in a view that lies about where its bytes are."""

    size: int
    buffer: int
    offset: int


def views(rows: list, *, long: int = 12) -> list[bytes | None]:
    """The buffers of a view array of `bytes`, None or `View`; what is longer than `long` lies in a buffer."""
    out, data, valid = b"", b"", 0
    for place, row in enumerate(rows):
        valid |= (row is not None) << place
        if isinstance(row, View):
            out += row.size.to_bytes(4, "little", signed=True) + b"abcd"
            out += row.buffer.to_bytes(4, "little", signed=True) + row.offset.to_bytes(4, "little", signed=True)
            continue
        row = row or b""
        out += len(row).to_bytes(4, "little")
        if len(row) <= long:
            out += row.ljust(12, b"\0")
        else:
            out += row[:4] + (0).to_bytes(4, "little") + len(data).to_bytes(4, "little")
            data += row
    return [valid.to_bytes(len(rows) // 8 + 1, "little"), out, data, len(data).to_bytes(8, "little")]

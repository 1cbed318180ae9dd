"""Walk over recorded wire bytes and say what each stretch means.

Independent of the decoder on purpose: it reads what the decoder refuses (requests, array vectors, compressed
columns), keeps every offset, and on bytes that make no sense stops with the offset instead of an object.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .. import settings as keys
from ._cells import FIXED_SIZES, describe_cells

FORMS = ("scalar", "vector", "pair", "matrix", "set", "dictionary", "table", "chart", "chunk", "sysobj")
#: forms of replies to sessions that asked for pickle or Arrow
PACKED_FORMS = {32 + form: f"a {name} as pickle or Arrow stream" for form, name in enumerate(FORMS)}
SYMBOL_BASE = keys.DT_SYMBOL + 128
DECIMALS = (keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128)
FLAGS = {
    4: "asynchronous",
    8: "pickle",
    16: "clear memory",
    32: "API client",
    64: "compress",
    2048: "Python parser",
    4096: "kdb parser",
    32768: "Arrow",
    131072: "reverse stream",
    524288: "Oracle",
    1048576: "MySQL",
    8388608: "no decimals",
}
REPLY_START = re.compile(rb"MSG\r?\n|[!-~]{1,64} \d{1,9} \d{1,9}\r?\n")
REQUEST_LINE = re.compile(r"(API2?) (\S+) (\d{1,9}) / (\d{1,18})_1_(\d+)_(\d+)(?:__(\d+))?(?:__(.+))?")
MAX_DEPTH = 32
SHOWN_ELEMENTS = 16


class Stretch(NamedTuple):
    """Some bytes and their meaning; `depth` is how deep in nested objects they are."""

    offset: int
    data: bytes
    meaning: str
    depth: int = 0


class Stopped(Exception):
    """The walk can't go on: at which byte, and why."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"byte {offset} (0x{offset:x}): {reason}")
        self.offset = offset


def type_name(number: int) -> str:
    if number == SYMBOL_BASE:
        return "SYMBOL with base"
    if number - keys.ARRAY_TYPE_BASE in FIXED_SIZES:
        return type_name(number - keys.ARRAY_TYPE_BASE) + "[]"
    return keys.TYPE_STRING.get(number, f"type {number}")


def walk(data: bytes) -> Iterator[Stretch]:
    """The stretches of `data`: requests, replies or bare objects, one after another."""
    walker = _Walker(data)
    while walker.at < len(data):
        yield from walker.message()


class _Walker:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.depth = 0

    # bytes

    def stretch(self, size: int, meaning: str) -> Stretch:
        start = self.at
        if size > len(self.data) - start:
            raise Stopped(start, f"{meaning}: {size} bytes expected, {len(self.data) - start} left")
        self.at += size
        return Stretch(start, self.data[start : self.at], meaning, self.depth)

    def upto(self, end: bytes, what: str) -> bytes:
        found = self.data.find(end, self.at)
        if found < 0:
            raise Stopped(self.at, f"{what}: end not found")
        start, self.at = self.at, found + len(end)
        return self.data[start:found]

    def text(self, what: str) -> str:
        return self.upto(b"\0", what).decode(errors="replace")

    def number(self, offset: int, format: str, what: str) -> int:
        size = struct.calcsize(format)
        if offset + size > len(self.data):
            raise Stopped(min(offset, len(self.data)), f"{what}: end of data")
        value: int = struct.unpack_from(format, self.data, offset)[0]
        return value

    def since(self, start: int, meaning: str) -> Stretch:
        return Stretch(start, self.data[start : self.at], meaning, self.depth)

    # messages

    def message(self) -> Iterator[Stretch]:
        if self.data.startswith((b"API ", b"API2 "), self.at):
            yield from self.request()
        elif REPLY_START.match(self.data, self.at):
            yield from self.reply()
        else:
            yield from self.object("object")

    def request(self) -> Iterator[Stretch]:
        start = self.at
        line = self.upto(b"\n", "request header").decode("latin-1")
        match = REQUEST_LINE.fullmatch(line)
        if match is None:
            raise Stopped(start, f"no request header: {line[:80]!r}")
        verb, session, size, flags, priority, parallelism, fetch, sequence = match.groups()
        meaning = (
            f"request {verb}, session {session}, body {size} bytes, "
            f"flags {flags} ({flag_names(int(flags))}), priority {priority}, parallelism {parallelism}"
        )
        if fetch is not None:
            meaning += f", fetch size {fetch}"
        if sequence:
            meaning += f", sequence {sequence}"
        yield self.since(start, meaning)
        start = self.at
        body = self.stretch(int(size), "body").data
        fields = body.split(b"\n")
        if verb == "API":
            # the password, which follows in clear text, is not repeated
            login = fields[1:2] == [b"login"] and len(fields) > 2
            user = f" as {fields[2].decode(errors='replace')!r}" if login else ""
            yield self.since(start, "body: connect" + user)
        elif fields[0] == b"script":
            yield self.since(start, f"body: script {shorten(body[7:].decode(errors='replace'))}")
        elif fields[0] in (b"function", b"variable") and len(fields) == 4:
            yield from self.call(start, fields)
        else:
            raise Stopped(start, f"no request body: {body[:40]!r}")

    def call(self, start: int, fields: list[bytes]) -> Iterator[Stretch]:
        kind, name, count, endian = (field.decode(errors="replace") for field in fields)
        if re.fullmatch(r"\d{1,9}", count) is None:
            raise Stopped(start, f"{kind} {name!r}: the number of objects is {count!r}")
        order = "little-endian" if endian == "1" else "big-endian"
        yield self.since(start, f"body: {kind} {name!r}, {plural(int(count), 'object')}, {order}")
        if endian != "1" and int(count):
            raise Stopped(self.at, "big-endian objects are not walked")
        names = name.split(",") if kind == "variable" else []
        for i in range(int(count)):
            yield from self.object(f"variable {names[i]}" if i < len(names) else f"argument {i + 1}")

    def reply(self) -> Iterator[Stretch]:
        start = self.at
        line = self.upto(b"\n", "reply header").rstrip(b"\r").decode("latin-1")
        if line == "MSG":
            text = self.text("message")
            yield self.since(start, f"message {shorten(text)}")
            return
        session, count, endian = line.split(" ")
        objects = plural(int(count), "object")
        yield self.since(start, f"reply, session {session}, {objects}, endian digit {endian}")
        start = self.at
        status = self.upto(b"\n", "status").rstrip(b"\r").decode(errors="replace")
        yield self.since(start, "status OK" if status == "OK" else f"status: error {shorten(status)}")
        if status == "OK" and int(count):
            yield from self.object("result")

    # objects

    def object(self, what: str) -> Iterator[Stretch]:
        if self.depth > MAX_DEPTH:
            raise Stopped(self.at, f"{what}: objects nested deeper than {MAX_DEPTH}")
        number = self.number(self.at, "<B", what)
        form = self.number(self.at + 1, "<B", what)
        if form in PACKED_FORMS:
            raise Stopped(self.at, f"{what}: {PACKED_FORMS[form]} is not walked")
        if form >= len(FORMS):
            raise Stopped(self.at, f"{what}: no such form: {form} (type {number})")
        self.depth += 1
        try:
            name = FORMS[form]
            if name == "table":
                yield from self.table(what, number)
            elif name in ("dictionary", "chart"):
                yield self.stretch(2, f"{what}: {name} of {type_name(number)}")
                yield from self.object("keys")
                yield from self.object("values")
            elif name == "set":
                yield self.stretch(2, f"{what}: set of {type_name(number)}")
                yield from self.object("members")
            elif name == "matrix":
                yield from self.matrix(what, number)
            elif name == "chunk":
                yield self.stretch(2, f"{what}: chunk")
                size = self.number(self.at, "<H", "chunk")
                yield self.stretch(2 + size, f"chunk of {size} bytes")
            elif name == "scalar":
                yield from self.scalar(what, number)
            elif name in ("vector", "pair"):
                yield from self.vector(what, number, name)
            else:
                raise Stopped(self.at, f"{what}: a {name} is not walked")
        finally:
            self.depth -= 1

    def table(self, what: str, kind: int) -> Iterator[Stretch]:
        rows = self.number(self.at + 2, "<i", "table")
        columns = self.number(self.at + 6, "<i", "table")
        if rows < 0 or columns < 0:
            raise Stopped(self.at + 2, f"{what}: table of {rows} rows and {columns} columns")
        kinds = {0: "", 8: ", may be compressed"}
        shape = f"{what}: table, {rows} rows, {columns} columns"
        yield self.stretch(10, shape + kinds.get(kind, f", kind {kind}"))
        start = self.at
        name = self.text("table name")
        yield self.since(start, f"table name {name!r}")
        start = self.at
        names = []
        for _ in range(columns):
            names.append(self.text("column name"))
        yield self.since(start, f"column names {shorten(', '.join(names))}")
        for name in names:
            yield from self.object(f"column {name!r}")

    def matrix(self, what: str, number: int) -> Iterator[Stretch]:
        labels = self.number(self.at + 2, "<B", "matrix")
        yield self.stretch(3, f"{what}: matrix of {type_name(number)}, labels {labels & 3}")
        if labels & 1:
            yield from self.object("row labels")
        if labels & 2:
            yield from self.object("column labels")
        again = self.number(self.at, "<B", "matrix")
        rows = self.number(self.at + 2, "<i", "matrix")
        columns = self.number(self.at + 6, "<i", "matrix")
        if rows < 0 or columns < 0:
            raise Stopped(self.at + 2, f"{what}: matrix of {rows} rows and {columns} columns")
        yield self.stretch(10, f"{type_name(again)}, {rows} rows, {columns} columns")
        yield from self.scaled_cells(again, rows * columns)

    def scaled_cells(self, number: int, count: int) -> Iterator[Stretch]:
        scale = 0
        if number in DECIMALS:
            scale = self.number(self.at, "<i", "scale")
            yield self.stretch(4, f"scale {scale}")
        yield from self.cells(number, count, scale)

    def scalar(self, what: str, number: int) -> Iterator[Stretch]:
        yield self.stretch(2, f"{what}: {type_name(number)} scalar")
        if number == keys.DT_FUNCTIONDEF:
            start = self.at
            self.stretch(1, "function kind")
            text = self.text("function")
            yield self.since(start, f"function {shorten(text)}")
        elif number == keys.DT_VOID:
            yield self.stretch(1, "NULL")
        else:
            yield from self.scaled_cells(number, 1)

    def vector(self, what: str, number: int, form: str) -> Iterator[Stretch]:
        if number == keys.DT_COMPRESS:
            yield from self.compressed(what)
            return
        rows = self.number(self.at + 2, "<i", form)
        columns = self.number(self.at + 6, "<i", form)
        if rows < 0 or columns < 0:
            raise Stopped(self.at + 2, f"{what}: {form} of {rows} rows and {columns} columns")
        element = number - keys.ARRAY_TYPE_BASE
        is_array = number != SYMBOL_BASE and number >= keys.ARRAY_TYPE_BASE
        shape = f"{rows} rows, {columns} cells" if is_array else f"{rows} rows"
        yield self.stretch(10, f"{what}: {type_name(number)} {form}, {shape}")
        scale = 0
        if (element if is_array else number) in DECIMALS:
            scale = self.number(self.at, "<i", "scale")
            yield self.stretch(4, f"scale {scale}")
        if number == keys.DT_ANY:
            yield from self.elements(rows)
        elif number == SYMBOL_BASE:
            yield from self.symbols(rows)
        elif is_array:
            yield from self.array_blocks(element, rows, scale)
        elif number != keys.DT_VOID:
            # a VOID vector has no element bytes
            yield from self.cells(number, rows, scale)

    def elements(self, count: int) -> Iterator[Stretch]:
        for i in range(min(count, SHOWN_ELEMENTS)):
            yield from self.object(f"element {i}")
        if count > SHOWN_ELEMENTS:
            start = self.at
            for i in range(SHOWN_ELEMENTS, count):
                for _ in self.object(f"element {i}"):
                    pass
            yield self.since(start, f"{count - SHOWN_ELEMENTS} more elements")

    def symbols(self, rows: int) -> Iterator[Stretch]:
        base = self.number(self.at, "<i", "symbol base")
        count = self.number(self.at + 4, "<i", "symbol base")
        if count < 0:
            raise Stopped(self.at + 4, f"symbol base of {count} symbols")
        yield self.stretch(8, f"symbol base {base}, " + (f"{count} symbols" if count else "sent before"))
        if count:
            yield from self.cells(keys.DT_STRING, count, 0)
        yield from self.cells(keys.DT_INT, rows, 0, "symbol numbers ")

    def array_blocks(self, element: int, rows: int, scale: int) -> Iterator[Stretch]:
        done = 0
        while done < rows:
            start = self.at
            block = self.number(start, "<H", "array block")
            width = self.number(start + 2, "<B", "array block")
            if block == 0 or done + block > rows or width not in (1, 2, 4):
                raise Stopped(start, f"array block of {block} rows, {width}-byte counts, at row {done}")
            yield self.stretch(4, f"block of {block} rows, {width}-byte counts")
            counts = self.stretch(block * width, "counts")
            unpacked = struct.unpack(f"<{block}{ {1: 'B', 2: 'H', 4: 'I'}[width] }", counts.data)
            yield counts._replace(meaning="cells a row " + shorten(", ".join(map(str, unpacked[:40]))))
            yield from self.cells(element, sum(unpacked), scale)
            done += block

    def compressed(self, what: str) -> Iterator[Stretch]:
        start = self.at
        size = self.number(start + 2, "<i", "compressed column")
        if size < 20:
            raise Stopped(start + 2, f"{what}: compressed column of {size} bytes")
        method = self.number(start + 13, "<B", "compressed column")
        element = self.number(start + 14, "<B", "compressed column")
        rows = self.number(start + 22, "<i", "compressed column")
        coding = {1: "LZ4", 2: "delta of delta"}.get(method, f"method {method}")
        yield self.stretch(30, f"{what}: compressed {type_name(element)}, {rows} rows, {coding}")
        end = start + 10 + size
        while self.at < end:
            length = self.number(self.at, "<I", "compressed block") & 0x7FFFFFFF
            yield self.stretch(4 + length, f"compressed block of {length} bytes")
        if self.at != end:
            raise Stopped(self.at, f"{what}: the blocks end at byte {self.at}, the header says {end}")

    def cells(self, number: int, count: int, scale: int, prefix: str = "") -> Iterator[Stretch]:
        """One stretch with the values of `count` cells; none if there are no cells."""
        if count == 0:
            return
        start = self.at
        if number in FIXED_SIZES:
            data = self.stretch(FIXED_SIZES[number] * count, f"{count} cells of {type_name(number)}").data
            yield self.since(start, prefix + describe_cells(number, data, count, scale))
        elif number in (keys.DT_STRING, keys.DT_SYMBOL):
            texts = []
            for i in range(count):
                text = self.upto(b"\0", f"text {i} of {count}")
                if i < 8:
                    texts.append(repr(text.decode(errors="replace")[:40]))
            yield self.since(start, prefix + ", ".join(texts) + (", ..." if count > 8 else ""))
        elif number == keys.DT_BLOB:
            sizes = []
            for i in range(count):
                size = self.number(self.at, "<i", f"BLOB {i} of {count}")
                if size < 0:
                    raise Stopped(self.at, f"BLOB {i} of {size} bytes")
                self.stretch(4 + size, f"BLOB {i}")
                if i < 8:
                    sizes.append(str(size))
            yield self.since(start, "BLOB sizes " + ", ".join(sizes) + (", ..." if count > 8 else ""))
        else:
            raise Stopped(start, f"{type_name(number)} has no known cells")


def flag_names(flags: int) -> str:
    names = [name for bit, name in FLAGS.items() if flags & bit]
    rest = flags & ~sum(FLAGS)
    return ", ".join(names + ([f"unknown {rest}"] if rest else [])) or "none"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shorten(text: str, limit: int = 100) -> str:
    return repr(text) if len(text) <= limit else repr(text[:limit]) + "..."

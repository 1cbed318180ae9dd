# cython: language_level=3
"""Wire bytes -> neutral values, and these as Arrow data.

Knows neither sockets nor pandas: bytes come from a callable."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.errno cimport ENOMEM
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

cimport cython
cimport numpy as cnp

from decimal import Decimal

import numpy as np

from . import settings as keys
from .column import NULLS, WIRE_DTYPES, Column, Dictionary, Matrix, Set, Table
from .errors import NotSupported, ProtocolError

from ._c.arrow cimport ddb_arrow_array, ddb_arrow_schema, ddb_arrow_stream
from ._c.compress cimport (
    DDB_BLOCK_BYTES, DDB_BLOCK_LZ4, DDB_COMPRESSED_HEAD, DDB_COMPRESSION_DELTA,
    ddb_compressed, ddb_compressed_block, ddb_compressed_head, ddb_delta_decode,
)
from ._c.format cimport (
    DDB_TEXT_DECIMAL, DDB_TEXT_INT128, DDB_TEXT_IPADDR, DDB_TEXT_UUID,
    ddb_format_decimal, ddb_format_int128, ddb_format_ipaddr, ddb_format_uuid,
)
from ._c.read cimport (
    ddb_read_array_counts, ddb_read_array_head, ddb_read_blobs, ddb_read_check_indices, ddb_read_contains,
    ddb_read_counts, ddb_read_find, ddb_read_head, ddb_read_int, ddb_read_text, ddb_window,
)
from ._c.scan cimport ddb_scan, ddb_scan_begin, ddb_scan_go_on
from ._c.status cimport DDB_ERR_MORE, DDB_OK
from ._c.wire cimport (
    DDB_FORM_CHART, DDB_FORM_DICTIONARY, DDB_FORM_MATRIX, DDB_FORM_PAIR, DDB_FORM_SCALAR, DDB_FORM_SET,
    DDB_FORM_TABLE, DDB_FORM_VECTOR, DDB_LIMIT_SYMBOLS, DDB_TYPE_ANY, DDB_TYPE_ARRAY, DDB_TYPE_BLOB,
    DDB_TYPE_COMPRESS, DDB_TYPE_DECIMAL32, DDB_TYPE_DECIMAL64, DDB_TYPE_DECIMAL128, DDB_TYPE_FUNCTIONDEF,
    DDB_TYPE_INT128, DDB_TYPE_IPADDR, DDB_TYPE_STRING, DDB_TYPE_SYMBOL, DDB_TYPE_SYMBOL_BASE, DDB_TYPE_UUID,
    DDB_TYPE_VOID,
)

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    void *PyUnicode_DATA(object text)

cnp.import_array()

cdef enum:
    DEPTH_LIMIT = 64
    TABLE_COLUMNS_LIMIT = 1 << 20
    # memory counted against the budget beside that of the arrays, what becomes of it in Python included
    COST_VOID = 17
    COST_OBJECT = 512
    COST_TABLE_COLUMN = 2048

cdef object _dtypes = WIRE_DTYPES
cdef object _BYTES = np.dtype(np.uint8)
cdef object _Decimal = Decimal
cdef dict _null_bits = {
    dtype: int.from_bytes(np.asarray(null, dtype=dtype).tobytes(), "little") for dtype, null in NULLS.items()
}
cdef dict _TEXT_BYTES = {
    DDB_TYPE_UUID: DDB_TEXT_UUID, DDB_TYPE_INT128: DDB_TEXT_INT128, DDB_TYPE_IPADDR: DDB_TEXT_IPADDR,
    DDB_TYPE_DECIMAL32: DDB_TEXT_DECIMAL, DDB_TYPE_DECIMAL64: DDB_TEXT_DECIMAL,
    DDB_TYPE_DECIMAL128: DDB_TEXT_DECIMAL,
}
cdef dict _SCALES = {DDB_TYPE_DECIMAL32: 9, DDB_TYPE_DECIMAL64: 18, DDB_TYPE_DECIMAL128: 38}
cdef tuple _FORMS = (
    "scalar", "vector", "pair", "matrix", "set", "dictionary", "table", "chart", "chunk", "sysobj",
)

include "_decode_stream.pxi"
include "_decode_compress.pxi"
include "_decode_text.pxi"
include "_decode_arrow.pxi"


cdef object _named(int type):
    return keys.TYPE_STRING.get(type, f"number {type}")


@cython.final
cdef class Reader(_Stream):
    """Read lines and objects from a stream of bytes.

    Parameters
    ----------
    fill : callable
        ``fill(memoryview) -> int`` writes at least one byte and returns how many, 0 at the end of the stream;
        for example ``socket.recv_into``. Its exceptions pass through.
    window : int
        Bytes asked for at a time; the window grows for a line or cell that is longer.
    expansion, allowance : int
        An object may take ``allowance`` bytes of memory and ``expansion`` bytes more for each byte received of it;
        one that asks for more is refused. Only bytes that say much with little come near: VOID cells, compressed
        columns. Default 256 and 1 MiB. A value made of it, by `to_python`, takes its own memory.

    Attributes
    ----------
    offset : int
        Bytes consumed since construction.
    buffered : int
        Bytes that are here but not consumed.

    Raises
    ------
    EOFError
        The stream ended inside what was being read.
    ProtocolError
        The bytes are not a line or object of the protocol, or beyond a limit; the reader can't be used further.
    NotSupported
        A column compressed with LZ4, and the package lz4 is not installed; the reader can't be used further.
    """

    def read_object(self):
        """One wire object: a `Column`, `Matrix`, `Set`, `Dictionary` or `Table`."""
        self._begin()
        return self._read_object(0)

    def read_block_header(self):
        """The head of a reply in blocks: an ANY vector whose elements `read_object` then reads one by one.

        Returns
        -------
        rows, columns : int
            ``rows * columns`` objects follow.
        """
        cdef int type = 0, form = 0
        cdef int32_t rows = 0, columns = 0
        self._begin()
        # an object that is none may be shorter than the head, and more than it would never come
        self._need(2)
        ddb_read_head(&self.window, &type, &form)
        if type != DDB_TYPE_ANY or form != DDB_FORM_VECTOR:
            self._malformed(f"blocks must be an ANY vector, not {_named(type)} of form {form}")
        self._need(8)
        ddb_read_counts(&self.window, &rows, &columns)
        if rows < 0 or columns < 0:
            self._malformed(f"blocks must be an ANY vector of some rows and columns, not {rows} x {columns}")
        return rows, columns

    cdef object _read_object(self, int depth):
        cdef int type = 0, form = 0
        if depth:
            if depth > DEPTH_LIMIT:
                self._malformed(f"objects nested deeper than {DEPTH_LIMIT}")
            self._charge(COST_OBJECT)
        self._need(2)
        ddb_read_head(&self.window, &type, &form)
        if form == DDB_FORM_TABLE:
            return self._read_table(depth)
        if form == DDB_FORM_SCALAR:
            return self._read_cells(type, 1, form, depth, None, self._read_scale(type), 0)
        if form == DDB_FORM_VECTOR or form == DDB_FORM_PAIR:
            return self._read_vector(type, form, depth, None)
        if form == DDB_FORM_MATRIX:
            return self._read_matrix(depth)
        if form == DDB_FORM_SET:
            return Set(self._read_labels("set", depth))
        if form == DDB_FORM_DICTIONARY or form == DDB_FORM_CHART:
            names = self._read_labels("dictionary", depth)
            values = self._read_labels("dictionary", depth)
            if len(names) != len(values):
                self._malformed(f"a dictionary of {len(names)} keys and {len(values)} values")
            return Dictionary(names, values, form)
        self._malformed(
            f"objects of form {_FORMS[form] if form < len(_FORMS) else form} (type {_named(type)}) are not supported"
        )

    cdef object _read_labels(self, str what, int depth):
        value = self._read_object(depth + 1)
        if not isinstance(value, Column) or value.form != DDB_FORM_VECTOR:
            self._malformed(f"a part of a {what} is no vector")
        return value

    cdef int _read_scale(self, int type) except? -1:
        """Digits after the point, which stand before the cells of decimals; 0 of other types."""
        cdef int32_t scale = 0
        limit = _SCALES.get(type % DDB_TYPE_ARRAY if type < 2 * DDB_TYPE_ARRAY else type)
        if limit is None:
            return 0
        self._need(4)
        ddb_read_int(&self.window, &scale)
        return self._check_scale(type, scale, limit)

    cdef int _check_scale(self, int type, int scale, object limit) except? -1:
        if scale < 0 or scale > limit:
            self._malformed(f"scale {scale} of {_named(type)} is outside 0 to {limit}")
        return scale

    cdef object _read_vector(self, int type, int form, int depth, dict bases):
        cdef int32_t rows = 0, columns = 0
        self._need(8)
        ddb_read_counts(&self.window, &rows, &columns)
        if rows < 0:
            self._malformed(f"negative row count {rows}")
        if form == DDB_FORM_PAIR and (rows != 2 or type >= DDB_TYPE_ARRAY or type in (DDB_TYPE_ANY, DDB_TYPE_COMPRESS)):
            self._malformed(f"a pair of {rows} cells of type {_named(type)}")
        if type == DDB_TYPE_COMPRESS:
            # in a table the other columns come first: they tell how much memory it may take
            compressed = self._read_compressed(rows)
            return compressed if bases is not None else self._expand(compressed, depth)
        return self._read_cells(type, rows, form, depth, bases, self._read_scale(type), columns)

    cdef object _read_cells(self, int type, int64_t rows, int form, int depth, dict bases, int scale, int64_t cells):
        dtype = _dtypes.get(type)
        if dtype is not None and (type != DDB_TYPE_VOID or form == DDB_FORM_SCALAR):
            return Column(type, self._read_array(dtype, rows), form=form, scale=scale)
        if type == DDB_TYPE_STRING or type == DDB_TYPE_SYMBOL or type == DDB_TYPE_BLOB:
            return self._read_texts(rows, type, form, 0)
        if type == DDB_TYPE_SYMBOL_BASE and form == DDB_FORM_VECTOR:
            return self._read_symbols(rows, bases)
        if type == DDB_TYPE_ANY and form == DDB_FORM_VECTOR:
            items = []
            for _ in range(rows):
                items.append(self._read_object(depth + 1))
            return Column(type, items)
        if type == DDB_TYPE_VOID:
            # VOID vectors have no cells on the wire
            self._charge(rows * COST_VOID)
            return Column(type, np.zeros(rows, dtype=np.int8), form=form)
        if type == DDB_TYPE_FUNCTIONDEF and form == DDB_FORM_SCALAR:
            self._need(1)
            scale = self.window.data[self.window.position]
            self.window.position += 1
            return self._read_texts(1, type, form, scale)
        if DDB_TYPE_ARRAY < type < 2 * DDB_TYPE_ARRAY and type - DDB_TYPE_ARRAY in _dtypes and form == DDB_FORM_VECTOR:
            return self._read_array_vector(type, rows, scale, cells)
        self._malformed(f"a {_FORMS[form]} of type {_named(type)} is not supported")

    cdef object _read_texts(self, int64_t count, int type, int form, int scale):
        """`count` cells of NUL-terminated text, or of BLOBs, as offsets and data."""
        cdef int64_t room = self._room(0, 8 * count + 8) // 8   # of `ends`
        cdef int64_t done = 0, cells = 0
        cdef size_t used = 0, bytes_read = 0, capacity
        cdef int32_t size = 0
        cdef cnp.ndarray ends = np.empty(room, dtype=np.int64)
        cdef cnp.ndarray data
        capacity = min(self.window.size - self.window.position, <size_t>(16 * room)) + 64
        self._charge(capacity)
        data = np.empty(capacity, dtype=_BYTES)
        (<int64_t *>cnp.PyArray_DATA(ends))[0] = 0
        while done < count:
            if done + 1 == room:
                room = self._room(8 * room, 8 * count + 8) // 8
                ends = _grown(ends, done + 1, room)
            capacity = data.shape[0]
            if type == DDB_TYPE_BLOB:
                ddb_read_blobs(
                    &self.window, room - 1 - done, <int64_t>used,
                    <uint8_t *>cnp.PyArray_DATA(data) + used, capacity - used,
                    <int64_t *>cnp.PyArray_DATA(ends) + done + 1, &cells, &bytes_read,
                )
            else:
                ddb_read_text(
                    &self.window, room - 1 - done, <int64_t>used,
                    <uint8_t *>cnp.PyArray_DATA(data) + used, capacity - used,
                    <int64_t *>cnp.PyArray_DATA(ends) + done + 1, &cells, &bytes_read,
                )
            done += cells
            used += bytes_read
            if done == count or done + 1 == room:
                continue
            if type == DDB_TYPE_BLOB:
                # the next cell is larger than what is left of the window or of `data`
                self._need(4)
                ddb_read_int(&self.window, &size)
                if size < 0:
                    self._malformed(f"BLOB of {size} bytes in row {done}")
                data = self._extend(data, used, size, max(<int64_t>(used + size), <int64_t>(2 * capacity)))
                used += size
                done += 1
                (<int64_t *>cnp.PyArray_DATA(ends))[done] = used
            elif capacity - used < self.window.size - self.window.position:
                data = _grown(data, used, self._room(capacity, 2 * capacity))
            else:
                self._more()
        return Column(type, _trimmed(data, used), form=form, offsets=ends[:count + 1], scale=scale)

    cdef object _read_symbols(self, int64_t rows, dict bases):
        cdef int32_t base = 0, count = 0
        cdef int64_t bad
        cdef cnp.ndarray indices
        self._need(8)
        ddb_read_counts(&self.window, &base, &count)
        if count < 0 or count > DDB_LIMIT_SYMBOLS:
            self._malformed(f"symbol base of {count} entries")
        if count:
            symbols = self._read_texts(count, DDB_TYPE_STRING, DDB_FORM_VECTOR, 0)
            if bases is not None:
                bases[base] = symbols
        else:
            symbols = bases.get(base) if bases is not None else None
            if symbols is None:
                if rows:
                    self._malformed(f"symbol base {base} is not known")
                symbols = Column.from_strings([""])
        indices = self._read_array(_dtypes[keys.DT_INT], rows)
        bad = ddb_read_check_indices(<int32_t *>cnp.PyArray_DATA(indices), rows, len(symbols))
        if bad >= 0:
            self._malformed(f"symbol index {indices[bad]} in row {bad} is outside its base of {len(symbols)}")
        return Column(DDB_TYPE_SYMBOL, indices, symbols=symbols)

    cdef object _read_array_vector(self, int type, int64_t rows, int scale, int64_t cells):
        """Blocks of counts and cells. The total in the head is a hint: it is not true of compressed columns."""
        cdef object dtype = _dtypes[type - DDB_TYPE_ARRAY]
        cdef int64_t item = dtype.itemsize
        cdef int64_t room = self._room(0, 8 * rows + 8) // 8   # of `ends`
        cdef int64_t done = 0, total = 0, used = 0, size
        cdef int part = 0, width = 0
        cdef cnp.ndarray ends = np.empty(room, dtype=np.int64)
        cdef cnp.ndarray raw = np.empty(0, dtype=_BYTES)
        (<int64_t *>cnp.PyArray_DATA(ends))[0] = 0
        while done < rows:
            self._need(4)
            if ddb_read_array_head(&self.window, rows - done, &part, &width) != DDB_OK:
                self._malformed(f"a block of {part} rows with counts of {width} bytes, {rows - done} rows are left")
            self._need(part * width)
            while done + part >= room:
                room = self._room(8 * room, 8 * rows + 8) // 8
                ends = _grown(ends, done + 1, room)
            ddb_read_array_counts(&self.window, part, width, total, <int64_t *>cnp.PyArray_DATA(ends) + done + 1)
            done += part
            size = ((<int64_t *>cnp.PyArray_DATA(ends))[done] - total) * item
            total += size // item
            raw = self._extend(raw, used, size, max(max(cells * item, used + size), 2 * used))
            used += size
        data = _trimmed(raw, used).view(dtype)
        return Column(type, data, offsets=ends[:rows + 1], scale=scale)

    cdef object _read_matrix(self, int depth):
        cdef int type = 0, form = 0
        cdef int32_t rows = 0, columns = 0
        cdef uint8_t labels
        self._need(1)
        labels = self.window.data[self.window.position]
        self.window.position += 1
        row_labels = self._read_labels("matrix", depth) if labels & 1 else None
        column_labels = self._read_labels("matrix", depth) if labels & 2 else None
        self._need(10)
        ddb_read_head(&self.window, &type, &form)  # the cells' own, which counts
        ddb_read_counts(&self.window, &rows, &columns)
        if form != DDB_FORM_MATRIX or type not in _dtypes or type == DDB_TYPE_VOID or type in _SCALES:
            self._malformed(f"a matrix with cells of type {_named(type)} and form {form} is not supported")
        if rows < 0 or columns < 0 or (row_labels is not None and len(row_labels) != rows) \
                or (column_labels is not None and len(column_labels) != columns):
            self._malformed(f"matrix of {rows} rows and {columns} columns that its labels don't have")
        if <int64_t>rows * columns > 1 << 40:
            self._malformed(f"matrix of {rows} rows and {columns} columns")
        cells = self._read_cells(type, <int64_t>rows * columns, DDB_FORM_VECTOR, depth, None, 0, 0)
        return Matrix(cells, rows, columns, row_labels, column_labels)

    cdef object _read_table(self, int depth):
        cdef int32_t rows = 0, columns = 0
        cdef int i, type = 0, form = 0
        self._need(8)
        ddb_read_counts(&self.window, &rows, &columns)
        if rows < 0 or columns < 1 or columns > TABLE_COLUMNS_LIMIT:
            self._malformed(f"table of {rows} rows and {columns} columns")
        name = self._read_until(0, 1 << 20, "table name").decode(errors="replace")
        names = []
        for _ in range(columns):
            names.append(self._read_until(0, 1 << 20, "column name").decode(errors="replace"))
        bases = {}
        parts = []
        for i in range(columns):
            self._need(2)
            ddb_read_head(&self.window, &type, &form)
            if form != DDB_FORM_VECTOR and form != DDB_FORM_PAIR:
                self._malformed(f"column {names[i]!r} has form {form}, not vector")
            self._charge(COST_TABLE_COLUMN)
            column = self._read_vector(type, form, depth + 1, bases)
            if parts and len(column) != len(parts[0]):
                self._malformed(f"column {names[i]!r} has {len(column)} rows, the first has {len(parts[0])}")
            parts.append(column)
        for i in range(columns):
            if isinstance(parts[i], _Compressed):
                parts[i] = self._expand(parts[i], depth + 1)
        return Table(names, parts, name)

    cdef _Compressed _read_compressed(self, int64_t size):
        """A compressed column as it stands; `size` counts its second head and its blocks."""
        cdef _Compressed compressed = _Compressed.__new__(_Compressed)
        cdef ddb_compressed *head = &compressed.head
        self._need(DDB_COMPRESSED_HEAD)
        if ddb_compressed_head(self.window.data + self.window.position, head) != DDB_OK or size < DDB_COMPRESSED_HEAD:
            self._malformed(f"compressed column of {size} bytes, method {head.method}, {head.count} elements")
        compressed.offset = self.offset - self.start
        element = head.type - DDB_TYPE_ARRAY if head.type > DDB_TYPE_ARRAY else head.type
        dtype = _dtypes.get(element)
        if element == DDB_TYPE_VOID or (
            dtype is None and head.type not in (DDB_TYPE_STRING, DDB_TYPE_SYMBOL, DDB_TYPE_BLOB)
        ):
            self._malformed(f"a compressed column of type {_named(head.type)} is not supported")
        if head.method == DDB_COMPRESSION_DELTA and (
            head.type > DDB_TYPE_ARRAY or dtype is None or dtype.kind != "i" or head.unit not in (2, 4, 8)
            or dtype.itemsize != head.unit
        ):
            self._malformed(f"delta code of {head.unit} bytes in a column of type {_named(head.type)}")
        if element in _SCALES:
            self._check_scale(element, head.scale, _SCALES[element])
        self.window.position += DDB_COMPRESSED_HEAD
        compressed.body = self._read_array(_BYTES, size - DDB_COMPRESSED_HEAD)
        return compressed

    cdef object _expand(self, _Compressed compressed, int depth):
        """The column that a compressed one holds."""
        cdef int64_t left = self._budget() - 4 * DDB_BLOCK_BYTES  # the stream of its bytes takes memory too
        cdef int type = compressed.head.type
        cdef _Blocks blocks = _Blocks(compressed)
        cdef Reader plain
        try:
            plain = Reader(blocks, window=DDB_BLOCK_BYTES, expansion=0, allowance=max(left, 0))
            plain.complete = True
            try:
                column = plain._read_cells(
                    type, compressed.head.count, DDB_FORM_VECTOR, depth, None,
                    compressed.head.scale if type % DDB_TYPE_ARRAY in _SCALES else 0, 0,
                )
            except EOFError:
                raise ProtocolError("its blocks end too early") from None
            if blocks.left or plain.window.position != plain.window.size:
                raise ProtocolError("its blocks hold more than it says")
        except ProtocolError as error:
            raise ProtocolError(
                f"compressed column of {compressed.head.count} {_named(type)}: {error}", compressed.offset
            ) from None
        self.charged += plain.charged
        return column


def decode(data, *, expansion=DEFAULT_EXPANSION, allowance=DEFAULT_ALLOWANCE):
    """The one object that `data` holds.

    Parameters
    ----------
    data : bytes-like
    expansion, allowance : int
        Limits of memory, as of `Reader`.

    Returns
    -------
    Column, Matrix, Set, Dictionary or Table

    Raises
    ------
    ProtocolError
        The bytes are malformed, end too early, or go on after the object.
    NotSupported
        A column compressed with LZ4, and the package lz4 is not installed.
    """
    rest = memoryview(data).cast("B")

    def fill(view):
        nonlocal rest
        size = min(len(view), len(rest))
        view[:size] = rest[:size]
        rest = rest[size:]
        return size

    reader = Reader(fill, window=min(max(len(rest), 64), 1 << 20), expansion=expansion, allowance=allowance)
    try:
        value = reader.read_object()
    except EOFError:
        raise ProtocolError("the object is cut short", reader.offset + reader.buffered) from None
    left = len(rest) + reader.buffered
    if left:
        raise ProtocolError(f"{left} bytes follow the object", reader.offset)
    return value


@cython.final
cdef class Scanner:
    """Finds the end of an object whose bytes arrive in pieces, without reading any of them twice."""

    cdef ddb_scan scan

    def __cinit__(self):
        ddb_scan_begin(&self.scan)

    def find_end(self, data):
        """How many of these bytes are the object that begins with them; 0 if not all of it is here.

        Parameters
        ----------
        data : bytes-like
            Since the last object that was found, the bytes of the last call and more.

        Raises
        ------
        ProtocolError
            As `decode` raises for these bytes.
        """
        cdef int status = DDB_ERR_MORE
        cdef size_t size
        cdef Py_buffer source
        PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
        try:
            if source.len:
                with nogil:
                    status = ddb_scan_go_on(&self.scan, <const uint8_t *>source.buf, source.len)
        finally:
            PyBuffer_Release(&source)
        if status == DDB_ERR_MORE:
            return 0
        size = self.scan.position
        ddb_scan_begin(&self.scan)
        if status != DDB_OK:
            decode(data)
            raise ProtocolError("an object without an end")
        return size

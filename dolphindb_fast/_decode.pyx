# cython: language_level=3
"""Wire bytes -> neutral values. Knows neither sockets nor pandas: bytes come from a callable."""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memmove

cimport numpy as cnp

import numpy as np

from . import settings as keys
from .column import WIRE_DTYPES, Column, Dictionary, Table
from .errors import ProtocolError

from ._c.read cimport (
    ddb_read_check_indices, ddb_read_counts, ddb_read_find, ddb_read_head, ddb_read_text, ddb_window,
)
from ._c.status cimport DDB_OK
from ._c.wire cimport (
    DDB_FORM_DICTIONARY, DDB_FORM_PAIR, DDB_FORM_SCALAR, DDB_FORM_TABLE, DDB_FORM_VECTOR, DDB_LIMIT_SYMBOLS,
    DDB_TYPE_ANY, DDB_TYPE_STRING, DDB_TYPE_SYMBOL, DDB_TYPE_SYMBOL_BASE, DDB_TYPE_VOID,
)

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    void *PyUnicode_DATA(object text)

cnp.import_array()

cdef enum:
    DEPTH_LIMIT = 64
    # a vector of this many bytes is allocated at once; a longer one grows with the bytes that arrive, so that a
    # false count can't ask for memory that nobody sends
    TRUSTED_BYTES = 16 << 20
    TABLE_COLUMNS_LIMIT = 1 << 20

cdef object _dtypes = WIRE_DTYPES


cdef class Reader:
    """Read lines and objects from a stream of bytes.

    Parameters
    ----------
    fill : callable
        ``fill(memoryview) -> int`` writes at least one byte and returns how many, 0 at the end of the stream;
        for example ``socket.recv_into``. Its exceptions pass through.
    window : int
        Bytes asked for at a time; the window grows for a line or cell that is longer.

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
        The bytes are not a line or object of the protocol; the reader can't be used further.
    """

    cdef object fill
    cdef object memory        # bytearray behind `data`; replaced, never resized, when the window grows
    cdef object view
    cdef ddb_window window
    cdef size_t capacity
    cdef int64_t consumed     # bytes dropped from the front of the window

    def __init__(self, fill, *, Py_ssize_t window=262144):
        self.fill = fill
        self._allocate(max(window, 64))

    @property
    def offset(self):
        return self.consumed + <int64_t>self.window.position

    @property
    def buffered(self):
        return self.window.size - self.window.position

    def read_line(self, Py_ssize_t limit=1 << 20):
        """The bytes up to LF, without it and without a CR before it."""
        line = self._read_until(10, limit, "line")
        return line[:len(line) - 1] if line.endswith(b"\r") else line

    def read_text(self, Py_ssize_t limit=1 << 20):
        """The bytes up to NUL, without it."""
        return self._read_until(0, limit, "text")

    def read_bytes(self, Py_ssize_t size):
        """Exactly `size` bytes."""
        cdef Py_ssize_t available
        if size < 0:
            self._malformed(f"negative size {size}")
        if size <= <Py_ssize_t>self.capacity:
            self._need(size)
            result = PyBytes_FromStringAndSize(<char *>self.window.data + self.window.position, size)
            self.window.position += size
            return result
        array = self._read_array(np.dtype(np.uint8), size)
        return array.tobytes()

    def read_object(self):
        """One wire object: a `Column`, `Table` or `Dictionary`."""
        return self._read_object(0)

    cdef int _allocate(self, size_t capacity) except -1:
        memory = bytearray(capacity)
        cdef char *data = memory
        cdef size_t left = self.window.size - self.window.position
        if left:
            memcpy(data, self.window.data + self.window.position, left)
        self.consumed += <int64_t>self.window.position
        self.memory = memory
        self.view = memoryview(memory)
        self.window.data = <uint8_t *>data
        self.window.position = 0
        self.window.size = left
        self.capacity = capacity
        return 0

    cdef int _more(self) except -1:
        """Get at least one more byte into the window."""
        cdef size_t left = self.window.size - self.window.position
        cdef Py_ssize_t got
        if self.window.position and (left == 0 or self.capacity - self.window.size < self.capacity // 4):
            memmove(<void *>self.window.data, self.window.data + self.window.position, left)
            self.consumed += <int64_t>self.window.position
            self.window.position = 0
            self.window.size = left
        if self.window.size == self.capacity:
            self._allocate(self.capacity * 2)
        got = self.fill(self.view[self.window.size:])
        if got <= 0:
            raise EOFError("the stream ended")
        if got > <Py_ssize_t>(self.capacity - self.window.size):
            raise ValueError("fill returned more bytes than there was room for")
        self.window.size += got
        return 0

    cdef int _need(self, size_t size) except -1:
        while self.window.size - self.window.position < size:
            self._more()
        return 0

    cdef object _malformed(self, str text):
        raise ProtocolError(text, self.offset)

    cdef bytes _read_until(self, uint8_t stop, Py_ssize_t limit, str what):
        cdef size_t size = 0
        cdef Py_ssize_t left
        while ddb_read_find(&self.window, stop, &size) != DDB_OK:
            left = self.window.size - self.window.position
            if left > limit:
                self._malformed(f"{what} longer than {limit} bytes")
            self._more()
        if <Py_ssize_t>size > limit:
            self._malformed(f"{what} longer than {limit} bytes")
        result = PyBytes_FromStringAndSize(<char *>self.window.data + self.window.position, size)
        self.window.position += size + 1
        return result

    cdef object _read_array(self, object dtype, int64_t count):
        """`count` cells straight into the memory of their final array."""
        cdef int64_t total = count * <int64_t>dtype.itemsize
        cdef int64_t room = min(total, <int64_t>TRUSTED_BYTES)
        cdef int64_t done = 0
        cdef size_t part
        cdef cnp.ndarray raw = np.empty(room, dtype=np.uint8)
        while True:
            part = min(<size_t>(room - done), self.window.size - self.window.position)
            memcpy(cnp.PyArray_BYTES(raw) + done, self.window.data + self.window.position, part)
            self.window.position += part
            done += part
            while done < room:
                got = self.fill(memoryview(raw)[done:])
                if got <= 0:
                    raise EOFError("the stream ended")
                done += got
                self.consumed += got
            if done == total:
                return raw.view(dtype)
            room = min(total, room * 2)
            grown = np.empty(room, dtype=np.uint8)
            grown[:done] = raw
            raw = grown

    cdef object _read_texts(self, int64_t count, int type, int form):
        """`count` NUL-terminated cells as offsets and data."""
        cdef int64_t room = min(count, <int64_t>(TRUSTED_BYTES // 8))
        cdef int64_t done = 0, cells = 0
        cdef size_t used = 0, bytes_read = 0, capacity, window_left
        cdef cnp.ndarray ends = np.empty(room + 1, dtype=np.int64)
        cdef cnp.ndarray data = np.empty(min(self.window.size - self.window.position, <size_t>(16 * room)) + 64, dtype=np.uint8)
        (<int64_t *>cnp.PyArray_DATA(ends))[0] = 0
        capacity = data.shape[0]
        while done < count:
            ddb_read_text(
                &self.window, room - done, <int64_t>used,
                <uint8_t *>cnp.PyArray_DATA(data) + used, capacity - used,
                <int64_t *>cnp.PyArray_DATA(ends) + done + 1, &cells, &bytes_read,
            )
            done += cells
            used += bytes_read
            if done == count:
                break
            if done == room:
                room = min(count, room * 2)
                ends = _grown(ends, done + 1, room + 1)
                continue
            window_left = self.window.size - self.window.position
            if capacity - used < window_left:
                capacity = capacity * 2
                data = _grown(data, used, capacity)
                continue
            self._more()
        if capacity > used + used // 4:
            data = data[:used].copy()
        else:
            data = data[:used]
        return Column(type, data, form=form, offsets=ends)

    cdef object _read_object(self, int depth):
        cdef int type = 0, form = 0
        if depth > DEPTH_LIMIT:
            self._malformed(f"objects nested deeper than {DEPTH_LIMIT}")
        self._need(2)
        ddb_read_head(&self.window, &type, &form)
        if form == DDB_FORM_TABLE:
            return self._read_table(depth)
        if form == DDB_FORM_SCALAR:
            return self._read_cells(type, 1, form, depth, None)
        if form == DDB_FORM_VECTOR or form == DDB_FORM_PAIR:
            return self._read_vector(type, form, depth, None)
        if form == DDB_FORM_DICTIONARY:
            names = self._read_object(depth + 1)
            values = self._read_object(depth + 1)
            if not isinstance(names, Column) or not isinstance(values, Column) or len(names) != len(values):
                self._malformed("a dictionary needs two vectors of equal length")
            return Dictionary(names, values)
        self._malformed(f"objects of form {form} (type {type}) are not supported")

    cdef object _read_vector(self, int type, int form, int depth, dict bases):
        cdef int32_t rows = 0, columns = 0
        self._need(8)
        ddb_read_counts(&self.window, &rows, &columns)
        if rows < 0:
            self._malformed(f"negative row count {rows}")
        return self._read_cells(type, rows, form, depth, bases)

    cdef object _read_cells(self, int type, int64_t rows, int form, int depth, dict bases):
        cdef int64_t i
        if type == DDB_TYPE_STRING or type == DDB_TYPE_SYMBOL:
            return self._read_texts(rows, type, form)
        if type == DDB_TYPE_SYMBOL_BASE and form != DDB_FORM_SCALAR:
            return self._read_symbols(rows, form, bases)
        if type == DDB_TYPE_ANY and form == DDB_FORM_VECTOR:
            items = []
            for i in range(rows):
                items.append(self._read_object(depth + 1))
            return Column(type, items, form=form)
        if type == DDB_TYPE_VOID and form != DDB_FORM_SCALAR:
            # a VOID vector has no cells on the wire
            if rows > TRUSTED_BYTES:
                self._malformed(f"VOID vector of {rows} rows")
            return Column(type, np.zeros(rows, dtype=np.int8), form=form)
        dtype = _dtypes.get(type)
        if dtype is None:
            self._malformed(f"type {keys.TYPE_STRING.get(type, type)} is not supported")
        return Column(type, self._read_array(dtype, rows), form=form)

    cdef object _read_symbols(self, int64_t rows, int form, dict bases):
        cdef int32_t base = 0, count = 0
        cdef int64_t bad
        cdef cnp.ndarray indices
        self._need(8)
        ddb_read_counts(&self.window, &base, &count)
        if count < 0 or count > DDB_LIMIT_SYMBOLS:
            self._malformed(f"symbol base of {count} entries")
        if count:
            symbols = self._read_texts(count, DDB_TYPE_STRING, DDB_FORM_VECTOR)
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
        return Column(DDB_TYPE_SYMBOL, indices, form=form, symbols=symbols)

    cdef object _read_table(self, int depth):
        cdef int32_t rows = 0, columns = 0
        cdef int i, type = 0, form = 0
        self._need(8)
        ddb_read_counts(&self.window, &rows, &columns)
        if rows < 0 or columns < 1 or columns > TABLE_COLUMNS_LIMIT:
            self._malformed(f"table of {rows} rows and {columns} columns")
        name = self.read_text().decode(errors="replace")
        names = []
        for i in range(columns):
            names.append(self.read_text().decode(errors="replace"))
        bases = {}
        parts = []
        for i in range(columns):
            self._need(2)
            ddb_read_head(&self.window, &type, &form)
            if form != DDB_FORM_VECTOR:
                self._malformed(f"column {names[i]!r} has form {form}, not vector")
            column = self._read_vector(type, form, depth + 1, bases)
            if parts and len(column) != len(parts[0]):
                self._malformed(f"column {names[i]!r} has {len(column)} rows, the first has {len(parts[0])}")
            parts.append(column)
        return Table(names, parts, name)


cdef cnp.ndarray _grown(cnp.ndarray array, size_t used, size_t size):
    grown = np.empty(size, dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


def texts(cnp.ndarray data not None, cnp.ndarray offsets not None):
    """The texts of a STRING column as an object array of str.

    Parameters
    ----------
    data : ndarray of uint8
    offsets : ndarray of int64
        As `Column` has them.

    Returns
    -------
    ndarray of object
        Bytes that are not UTF-8 are dropped, as the official client does.
    """
    cdef Py_ssize_t i, count = offsets.shape[0] - 1
    cdef cnp.ndarray result
    cdef PyObject **cells
    cdef const int64_t *cuts
    cdef const char *bytes_
    cdef int64_t size
    cdef bint ascii
    cdef object text
    if data.ndim != 1 or offsets.ndim != 1 or count < 0 or data.dtype != np.uint8 or offsets.dtype != np.int64 \
            or not data.flags.c_contiguous or not offsets.flags.c_contiguous:
        raise ValueError("data must be contiguous uint8 and offsets contiguous int64, at least one")
    result = np.empty(count, dtype=object)
    cells = <PyObject **>cnp.PyArray_DATA(result)
    cuts = <const int64_t *>cnp.PyArray_DATA(offsets)
    bytes_ = cnp.PyArray_BYTES(data)
    size = data.shape[0]
    # looked at once: a third of the time of a short text goes into finding out that it is ASCII
    ascii = size == 0 or data.max() < 128
    for i in range(count):
        if cuts[i] < 0 or cuts[i + 1] < cuts[i] or cuts[i + 1] > size:
            raise ValueError(f"offsets of row {i} are outside the data")
        if ascii:
            text = PyUnicode_New(cuts[i + 1] - cuts[i], 127)
            memcpy(PyUnicode_DATA(text), bytes_ + cuts[i], cuts[i + 1] - cuts[i])
        else:
            text = PyUnicode_DecodeUTF8(bytes_ + cuts[i], cuts[i + 1] - cuts[i], b"ignore")
        Py_INCREF(text)
        Py_XDECREF(cells[i])
        cells[i] = <PyObject *>text
    return result


def decode(data):
    """The one object that `data` holds.

    Parameters
    ----------
    data : bytes-like

    Returns
    -------
    Column, Table or Dictionary

    Raises
    ------
    ProtocolError
        The bytes are malformed, end too early, or go on after the object.
    """
    rest = memoryview(data).cast("B")

    def fill(view):
        nonlocal rest
        size = min(len(view), len(rest))
        view[:size] = rest[:size]
        rest = rest[size:]
        return size

    reader = Reader(fill, window=min(max(len(rest), 64), 1 << 20))
    try:
        value = reader.read_object()
    except EOFError:
        raise ProtocolError("the object is cut short", reader.offset + reader.buffered) from None
    left = len(rest) + reader.buffered
    if left:
        raise ProtocolError(f"{left} bytes follow the object", reader.offset)
    return value

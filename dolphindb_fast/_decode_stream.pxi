# Bytes from a callable: the window, lines, arrays that grow with the bytes that arrive, and the memory budget.

cdef enum:
    # an object may need this many bytes of memory whatever it is, and so many for each byte received of it
    DEFAULT_ALLOWANCE = 1 << 20
    DEFAULT_EXPANSION = 256


cdef class _Stream:
    """What `Reader` knows about bytes; see there."""

    cdef object fill
    cdef object memory        # bytearray behind `data`; replaced, never resized, when the window grows
    cdef object view
    cdef ddb_window window
    cdef size_t capacity, first_capacity
    cdef int64_t consumed     # bytes dropped from the front of the window
    cdef int64_t start        # offset of the line or object being read
    cdef int64_t charged      # memory that the object being read needs, as far as it was read
    cdef int64_t expansion, allowance
    cdef bint complete        # all bytes that there will be were received: a decompressed column

    def __init__(self, fill, *, Py_ssize_t window=262144, int64_t expansion=DEFAULT_EXPANSION,
                 int64_t allowance=DEFAULT_ALLOWANCE):
        if not 0 <= expansion <= 1 << 20 or not 0 <= allowance <= 1 << 60:
            raise ValueError("expansion must be from 0 to 2**20 and allowance from 0 to 2**60")
        self.fill = fill
        self.expansion = expansion
        self.allowance = allowance
        self.first_capacity = max(window, 64)
        self._allocate(self.first_capacity)

    @property
    def offset(self):
        return self.consumed + <int64_t>self.window.position

    @property
    def buffered(self):
        return self.window.size - self.window.position

    def read_line(self, Py_ssize_t limit=1 << 20):
        """The bytes up to LF, without it and without a CR before it."""
        self._begin()
        line = self._read_until(10, limit, "line")
        return line[:len(line) - 1] if line.endswith(b"\r") else line

    def read_ok(self):
        """How many objects follow, if the two lines of an ordinary reply that says OK are at hand: ``wire: <session id>
        <count> <byte order>\\nOK\\n`` with a count of one digit. Else -1, and nothing is consumed."""
        cdef const uint8_t *line
        cdef size_t left, digits = 0
        self._begin()
        if self.window.size == self.window.position:
            self._more()
        line = self.window.data + self.window.position
        left = self.window.size - self.window.position
        while digits < left and 48 <= line[digits] <= 57:
            digits += 1
        line += digits
        if digits == 0 or left - digits < 8 or line[0] != 32 or not 48 <= line[1] <= 57 or line[2] != 32 \
                or not 48 <= line[3] <= 57 or memcmp(line + 4, b"\nOK\n", 4) != 0:
            return -1
        self.window.position += digits + 8
        return line[1] - 48

    def read_header(self, show=None):
        """The header line of any reply: session id, number of objects, byte order. Messages that were printed before it
        are given to `show`."""
        while True:
            line = self.read_line()
            if line != b"MSG":
                break
            message = self.read_text()
            if show is not None:
                show(message)
        fields = line.decode(errors="replace").split(" ")
        if len(fields) != 3 or not (fields[1].isascii() and fields[1].isdigit()) or len(fields[1]) > 18:
            raise ProtocolError(f"Received invalid header: {line[:200]!r}")
        return fields[0], int(fields[1]), fields[2]

    def read_text(self, Py_ssize_t limit=1 << 20):
        """The bytes up to NUL, without it."""
        self._begin()
        return self._read_until(0, limit, "text")

    def read_bytes(self, Py_ssize_t size):
        """Exactly `size` bytes."""
        if size < 0:
            raise ValueError(f"negative size {size}")
        self._begin()
        if size <= <Py_ssize_t>self.capacity:
            self._need(size)
            result = PyBytes_FromStringAndSize(<char *>self.window.data + self.window.position, size)
            self.window.position += size
            return result
        return self._read_array(_BYTES, size).tobytes()

    cdef int _begin(self) except -1:
        """A new line or object: its budget is its own, and a window that once had to grow is given back."""
        if self.capacity > 4 * self.first_capacity and self.window.size - self.window.position <= self.first_capacity:
            self._allocate(self.first_capacity)
        self.start = self.consumed + <int64_t>self.window.position
        self.charged = 0
        return 0

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

    cdef Py_ssize_t _filled(self, object view) except -1:
        """Ask for bytes; returns how many came, at least one."""
        cdef Py_ssize_t got = self.fill(view)
        if got <= 0:
            raise EOFError("the stream ended")
        if got > len(view):
            raise ValueError("fill returned more bytes than there was room for")
        return got

    cdef int _more(self) except -1:
        """Get at least one more byte into the window."""
        cdef size_t left = self.window.size - self.window.position
        if self.window.position and (left == 0 or self.capacity - self.window.size < self.capacity // 4):
            memmove(<void *>self.window.data, self.window.data + self.window.position, left)
            self.consumed += <int64_t>self.window.position
            self.window.position = 0
            self.window.size = left
        if self.window.size == self.capacity:
            self._allocate(self.capacity * 2)
        self.window.size += self._filled(self.view[self.window.size:])
        return 0

    cdef int _need(self, size_t size) except -1:
        while self.window.size - self.window.position < size:
            self._more()
        return 0

    cdef object _malformed(self, str text):
        # the place in a decompressed column would say little
        raise ProtocolError(text, None if self.complete else self.offset - self.start)

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

    # -- memory -------------------------------------------------------------------------------------------------

    cdef int64_t _budget(self):
        """Memory that the object may still take."""
        return self.allowance + self.expansion * (self.consumed + <int64_t>self.window.size - self.start) - self.charged

    cdef int _charge(self, int64_t size) except -1:
        """Count `size` bytes of memory. What plain cells need is always within the default limits; numbers that no
        bytes prove (VOID cells, compressed columns) may be beyond."""
        self.charged += size
        if self._budget() < 0:
            self._exhausted()
        return 0

    cdef object _exhausted(self):
        if self.complete:
            self._malformed(f"it needs more memory than the {self.allowance} bytes left of the limit")
        self._malformed(
            f"the object needs more memory than {self.expansion} times the bytes received and {self.allowance} bytes"
        )

    cdef int64_t _room(self, int64_t have, int64_t total) except -1:
        """The bytes that an array of `have` bytes, of which `total` are announced, grows to; they are counted.

        It grows with what arrives, so that a false total takes no memory.
        """
        cdef int64_t left = self._budget()  # while it grows there are two
        cdef int64_t room = total if self.complete and not have else min(total, max(2 * have, left // 4))
        if room > left:
            room = left if have or not self.complete else 0
        if room <= have and total > have:
            self._exhausted()
        self.charged += room - have
        return room

    cdef cnp.ndarray _extend(self, cnp.ndarray raw, int64_t used, int64_t size, int64_t total):
        """Read `size` bytes behind the first `used` of `raw`, which grows to at most `total` as they arrive."""
        cdef int64_t end = used + size, stop
        cdef size_t part
        while used < end:
            if used == raw.shape[0]:
                raw = _grown(raw, used, self._room(raw.shape[0], total))
            stop = min(end, <int64_t>raw.shape[0])
            part = min(<size_t>(stop - used), self.window.size - self.window.position)
            if part:
                memcpy(cnp.PyArray_BYTES(raw) + used, self.window.data + self.window.position, part)
                self.window.position += part
                used += part
            elif <size_t>(stop - used) >= self.capacity // 2:
                part = self._filled(memoryview(raw)[used:stop])
                used += part
                self.consumed += part
            else:
                self._more()
        return raw

    cdef object _read_array(self, object dtype, int64_t count):
        """`count` cells straight into the memory of their final array."""
        cdef int64_t total = count * <int64_t>dtype.itemsize
        cdef size_t size = total
        cdef cnp.ndarray raw
        if size <= self.window.size - self.window.position:
            self._charge(size)
            raw = np.empty(count, dtype=dtype)
            memcpy(cnp.PyArray_BYTES(raw), self.window.data + self.window.position, size)
            self.window.position += size
            return raw
        return self._extend(np.empty(self._room(0, total), dtype=_BYTES), 0, total, total).view(dtype)


cdef cnp.ndarray _grown(cnp.ndarray array, int64_t used, int64_t size):
    grown = np.empty(size, dtype=array.dtype)
    grown[:used] = array[:used]
    return grown


cdef cnp.ndarray _trimmed(cnp.ndarray array, int64_t used):
    """The first `used` cells; memory is given back if much is unused."""
    return array[:used].copy() if array.shape[0] > used + used // 4 else array[:used]

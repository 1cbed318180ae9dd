# Rows that are inserted one by one: where they wait, and what a batch of them is on the wire.

from threading import Lock

cdef extern from "Python.h":
    PyObject *PyList_GET_ITEM(object items, Py_ssize_t place)
    PyObject *PyTuple_GET_ITEM(PyObject *items, Py_ssize_t place)
    bint is_exact_tuple "PyTuple_CheckExact"(PyObject *value)
    Py_ssize_t tuple_size "PyTuple_GET_SIZE"(PyObject *value)


# -- where they wait ------------------------------------------------------------------------------------------
#
# Nothing in here gives the GIL up between a look and what follows from it, so that no lock is needed.

@cython.final
cdef class RowQueue:
    """Rows on their way to one thread, in the order in which they came.

    Attributes
    ----------
    count : int
        Rows in it.
    pending : int
        Of a writer: rows that it took and that are to be written, or have no reply yet.
    limit : int
        Of a writer: how many these may be; negative: it takes no more.
    """

    cdef list rows          # tuples since the last table
    cdef list closed        # before these: lists of tuples, and what `put` was given
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t wake_at  # rows for which the thread waits, 0: it does not wait
    cdef bint poked
    cdef object gate
    cdef readonly int64_t pending
    cdef public int64_t limit

    def __init__(self):
        self.rows = []
        self.closed = []
        self.gate = Lock()
        self.gate.acquire()
        self.limit = -1

    cdef int wake(self) except -1:
        self.wake_at = 0
        # it may have been released just when the wait for it was over
        if self.gate.locked():
            self.gate.release()
        return 0

    def extend(self, list rows):
        """Rows that are counted as pending already."""
        self.rows.extend(rows)
        self.count += len(rows)
        if self.wake_at and self.count >= self.wake_at:
            self.wake()

    def put(self, table, Py_ssize_t count):
        """What leaves as a whole, and without waiting for more; not counted as pending."""
        fresh = []
        if self.rows:
            self.closed.append(self.rows)
            self.rows = fresh
        self.closed.append(table)
        self.count += count
        if self.wake_at:
            self.wake()

    def take(self):
        """All that is in it: lists of tuples, and what `put` was given."""
        closed, rows = [], []
        closed, self.closed = self.closed, closed
        rows, self.rows = self.rows, rows
        self.count = 0
        if rows:
            closed.append(rows)
        return closed

    def poke(self):
        """Whoever waits, or will wait next, is to look around."""
        self.poked = True
        if self.wake_at:
            self.wake()

    def wait(self, Py_ssize_t rows, seconds=None):
        """Until there are so many rows, or something to leave at once, or a poke."""
        if not (self.poked or self.closed or self.count >= rows):
            self.wake_at = rows
            try:
                self.gate.acquire(True, -1 if seconds is None else max(seconds, 0))
            finally:
                self.wake_at = 0
        self.poked = False

    @property
    def is_urgent(self):
        """Whether something is to leave at once."""
        return len(self.closed) > 0

    def add_pending(self, int64_t rows):
        """More of them, fewer if negative."""
        self.pending += rows


cdef class RowWriter:
    """What takes the rows of a `writer.MultithreadedTableWriter`."""

    cdef RowQueue queue
    cdef Py_ssize_t width
    cdef object accepted

    def __cinit__(self):
        self.width = -1

    def _begin(self, RowQueue queue not None, Py_ssize_t width, accepted):
        self.queue = queue
        self.width = width
        self.accepted = accepted

    def insert(self, *args):
        """Insert one row: a value for each column.

        Returns when the row is in the queue. Nothing is looked at but the number of values: a value that can't become
        its column's type ends the writer when its batch is made, and is told by `getStatus`.

        Parameters
        ----------
        *args : object
            The values, in the order of the table's columns.

        Returns
        -------
        ErrorCodeInfo
            ``errorCode`` is empty; ``"A2"`` if the number of values is wrong; ``"Dropped"`` if the queue is full and
            ``whenFull="drop"``. The row was not taken in the latter two.

        Raises
        ------
        RuntimeError
            The writer has ended: by an error, or by `waitForThreadCompletion`.
        QueueFull
            There is no room, with ``whenFull="raise"``, or none for ``blockTimeout`` seconds.
        """
        cdef RowQueue queue = self.queue
        if PyTuple_GET_SIZE(args) != self.width or queue.pending >= queue.limit:
            return self._insert_slowly(args)
        queue.rows.append(args)
        queue.pending += 1
        queue.count += 1
        if queue.wake_at and queue.count >= queue.wake_at:
            queue.wake()
        return self.accepted


# -- on the wire ----------------------------------------------------------------------------------------------

cdef int put_inserted(Encoder self, list rows, Target target) except -1:
    """Tuples, one a row, as a table whose columns have the types of the target's."""
    cdef Py_ssize_t i, count = len(rows), columns = len(target.names)
    cdef PyObject *row
    cdef list methods
    cdef tuple spec
    for i in range(count):
        row = PyList_GET_ITEM(rows, i)
        if not is_exact_tuple(row) or tuple_size(row) != columns:
            raise UsageError(f"{target.place}: row {i} is no tuple of {columns} values")
    if count > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{target.place}: {count} rows; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    self.place = target.place
    self.frame = target
    self.put_head(0, DDB_FORM_TABLE)
    self.put_counts(count, columns)
    # the table's own name is empty
    self.put(b"\0", 1)
    self.put_bytes(target.encoded)
    self.symbol_bases = 0
    methods = take_methods(self, target.names, columns)
    for i in range(columns):
        self.error.column = <int>i
        spec = target.specs[i]
        put_packed(self, methods[i], put_inserted_column, rows, count, (i, spec[0], spec[1]))
    self.frame = None
    self.error.column = -1
    self.rows += count
    return 0


def inserted_column(list rows not None, Py_ssize_t place, Target target not None):
    """The wire bytes of one value of each tuple, as a vector of the type that the target's only column has."""
    cdef Encoder encoder = Encoder()
    cdef tuple spec = target.specs[0]
    encoder.begin(True)
    try:
        encoder.place = target.place
        encoder.frame = target
        encoder.error.column = 0
        put_inserted_column(encoder, rows, len(rows), (place, spec[0], spec[1]))
        return encoder.join()
    finally:
        encoder.end()


def spread_rows(list rows not None, cnp.ndarray numbers not None, Py_ssize_t lists):
    """So many lists: each row is in the one whose number it has."""
    # borrowed from `places`
    cdef cnp.ndarray places = np.ascontiguousarray(numbers, dtype=np.int64)
    cdef const int64_t *place = <const int64_t *>cnp.PyArray_DATA(places)
    cdef Py_ssize_t count = places.size
    cdef list parts = [[] for _ in range(lists)]
    cdef Py_ssize_t i
    if count != len(rows):
        raise ValueError(f"{count} numbers for {len(rows)} rows")
    for i in range(count):
        if not 0 <= place[i] < lists:
            raise ValueError(f"there is no list {place[i]}")
        (<list>parts[place[i]]).append(rows[i])
    return parts


cdef int put_inserted_column(Encoder self, object rows, Py_ssize_t count, object spec) except -1:
    """One value of each tuple."""
    cdef list items = rows
    cdef Py_ssize_t column = spec[0], i
    cdef int type = spec[1], scale = spec[2], width, status
    cdef uint8_t *target
    cdef PyObject **cells
    for i in range(count):
        if not is_exact_tuple(PyList_GET_ITEM(items, i)) or tuple_size(PyList_GET_ITEM(items, i)) <= column:
            raise UsageError(f"row {i} is no tuple of more than {column} values")
    width = cell_width(type)
    self.target = type
    if width:
        self.put_vector_head(type, count)
        put_scale(self, type, scale)
        target = reserve(&self.request.out, <size_t>count * width)
        for i in range(count):
            status = write_inserted(
                <object>PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), column), type, scale, target + i * width)
            if status != DDB_OK:
                refuse_cell(self, status, items[i][column], i)
        self.request.out.size += <size_t>count * width
        return 0
    cells = <PyObject **>PyMem_Malloc(max(count, 1) * sizeof(PyObject *))
    if cells == NULL:
        raise MemoryError()
    try:
        for i in range(count):
            cells[i] = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), column)
        if type in text_types:
            keep_text(self, cells, count)
            self.array = _Inserted(items, column)
        return put_object_column(self, <const char *>cells, sizeof(PyObject *), count, type, scale)
    finally:
        self.array = None
        PyMem_Free(cells)


class _Inserted:
    """A column of rows, for error messages."""

    def __init__(self, rows, column):
        self.rows, self.column = rows, column

    def __getitem__(self, row):
        return self.rows[row][self.column]


cdef int keep_text(Encoder self, PyObject **cells, Py_ssize_t rows) except -1:
    """Nulls of every kind become None; what is neither that nor text is refused, as the official writer refuses it."""
    cdef cell_value value
    cdef Py_ssize_t i
    for i in range(rows):
        if PyUnicode_Check(<object>cells[i]):
            continue
        read_cell(<object>cells[i], &value)
        if value.kind == CELL_NULL or value.rank != RANK_VALUE:
            cells[i] = <PyObject *>None
        elif value.kind != CELL_BYTES:
            refuse_cell(self, DDB_ERR_KIND, <object>cells[i], i)
    return 0


cdef int write_inserted(object value, int type, int scale, uint8_t *target) except -1:
    """The cell of a fixed-width type, as `write_cell`, but infinities and empty text are NULL as in the official
    writer, and no fraction is cut off."""
    cdef double real
    cdef int flags = CELLS_LIST
    if PyFloat_Check(value):
        real = PyFloat_AS_DOUBLE(value)
        if real != real or isinf(real):
            return write_null(type, target)
        if type == DDB_TYPE_DOUBLE:
            memcpy(target, &real, sizeof(real))
            return DDB_OK
        if is_decimal(type):
            value = Decimal(repr(real))
    elif PyUnicode_Check(value):
        if PyUnicode_GET_LENGTH(value) == 0:
            return write_null(type, target)
        if is_decimal(type):
            value = read_number_text(value)
    elif PyBytes_Check(value):
        if PyBytes_GET_SIZE(value) == 0:
            return write_null(type, target)
    elif is_decimal(type) and isinstance(value, np.floating):
        return write_inserted(float(value), type, scale, target)
    if type >= DDB_TYPE_CHAR and type <= DDB_TYPE_LONG:
        flags |= CELLS_EXACT
    return write_cell(value, type, scale, flags, target)


cdef object read_number_text(object text):
    """The Decimal that a text says; the text itself if it says none."""
    try:
        found = Decimal(text)
    except decimal.InvalidOperation:
        return text
    return found if found.is_finite() else text

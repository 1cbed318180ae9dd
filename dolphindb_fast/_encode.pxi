# Objects -> request. Never knows a socket; frames are handed on to _frame.

cdef enum:
    # Scratch above this is given back by the first call that needs less than half of it: a loop over large
    # frames keeps its memory (fresh pages cost as much as filling them), a single large frame does not.
    SCRATCH_CAP = 8 << 20
    # From so many wire bytes on their cells take longer than handing the GIL to another thread and back.
    RELEASE_BYTES = 64 << 10
    DEPTH_LIMIT = 64

cdef extern from "Python.h":
    # given no list the slice goes away; `clear` is looked up by name for each call
    int empty_list "PyList_SetSlice"(list full, Py_ssize_t start, Py_ssize_t stop, PyObject *nothing) except -1

# classes whose objects export Arrow data -> whether as one array too; filled by `is_arrow`
cdef dict exporters = {}

# conversions that change nothing, by cell size: the wire's own cells
cdef int copy_conversion(Py_ssize_t size):
    if size == 1:
        return DDB_CONV_COPY8
    if size == 2:
        return DDB_CONV_COPY16
    return DDB_CONV_COPY32 if size == 4 else DDB_CONV_COPY64


cdef inline uint8_t *reserve(ddb_arena *arena, size_t size) except NULL:
    cdef uint8_t *target = ddb_arena_reserve(arena, size)
    if target == NULL:
        raise MemoryError()
    return target


cdef str type_name(int type):
    return keys.TYPE_STRING.get(DDB_TYPE_SYMBOL if type == DDB_TYPE_SYMBOL_BASE else type, str(type))


cdef bytes encoded_text(str text, str what):
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} holds a lone surrogate at position {error.start}, which has no UTF-8 form") from None


cdef bytes encoded_name(str name, str what):
    """A name that stands in a line of the request: a newline would end the line, a NUL the text."""
    if "\n" in name or "\0" in name:
        raise UsageError(f"{what} {name!r} holds a newline or NUL character, which would break the request")
    return encoded_text(name, what)


# the loops that new encoders use
cdef const ddb_kernels *active_kernels = ddb_kernels_select(DDB_KERNELS_COUNT)


def _select_kernels(str name=None):
    """Let new encoders use the loops of one instruction set: "baseline", "avx2" or "avx512"; None is the best that
    this processor has. Returns the name of the set in use, a lesser one where the processor lacks it."""
    global active_kernels
    levels = {None: DDB_KERNELS_COUNT, "baseline": DDB_KERNELS_BASELINE, "avx2": DDB_KERNELS_AVX2,
              "avx512": DDB_KERNELS_AVX512}
    if name not in levels:
        raise UsageError(f"no instruction set {name!r}; there are baseline, avx2 and avx512")
    active_kernels = ddb_kernels_select(levels[name])
    return active_kernels.name.decode()


@cython.final
@cython.freelist(4)
cdef class _Scratch:
    """What a memoryview from `Encoder.encode` looks at. Memory that is still looked at when the encoder needs its
    scratch again passes to this object, and the encoder takes new memory: a view never dangles."""

    cdef uint8_t *memory
    cdef Py_ssize_t size[1]
    cdef int exports
    cdef bint owns

    def __dealloc__(self):
        if self.owns:
            free(self.memory)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = self.memory
        buffer.len = self.size[0]
        buffer.obj = self
        buffer.readonly = 1
        buffer.itemsize = 1
        buffer.format = b"B"
        buffer.ndim = 1
        buffer.shape = self.size
        buffer.strides = &buffer.itemsize
        buffer.suboffsets = NULL
        buffer.internal = NULL
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.exports -= 1


@cython.final
cdef class Encoder:
    """Turns objects into wire bytes, in memory that is reused from call to call.

    One encoder serves one thread at a time. Keep it: its memory settles at the size of the frames.
    """

    cdef const ddb_kernels *kernels
    cdef ddb_request request
    cdef ddb_error error
    cdef _Scratch scratch     # looks at request.out; None if nobody was given a view
    cdef ddb_arena numbers    # int32 symbol numbers by category, all zero between columns
    cdef ddb_arena picks      # the categories that a column uses, or the numbers of its words
    cdef ddb_words words      # the distinct texts of a column
    cdef list borrowed        # objects whose memory the request points into
    cdef bint busy
    cdef int64_t rows         # table rows put since begin
    cdef int64_t mark         # for whoever uses it
    cdef int symbol_bases     # symbol bases put in the current table
    cdef int target           # wire type of the current column, for error messages
    cdef object place         # function or variable name, for error messages
    cdef object frame         # the frame at work, for error messages
    cdef object array         # the array at work that is no column of it, for error messages
    cdef object methods       # how the columns of the next table are compressed; None: not at all
    cdef bytes fitted         # what the names of the next table must be, as they are sent; None: anything
    cdef Encoder inner        # takes a column that may be compressed; None before the first
    cdef bint packed          # this is such an encoder
    cdef list path            # indices of the ANY vectors at work, outermost first, for error messages

    def __cinit__(self):
        self.kernels = active_kernels
        ddb_request_init(&self.request)
        ddb_arena_init(&self.numbers)
        ddb_arena_init(&self.picks)
        ddb_words_init(&self.words)
        self.borrowed = []
        self.path = []

    def __dealloc__(self):
        self.part_with_scratch()
        ddb_request_release(&self.request)
        ddb_arena_release(&self.numbers)
        ddb_arena_release(&self.picks)
        ddb_words_release(&self.words)

    def encode(self, obj):
        """The wire bytes of one object, in reused memory.

        Parameters
        ----------
        obj
            As for `dumps`.

        Returns
        -------
        memoryview
            Read-only, of uint8; its contents are valid until the next call.

        Raises
        ------
        ConversionError
            The object can't be sent: `UnsupportedTypeError` or `ValueRefused`.
        UsageError
            The encoder is at work already: in another thread, or called from a cell's ``__str__``.
        """
        cdef _Scratch scratch
        if not self.busy:
            self.part_with_scratch()
        self.begin(True)
        try:
            self.put_argument(obj)
        finally:
            self.end()
        scratch = _Scratch.__new__(_Scratch)
        scratch.memory = self.request.out.data
        scratch.size[0] = self.request.out.size
        self.scratch = scratch
        return PyMemoryView_FromObject(scratch)

    cdef void part_with_scratch(self):
        """Leave memory that a view looks at to that view; make the views' owner forget memory that none does."""
        if self.scratch is None:
            return
        if self.scratch.exports:
            self.scratch.owns = True
            ddb_arena_init(&self.request.out)
        else:
            self.scratch.memory = NULL
            self.scratch.size[0] = 0
            ddb_arena_trim(&self.request.out, SCRATCH_CAP)
        self.scratch = None

    def _produce(self, obj):
        """Produce every piece of `obj` as the link would pull them, join nothing; returns the bytes. For measuring."""
        cdef ddb_piece pieces[64]
        cdef int count = 1, i
        cdef size_t total = 0
        self.begin(False)
        try:
            self.put_argument(obj)
            with nogil:
                while count > 0:
                    count = ddb_request_next(&self.request, pieces, 64, &self.error)
                    for i in range(count):
                        total += pieces[i].size
            if count < 0:
                self.raise_error()
        finally:
            self.end()
        return total

    cdef bytes join(self):
        """All that was put, as one bytes object."""
        cdef ddb_piece pieces[16]
        cdef size_t total = ddb_request_size(&self.request)
        cdef size_t done = 0
        cdef int count, i
        result = PyBytes_FromStringAndSize(NULL, total)
        cdef char *target = PyBytes_AS_STRING(result)
        while True:
            count = ddb_request_next(&self.request, pieces, 16, &self.error)
            if count < 0:
                self.raise_error()
            if count == 0:
                break
            for i in range(count):
                if pieces[i].size > total - done:
                    raise ConversionError("the object changed while it was being encoded")
                memcpy(target + done, pieces[i].data, pieces[i].size)
                done += pieces[i].size
        if done != total:
            raise ConversionError("the object changed while it was being encoded")
        return result

    cdef int begin(self, bint joined) except -1:
        """Start a request; `joined`: all of it ends up in `request.out`."""
        if self.busy:
            raise UsageError("the encoder is already at work")
        self.busy = True
        self.rows = 0
        self.error.column = -1
        ddb_request_reset(&self.request, joined)
        return 0

    cdef int end(self) except -1:
        self.busy = False
        self.place = None
        self.frame = None
        if self.borrowed:
            empty_list(self.borrowed, 0, len(self.borrowed), NULL)
        # what was joined is still wanted: by a view, or gathered for a batch
        if not self.request.joined:
            ddb_request_trim(&self.request, SCRATCH_CAP)
        return 0

    cdef int resume(self) except -1:
        """Go on behind what was put before, to gather several requests."""
        if self.busy:
            raise UsageError("the encoder is already at work")
        self.busy = True
        return 0

    cdef int pause(self, size_t size, int64_t rows) except -1:
        """Keep the first `size` bytes and `rows` rows of what was gathered."""
        ddb_request_truncate(&self.request, size)
        self.rows = rows
        return self.end()

    # -- errors -----------------------------------------------------------------------------------------------

    cdef str where(self, int64_t row):
        text = f"{self.place}: " if self.place is not None else ""
        for index in self.path:
            text += f"index {index}: "
        if self.error.column >= 0:
            text += describe_column(self.frame, self.error.column)
            if self.target >= 0:
                text += f" to {type_name(self.target)}"
            if row >= 0:
                text += f", row {row}"
            text += ": "
        elif row >= 0:
            text += f"index {row}: "
        return text

    cdef int raise_error(self) except -1:
        """Raise what C found, with the names that only Python knows."""
        cdef int64_t row = self.error.row
        if self.error.code == DDB_ERR_MEMORY:
            raise MemoryError()
        reason = ddb_status_text(self.error.code).decode()
        # Arrow itself would end the process if it were asked for a value of such an array
        lies = self.error.code in (DDB_ERR_OFFSETS, DDB_ERR_CODE)
        value = "" if lies else describe_value(self.frame, self.error.column, row)
        if self.array is not None and row >= 0:
            value = f": {shown(self.array[row])}"
        raise ValueRefused(f"{self.where(row)}{reason}{value}")

    cdef int refuse_type(self, str reason, int64_t row=-1) except -1:
        raise UnsupportedTypeError(f"{self.where(row)}{reason}")

    cdef int refuse_category(self, object category) except -1:
        """Raise what C found in a category, which belongs to no one row."""
        reason = ddb_status_text(self.error.code).decode()
        text = ascii(category)
        if len(text) > 80:
            text = text[:77] + "..."
        raise ValueRefused(f"{self.where(-1)}category {text}: {reason}") from None

    cdef inline int check(self, int status) except -1:
        if status != DDB_OK:
            self.raise_error()
        return 0

    # -- parts ------------------------------------------------------------------------------------------------

    cdef int put(self, const void *data, size_t size) except -1:
        return self.check(ddb_request_put(&self.request, data, size, &self.error))

    cdef int put_bytes(self, bytes data) except -1:
        return self.put(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int put_head(self, int type, int form) except -1:
        cdef uint8_t head[2]
        head[0] = <uint8_t>type
        head[1] = <uint8_t>form
        return self.put(head, 2)

    cdef int put_counts(self, int64_t first, int64_t second) except -1:
        cdef int32_t counts[2]
        counts[0] = <int32_t>first
        counts[1] = <int32_t>second
        return self.put(counts, 8)

    cdef int put_symbol_head(self, int form, int64_t rows, int64_t words) except -1:
        """What stands before the words of a symbol vector, of which the first is the empty text."""
        cdef int32_t counts[4]
        counts[0] = <int32_t>rows
        counts[1] = 1
        counts[2] = self.symbol_bases
        counts[3] = <int32_t>words
        self.symbol_bases += 1
        self.put_head(DDB_TYPE_SYMBOL_BASE, form)
        return self.put(counts, sizeof(counts))

    cdef int put_vector_head(self, int type, int64_t rows) except -1:
        self.target = type
        return self.check(ddb_request_put_vector(&self.request, type, rows, &self.error))

    cdef int put_column(self, const char *data, ptrdiff_t stride, int64_t rows, int conversion, bint swap) except -1:
        cdef ddb_column column
        column.kernels = self.kernels
        column.data = data
        column.stride = stride
        column.rows = rows
        column.conversion = <uint8_t>conversion
        column.swap = swap
        return self.check(ddb_request_put_column(&self.request, &column, &self.error))

    cdef int settle(self) except -1:
        """Look at the cells of all large columns that were put, in one piece, so that the GIL is given up once."""
        cdef int status
        if self.request.pending_bytes == 0:
            return 0
        if self.request.pending_bytes < RELEASE_BYTES:
            status = ddb_request_settle(&self.request, &self.error)
        else:
            with nogil:
                status = ddb_request_settle(&self.request, &self.error)
        if status != DDB_OK:
            self.target = self.request.type
            self.raise_error()
        return 0

    cdef int32_t *zero_numbers(self, int64_t count) except NULL:
        """Room for `count` symbol numbers, zero; whoever writes some sets them back to zero. Clearing all of them for
        each column would cost more than the rest for a short column of many categories."""
        cdef size_t size = <size_t>count * sizeof(int32_t)
        if self.numbers.size < size:
            ddb_arena_reset(&self.numbers)
            reserve(&self.numbers, size)
            self.numbers.size = self.numbers.capacity
            memset(self.numbers.data, 0, self.numbers.size)
        return <int32_t *>self.numbers.data

    # -- text that lies in Python objects -----------------------------------------------------------------------

    cdef int put_object_text(self, const char *cells, ptrdiff_t stride, int64_t rows) except -1:
        """Cells of an object array as NUL-terminated text: nulls are empty, what is no text goes through str()."""
        cdef ddb_arena *out = &self.request.out
        cdef size_t start
        cdef uint8_t *target
        cdef uint8_t *end
        cdef int64_t done, i = 0
        if self.request.joined and self.request.pending_bytes and rows * 16 > DDB_DEFER_SIZE:
            # else these texts would have to move when the columns before them are written
            self.settle()
        start = out.size
        target = reserve(out, <size_t>rows * 16 + DDB_COPY_SLACK)
        end = out.data + out.capacity
        while True:
            done = i
            i = put_ascii_run(cells, stride, i, rows, &target, end)
            i = put_wide_run(cells, stride, i, rows, &target, end)
            if i == rows:
                break
            if i > done:
                continue
            out.size = target - out.data
            self.put_cell((<PyObject **>(cells + i * stride))[0], i)
            i += 1
            # room for what is left, at what a cell took so far but at least 8 bytes
            target = reserve(out, <size_t>(rows - i) * max(<size_t>8, (out.size - start) // <size_t>i) + DDB_COPY_SLACK)
            end = out.data + out.capacity
        out.size = target - out.data
        if self.kernels.count_zeros(out.data + start, out.size - start) != rows:
            self.refuse_nul(cells, stride, rows)
        return 0

    cdef int put_cell(self, PyObject *cell, int64_t row) except -1:
        """One cell of a text column, whatever it is, with its NUL."""
        cdef object value
        if cell == NULL:
            value = None
        else:
            value = <object>cell
            if not isinstance(value, str):
                value = None if is_null(value) else text_of(value)
        return self.put_text_unchecked(value, row)

    cdef int refuse_text(self, object text, int64_t size, int64_t row) except -1:
        if size < 0:
            ddb_fail(&self.error, DDB_ERR_SURROGATE, row, -1 - size)
        else:
            ddb_fail(&self.error, DDB_ERR_LENGTH, row, size)
        return self.raise_error()

    cdef int refuse_nul(self, const char *cells, ptrdiff_t stride, int64_t rows) except -1:
        cdef int64_t i
        cdef PyObject *cell
        for i in range(rows):
            cell = (<PyObject **>(cells + i * stride))[0]
            if cell == NULL or is_null(<object>cell):
                continue
            value = <object>cell
            if (b"\0" in value) if isinstance(value, bytes) else ("\0" in str(value)):
                break
        else:
            i = -1
        ddb_fail(&self.error, DDB_ERR_NUL, i, 0)
        return self.raise_error()

    cdef int put_text_unchecked(self, object text, int64_t row) except -1:
        """One text (str, bytes, None) with its NUL; the caller looks for NULs inside."""
        cdef ddb_arena *out = &self.request.out
        cdef uint8_t *target = reserve(out, text_room(text))
        cdef int64_t size
        size = write_text(text, target)
        if size < 0 or size > DDB_LIMIT_TEXT:
            self.refuse_text(text, size, row)
        target[size] = 0
        out.size += size + 1
        return 0

    cdef int put_text(self, object text) except -1:
        """One text (str or bytes) with its NUL."""
        cdef size_t start = self.request.out.size
        self.put_text_unchecked(text, -1)
        if self.kernels.count_zeros(self.request.out.data + start, self.request.out.size - start) != 1:
            ddb_fail(&self.error, DDB_ERR_NUL, -1, 0)
            self.raise_error()
        return 0

    # -- whole objects ------------------------------------------------------------------------------------------

    cdef int put_argument(self, object obj) except -1:
        """Append one object, whole: nothing of it has to be looked at any more but to be sent."""
        self.put_object(obj)
        return self.settle()

    cdef int put_object(self, object obj) except -1:
        """Append one object of any supported kind."""
        if is_frame(obj):
            return self.put_frame(obj, None)
        if obj is None or PyUnicode_Check(obj) or PyLong_Check(obj) or PyFloat_Check(obj):
            return put_scalar(self, obj)
        if PyList_Check(obj) or PyTuple_Check(obj):
            return put_sequence(self, items_of(obj), CELLS_LIST)
        if PyDict_Check(obj):
            return put_dict(self, obj)
        if PyAnySet_Check(obj):
            return put_set(self, obj)
        if cnp.PyArray_Check(obj):
            return put_ndarray(self, obj)
        if type(obj) in exporters:
            return put_arrow_data(self, obj, None)
        if is_neutral(obj):
            return put_neutral(self, obj)
        if is_series(obj):
            return put_series_values(self, obj)
        if isinstance(obj, TypedFrame):
            return put_typed_frame(self, obj)
        return put_scalar(self, obj)

    cdef bint are_fitted(self, size_t start):
        """Whether the names that were put are the wanted ones; tables in the cells have names of their own."""
        cdef size_t size = self.request.out.size - start
        if size != <size_t>PyBytes_GET_SIZE(self.fitted) \
                or memcmp(self.request.out.data + start, PyBytes_AS_STRING(self.fitted), size) != 0:
            return False
        self.fitted = None
        return True

    cdef int put_frame(self, object frame, dict types) except -1:
        """Append a DataFrame as a table; `types` are those that `typed` was given, or None."""
        self.frame = frame
        self.error.column = -1
        self.target = -1
        put_frame_columns(self, frame, types)
        self.settle()
        self.frame = None
        self.error.column = -1
        return 0


def dumps(obj):
    """The wire bytes of one object.

    Parameters
    ----------
    obj
        A DataFrame, Series, Index or ndarray; a scalar of Python, numpy or pandas; a list, tuple, set or dict of such;
        a neutral value of `column`; what `table` returned; or data of any library that has the Arrow PyCapsule protocol
        (``__arrow_c_stream__``, ``__arrow_c_array__``), a structure as a table, anything else as a vector. What each
        dtype becomes stands in `dtypes.RULES`; text is STRING, a Categorical of text SYMBOL. In a column of objects the
        first value that is no null decides.

    Returns
    -------
    bytes
        What the official client 3.0.6.1 sends for the object, but for the documented differences.

    Raises
    ------
    ConversionError
        The object can't be sent: `UnsupportedTypeError` or `ValueRefused`, naming column, row, dtype and target.
    """
    cdef Encoder encoder = Encoder()
    encoder.begin(False)
    encoder.put_argument(obj)
    return encoder.join()

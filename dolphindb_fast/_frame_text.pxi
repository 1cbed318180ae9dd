# Columns of a frame that hold text in Arrow's layout, and Categoricals: the part of _frame that looks into extension arrays.

# -- text in Arrow's layout -----------------------------------------------------------------------------------

@cython.freelist(16)
@cython.final
cdef class _ArrowChunk:
    """Owner of one chunk of text that Arrow's C data interface handed over."""

    cdef ddb_arrow_array array

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


cdef object arrow_of(object values):
    """The pyarrow array behind an Arrow-backed pandas array."""
    array = getattr(values, "_pa_array", None)
    return values.__arrow_array__() if array is None else array


# Through the C stream interface: one call into pyarrow where its own objects (a chunk, its list of buffers, address
# and size of each) take six, and 0.23 us instead of 0.38 for a column of one chunk.

cdef ddb_arrow_stream *text_stream(Encoder self, object array, object capsule, ddb_arrow_text *text) except NULL:
    """The stream in a capsule that `array` made, which must live as long; what all its chunks share is set in `text`."""
    cdef ddb_arrow_stream *stream = <ddb_arrow_stream *>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    cdef ddb_arrow_schema schema
    cdef char kind = 0
    if stream.get_schema(stream, &schema) != 0:
        raise ConversionError(f"{self.where(-1)}the Arrow column can't be read")
    if schema.format[0] != 0 and schema.format[1] == 0:
        kind = schema.format[0]
    schema.release(&schema)
    if kind != c"u" and kind != c"U":
        self.refuse_type(f"Arrow type {array.type} can't be sent as text")
    text.kernels = self.kernels
    text.wide = kind == c"U"
    text.rows = 0
    text.first_row = 0
    return stream


cdef bint next_chunk(Encoder self, ddb_arrow_stream *stream, ddb_arrow_array *array, ddb_arrow_text *text) except -1:
    """Describe the next chunk, whose owner is then the caller; 0 at the end. The lengths of its buffers are those that
    the interface promises; its offsets are checked when it is put."""
    text.first_row += text.rows
    text.rows = 0
    if stream.get_next(stream, array) != 0:
        raise ConversionError(f"{self.where(-1)}the Arrow column can't be read")
    if array.release == NULL:
        return False
    if array.length == 0:
        return True
    if array.n_buffers != 3 or array.length < 0 or array.offset < 0 or array.buffers[1] == NULL:
        array.release(array)
        raise ConversionError(f"{self.where(-1)}the Arrow column's buffers are not those of text")
    text.rows = array.length
    text.bit_offset = array.offset
    text.validity = NULL if array.null_count == 0 else <const uint8_t *>array.buffers[0]
    text.offsets = <const char *>array.buffers[1] + array.offset * (8 if text.wide else 4)
    text.data = <const uint8_t *>array.buffers[2]
    # no row may reach beyond the end of the last
    text.data_size = ddb_arrow_text_end(text) if text.data != NULL else 0
    return True


cdef _ArrowChunk keep_chunk(Encoder self, ddb_arrow_array *array):
    """Keep a chunk until the request is sent."""
    cdef _ArrowChunk chunk
    try:
        chunk = _ArrowChunk.__new__(_ArrowChunk)
        self.borrowed.append(chunk)
    except MemoryError:
        array.release(array)
        raise
    chunk.array = array[0]
    return chunk


cdef int put_arrow(Encoder self, object array, Py_ssize_t rows) except -1:
    """A pyarrow ChunkedArray of string or large_string."""
    cdef ddb_arrow_text text
    cdef ddb_arrow_array chunk
    cdef size_t recorded
    cdef int status
    capsule = array.__arrow_c_stream__()
    cdef ddb_arrow_stream *stream = text_stream(self, array, capsule, &text)
    self.put_vector_head(DDB_TYPE_STRING, rows)
    while next_chunk(self, stream, &chunk, &text):
        recorded = self.request.pending_bytes
        status = ddb_request_put_arrow_text(&self.request, &text, &self.error)
        if self.request.pending_bytes != recorded:
            keep_chunk(self, &chunk)
        else:
            chunk.release(&chunk)
        self.check(status)
    return check_length(text.first_row, rows)


cdef int put_arrow_names(Encoder self, object data, Py_ssize_t count) except -1:
    """As put_plain_names, for an Index that keeps its names in Arrow's layout."""
    cdef ddb_arrow_text text
    cdef ddb_arrow_array chunk
    cdef int status
    if ArrowStringArray is None or type(data) is not ArrowStringArray:
        return 0
    array = arrow_of(data)
    capsule = array.__arrow_c_stream__()
    cdef ddb_arrow_stream *stream = text_stream(self, array, capsule, &text)
    if not next_chunk(self, stream, &chunk, &text):
        return 0
    status = DDB_ERR_OFFSETS
    if text.rows == count and text.validity == NULL:
        status = ddb_request_write_arrow_text(&self.request, &text, &self.error)
    chunk.release(&chunk)
    return status == DDB_OK


# -- categories -----------------------------------------------------------------------------------------------

cdef int put_categorical(Encoder self, object values, Py_ssize_t rows) except -1:
    """Text: SYMBOL with the used categories in order of first appearance. Others: their values."""
    cdef cnp.ndarray codes
    cdef object categories, data, dtype
    cdef ddb_arrow_text text
    if frame_is_fast:
        codes = read_field(&NDARRAY, values)
        categories = read_field(&BACKED_DTYPE, values)._categories
        data = categories._data if type(categories) is Index else categories.array
    else:
        codes = values.codes
        categories = values.dtype.categories
        data = categories.array
    check_length(codes.shape[0], rows)
    if type(data) is StringArray:
        data = read_field(&NDARRAY, data)
    elif type(data) is not ArrowStringArray and isinstance(data, NumpyExtensionArray):
        data = data.to_numpy()
    if not cnp.PyArray_Check(data):
        dtype = None if type(data) is ArrowStringArray else data.dtype
        if dtype is None or isinstance(dtype, StringDtype) or is_arrow_text(dtype):
            one_chunk(self, arrow_of(data), &text)
            put_symbols(self, codes, rows, text.rows, None, &text)
            return 0
        if isinstance(data, DatetimeArray) and isinstance(dtype, numpy_dtype):
            data = read_field(&NDARRAY, data)
        else:
            self.refuse_type(f"categories of dtype {dtype} can't be sent; convert the column with astype")
    if (<cnp.ndarray>data).descr.kind != c'O':
        return put_category_values(self, codes, data)
    if put_symbols(self, codes, rows, len(data), data, NULL):
        return 0
    return put_array(self, np.asarray(values, dtype=object))


cdef int one_chunk(Encoder self, object array, ddb_arrow_text *text) except -1:
    """Describe all categories as one chunk, which the encoder keeps; without any it has no rows."""
    cdef ddb_arrow_array chunk
    if array.num_chunks > 1:
        array = type(array)([array.combine_chunks()])
    capsule = array.__arrow_c_stream__()
    cdef ddb_arrow_stream *stream = text_stream(self, array, capsule, text)
    if next_chunk(self, stream, &chunk, text):
        keep_chunk(self, &chunk)
    return 0


cdef int put_category_values(Encoder self, cnp.ndarray codes, cnp.ndarray table) except -1:
    """Categories of numbers or dates: each converted once, then picked by code; code -1 picks the NULL at the end."""
    cdef block_source source
    cdef ddb_column column
    cdef cnp.ndarray cells, picked
    memset(&source, 0, sizeof(source))
    resolve(self, table, &source)
    if source.kind != SOURCE_NUMBERS:
        refuse_dtype(self, table.dtype)
    self.target = source.rule.type
    dtype = WIRE_DTYPES[source.rule.type]
    cells = np.full(table.shape[0] + 1, NULLS[dtype], dtype=dtype)
    column.kernels = self.kernels
    column.data = source.data
    column.stride = source.row_stride
    column.rows = table.shape[0]
    column.conversion = <uint8_t>source.rule.conversion
    column.swap = source.swap
    if ddb_column_write(&column, 0, column.rows, cnp.PyArray_DATA(cells), &self.error) != DDB_OK:
        self.error.row = -1
        self.raise_error()
    picked = cells[codes]
    self.borrowed.append(picked)
    self.put_vector_head(source.rule.type, picked.shape[0])
    return self.put_column(
        cnp.PyArray_BYTES(picked), picked.itemsize, picked.shape[0], copy_conversion(picked.itemsize), False)


cdef int put_symbols(Encoder self, cnp.ndarray codes, Py_ssize_t rows, Py_ssize_t count, cnp.ndarray table,
                     ddb_arrow_text *text) except -1:
    """A symbol vector from codes and either an object array or one Arrow chunk of categories. 0, and nothing is put,
    if a used category is no str; else 1."""
    cdef ddb_codes source
    cdef int32_t *numbers
    cdef int64_t *order
    cdef int64_t used, i, empty = -1
    cdef size_t bytes = 0
    cdef PyObject **picked
    self.target = DDB_TYPE_SYMBOL
    if rows == 0:
        # an empty symbol vector carries no base
        self.put_vector_head(DDB_TYPE_SYMBOL, 0)
        return 1
    self.borrowed.append(codes)
    source.kernels = self.kernels
    source.data = cnp.PyArray_BYTES(codes)
    source.stride = codes.strides[0]
    source.code_size = <int>codes.itemsize
    source.rows = codes.shape[0]
    source.categories = count
    # the codes of the used categories in their order, and after it their texts
    numbers = self.zero_numbers(count + 1)
    used = min(count, rows)
    ddb_arena_reset(&self.picks)
    # at least one byte, so that there is something to point at
    order = <int64_t *>ddb_arena_reserve(&self.picks, used * (sizeof(int64_t) + sizeof(PyObject *)) + 1)
    if order == NULL:
        raise MemoryError()
    picked = <PyObject **>(order + used)
    used = 0
    try:
        self.check(ddb_codes_number(&source, numbers, order, &used, &self.error))
        if table is None:
            if ddb_arrow_text_measure(text, order, used, &bytes, &empty, &self.error) != DDB_OK:
                self.refuse_category(f"number {self.error.row}")
        elif not pick_objects(table, order, used, picked, &empty):
            return 0
        if empty >= 0:
            # the empty category is NULL, entry 0 of every base
            numbers[order[empty] + 1] = 0
            for i in range(empty + 1, used):
                numbers[order[i] + 1] -= 1
                order[i - 1] = order[i]
                picked[i - 1] = picked[i]
            used -= 1
        self.put_head(DDB_TYPE_SYMBOL_BASE, DDB_FORM_VECTOR)
        self.put_counts(rows, 1)
        self.put_counts(self.symbol_bases, used + 1)
        self.symbol_bases += 1
        self.put(b"\x00", 1)
        if table is None:
            put_category_texts(self, text, order, used, bytes)
        else:
            put_category_objects(self, picked, used)
        self.check(ddb_request_put_codes(&self.request, &source, numbers, &self.error))
        return 1
    finally:
        if used == 0:
            # nothing, or refused half-way
            memset(numbers, 0, (count + 1) * sizeof(int32_t))
        for i in range(used):
            numbers[order[i] + 1] = 0


cdef bint pick_objects(cnp.ndarray table, const int64_t *order, int64_t used, PyObject **picked, int64_t *empty):
    """The objects of the used categories, and which is the empty text; 0: one is no str."""
    cdef const char *cells = cnp.PyArray_BYTES(table)
    cdef ptrdiff_t stride = table.strides[0]
    cdef int64_t i
    for i in range(used):
        picked[i] = (<PyObject **>(cells + order[i] * stride))[0]
        # few of many objects: nearly all are in no cache, and should come while the next are looked up
        DDB_PREFETCH_CELL(picked[i])
    for i in range(used):
        if picked[i] == NULL or not (cell_is_str(picked[i]) or isinstance(<object>picked[i], str)):
            return False
        if cell_length(picked[i]) == 0:
            empty[0] = i
    return True


cdef int put_category_objects(Encoder self, PyObject **picked, int64_t used) except -1:
    """The texts of the categories: the loop over cells of a text column serves here too."""
    try:
        return self.put_object_text(<char *>picked, sizeof(PyObject *), used)
    except ValueRefused:
        self.refuse_category(<object>picked[self.error.row])


cdef int put_category_texts(Encoder self, ddb_arrow_text *text, int64_t *order, int64_t used, size_t bytes) except -1:
    """The same from Arrow's layout; `bytes` is what they take."""
    cdef uint8_t *target = ddb_arena_reserve(&self.request.out, bytes)
    cdef const uint8_t *cell
    cdef ddb_error ignored
    cdef int64_t size
    if target == NULL:
        raise MemoryError()
    if ddb_arrow_text_pick(text, order, used, target, bytes, &bytes, &self.error) != DDB_OK:
        size = ddb_arrow_text_cell(text, self.error.row, &cell, &ignored) if self.error.row >= 0 else 0
        self.refuse_category((<const char *>cell)[:size].decode(errors="replace") if size > 0 else "")
    self.request.out.size += bytes
    return 0

# Columns of a frame that hold text in Arrow's layout, and Categoricals: the part of _frame that looks into extension
# arrays.

# -- text in Arrow's layout -----------------------------------------------------------------------------------

# pyarrow, its classes, methods and fields, looked up when the first Arrow column comes
cdef object pyarrow = None
cdef object ArrowString, ArrowLargeString, chunk_of, buffers_of
cdef pandas_field NUM_CHUNKS, ARRAY_OFFSET, BUFFER_SIZE, BUFFER_ADDRESS


cdef int import_arrow() except -1:
    global pyarrow, ArrowString, ArrowLargeString, chunk_of, buffers_of
    import pyarrow as package
    chunk_of, buffers_of = package.ChunkedArray.chunk, package.Array.buffers
    find_in(&NUM_CHUNKS, package.ChunkedArray, "num_chunks")
    find_in(&ARRAY_OFFSET, package.Array, "offset")
    find_in(&BUFFER_SIZE, package.Buffer, "size")
    find_in(&BUFFER_ADDRESS, package.Buffer, "address")
    ArrowString, ArrowLargeString = package.StringArray, package.LargeStringArray
    pyarrow = package
    return 0


cdef inline bint is_text_array(object array):
    return type(array) is ArrowLargeString or type(array) is ArrowString


cdef object arrow_of(object values):
    """The pyarrow array behind an Arrow-backed pandas array."""
    array = getattr(values, "_pa_array", None)
    return values.__arrow_array__() if array is None else array


cdef Py_ssize_t chunk_count(Encoder self, object array) except -1:
    """How many chunks a pyarrow Array or ChunkedArray has; the encoder keeps it, and so their memory, alive."""
    if pyarrow is None:
        import_arrow()
    self.borrowed.append(array)
    return 1 if is_text_array(array) else read_field(&NUM_CHUNKS, array)


cdef inline const uint8_t *buffer_data(object buffer, int64_t *size) except? NULL:
    """Where a pyarrow Buffer lies."""
    cdef uintptr_t address = read_field(&BUFFER_ADDRESS, buffer)
    size[0] = read_field(&BUFFER_SIZE, buffer)
    return <const uint8_t *>address


cdef int refuse_buffer(Encoder self, str which) except -1:
    raise ConversionError(f"{self.where(-1)}the Arrow array's {which} buffer is too short")


cdef const uint8_t *arrow_bitmap(Encoder self, object chunk, object buffer, int64_t bits) except? NULL:
    """The validity bitmap, which must have so many bits; NULL if no cell is null."""
    cdef const uint8_t *bitmap
    cdef int64_t size
    if buffer is None or chunk.null_count == 0:
        return NULL
    bitmap = buffer_data(buffer, &size)
    if size * 8 < bits:
        refuse_buffer(self, "validity")
    return bitmap


cdef int describe_chunk(Encoder self, object array, Py_ssize_t number, ddb_arrow_text *text) except -1:
    """One chunk of text. Its memory must be kept alive by the caller.

    Through pyarrow's objects and not Arrow's C interface: exporting releases the GIL, and a busy thread beside would
    keep it for its 5 ms. With the fields read directly both take 0.25 us.
    """
    cdef int64_t offset, size, width
    cdef const uint8_t *offsets
    cdef list buffers
    chunk = array if is_text_array(array) else chunk_of(array, number)
    if not is_text_array(chunk):
        self.refuse_type(f"Arrow type {chunk.type} can't be sent as text")
    memset(text, 0, sizeof(text[0]))
    text.kernels = self.kernels
    text.wide = type(chunk) is ArrowLargeString
    text.rows = len(chunk)
    if text.rows == 0:
        return 0
    width = 8 if text.wide else 4
    offset = read_field(&ARRAY_OFFSET, chunk)
    text.bit_offset = offset
    buffers = buffers_of(chunk)
    if buffers[1] is None:
        refuse_buffer(self, "offsets")
    offsets = buffer_data(buffers[1], &size)
    if size < (offset + text.rows + 1) * width:
        refuse_buffer(self, "offsets")
    text.offsets = <const char *>offsets + offset * width
    text.validity = arrow_bitmap(self, chunk, buffers[0], offset + text.rows)
    if buffers[2] is not None:
        text.data = buffer_data(buffers[2], &text.data_size)
    return 0


cdef int put_arrow(Encoder self, object array, Py_ssize_t rows) except -1:
    """A pyarrow Array or ChunkedArray of string or large_string."""
    cdef ddb_arrow_text text
    cdef Py_ssize_t row = 0, number
    self.put_vector_head(DDB_TYPE_STRING, rows)
    for number in range(chunk_count(self, array)):
        describe_chunk(self, array, number, &text)
        text.first_row = row
        self.check(ddb_request_put_arrow_text(&self.request, &text, &self.error))
        row += text.rows
    return check_length(row, rows)


cdef int put_arrow_names(Encoder self, object data, Py_ssize_t count) except -1:
    """As put_plain_names, for an Index that keeps its names in Arrow's layout."""
    cdef ddb_arrow_text text
    if ArrowStringArray is None or type(data) is not ArrowStringArray:
        return 0
    array = arrow_of(data)
    if chunk_count(self, array) != 1:
        return 0
    describe_chunk(self, array, 0, &text)
    if text.rows != count or text.validity != NULL:
        return 0
    return ddb_request_write_arrow_text(&self.request, &text, &self.error) == DDB_OK


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
    """Describe all categories as one chunk; without any it has no rows."""
    if chunk_count(self, array) != 1:
        array = array.combine_chunks()
        self.borrowed.append(array)
    return describe_chunk(self, array, 0, text)


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
    order = <int64_t *>reserve(&self.picks, used * (sizeof(int64_t) + sizeof(PyObject *)) + 1)
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
        self.put_symbol_head(DDB_FORM_VECTOR, rows, used + 1)
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
        ddb_codes_forget(numbers, order, used)
        ddb_arena_trim(&self.picks, SCRATCH_CAP)


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
    cdef uint8_t *target = reserve(&self.request.out, bytes)
    cdef const uint8_t *cell
    cdef ddb_error ignored
    cdef int64_t size
    if ddb_arrow_text_pick(text, order, used, target, bytes, &bytes, &self.error) != DDB_OK:
        size = ddb_arrow_text_cell(text, self.error.row, &cell, &ignored) if self.error.row >= 0 else 0
        self.refuse_category((<const char *>cell)[:size].decode(errors="replace") if size > 0 else "")
    self.request.out.size += bytes
    return 0

# Columns of a frame that hold text in Arrow's layout, and Categoricals: the part of _frame that looks into extension arrays.

# -- text in Arrow's layout -----------------------------------------------------------------------------------

# pyarrow's text array classes -> 1 if their offsets are 64-bit; filled when the first Arrow column comes
cdef dict arrow_text_classes = {}


cdef int put_arrow(Encoder self, object array, Py_ssize_t rows) except -1:
    """A pyarrow Array or ChunkedArray of string or large_string."""
    cdef ddb_arrow_text text
    cdef Py_ssize_t row = 0
    self.put_vector_head(DDB_TYPE_STRING, rows)
    chunks = arrow_chunks(array)
    self.borrowed.append(chunks)
    for chunk in chunks:
        read_arrow_chunk(self, chunk, &text)
        text.first_row = row
        self.check(ddb_request_put_arrow_text(&self.request, &text, &self.error))
        row += text.rows
    return check_length(row, rows)


cdef object arrow_of(object values):
    """The pyarrow array behind an Arrow-backed pandas array."""
    array = getattr(values, "_pa_array", None)
    return values.__arrow_array__() if array is None else array


cdef list arrow_chunks(object array):
    cdef Py_ssize_t i, count
    if type(array) in arrow_text_classes:
        return [array]
    count = array.num_chunks
    if count == 1:
        return [array.chunk(0)]
    return [array.chunk(i) for i in range(count)]


cdef int import_arrow() except -1:
    import pyarrow
    arrow_text_classes[pyarrow.StringArray] = 0
    arrow_text_classes[pyarrow.LargeStringArray] = 1
    return 0


cdef int read_arrow_chunk(Encoder self, object chunk, ddb_arrow_text *text) except -1:
    """Describe a chunk's buffers; the chunk must be kept alive by the caller."""
    cdef Py_ssize_t offset, width
    cdef uintptr_t address
    cdef list buffers
    if not arrow_text_classes:
        import_arrow()
    wide = arrow_text_classes.get(type(chunk))
    if wide is None:
        self.refuse_type(f"Arrow type {chunk.type} can't be sent as text")
    memset(text, 0, sizeof(text[0]))
    text.kernels = self.kernels
    text.wide = wide
    text.rows = len(chunk)
    offset = chunk.offset
    text.bit_offset = offset
    if text.rows == 0:
        return 0
    buffers = chunk.buffers()
    width = 8 if text.wide else 4
    if buffers[1] is None or buffers[1].size < (offset + text.rows + 1) * width:
        raise ConversionError(f"{self.where(-1)}the Arrow array's offsets buffer is too short")
    address = buffers[1].address
    text.offsets = <char *>address + offset * width
    if buffers[0] is not None:
        if buffers[0].size * 8 < offset + text.rows:
            raise ConversionError(f"{self.where(-1)}the Arrow array's validity buffer is too short")
        address = buffers[0].address
        text.validity = <uint8_t *>address
    if buffers[2] is not None:
        address = buffers[2].address
        text.data = <uint8_t *>address
        text.data_size = buffers[2].size
    return 0


cdef int put_arrow_names(Encoder self, object data, Py_ssize_t count) except -1:
    """As put_plain_names, for an Index that keeps its names in Arrow's layout."""
    cdef ddb_arrow_text text
    if ArrowStringArray is None or type(data) is not ArrowStringArray:
        return 0
    chunks = arrow_chunks(arrow_of(data))
    if len(chunks) != 1:
        return 0
    read_arrow_chunk(self, chunks[0], &text)
    if text.rows != count or (text.validity != NULL and chunks[0].null_count):
        return 0
    self.borrowed.append(chunks)
    return ddb_request_write_arrow_text(&self.request, &text, &self.error) == DDB_OK


# -- categories -----------------------------------------------------------------------------------------------

cdef int put_categorical(Encoder self, object values, Py_ssize_t rows) except -1:
    """Text: SYMBOL with the used categories in order of first appearance. Others: their values."""
    cdef cnp.ndarray codes
    cdef object categories, data, dtype
    if frame_is_fast:
        codes = values._ndarray
        categories = values._dtype._categories
        data = categories._data if type(categories) is Index else categories.array
    else:
        codes = values.codes
        categories = values.dtype.categories
        data = categories.array
    check_length(codes.shape[0], rows)
    if type(data) is StringArray:
        data = data._ndarray
    elif isinstance(data, NumpyExtensionArray):
        data = data.to_numpy()
    if not cnp.PyArray_Check(data):
        dtype = data.dtype
        if isinstance(dtype, StringDtype) or is_arrow_text(dtype):
            arrow = arrow_of(data)
            if type(arrow) not in arrow_text_classes and arrow.num_chunks > 1:
                arrow = arrow.combine_chunks()
            chunks = arrow_chunks(arrow)
            self.borrowed.append(chunks)
            put_symbols(self, codes, rows, len(data), None, chunks[0] if chunks else None)
            return 0
        if isinstance(data, DatetimeArray) and isinstance(dtype, numpy_dtype):
            data = data._ndarray
        else:
            self.refuse_type(f"categories of dtype {dtype} can't be sent; convert the column with astype")
    if (<cnp.ndarray>data).descr.kind != c'O':
        return put_category_values(self, codes, data)
    if put_symbols(self, codes, rows, len(data), data, None):
        return 0
    return put_array(self, np.asarray(values, dtype=object))


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
                     object chunk) except -1:
    """A symbol vector from codes and either an object array or one Arrow chunk of categories. 0, and nothing is put,
    if a used category is no str; else 1."""
    cdef ddb_codes source
    cdef ddb_arrow_text text
    cdef int32_t *numbers
    cdef int64_t *order
    cdef int64_t used, i, empty = -1
    cdef const uint8_t *cell
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
    if chunk is not None:
        read_arrow_chunk(self, chunk, &text)
        if text.rows != count:
            raise ConversionError("the categories' Arrow array differs in length from them")
    # the codes of the used categories in their order, and after it their texts
    numbers = self.zero_numbers(count + 1)
    used = min(count, rows)
    order = <int64_t *>PyMem_Malloc(used * (sizeof(int64_t) + sizeof(PyObject *)))
    if order == NULL:
        raise MemoryError()
    picked = <PyObject **>(order + used)
    used = 0
    try:
        self.check(ddb_codes_number(&source, numbers, order, &used, &self.error))
        for i in range(used):
            if chunk is not None:
                if ddb_arrow_text_cell(&text, order[i], &cell, &self.error) == 0:
                    empty = i
                continue
            picked[i] = (<PyObject **>cnp.PyArray_GETPTR1(table, order[i]))[0]
            if picked[i] == NULL or not isinstance(<object>picked[i], str):
                return 0
            if cell_length(picked[i]) == 0:
                empty = i
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
        if chunk is None:
            put_category_objects(self, picked, used)
        else:
            put_category_chunk(self, &text, order, used)
        self.check(ddb_request_put_codes(&self.request, &source, numbers, &self.error))
        return 1
    finally:
        if used == 0:
            # nothing, or refused half-way
            memset(numbers, 0, (count + 1) * sizeof(int32_t))
        for i in range(used):
            numbers[order[i] + 1] = 0
        PyMem_Free(order)


cdef int put_category_objects(Encoder self, PyObject **picked, int64_t used) except -1:
    """The texts of the categories: the loop over cells of a text column serves here too."""
    try:
        return self.put_object_text(<char *>picked, sizeof(PyObject *), used)
    except ValueRefused:
        self.refuse_category(<object>picked[self.error.row])


cdef int put_category_chunk(Encoder self, ddb_arrow_text *text, int64_t *order, int64_t used) except -1:
    cdef ddb_arena *out = &self.request.out
    cdef size_t start = out.size
    cdef uint8_t *target
    cdef const uint8_t *cell
    cdef int64_t i, size
    for i in range(used):
        size = ddb_arrow_text_cell(text, order[i], &cell, &self.error)
        if size < 0:
            self.refuse_category(f"number {order[i]}")
        target = ddb_arena_reserve(out, size + 1)
        if target == NULL:
            raise MemoryError()
        memcpy(target, cell, size)
        target[size] = 0
        out.size += size + 1
    if self.kernels.count_zeros(out.data + start, out.size - start) == used:
        return 0
    for i in range(used):
        size = ddb_arrow_text_cell(text, order[i], &cell, &self.error)
        if self.kernels.count_zeros(cell, size):
            ddb_fail(&self.error, DDB_ERR_NUL, -1, 0)
            self.refuse_category(cell[:size].decode(errors="replace"))
    return 0

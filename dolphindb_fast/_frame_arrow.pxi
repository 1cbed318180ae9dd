# Columns in Arrow's layout, as parts: whose they are, and what keeps their memory, is not known here.


cdef int describe_part(Encoder self, const ddb_arrow_array *array, int64_t first, int64_t rows, _ArrowKind kind,
                       ddb_arrow_part *part) except -1:
    """Rows [first, first + rows) of an array of a kind, -1: all; one that can't be is refused."""
    # of nulls some producers give a buffer that there should not be
    cdef const char *fault = ddb_arrow_describe(
        array, first, rows, kind.buffers, kind.views or kind.form == ARROW_NULL, kind.form == ARROW_LIST,
        kind.form == ARROW_DICTIONARY, part)
    if fault != NULL:
        raise malformed(f"{self.where(-1)}an array can't be read: {fault.decode()}")
    return 0


cdef const void *part_buffer(Encoder self, const ddb_arrow_part *part, int number) except? NULL:
    """A buffer that must be there if there are rows."""
    cdef const void *buffer = part.array.buffers[number]
    if buffer == NULL and part.rows:
        raise malformed(f"{self.where(-1)}buffer {number} is missing")
    return buffer


cdef int part_cells(Encoder self, const ddb_arrow_part *part, _ArrowKind kind, ddb_cells *cells) except -1:
    """Cells of fixed width."""
    memset(cells, 0, sizeof(cells[0]))
    cells.kernels = self.kernels
    cells.rows = part.rows
    cells.stride = kind.size
    cells.data = <const char *>part_buffer(self, part, 1) + part.offset * kind.size
    cells.bitmap = part.validity
    cells.bit_offset = part.offset
    return 0


cdef int part_offsets(Encoder self, const ddb_arrow_part *part, bint wide, ddb_arrow_text *text) except -1:
    """Rows, validity and offsets of lists, or of cells of variable size."""
    memset(text, 0, sizeof(text[0]))
    text.kernels = self.kernels
    text.rows = part.rows
    text.wide = wide
    text.validity = part.validity
    text.bit_offset = part.offset
    if part.rows:
        text.offsets = <const char *>part_buffer(self, part, 1) + part.offset * (8 if wide else 4)
    return 0


cdef int part_text(Encoder self, const ddb_arrow_part *part, _ArrowKind kind, ddb_arrow_text *text) except -1:
    """Text or bytes. The C interface does not tell the size of their buffer, but that it reaches to the last offset."""
    if kind.views:
        return flatten_views(self, part, text)
    part_offsets(self, part, kind.wide, text)
    if part.rows:
        text.data = <const uint8_t *>part.array.buffers[2]
        text.data_size = 0 if text.data == NULL else max(list_start(text, part.rows), <int64_t>0)
    return 0


cdef int part_views(Encoder self, const ddb_arrow_part *part, ddb_views *views) except -1:
    memset(views, 0, sizeof(views[0]))
    views.kernels = self.kernels
    views.rows = part.rows
    views.validity = part.validity
    views.bit_offset = part.offset
    views.views = <const char *>part_buffer(self, part, 1) + part.offset * 16
    views.buffer_count = part.array.n_buffers - 3
    views.buffers = part.array.buffers + 2
    views.sizes = <const char *>part.array.buffers[part.array.n_buffers - 1]
    if views.sizes == NULL:
        views.buffer_count = 0
    return 0


cdef int flatten_views(Encoder self, const ddb_arrow_part *part, ddb_arrow_text *text) except -1:
    """The same text with offsets, in memory of its own."""
    cdef ddb_views views
    cdef cnp.ndarray offsets, data
    cdef int64_t size = 0
    part_views(self, part, &views)
    self.check(ddb_views_measure(&views, DDB_LIMIT_ROWS, &size, &self.error))
    offsets = np.empty(part.rows + 1, dtype=np.int64)
    data = np.empty(size + 1, dtype=np.uint8)
    self.check(ddb_views_flatten(
        &views, size, <int64_t *>cnp.PyArray_DATA(offsets), <uint8_t *>cnp.PyArray_DATA(data), &self.error))
    self.borrowed.append((offsets, data))
    memset(text, 0, sizeof(text[0]))
    text.kernels = self.kernels
    text.rows = part.rows
    text.wide = True
    text.offsets = cnp.PyArray_BYTES(offsets)
    text.data = <const uint8_t *>cnp.PyArray_DATA(data)
    text.data_size = size
    return 0


# -- columns --------------------------------------------------------------------------------------------------

cdef int put_parts(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count, Py_ssize_t rows,
                   int type, int scale) except -1:
    """The parts of a column as `type`, -1: as its own. Their memory must be kept alive by the caller."""
    if kind.form == ARROW_CELLS:
        return put_part_cells(self, kind, parts, count, rows, type, scale)
    if kind.form == ARROW_LIST:
        return put_part_lists(self, kind, parts, count, rows, type, scale)
    if kind.form == ARROW_DICTIONARY and kind.child.form == ARROW_CELLS:
        return put_picked_cells(self, kind, parts, count, rows, type, scale)
    if kind.form == ARROW_NULL:
        if type < 0:
            refuse_arrow(self, "null", not isinstance(self.frame, _ArrowData))
        return put_objects_forced(self, np.full(rows, None), type, scale)
    if type < 0:
        type = kind.type
    if type == DDB_TYPE_SYMBOL and (kind.form == ARROW_TEXT or kind.type == DDB_TYPE_SYMBOL):
        return put_part_symbols(self, kind, parts, count, rows)
    if kind.form == ARROW_TEXT and type == DDB_TYPE_STRING:
        return put_part_text(self, kind, parts, count, rows)
    if kind.form != ARROW_DICTIONARY and type == DDB_TYPE_BLOB:
        return put_part_blobs(self, kind, parts, count, rows)
    if type == kind.type or type in (DDB_TYPE_STRING, DDB_TYPE_SYMBOL) \
            or ((kind.form == ARROW_TEXT or kind.type == DDB_TYPE_SYMBOL) and type in text_types):
        return put_objects_forced(self, part_objects(self, kind, parts, count, rows), type, scale)
    refuse_cast(self, type)


cdef int put_part_cells(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count, Py_ssize_t rows,
                        int type, int scale) except -1:
    cdef ddb_cells cells
    cdef int64_t row = 0
    cdef Py_ssize_t i
    cdef bint own = type < 0 or (type == kind.type and scale in (-1, kind.scale))
    cdef _Cast way = None
    if own:
        type = kind.type
        scale = kind.scale
    else:
        if scale < 0 and kind.source.kind == "decimal":
            scale = kind.scale
        scale = forced_scale(self, kind.source.kind, type, scale, rows)
        way = find_cast(kind.source, type, scale)
        if way is None:
            refuse_cast(self, type)
    put_scaled_head(self, type, scale, rows)
    for i in range(count):
        if parts[i].rows == 0:
            continue
        part_cells(self, &parts[i], kind, &cells)
        cells.first_row = row
        # of a column that begins later ddb_column does not know the row to name, but for copies it needs none
        if own and cells.bitmap == NULL and 0 <= kind.conversion and (row == 0 or kind.conversion <= DDB_CONV_COPY64):
            self.put_column(cells.data, cells.stride, cells.rows, kind.conversion, False)
        else:
            if way is None:
                way = find_cast(kind.source, type, scale)
            put_cast(self, &cells, way)
        row += cells.rows
    return 0


cdef int put_part_text(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count,
                       Py_ssize_t rows) except -1:
    cdef ddb_arrow_text text
    cdef int64_t row = 0
    cdef Py_ssize_t i
    self.put_vector_head(DDB_TYPE_STRING, rows)
    for i in range(count):
        if kind.views:
            put_views(self, &parts[i], row)
        else:
            part_text(self, &parts[i], kind, &text)
            text.first_row = row
            self.check(ddb_request_put_arrow_text(&self.request, &text, &self.error))
        row += parts[i].rows
    return 0


cdef int put_views(Encoder self, const ddb_arrow_part *part, int64_t first_row) except -1:
    cdef ddb_views views
    cdef int status
    part_views(self, part, &views)
    views.first_row = first_row
    if self.request.joined and self.request.pending_bytes and part.rows * 16 > DDB_DEFER_SIZE:
        # else these texts would have to move when the columns before them are written
        self.settle()
    if part.rows * 16 < RELEASE_BYTES:
        return self.check(ddb_request_put_views(&self.request, &views, &self.error))
    with nogil:
        status = ddb_request_put_views(&self.request, &views, &self.error)
    return self.check(status)


cdef int put_part_blobs(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count,
                        Py_ssize_t rows) except -1:
    """Cells of variable size with a length each."""
    cdef ddb_arrow_text text
    cdef int64_t row = 0
    cdef Py_ssize_t i
    self.put_vector_head(DDB_TYPE_BLOB, rows)
    for i in range(count):
        part_text(self, &parts[i], kind, &text)
        text.first_row = row
        put_blobs(self, &text)
        row += parts[i].rows
    return 0


cdef cnp.ndarray part_objects(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count,
                              Py_ssize_t rows):
    """Text or bytes, or a dictionary of them, as Python objects one by one; null is None."""
    cdef ddb_arrow_part words
    cdef ddb_arrow_text text
    cdef _ArrowKind own = kind if kind.form != ARROW_DICTIONARY else kind.child
    cdef const uint8_t *cell = NULL
    cdef int64_t row, bit, size
    cdef Py_ssize_t i
    cdef list chunks = []
    cdef list values
    for i in range(count):
        if own is kind:
            part_text(self, &parts[i], own, &text)
        else:
            describe_part(self, parts[i].array.dictionary, 0, -1, own, &words)
            part_text(self, &words, own, &text)
        values = []
        for row in range(text.rows):
            size = ddb_arrow_text_cell(&text, row, &cell, &self.error)
            if size == DDB_ERR_LENGTH and own.form == ARROW_BYTES:
                size = self.error.detail
                cell = text.data + list_start(&text, row)
            if size < 0:
                self.raise_error()
            bit = text.bit_offset + row
            if text.validity != NULL and not text.validity[bit >> 3] >> (bit & 7) & 1:
                values.append(None)
            else:
                data = PyBytes_FromStringAndSize(<const char *>cell, size)
                values.append(data if own.form == ARROW_BYTES else data.decode(errors="replace"))
        if own is not kind:
            values.append(None)
            objects = np.fromiter(values, dtype=object, count=len(values))
            chunks.append(objects[part_codes(self, &parts[i], kind, len(values) - 1)])
        else:
            chunks.append(np.fromiter(values, dtype=object, count=len(values)))
    return np.concatenate(chunks) if chunks else np.empty(0, dtype=object)


# -- dictionaries ---------------------------------------------------------------------------------------------

cdef cnp.ndarray part_codes(Encoder self, const ddb_arrow_part *part, _ArrowKind kind, int64_t words):
    """The indices of a dictionary as int32, -1 for null; all of them have a word."""
    cdef cnp.ndarray codes = np.empty(part.rows, dtype=np.int32)
    cdef ddb_cells cells
    cdef int32_t *values = <int32_t *>cnp.PyArray_DATA(codes)
    cdef int32_t highest = -1
    cdef int64_t row
    part_cells(self, part, kind.indices, &cells)
    if ddb_cast_write(&cells, &kind.codes.steps, 0, part.rows, values, &self.error) != DDB_OK:
        self.error.code = DDB_ERR_CODE
        self.raise_error()
    for row in range(part.rows):
        highest = max(highest, values[row])
    if highest >= words:
        ddb_fail(&self.error, DDB_ERR_CODE, -1, highest)
        self.raise_error()
    return codes


cdef int put_part_symbols(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count,
                          Py_ssize_t rows) except -1:
    """Text, or dictionaries of it: SYMBOL with the used words, each once, in order of first appearance."""
    cdef ddb_words *words = &self.words
    cdef cnp.ndarray indices = np.empty(rows, dtype=np.int32)
    cdef int32_t *numbers = <int32_t *>cnp.PyArray_DATA(indices)
    cdef ddb_arrow_text text
    cdef uint8_t *target
    cdef int64_t row = 0
    cdef Py_ssize_t i
    self.target = DDB_TYPE_SYMBOL
    if rows == 0:
        # an empty symbol vector carries no base
        return self.put_vector_head(DDB_TYPE_SYMBOL, 0)
    self.check(ddb_words_begin(words, &self.error))
    for i in range(count):
        if kind.form == ARROW_DICTIONARY:
            number_codes(self, kind, &parts[i], numbers + row)
        else:
            part_text(self, &parts[i], kind, &text)
            text.first_row = row
            number_text(self, &text, NULL, text.rows, numbers + row)
        row += parts[i].rows
    self.put_symbol_head(DDB_FORM_VECTOR, rows, words.count + 1)
    self.put(b"\x00", 1)
    target = reserve(&self.request.out, words.bytes)
    ddb_words_write(words, target)
    if self.kernels.count_zeros(target, words.bytes) != words.count:
        refuse_word(self, kind, numbers, rows)
    self.request.out.size += words.bytes
    ddb_words_trim(words, SCRATCH_CAP)
    self.borrowed.append(indices)
    return self.put_column(<const char *>numbers, sizeof(int32_t), rows, DDB_CONV_COPY32, False)


cdef int number_text(Encoder self, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                     int32_t *numbers) except -1:
    cdef int status
    if text.data_size < RELEASE_BYTES:
        status = ddb_words_number_arrow(&self.words, text, rows, count, numbers, &self.error)
    else:
        with nogil:
            status = ddb_words_number_arrow(&self.words, text, rows, count, numbers, &self.error)
    return self.check(status)


cdef int refuse_word(Encoder self, _ArrowKind kind, const int32_t *numbers, int64_t rows) except -1:
    """Name the word that holds a NUL: a category, or the first row of such a text."""
    cdef const uint8_t *word = NULL
    cdef size_t size
    cdef int64_t row
    ddb_fail(&self.error, DDB_ERR_NUL, -1, 0)
    for row in range(rows):
        size = ddb_words_text(&self.words, numbers[row], &word) if numbers[row] else 0
        if b"\0" in (<const char *>word)[:size]:
            if kind.form == ARROW_DICTIONARY:
                self.refuse_category((<const char *>word)[:size].decode(errors="replace"))
            self.error.row = row
            break
    return self.raise_error()


cdef int number_codes(Encoder self, _ArrowKind kind, const ddb_arrow_part *part, int32_t *target) except -1:
    """The indices of a dictionary as numbers of the words that they mean."""
    cdef ddb_arrow_part words
    cdef ddb_arrow_text text
    cdef ddb_codes source
    cdef cnp.ndarray codes, picked
    cdef int32_t *numbers
    cdef int64_t *order
    cdef int64_t i, used = 0
    describe_part(self, part.array.dictionary, 0, -1, kind.child, &words)
    codes = part_codes(self, part, kind, words.rows)
    part_text(self, &words, kind.child, &text)
    source.kernels = self.kernels
    source.data = cnp.PyArray_BYTES(codes)
    source.stride = source.code_size = sizeof(int32_t)
    source.rows = part.rows
    source.categories = words.rows
    numbers = self.zero_numbers(words.rows + 1)
    picked = np.empty(2 * min(words.rows, part.rows), dtype=np.int64)
    order = <int64_t *>cnp.PyArray_DATA(picked)
    try:
        self.check(ddb_codes_number(&source, numbers, order, &used, &self.error))
        # into the second half, whose cells are twice as wide as needed
        if ddb_words_number_arrow(&self.words, &text, order, used, <int32_t *>(order + used), &self.error) != DDB_OK:
            self.refuse_category(f"number {self.error.row}")
        for i in range(used):
            numbers[order[i] + 1] = (<int32_t *>(order + used))[i]
        ddb_codes_write(&source, numbers, 0, part.rows, target)
    finally:
        if used == 0:
            # nothing, or refused half-way
            memset(numbers, 0, (words.rows + 1) * sizeof(int32_t))
        ddb_codes_forget(numbers, order, used)
    return 0


cdef int put_picked_cells(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count,
                          Py_ssize_t rows, int type, int scale) except -1:
    """A dictionary of cells of fixed width: the cells of its rows, with a mask for NULL."""
    cdef _ArrowKind own = kind.child
    cdef ddb_arrow_part words
    cdef ddb_cells cells
    cdef cnp.ndarray data, mask
    cdef object source = own.source
    cdef _Cast way
    cdef Py_ssize_t i
    cdef list chunks = [], masks = []
    if type < 0:
        type = own.type
    if source.load == "BIT":
        source = source._replace(load="I8")
    if scale < 0 and source.kind == "decimal":
        scale = own.scale
    scale = forced_scale(self, source.kind, type, scale, rows)
    way = find_cast(source, type, scale)
    if way is None:
        refuse_cast(self, type)
    for i in range(count):
        describe_part(self, parts[i].array.dictionary, 0, -1, own, &words)
        part_cells(self, &words, own, &cells)
        codes = part_codes(self, &parts[i], kind, words.rows)
        nulls = codes < 0
        codes[nulls] = 0
        if words.rows == 0:
            chunks.append(np.zeros(parts[i].rows, dtype=f"V{max(own.size, <Py_ssize_t>1)}"))
        else:
            if own.size:
                table = np.frombuffer(
                    PyBytes_FromStringAndSize(cells.data, words.rows * own.size), dtype=f"V{own.size}")
            else:
                table = bits_at(cells.data, words.offset, words.rows).view("V1")
            chunks.append(table[codes])
            if cells.bitmap != NULL:
                nulls |= ~bits_at(<const char *>cells.bitmap, words.offset, words.rows)[codes]
        masks.append(nulls)
    data = np.concatenate(chunks) if chunks else np.empty(0, dtype="V1")
    mask = np.concatenate(masks) if masks else np.empty(0, dtype=bool)
    self.borrowed.append((data, mask))
    memset(&cells, 0, sizeof(cells))
    cells.data = cnp.PyArray_BYTES(data)
    cells.stride = data.itemsize
    cells.rows = rows
    cells.mask = <const uint8_t *>cnp.PyArray_DATA(mask)
    cells.mask_stride = 1
    put_scaled_head(self, type, scale, rows)
    return put_cast(self, &cells, way)


cdef object bits_at(const char *bitmap, int64_t first, int64_t count):
    """Bits as an array of bool."""
    cdef int64_t start = first >> 3
    data = PyBytes_FromStringAndSize(bitmap + start, ((first + count + 7) >> 3) - start)
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")[first & 7:][:count].astype(bool)


# -- lists ----------------------------------------------------------------------------------------------------

cdef int part_list(Encoder self, const ddb_arrow_part *part, _ArrowKind kind, ddb_arrow_text *lists,
                   ddb_arrow_part *values) except -1:
    """Where the rows of a list array begin and end, and the cells that they are rows of."""
    cdef cnp.ndarray offsets
    describe_part(self, part.array.children[0], 0, -1, kind.child, values)
    if kind.count < 0:
        return part_offsets(self, part, kind.wide, lists)
    if (<object>part.offset + part.rows) * kind.count > values.rows:
        raise malformed(f"{self.where(-1)}a list array has fewer cells than its rows")
    offsets = np.arange(part.offset, part.offset + part.rows + 1, dtype=np.int64) * kind.count
    self.borrowed.append(offsets)
    memset(lists, 0, sizeof(lists[0]))
    lists.rows = part.rows
    lists.wide = True
    lists.validity = part.validity
    lists.bit_offset = part.offset
    lists.offsets = cnp.PyArray_BYTES(offsets)
    return 0


cdef int put_part_lists(Encoder self, _ArrowKind kind, const ddb_arrow_part *parts, Py_ssize_t count, Py_ssize_t rows,
                        int type, int scale) except -1:
    """Lists of fixed-width cells: an array vector; null and empty lists are empty rows."""
    cdef cnp.ndarray offsets, cells
    cdef int64_t *ends
    cdef int64_t row = 0
    cdef ddb_array packed
    cdef ddb_arrow_text lists
    cdef ddb_arrow_part values
    cdef ddb_cells child
    cdef _Cast way
    cdef int element = kind.type if type < 0 else type - DDB_TYPE_ARRAY
    cdef size_t size
    cdef Py_ssize_t i
    if element < 0:
        refuse_cast(self, type)
    if scale < 0 and kind.child.source.kind == "decimal":
        scale = kind.scale
    scale = forced_scale(self, kind.child.source.kind, element, scale, rows)
    way = find_cast(kind.child.source._replace(listed=True), element, scale)
    if way is None:
        refuse_cast(self, type)
    self.target = element + DDB_TYPE_ARRAY
    size = ddb_cast_target_size(&way.steps)
    offsets = np.zeros(rows + 1, dtype=np.int64)
    ends = <int64_t *>cnp.PyArray_DATA(offsets)
    for i in range(count):
        part_list(self, &parts[i], kind, &lists, &values)
        if ddb_array_append(lists.offsets, lists.wide, lists.rows, lists.validity, lists.bit_offset,
                            values.rows, ends + row, &self.error) != DDB_OK:
            self.error.row += row
            self.raise_error()
        row += lists.rows
    if ends[rows] > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}{ends[rows]} cells; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    cells = np.empty(<Py_ssize_t>ends[rows] * <Py_ssize_t>size, dtype=np.uint8)
    row = 0
    for i in range(count):
        part_list(self, &parts[i], kind, &lists, &values)
        part_cells(self, &values, kind.child, &child)
        put_list_cells(self, &lists, &child, &way.steps, ends + row, row, <uint8_t *>cnp.PyArray_DATA(cells))
        row += lists.rows
    packed.offsets = ends
    packed.rows = rows
    packed.cells = <const uint8_t *>cnp.PyArray_DATA(cells)
    packed.cell_size = size
    return put_array_vector(self, element, scale, &packed)


cdef int64_t list_start(ddb_arrow_text *lists, int64_t row) noexcept nogil:
    cdef int64_t wide = 0
    cdef int32_t narrow = 0
    if lists.wide:
        memcpy(&wide, lists.offsets + row * 8, 8)
        return wide
    memcpy(&narrow, lists.offsets + row * 4, 4)
    return narrow


cdef int put_list_cells(Encoder self, ddb_arrow_text *lists, ddb_cells *child, ddb_cast *steps, int64_t *ends,
                        int64_t first_row, uint8_t *target) except -1:
    """Convert the lists' cells, as many at a time as lie side by side: a null list may hide some."""
    cdef size_t size = ddb_cast_target_size(steps)
    cdef int64_t row = 0, run, start, count
    cdef int status
    while row < lists.rows:
        run = row
        start = list_start(lists, row)
        row += 1
        if ends[row] == ends[run]:
            continue
        while row < lists.rows and (ends[row + 1] == ends[row]
                                    or list_start(lists, row) == start + ends[row] - ends[run]):
            row += 1
        count = ends[row] - ends[run]
        if start < 0 or start > child.rows - count:
            raise ConversionError(f"{self.where(-1)}the Arrow array changed while it was being read")
        status = ddb_cast_write(child, steps, start, count, target + <size_t>ends[run] * size, &self.error)
        if status == DDB_ERR_RANGE:
            # the list that the cell is in
            start = self.error.row - start + ends[run]
            while ends[run + 1] <= start:
                run += 1
            self.error.row = first_row + run
        self.check(status)
    return 0

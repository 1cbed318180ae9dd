# Columns in Arrow's layout, read through their buffers. pyarrow is imported when the first one comes.

# what an Arrow column becomes
cdef enum arrow_form:
    ARROW_CELLS        # cells of fixed width
    ARROW_TEXT
    ARROW_BYTES        # BLOB
    ARROW_DICTIONARY   # SYMBOL if its values are text, else its values
    ARROW_LIST         # array vector
    ARROW_OTHER        # what another Arrow type says better; see `replacement`


cdef class _ArrowKind:
    """What is known of an Arrow type."""

    cdef arrow_form form
    cdef object source        # ARROW_CELLS: Source
    cdef int type             # wire type of the column, or of a list's cells
    cdef int scale
    cdef int conversion       # where no cell is NULL and ddb_column serves, else -1
    cdef Py_ssize_t size      # bytes of a cell, 0: a bit
    cdef object replacement   # ARROW_OTHER: the type to cast to; ARROW_DICTIONARY: that of the values
    cdef bint wide            # ARROW_BYTES, ARROW_LIST: 64-bit offsets
    cdef _ArrowKind child     # ARROW_LIST


# pyarrow type -> _ArrowKind
cdef dict arrow_kinds = {}
# name of an Arrow type -> its kind as dtypes.ARROW_RULES has it
cdef dict arrow_rules = {}


cdef int compile_arrow_rules() except -1:
    cdef _ArrowKind kind
    cdef dict types = {name: number for number, name in keys.TYPE_STRING.items()}
    for source, target, conversion, _ in ARROW_RULES:
        kind = _ArrowKind()
        kind.form = ARROW_CELLS
        kind.type = types[target]
        kind.conversion = conversions[conversion] if conversion else -1
        name = source.partition("[")[0]
        load = {"bool": "BIT", "float": "F32", "double": "F64", "fixed_size_binary": "BYTES16"}.get(name)
        if load is None:
            width = name.lstrip("abcdefghijklmnopqrstuvwxyz") or "64"
            load = ("U" if name.startswith("uint") else "I") + width
        kind.size = 0 if load == "BIT" else 16 if load == "BYTES16" else int(load[1:]) // 8
        meaning = {"bool": "bool", "float": "float", "double": "float", "fixed_size_binary": "bytes"}.get(name)
        unit = source.partition("[")[2].rstrip("]") if meaning is None else ""
        if meaning is None:
            meaning = ("decimal" if name.startswith("decimal") else "time" if name in ("time32", "time64")
                       else "moment" if unit else "integer")
        kind.source = Source(load, meaning, {"day": "D"}.get(unit, unit), 0, True)
        arrow_rules[source] = kind
    return 0


compile_arrow_rules()


cdef _ArrowKind arrow_kind(Encoder self, object arrow_type):
    """What an Arrow type is; refuses what can't be sent."""
    kind = arrow_kinds.get(arrow_type)
    if kind is None:
        kind = find_arrow_kind(arrow_type)
        if kind is None:
            refuse_arrow(self, arrow_type)
        if len(arrow_kinds) >= 1024:
            arrow_kinds.clear()
        arrow_kinds[arrow_type] = kind
    return <_ArrowKind>kind


cdef int refuse_arrow(Encoder self, object arrow_type) except -1:
    self.target = -1
    hint = "convert the column with astype to a supported dtype"
    if getattr(arrow_type, "tz", None) is not None:
        hint = TIME_ZONE_HINT
    elif pyarrow.types.is_duration(arrow_type):
        hint = TIME_SPAN_HINT
    elif str(arrow_type) == "halffloat":
        hint = "convert to float32"
    self.refuse_type(f"Arrow type {arrow_type} can't be sent; {hint}")


cdef object find_arrow_kind(object arrow_type):
    """The kind of an Arrow type, None if it can't be sent."""
    cdef _ArrowKind kind, rule
    if pyarrow is None:
        import_arrow()
    types = pyarrow.types
    name = str(arrow_type)
    kind = arrow_rules.get(name)
    if kind is not None:
        return kind
    kind = _ArrowKind()
    kind.conversion = -1
    if types.is_decimal(arrow_type):
        rule = arrow_rules.get(name.partition("(")[0])
        if rule is None or arrow_type.scale < 0:
            return None
        kind.form = ARROW_CELLS
        kind.type = rule.type
        kind.size = rule.size
        kind.scale = arrow_type.scale
        kind.source = rule.source._replace(scale=kind.scale)
    elif types.is_string(arrow_type) or types.is_large_string(arrow_type):
        kind.form = ARROW_TEXT
        kind.type = DDB_TYPE_STRING
    elif types.is_binary(arrow_type) or types.is_large_binary(arrow_type):
        kind.form = ARROW_BYTES
        kind.type = DDB_TYPE_BLOB
        kind.wide = types.is_large_binary(arrow_type)
    elif name in ("string_view", "binary_view"):
        kind.form = ARROW_OTHER
        kind.replacement = pyarrow.large_string() if name == "string_view" else pyarrow.large_binary()
    elif types.is_dictionary(arrow_type):
        kind.form = ARROW_DICTIONARY
        kind.replacement = arrow_type.value_type
        kind.type = DDB_TYPE_SYMBOL
        rule = find_arrow_kind(kind.replacement)
        if rule is None:
            return None
        if rule.form == ARROW_OTHER and "string" in name:
            kind.replacement = rule.replacement
        elif rule.form != ARROW_TEXT:
            kind.form = ARROW_OTHER
    elif types.is_list(arrow_type) or types.is_large_list(arrow_type):
        kind.form = ARROW_LIST
        kind.wide = types.is_large_list(arrow_type)
        kind.child = find_arrow_kind(arrow_type.value_type)
        if kind.child is None or kind.child.form != ARROW_CELLS:
            return None
        kind.type = kind.child.type
        kind.scale = kind.child.scale
    elif types.is_fixed_size_list(arrow_type):
        kind.form = ARROW_OTHER
        kind.replacement = pyarrow.large_list(arrow_type.value_type)
        if find_arrow_kind(kind.replacement) is None:
            return None
    else:
        return None
    return kind


cdef int put_arrow_column(Encoder self, object array, Py_ssize_t rows, int type, int scale) except -1:
    """A pyarrow Array or ChunkedArray as `type`, -1: as its own."""
    cdef _ArrowKind kind = arrow_kind(self, array.type)
    while kind.form == ARROW_OTHER:
        array = array.cast(kind.replacement)
        kind = arrow_kind(self, array.type)
    check_length(len(array), rows)
    if kind.form == ARROW_CELLS:
        return put_arrow_cells(self, array, kind, rows, type, scale)
    if kind.form == ARROW_LIST:
        return put_arrow_list(self, array, kind, rows, type, scale)
    if kind.form == ARROW_DICTIONARY:
        if type < 0 or type == DDB_TYPE_SYMBOL:
            return put_arrow_dictionary(self, array, rows)
        return put_arrow_column(self, array.cast(kind.replacement), rows, type, scale)
    if type < 0 or type == kind.type:
        if kind.form == ARROW_TEXT:
            return put_arrow(self, array, rows)
        return put_arrow_blobs(self, array, kind.wide, rows)
    if kind.form == ARROW_TEXT and type == DDB_TYPE_SYMBOL:
        return put_arrow_symbols(self, array, rows)
    if kind.form == ARROW_TEXT and type == DDB_TYPE_BLOB:
        return put_arrow_blobs(self, array, pyarrow.types.is_large_string(array.type), rows)
    if kind.form == ARROW_TEXT and type in text_types or type in (DDB_TYPE_STRING, DDB_TYPE_SYMBOL):
        return put_objects_forced(self, array.to_pylist(), type, scale)
    refuse_cast(self, type)


cdef int put_arrow_symbols(Encoder self, object array, Py_ssize_t rows) except -1:
    """Text as a symbol vector, its base in the order of first appearance."""
    cdef ddb_arrow_text text
    cdef int64_t row = 0
    cdef size_t start = begin_symbols(self, rows)
    for number in range(chunk_count(self, array) if rows else 0):
        describe_chunk(self, array, number, &text)
        text.first_row = row
        self.check(ddb_request_write_arrow_text(&self.request, &text, &self.error))
        row += text.rows
    check_length(row, rows)
    return end_symbols(self, start, rows) if rows else 0


cdef list chunks_of(object array):
    return array.chunks if isinstance(array, pyarrow.ChunkedArray) else [array]


cdef int read_cells(Encoder self, object chunk, _ArrowKind kind, ddb_cells *cells) except -1:
    """Describe a chunk of fixed-width cells; it must be kept alive by the caller."""
    cdef int64_t offset = read_field(&ARRAY_OFFSET, chunk), size
    cdef const uint8_t *data
    cdef list buffers
    memset(cells, 0, sizeof(cells[0]))
    cells.rows = len(chunk)
    cells.stride = kind.size
    if cells.rows == 0:
        return 0
    buffers = buffers_of(chunk)
    if buffers[1] is None:
        refuse_buffer(self, "data")
    data = buffer_data(buffers[1], &size)
    if size < (offset + cells.rows) * kind.size if kind.size else size * 8 < offset + cells.rows:
        refuse_buffer(self, "data")
    cells.data = <const char *>data + offset * kind.size
    cells.bitmap = arrow_bitmap(self, chunk, buffers[0], offset + cells.rows)
    cells.bit_offset = offset
    return 0


cdef int put_arrow_cells(Encoder self, object array, _ArrowKind kind, Py_ssize_t rows, int type, int scale) except -1:
    cdef ddb_cells cells
    cdef int64_t row = 0
    cdef bint own = type < 0 or (type == kind.type and scale in (-1, kind.scale))
    cdef _Cast way
    if own:
        type = kind.type
    if scale < 0 and kind.source.kind == "decimal":
        scale = kind.scale
    if not own and kind.source.kind == "decimal" and kind.source.load != "I128":
        array = array.cast(pyarrow.decimal128(38, kind.scale))
        kind = arrow_kind(self, array.type)
    scale = forced_scale(self, kind.source.kind, type, scale, rows)
    way = find_cast(kind.source, type, scale)
    if way is None:
        refuse_cast(self, type)
    put_scaled_head(self, type, scale, rows)
    chunks = chunks_of(array)
    self.borrowed.append(chunks)
    for chunk in chunks:
        read_cells(self, chunk, kind, &cells)
        if cells.rows == 0:
            continue
        cells.first_row = row
        # of a column that begins later ddb_column does not know the row to name, but for copies it needs none
        if own and cells.bitmap == NULL and 0 <= kind.conversion and (row == 0 or kind.conversion <= DDB_CONV_COPY64):
            self.put_column(cells.data, cells.stride, cells.rows, kind.conversion, False)
        else:
            put_cast(self, &cells, way)
        row += cells.rows
    return 0


cdef int put_arrow_blobs(Encoder self, object array, bint wide, Py_ssize_t rows) except -1:
    """Cells of variable size with a length each."""
    cdef ddb_arrow_text text
    cdef int64_t row = 0
    self.put_vector_head(DDB_TYPE_BLOB, rows)
    for chunk in chunks_of(array):
        buffers = read_offsets(self, chunk, wide, &text)
        if buffers is None:
            continue
        if buffers[2] is not None:
            text.data = buffer_data(buffers[2], &text.data_size)
        text.first_row = row
        put_blobs(self, &text)
        row += text.rows
    return 0


# -- dictionaries ---------------------------------------------------------------------------------------------

cdef int put_arrow_dictionary(Encoder self, object array, Py_ssize_t rows) except -1:
    """A dictionary of text: SYMBOL with the used values in order of first appearance."""
    cdef cnp.ndarray codes
    cdef ddb_cells cells
    cdef ddb_arrow_text text
    cdef _ArrowKind kind
    cdef _Cast way
    text_type = array.type.value_type
    if isinstance(array, pyarrow.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    words = array.dictionary
    if words.null_count or len(words.unique()) != len(words):
        # a symbol base has each text once, and null is its first entry
        array = array.cast(text_type).dictionary_encode()
        words = array.dictionary
    if arrow_kind(self, text_type).form == ARROW_OTHER:
        words = words.cast(arrow_kind(self, text_type).replacement)
    indices = array.indices
    kind = arrow_kind(self, indices.type)
    way = compile_cast(find_code_cast(kind.source))
    read_cells(self, indices, kind, &cells)
    codes = np.empty(rows, dtype=np.int32)
    self.target = DDB_TYPE_SYMBOL
    self.borrowed.append((array, words))
    if ddb_cast_write(&cells, &way.steps, 0, rows, cnp.PyArray_DATA(codes), &self.error) != DDB_OK:
        self.error.code = DDB_ERR_CODE
        self.raise_error()
    one_chunk(self, words, &text)
    put_symbols(self, codes, rows, text.rows, None, &text)
    return 0


cdef object find_code_cast(object source):
    """Indices of a dictionary as codes: null is -1."""
    return cast(source, "INT")._replace(low=0, high=2**31 - 1, null=-1)


# -- lists ----------------------------------------------------------------------------------------------------

cdef int put_arrow_list(Encoder self, object array, _ArrowKind kind, Py_ssize_t rows, int type, int scale) except -1:
    """Lists of fixed-width cells: an array vector; null and empty lists are empty rows."""
    cdef cnp.ndarray offsets, cells
    cdef int64_t *ends
    cdef int64_t row = 0
    cdef ddb_array packed
    cdef ddb_arrow_text lists
    cdef ddb_cells child
    cdef _Cast way
    cdef int element = kind.type if type < 0 else type - DDB_TYPE_ARRAY
    cdef size_t size
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
    chunks = chunks_of(array)
    for chunk in chunks:
        read_offsets(self, chunk, kind.wide, &lists)
        if ddb_array_append(lists.offsets, lists.wide, lists.rows, lists.validity, lists.bit_offset,
                            len(chunk.values), ends + row, &self.error) != DDB_OK:
            self.error.row += row
            self.raise_error()
        row += lists.rows
    if ends[rows] > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}{ends[rows]} cells; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    cells = np.empty(<Py_ssize_t>ends[rows] * <Py_ssize_t>size, dtype=np.uint8)
    row = 0
    for chunk in chunks:
        read_offsets(self, chunk, kind.wide, &lists)
        values = chunk.values
        read_cells(self, values, kind.child, &child)
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

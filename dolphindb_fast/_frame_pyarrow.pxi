# pandas' Arrow-backed columns -> parts. pyarrow is imported when the first one comes.
#
# Not through the C interface that other producers are read by: exporting gives up the GIL, see `describe_chunk`.

cdef int put_arrow_column(Encoder self, object array, Py_ssize_t rows, int type, int scale) except -1:
    """A pyarrow Array or ChunkedArray as `type`, -1: as its own."""
    cdef _ArrowKind kind = pyarrow_kind(self, array.type)
    cdef _PyarrowParts parts
    check_length(len(array), rows)
    if kind.form == ARROW_TEXT and not kind.views and (type < 0 or type == DDB_TYPE_STRING):
        return put_arrow(self, array, rows)
    parts = _PyarrowParts()
    self.borrowed.append(parts)
    parts.borrow(self, array, kind)
    return put_parts(self, kind, parts.parts, parts.count, rows, type, scale)


cdef _ArrowKind pyarrow_kind(Encoder self, object arrow_type):
    """What a pyarrow type is; refuses what can't be sent."""
    cdef ddb_arrow_schema *schema
    if pyarrow is None:
        import_arrow()
    kind = arrow_kinds.get(arrow_type, arrow_kinds)
    if kind is arrow_kinds:
        capsule = arrow_type.__arrow_c_schema__()
        schema = <ddb_arrow_schema *>PyCapsule_GetPointer(capsule, "arrow_schema")
        kind = arrow_kinds[arrow_type] = kind_of_key(schema_key(schema))
    if kind is None:
        refuse_arrow(self, str(arrow_type), True)
    return <_ArrowKind>kind


cdef void never_release(ddb_arrow_array *array) noexcept nogil:
    """Says of an array that it is there; nobody calls it."""


@cython.final
cdef class _PyarrowParts:
    """The parts of a column as structs of the C interface over pyarrow's buffers, all of which this keeps alive."""

    cdef ddb_arrow_part *parts
    cdef Py_ssize_t count
    cdef list kept

    def __cinit__(self):
        self.kept = []

    cdef void *room(self, size_t size):
        """Zeroed memory that lives as long as this."""
        block = bytearray(size)
        self.kept.append(block)
        return PyByteArray_AS_STRING(block)

    cdef int borrow(self, Encoder encoder, object array, _ArrowKind kind) except -1:
        cdef ddb_arrow_array *chunk
        cdef list chunks = array.chunks if isinstance(array, pyarrow.ChunkedArray) else [array]
        self.kept.append(chunks)
        self.count = len(chunks)
        self.parts = <ddb_arrow_part *>self.room(self.count * sizeof(ddb_arrow_part))
        for i in range(self.count):
            chunk = <ddb_arrow_array *>self.room(sizeof(ddb_arrow_array))
            self.fill(encoder, chunks[i], kind, chunk)
            describe_part(encoder, chunk, 0, -1, kind, &self.parts[i])
        return 0

    cdef int fill(self, Encoder encoder, object chunk, _ArrowKind kind, ddb_arrow_array *target) except -1:
        """Describe one array; its buffers must reach as far as they are said to."""
        cdef list buffers = buffers_of(chunk)
        cdef int64_t rows, number
        cdef int64_t *sizes
        target.release = never_release
        target.length = len(chunk)
        target.offset = read_field(&ARRAY_OFFSET, chunk)
        target.null_count = 0 if buffers[0] is None else chunk.null_count
        target.n_buffers = len(buffers) + 1 if kind.views else kind.buffers
        target.buffers = <const void **>self.room(target.n_buffers * sizeof(void *))
        rows = target.offset + target.length
        if target.null_count:
            target.buffers[0] = arrow_bitmap(encoder, chunk, buffers[0], rows)
        if kind.views:
            sizes = <int64_t *>self.room(len(buffers) * sizeof(int64_t))
            target.buffers[len(buffers)] = sizes
            for number in range(2, len(buffers)):
                target.buffers[number] = buffer_data(buffers[number], &sizes[number - 2])
        if target.length and kind.buffers > 1:
            self.fill_cells(encoder, buffers, kind, rows, target)
        if kind.form == ARROW_LIST:
            values = chunk.values
            self.kept.append(values)
            target.n_children = 1
            target.children = <ddb_arrow_array **>self.room(sizeof(void *))
            target.children[0] = <ddb_arrow_array *>self.room(sizeof(ddb_arrow_array))
            self.fill(encoder, values, kind.child, target.children[0])
        elif kind.form == ARROW_DICTIONARY:
            words = chunk.dictionary
            self.kept.append(words)
            target.dictionary = <ddb_arrow_array *>self.room(sizeof(ddb_arrow_array))
            self.fill(encoder, words, kind.child, target.dictionary)
        return 0

    cdef int fill_cells(self, Encoder encoder, list buffers, _ArrowKind kind, int64_t rows,
                        ddb_arrow_array *target) except -1:
        """The buffers behind the validity bitmap."""
        cdef int64_t size = 0, needed = rows * kind.size
        cdef ddb_arrow_text text
        if kind.form == ARROW_DICTIONARY:
            needed = rows * kind.indices.size
        elif kind.form == ARROW_CELLS:
            needed = needed if kind.size else (rows + 7) >> 3
        else:
            needed = rows * 16 if kind.views else (rows + 1) * (8 if kind.wide else 4)
        if buffers[1] is None:
            refuse_buffer(encoder, "second")
        target.buffers[1] = buffer_data(buffers[1], &size)
        if size < needed:
            refuse_buffer(encoder, "second")
        if kind.buffers == 3 and not kind.views and buffers[2] is not None:
            target.buffers[2] = buffer_data(buffers[2], &size)
            text.wide = kind.wide
            text.offsets = <const char *>target.buffers[1]
            if list_start(&text, rows) > size:
                refuse_buffer(encoder, "data")
        return 0

# Tables and columns of other libraries, by the Arrow PyCapsule protocol; and arguments that are tables without being
# frames. Nothing is imported for them.

cdef bint is_arrow(object obj):
    """Does the object's class export Arrow data? (Not the object itself: a class does not.) What is read in another way
    does not count: pandas would need pyarrow for it."""
    cdef object kind = type(obj)
    if kind not in exporters:
        if is_frame(obj) or is_series(obj) or is_neutral(obj):
            return False
        single = hasattr(kind, "__arrow_c_array__")
        if not single and not hasattr(kind, "__arrow_c_stream__"):
            return False
        if len(exporters) >= 64:
            exporters.clear()
        exporters[kind] = single
    return True


cdef bint is_tabular(object obj):
    """An argument that may become a table, beside frames."""
    return isinstance(obj, (TypedFrame, Table, Columns)) or is_arrow(obj)


cdef int put_other(Encoder self, object obj) except -1:
    """What is none of the values that this package knows; once its class is in `exporters` it does not come here."""
    if isinstance(obj, Columns) or is_arrow(obj):
        return put_other_table(self, obj, None)
    return refuse_object(self, obj, -1)


cdef bint is_table(object obj):
    return is_frame(obj) or isinstance(obj, Columns) or is_arrow(obj)


cdef int put_other_table(Encoder self, object table, object types) except -1:
    """Arrow data or `Columns`; `types` as `named_types` takes them."""
    if isinstance(table, Columns):
        return put_columns(self, table, types)
    return put_arrow_data(self, table, types)


@cython.no_gc
cdef class _Described:
    """What stands for a frame in messages about its columns."""

    cdef str describe(self, int column):
        return f"column {column}"

    cdef object cell(self, int column, int64_t row):
        raise LookupError()


cdef list named_types(list names, object types):
    """For each column (number, scale) or None, from what `typed` was given, or from the columns of a `Target`."""
    if isinstance(types, Target):
        return (<Target>types).specs
    unknown = [name for name in types if name not in names]
    if unknown:
        raise UsageError(f"the table has no column {unknown[0]!r} to be given a type")
    return [read_spec(name, types.get(name)) for name in names]


# -- what a producer hands over -------------------------------------------------------------------------------

@cython.final
@cython.no_gc      # nothing that it holds can refer to it
cdef class _ArrowData(_Described):
    """Arrow data that a producer handed over. It is given back, once, when nobody refers to this any more."""

    cdef ddb_arrow_schema schema
    cdef ddb_arrow_array *batches
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef int64_t rows
    cdef list kinds               # of the columns, or one of a single array
    cdef list places              # where in the data the columns are, None: in this order
    cdef tuple names              # under which they are sent, None: their own
    cdef ddb_arrow_part *parts    # of the column at work
    cdef object exported          # the capsules

    def __dealloc__(self):
        cdef Py_ssize_t i
        # here, where no exception is set: their destructors may run Python
        self.exported = None
        for i in range(self.count):
            if self.batches[i].release != NULL:
                self.batches[i].release(&self.batches[i])
        if self.schema.release != NULL:
            self.schema.release(&self.schema)
        PyMem_Free(self.batches)
        PyMem_Free(self.parts)

    cdef bint is_table(self):
        return strcmp(self.schema.format, "+s") == 0

    cdef const ddb_arrow_schema *field(self, int column) noexcept:
        return self.schema.children[self.place(column)] if self.is_table() else &self.schema

    cdef int place(self, int column) noexcept:
        return column if self.places is None else self.places[column]

    cdef int arrange(self, Target target) except -1:
        """Columns stand for the target's as those of a frame do."""
        cdef list names = [self.name(i) for i in range(len(self.kinds))]
        if names == list(target.names):
            return 0
        self.places = arranged(names, target)
        if self.places is not None:
            self.kinds = [self.kinds[place] for place in self.places]
        if are_names(names):
            self.names = target.names
        return 0

    cdef str name(self, int column):
        cdef const char *name
        if self.names is not None:
            return self.names[column]
        name = self.field(column).name
        return "" if name == NULL else (<bytes>name).decode(errors="replace")

    cdef str describe(self, int column):
        return f"column {self.name(column)!r} (number {column}, Arrow type {key_text(schema_key(self.field(column)))})"

    cdef int take(self, Encoder encoder, object obj) except -1:
        """Take over what the object exports; types that can't be sent are refused before any row is asked for."""
        cdef bint single = exporters[type(obj)]
        if single:
            # less work than a stream of one; what has several chunks can't, and says so
            try:
                self.exported = obj.__arrow_c_array__()
            except Exception:
                if not hasattr(type(obj), "__arrow_c_stream__"):
                    raise
                single = False
        if single:
            if not isinstance(self.exported, tuple) or len(self.exported) != 2:
                raise malformed("__arrow_c_array__ must return a schema and an array")
            take_schema(self, self.exported[0])
            refuse_kinds(encoder, self)
            take_array(self, self.exported[1])
        else:
            self.exported = obj.__arrow_c_stream__()
            take_stream(encoder, self, self.exported)
        self.parts = <ddb_arrow_part *>PyMem_Malloc(self.count * sizeof(ddb_arrow_part))
        if self.parts == NULL:
            raise MemoryError()
        return 0

    cdef int make_room(self) except -1:
        """Room for a batch more."""
        cdef ddb_arrow_array *more
        if self.count == self.room:
            more = <ddb_arrow_array *>PyMem_Realloc(self.batches, (2 * self.room + 4) * sizeof(ddb_arrow_array))
            if more == NULL:
                raise MemoryError()
            self.batches = more
            self.room = 2 * self.room + 4
        return 0

    cdef int count_rows(self, Py_ssize_t first) except -1:
        """Of the batches from `first` on; of all together no more may come than the wire can say."""
        cdef Py_ssize_t i
        for i in range(first, self.count):
            if self.batches[i].length < 0:
                raise malformed("a batch of a negative length")
            if self.batches[i].length > DDB_LIMIT_ROWS - self.rows:
                raise ValueRefused(f"more rows than the wire format's limit of {<int>DDB_LIMIT_ROWS}")
            self.rows += self.batches[i].length
        return 0

    cdef int column_parts(self, Encoder encoder, int column, _ArrowKind kind) except -1:
        """Describe a column of all batches. Rows that a batch leaves out at its beginning are left out of its columns,
        which may have more of their own."""
        cdef Py_ssize_t i
        cdef ddb_arrow_array *batch
        for i in range(self.count):
            batch = &self.batches[i]
            describe_part(encoder, batch.children[self.place(column)], batch.offset, batch.length, kind, &self.parts[i])
        return 0

    cdef object cell(self, int column, int64_t row):
        cdef Py_ssize_t i
        for i in range(self.count):
            if row < self.parts[i].rows:
                return part_value(self.kinds[column], &self.parts[i], row)
            row -= self.parts[i].rows
        raise LookupError()


cdef void *capsule_pointer(object capsule, const char *name) except NULL:
    if not PyCapsule_IsValid(capsule, name):
        raise malformed(f"not the {(<bytes>name).decode()} that the protocol asks for: {type_of(capsule)}")
    return PyCapsule_GetPointer(capsule, name)


cdef int take_schema(_ArrowData self, object capsule) except -1:
    cdef ddb_arrow_schema *source = <ddb_arrow_schema *>capsule_pointer(capsule, "arrow_schema")
    self.schema = source[0]
    # moved, as the interface calls it: the capsule no longer owns it
    source.release = NULL
    return read_kinds(self)


cdef int take_array(_ArrowData self, object capsule) except -1:
    cdef ddb_arrow_array *source = <ddb_arrow_array *>capsule_pointer(capsule, "arrow_array")
    self.make_room()
    self.batches[0] = source[0]
    source.release = NULL
    if self.batches[0].release == NULL:
        raise malformed("the array was released")
    self.count = 1
    return self.count_rows(0)


cdef int take_stream(Encoder encoder, _ArrowData self, object capsule) except -1:
    cdef ddb_arrow_stream *source = <ddb_arrow_stream *>capsule_pointer(capsule, "arrow_array_stream")
    cdef ddb_arrow_stream stream = source[0]
    cdef Py_ssize_t first
    cdef int status = 0
    cdef bint ended = False
    if stream.release == NULL:
        raise malformed("the stream was consumed already")
    source.release = NULL
    try:
        if stream.get_schema == NULL or stream.get_next == NULL:
            raise malformed("a stream without functions")
        # a producer may run Python in other threads and wait for it: these calls must not hold the GIL
        with nogil:
            status = stream.get_schema(&stream, &self.schema)
        if status:
            self.schema.release = NULL
            refuse_stream(&stream, status)
        read_kinds(self)
        refuse_kinds(encoder, self)
        while not ended:
            first = self.count
            self.make_room()
            with nogil:
                while self.count < self.room and not ended:
                    memset(&self.batches[self.count], 0, sizeof(ddb_arrow_array))
                    status = stream.get_next(&stream, &self.batches[self.count])
                    ended = status != 0 or self.batches[self.count].release == NULL
                    self.count += not ended
            if status:
                refuse_stream(&stream, status)
            self.count_rows(first)
    finally:
        stream.release(&stream)


cdef int refuse_stream(ddb_arrow_stream *stream, int status) except -1:
    cdef const char *message = NULL
    if stream.get_last_error != NULL:
        message = stream.get_last_error(stream)
    reason = os.strerror(status) if message == NULL else (<bytes>message).decode(errors="replace")
    raise ConversionError(f"the Arrow stream failed: {reason}")


cdef int read_kinds(_ArrowData self) except -1:
    """What the columns are, None for those that can't be sent."""
    cdef Py_ssize_t i
    if self.schema.release == NULL or self.schema.format == NULL:
        raise malformed("the schema was released, or has no format")
    if not self.is_table():
        self.kinds = [kind_of_key(schema_key(&self.schema))]
        return 0
    if self.schema.n_children < 0 or (self.schema.n_children and self.schema.children == NULL):
        raise malformed("the columns of a schema are missing")
    self.kinds = [kind_of_key(schema_key(self.schema.children[i])) for i in range(self.schema.n_children)]
    return 0


cdef int refuse_kinds(Encoder encoder, _ArrowData self) except -1:
    cdef Py_ssize_t i
    for i in range(len(self.kinds)):
        if self.kinds[i] is None:
            encoder.error.column = <int>i if self.is_table() else -1
            refuse_arrow(encoder, key_text(schema_key(self.field(<int>i))), False)
    return 0


cdef object part_value(_ArrowKind kind, const ddb_arrow_part *part, int64_t row):
    """A cell for a message."""
    cdef Encoder encoder = Encoder()
    cdef ddb_arrow_part one = part[0]
    cdef ddb_cells cells
    one.offset += row
    one.rows = 1
    if kind.form == ARROW_TEXT or kind.form == ARROW_BYTES:
        return part_objects(encoder, kind, &one, 1, 1)[0]
    if kind.form != ARROW_CELLS or kind.size == 0:
        raise LookupError()
    part_cells(encoder, &one, kind, &cells)
    data = PyBytes_FromStringAndSize(cells.data, kind.size)
    source = kind.source
    if source.kind == "bytes":
        return data
    if source.kind == "decimal":
        return Decimal(int.from_bytes(data, "little", signed=True)).scaleb(-source.scale)
    value = np.frombuffer(data, dtype=f"{source.load[0].lower()}{kind.size}")[0]
    return np.datetime64(int(value), source.unit) if source.kind == "moment" else value


# -- tables and vectors ---------------------------------------------------------------------------------------

cdef int put_arrow_data(Encoder self, object obj, object types) except -1:
    """A table, or what is no structure: a vector."""
    cdef _ArrowData data = _ArrowData()
    cdef int bases = self.symbol_bases
    self.target = -1
    self.error.column = -1
    # it must live until the request is sent, or refused
    self.borrowed.append(data)
    self.frame = data
    data.take(self, obj)
    if data.is_table():
        put_arrow_table(self, data, types)
    elif types is not None:
        raise UsageError(f"typed needs a table, not {type_of(obj)}")
    else:
        self.symbol_bases = 0
        put_arrow_vector(self, data)
    self.settle()
    self.frame = None
    self.error.column = -1
    return 0


cdef int put_arrow_vector(Encoder self, _ArrowData data) except -1:
    cdef Py_ssize_t i
    for i in range(data.count):
        describe_part(self, &data.batches[i], 0, -1, data.kinds[0], &data.parts[i])
    return put_parts(self, data.kinds[0], data.parts, data.count, data.rows, -1, -1)


cdef int put_arrow_table(Encoder self, _ArrowData data, object types) except -1:
    cdef Py_ssize_t i, columns = len(data.kinds)
    cdef ddb_arrow_part batch
    cdef const char *fault
    cdef list names = None, methods = None, forced = None
    for i in range(data.count):
        fault = ddb_arrow_describe(&data.batches[i], 0, -1, 1, 0, columns, 0, &batch)
        if fault != NULL:
            raise malformed(f"a batch can't be read: {fault.decode()}")
        if ddb_arrow_has_nulls(&batch):
            raise ValueRefused(f"{self.where(-1)}a row of the Arrow table is null as a whole")
    if isinstance(types, Target):
        data.arrange(types)
    if types is not None or self.methods is not None:
        names = [data.name(i) for i in range(columns)]
    if types:
        forced = named_types(names, types)
    put_table_head(self, data if data.names is None else data.names, columns, data.rows)
    if self.methods is not None:
        methods = take_methods(self, names, columns)
    for i in range(columns):
        self.error.column = <int>i
        self.target = -1
        data.column_parts(self, <int>i, data.kinds[i])
        spec = None if forced is None else forced[i]
        if methods is not None:
            put_packed(self, methods[i], put_arrow_field, data, data.rows, spec)
        else:
            put_arrow_field(self, data, data.rows, spec)
    self.rows += data.rows
    return 0


cdef int put_arrow_field(Encoder self, object data, Py_ssize_t rows, object spec) except -1:
    """The column at work."""
    cdef _ArrowData source = data
    return put_parts(self, source.kinds[self.error.column], source.parts, source.count, rows,
                     -1 if spec is None else spec[0], -1 if spec is None else spec[1])


cdef int put_field_names(Encoder self, _ArrowData data, Py_ssize_t count) except -1:
    """Column names, each with its NUL; 0: one comes twice."""
    cdef size_t start = self.request.out.size
    cdef const char *name
    cdef Py_ssize_t i
    for i in range(count):
        name = data.schema.children[i].name
        if name == NULL:
            name = b""
        self.put(name, strlen(name) + 1)
    return names_are_unique(self.request.out.data + start, self.request.out.size - start, count)

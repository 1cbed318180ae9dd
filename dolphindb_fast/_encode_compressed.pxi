# Compressed columns of tables: a column is put into an encoder of its own, and what that produces is coded block by
# block, so that of a large column no more than its coded form is ever in memory.

cdef object lz4_compress = None

# bytes of a cell in the columns that the official client compresses; 255 says that they vary
cdef dict packed_units = {
    type: np.dtype(WIRE_DTYPES[type]).itemsize
    for type in (
        keys.DT_BOOL, keys.DT_CHAR, keys.DT_SHORT, keys.DT_INT, keys.DT_LONG, keys.DT_DATE, keys.DT_MONTH, keys.DT_TIME,
        keys.DT_MINUTE, keys.DT_SECOND, keys.DT_DATETIME, keys.DT_TIMESTAMP, keys.DT_NANOTIME, keys.DT_NANOTIMESTAMP,
        keys.DT_FLOAT, keys.DT_DOUBLE, keys.DT_UUID, keys.DT_DATEHOUR, keys.DT_DATEMINUTE, keys.DT_IPADDR,
        keys.DT_INT128, keys.DT_DECIMAL32, keys.DT_DECIMAL64, keys.DT_DECIMAL128,
    )
}
packed_units[keys.DT_STRING] = packed_units[keys.DT_BLOB] = 255

cdef frozenset delta_types = frozenset((
    keys.DT_SHORT, keys.DT_INT, keys.DT_LONG, keys.DT_DATE, keys.DT_MONTH, keys.DT_TIME, keys.DT_MINUTE, keys.DT_SECOND,
    keys.DT_DATETIME, keys.DT_TIMESTAMP, keys.DT_NANOTIME, keys.DT_NANOTIMESTAMP, keys.DT_DATEHOUR, keys.DT_DATEMINUTE))
# sent as they are, whatever the method
cdef frozenset never_packed = frozenset((DDB_TYPE_VOID, DDB_TYPE_SYMBOL, DDB_TYPE_SYMBOL_BASE))

# a column of the table at hand, from its values and, of frames, its forced type
ctypedef int (*column_writer)(Encoder self, object values, Py_ssize_t rows, object spec) except -1


cdef int import_lz4() except -1:
    global lz4_compress
    if lz4_compress is None:
        try:
            from lz4.block import compress
        except ImportError:
            raise NotSupported(
                "compressMethods needs the package lz4, which is not installed; pip install lz4"
            ) from None
        lz4_compress = compress
    return 0


cdef list take_methods(Encoder self, object names, Py_ssize_t count):
    """The method of each column of the table at hand, 0 for none. Tables in its cells find none."""
    cdef object methods = self.methods
    self.methods = None
    if isinstance(methods, dict):
        return [methods.get(name, 0) for name in names]
    if isinstance(methods, tuple):
        if len(methods) != count:
            raise UsageError(
                f"{self.where(-1)}The number of elements in parameter compressMethods, {len(methods)}, "
                f"does not match the column size {count}")
        return list(methods)
    return [methods or 0] * count


cdef int put_packed(
    Encoder self, int method, column_writer write, object values, Py_ssize_t rows, object spec
) except -1:
    """A column, in `method` if that makes it smaller."""
    cdef Encoder inner
    cdef bint smaller
    if method:
        if self.inner is None:
            self.inner = Encoder()
            self.inner.packed = True
        inner = self.inner
        inner.begin(False)
        try:
            inner.place = self.place
            inner.frame = self.frame
            inner.error.column = self.error.column
            write(inner, values, rows, spec)
            inner.settle()
            smaller = pack(self, inner, method)
        finally:
            inner.end()
        if smaller:
            return 0
    return write(self, values, rows, spec)


cdef int pack(Encoder self, Encoder inner, int method) except -1:
    """Put what `inner` holds, a settled vector, compressed. False: it is to be sent as it is; nothing was put."""
    cdef ddb_arena *out = &self.request.out
    cdef const uint8_t *head = inner.request.out.data
    cdef size_t start = out.size, plain = ddb_request_size(&inner.request)
    cdef size_t skipped = 10, taken, coded
    cdef ddb_compressed column
    cdef ddb_cut cut
    cdef ddb_piece pieces[16]
    cdef const uint8_t *data
    cdef int count = 1, i, element = head[0]
    if element in never_packed:
        return False
    if method == DDB_COMPRESSION_DELTA and element not in delta_types:
        self.target = element
        self.refuse_type("compression method DELTA is for SHORT, INT, LONG and temporal columns only; use LZ4")
    column.method = method
    column.type = element
    cut.kind = DDB_CUT_CELLS
    if element == DDB_TYPE_STRING:
        cut.kind = DDB_CUT_TEXT
    elif element > DDB_TYPE_ARRAY:
        cut.kind = DDB_CUT_ARRAY
        element -= DDB_TYPE_ARRAY
    if element not in packed_units:
        return False
    column.unit = cut.cell_size = packed_units[element]
    cut.cells = 0
    memcpy(&column.count, head + 2, sizeof(int32_t))
    column.scale = 0
    if is_decimal(element):
        memcpy(&column.scale, head + skipped, sizeof(int32_t))
        skipped += sizeof(int32_t)
    elif column.unit == 16:
        column.scale = 16   # what the official client says of these
    if plain > DDB_LIMIT_ROWS:
        plain = DDB_LIMIT_ROWS   # the size stands in an int32
    reserve(out, DDB_PACKED_HEAD)
    out.size += DDB_PACKED_HEAD
    while count:
        if plain < RELEASE_BYTES:
            count = ddb_request_next(&inner.request, pieces, 16, &inner.error)
        else:
            with nogil:
                count = ddb_request_next(&inner.request, pieces, 16, &inner.error)
        if count < 0:
            inner.raise_error()
        for i in range(count):
            data = <const uint8_t *>pieces[i].data
            while pieces[i].size:
                # pieces end where rows do
                taken = min(skipped, pieces[i].size)
                if taken:
                    skipped -= taken
                else:
                    taken = ddb_cut_next(&cut, data, pieces[i].size)
                    coded = put_block(out, &column, data, taken) if taken else 0
                    if not coded or out.size - start >= plain:
                        out.size = start
                        return False
                data += taken
                pieces[i].size -= taken
    if out.size - start >= plain:
        out.size = start
        return False
    ddb_pack_head(&column, out.size - start - DDB_PACKED_HEAD, out.data + start)
    return True


cdef size_t put_block(ddb_arena *out, const ddb_compressed *column, const uint8_t *data, size_t size) except? 0:
    """One block with its size; returns how many bytes were put, 0 if the method can't say these cells."""
    cdef size_t coded = 0
    cdef int64_t cells
    cdef int32_t length
    cdef uint8_t *target
    cdef int status
    cdef bytes block
    if column.method == DDB_COMPRESSION_LZ4:
        block = lz4_compress(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ), store_size=False)
        coded = PyBytes_GET_SIZE(block)
        target = reserve(out, 4 + coded)
        memcpy(target + 4, PyBytes_AS_STRING(block), coded)
    else:
        cells = size // column.unit
        target = reserve(out, 4 + ddb_delta_bound(cells))
        if size < RELEASE_BYTES:
            status = ddb_delta_encode(data, column.unit, cells, target + 4, &coded)
        else:
            with nogil:
                status = ddb_delta_encode(data, column.unit, cells, target + 4, &coded)
        if status != DDB_OK:
            return 0
    length = <int32_t>coded
    memcpy(target, &length, sizeof(length))
    out.size += 4 + coded
    return 4 + coded

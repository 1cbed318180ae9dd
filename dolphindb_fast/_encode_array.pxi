# Array vectors: rows of fixed-width cells, laid out in blocks. And BLOBs: cells with their lengths.

cdef int put_array_vector(Encoder self, int element, int scale, const ddb_array *array) except -1:
    """An array vector of cells of type `element`; `scale` is that of a decimal, of others it is not sent."""
    cdef ddb_arena *out = &self.request.out
    cdef int32_t digits = scale
    cdef size_t size, buffer = DDB_ARRAY_BUFFER, head = 10
    cdef int64_t cells = array.offsets[array.rows]
    cdef uint8_t *target
    if cells > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}{cells} cells; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    self.put_head(element + keys.ARRAY_TYPE_BASE, DDB_FORM_VECTOR)
    self.put_counts(array.rows, cells)
    if keys.DT_DECIMAL32 <= element <= keys.DT_DECIMAL128:
        self.put(&digits, sizeof(digits))
        head += sizeof(digits)
    if self.packed:
        buffer, head = DDB_BLOCK_BYTES, 0
    with nogil:
        size = ddb_array_size(array, buffer, head)
        target = ddb_arena_reserve(out, size)
        if target != NULL:
            ddb_array_write(array, buffer, head, target)
    if target == NULL:
        raise MemoryError()
    out.size += size
    return 0


cdef int put_blobs(Encoder self, const ddb_arrow_text *cells) except -1:
    """Cells of a BLOB vector whose head was put."""
    cdef ddb_arena *out = &self.request.out
    cdef int64_t size
    cdef uint8_t *target
    self.check(ddb_blob_check(cells, &size, &self.error))
    target = ddb_arena_reserve(out, size)
    if target == NULL:
        raise MemoryError()
    self.check(ddb_blob_write(cells, size, target, &self.error))
    out.size += size
    return 0

# Compressed columns: the blocks of one column as a stream of its plain bytes.

cdef object _lz4 = None


cdef object _lz4_block():
    """``lz4.block``, an optional package."""
    global _lz4
    if _lz4 is None:
        try:
            from lz4 import block
        except ImportError:
            raise NotSupported(
                "the reply holds a column compressed with LZ4, and the package lz4 is not installed; "
                "pip install lz4, or connect without compress=True"
            ) from None
        _lz4 = block
    return _lz4


@cython.final
cdef class _Compressed:
    """A compressed column as it was received."""

    cdef ddb_compressed head
    cdef cnp.ndarray body      # the blocks
    cdef int64_t offset        # where it stands in its object

    def __len__(self):
        return self.head.count


@cython.final
cdef class _Blocks:
    """Plain bytes of a compressed column, block by block: the `fill` of a `Reader`."""

    cdef _Compressed source
    cdef size_t position
    cdef object plain          # bytes of one block not taken yet
    cdef cnp.ndarray scratch
    cdef int64_t elements      # not decoded yet; delta coding only

    def __init__(self, _Compressed source):
        self.source = source
        self.plain = memoryview(b"")
        self.elements = source.head.count
        if source.head.method == DDB_COMPRESSION_DELTA:
            self.scratch = np.empty(DDB_BLOCK_BYTES, dtype=_BYTES)

    def __call__(self, view):
        if not len(self.plain):
            if self.position == <size_t>self.source.body.shape[0]:
                return 0
            self.plain = self._block()
            if not len(self.plain):
                raise ProtocolError("an empty block")
        size = min(len(view), len(self.plain))
        view[:size] = self.plain[:size]
        self.plain = self.plain[size:]
        return size

    @property
    def left(self):
        return len(self.plain) or self.position < <size_t>self.source.body.shape[0]

    cdef object _block(self):
        cdef size_t start = 0, length = 0
        cdef int64_t count = 0, limit
        cdef int unit = self.source.head.unit
        cdef const uint8_t *body = <const uint8_t *>cnp.PyArray_DATA(self.source.body)
        if ddb_compressed_block(body, self.source.body.shape[0], &self.position, &start, &length) != DDB_OK:
            raise ProtocolError("a block goes on beyond its column")
        if self.source.head.method == DDB_COMPRESSION_DELTA:
            limit = min(self.elements, <int64_t>(DDB_BLOCK_BYTES // unit))
            if ddb_delta_decode(
                body + start, length, unit, cnp.PyArray_DATA(self.scratch), limit, &count
            ) != DDB_OK:
                raise ProtocolError("delta code without an end")
            self.elements -= count
            return memoryview(self.scratch)[:count * unit]
        if length > DDB_BLOCK_LZ4:
            raise ProtocolError(f"an LZ4 block of {length} bytes")
        lz4 = _lz4_block()
        try:
            return memoryview(lz4.decompress(
                memoryview(self.source.body)[start:start + length], uncompressed_size=DDB_BLOCK_BYTES
            ))
        except lz4.LZ4BlockError as error:
            raise ProtocolError(f"LZ4: {error}") from None

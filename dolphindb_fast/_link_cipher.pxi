# Encrypted connections: OpenSSL through the interpreter's ssl module, in memory; the link moves the bytes.


cdef struct cipher_of:
    ddb_cipher cipher   # first: a cipher_of is a ddb_cipher
    PyObject *owner     # borrowed


cdef int seal_bytes(ddb_cipher *cipher, const void *data, size_t size) noexcept with gil:
    return (<_Cipher>(<cipher_of *>cipher).owner).seal(<const char *>data, size)


cdef int open_bytes(ddb_cipher *cipher, const void *data, size_t size) noexcept with gil:
    return (<_Cipher>(<cipher_of *>cipher).owner).open(<const char *>data, size)


@cython.final
cdef class _Cipher:
    """A `tls.Channel` as the link wants it. Used by whoever holds the link's lock."""
    cdef cipher_of c
    cdef object channel
    cdef bytes sealed     # what c.cipher.sealed points into
    cdef bytes opened
    cdef object fault     # the exception that seal or open failed with

    def __cinit__(self, channel):
        self.c.cipher.seal = seal_bytes
        self.c.cipher.open = open_bytes
        self.c.owner = <PyObject *>self
        self.channel = channel

    cdef int seal(self, const char *data, size_t size) noexcept:
        try:
            self.channel.write(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ))
            self.take_sealed()
        except BaseException as error:
            self.fault = error
            return DDB_ERR_SYSTEM
        return DDB_OK

    cdef int open(self, const char *data, size_t size) noexcept:
        try:
            self.opened = self.channel.read(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ))
            self.c.cipher.opened = PyBytes_AS_STRING(self.opened)
            self.c.cipher.opened_size = PyBytes_GET_SIZE(self.opened)
            self.c.cipher.ended = self.channel.ended
            self.take_sealed()
        except BaseException as error:
            self.fault = error
            return DDB_ERR_SYSTEM
        return DDB_OK

    cdef int take_sealed(self) except -1:
        """What the channel wants sent, behind what is not sent yet."""
        more = self.channel.outgoing()
        if more:
            if self.c.cipher.sealed_size:
                more = self.c.cipher.sealed[:self.c.cipher.sealed_size] + more
            self.sealed = more
            self.c.cipher.sealed = PyBytes_AS_STRING(self.sealed)
            self.c.cipher.sealed_size = PyBytes_GET_SIZE(self.sealed)
        return 0

    cdef int farewell(self) except -1:
        """Tell the other side that nothing more will come."""
        self.channel.end()
        self.take_sealed()
        return 0

# The connection: owner of the descriptor, the lock, the first error. Pulls from a producer; never knows a table.

cdef enum:
    # Requests up to this many bytes leave in one non-blocking send with the GIL held: releasing it would let a
    # busy Python thread keep it for its whole switch interval (5 ms). Larger ones take long enough to let others run.
    SMALL_REQUEST = 64 << 10

cdef object live_links = weakref.WeakSet()


def _after_fork_in_child():
    """Close the parent's descriptors in a forked child, without a byte or a shutdown."""
    for link in list(live_links):
        (<_Link>link).abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


cdef object unsent(str text):
    """A `LinkError` of a request of which no byte left."""
    error = LinkError(text)
    error.sent = False
    return error


cdef int64_t nanoseconds(object seconds) except? -2:
    return -1 if seconds is None else <int64_t>(seconds * 1e9)


cdef class _Link:
    cdef ddb_link link
    cdef PyThread_type_lock lock
    cdef unsigned long owner      # thread that holds the lock, 0 if none
    cdef int64_t write_timeout    # nanoseconds, negative: for ever
    cdef int64_t read_timeout
    cdef int64_t reply_spin       # spin_ns of the link, kept from one connection to the next
    cdef object unusable          # the exception that every call raises, None while the connection is good
    cdef object opening           # `unusable` while a thread makes the connection, None otherwise
    cdef unsigned long opener     # that thread
    cdef _Cipher cipher           # of an encrypted connection, else None
    cdef str peer                 # address of the server once the connection is ready, for messages
    cdef object last_error        # text of the first fault, None if there was none
    cdef bint asynchronous        # nobody reads replies
    cdef bint accounting          # an _AcknowledgedLink that matches replies to requests
    cdef int64_t requests         # handed over whole, by all connections
    cdef int64_t proven           # of these so many are known to have been read by the server
    cdef int64_t acknowledged, failed   # answered one by one, by OK and by an error
    cdef int64_t waited_ns        # for room for further requests
    cdef bint closing             # close was called while the lock was held: its holder closes the descriptor
    cdef object __weakref__

    def __cinit__(self):
        cdef ddb_error error
        ddb_link_init(&self.link, -1, 0, &error)
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError()
        self.unusable = UsageError("the session is not connected; call connect first")

    def __dealloc__(self):
        ddb_link_close(&self.link, 0)
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cdef int open(self, int descriptor, bint asynchronous, object write_timeout, object read_timeout) except -1:
        """Take over a connected descriptor in place of the one before."""
        cdef ddb_error error
        cdef int status
        self.lock_or_refuse()
        ddb_link_close(&self.link, 0)
        status = ddb_link_init(&self.link, descriptor, DDB_LINK_DROP if asynchronous else DDB_LINK_LEAVE, &error)
        if status == DDB_OK:
            self.write_timeout = nanoseconds(write_timeout)
            self.read_timeout = nanoseconds(read_timeout)
            self.link.spin_ns = self.reply_spin
            self.cipher = None
            self.asynchronous = asynchronous
            self.proven = self.requests
            self.opener = self.owner
            self.opening = self.unusable = unsent("the session is being connected by another thread")
            self.last_error = self.peer = None
        self.release()
        if status != DDB_OK:
            raise LinkError(os.strerror(error.sys_errno))
        live_links.add(self)
        return 0

    cdef bint is_opener(self):
        """True in the thread that makes the connection, until it is ready or ended."""
        return self.opening is not None and self.unusable is self.opening \
            and self.opener == <unsigned long>PyThread_get_thread_ident()

    cdef int encrypt(self, object channel) except -1:
        self.lock_or_refuse()
        try:
            self.cipher = _Cipher(channel)
            self.link.cipher = &self.cipher.c.cipher
            # records that came with the last ones of the handshake
            if self.cipher.open(b"", 0) != DDB_OK:
                self.raise_fault()
        finally:
            self.release()
        return 0

    cdef int opened(self, str peer) except -1:
        if not self.is_opener():
            self.refuse()
        self.peer = peer
        self.unusable = self.opening = None
        return 0

    cdef int lock_or_refuse(self) except -1:
        """Take the lock; a thread that holds it already is refused."""
        cdef unsigned long thread = <unsigned long>PyThread_get_thread_ident()
        if not PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            if self.owner == thread:
                raise UsageError(
                    "the session is already sending in this thread: it was called from a finalizer or a signal "
                    "handler that interrupted another call")
            with nogil:
                PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.owner = thread
        return 0

    cdef int acquire(self) except -1:
        """Take the lock, then see whether the connection can be used."""
        self.lock_or_refuse()
        if self.unusable is not None and not self.is_opener():
            self.release()
            self.refuse()
        return 0

    cdef int release(self) except -1:
        if self.closing:
            self.closing = False
            ddb_link_close(&self.link, 0)
        self.owner = 0
        PyThread_release_lock(self.lock)
        return 0

    cdef int refuse(self) except -1:
        """Raise the sticky error, a fresh exception each time so that tracebacks don't pile up."""
        unusable = self.unusable
        if unusable is None:
            # connected again meanwhile
            return 0
        error = type(unusable)(*unusable.args)
        if isinstance(error, LinkError):
            error.sent = False
        raise error

    cdef int fail(self, object error) except -1:
        """The connection is dead: close it and remember why; `error` is told what may be lost. The lock is held."""
        if self.closing:
            return 0
        ddb_link_close(&self.link, 0)
        said = str(error) or type(error).__name__
        if self.peer is not None:
            said = f"{self.peer}: {said}"
            self.peer = None
        if self.last_error is None:
            self.last_error = said
        unproven = self.unproven()
        if unproven:
            said += f"; {unproven} submissions went out since the last proof that they arrived"
        if isinstance(error, LinkError):
            error.args = (said,)
        self.unusable = LinkError(f"the connection was closed after an error: {said}; call connect to make a new one")
        return 0

    cdef int64_t unproven(self):
        """Submissions of which nobody knows whether the server has read them."""
        return self.requests - self.proven if self.asynchronous else 0

    cdef int close(self) except -1:
        """Close without waiting. If a call is under way, only cut it off: closing the descriptor under it could let
        it write to whatever gets the same number next."""
        self.unusable = UsageError("the session is closed; call connect to use it again")
        if PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            if self.cipher is not None and self.link.fd >= 0:
                self.cipher.farewell()
            ddb_link_close(&self.link, 1)
            PyThread_release_lock(self.lock)
        else:
            self.closing = True
            ddb_link_cut(&self.link)
        return 0

    cdef int abandon(self) except -1:
        """In a forked child: the connection belongs to the parent."""
        ddb_link_close(&self.link, 0)
        # the lock may have been held by a thread that does not exist here
        self.lock = PyThread_allocate_lock()
        self.owner = 0
        self.closing = False
        self.unusable = UsageError("the session was connected in the parent process; connect anew after a fork")
        return 0

    cdef int send(self, ddb_producer *producer, size_t size) except -1:
        """Send all that the producer yields. The lock is held."""
        cdef ddb_error error
        cdef int status = ddb_link_look(&self.link, &error)
        if status == DDB_OK:
            if size <= SMALL_REQUEST:
                status = ddb_link_send(&self.link, producer, &error)
            else:
                with nogil:
                    status = ddb_link_send(&self.link, producer, &error)
            while status == DDB_ERR_AGAIN or status == DDB_ERR_SIGNAL:
                # a signal of before the wait does not end it
                self.check_signals()
                with nogil:
                    status = ddb_link_send_rest(&self.link, self.write_timeout, &error)
        if status != DDB_OK:
            self.raise_send(status, &error)
        return 0

    cdef int check_signals(self) except -1:
        """Run signal handlers; if one raises in mid-request, the connection can't go on."""
        try:
            PyErr_CheckSignals()
        except BaseException as interruption:
            if self.link.accepted:
                self.fail(f"{type(interruption).__name__} while a request was being sent")
            raise
        return 0

    cdef int raise_send(self, int status, ddb_error *error) except -1:
        cdef uint64_t accepted = self.link.accepted
        if self.closing:
            fault = LinkError("the session was closed while a request was being sent")
            fault.sent = accepted != 0
            raise fault
        try:
            self.raise_fault()
        except LinkError as broken:
            broken.sent = accepted != 0
            raise
        if status == DDB_ERR_TIMEOUT:
            seconds = self.write_timeout * 1e-9
            if accepted == 0:
                raise SendTimeout(
                    f"the server took no bytes for {seconds:g} s; nothing of this request was sent, "
                    "the session stays usable",
                    False)
            fault = SendTimeout(
                f"the server took no bytes for {seconds:g} s after {accepted} bytes of this request; "
                "the connection is closed",
                True)
        elif status == DDB_ERR_CLOSED:
            fault = LinkError(self.closed_text())
        elif status == DDB_ERR_SYSTEM:
            fault = LinkError(f"sending failed: {os.strerror(error.sys_errno)} (errno {error.sys_errno})")
        else:
            fault = LinkError(f"sending failed: {ddb_status_text(status).decode()}; the connection is closed")
        fault.sent = accepted != 0
        self.fail(fault)
        raise fault

    cdef int raise_fault(self) except -1:
        """If a cipher failed, raise that."""
        if self.cipher is None or self.cipher.fault is None:
            return 0
        fault = self.cipher.fault
        self.cipher.fault = None
        import ssl  # not above: most processes never need it

        if isinstance(fault, ssl.SSLError):
            fault = LinkError(f"the encrypted connection failed: {fault.reason or fault}")
        self.fail(fault if isinstance(fault, LinkError) else type(fault).__name__)
        raise fault

    cdef str closed_text(self):
        text = "the server closed the connection"
        if self.link.inbox_size:
            said = self.link.inbox[:self.link.inbox_size].decode(errors="replace").strip()
            text += f"; its last words: {said[:300]!r}"
        return text

    def receive(self, view):
        """Wait for bytes of a reply and read them into `view`: at least one byte, 0 at the end of the stream."""
        cdef Py_buffer target
        cdef size_t received = 0
        cdef ddb_error error
        cdef int status = DDB_ERR_SIGNAL
        PyObject_GetBuffer(view, &target, PyBUF_WRITABLE)
        try:
            while status == DDB_ERR_SIGNAL:
                # before the wait, which a signal of just after the request does not end
                PyErr_CheckSignals()
                with nogil:
                    status = ddb_link_receive(
                        &self.link, target.buf, target.len, self.read_timeout, &received, &error)
        finally:
            PyBuffer_Release(&target)
        if self.closing:
            raise LinkError("the session was closed while it waited for a reply")
        if status == DDB_OK:
            return received
        if status == DDB_ERR_CLOSED:
            return 0
        if status == DDB_ERR_TIMEOUT:
            raise SendTimeout(f"no reply for {self.read_timeout * 1e-9:g} s; the connection is closed", True)
        self.raise_fault()
        raise LinkError(f"reading the reply failed: {os.strerror(error.sys_errno)} (errno {error.sys_errno})")

    cdef bytes take_inbox(self):
        data = self.link.inbox[:self.link.inbox_size]
        self.link.inbox_size = 0
        return data

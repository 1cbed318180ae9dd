# A link that an event loop drives: it never waits, and is told when there are bytes to read or room to send. Knows
# neither the loop nor a table.

cdef enum:
    # bytes asked for at a time, at least
    LEAST_ROOM = 64 << 10
    # as much is kept for bytes that come; more is given back
    KEPT_ROOM = 1 << 20
    # reads before the loop's other callbacks have their turn
    MOST_READS = 16


cdef struct scratch_of:
    ddb_producer producer   # first: a scratch_of is a ddb_producer
    PyObject *owner         # borrowed


cdef int next_of_scratch(ddb_producer *scratch, ddb_piece *pieces, int most, ddb_error *error) noexcept with gil:
    return (<_LoopLink>(<scratch_of *>scratch).owner).next_of_scratch(pieces)


@cython.final
@cython.no_gc_clear  # as its base
cdef class _LoopLink(_AcknowledgedLink):
    """What the kernel does not take at once is copied to scratch and leaves when the loop says that there is room. A
    request that is too long for that is sent from where it lies: it is `held` until all of it has left.

    Used by the thread of the loop alone.
    """

    cdef scratch_of scratch
    cdef bytearray sending, behind   # scratch: what the producer pointed out, and what comes after
    cdef uint64_t scratch_limit
    cdef uint64_t kept               # bytes that were ever put into scratch
    cdef uint64_t unsent             # of them
    cdef uint64_t counted            # link.accepted when `unsent` was counted
    cdef readonly bint blocked       # the kernel takes nothing more
    cdef int64_t blocked_since
    cdef readonly bint held
    cdef bytearray incoming          # bytes that came, from `start` to `end`
    cdef size_t start, end
    cdef readonly bint ended         # the server has closed the connection
    cdef readonly object fault       # the exception that ended it
    cdef dict calls                  # number -> future, of requests whose caller waits for the reply
    cdef dict watchers               # number -> list of futures, of those that somebody asks for
    cdef int64_t woken               # number up to which they were told
    cdef list leaving                # (bytes of `kept`, future) of those who wait until so many have left, in order
    cdef object unsolicited          # takes bytes that nobody asked for
    cdef public object on_change     # called when there may be room, or bytes of a handshake
    cdef public object on_end        # called before the descriptor is closed
    cdef public object make_future

    def __cinit__(self):
        self.scratch.producer.next = next_of_scratch
        self.scratch.owner = <PyObject *>self
        self.sending, self.behind, self.incoming = bytearray(), bytearray(), bytearray()
        self.calls, self.watchers, self.leaving = {}, {}, []

    def prepare(self, uint64_t scratch_limit, unsolicited):
        self.scratch_limit = scratch_limit
        self.unsolicited = unsolicited

    # -- the ways in which a connection begins and ends ---------------------------------------------------------

    cdef int open(self, int descriptor, bint asynchronous, object write_timeout, object read_timeout) except -1:
        _AcknowledgedLink.open(self, descriptor, asynchronous, write_timeout, read_timeout)
        self.link.drain = DDB_LINK_LEAVE
        self.link.spin_ns = 0
        self.incoming = bytearray()
        self.start = self.end = 0
        self.ended = False
        self.fault = None
        return 0

    def begin(self, bytes received, convert):
        """From now on replies are put to requests. `received` was read behind the last one."""
        self.convert = convert
        self.put_back(received)
        self.accounting = True

    cdef int fail(self, object error) except -1:
        if self.link.fd < 0:
            return 0
        self.leave_loop()
        _Link.fail(self, error)
        self.fault = error if isinstance(error, Exception) else LinkError(str(error))
        if isinstance(error, SendTimeout):
            lost = error
        else:
            lost = OutcomeUnknown(
                f"the connection was lost before the reply came ({error}): the server may have carried it out or not")
            if self.answered < self.entered and not isinstance(self.fault, LinkError):
                # it is in the reply to this one
                first = self.take_oldest()
                first.lose(self.fault)
                self.note_failure(first)
        self.lose(lost)
        return self.settle_down()

    def give_up(self, error):
        """End the connection because of `error`."""
        self.fail(error)

    cdef int close(self) except -1:
        self.leave_loop()
        _AcknowledgedLink.close(self)
        return self.settle_down()

    cdef int abandon(self) except -1:
        # the parent's loop is not to be touched: its selector is shared with the parent
        self.on_end = self.on_change = None
        self.calls.clear()
        self.watchers.clear()
        self.leaving.clear()
        _AcknowledgedLink.abandon(self)
        return self.settle_down()

    cdef int leave_loop(self) except -1:
        if self.on_end is not None:
            self.on_end()
        return 0

    cdef int settle_down(self) except -1:
        """Nothing is sent any more; who waits for that is told."""
        self.unblock()
        waiting, self.leaving = self.leaving, []
        for _, future in waiting:
            resolve_future(future, False)
        return self.tell()

    cdef int unblock(self) except -1:
        if self.blocked:
            self.link.blocked_ns += monotonic_ns() - self.blocked_since
        self.blocked = self.held = False
        self.unsent = 0
        self.sending.clear()
        self.behind.clear()
        return 0

    cdef int tell(self) except -1:
        if self.on_change is not None:
            self.on_change()
        return 0

    # -- sending ------------------------------------------------------------------------------------------------

    def has_room(self, uint64_t size):
        """Whether a request of so many bytes can be sent now; true if it would raise."""
        if self.unusable is not None:
            return True
        if self.entered - self.answered >= self.most or (
            self.entered > self.answered and self.bytes_in_flight + size > self.most_bytes
        ):
            return False
        return not self.blocked or (not self.held and self.unsent + size <= self.scratch_limit)

    cdef int send(self, ddb_producer *producer, size_t size) except -1:
        return self.push(producer, size)

    cdef int push(self, ddb_producer *producer, size_t size) except -1:
        """Send what the kernel takes; the rest is copied to scratch or held."""
        cdef ddb_error error
        cdef int status
        if self.blocked:
            return self.keep_all(producer)
        if size <= SMALL_REQUEST:
            status = ddb_link_send(&self.link, producer, &error)
        else:
            with nogil:
                status = ddb_link_send(&self.link, producer, &error)
        if status == DDB_ERR_AGAIN:
            status = self.send_on(&error)
        if status == DDB_OK:
            return 0
        if status != DDB_ERR_TIMEOUT:
            self.raise_send(status, &error)
        self.blocked = True
        self.blocked_since = monotonic_ns()
        self.counted = self.link.accepted
        if size - self.link.accepted > self.scratch_limit:
            self.held = True
            return 0
        for piece in range(self.link.piece, self.link.piece_count):
            self.keep(&self.link.pieces[piece])
        self.link.piece = self.link.piece_count = 0
        self.link.producer = &self.scratch.producer
        return self.keep_all(producer)

    cdef int send_on(self, ddb_error *error):
        """As much more as the kernel takes now; DDB_ERR_TIMEOUT: it takes nothing more."""
        cdef int status = DDB_ERR_SIGNAL
        with nogil:
            while status == DDB_ERR_SIGNAL:
                status = ddb_link_send_rest(&self.link, 0, error)
        return status

    cdef int keep_all(self, ddb_producer *producer) except -1:
        cdef ddb_piece pieces[16]
        cdef ddb_error error
        cdef int count = 16
        while count > 0:
            count = producer.next(producer, pieces, 16, &error)
            for piece in range(count):
                self.keep(&pieces[piece])
        if count < 0:
            self.raise_send(count, &error)
        return 0

    cdef int keep(self, ddb_piece *piece) except -1:
        self.behind += PyMemoryView_FromMemory(<char *>piece.data, piece.size, PyBUF_READ)
        self.kept += piece.size
        self.unsent += piece.size
        return 0

    cdef int next_of_scratch(self, ddb_piece *pieces) noexcept:
        self.sending, self.behind = self.behind, self.sending
        self.behind.clear()
        pieces[0].data = PyByteArray_AS_STRING(self.sending)
        pieces[0].size = len(self.sending)
        return 1 if self.sending else 0

    def writable(self):
        """The kernel takes bytes again. Returns whether it took some; what ends the connection is told to those who
        wait."""
        cdef ddb_error error
        cdef uint64_t before = self.link.bytes_sent
        cdef int status
        if not self.blocked:
            return False
        status = self.send_on(&error)
        if status == DDB_OK:
            self.unblock()
        elif status == DDB_ERR_TIMEOUT:
            if not self.held:
                self.unsent -= self.link.accepted - self.counted
            self.counted = self.link.accepted
        else:
            try:
                self.raise_send(status, &error)
            except LinkError:
                return False
        while self.leaving and (not self.blocked or self.leaving[0][0] <= self.kept - self.unsent):
            resolve_future(self.leaving.pop(0)[1], True)
        self.tell()
        return self.link.bytes_sent != before

    def departure(self):
        """A future of whether all that was sent so far has left: true, or false if the connection ended first."""
        future = self.make_future()
        # what is held is done when nothing is blocked any more
        self.leaving.append((self.kept + self.held, future))
        return future

    # -- receiving ----------------------------------------------------------------------------------------------

    def readable(self):
        """Take what has come; returns whether there may be more. What ends the connection is told to those who wait."""
        cdef int reads = MOST_READS
        try:
            while reads and self.link.fd >= 0 and self.take_some():
                reads -= 1
        except BaseException as error:
            # bytes may be used and not counted as such
            self.fail(error)
            if not isinstance(error, Exception):
                raise
        self.report()
        return reads == 0 and self.link.fd >= 0

    cdef int take_some(self) except -1:
        """Returns whether there may be more: until the kernel says no, since libuv tells of a connection that was reset
        only once, also if there are bytes before that."""
        cdef ddb_error error
        cdef size_t room, received = 0
        cdef int status
        self.make_room()
        room = len(self.incoming) - self.end
        status = ddb_link_receive(
            &self.link, PyByteArray_AS_STRING(self.incoming) + self.end, room, 0, &received, &error)
        if status == DDB_ERR_TIMEOUT or status == DDB_ERR_SIGNAL:
            return 0
        if status == DDB_ERR_CLOSED:
            self.ended = True
            text = "the server closed the connection"
            raise LinkError(text + " before the reply was complete" if self.answered < self.entered else text)
        if status != DDB_OK:
            self.raise_fault()
            raise LinkError(f"reading the reply failed: {os.strerror(error.sys_errno)} (errno {error.sys_errno})")
        self.end += received
        if self.unusable is not None and not self.accounting:
            self.tell()   # being connected
        elif self.asynchronous:
            self.link.bytes_drained += received
            self.unsolicited(self.take_incoming())
        else:
            self.start += self.use_replies(
                <uint8_t *>PyByteArray_AS_STRING(self.incoming) + self.start, self.end - self.start)
            self.wake()
        return 1

    cdef int make_room(self) except -1:
        cdef char *data
        cdef size_t size = len(self.incoming)
        cdef size_t left = self.end - self.start
        if left == 0:
            self.start = self.end = 0
            if size > KEPT_ROOM:
                self.incoming = bytearray()
                size = 0
        if size - self.end < LEAST_ROOM:
            if left and self.start:
                data = PyByteArray_AS_STRING(self.incoming)
                memmove(data, data + self.start, left)
            self.start, self.end = 0, left
            if size - left < max(<size_t>LEAST_ROOM, size // 2):
                PyByteArray_Resize(self.incoming, max(2 * size, 2 * <size_t>LEAST_ROOM))
        return 0

    cdef object find_object(self, const uint8_t *data, size_t size, size_t *length):
        # a view that keeps the memory: an exception may keep the view
        cdef size_t at = data - <const uint8_t *>PyByteArray_AS_STRING(self.incoming)
        found = self.read_object(PyMemoryView_FromObject(self.incoming)[at:at + size])
        if found is None:
            return None
        value, length[0] = found
        return value

    def has_reply(self):
        """Whether a whole reply is here, or bytes that can't be one; while the connection is made."""
        cdef ddb_reply reply
        cdef const uint8_t *data = <uint8_t *>PyByteArray_AS_STRING(self.incoming)
        cdef size_t at = self.start
        cdef size_t length = 0
        cdef int status
        while True:
            status = ddb_reply_next(data + at, self.end - at, &reply)
            if status != DDB_OK:
                return status != DDB_ERR_MORE
            at += reply.size
            if reply.kind == DDB_REPLY_OBJECT:
                return self.find_object(data + at, self.end - at, &length) is not None
            if reply.kind != DDB_REPLY_MESSAGE:
                return True

    def take_incoming(self):
        """The bytes that nobody has read."""
        data = bytes(self.incoming[self.start:self.end])
        self.start = self.end = 0
        return data

    def put_back(self, bytes data):
        self.incoming[:] = data
        self.start, self.end = 0, len(data)

    # -- waiting ------------------------------------------------------------------------------------------------

    @property
    def in_flight(self):
        return self.entered - self.answered

    @property
    def last(self):
        """Number of the last request."""
        return self.entered

    cdef object watch(self, int64_t number):
        future = self.make_future()
        if self.is_settled(number):
            future.set_result(None)
        else:
            self.watchers.setdefault(number, []).append(future)
        return future

    def answer_to(self, int64_t number):
        """A future of the moment in which this request and all before it have an outcome."""
        return self.watch(number)

    cdef int note_failure(self, Submission submission) except -1:
        # who waits for the reply of a call is told, and nobody else
        if submission.sequence not in self.calls:
            _AcknowledgedLink.note_failure(self, submission)
        return 0

    cdef int wake(self) except -1:
        cdef int64_t number
        for number in range(self.woken + 1, self.answered + 1):
            if self.calls:
                resolve_future(self.calls.pop(number, None), None)
            if self.watchers:
                for future in self.watchers.pop(number, ()):
                    resolve_future(future, None)
        if self.woken != self.answered:
            self.woken = self.answered
            self.tell()
        return 0

    cdef int glance(self) except -1:
        return 0

    cdef bint wait(self, int64_t number, int64_t deadline) except -1:
        return self.is_settled(number)


cdef int resolve_future(object future, object value) except -1:
    if future is not None and not future.done():
        try:
            future.set_result(value)
        except RuntimeError:
            pass  # its loop is closed, and nobody waits any more
    return 0

# Acknowledged submission: requests leave back to back, and each reply is put to the request it answers. Knows
# replies, never a table.

cdef extern from *:
    # not in Cython's own declarations
    int PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds, int interruptible) nogil

cdef enum:
    # a look for replies at least every so many submissions: their number in the socket's buffer stays small
    LOOK_EVERY = 32
    # failures that wait for `flush` in detail
    KEPT_FAILURES = 1000
    # an incomplete object of more bytes is waited for, instead of looked at again when more of it is there
    STREAMED_OBJECT = 1 << 20
    # Another thread that is kept waiting by the server takes replies too, and can take the one that is waited for
    WAIT_SLICE_NS = 10000000


cdef int64_t monotonic_ns():
    return <int64_t>(<double>monotonic() * 1e9)


@cython.no_gc_clear  # submissions lead to it without owning it, until it is gone
cdef class _AcknowledgedLink(_Link):
    """A link that knows which requests are not answered yet.

    Those stand in a ring, in the order in which they were sent; replies come in the same order. Replies are taken
    with the lock held, in one of three places: before a send at most every millisecond or so, while a send is kept
    waiting, and by whoever waits for one. Of the threads that wait, one leads: it waits for bytes, without the lock, so
    that others can send. The others wait for it.

    While `unusable` is set nothing is in flight: whatever ends a connection loses what was.
    """

    cdef PyObject **ring          # Submission of number n at n & mask, owned, of all n from answered + 1 to entered
    cdef int64_t mask
    cdef int64_t entered, answered
    cdef size_t bytes_in_flight
    cdef int64_t most             # bounds of what is in flight
    cdef size_t most_bytes
    cdef bint keeps               # requests are kept until they are answered
    cdef size_t bytes_lost        # kept of lost submissions
    cdef int sends                # since the last look
    cdef object convert, show, on_error
    cdef public object read_object
    cdef bytearray spill          # replies that are too long for the inbox, from their first byte
    cdef bytes beyond             # what was read behind a large object
    cdef object dropped           # for what is in flight at the end: then nothing can be looked up
    cdef list lost                # with kept requests
    cdef list failures            # for flush, at most KEPT_FAILURES
    cdef int64_t failure_count
    cdef list unreported          # for on_error
    cdef bint reporting
    cdef unsigned long leader     # thread that waits for bytes, 0 if none
    cdef list followers           # (number waited for, lock to release) of the other threads that wait

    def __init__(self, int64_t most, size_t most_bytes, bint keeps, on_error, show, read_object):
        cdef int64_t capacity = 1
        while capacity < most:
            capacity *= 2
        self.ring = <PyObject **>PyMem_Malloc(capacity * sizeof(PyObject *))
        if self.ring == NULL:
            raise MemoryError()
        self.mask = capacity - 1
        self.most = most
        self.most_bytes = most_bytes
        self.keeps = keeps
        self.on_error = on_error
        self.show = show
        self.read_object = read_object
        self.spill = bytearray()
        self.beyond = b""
        self.dropped = OutcomeUnknown(
            "the session was dropped before the reply came: the server may have carried it out or not")
        self.lost = []
        self.failures = []
        self.unreported = []
        self.followers = []

    def __dealloc__(self):
        # first of all no submission may lead here any more: letting go of one can run anything
        cdef int64_t number
        for number in range(self.answered + 1, self.entered + 1):
            (<Submission>self.ring[number & self.mask]).lose(self.dropped)
        for number in range(self.answered + 1, self.entered + 1):
            Py_DECREF(<Submission>self.ring[number & self.mask])
        PyMem_Free(self.ring)

    # -- what is in flight --------------------------------------------------------------------------------------

    cdef int enter(self, Submission submission) except -1:
        """Count on a reply; the request is about to be sent."""
        self.entered += 1
        self.bytes_in_flight += submission.size
        submission.sequence = self.entered
        submission.state = IN_FLIGHT
        submission.link = <PyObject *>self
        Py_INCREF(submission)
        self.ring[self.entered & self.mask] = <PyObject *>submission
        return 0

    cdef int withdraw(self, int64_t count) except -1:
        """Of the last ones that entered not a byte was sent."""
        cdef Submission submission
        while count and self.entered > self.answered:
            submission = <Submission>self.ring[self.entered & self.mask]
            self.entered -= 1
            self.bytes_in_flight -= submission.size
            submission.sequence = 0
            submission.state = GATHERED
            submission.link = NULL
            Py_DECREF(submission)
            count -= 1
        return self.wake()

    cdef Submission take_oldest(self):
        """Who the reply at hand is for. Whoever calls sets the outcome."""
        cdef Submission submission
        self.answered += 1
        submission = <Submission>self.ring[self.answered & self.mask]
        Py_DECREF(submission)
        self.bytes_in_flight -= submission.size
        submission.link = NULL
        submission.kept = None
        return submission

    cdef int lose(self, object error) except -1:
        """No reply will come any more."""
        cdef Submission submission
        while self.answered < self.entered:
            kept = (<Submission>self.ring[(self.answered + 1) & self.mask]).kept
            submission = self.take_oldest()
            submission.lose(error)
            if kept is not None:
                submission.kept = kept
                self.bytes_lost += submission.size
                self.lost.append(submission)
            self.note_failure(submission)
        self.wake()
        return 0

    cdef int note_failure(self, Submission submission) except -1:
        self.failure_count += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(submission)
        if self.on_error is not None:
            self.unreported.append(submission)
        return 0

    def take_failures(self):
        """Those since the last time, the first ones in detail, and how many there were."""
        failures, self.failures = self.failures, []
        count, self.failure_count = self.failure_count, 0
        return failures, count

    def take_kept(self):
        """(submission, request) of those that were lost, which are then forgotten, and of those in flight."""
        cdef Submission submission
        cdef int64_t number
        found, self.lost = self.lost, []
        self.bytes_lost = 0
        for number in range(self.answered + 1, self.entered + 1):
            found.append(<Submission>self.ring[number & self.mask])
        pairs = []
        for submission in found:
            if submission.kept is not None:
                pairs.append((submission, submission.kept))
            if submission.state == LOST:
                submission.kept = None
        return pairs

    cdef int report(self) except -1:
        """Tell on_error of what failed. The lock is not held, so that it may use the session."""
        if not self.unreported or self.reporting or self.owner == <unsigned long>PyThread_get_thread_ident():
            return 0
        self.reporting = True
        try:
            while self.unreported:
                try:
                    self.on_error(self.unreported.pop(0))
                except Exception:
                    log.exception("onError failed")
        finally:
            self.reporting = False
        return 0

    cdef int64_t unproven(self):
        return self.entered - self.answered

    # -- the ways in which a connection begins and ends ---------------------------------------------------------

    cdef int open(self, int descriptor, bint asynchronous, object write_timeout, object read_timeout) except -1:
        self.accounting = False
        self.lose(OutcomeUnknown("the session was connected anew before the reply came"))
        return _Link.open(self, descriptor, asynchronous, write_timeout, read_timeout)

    def begin(self, bytes received, convert):
        """From now on replies are not waited for. `received` was read behind the last one; `convert` makes results."""
        self.lock_or_refuse()
        self.convert = convert
        # not before the lock is held: another thread may still be at work on it
        self.spill = bytearray(received)
        self.accounting = True
        self.link.drain = DDB_LINK_KEEP
        self.release()

    cdef int fail(self, object error) except -1:
        said, peer = str(error), self.peer
        _Link.fail(self, error)
        return self.lose(OutcomeUnknown(
            f"the connection to {peer} was lost before the reply came ({said}): "
            "the server may have carried it out or not"))

    cdef int close(self) except -1:
        if self.accounting and self.unusable is None and PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            self.owner = <unsigned long>PyThread_get_thread_ident()
            try:
                self.look_for_replies()
            except (LinkError, ProtocolError):
                pass  # the connection ends in any case
            finally:
                self.release()
        _Link.close(self)
        self.lose(OutcomeUnknown(
            "the session was closed before the reply came: the server may have carried it out or not"))
        return self.report()

    cdef int abandon(self) except -1:
        _Link.abandon(self)
        self.leader = 0
        self.reporting = False
        self.followers.clear()
        self.lose(UsageError("the submission was made by the parent process, which alone can know its outcome"))
        self.unreported.clear()
        return 0

    # -- replies ------------------------------------------------------------------------------------------------

    cdef int look_for_replies(self) except -1:
        self.link.look_due = 0
        return self.look()

    cdef int look(self) except -1:
        """Take the replies that are there, and see whether the connection still is. The lock is held."""
        cdef ddb_error error
        cdef int status = DDB_ERR_INBOX
        cdef int rounds = 256  # a server that never stops talking is left for the next look
        self.sends = 0
        while status == DDB_ERR_INBOX and rounds:
            status = ddb_link_look(&self.link, &error)
            if self.link.inbox_size:
                self.take_replies()
            self.link.look_due = 0 if status == DDB_ERR_INBOX else self.link.look_due
            rounds -= 1
        if status != DDB_OK and status != DDB_ERR_INBOX:
            self.raise_send(status, &error)
        return 0

    cdef int take_replies(self) except -1:
        """Use what is in the inbox. What can't be understood ends the connection."""
        cdef size_t used, left
        try:
            if not self.spill:
                used = self.use_replies(self.link.inbox, self.link.inbox_size)
                left = self.link.inbox_size - used
                if used and left:
                    memmove(self.link.inbox, self.link.inbox + used, left)
                self.link.inbox_size = left
            if self.spill or self.link.inbox_size == DDB_LINK_INBOX:
                self.beyond = self.link.inbox[:self.link.inbox_size]
                self.link.inbox_size = 0
            while self.beyond:
                self.spill += self.beyond
                self.beyond = b""
                used = self.use_replies(<uint8_t *>PyByteArray_AS_STRING(self.spill), len(self.spill))
                del self.spill[:used]
        except BaseException as error:
            self.fail(error)
            raise
        self.wake()
        return 0

    cdef size_t use_replies(self, const uint8_t *data, size_t size) except? 0:
        """Give replies to the submissions they answer, in order; returns the bytes used."""
        cdef ddb_reply reply
        cdef Submission submission
        cdef size_t used = 0
        cdef size_t length = 0
        cdef int status
        while used < size:
            status = ddb_reply_next(data + used, size - used, &reply)
            if status == DDB_ERR_MORE:
                break
            if status != DDB_OK:
                raise ProtocolError(f"Received invalid header: {reply.text[:min(reply.text_size, <size_t>200)]!r}")
            if reply.kind == DDB_REPLY_MESSAGE:
                self.show(reply.text[:reply.text_size])
                used += reply.size
                continue
            outcome = None
            if reply.kind == DDB_REPLY_OBJECT:
                outcome = self.find_object(data + used + reply.size, size - used - reply.size, &length)
                if outcome is None:
                    break
                reply.size += length
            used += reply.size
            if self.answered == self.entered:
                if self.unusable is not None:
                    break  # closed by another thread meanwhile
                raise ProtocolError("the server sent a reply that nobody asked for")
            submission = self.take_oldest()
            if reply.kind == DDB_REPLY_INT:
                submission.value = reply.value
                submission.state = ANSWERED_INT
                self.acknowledged += 1
            elif reply.kind == DDB_REPLY_ERROR:
                submission.outcome = reply.text[:reply.text_size].decode(errors="replace")
                submission.state = FAILED
                self.failed += 1
                self.note_failure(submission)
            else:
                submission.outcome = outcome
                submission.state = ANSWERED
                self.acknowledged += 1
        return used

    cdef object find_object(self, const uint8_t *data, size_t size, size_t *length):
        """The object that begins at `data`, and its length; None: it goes on beyond what is here."""
        found = self.read_object(reply_bytes(data, size))
        if found is not None:
            value, length[0] = found
            return value
        if size <= STREAMED_OBJECT:
            return None
        value, self.beyond = self.read_on(reply_bytes(data, size))
        length[0] = size
        return value

    # -- waiting ------------------------------------------------------------------------------------------------

    cdef object watch(self, int64_t number):
        raise UsageError("only a submission of aio.Session can be awaited; this one has result()")

    cdef int glance(self) except -1:
        """Take the replies that are there unless another thread is about to."""
        if not self.leader and PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            self.owner = <unsigned long>PyThread_get_thread_ident()
            self.look_and_release()
            self.report()
        return 0

    cdef int look_and_release(self) except -1:
        """What ends the connection here is told by what it does to the submissions."""
        try:
            if self.unusable is None:
                self.look_for_replies()
        except (LinkError, ProtocolError):
            pass
        finally:
            self.release()
        return 0

    def settle(self, timeout):
        """Wait for all that is in flight, as `wait_for`; returns how much of it still is, and tells of what failed."""
        cdef int64_t last = self.entered
        try:
            return 0 if self.wait_for(last, timeout) else last - self.answered
        finally:
            self.report()

    cdef bint wait_for(self, int64_t number, object timeout) except -1:
        """Until everything up to `number` has an outcome. False: not in `timeout` seconds; None: no byte came for the
        session's own time-out."""
        if timeout is not None:
            return self.wait(number, monotonic_ns() + nanoseconds(timeout))
        return self.wait_patiently(number, self.read_timeout)

    cdef bint wait_patiently(self, int64_t number, int64_t idle) except -1:
        """As long as bytes keep coming; `idle` is for how long none may come, negative: for ever."""
        cdef uint64_t received
        while True:
            received = self.link.bytes_received
            if self.wait(number, -1 if idle < 0 else monotonic_ns() + idle):
                return True
            if received == self.link.bytes_received:
                return False

    cdef bint is_settled(self, int64_t number):
        # that number may have been withdrawn
        return self.answered >= number or self.answered == self.entered

    cdef bint wait(self, int64_t number, int64_t deadline) except -1:
        cdef unsigned long thread = <unsigned long>PyThread_get_thread_ident()
        cdef int64_t left
        cdef bint looked = False
        if not self.is_settled(number) and (self.owner == thread or self.leader == thread):
            raise UsageError(
                "the session is at work in this thread already: a finalizer or a signal handler can't wait for it")
        try:
            while not self.is_settled(number):
                left = WAIT_SLICE_NS if deadline < 0 else deadline - monotonic_ns()
                if left <= 0 and looked:
                    return False
                looked = True
                if self.leader:
                    self.follow(number, deadline)
                    continue
                self.leader = thread
                try:
                    self.lead(min(left, WAIT_SLICE_NS))
                finally:
                    self.leader = 0
                if self.unreported:
                    self.pass_on()
                    self.report()
        finally:
            if not self.leader:
                self.pass_on()
        return True

    cdef int lead(self, int64_t patience) except -1:
        """Take what replies there are; if there are none, wait for some."""
        cdef int64_t before = self.answered
        cdef ddb_error error
        cdef int descriptor, status
        cdef long long microseconds = max(patience, 0) // 1000
        with nogil:
            # a thread that is kept waiting in a send has it, and takes replies
            status = PyThread_acquire_lock_timed(self.lock, microseconds, 0)
        if status == 1:
            self.owner = <unsigned long>PyThread_get_thread_ident()
            self.look_and_release()
            descriptor = self.link.fd
            if self.answered == before and descriptor >= 0 and patience > 0:
                with nogil:
                    ddb_link_wait(descriptor, patience, &error)
        PyErr_CheckSignals()
        return 0

    cdef int follow(self, int64_t number, int64_t deadline) except -1:
        """Until the leader has the reply, or goes."""
        gate = new_gate()
        gate.acquire()
        entry = (number, gate)
        self.followers.append(entry)
        try:
            if self.leader and not self.is_settled(number):
                gate.acquire(timeout=-1 if deadline < 0 else max((deadline - monotonic_ns()) * 1e-9, 0.0))
        finally:
            if entry in self.followers:
                self.followers.remove(entry)
        return 0

    cdef int wake(self) except -1:
        """Let those go on whose replies are there."""
        if self.followers:
            ready = [entry for entry in self.followers if self.is_settled(entry[0])]
            self.followers = [entry for entry in self.followers if not self.is_settled(entry[0])]
            for _, gate in ready:
                gate.release()
        return 0

    cdef int pass_on(self) except -1:
        """The leader goes: another one has to lead."""
        if self.followers:
            self.followers.pop(0)[1].release()
        return 0

    cdef tuple read_on(self, bytes data):
        """A large object, the rest of it as it comes, and the bytes that came with it but are behind it."""
        cdef int64_t usual = self.read_timeout
        if usual < 0:
            self.read_timeout = self.write_timeout
        try:
            return self.read_object(data, self.receive)
        finally:
            self.read_timeout = usual

    # -- sending ------------------------------------------------------------------------------------------------

    cdef int acquire_room(self, int64_t count, size_t size) except -1:
        """Take the lock once so much more may be in flight."""
        cdef int64_t in_flight, started
        cdef bint come
        while True:
            self.acquire()
            in_flight = self.entered - self.answered
            if in_flight + count <= self.most and self.bytes_in_flight + self.bytes_lost + size <= self.most_bytes:
                return 0
            if in_flight == 0:
                if self.bytes_lost == 0:
                    return 0  # a large one goes alone
                self.release()
                raise UsageError(
                    f"lost submissions of {self.bytes_lost} bytes are kept, which leaves no room under "
                    f"maxInFlightBytes; take them with unacknowledged()")
            self.release()
            started = monotonic_ns()
            # a part of the room at once, so that a slow server does not wake this thread for each reply
            try:
                come = self.wait_patiently(self.answered + (in_flight + 3) // 4, self.write_timeout)
            finally:
                self.waited_ns += monotonic_ns() - started
            if not come:
                raise SendTimeout(
                    f"no reply for {self.write_timeout * 1e-9:g} s while {in_flight} submissions are in flight; "
                    f"nothing of this request was sent, the session stays usable", False)

    cdef int dispatch(self, ddb_producer *producer, size_t size, Submission submission, list gathered) except -1:
        """Send one request, or the gathered ones. The lock is held."""
        cdef int64_t count = 1 if gathered is None else len(gathered)
        self.sends += 1
        if not self.leader:
            if self.sends >= LOOK_EVERY:
                self.link.look_due = 0
            self.look()
        if gathered is None:
            self.enter(submission)
        else:
            for submission in gathered:
                self.enter(submission)
        try:
            self.transmit(producer, size, gathered is None)
        except BaseException:
            if self.unusable is None and submission.state == IN_FLIGHT:
                self.withdraw(count)
            raise
        self.requests += count
        return 0

    cdef int transmit(self, ddb_producer *producer, size_t size, bint alone) except -1:
        """Send all that the producer yields, and take replies while the server takes nothing.

        Whose call raises with `sent` False is not among what the fault lost: there is one place to take it from.
        """
        cdef ddb_error error
        cdef int status
        if size <= SMALL_REQUEST:
            status = ddb_link_send(&self.link, producer, &error)
        else:
            with nogil:
                status = ddb_link_send(&self.link, producer, &error)
        while status == DDB_ERR_AGAIN or status == DDB_ERR_SIGNAL or status == DDB_ERR_INBOX:
            if status == DDB_ERR_SIGNAL:
                self.check_signals()
            with nogil:
                status = ddb_link_send_rest(&self.link, self.write_timeout, &error)
            if self.link.inbox_size:
                self.take_replies()
        if status != DDB_OK:
            if alone and self.link.accepted == 0:
                self.withdraw(1)
            self.raise_send(status, &error)
        return 0


cdef bytes reply_bytes(const uint8_t *data, size_t size):
    return PyBytes_FromStringAndSize(<const char *>data, size)

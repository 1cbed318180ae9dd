# What a call returns in acknowledged mode: one request and what became of it.

cdef enum:
    # states of a submission: the first two have no outcome yet
    GATHERED        # in a batch that was not sent
    IN_FLIGHT
    ANSWERED_INT    # by an INT, which is in `value`
    ANSWERED        # by nothing (None) or a neutral value, which is in `outcome`
    FAILED          # by an error line, whose text is in `outcome`
    LOST            # by nothing, ever; `outcome` is the exception


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class Submission:
    """What `Session.run` returns in acknowledged mode: a request, and what became of it.

    Attributes
    ----------
    name : str
        The function that was called; of a script its text, of an upload the names.
    rows : int
        Table rows in the arguments.
    sequence : int
        Running number in the order in which requests were sent; 0 while gathered by a batch.
    """
    # Nothing in here leads back to the submission (exceptions are made anew each time, since their traceback would),
    # so that it can do without the garbage collector.

    cdef PyObject *link       # the _AcknowledgedLink that counts on it, borrowed; NULL when that has let go of it
    cdef readonly int64_t sequence
    cdef readonly int64_t rows
    cdef readonly object name
    cdef str kind             # what errors say it was: "call", "exec" or "upload"
    cdef int state
    cdef int32_t value
    cdef object outcome
    cdef object convert       # neutral value -> result
    cdef size_t size          # bytes of the request
    cdef bytes kept           # the request, if it is kept and has no outcome

    def __init__(self):
        raise TypeError("submissions are made by Session.run in acknowledged mode")

    def __reduce__(self):
        raise TypeError("a Submission belongs to a connection and can't be pickled or copied")

    def __repr__(self):
        states = {GATHERED: "gathered", IN_FLIGHT: "in flight", FAILED: "failed", LOST: "outcome unknown"}
        name = self.name if len(self.name) <= 60 else self.name[:57] + "..."
        return f"<Submission {self.sequence} {name!r}, {self.rows} rows: {states.get(self.state, 'acknowledged')}>"

    def __await__(self):
        """The server's reply; of a submission of `aio.Session`."""
        if self.state == IN_FLIGHT and self.link != NULL:
            yield from (<_AcknowledgedLink>self.link).watch(self.sequence)
        return self.result()

    def done(self):
        """Whether the outcome is known. Takes the replies that are there, never waits."""
        cdef _AcknowledgedLink link
        if self.state == IN_FLIGHT and self.link != NULL:
            link = <_AcknowledgedLink>self.link
            link.glance()
        return self.state > IN_FLIGHT

    def result(self, timeout=None):
        """The server's reply, as a synchronous session's `run` returns it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait. Default: until no byte has come for the time-out for replies that `connect` was given,
            which is for ever by default.

        Raises
        ------
        ServerError
            The server answered with an error.
        OutcomeUnknown
            The connection was lost, or closed, before the reply came.
        ReplyTimeout
            No reply yet; ask again.
        UsageError
            Gathered by a batch that was not sent; made by the parent of this process.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        if self.state == ANSWERED_INT:
            return self.convert(Column(DDB_TYPE_INT, np.array([self.value], dtype=WIRE_DTYPES[DDB_TYPE_INT]),
                                       form=DDB_FORM_SCALAR))
        return self.convert(self.outcome)

    def exception(self, timeout=None):
        """The exception that `result` would raise for this outcome; None if the server answered with OK.

        Raises
        ------
        ReplyTimeout, UsageError
            As `result`, while there is no outcome.
        """
        cdef _AcknowledgedLink link
        if self.state == IN_FLIGHT and self.link != NULL:
            link = <_AcknowledgedLink>self.link
            if not link.wait_for(self.sequence, timeout):
                raise ReplyTimeout(f"no reply to submission {self.sequence} ({self.name[:200]}) in the time allowed")
        if self.state == FAILED:
            return server_error(self.kind, self.name, self.outcome)
        if self.state == LOST:
            error = type(self.outcome)(*self.outcome.args)
            error.__dict__.update(self.outcome.__dict__)
            return error
        if self.state == GATHERED:
            raise UsageError("this submission is gathered by a batch and was not sent; end or flush the batch first")
        return None

    cdef int lose(self, object error) except -1:
        """There will be no reply. The exception is shared, and copied when it is asked for."""
        self.link = NULL
        self.state = LOST
        self.outcome = error
        return 0

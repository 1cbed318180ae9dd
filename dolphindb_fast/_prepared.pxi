# A function of the server, with all that can be looked up before it is called.


@cython.final
cdef class Prepared:
    """What `Session.prepare` returns: call it with the argument.

    Attributes
    ----------
    function : str
    """

    cdef SessionCore session
    cdef readonly str function
    cdef Target target     # of frames; None: every argument as it is
    cdef bytes header      # for the connection number `mark`
    cdef int64_t mark
    cdef int64_t failures  # of the session when `_failed_since` was last asked

    def __init__(self, SessionCore session not None, function, Target target=None):
        if not isinstance(function, str):
            raise UsageError(f"the function to call must be given as str, not {type(function).__name__}")
        encoded_name(function, "function name")
        self.session = session
        self.function = function
        self.target = target
        self.mark = -1
        self.failures = session.link.failed

    def __repr__(self):
        return f"<Prepared {self.function!r}>"

    def __reduce__(self):
        raise TypeError("a prepared call belongs to a Session and can't be pickled or copied")

    def __call__(self, argument):
        """As ``session.run(function, argument)``."""
        cdef SessionCore session = self.session
        cdef Encoder encoder
        if self.target is not None and not is_frame(argument):
            argument = self.target.fit(argument)
        if session.repeats or session.link.unusable is not None or session.compress or session.gathered is not None:
            # each of these has its own way there
            return session.run(self.function, argument if self.target is None or isinstance(argument, TypedFrame)
                               else self.target.fit(argument))
        encoder = session.take_encoder()
        try:
            encoder.begin(False)
            encoder.mark = session.connections
            if self.mark != encoder.mark:
                self.header = session.function_header(self.function, 1, session.header_flags)
                self.mark = encoder.mark
            encoder.put_bytes(self.header)
            if self.target is not None and not isinstance(argument, TypedFrame):
                put_fitted(encoder, argument, self.target)
            else:
                encoder.place = self.function
                encoder.put_argument(argument)
            return session.submit(encoder, "call", self.function, None)
        finally:
            session.give_encoder(encoder)

    def _failed_since(self):
        """Whether submissions of acknowledged mode failed since this was asked before."""
        cdef int64_t before = self.failures
        self.failures = self.session.link.failed
        return self.failures != before

# What is sent through a _LoopLink.


@cython.final
@cython.freelist(64)
cdef class _Request:
    """A request, encoded.

    It is sent when there is room, and keeps an encoder, and what that borrowed, until `release`.
    """

    cdef SessionCore session
    cdef Encoder encoder
    cdef str kind             # what errors say: "call", "exec" or "upload"
    cdef object script, options
    cdef readonly size_t size
    cdef readonly bint begun  # nobody can say any more that nothing was sent

    def __init__(self, SessionCore session, str kind, script, tuple args, bytes flags, options):
        """`args` of an upload: the dict of variables. Without `flags` the session's own; see `SessionCore._request`."""
        cdef Encoder encoder = session.take_encoder()
        self.session = session
        self.encoder = encoder
        self.kind = kind
        self.script = script
        self.options = options
        try:
            encoder.begin(False)
            encoder.mark = session.connections
            if kind == "upload":
                self.script = session.put_variables(encoder, args[0])
            else:
                session.put_run(
                    encoder, script, args, kind == "call",
                    session.header_flags if flags is None else b" / %b\n" % flags)
            self.size = ddb_request_size(&encoder.request)
        except BaseException:
            self.release()
            raise

    def send(self, future):
        """Send it. Returns its `Submission`, None if it has no reply.

        Parameters
        ----------
        future : Future or None
            Of a caller who waits for the reply.
        """
        cdef _LoopLink link = <_LoopLink>self.session.link
        cdef Submission submission = None
        link.acquire()
        try:
            self.session.refuse_stale(self.encoder)
            if link.accounting:
                submission = self.session.new_submission(
                    self.kind, self.script, self.encoder.rows, self.size, self.options)
                link.enter(submission)
                if future is not None:
                    link.calls[submission.sequence] = future
            self.begun = True
            link.push(&self.encoder.request.producer, self.size)
            link.requests += 1
            self.session.rows += self.encoder.rows
        except BaseException as error:
            if self.begun:
                link.fail(error)
            raise
        finally:
            link.release()
        return submission

    def release(self):
        encoder, self.encoder = self.encoder, None
        if encoder is not None:
            self.session.give_encoder(encoder)

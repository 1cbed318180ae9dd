# What a session's Python half does with its link: once per connection, and to see how it is.


@cython.final
cdef class Blocks:
    """Blocks of a reply that are still to be read: how many, and what other calls raise meanwhile."""

    # counted here, so that nothing that a signal handler raises comes between reading a block and counting it
    cdef readonly int64_t left
    cdef object held

    def __init__(self, int64_t left, held):
        self.left = left
        self.held = held


cdef class _Connected:
    cdef _Link link
    cdef object held          # what calls raise while blocks are read; None otherwise

    def __cinit__(self):
        self.link = _Link()

    def _encrypt(self, channel):
        """From now on bytes go through a `tls.Channel` whose handshake is done."""
        self.link.encrypt(channel)

    def _opened(self, str peer):
        """The connection that this thread made is ready for everybody; `peer` is the server's name in messages."""
        self.link.opened(peer)

    def _set_read_timeout(self, seconds):
        self.link.read_timeout = nanoseconds(seconds)

    def _set_reply_spin(self, seconds):
        self.link.reply_spin = DDB_SPIN_ADAPTIVE if seconds is None else nanoseconds(seconds)

    @property
    def _fill(self):
        """What a `Reader` reads from. Bound to the link, so that the reader does not keep the session alive."""
        return self.link.receive

    def _fail(self, error):
        """Close the connection because of `error`, which every later call raises again."""
        self.link.fail(error)

    def _drop(self, error):
        """As `_fail`, from outside a call; nothing if the connection is lost already."""
        try:
            self.link.acquire()
        except LinkError:
            return
        try:
            self.link.fail(error)
        finally:
            self.link.release()

    @property
    def _is_open(self):
        return self.link.unusable is None or self.link.unusable is self.held

    @property
    def _is_lost(self):
        """True if the connection ended by a fault, not by `close` or a fork."""
        return isinstance(self.link.unusable, LinkError)

    @property
    def _is_busy(self):
        """True while a call is under way, or blocks are not read."""
        return self.link.owner != 0 or (self.held is not None and self.link.unusable is self.held)

    def _refuse_held(self):
        """Raise if blocks are not read yet."""
        if self.held is not None and self.link.unusable is self.held:
            self.link.refuse()

    def _refuse_unusable(self):
        """Raise why the connection can't be used, if it can't."""
        if self.link.unusable is not None:
            self.link.refuse()

    def _prove(self):
        """The server has read all that was sent. The lock is held."""
        self.link.proven = self.link.requests

    def _inbox(self):
        """Incoming bytes that nobody asked for. The lock is held."""
        return self.link.take_inbox()

    # -- blocks: see blocks.BlockReader ---------------------------------------------------------------------

    def _hold(self, Blocks blocks):
        """Refuse every other call until these are read. The lock is held: called while a reply is received."""
        self.held = self.link.unusable = blocks.held

    def _next_block(self, Blocks blocks):
        """Read one of them; the last one frees the session."""
        self.link.lock_or_refuse()
        try:
            if self.link.unusable is not blocks.held:
                blocks.left = 0
                raise UsageError("the connection that these blocks came from was closed")
            try:
                value = self._receive_block()
            except BaseException as error:
                blocks.left = 0
                self.link.fail(error)
                raise
            blocks.left -= 1
            if blocks.left == 0 and self.link.unusable is blocks.held:
                self.held = self.link.unusable = None
            return value
        finally:
            self.link.release()

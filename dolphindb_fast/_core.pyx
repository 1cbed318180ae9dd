# cython: language_level=3
"""The compiled core: frame access, encoding and sending, in files that this one puts together.

_encode.pxi   objects -> request; never knows a socket. Its other rooms:
              _text, _values and _cells for Python objects, _array, _compressed, _containers, _neutral
_frame.pxi    frame -> borrowed columns; with the other _frame_*.pxi all that knows pandas: text and categories, masked
              arrays, Arrow-backed columns, types given by the caller or by a table on the server; and tables of other
              libraries and of arrays
_inserts.pxi  rows that are inserted one by one: where they wait, and how they are sent
_link.pxi     owner of the connection: sends what a producer yields; never knows a table; _link_cipher.pxi for TLS
_connected.pxi   what session.py does with the link
_acknowledge.pxi   a link that puts replies to the requests they answer, which are in _submission.pxi
_loop.pxi     the same for an event loop: it never waits; _loop_request.pxi for what is sent through it
_prepared.pxi      a call of which all but the argument is known before
"""
from cpython.bool cimport PyBool_Check
from cpython.buffer cimport PyBUF_READ, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Check, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDate_Check, PyDateTime_Check, PyDateTime_CheckExact, PyDateTime_DATE_GET_HOUR, PyDateTime_DATE_GET_MICROSECOND,
    PyDateTime_DATE_GET_MINUTE, PyDateTime_DATE_GET_SECOND, PyDateTime_GET_DAY, PyDateTime_GET_MONTH,
    PyDateTime_GET_YEAR, PyDateTime_TIME_GET_HOUR, PyDateTime_TIME_GET_MICROSECOND, PyDateTime_TIME_GET_MINUTE,
    PyDateTime_TIME_GET_SECOND, PyDelta_Check, PyTime_Check, import_datetime,
)
from cpython.dict cimport PyDict_Check
from cpython.exc cimport PyErr_CheckSignals
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.list cimport PyList_AsTuple, PyList_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.memoryview cimport PyMemoryView_FromMemory, PyMemoryView_FromObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from cpython.object cimport PyObject, PyTypeObject
from cpython.pythread cimport (
    NOWAIT_LOCK, WAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock,
    PyThread_get_thread_ident, PyThread_release_lock, PyThread_type_lock,
)
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.set cimport PyAnySet_Check
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_SIZE, PyTuple_GetSlice
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_Check
from libc.math cimport isinf
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove, memset, strcmp, strlen

cimport cython
cimport numpy as cnp

import logging
import os
import weakref
from threading import Lock as new_gate
from time import monotonic
from uuid import UUID

import numpy as np

from . import settings as keys
from .column import NULLS, WIRE_DTYPES, Column, Dictionary, Matrix, Set, Table
from .dtypes import ARROW_FORMATS, ARROW_RULES, RULES, SCALES, Source, arrow_name, cast
from .errors import (
    ConversionError, LinkError, NotSupported, OutcomeUnknown, ProtocolError, ReplyTimeout, SendTimeout, ServerError,
    UnsupportedTypeError, UsageError, ValueRefused, server_error,
)

from ._c.arena cimport *
from ._c.array cimport *
from ._c.arrow cimport *
from ._c.blob cimport *
from ._c.cast cimport *
from ._c.column cimport *
from ._c.common cimport *
from ._c.compress cimport *
from ._c.kernels cimport *
from ._c.link cimport *
from ._c.moment cimport *
from ._c.pack cimport *
from ._c.reply cimport *
from ._c.request cimport *
from ._c.status cimport *
from ._c.string cimport *
from ._c.text_value cimport *
from ._c.wire cimport *
from ._c.words cimport *

cnp.import_array()
import_datetime()

log = logging.getLogger("dolphindb_fast")

cdef enum:
    TABLE_MAY_BE_COMPRESSED = 8

include "_encode_text.pxi"
include "_encode.pxi"
include "_encode_values.pxi"
include "_encode_cells.pxi"
include "_encode_array.pxi"
include "_encode_compressed.pxi"
include "_encode_containers.pxi"
include "_encode_neutral.pxi"
include "_frame_fields.pxi"
include "_frame.pxi"
include "_frame_text.pxi"
include "_frame_nullable.pxi"
include "_frame_arrow_kinds.pxi"
include "_frame_arrow.pxi"
include "_frame_pyarrow.pxi"
include "_frame_forced.pxi"
include "_frame_target.pxi"
include "_inserts.pxi"
include "_frame_capsule.pxi"
include "_frame_columns.pxi"
include "_link_cipher.pxi"
include "_link.pxi"
include "_submission.pxi"
include "_acknowledge.pxi"
include "_loop.pxi"
include "_connected.pxi"


_probe()


cdef class SessionCore(_Connected):
    """What every call of a session goes through; `session.Session` adds arguments, connecting and replies.

    Safe to use from several threads: objects are encoded outside the lock, by encoders of a small free list;
    the lock is held for the send, and in synchronous mode for the reply. A thread that holds it already (a
    finalizer, a signal handler, ``__str__`` of a cell) gets `UsageError`.
    """

    cdef list encoders
    cdef dict headers         # function name -> header bytes up to the argument, for one argument
    cdef bytes header_head    # "API2 <session id> "
    cdef bytes header_flags   # " / <flags>\n"
    cdef readonly bint asynchronous
    cdef bint compress        # tables at the top say that their columns may be compressed
    cdef int64_t connections  # how many there were: an encoder marked with another number is stale
    cdef bint repeats         # synchronous and may connect again: calls go through _run_with
    cdef object methods       # how their columns are, see options.compress_methods; None: they are not
    cdef int64_t rows
    cdef Encoder gathered     # requests of an open batch; None without one
    cdef unsigned long gatherer   # thread that opened it
    cdef int64_t gathered_requests
    cdef list gathered_submissions   # of them, in acknowledged mode
    cdef size_t gather_bytes
    cdef object gather_delay  # seconds, None: no limit
    cdef double gather_due
    cdef object __weakref__

    def __cinit__(self):
        self.encoders = []
        self.headers = {}

    def run(self, script, *args, clearMemory=None, pickleTableToList=None, priority=None, parallelism=None,
            fetchSize=None, disableDecimal=None, lossless=None, raw=None, as_=None):
        """Run a script, or call a function with `args`.

        Asynchronous mode: returns None when the operating system has taken the request; nothing is known of what
        the server does with it. With ``acknowledge=True`` it returns a `Submission`, which knows the reply when that
        has come. Synchronous mode: waits for the reply and returns what the official client returns.

        Parameters
        ----------
        script : str
            A script; with `args`, the name of a function or any callable expression such as
            ``tableInsert{trades}``, without newline and NUL.
        *args : object
            The arguments, of any type that `dumps` takes. A frame is not changed and must not be changed by another
            thread meanwhile.
        clearMemory : bool, optional
            Release the session's variables on the server after the run; default False.
        pickleTableToList : bool, optional
            Return tables as lists of columns; default False.
        priority : int, optional
            Priority of the job, 0 to 9; default 4.
        parallelism : int, optional
            How many tasks of the job may run at once; default 64.
        fetchSize : int, optional
            Return a `BlockReader` that reads the result table in blocks of this size, at least 8192. As in the official
            client it is ignored with `args`, and `pickleTableToList` and `disableDecimal` are ignored with it.
        disableDecimal : bool, optional
            Let the server turn decimals into DOUBLE; default False.
        lossless, raw : bool, optional
            Other forms of the result; default what the session was constructed with. See `Session`.
        as_ : {"arrow", "polars"}, optional
            Return tables as `pyarrow.Table` or `polars.DataFrame` and vectors as `pyarrow.Array` or `polars.Series`,
            without loss and without pandas, the rest as with `lossless`. Needs the package.

        Raises
        ------
        ConversionError
            An argument can't be sent (`UnsupportedTypeError`, `ValueRefused`); nothing was sent.
        ServerError
            The server answered with an error; the session stays usable.
        LinkError
            The connection failed; every later call raises this again.
        SendTimeout
            No progress for the time-out; `sent` says whether the session is still usable.
        UsageError
            An option out of its range; not connected, closed, used in a forked child or re-entered; blocks of an
            earlier run are not read yet.
        """
        cdef Encoder encoder
        cdef Py_ssize_t count = len(args)
        if clearMemory is not None or pickleTableToList is not None or priority is not None \
                or parallelism is not None or fetchSize is not None or disableDecimal is not None \
                or lossless is not None or raw is not None or as_ is not None or self.repeats:
            return self._run_with(script, args, count != 0, clearMemory, pickleTableToList, priority, parallelism,
                                  fetchSize, disableDecimal, lossless, raw, as_)
        if self.link.unusable is not None:
            self.revive()
        if self.gathered is not None and self.gatherer == <unsigned long>PyThread_get_thread_ident():
            return self.gather(script, args, count != 0, self.header_flags, None)
        encoder = self.take_encoder()
        try:
            encoder.begin(False)
            encoder.mark = self.connections
            self.put_run(encoder, script, args, count != 0, self.header_flags)
            return self.submit(encoder, "call" if count else "exec", script, None)
        finally:
            self.give_encoder(encoder)

    def _request(self, str kind, script, tuple args, bytes flags, options):
        """`run` with header flags of its own.

        `kind` is what errors say: "call" makes a function request, "exec" and "runBlock" a script. `options` go to
        ``_result``.
        """
        cdef Encoder encoder
        if self.link.unusable is not None:
            self.revive()
        flags = b" / %b\n" % flags
        if self.gathered is not None and self.gatherer == <unsigned long>PyThread_get_thread_ident() \
                and not self.link.is_opener():
            return self.gather(script, args, kind == "call", flags, options)
        encoder = self.take_encoder()
        try:
            encoder.begin(False)
            encoder.mark = self.connections
            self.put_run(encoder, script, args, kind == "call", flags)
            return self.submit(encoder, kind, script, options)
        finally:
            self.give_encoder(encoder)

    cdef int put_run(self, Encoder encoder, object script, tuple args, bint function, bytes flags) except -1:
        if not function:
            return self.put_script(encoder, script, flags)
        encoder.put_bytes(self.function_header(script, len(args), flags))
        encoder.place = script
        for argument in args:
            self.put_argument(encoder, argument)
        return 0

    cdef int put_argument(self, Encoder encoder, object argument) except -1:
        if not self.compress:
            return encoder.put_argument(argument)
        return self.put_compressible(encoder, argument)

    cdef int put_compressible(self, Encoder encoder, object argument) except -1:
        """An argument that is marked if it is a table; tables in other objects are sent as ever."""
        cdef size_t start = encoder.request.out.size
        if is_frame(argument) or is_tabular(argument):
            encoder.methods = self.methods
        try:
            encoder.put_argument(argument)
        finally:
            encoder.methods = None
        if encoder.request.out.data[start + 1] == DDB_FORM_TABLE:
            # ``wire: table kind``
            encoder.request.out.data[start] = TABLE_MAY_BE_COMPRESSED
        return 0

    cdef Encoder take_encoder(self):
        if self.encoders:
            return self.encoders.pop()
        return Encoder()

    cdef int give_encoder(self, Encoder encoder) except -1:
        encoder.end()
        if len(self.encoders) < 4:
            self.encoders.append(encoder)
        return 0

    cdef object submit(self, Encoder encoder, str kind, object script, object options):
        """Send what the encoder holds; in synchronous mode return the converted reply."""
        cdef object reply
        if self.link.accounting:
            return self.submit_acknowledged(encoder, kind, script, options)
        self.link.acquire()
        try:
            self.refuse_stale(encoder)
            self.link.send(&encoder.request.producer, ddb_request_size(&encoder.request))
            self.link.requests += 1
            self.rows += encoder.rows
            if self.asynchronous:
                if self.link.link.inbox_size:
                    self._unsolicited(self.link.take_inbox())
                return None
            try:
                reply = self._receive(kind, script)
            except ServerError:
                raise
            except BaseException as error:
                # a signal handler may have raised it before `_receive` began: what is left of the reply is in the way
                self.link.fail(error)
                raise
        finally:
            self.link.release()
        return self._result(reply) if options is None else self._result(reply, options)

    cdef int revive(self) except -1:
        """The connection can't be used: go on if this thread is making it, connect again if the session may."""
        if not self.link.is_opener() and not (self._is_lost and self._connect_again()):
            self.link.refuse()
        return 0

    cdef inline int refuse_stale(self, Encoder encoder) except -1:
        """A request made for the connection before this one names a session that the server does not know."""
        if encoder.mark != self.connections:
            raise unsent("the session was connected anew while this request was made; nothing of it was sent")
        return 0

    cdef bytes function_header(self, object name, Py_ssize_t count, bytes flags):
        cdef object header
        cdef bint cached = count == 1 and flags is self.header_flags
        if not isinstance(name, str):
            raise UsageError(f"the function to call must be given as str, not {type(name).__name__}")
        if cached:
            header = self.headers.get(name)
            if header is not None:
                return <bytes>header
        body = b"function\n%b\n%d\n1" % (encoded_name(name, "function name"), count)
        header = b"%b%d%b%b" % (self.header_head, len(body), flags, body)
        if cached:
            if len(self.headers) >= 1024:
                self.headers.clear()
            self.headers[name] = header
        return <bytes>header

    cdef int put_script(self, Encoder encoder, object script, bytes flags) except -1:
        if not isinstance(script, str):
            raise UsageError(f"run needs a script as str, not {type(script).__name__}")
        if "\0" in script:
            raise UsageError("a script can't hold a NUL character")
        body = b"script\n" + encoded_text(script, "script")
        encoder.put_bytes(b"%b%d%b" % (self.header_head, len(body), flags))
        encoder.put_bytes(body)
        return 0

    # -- batch: see batch.Batch ----------------------------------------------------------------------------

    cdef object gather(self, object script, tuple args, bint function, bytes flags, object options):
        """Put a request behind the gathered ones; send them all if it is time."""
        cdef Encoder encoder = self.gathered
        cdef Submission submission = None
        cdef size_t start = encoder.request.out.size
        cdef size_t size = start
        cdef int64_t first_row = encoder.rows
        cdef int64_t rows = first_row
        cdef int64_t mark = self.connections
        cdef bint full = False
        encoder.resume()
        try:
            self.put_run(encoder, script, args, function, flags)
            size = encoder.request.out.size
            rows = encoder.rows
        finally:
            # a refused frame leaves no byte behind
            encoder.pause(size, rows)
        if self.gathered_requests == 0:
            encoder.mark = mark
        # not `accounting`, which is False while another thread connects again
        if type(self.link) is _AcknowledgedLink:
            submission = self.new_submission("call" if function else "exec", script, rows - first_row, size - start,
                                             options)
            if self.keeps(script):
                submission.kept = encoder.request.out.data[start:size]
            self.gathered_submissions.append(submission)
            # so that the next batch need not wait for all of this one
            full = 2 * len(self.gathered_submissions) >= (<_AcknowledgedLink>self.link).most
        if self.gathered_requests == 0 and self.gather_delay is not None:
            self.gather_due = monotonic() + <double>self.gather_delay
        self.gathered_requests += 1
        if full or size >= self.gather_bytes or (self.gather_delay is not None and monotonic() >= self.gather_due):
            self._flush_batch()
        return submission

    def _begin_batch(self, size_t max_bytes, max_delay):
        if not self.asynchronous and type(self.link) is not _AcknowledgedLink:
            raise UsageError(
                "batch needs an asynchronous session: each request of a synchronous one waits for its reply")
        if self.link.unusable is not None:
            self.revive()
        if self.gathered is not None:
            raise UsageError("a batch is open already on this session")
        self.gather_bytes = max_bytes
        self.gather_delay = max_delay
        self.gathered_requests = 0
        self.gathered_submissions = []
        self.gatherer = <unsigned long>PyThread_get_thread_ident()
        self.gathered = Encoder()
        self.gathered.begin(True)
        self.gathered.end()

    def _flush_batch(self):
        """Send what was gathered; after a time-out without a byte sent it is kept."""
        cdef Encoder encoder = self.gathered
        if encoder is None or self.gathered_requests == 0:
            return
        encoder.resume()
        try:
            ddb_request_rewind(&encoder.request)
            if self.gathered_submissions:
                self.send_acknowledged(encoder, encoder.request.out.size, None, self.gathered_submissions)
            else:
                self.link.acquire()
                try:
                    self.refuse_stale(encoder)
                    self.link.send(&encoder.request.producer, encoder.request.out.size)
                    self.link.requests += self.gathered_requests
                    self.rows += encoder.rows
                finally:
                    self.link.release()
        except LinkError as error:
            if self.link.unusable is None and isinstance(error, SendTimeout):
                raise
            lost, self.gathered_requests = self.gathered_requests, 0
            encoder.end()
            encoder.begin(True)
            self.lose_gathered()
            text = f"{error}; {lost} gathered submissions did not leave or did not leave whole"
            told = SendTimeout(text) if isinstance(error, SendTimeout) else LinkError(text)
            told.sent = error.sent
            raise told from error
        finally:
            encoder.end()
        encoder.begin(True)
        encoder.end()
        self.gathered_requests = 0
        self.gathered_submissions = []
        # in acknowledged mode the beginning of a reply may stand there
        if self.link.link.inbox_size and not self.link.accounting:
            self._unsolicited(self.link.take_inbox())

    def _end_batch(self):
        try:
            self._flush_batch()
        finally:
            self.gathered = None
            self.lose_gathered()

    cdef int lose_gathered(self) except -1:
        submissions, self.gathered_submissions = self.gathered_submissions, []
        for submission in submissions:
            if (<Submission>submission).state == GATHERED:
                (<Submission>submission).lose(LinkError("the connection ended before this submission was sent"))
        return 0

    def _flush_own_batch(self):
        """As `_flush_batch`, if the open one is this thread's."""
        if self.gathered is not None and self.gatherer == <unsigned long>PyThread_get_thread_ident():
            self._flush_batch()

    def _upload(self, dict variables):
        """Send a `variable` request; names are checked by the caller."""
        cdef Encoder encoder
        if self.link.unusable is not None:
            self.revive()
        self._flush_own_batch()
        encoder = self.take_encoder()
        try:
            encoder.begin(False)
            encoder.mark = self.connections
            return self.submit(encoder, "upload", self.put_variables(encoder, variables), None)
        finally:
            self.give_encoder(encoder)

    cdef str put_variables(self, Encoder encoder, dict variables):
        """Returns what errors call the request."""
        names = ",".join(variables)
        body = b"variable\n%b\n%d\n1" % (names.encode(), len(variables))
        encoder.put_bytes(b"%b%d%b%b" % (self.header_head, len(body), self.header_flags, body))
        for name, value in variables.items():
            encoder.place = name
            self.put_argument(encoder, value)
        return names

    # -- acknowledged mode: see acknowledge.AcknowledgeMethods -----------------------------------------------

    cdef bint keeps(self, object script):
        # the bytes of a login hold the password
        return (<_AcknowledgedLink>self.link).keeps and script != "login"

    cdef Submission new_submission(self, str kind, object script, int64_t rows, size_t size, object options):
        cdef Submission submission = Submission.__new__(Submission)
        submission.kind = kind
        submission.name = script
        submission.rows = rows
        submission.size = size
        submission.convert = (<_AcknowledgedLink>self.link).convert if options is None else self._converter(options)
        return submission

    cdef object submit_acknowledged(self, Encoder encoder, str kind, object script, object options):
        cdef size_t size = ddb_request_size(&encoder.request)
        cdef Submission submission = self.new_submission(kind, script, encoder.rows, size, options)
        if self.keeps(script):
            submission.kept = encoder.join()
            ddb_request_rewind(&encoder.request)
        self.send_acknowledged(encoder, size, submission, None)
        return submission

    cdef int send_acknowledged(self, Encoder encoder, size_t size, Submission submission, list gathered) except -1:
        cdef _AcknowledgedLink link = <_AcknowledgedLink>self.link
        try:
            link.acquire_room(1 if gathered is None else len(gathered), size)
            try:
                self.refuse_stale(encoder)
                link.dispatch(&encoder.request.producer, size, submission, gathered)
                self.rows += encoder.rows
            finally:
                link.release()
        finally:
            if link.unreported:
                link.report()
        return 0

    def _account(self, _AcknowledgedLink link):
        """Use this link, not connected yet, for acknowledged mode."""
        self.link = link

    def _resubmit(self, bytes rest, str kind, script, int64_t rows):
        """Send a request of which all but the session's own beginning is given."""
        cdef Encoder encoder
        if self.link.unusable is not None:
            self.revive()
        encoder = self.take_encoder()
        try:
            encoder.begin(False)
            encoder.mark = self.connections
            encoder.put_bytes(self.header_head + rest)
            encoder.rows = rows
            return self.submit_acknowledged(encoder, kind, script, None)
        finally:
            self.give_encoder(encoder)

    def _exchange(self, list steps, seconds):
        """Send requests that will be answered on an asynchronous connection, one after the other.

        `steps` are pairs of a request and what reads its reply; the lock is held throughout, and incoming bytes are
        left for the reader. Returns what the last reader returned. Sending may take `seconds` without progress.
        """
        cdef Encoder encoder = self.take_encoder()
        cdef int64_t usual
        value = None
        try:
            self.link.acquire()
            usual = self.link.write_timeout
            self.link.write_timeout = nanoseconds(seconds)
            try:
                for request, read in steps:
                    encoder.begin(False)
                    encoder.put_bytes(request)
                    self.link.link.drain = DDB_LINK_DROP
                    self.link.send(&encoder.request.producer, ddb_request_size(&encoder.request))
                    self.link.link.drain = DDB_LINK_LEAVE
                    encoder.end()
                    try:
                        value = read()
                    except ServerError:
                        raise
                    except BaseException as error:
                        self.link.fail(error)
                        raise
                return value
            finally:
                self.link.link.drain = DDB_LINK_DROP
                self.link.write_timeout = usual
                self.link.release()
        finally:
            self.give_encoder(encoder)

    # -- for session.py, once per connection or session -----------------------------------------------------

    def _set_compress_methods(self, methods):
        if methods is not None:
            import_lz4()
        self.methods = methods

    def _open(self, int descriptor, bint asynchronous, write_timeout, read_timeout):
        """Take over a connected socket's descriptor; time-outs in seconds or None.

        Until `_opened`, only this thread can use the connection.
        """
        self.asynchronous = asynchronous
        self.link.open(descriptor, asynchronous, write_timeout, read_timeout)

    def _set_repeats(self, bint repeats):
        self.repeats = repeats

    def _identify(self, str session_id, bytes flags, bint compress):
        """Set what stands in every later request."""
        self.compress = compress
        self.headers.clear()
        self.header_head = b"API2 %b " % session_id.encode()
        self.header_flags = b" / %b\n" % flags
        # last: whoever sees this number sees the new head too
        self.connections += 1

    def _send_bytes(self, bytes data):
        """Send bytes as they are: the handshake."""
        cdef Encoder encoder = self.take_encoder()
        self.link.acquire()
        try:
            encoder.begin(False)
            encoder.put_bytes(data)
            self.link.send(&encoder.request.producer, ddb_request_size(&encoder.request))
        finally:
            self.link.release()
            self.give_encoder(encoder)

    def _close(self):
        try:
            if self.gathered_requests and self.link.unusable is None:
                self._flush_own_batch()
        finally:
            self.link.close()

    def _counters(self):
        """The values of `session.Stats`."""
        return (
            self.link.requests, self.rows, self.link.acknowledged, self.link.failed, self.link.link.bytes_sent,
            self.link.link.bytes_received, self.link.link.bytes_drained,
            (self.link.link.blocked_ns + self.link.waited_ns) * 1e-9, self.link.last_error, not frame_is_fast,
        )


include "_prepared.pxi"
include "_loop_request.pxi"

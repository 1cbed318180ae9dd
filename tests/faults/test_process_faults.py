"""Forks, interpreter exit and garbage collection with open sessions."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import weakref

import pandas as pd
import pytest
from support.process import forked_program, program
from support.recorder import VOID, FakeServer
from support.waiting import eventually

import dolphindb_fast as ddb

FRAME = pd.DataFrame({"a": [1, 2]})


FORK = """
import os, sys, pandas as pd, dolphindb_fast as ddb
port, mode = int(sys.argv[1]), sys.argv[2]
session = ddb.Session(enableASYNC=mode == "asynchronous")
session.connect("127.0.0.1", port)
frame = pd.DataFrame({"a": [1, 2]})
session.run("before", frame)
sys.stdout.flush()
child = os.fork()
if child == 0:
    status = 9
    try:
        session.run("child", frame)
    except (ddb.UsageError, ddb.LinkError) as error:
        status = 0 if "fork" in str(error) else 8
    finally:
        try:
            session.close()
            del session
        finally:
            os._exit(status)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status))
session.run("after", frame)
print("parent goes on")
session.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("mode", ["asynchronous", "synchronous"])
def test_fork__child_is_told_and_the_parent_goes_on(mode):
    with FakeServer(default=VOID) as server:
        done = forked_program(FORK, str(server.port), mode)
        assert done.stderr == ""
        assert done.stdout == "child 0\nparent goes on\n"
        received = bytes(server.connection().received)
        assert b"before" in received and b"after" in received and b"child" not in received
        assert len(server.connections) == 1


FORK_AND_CONNECT = """
import os, sys, dolphindb_fast as ddb
session = ddb.Session(enableASYNC=True)
session.connect("127.0.0.1", int(sys.argv[1]))
child = os.fork()
if child == 0:
    session.connect("127.0.0.1", int(sys.argv[1]))
    session.run("child")
    session.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
session.run("parent")
session.close()
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork__child_may_connect_anew():
    with FakeServer() as server:
        done = forked_program(FORK_AND_CONNECT, str(server.port))
        assert (done.stderr, done.stdout) == ("", "0\n")
        first, second = bytes(server.connection(0).received), bytes(server.connection(1).received)
        assert first.endswith(b"script\nparent") and second.endswith(b"script\nchild")


EXIT = """
import sys, pandas as pd, dolphindb_fast as ddb
session = ddb.Session(enableASYNC=sys.argv[2] == "asynchronous")
session.connect("127.0.0.1", int(sys.argv[1]))
for _ in range(100):
    session.run("f", pd.DataFrame({"a": range(100)}))
session.run("last")
EVER = lambda _: threading.Event().wait()
{ending}
"""

ENDINGS = {
    "falls-off-the-end": "",
    "sys-exit": "sys.exit(0)",
    "module-global-cycle": "session.me = session",
    "kept-by-a-thread": "import threading; threading.Thread(target=EVER, args=(1,), daemon=True).start()",
    "closed-late": "import atexit; atexit.register(session.close)",
    "used-late": "import atexit; atexit.register(session.run, 'last')",
    "kept-in-a-finalizer": "class K:\n    def __del__(self): self.s.close()\nk = K(); k.s = session",
}


@pytest.mark.parametrize("mode", ["asynchronous", "synchronous"])
@pytest.mark.parametrize("name", ENDINGS)
def test_exit__with_an_open_session_prints_nothing_and_loses_nothing(name, mode):
    with FakeServer(default=VOID) as server:
        done = forked_program(EXIT.replace("{ending}", ENDINGS[name]), str(server.port), mode)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        connection = server.connection()
        connection.wait_closed()
        assert bytes(connection.received).endswith(b"script\nlast")


def test_dropped_session__closes_its_connection():
    with FakeServer() as server:
        session = ddb.Session(enableASYNC=True)
        session.connect("127.0.0.1", server.port)
        session.run("last")
        del session
        gc.collect()
        server.connection().wait_closed()
        assert server.connection().received.endswith(b"last")


def test_dropped_session__is_freed_at_once():
    """Without a cycle of its own: a connection must not stay open until the garbage collector comes by."""
    with FakeServer(default=VOID) as server:
        for asynchronous in (True, False):
            session = ddb.Session(enableASYNC=asynchronous)
            session.connect("127.0.0.1", server.port)
            session.run("x")
            watched = weakref.ref(session)
            gc.disable()
            try:
                del session
                assert watched() is None
            finally:
                gc.enable()


def test_session_in_a_cycle__is_collected():
    with FakeServer() as server:

        class Holder:
            def __del__(self):
                # a finalizer may use the session: it is still whole
                self.session.run("from the finalizer")

        holder = Holder()
        holder.session = ddb.Session(enableASYNC=True)
        holder.session.connect("127.0.0.1", server.port)
        holder.session.holder = holder
        watched = weakref.ref(holder.session)
        del holder
        gc.collect()
        assert watched() is None
        server.connection().wait_closed()
        assert server.connection().received.endswith(b"from the finalizer")


def test_many_sessions__leave_no_descriptors_and_no_memory_of_each_other():
    with FakeServer() as server:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            session = ddb.Session(enableASYNC=True)
            session.connect("127.0.0.1", server.port)
            session.run("f", FRAME)
        session.close()
        del session
        gc.collect()
        eventually(lambda: all(connection.closed for connection in server.connections))
        # the server's own ends are still counted
        assert len(os.listdir("/proc/self/fd")) <= before + len(server.connections)


def _sockets():
    """Identities of the sockets that this process has open."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{entry}"))
    return {name for name in found if name.startswith("socket:")}


def test_descriptor__is_not_inherited_by_other_programs():
    before = _sockets()
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        opened = _sockets() - before
        assert len(opened) >= 3  # listener and both ends
        listing = ["ls", "-l", "/proc/self/fd"]
        inherited = subprocess.run(listing, capture_output=True, text=True, close_fds=False, timeout=60).stdout
        assert [name for name in opened if name in inherited] == []


WITHOUT_PYARROW = """
import sys

class Hidden:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "pyarrow":
            raise ImportError("hidden by the test")

sys.meta_path.insert(0, Hidden())
import dolphindb_fast as ddb, pandas as pd
print(len(ddb.dumps(pd.DataFrame({"a": ["x", None]}))))
"""


def test_import__needs_no_pyarrow_and_prints_nothing():
    done = program(WITHOUT_PYARROW)
    assert (done.stdout, done.stderr) == ("26\n", "")


def test_session__refuses_to_be_copied():
    import copy
    import pickle

    session = ddb.Session()
    for attempt in (
        lambda: pickle.dumps(session),
        lambda: copy.copy(session),
        lambda: copy.deepcopy(session),
    ):
        with pytest.raises(TypeError, match="Session"):
            attempt()

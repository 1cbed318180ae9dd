"""Fixtures of all tests: recording sessions, a server to talk to, and a watchdog against hanging."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib.util
import math
import os
import signal
import time
from dataclasses import dataclass

import pytest
from support.local_server import LocalServer
from support.recorder import Recorder, official_session, our_session
from support.server_process import outside_server

# the source folder on the path, but nothing installed: no entry point
pytest_plugins = ["support.cases"]
if not importlib.util.find_spec("dolphindb_fast_pytest"):
    pytest_plugins.append("dolphindb_fast.pytest_plugin")

HANG_SECONDS = float(os.environ.get("DOLPHINDB_FAST_TEST_HANG", "300"))
_stderr = None


def pytest_configure(config):
    # at this moment pytest captures nothing: a later copy of descriptor 2 would be a temporary file
    global _stderr
    _stderr = os.fdopen(os.dup(2), "w")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # as in the background of a shell; the programs that tests start would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config):
    _stderr.close()


def pytest_runtest_setup(item):
    # the plugin's fixture is an error without it, as users need it
    if "dolphindb_server" in item.fixturenames:
        pytest.importorskip("lark")


def pytest_collection_finish(session):
    """What the imports made stays until the end: without this each `gc.collect` of a test takes 60 ms."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def watchdog():
    """A test that hangs ends the run with the stacks of all threads, instead of keeping it for ever.

    A test that is long on purpose calls this again and again.
    """
    armed = -math.inf

    def more_time():
        nonlocal armed
        # it ends one thread and starts another: for each case of a loop that is more than many a case costs
        if time.monotonic() - armed > 1:
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=_stderr)
            armed = time.monotonic()

    more_time()
    yield more_time
    faulthandler.cancel_dump_traceback_later()


class Recorders:
    """Recorders by their arguments. One whose connection is closed begins anew when it is asked for."""

    def __init__(self):
        self.kept = {}

    def __call__(self, session_class, **arguments):
        key = (session_class, repr(sorted(arguments.items())))
        if key in self.kept:
            self.kept[key].revive()
        else:
            self.kept[key] = Recorder(session_class, **arguments)
        return self.kept[key]

    def close(self):
        while self.kept:
            self.kept.popitem()[1].close()


@pytest.fixture(scope="session")
def recorders():
    with contextlib.closing(Recorders()) as kept:
        yield kept


@pytest.fixture
def ours(recorders):
    """Our asynchronous session, recorded."""
    return recorders(our_session, enableASYNC=True)


@pytest.fixture
def ours_sync(recorders):
    return recorders(our_session, enableASYNC=False)


@pytest.fixture
def official(recorders):
    """The official client's asynchronous session, recorded."""
    pytest.importorskip("dolphindb")
    return recorders(official_session, enableASYNC=True)


@pytest.fixture
def official_sync(recorders):
    pytest.importorskip("dolphindb")
    # a truncated reply must not block for ever
    return recorders(official_session, enableASYNC=False, connect={"readTimeout": 5})


@dataclass(frozen=True)
class ServerAddress:
    """Where a server listens that runs scripts, and who may log in."""

    host: str
    port: int
    user: str
    password: str
    #: the running `LocalServer`; None when the address came from the environment
    local: object = None

    @property
    def login(self):
        return self.host, self.port, self.user, self.password


@pytest.fixture(scope="module")
def server_address():
    """The server of ``DOLPHINDB_FAST_SERVER=host:port``, else a `LocalServer` for the module."""
    outside = outside_server()
    if outside is not None:
        yield ServerAddress(*outside)
        return
    with LocalServer() as server:
        yield ServerAddress(server.host, server.port, "admin", "123456", server)


@pytest.fixture
def local_address(server_address):
    """`server_address` for tests that look into the `LocalServer` itself."""
    if server_address.local is None:
        pytest.skip("looks into the local server; DOLPHINDB_FAST_SERVER is set")
    return server_address

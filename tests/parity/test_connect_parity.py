"""Every byte sent while connecting, for each kind of session."""

from __future__ import annotations

import pytest
from support.recorder import ERROR, FALSE, FakeServer, Recorder, official_session, reply

import dolphindb_fast as ddb

pytestmark = pytest.mark.official

LOGINS = {
    "anonymous": (),
    "login": ("admin", "123456"),
    "unicode": ("größe", "пароль"),
    "user-only": ("admin",),
    "empty": ("", ""),
    "password-only": ("", "123456"),
    "spaces": ("a b", " c "),
}


@pytest.fixture(autouse=True)
def official_client():
    pytest.importorskip("dolphindb")


def _connected(session_class, **arguments):
    with Recorder(session_class, **arguments) as recorder:
        return recorder.connected


@pytest.mark.parametrize("login", LOGINS)
def test_synchronous__is_identical(login):
    arguments = {"login": LOGINS[login]}
    assert _connected(ddb.Session, **arguments) == _connected(official_session, **arguments)


@pytest.mark.parametrize("login", LOGINS)
def test_asynchronous__is_the_official_handshake_and_nothing_else(login):
    """The official client opens a second connection and asks two questions; a documented difference."""
    arguments = {"login": LOGINS[login], "enableASYNC": True}
    ours = _connected(ddb.Session, **arguments)
    theirs = _connected(official_session, **arguments)
    assert len(theirs) == 2
    handshake = theirs[0][: theirs[0].index(b"API2")]
    assert handshake.split()[4] == b"36_1_4_2"
    assert ours == [handshake]


@pytest.mark.parametrize(
    "courtesy",
    [
        {b"getRequiredAPIVersion": ERROR, b"isNodeInitialized": ERROR},
        {b"getRequiredAPIVersion": reply(), b"isNodeInitialized": reply()},
        {
            b"getRequiredAPIVersion": reply(b"\x04\x00\x07\0\0\0"),
            b"isNodeInitialized": reply(b"\x04\x00\x07\0\0\0"),
        },
        {
            b"getRequiredAPIVersion": reply(b"\x19\x01\x02\0\0\0\x01\0\0\0\x04\x00\x2c\x01\0\0\x12\x00\x00"),
            b"isNodeInitialized": reply(b"\x01\x00\x80"),
        },
    ],
    ids=["errors", "void", "integers", "version-300"],
)
def test_synchronous__answers_that_let_it_go_on(courtesy):
    assert _connected(ddb.Session, courtesy=courtesy) == _connected(official_session, courtesy=courtesy)


@pytest.mark.parametrize(
    "courtesy",
    [
        {b"getRequiredAPIVersion": ERROR, b"isNodeInitialized": FALSE},
        {
            b"getRequiredAPIVersion": reply(b"\x19\x01\x02\0\0\0\x01\0\0\0\x04\x00\x2d\x01\0\0\x12\x00\x00"),
            b"isNodeInitialized": reply(),
        },
    ],
    ids=["not-initialized", "version-301"],
)
def test_synchronous__answers_that_end_it(courtesy):
    """Where the official ``connect`` returns False, ours raises."""
    with FakeServer(courtesy=courtesy) as server:
        assert official_session().connect("127.0.0.1", server.port) is False
    with FakeServer(courtesy=courtesy) as server, pytest.raises(ddb.ConnectError):
        ddb.Session().connect("127.0.0.1", server.port)


@pytest.mark.parametrize(
    "handshake",
    [
        b"1 0 1\nno\n",
        b"1 0 1\nOK \n",
        b"garbage\nOK\n",
        b"1 2\nOK\n",
        b"1 0 1 4\nOK\n",
        b"1234567890 1 1\nOK\n\x01\x00\x00",
    ],
    ids=["refused", "space", "garbage", "two-fields", "four-fields", "login-false"],
)
def test_handshake__what_the_official_client_refuses_is_refused(handshake):
    login = ("admin", "wrong") if handshake.endswith(b"\x00") else ()
    with FakeServer(handshake=handshake) as server:
        assert official_session().connect("127.0.0.1", server.port, *login) is False
    for asynchronous in (False, True):
        with FakeServer(handshake=handshake) as server, pytest.raises(ddb.ConnectError):
            ddb.Session(enableASYNC=asynchronous).connect("127.0.0.1", server.port, *login)


@pytest.mark.parametrize(
    "handshake",
    [
        b"1234567890 0 1\r\nOK\r\n",
        b"1234567890 1 1\nOK\n\x01\x00\x80",
        b"1234567890 0 1\nOK\n",
        b"7 0 2\nOK\n",
    ],
    ids=["crlf", "login-null", "login-no-object", "endian-2"],
)
def test_handshake__what_the_official_client_accepts_is_accepted(handshake):
    login = ("admin", "123456")
    for session_class in (official_session, ddb.Session):
        with FakeServer(handshake=handshake) as server:
            session = session_class()
            assert session.connect("127.0.0.1", server.port, *login) is True
            session.close()

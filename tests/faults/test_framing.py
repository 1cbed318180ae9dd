"""Nothing that a user passes changes where requests begin and end."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from support.recorder import VOID, FakeServer

import dolphindb_fast as ddb
from dolphindb_fast._decode import Reader

#: a request inside a text, as somebody would write it who wants one to be run
SMUGGLED = "\nAPI2 1234567890 10 / 36_1_4_64__0\nscript\nx=1"
TEXTS = [
    "a\nb",
    "\n",
    "a\n",
    "f\n1\n1",
    "a" + SMUGGLED,
    "a\r\nb",
    "a\rb",
    "a\x0b\x0c\x1c\x85\u2028\u2029b",
    "a / 36_1_4_64__0",
    "größe\n漢字",
    " " * 3000,
    "API2 1 1 / 4",
    "{" * 50 + "\t",
]
WITH_NUL = ["a\0b", "\0", "a\0", "\0" + SMUGGLED]
HEADER = re.compile(rb"API2? (?:0|1234567890) (\d+) / \d+_1_\d+_\d+(?:__\d+)?(?:__[0-9a-f-]{36}_-?\d+)?")


def requests_in(received: bytes) -> list[tuple[list[str], list]]:
    """(lines of the text, objects) of each request; fails if the bytes are anything but whole requests."""
    reader = Reader(io.BytesIO(received).readinto)
    found = []
    while True:
        try:
            line = reader.read_line(1 << 16)
        except EOFError:
            return found
        match = HEADER.fullmatch(line)
        assert match, f"not a request line: {line[:80]!r}"
        text = reader.read_bytes(int(match[1])).decode()
        kind, _, rest = text.partition("\n")
        if kind in ("function", "variable"):
            name, count, endian = rest.split("\n")
            assert endian == "1"
            found.append(([kind, name, count], [reader.read_object() for _ in range(int(count))]))
        else:
            assert kind in ("connect", "script")
            found.append(([kind, rest], []))


@pytest.fixture(params=["synchronous", "asynchronous", "reconnecting"])
def session(request):
    with FakeServer(default=VOID) as server:
        one = ddb.Session(enableASYNC=request.param == "asynchronous")
        one.connect("127.0.0.1", server.port, reconnect=request.param == "reconnecting", tryReconnectNums=1)
        one.test_connection = server.connection()
        with one:
            yield one


def sent(session) -> list:
    session.run("marker")
    session.test_connection.wait(lambda received: received.endswith(b"script\nmarker"))
    found = requests_in(bytes(session.test_connection.received))
    assert found[-1] == (["script", "marker"], [])
    courtesy = ("getRequiredAPIVersion", "isNodeInitialized")
    return [one for one in found[1:-1] if one[0][1] not in courtesy]


@pytest.mark.parametrize("text", TEXTS + WITH_NUL, ids=lambda text: ascii(text)[:40])
def test_function_name(text, session):
    lines = "\n" in text or "\0" in text
    for arguments in ((1,), (1, "x"), (pd.DataFrame({"a": [1]}),)):
        if lines:
            with pytest.raises(ddb.UsageError, match="newline|NUL"):
                session.run(text, *arguments)
        else:
            session.run(text, *arguments)
    found = sent(session)
    assert [one[0][:2] for one in found] == ([] if lines else [["function", text]] * 3)


@pytest.mark.parametrize("text", TEXTS + WITH_NUL, ids=lambda text: ascii(text)[:40])
def test_function_name__without_arguments(text, session):
    call = lambda: session.call(text)  # noqa: E731
    if "\n" in text or "\0" in text:
        with pytest.raises(ddb.UsageError):
            call()
        assert sent(session) == []
    else:
        call()
        assert len(sent(session)) == 1


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_script__arrives_whole(text, session):
    session.run(text)
    session.run(text, clearMemory=True)
    assert sent(session) == [(["script", text], [])] * 2


@pytest.mark.parametrize("text", WITH_NUL, ids=lambda text: ascii(text)[:40])
def test_script__with_nul_is_refused(text, session):
    for options in ({}, {"priority": 3}):
        with pytest.raises(ddb.UsageError, match="NUL"):
            session.run(text, **options)
    assert sent(session) == []


NAMES = TEXTS + WITH_NUL + ["1a", "", "a,b", "a b", "ä", "a;b"]


@pytest.mark.parametrize("text", NAMES, ids=lambda text: ascii(text)[:40])
def test_variable_name(text, session):
    with pytest.raises(ddb.UsageError, match="not a qualified variable name"):
        session.upload({"fine": 1, text: 2})
    session.upload({"fine": 1, "fine_2": 2})
    assert [lines for lines, _ in sent(session)] == [["variable", "fine,fine_2", "2"]]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_text_of_every_place__arrives_whole(text, session):
    frame = pd.DataFrame({text: [text, "x"], "c": pd.Categorical([text, text])})
    session.run("f", frame, text)
    ((lines, (table, argument)),) = sent(session)
    assert lines == ["function", "f", "2"]
    assert table.names == [text, "c"] and list(ddb.result.to_python(argument)) == list(text)
    assert [list(ddb.result.to_python(column)) for column in table.columns] == [[text, "x"], [text, text]]


@pytest.mark.parametrize("text", WITH_NUL, ids=lambda text: ascii(text)[:40])
def test_text_of_every_place__with_nul_is_refused(text, session):
    for value in (pd.DataFrame({text: [1]}), pd.DataFrame({"a": [text]}), text, [text], {text: 1}):
        with pytest.raises(ddb.ConversionError, match="NUL"):
            session.run("f", value)
    assert sent(session) == []


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_startup__arrives_whole(text, asynchronous):
    with FakeServer(default=VOID) as server, ddb.Session(enableASYNC=asynchronous) as session:
        session.connect("127.0.0.1", server.port, startup=text)
        session.test_connection = server.connection()
        assert sent(session) == [(["script", text], [])]


@pytest.mark.parametrize("text", WITH_NUL, ids=lambda text: ascii(text)[:40])
def test_startup__with_nul_is_refused(text):
    with FakeServer(default=VOID) as server, ddb.Session() as session:
        with pytest.raises(ddb.UsageError, match="NUL"):
            session.connect("127.0.0.1", server.port, startup=text)
        assert all(b"script" not in connection.received for connection in server.connections)


@pytest.mark.parametrize("place", ["user", "password"])
@pytest.mark.parametrize("text", TEXTS + WITH_NUL + ["\ud800"], ids=lambda text: ascii(text)[:40])
def test_credentials(text, place):
    login = (text, "x") if place == "user" else ("x", text)
    refused = "\n" in text or "\0" in text or text == "\ud800"
    with FakeServer(default=VOID) as server, ddb.Session() as session:
        if refused:
            with pytest.raises(ddb.UsageError):
                session.connect("127.0.0.1", server.port, *login)
            assert server.connections == []
            return
        session.connect("127.0.0.1", server.port, *login)
        session.login(*login)
        first, *_, last = requests_in(bytes(server.connection().received))
        assert first[0] == ["connect", f"login\n{login[0]}\n{login[1]}\nfalse"]
        assert last[0] == ["function", "login", "3"]


@pytest.mark.parametrize(
    "options",
    [
        {"priority": "4\n"},
        {"priority": 10},
        {"parallelism": "64"},
        {"parallelism": 0},
        {"fetchSize": "8192\n"},
        {"fetchSize": 2**31},
        {"priority": -1},
        {"priority": 4.0},
    ],
    ids=str,
)
def test_options__that_stand_in_the_header(options, session):
    with pytest.raises(ddb.UsageError):
        session.run("x", **options)
    assert sent(session) == []


@pytest.mark.parametrize("session_id", [b"1;2", b"a\tb", b"-5", b"\xff\xfe"])
def test_session_id__is_the_servers_own_matter(session_id):
    """It is sent back as it came, but can't hold what ends a line or a field."""
    with FakeServer(handshake=session_id + b" 0 1\nOK\n") as server:
        session = ddb.Session(enableASYNC=True)
        try:
            session.connect("127.0.0.1", server.port)
        except ddb.ConnectError:
            return
        session.run("x")
        connection = server.connection()
        connection.wait(lambda received: received.endswith(b"script\nx"))
        assert bytes(connection.received).count(b"\n") == 2 + 2
        session.close()

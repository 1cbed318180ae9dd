"""The holder of user name and password shows the password to nobody."""

from __future__ import annotations

import copy
import ipaddress
import pickle
import traceback

import pytest
from support.cases import each

import dolphindb_fast as ddb
from dolphindb_fast import credentials, insecure

SECRET = "hunter2-secret"


@pytest.fixture
def holder():
    return credentials.Credentials("admin", SECRET)


def test_password__is_for_the_login(holder):
    assert holder.userid == "admin" and holder.reveal() == SECRET


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda holder: copy.deepcopy({"a": [holder]})["a"][0],
        lambda holder: pickle.loads(pickle.dumps(holder)),
        lambda holder: pickle.loads(pickle.dumps(holder, protocol=0)),
    ],
)
def test_copies__have_the_user_name_only(copied, holder):
    other = copied(holder)
    assert other.userid == "admin" and other.reveal() == ""


def test_text__of_every_kind_is_redacted(holder):
    shown = [repr(holder), str(holder), f"{holder}", f"{[holder]!r}", repr(vars), repr(holder.__reduce__())]
    shown += [repr(getattr(holder, name)) for name in dir(holder)]
    shown += [str(pickle.dumps(holder, protocol=0)), "".join(map(repr, holder.__slots__))]
    assert "admin" in shown[0] and "***" in shown[0]
    assert not any(SECRET in text for text in shown)
    with pytest.raises(TypeError):
        vars(holder)


def test_redact__takes_the_password_out_of_what_a_server_said(holder):
    assert holder.redact(f"login admin {SECRET} refused: {SECRET}") == "login admin *** refused: ***"
    assert credentials.Credentials("guest", "").redact("as it is") == "as it is"


@each("place", [0, 1])
@each("text", ["a\nb", "\n", "a\0b", "\0", "\ud800", "a\udfff", b"bytes", 7], ids=ascii)
def test_credentials__that_would_break_the_request_are_refused_without_being_shown(text, place):
    given = ["admin", SECRET]
    shown = text if not isinstance(text, str) else SECRET + text
    given[place] = shown
    with pytest.raises(ddb.UsageError) as caught:
        credentials.Credentials(*given)
    error = caught.value
    said = [str(error), repr(error), *map(repr, (error.__cause__, error.__context__))]
    assert not any(SECRET in text for text in said)


@pytest.mark.parametrize("text", ["", None, "größe", "a b\t\r\x85\u2028", "漢字", "\U0001f600"], ids=ascii)
def test_credentials__of_every_other_text_are_whole(text):
    assert credentials.Credentials(text, text).reveal() == (text or "")


@each(
    "address, local",
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("192.168.1.2", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback(address, local):
    assert ipaddress.ip_address(address.partition("%")[0])
    assert credentials.is_loopback(address) is local


def test_warning__points_at_the_line_of_the_caller():
    with pytest.warns(ddb.InsecureConnectionWarning) as caught:
        insecure.warn_insecure("text")
    assert caught[0].filename == __file__


def test_traceback__of_a_refused_password_does_not_show_it():
    with pytest.raises(ddb.UsageError) as caught:
        ddb.Session().connect("127.0.0.1", 1, "admin", SECRET + "\n")
    assert SECRET not in "".join(traceback.format_exception(caught.value))

"""Acknowledged mode against servers that die, lie, stall and babble: nothing is lost silently, nothing hangs."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import expected, replies
from support.fuzzing import examples, say_seed  # noqa: F401
from support.reconnecting import noticed
from support.recorder import DEADLINE, VOID, FakeServer, reply
from support.submissions import ERROR, FRAME, LARGE, integer, unknown
from support.waiting import Pace, eventually, in_thread, unhurried

import dolphindb_fast as ddb

TABLE = expected.table({"a": expected.vector(5, [1, 2, 3])}, 3)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("last", [VOID, b"MSG\nhello\0" + reply(TABLE)], ids=["short", "table"])
def test_server_dies__at_any_byte_of_the_replies(last, end, acknowledged, capfd):
    parts = [integer(1), ERROR, last]
    whole = b"".join(parts)
    ends = [len(b"".join(parts[: i + 1])) for i in range(3)]
    for size in range(len(whole) + 1):
        session, connection = acknowledged()
        submissions = [session.run("f", FRAME) for _ in range(3)]
        eventually(lambda: len(connection.received) == session.stats.bytesSent)
        connection.send(whole[:size])
        getattr(connection, end)()
        with pytest.raises((ddb.SubmissionError, ddb.LinkError)) as caught:
            session.flush(20)
        answered = [size >= position for position in ends]
        if end == "close" or size == 0:
            assert [not unknown(submission) for submission in submissions] == answered, size
        assert all(submission.done() for submission in submissions)
        if not answered[0]:
            assert caught.value.count == 3 and caught.value.failures == submissions
        with pytest.raises(ddb.LinkError):
            # an end that comes after the last reply is noticed by one of the next calls
            for _ in range(1 if unknown(submissions[2]) else 100_000):
                session.run("1")
        session.close()


def test_lost_connection__says_how_much_is_unproven(acknowledged):
    session, connection = acknowledged()
    submissions = [session.run("f", FRAME) for _ in range(5)]
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    connection.send(integer(2) + integer(2))
    connection.close()
    assert isinstance(submissions[4].exception(20), ddb.OutcomeUnknown)
    with pytest.raises(ddb.LinkError, match="3 submissions went out since the last proof"):
        session.run("1")
    with pytest.raises(ddb.SubmissionError, match="3 submissions failed.*\n.*OutcomeUnknown"):
        session.flush()
    with pytest.raises(ddb.LinkError, match="3 submissions"):
        session.flush()
    assert (session.stats.requests, session.stats.acknowledged, session.stats.failed) == (5, 2, 0)


def test_lost_connection__of_a_plain_asynchronous_session_says_how_much_is_unproven():
    with FakeServer() as server, ddb.Session(enableASYNC=True) as session:
        session.connect("127.0.0.1", server.port)
        for _ in range(7):
            session.run("f", FRAME)
        server.connection().close()
        for _ in range(100_000):
            try:
                session.run("f", FRAME)
            except ddb.LinkError:
                break
        sent = session.stats.requests
        with pytest.raises(ddb.LinkError, match=f"; {sent} submissions went out since the last proof"):
            session.run("1")


def test_replies__byte_by_byte(acknowledged, capfd):
    session, connection = acknowledged()
    submissions = [session.run("f", FRAME) for _ in range(5)]
    whole = b"MSG\nhello\0" + b"".join([integer(1), ERROR, VOID, reply(TABLE), b"MSG\nworld\0", integer(5)])
    for position in range(len(whole)):
        connection.send(whole[position : position + 1])
        submissions[0].done()
    assert submissions[4].result(20) == 5
    assert submissions[0].result() == 1 and submissions[2].result() is None
    assert submissions[1].exception().serverText == "it was refused"
    assert submissions[3].result()["a"].tolist() == [1, 2, 3]
    assert "hello" in capfd.readouterr().out


#: a reply and what it means
KINDS = {
    "int": (integer(7), 7),
    "long": (reply(replies.scalar("LONG", 8)), 8),
    "void": (VOID, None),
    "carriage-returns": (integer(9).replace(b"\n", b"\r\n", 2), 9),
    "text": (reply(replies.scalar("STRING", "x" * 300)), "x" * 300),
    "long-text": (reply(replies.scalar("STRING", "y" * 9000)), "y" * 9000),
    "vector": (reply(replies.vector("INT", range(2000))), list(range(2000))),
    "error": (ERROR, "it was refused"),
    "long-error": (reply(status=b"e" * 6000), "e" * 6000),
    "printed": (b"MSG\n" + b"p" * 100 + b"\0" + integer(3), 3),
    "null": (reply(replies.scalar("INT", None)), None),
}


@examples(40)
@given(
    chosen=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=30),
    cuts=st.lists(st.integers(1, 5000), max_size=40),
)
def test_replies__in_any_order_cut_anywhere(chosen, cuts):
    with FakeServer() as server:
        session = ddb.Session(enableASYNC=True, acknowledge=True, show_output=False)
        session.connect("127.0.0.1", server.port)
        submissions = [session.run("f", 1) for _ in chosen]
        whole = b"".join(KINDS[kind][0] for kind in chosen)
        for size in (*cuts, len(whole)):
            server.connection().send(whole[:size])
            whole = whole[size:]
            submissions[-1].done()
        for submission, kind in zip(submissions, chosen, strict=True):
            error = submission.exception(20)
            found = error.serverText if error is not None else submission.result()
            found = found.tolist() if isinstance(found, np.ndarray) else found
            assert found == KINDS[kind][1] or (kind == "null" and pd.isna(found))
        session.close()


MALFORMED = {
    "no-header": b"hello\nOK\n",
    "two-fields": b"1234567890 1\nOK\n",
    "four-fields": b"1234567890 1 1 1\nOK\n",
    "no-number": b"1234567890 x 1\nOK\n",
    "no-count": b"1234567890  1\nOK\n",
    "empty-line": b"\n\n",
    "type": reply(b"\x3f\0"),
    "form": reply(b"\x05\x0f\x01\0\0\0\x01\0\0\0"),
    "negative-rows": reply(b"\x05\x01\xff\xff\xff\xff\x01\0\0\0"),
    "endless-line": b"x" * (1 << 21),
    "endless-status": b"1 0 1\n" + b"x" * (1 << 21),
    "endless-message": b"MSG\n" + b"x" * (1 << 21),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_reply__that_is_malformed_ends_the_connection(name, acknowledged):
    session, connection = acknowledged()
    submissions = [session.run("f", FRAME) for _ in range(3)]
    sender = in_thread(lambda: connection.send(integer(2) + MALFORMED[name] + integer(2)))
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    assert submissions[0].result() == 2
    assert unknown(submissions[1]) and unknown(submissions[2])
    for _ in range(2):
        with pytest.raises(ddb.LinkError):
            session.run("1")
    assert session.stats.lastError
    try:
        sender.result()
    except OSError:
        pass  # the client had gone


def test_reply__that_nobody_asked_for_ends_the_connection(acknowledged):
    """From there on no reply could be trusted to belong to its request."""
    session, connection = acknowledged()
    first = session.run("1")
    connection.send(integer(1) + integer(2))
    assert first.result(20) == 1
    with pytest.raises((ddb.LinkError, ddb.ProtocolError), match="nobody asked"):
        in_thread(lambda: [session.run("f", FRAME) for _ in range(100_000)]).result()


def test_unanswered__waits_end_in_time_and_lose_nothing(acknowledged):
    session, connection = acknowledged()
    submission = session.run("f", FRAME)
    with pytest.raises(ddb.ReplyTimeout, match="submission 1"):
        submission.result(0.05)
    with pytest.raises(ddb.ReplyTimeout):
        submission.result(0)
    with pytest.raises(TimeoutError):
        session.flush(0.05)
    with pytest.raises(ddb.ReplyTimeout, match="1 submissions"):
        session.barrier(0.05)
    assert not submission.done()
    connection.send(integer(2))
    session.flush(20)
    assert submission.result(0) == 2


def test_unanswered__default_wait_is_the_time_out_of_connect(acknowledged):
    session, connection = acknowledged(readTimeout=0.2)
    submission = session.run("f", FRAME)
    with pytest.raises(ddb.ReplyTimeout):
        submission.result()
    with pytest.raises(ddb.ReplyTimeout):
        session.flush()


def test_unanswered__bytes_that_come_are_progress(acknowledged):
    """Even if they are no reply yet."""

    def attempt(seconds):
        session, connection = acknowledged(readTimeout=seconds)
        submission = session.run("f", FRAME)
        whole = b"MSG\nhello\0" + integer(2)
        pace = Pace(seconds)
        waiting = in_thread(submission.result)
        for start in range(0, len(whole), 4):
            pace.step(lambda start=start: connection.send(whole[start : start + 4]))
        assert pace.kept(waiting.result) == 2

    unhurried(attempt)


@pytest.mark.parametrize("limits", [{"maxInFlight": 4}, {"maxInFlightBytes": 300}])
def test_bound__waits_for_replies_and_gives_up_without_a_byte_sent(limits, acknowledged):
    session, connection = acknowledged(limits, writeTimeout=0.2)
    sent = 0
    with pytest.raises(ddb.SendTimeout, match="in flight") as caught:
        while sent < 100:
            session.run("f", FRAME)
            sent += 1
    assert caught.value.sent is False and sent < 10
    before = session.stats.bytesSent
    with pytest.raises(ddb.SendTimeout), session.batch():
        session.run("f", FRAME)
    assert session.stats.bytesSent == before and session.stats.blockedSeconds > 0
    connection.send(integer(2) * sent)
    session.flush(20)
    waiting = session.run("f", FRAME)
    connection.send(integer(3))
    assert waiting.result(20) == 3
    eventually(lambda: len(connection.received) == session.stats.bytesSent)


def test_bound__is_waited_for_as_long_as_replies_keep_coming(acknowledged):
    def attempt(seconds):
        session, connection = acknowledged({"maxInFlight": 2}, writeTimeout=seconds)
        pace = Pace(seconds)
        call = in_thread(lambda: [session.run("f", FRAME) for _ in range(6)])
        for _ in range(6):
            pace.step(lambda: connection.send(integer(2)))
        assert [submission.result(DEADLINE) for submission in pace.kept(call.result)] == [2] * 6

    unhurried(attempt)


def test_server_that_never_reads__ends_with_the_time_out(acknowledged):
    session, connection = acknowledged(receive_buffer=8192, writeTimeout=0.2)
    before = session.run("f", FRAME)
    connection.stall()
    with pytest.raises(ddb.SendTimeout) as caught:
        in_thread(lambda: session.run("f", LARGE)).result()
    assert caught.value.sent is True
    assert unknown(before)
    with pytest.raises(ddb.SubmissionError) as caught:
        session.flush()
    assert caught.value.count == 2


def test_both_sides_blocked__replies_are_taken_while_a_send_waits(acknowledged, capfd):
    """A server that writes before it reads on: if the client only wrote, both would wait for ever."""
    session, connection = acknowledged(receive_buffer=8192, writeTimeout=20)
    submissions = [session.run("f", FRAME) for _ in range(3)]
    connection.stall()
    babble = (b"MSG\n" + b"x" * 4000 + b"\0") * 4000 + integer(1) + ERROR + integer(3)
    talking = in_thread(lambda: connection.send(babble))
    call = in_thread(lambda: session.run("f", LARGE))
    talking.result()
    assert [s.exception() is None for s in submissions if s.done()].count(True) <= 2
    connection.resume()
    large = call.result()
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    connection.send(integer(4))
    assert large.result(20) == 4
    assert [submissions[0].result(), submissions[2].result()] == [1, 3]
    assert submissions[1].exception().serverText == "it was refused"


def test_reply__of_a_request_that_is_still_being_sent(acknowledged):
    """A server may refuse a request before it has read all of it."""
    session, connection = acknowledged(receive_buffer=8192)
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 1000)
    connection.send(ERROR)
    connection.resume()
    assert call.result().exception(20).serverText == "it was refused"


def test_waiting_thread__gets_its_reply_while_another_one_is_kept_waiting(acknowledged):
    session, connection = acknowledged(receive_buffer=8192, writeTimeout=20)
    first = session.run("1")
    second = session.run("2")
    connection.stall()
    call = in_thread(lambda: session.run("f", LARGE))
    eventually(lambda: session.stats.bytesSent > 1000)
    waiting = in_thread(lambda: second.result(20))
    connection.send(integer(1) + integer(2))
    assert waiting.result() == 2 and first.result() == 1
    assert call.running
    connection.resume()
    call.result()


def test_threads__that_wait_for_different_replies(acknowledged):
    session, connection = acknowledged()
    submissions = [session.run(str(i)) for i in range(20)]
    waiting = [in_thread(lambda submission=s: submission.result(20)) for s in submissions]
    impatient = in_thread(lambda: submissions[19].exception(0.1))
    with pytest.raises(ddb.ReplyTimeout):
        impatient.result()
    for i in range(20):
        connection.send(integer(i))
        assert waiting[i].result() == i
        assert all(later.running for later in waiting[i + 1 :])


@pytest.mark.parametrize("size", [5_000, 3_000_000])
@pytest.mark.parametrize("end", ["whole", "cut", "stalled", "malformed"])
def test_large_reply__in_pieces(size, end, acknowledged):
    session, connection = acknowledged(readTimeout=0.2 if end == "stalled" else DEADLINE)
    submissions = [session.run("f", FRAME) for _ in range(3)]
    raw = reply(replies.vector("INT", range(size // 4)))
    if end == "malformed":
        raw = reply(replies.any_vector([replies.vector("INT", range(size // 4)), b"\x3f\0"]))
    tail = b"" if end in ("cut", "stalled") else integer(5)
    whole = integer(1) + (raw[:-4] if end in ("cut", "stalled") else raw) + tail

    def send():
        for start in range(0, len(whole), 50_000):
            connection.send(whole[start : start + 50_000])
        if end == "cut":
            connection.close()

    sender = in_thread(send)
    assert submissions[0].result(20) == 1
    if end == "whole":
        assert submissions[2].result(20) == 5
        assert submissions[1].result().tolist() == list(range(size // 4))
    elif end == "stalled" and size < 1 << 20:
        with pytest.raises(ddb.ReplyTimeout):
            submissions[1].result()
        connection.send(raw[-4:])
        assert submissions[1].result(20).tolist() == list(range(size // 4))
    else:
        assert isinstance(submissions[1].exception(20), ddb.OutcomeUnknown) and unknown(submissions[2])
        with pytest.raises(ddb.LinkError):
            session.run("1")
    # a client that has waited long enough goes before the rest is sent
    with contextlib.suppress(OSError) if end == "stalled" else contextlib.nullcontext():
        sender.result()


def test_batch__of_a_lost_connection(acknowledged):
    session, connection = acknowledged()
    with pytest.raises(ddb.LinkError, match="gathered submissions"), session.batch():
        gathered = [session.run("f", FRAME) for _ in range(3)]
        connection.close()
        other = in_thread(lambda: [session.run("1") for _ in range(100_000)])
        with pytest.raises(ddb.LinkError):
            other.result()
    for submission in gathered:
        with pytest.raises(ddb.LinkError, match="before this submission was sent"):
            submission.result()
        assert not unknown(submission)


@pytest.mark.parametrize("cut", [1, 5, len(integer(1)) - 1])
def test_batch__sent_while_a_reply_is_here_in_part(cut, acknowledged):
    session, connection = acknowledged()
    received = session.stats.bytesReceived
    first = session.run("f", FRAME)
    connection.send(integer(1)[:cut])
    eventually(lambda: not first.done() and session.stats.bytesReceived == received + cut)
    with session.batch():
        second = session.run("f", FRAME)
    connection.send(integer(1)[cut:] + integer(2))
    assert (first.result(20), second.result(20)) == (1, 2)


def test_batch__begun_while_another_thread_connects_again(acknowledged):
    session, connection = acknowledged(reconnect=True, tryReconnectNums=1)
    server = connection.server
    server.stalled = True
    connection.close()
    noticed(session)
    again = in_thread(lambda: session.run("again"))
    eventually(lambda: len(server.connections) == 2)

    def gather():
        with session.batch():
            return session.run("gathered")

    gathering = in_thread(gather)
    connection = server.connection(1)
    connection.resume()
    # by hand: both requests may come in one piece, to which the server would give one answer
    connection.wait(lambda received: received.endswith(b"gathered") and b"again" in received)
    connection.send(integer(7) * 2)
    assert again.result().result(20) == 7 and gathering.result().result(20) == 7


def test_kept_submissions__hold_the_call_that_met_the_fault_if_and_only_if_bytes_of_it_left(acknowledged):
    met = set()
    for number in range(60):
        session, connection = acknowledged({"keepUnacknowledged": True})
        frame = LARGE if number % 3 == 0 else FRAME
        count = 1 + number % 3
        submissions = [session.run("f", FRAME) for _ in range(count)]
        cutting = in_thread(connection.reset)
        with pytest.raises(ddb.LinkError) as caught:
            while True:
                submissions.append(session.run("f", frame))
        cutting.result()
        lost = session.unacknowledged()
        assert len(lost) == len(submissions) + caught.value.sent, number
        with pytest.raises(ddb.SubmissionError) as told:
            session.flush()
        assert told.value.count == len(lost)
        met.add(caught.value.sent)
        session.close()
    assert False in met


def test_kept_submissions__are_bounded_and_told(acknowledged):
    session, connection = acknowledged({"keepUnacknowledged": True, "maxInFlightBytes": 2000})
    first = [session.run("f", FRAME) for _ in range(10)]
    in_flight = session.unacknowledged()
    assert [item.sequence for item in in_flight] == list(range(1, 11))
    eventually(lambda: len(connection.received) == session.stats.bytesSent)
    sent = b"".join(item.bytes for item in in_flight)
    assert bytes(connection.received).endswith(sent)
    connection.send(integer(2) * 4)
    assert first[3].result(20) == 2
    connection.close()
    with pytest.raises(ddb.SubmissionError):
        session.flush(20)
    with FakeServer(default=integer(2)) as other:
        session.connect("127.0.0.1", other.port)
        with pytest.raises(ddb.UsageError, match="unacknowledged"):
            session.run("f", pd.DataFrame({"a": range(200)}))
        items = session.unacknowledged()
        assert [item.sequence for item in items] == list(range(5, 11))
        assert [item.bytes for item in items] == [item.bytes for item in in_flight[4:]]
        assert session.unacknowledged() == []
        assert items[0].frame().equals(FRAME) and "100 bytes" not in repr(items[0])
        large = session.run("f", pd.DataFrame({"a": range(200)}))
        assert large.result(20) == 2
        again = session.resubmit(items[0])
        assert again.result(20) == 2 and again.name == "f" and again.rows == 2
        assert bytes(other.connection().received).endswith(items[0].bytes)
        session.close()


def test_lost_submissions__are_told_to_the_callback(acknowledged):
    told = []
    session, connection = acknowledged({"onError": told.append})
    submissions = [session.run("f", FRAME) for _ in range(3)]
    connection.close()
    assert eventually(submissions[0].done)
    eventually(lambda: told == submissions)
    with pytest.raises(ddb.SubmissionError):
        session.flush()

"""Calls of sessions for asyncio on a server that runs scripts: the results and bytes of `Session`."""

from __future__ import annotations

import asyncio
import inspect

import numpy as np
import pandas as pd
import pytest
from support.compare import assert_same
from support.recorder import FakeServer, Recorder, our_session, reply

import dolphindb_fast as ddb
import dolphindb_fast.settings as keys
from dolphindb_fast import aio

FRAME = pd.DataFrame(
    {
        "a": [1, 2, 3],
        "b": [1.5, None, 2.5],
        "c": ["x", "größe", ""],
        "d": pd.date_range("2020-01-02", periods=3, unit="ns"),
    }
)
LARGE = pd.DataFrame({"a": np.arange(3_000_000), "b": np.arange(3_000_000) / 8})
SCRIPTS = [
    "1+1",
    "1..5",
    "`a`b`c",
    "NULL",
    "table(1..3 as a, `x`y`z as b)",
    "2020.01.02T03:04:05.678",
    "(1, `a, 2.5)",
    "x = 7",
]


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"raw": True}], ids=str)
def test_results__are_those_of_a_session(run, address, options):
    async def main():
        async with aio.Session(*address) as session:
            return await asyncio.gather(*(session.run(script, **options) for script in SCRIPTS))

    with ddb.Session(*address) as session:
        expected = [session.run(script, **options) for script in SCRIPTS]
    found = run(main())
    for mine, theirs in zip(found, expected, strict=True):
        if options.get("raw"):
            assert ddb.dumps(mine) == ddb.dumps(theirs)
        else:
            assert_same(mine, theirs)


def test_results__as_arrow(run, address):
    pyarrow = pytest.importorskip("pyarrow")

    async def main():
        async with aio.Session(*address) as session:
            table = await session.run("table(1..3 as a)", as_="arrow")
            assert isinstance(table, pyarrow.Table) and table.column("a").to_pylist() == [1, 2, 3]
            assert (await (await session.submit("1..3", as_="arrow"))).to_pylist() == [1, 2, 3]

    run(main())


def test_arguments_and_variables(run, address):
    async def main():
        async with aio.Session(*address) as session:
            await session.run("share streamTable(1:0, `a`b`c`d, [LONG,DOUBLE,STRING,NANOTIMESTAMP]) as aio_t")
            counts = await asyncio.gather(*(session.run("tableInsert{aio_t}", FRAME) for _ in range(20)))
            assert counts == [3] * 20
            assert await session.run("exec count(*) from aio_t") == 60
            assert await session.upload({"x": FRAME, "y": 5}) is not None
            assert await session.upload({}) == -1
            pd.testing.assert_frame_equal(await session.run("x"), FRAME)
            assert await session.run("y") == 5
            assert await session.run("tableInsert{aio_t}", FRAME, priority=3, clearMemory=False) == 3
            with pytest.raises(ddb.UsageError, match="qualified"):
                await session.upload({"1x": 1})
            with pytest.raises(ddb.UsageError, match="priority"):
                await session.run("1", priority=10)
            assert session.stats.rows == 3 * 22

    run(main())


def test_errors__are_those_of_a_session(run, address):
    async def main():
        async with aio.Session(*address) as session:
            found = []
            calls = [session.run(script) for script in ("1+1", "nosuch(1)", "2+2", "also_not")]
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                found.append(str(outcome) if isinstance(outcome, Exception) else outcome)
            assert await session.run("3") == 3
            return found

    found = run(main())
    with ddb.Session(*address) as session:
        for script, text in (("nosuch(1)", found[1]), ("also_not", found[3])):
            with pytest.raises(ddb.ServerError) as caught:
                session.run(script)
            assert str(caught.value) == text
    assert found[::2] == [2, 4]


def test_many__in_flight_on_one_connection(run, address):
    """More than may be without reply: the rest waits; requests leave in the order of the calls."""

    async def main():
        async with aio.Session(*address, maxInFlight=50) as session:
            await session.run("share streamTable(1:0, [`a], [LONG]) as aio_m")
            frames = [pd.DataFrame({"a": [number]}) for number in range(400)]
            calls = [asyncio.ensure_future(session.run("tableInsert{aio_m}", frame)) for frame in frames]
            await asyncio.sleep(0)
            assert session.inFlight == 400
            assert await asyncio.gather(*calls) == [1] * 400
            assert session.inFlight == 0
            assert (await session.run("exec a from aio_m")).tolist() == list(range(400))

    run(main())


def test_large__frames_both_ways(run, address):
    async def main():
        async with aio.Session(*address) as session:
            await session.upload({"x": LARGE})
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0)

            ticking = asyncio.ensure_future(tick())
            small, back = await asyncio.gather(session.run("7"), session.run("x"))
            ticking.cancel()
            assert small == 7
            pd.testing.assert_frame_equal(back, LARGE)
            assert ticks > 2, "the loop went on while the reply came"

    run(main())


def test_refused_frame__sends_nothing(run, address):
    async def main():
        async with aio.Session(*address) as session:
            before = session.stats.bytesSent
            with pytest.raises(ddb.ConversionError, match="column 'a'"):
                await session.run("f", pd.DataFrame({"a": [1j]}, dtype=object))
            assert session.stats.bytesSent == before
            assert await session.run("1") == 1

    run(main())


def test_exec_and_call__are_those_of_a_session(run, address):
    async def main():
        async with aio.Session(*address) as session:
            assert await session.exec("1..3 + 1", priority=3, parallelism=2) is not None
            assert await session.call("size", [1, 2, 3], clear_memory=True) == 3
            columns = await session.exec("table(1..3 as a)", table_to_list=True)
            assert [column.tolist() for column in columns] == [[1, 2, 3]]
            with pytest.raises(ddb.ServerError):
                await session.call("nosuch", 1)
            with pytest.raises(ddb.NotSupported, match="fetchSize"):
                await session.exec("1", fetch_size=8192)
            with pytest.raises(ddb.UsageError, match="priority"):
                await session.call("size", [1], priority=10)
            assert await session.run("1") == 1

    run(main())


@pytest.mark.parametrize("options", [{}, {"enableASYNC": True}, {"compress": True}], ids=str)
def test_bytes__of_exec_call_and_login_are_those_of_a_session(run, options):
    calls = [
        ("login", ("admin", "123456"), {}),
        ("exec", ("1+1",), {"priority": 7, "disable_decimal": True}),
        ("call", ("f", 1, FRAME), {"parallelism": 3}),
        ("call", ("g",), {}),
    ]

    def record(talk):
        with FakeServer(default=reply(b"\x04\x00\x07\0\0\0")) as server:
            results = talk(server.port)
            server.connection().wait_closed()
            return results, bytes(server.connection().received)

    async def mine(port):
        session = aio.Session(**options)
        await session.connect("127.0.0.1", port)
        results = [await getattr(session, name)(*args, **choices) for name, args, choices in calls]
        await session.close()
        return results

    def plain(port):
        with ddb.Session(**options) as session:
            session.connect("127.0.0.1", port)
            return [getattr(session, name)(*args, **choices) for name, args, choices in calls]

    assert record(lambda port: run(mine(port))) == record(plain)


def test_login__on_the_open_connection(run, address):
    async def main():
        session = aio.Session()
        await session.connect(*address[:2])
        assert await session.login(*address[2:]) is None
        with pytest.raises(ddb.AuthenticationError, match="refused user 'admin'") as caught:
            await session.login("admin", "wrong-secret")
        assert caught.value.__context__ is None
        for entry in caught.traceback[1:]:
            assert "wrong-secret" not in repr(entry.frame.f_locals)
        assert await session.run("1") == 1
        await session.close()
        with pytest.raises(ddb.UsageError, match="closed"):
            await session.login(*address[2:])

    run(main())


# -- submissions


@pytest.mark.parametrize("options", [{}, {"enableASYNC": True, "acknowledge": True}], ids=str)
def test_submit__gives_what_can_be_awaited(run, address, options):
    async def main():
        async with aio.Session(*address, **options) as session:
            await session.run("share streamTable(1:0, `a`b`c`d, [LONG,DOUBLE,STRING,NANOTIMESTAMP]) as aio_s")
            submissions = [await session.submit("tableInsert{aio_s}", FRAME) for _ in range(300)]
            last = submissions[-1]
            assert not last.done()
            with pytest.raises(ddb.ReplyTimeout):
                last.result()
            assert await last == 3 and last.done() and last.result() == 3 and await last == 3
            await session.flush()
            assert all(submission.done() for submission in submissions)
            assert [s.sequence for s in submissions] == list(range(last.sequence - 299, last.sequence + 1))
            assert await session.run("exec count(*) from aio_s") == 900
            assert session.stats.acknowledged == session.stats.requests

    run(main())


def test_flush__tells_what_failed_once(run, address):
    async def main():
        told = []
        async with aio.Session(*address, onError=told.append) as session:
            good = await session.submit("1+1")
            bad = await session.submit("nosuch(1)")
            with pytest.raises(ddb.ServerError):
                await session.run("nosuch(2)")
            with pytest.raises(ddb.SubmissionError, match="1 submission failed") as caught:
                await session.flush()
            assert caught.value.failures == [bad] == told
            assert good.exception() is None and isinstance(bad.exception(), ddb.ServerError)
            with pytest.raises(ddb.ServerError):
                await bad
            await session.flush()

    run(main())


def test_with__ends_with_a_flush(run, address):
    async def main():
        with pytest.raises(ddb.SubmissionError):
            async with aio.Session(*address) as session:
                await session.submit("nosuch(1)")
        with pytest.raises(KeyError):
            async with aio.Session(*address) as session:
                await session.submit("nosuch(1)")
                raise KeyError
        assert session.is_closed

    run(main())


def test_asynchronous__sends_and_returns_none(run, address):
    async def main():
        async with aio.Session(*address) as plain, aio.Session(*address, enableASYNC=True) as session:
            await plain.run("share streamTable(1:0, `a`b`c`d, [LONG,DOUBLE,STRING,NANOTIMESTAMP]) as aio_a")
            for _ in range(500):
                assert await session.run("tableInsert{aio_a}", FRAME) is None
                assert await session.submit("tableInsert{aio_a}", FRAME) is None
            assert await session.upload({"z": 1}) == -1
            await session.flush()
            while await plain.run("exec count(*) from aio_a") < 3000:
                await asyncio.sleep(0.001)
            assert session.stats.rows == 3000

    run(main())


def test_tasks__have_their_turn_beside_one_that_never_waits(run, address):
    async def main():
        async with aio.Session(*address, enableASYNC=True) as session:
            turns = 0

            async def other():
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.ensure_future(other())
            for _ in range(1000):
                await session.submit("a = 1")
            task.cancel()
            assert turns >= 10

    run(main())


# -- bytes

MODES = {
    "synchronous": {},
    "asynchronous": {"enableASYNC": True},
    "acknowledged": {"enableASYNC": True, "acknowledge": True},
    "compress": {"compress": True},
    "python": {"parser": "python"},
    "oracle": {"sqlStd": keys.SqlStd.Oracle, "enableASYNC": True},
}
CALLS = [("1+1",), ("f", 1), ("tableInsert{t}", FRAME), ("g", "größe", [1, 2])]


@pytest.mark.parametrize("login", [(), ("admin", "123456"), ("größe", "пароль")], ids=len)
@pytest.mark.parametrize("mode", MODES)
def test_bytes__are_those_of_a_session(run, mode, login):
    """All that is sent from the handshake on, startup script included."""
    options = MODES[mode]

    async def main(port):
        session = aio.Session(**options)
        await session.connect("127.0.0.1", port, *login, **({"startup": "s = 1"}))
        for call in CALLS:
            if options.get("acknowledge"):
                await session.submit(*call)
                await session.flush()
            else:
                await session.run(*call)
        await session.close()

    def record(talk):
        with FakeServer(default=b"1234567890 0 1\nOK\n") as server:
            talk(server.port)
            connection = server.connection()
            connection.wait_closed()
            assert len(server.connections) == 1
            return bytes(connection.received)

    def plain(port):
        session = ddb.Session(**options)
        session.connect("127.0.0.1", port, *login, startup="s = 1")
        for call in CALLS:
            session.run(*call)
            if options.get("acknowledge"):
                session.flush()
        session.close()

    assert record(lambda port: run(main(port))) == record(plain)


@pytest.mark.official
def test_bytes__of_connecting_are_the_official_ones(run):
    pytest.importorskip("dolphindb")
    from support.recorder import official_session

    with Recorder(official_session, login=("admin", "123456")) as recorder:
        official = recorder.connected[0]

    async def main(port):
        async with aio.Session("127.0.0.1", port, "admin", "123456"):
            pass

    with FakeServer() as server:
        run(main(server.port))
        server.connection().wait_closed()
        assert bytes(server.connection().received) == official


def test_names_and_order_of_parameters__are_those_of_a_session():
    for name in ("run", "connect", "upload", "flush", "exec", "call", "login"):
        mine = list(inspect.signature(getattr(aio.Session, name)).parameters.values())
        theirs = inspect.signature(getattr(ddb.Session, name)).parameters
        assert [p.name for p in mine] == [n for n in theirs if n in {p.name for p in mine}]
        assert all(p.kind == theirs[p.name].kind for p in mine)
    assert our_session().__class__ is ddb.Session


#: of `SessionCore`, for the package itself
OWN = {"asynchronous"}


def test_names_of_a_session__are_here_or_say_what_to_do_instead():
    from dolphindb_fast.aio import refused

    session, pool = aio.Session(), aio.Pool("127.0.0.1", 8848, 1)
    public = {name for name in dir(ddb.Session) if not name.startswith("_")} - OWN
    assert public <= set(dir(aio.Session))
    for owner, names in ((session, refused.SESSION), (pool, refused.POOL)):
        for name, reason in names.items():
            with pytest.raises(ddb.NotSupported) as caught:
                getattr(owner, name)("x")
            assert str(caught.value).endswith(f".{name} {reason}")
    for name in public - set(refused.SESSION):
        assert inspect.getattr_static(aio.Session, name).__doc__, name

"""Pools: several connections, of which one may end without the others."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest
from support.recorder import VOID
from support.server_process import restartable_server
from support.waiting import until

import dolphindb_fast as ddb
from dolphindb_fast import aio

FRAME = pd.DataFrame({"a": [1, 2, 3]})


def test_calls__are_spread_over_the_connections(run, address, server):
    async def main():
        async with aio.Pool(*address[:2], 3, *address[2:]) as pool:
            assert server.open_connections == 3
            await pool.run("share streamTable(1:0, [`a], [LONG]) as pool_t")
            calls = [pool.run("tableInsert{pool_t}", FRAME) for _ in range(300)]
            assert await asyncio.gather(*calls) == [3] * 300
            assert await pool.run("exec count(*) from pool_t", priority=3) == 900
            counts = [session.stats.requests for session in pool.sessions]
            assert max(counts) - min(counts) <= 3
            submissions = [await pool.submit("1+1") for _ in range(9)]
            await pool.flush()
            assert [submission.result() for submission in submissions] == [2] * 9
            assert "3, 127.0.0.1" in repr(pool)
        with pytest.raises(ddb.UsageError, match="not connected"):
            await pool.run("1")

    run(main())


def test_pool__asynchronous(run, address):
    async def main():
        host, port, *login = address
        async with aio.Session(*address) as plain, aio.Pool(host, port, 2, *login, enableASYNC=True) as pool:
            await plain.run("share streamTable(1:0, [`a], [LONG]) as pool_a")
            await asyncio.gather(*(pool.run("tableInsert{pool_a}", FRAME) for _ in range(100)))
            await pool.flush()
            while await plain.run("exec count(*) from pool_a") < 300:
                await asyncio.sleep(0.001)

    run(main())


def test_cancelled_call__ends_its_connection_only(run, fake):
    server = fake()

    async def main():
        async with aio.Pool("127.0.0.1", server.port, 3) as pool:
            calls = [asyncio.ensure_future(pool.run(f"call{i}")) for i in range(3)]
            await until(
                lambda: (
                    len(server.connections) == 3
                    and all(b"script\ncall" in connection.received for connection in server.connections)
                )
            )
            used = {}
            for connection in server.connections:
                number = int(bytes(connection.received).rpartition(b"script\ncall")[2])
                used[number] = connection
            calls[1].cancel()
            with pytest.raises(asyncio.CancelledError):
                await calls[1]
            used[1].wait_closed()
            assert [session.is_open for session in pool.sessions].count(False) == 1
            for number in (0, 2):
                used[number].send(VOID)
            assert await asyncio.gather(calls[0], calls[2]) == [None, None]
            server.default = VOID
            # one after the other: the fake server answers once what it reads at once
            for _ in range(9):
                await pool.run("x")
            assert all(session.is_open for session in pool.sessions)
            assert len(server.connections) == 4

    run(main())


def test_server__gone_and_back(run, address):
    async def main():
        with restartable_server() as server:
            async with aio.Pool(server.host, server.port, 2, "admin", "123456") as pool:
                assert await pool.run("1+1") == 2
                server.stop()
                for _ in range(4):
                    with pytest.raises(ddb.LinkError):
                        await pool.run("1+1")
                server.start()
                assert await asyncio.gather(*(pool.run("1+1") for _ in range(10))) == [2] * 10
                assert server.open_connections == 2

    run(main())


def test_connect__fails_as_a_whole(run, fake, address):
    async def main():
        with pytest.raises(ddb.AuthenticationError):
            async with aio.Pool(*address[:2], 4, "admin", "wrong"):
                pass
        refusing = fake(handshake=b"1 0 1\nno\n")
        with pytest.raises(ddb.ConnectError):
            await aio.Pool("127.0.0.1", refusing.port, 2).connect()
        for connection in refusing.connections:
            connection.wait_closed()

    run(main())


def test_flush__tells_what_failed_on_any_connection(run, address):
    async def main():
        async with aio.Pool(*address[:2], 3, *address[2:]) as pool:
            for number in range(6):
                await pool.submit(f"nosuch({number})")
            with pytest.raises(ddb.SubmissionError, match="6 submissions failed"):
                await pool.flush()
            await pool.flush()
            await pool.close()
            await pool.connect()
            assert await pool.run("1") == 1
        with pytest.raises(ddb.SubmissionError):
            async with pool:
                await pool.submit("nosuch(7)")
        with pytest.raises(KeyError):
            async with pool:
                await pool.submit("nosuch(8)")
                raise KeyError

    run(main())


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None])
def test_size__that_is_none(size):
    with pytest.raises(ddb.UsageError, match="size"):
        aio.Pool("127.0.0.1", 8848, size)


def test_random__calls_and_cancellations(run, address):
    """Each call gets its own result or its own cancellation, whatever happens to the others beside it."""
    import random

    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)

    async def call(pool, number):
        try:
            assert await pool.run(f"{number}+0") == number
            return "done"
        except ddb.LinkError:
            return "lost"

    async def main():
        async with aio.Pool(*address[:2], 4, *address[2:], maxInFlight=5) as pool:
            calls = []
            for number in range(400):
                calls.append(asyncio.ensure_future(call(pool, number)))
                if chance.random() < 0.2:
                    await asyncio.sleep(chance.choice([0, 0, 0.001]))
                if chance.random() < 0.1:
                    chance.choice(calls).cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            ends = {outcome if isinstance(outcome, str) else type(outcome) for outcome in outcomes}
            assert ends <= {"done", "lost", asyncio.CancelledError}
            assert await asyncio.gather(*(call(pool, number) for number in range(20))) == ["done"] * 20
            assert sum(session.inFlight for session in pool.sessions) == 0

    run(main())

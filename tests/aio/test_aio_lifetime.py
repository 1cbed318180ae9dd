"""Loops, forks and the end of the interpreter with open asynchronous sessions."""

from __future__ import annotations

import asyncio
import gc
import os

import pytest
from support.process import forked_program
from support.recorder import VOID

import dolphindb_fast as ddb
from dolphindb_fast import aio


def test_loop__of_another_run(fake):
    server = fake(default=VOID)
    session = aio.Session()

    async def first():
        await session.connect("127.0.0.1", server.port)
        assert await session.run("x") is None

    async def second():
        for call in (session.run("x"), session.submit("x"), session.upload({"a": 1}), session.flush()):
            with pytest.raises(ddb.UsageError, match="another event loop"):
                await call
        await session.connect("127.0.0.1", server.port)
        assert await session.run("x") is None
        await session.close()

    asyncio.run(first())
    asyncio.run(second())
    server.connection(0).wait_closed()


def test_loop__in_another_thread(fake):
    server = fake(default=VOID)

    async def main():
        session = aio.Session()
        await session.connect("127.0.0.1", server.port)
        with pytest.raises(ddb.UsageError, match="another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(session.run("x")))
        assert await session.run("x") is None
        await session.close()

    asyncio.run(main())


NOISE = """
import asyncio, gc, sys
from dolphindb_fast import aio
port, how, uv = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "uvloop"
async def main():
    # debug mode tells of callbacks that a busy machine makes slow
    asyncio.get_running_loop().slow_callback_duration = 60
    session = aio.Session(enableASYNC=how == "asynchronous")
    await session.connect("127.0.0.1", port, readTimeout=50)
    if how == "waiting":
        keep.append(asyncio.ensure_future(session.run("x")))
        await asyncio.sleep(0)
    if how == "submitted":
        keep.append(await session.submit("x"))
    if how != "dropped":
        keep.append(session)
keep = []
if uv:
    import uvloop
    uvloop.run(main(), debug=True)
else:
    asyncio.run(main(), debug=True)
gc.collect()
print("end")
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("how", ["dropped", "kept", "asynchronous", "waiting", "submitted"])
def test_end__of_loop_and_interpreter_is_quiet(fake, how, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = fake()
    done = forked_program(NOISE, str(server.port), how, loop)
    assert (done.stdout, done.stderr) == ("end\n", "")
    server.connection().wait_closed()


FORK = """
import asyncio, os, sys
import dolphindb_fast as ddb
from dolphindb_fast import aio
async def child(session):
    try:
        await session.run("child")
    except ddb.UsageError as error:
        return 0 if "fork" in str(error) else 8
    return 9
async def main():
    # the child takes its time
    asyncio.get_running_loop().slow_callback_duration = 60
    session = aio.Session()
    await session.connect("127.0.0.1", int(sys.argv[1]))
    await session.run("1")
    waiting = [asyncio.ensure_future(session.run("2")) for _ in range(2)]
    await asyncio.sleep(0)
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        status = 7
        try:
            status = asyncio.run(child(session))
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    print("child", os.waitstatus_to_exitcode(status))
    await asyncio.gather(*waiting)
    await session.run("3")
    await session.close()
    print("parent goes on")
asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork__child_is_told_and_the_parent_goes_on(address):
    done = forked_program(FORK, str(address[1]))
    assert done.stderr == ""
    assert done.stdout == "child 0\nparent goes on\n"


def test_session__that_is_not_closed_is_closed_with_its_loop(fake):
    server = fake()

    async def main():
        await aio.Session().connect("127.0.0.1", server.port)

    asyncio.run(main())
    gc.collect()
    server.connection().wait_closed()


def test_representation_and_pickling(run, address):
    import pickle

    async def main():
        session = aio.Session(*address)
        assert repr(session) == "<dolphindb_fast.aio.Session synchronous, not connected>"
        async with session:
            assert repr(session) == f"<dolphindb_fast.aio.Session synchronous, {session.host}:{session.port}>"
            assert session.session_id and session.is_open and not session.is_closed
            with pytest.raises(TypeError):
                pickle.dumps(session)
        assert "123456" not in repr(session) + repr(vars(session))
        assert repr(session) == "<dolphindb_fast.aio.Session synchronous, closed>"

    run(main())

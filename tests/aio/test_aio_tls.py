"""Encrypted asynchronous sessions."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest
from support import certificates
from support.recorder import FakeServer
from support.tls_proxy import TlsProxy
from support.waiting import until

import dolphindb_fast as ddb
from dolphindb_fast import aio

LARGE = pd.DataFrame({"a": np.arange(400_000), "b": np.arange(400_000) / 8})


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"), "server", "IP:127.0.0.1")


@pytest.mark.parametrize("scratch", [0, 1 << 16, 1 << 26])
def test_calls(run, address, server, pair, scratch):
    async def main(port):
        options = {"enableSSL": True, "caFile": str(pair.certificate), "maxScratch": scratch}
        async with aio.Session("127.0.0.1", port, *address[2:], **options) as session:
            assert await asyncio.gather(*(session.run(f"{i}+1") for i in range(200))) == list(range(1, 201))
            uploads = [session.upload({name: LARGE}) for name in ("x", "y")]
            await asyncio.gather(*uploads)
            for back in await asyncio.gather(session.run("x"), session.run("y")):
                pd.testing.assert_frame_equal(back, LARGE)

    with TlsProxy(certificates.server_context(pair), server.port) as proxy:
        run(main(proxy.port))


def test_stalled__receiver(run, pair):
    async def main(server, port):
        session = aio.Session(enableASYNC=True, enableSSL=True, caFile=str(pair.certificate))
        await session.connect("127.0.0.1", port)
        connection = server.connection()
        start = len(connection.received)
        connection.stall()
        calls = [asyncio.ensure_future(session.run("f", LARGE)) for _ in range(3)]
        await until(lambda: session._link.blocked)
        assert not calls[-1].done()
        connection.resume()
        await asyncio.gather(*calls)
        await session.close()
        connection.wait_closed()
        sent = bytes(connection.received)[start:]
        assert sent == sent[: len(sent) // 3] * 3 and sent.endswith(ddb.dumps(LARGE))

    with FakeServer(receive_buffer=8192) as server:
        with TlsProxy(certificates.server_context(pair), server.port, receive_buffer=8192) as proxy:
            run(main(server, proxy.port))


def test_connect__says_what_is_wrong(run, address, pair, tmp_path):
    other = certificates.make(tmp_path, "other", "IP:127.0.0.1")

    async def main(port):
        with pytest.raises(ddb.CertificateError):
            async with aio.Session("127.0.0.1", port, enableSSL=True, caFile=str(other.certificate)):
                pass
        with pytest.raises(ddb.ConnectError, match="TLS"):
            async with aio.Session(*address[:2], enableSSL=True, caFile=str(pair.certificate)):
                pass
        session = aio.Session(enableSSL=True)
        with pytest.warns(ddb.InsecureConnectionWarning):
            await session.connect("127.0.0.1", port)
        await session.close()
        with FakeServer(stalled=True) as silent:
            session = aio.Session(enableSSL=True, caFile=str(pair.certificate))
            with pytest.raises(ddb.ConnectError, match="does not answer the TLS handshake"):
                await session.connect("127.0.0.1", silent.port, writeTimeout=0.2)

    with FakeServer() as server, TlsProxy(certificates.server_context(pair), server.port) as proxy:
        run(main(proxy.port))

"""What a real server does, asked by ``dolphindb-fast probe``; the output is for whoever runs this (pytest -s)."""

from __future__ import annotations

import os

import pytest

from dolphindb_fast.__main__ import main


@pytest.mark.skipif(not os.environ.get("DOLPHINDB_FAST_SERVER"), reason="DOLPHINDB_FAST_SERVER is not set")
@pytest.mark.filterwarnings("default::dolphindb_fast.InsecureConnectionWarning")
def test_probe__finds_out_everything(server_address, capsys):
    arguments = ["--host", server_address.host, "--port", str(server_address.port)]
    login = ["--user", server_address.user, "--password", server_address.password]
    code = main(["probe", *arguments, *login])
    out, err = capsys.readouterr()
    with capsys.disabled():
        print("\n" + out + err)
    assert code == 0

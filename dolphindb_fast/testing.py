"""A DolphinDB server for tests: the pytest fixture ``dolphindb_server``.

pytest finds the fixture by itself where this package is installed with the extra ``local``. Each test that names it
gets a fresh `LocalServer`: a server in this process that speaks the wire protocol, keeps tables in memory and
understands a small part of the script language. It is no database; what it does not know it refuses by name. ::

    def test_ticks__arrive(dolphindb_server):
        dolphindb_server.run("share streamTable(1:0, `time`sym`price, [TIMESTAMP, SYMBOL, DOUBLE]) as ticks")
        send_ticks(dolphindb_server.host, dolphindb_server.port)       # the code under test
        dolphindb_server.wait_for_rows("ticks", 100)                   # asynchronous appends arrive later
        assert dolphindb_server.table("ticks")["price"].max() < 10     # a DataFrame
        assert dolphindb_server.failed_tasks == []                     # what nobody was told

Its settings are those of `LocalServer`: by a marker, of a test, a class or a module, the nearest one counts; or as
parameters, where a str is the order::

    @pytest.mark.dolphindb_server(order="shuffled", delay=0.01)
    def test_ticks__in_any_order(dolphindb_server): ...

    @pytest.mark.parametrize("dolphindb_server", ["sequential", "shuffled", "unanswered"], indirect=True)
    def test_ticks__in_each_order(dolphindb_server): ...

The vendor promises no order of asynchronous tasks: what fails with one of these does not hold of a DolphinDB server.
Failed asynchronous tasks are logged as warnings, too, which pytest shows with a test that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import NotSupported, UsageError

if TYPE_CHECKING:
    import pytest

    from .localserver import LocalServer

__all__ = ["requested_server"]


def requested_server(request: pytest.FixtureRequest) -> LocalServer:
    """The server, not started, that a test's marks and parameters ask for."""
    try:
        from .localserver import LocalServer
    except ModuleNotFoundError as error:
        if error.name != "lark":
            raise
        raise NotSupported("dolphindb_server needs the extra 'local', or: pip install lark") from None
    settings: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("dolphindb_server"))):
        if mark.args:
            raise UsageError(f"the marker dolphindb_server takes settings by name, such as order={mark.args[0]!r}")
        settings.update(mark.kwargs)
    parameter = getattr(request, "param", None)
    if isinstance(parameter, str):
        settings["order"] = parameter
    elif parameter is not None:
        settings.update(parameter)
    return LocalServer(**settings)

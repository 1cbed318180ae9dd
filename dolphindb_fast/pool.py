"""Several connections, and a thread for each of them."""

from __future__ import annotations

import os
import queue
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from . import settings as keys
from .errors import UsageError
from .reconnect import PERFORMANCE, Node, checked_address, least_loaded
from .session import Session

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["DBConnectionPool"]


class DBConnectionPool:
    """Synchronous sessions that carry out tasks side by side, each in a thread of its own.

    Parameters
    ----------
    host, port : str, int
    threadNum : int
        Connections, and threads.
    userid, password : str, optional
    loadBalance : bool
        Spread the connections over the data nodes of the cluster.
    highAvailability, reConnect, tryReconnectNums, usePublicName
        As `highAvailability`, `reconnect`, ... of `Session.connect`.
    compress, python, protocol, show_output, sqlStd, parser
        As of `Session`.

    Raises
    ------
    ConnectError, AuthenticationError
        A connection could not be made; none is left open.
    UsageError
        An argument that means nothing.

    Examples
    --------
    >>> pool = ddb.DBConnectionPool("localhost", 8848, 4, "admin", "123456")
    >>> future = pool.runTaskAsync("select count(*) from trades")
    >>> future.result()
    >>> pool.shutDown()
    """

    def __init__(
        self,
        host: str,
        port: int,
        threadNum: int = 10,
        userid: str | None = None,
        password: str | None = None,
        loadBalance: bool = False,
        highAvailability: bool = False,
        compress: bool = False,
        reConnect: bool = False,
        python: bool = False,
        protocol: int = keys.PROTOCOL_DEFAULT,
        *,
        show_output: bool = True,
        sqlStd: keys.SqlStd = keys.SqlStd.DolphinDB,
        tryReconnectNums: int | None = None,
        parser: keys.ParserType | str = keys.ParserType.Default,
        usePublicName: bool = False,
    ) -> None:
        self.shutdown_flag = True
        if isinstance(threadNum, bool) or not isinstance(threadNum, int) or threadNum < 1:
            raise UsageError(f"threadNum must be an int from 1 on, not {threadNum!r}")
        self.host: str | None = host
        self.port: int | None = port
        self.userid, self.protocol = userid or "", protocol
        self.taskId = 0
        self._process = os.getpid()
        self.mutex = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self._sessions: list[Session] = []
        nodes = [checked_address(host, port)]
        try:
            for number in range(threadNum):
                session = Session(
                    compress=compress,
                    python=python,
                    protocol=protocol,
                    show_output=show_output,
                    sqlStd=sqlStd,
                    parser=parser,
                )
                node = nodes[number % len(nodes)]
                session.connect(
                    node.host,
                    node.port,
                    userid,
                    password,
                    highAvailability=highAvailability,
                    reconnect=reConnect,
                    tryReconnectNums=tryReconnectNums,
                    usePublicName=usePublicName,
                )
                self._sessions.append(session)
                if number == 0 and loadBalance:
                    nodes = _data_nodes(session, usePublicName) or nodes
        except BaseException:
            _close(self._sessions)
            raise
        finally:
            # tracebacks may be shown with the values of variables
            del password
        self._idle: queue.SimpleQueue[Session] = queue.SimpleQueue()
        for session in self._sessions:
            self._idle.put(session)
        # not above: nobody else needs it, and it would be a tenth of what importing this package takes
        from concurrent.futures import ThreadPoolExecutor

        self._workers: list[int] = []
        self._executor = ThreadPoolExecutor(
            threadNum, "dolphindb-pool", lambda idents: idents.append(threading.get_ident()), (self._workers,)
        )
        self._tasks: dict[int, Future[Any]] = {}
        self.shutdown_flag = False

    def __del__(self) -> None:
        if not self.shutdown_flag:
            self.shutDown()

    def __enter__(self) -> DBConnectionPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutDown()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a DBConnectionPool holds connections and can't be pickled or copied")

    # -- tasks ----------------------------------------------------------------------------------------------

    async def run(
        self,
        script: str,
        *args: Any,
        clearMemory: bool | None = None,
        pickleTableToList: bool | None = None,
        priority: int | None = None,
        parallelism: int | None = None,
        disableDecimal: bool | None = None,
    ) -> Any:
        """Coroutine: `Session.run` on the next connection that is free.

        Parameters
        ----------
        script, *args, pickleTableToList, priority, parallelism, disableDecimal
            As of `Session.run`.
        clearMemory : bool, optional
            As of `Session.run`, but default True.

        Raises
        ------
        Exception
            As `Session.run`.
        """
        future = self._submit_run(
            script,
            *args,
            clearMemory=True if clearMemory is None else clearMemory,
            pickleTableToList=pickleTableToList,
            priority=priority,
            parallelism=parallelism,
            disableDecimal=disableDecimal,
        )
        import asyncio

        return await asyncio.wrap_future(future)

    def addTask(self, script: str, taskId: int, *args: Any, **kwargs: Any) -> None:
        """Give the pool a task of this number, for `isFinished` and `getData`.

        Parameters
        ----------
        script, *args, **kwargs
            As of `Session.run`.
        taskId : int
            A task of this number that was not fetched is forgotten.
        """
        self._tasks[taskId] = self._submit_run(script, *args, **kwargs)

    def isFinished(self, taskId: int) -> bool:
        """Whether a task of `addTask` has its result.

        Raises
        ------
        Exception
            The task failed: what `Session.run` raised.
        UsageError
            There is no such task, or its result was fetched.
        """
        future = self._task(taskId)
        if future.done() and future.exception() is not None:
            future.result()
        return bool(future.done())

    def getData(self, taskId: int) -> Any:
        """The result of a task of `addTask`, waited for; it can be had once.

        Raises
        ------
        Exception
            What `Session.run` raised.
        UsageError
            There is no such task, or its result was fetched.
        """
        future = self._task(taskId)
        try:
            return future.result()
        finally:
            self._tasks.pop(taskId, None)

    def _task(self, number: int) -> Future[Any]:
        try:
            return self._tasks[number]
        except KeyError:
            raise UsageError(f"Task [{number}] does not exist, the result may be fetched yet.") from None

    def runTaskAsync(self, script: str, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `run`, from code that is no coroutine.

        Returns
        -------
        concurrent.futures.Future
        """
        kwargs["clearMemory"] = True if kwargs.get("clearMemory") is None else kwargs["clearMemory"]
        return self._submit_run(script, *args, **kwargs)

    def runTaskAsyn(self, script: str, *args: Any, **kwargs: Any) -> Future[Any]:
        """Deprecated spelling of `runTaskAsync`."""
        warnings.warn(
            "The function 'runTaskAsyn' is deprecated. Please use 'runTaskAsync' instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.runTaskAsync(script, *args, **kwargs)

    def _submit_run(self, script: str, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._submit(lambda session: session.run(script, *args, **kwargs))

    def _submit(self, task: Callable[[Session], object]) -> Future[Any]:
        """Let a thread call `task` with a session that is its own meanwhile."""
        if self._process != os.getpid():
            raise UsageError("this DBConnectionPool was made by the parent of this process; make one of its own here")
        with self.mutex:
            if self.shutdown_flag:
                raise UsageError("DBConnectionPool has been shut down.")
            self.taskId += 1
            # nothing in a thread may keep the pool alive: its end waits for the threads
            return self._executor.submit(_carry_out, self._idle, task)

    # -- the pool -------------------------------------------------------------------------------------------

    def getSessionId(self) -> list[str]:
        """The session ids of the connections."""
        return [session.session_id for session in self._sessions]

    @property
    def size(self) -> int:
        """The number of connections."""
        return len(self._sessions)

    def is_shutdown(self) -> bool:
        """Whether `shutDown` was called."""
        with self.mutex:
            return self.shutdown_flag

    def shutDown(self) -> None:
        """Finish the tasks that are under way, drop those that wait, close the connections. May be called again."""
        if self._process != os.getpid():
            # a forked child has no thread of the pool, and may find the lock taken
            self.shutdown_flag = True
            _close(self._sessions)
            return
        with self.mutex:
            if self.shutdown_flag:
                return
            self.shutdown_flag = True
        self.host = self.port = None
        if threading.get_ident() in self._workers:
            # in what is called when a task is done: it can't wait for itself
            threading.Thread(target=_end, args=(self._executor, self._sessions)).start()
        else:
            _end(self._executor, self._sessions)
        if self.loop is not None and self.thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()
            self.loop = self.thread = None

    def startLoop(self) -> None:
        """Start an event loop in a thread: the attribute `loop`. Nothing here needs it."""
        if self.loop is not None:
            raise UsageError("Event loop is already started!")
        import asyncio

        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    async def stopLoop(self) -> None:
        """Coroutine: stop the loop of `startLoop`."""
        assert self.loop is not None, "startLoop was not called"
        self.loop.call_soon_threadsafe(self.loop.stop)


def _close(sessions: list[Session]) -> None:
    for session in sessions:
        session.close()


def _end(executor: ThreadPoolExecutor, sessions: list[Session]) -> None:
    executor.shutdown(wait=True, cancel_futures=True)
    _close(sessions)


def _carry_out(idle: queue.SimpleQueue[Session], task: Callable[[Session], object]) -> Any:
    # there are as many threads as sessions
    session = idle.get_nowait()
    try:
        return task(session)
    finally:
        idle.put(session)


def _data_nodes(session: Session, public_names: bool) -> list[Node]:
    """The data nodes of the session's cluster."""
    return least_loaded(session.run(PERFORMANCE, raw=True, lossless=False), None, public_names)[0]

"""Methods of Session that are a line of script with a name."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

import numpy as np

from .errors import NotSupported
from .session_part import SessionPart

__all__ = ["Database", "ScriptMethods", "month"]


def _database_name() -> str:
    return f"TMP_DB_{uuid.uuid4().hex[:8]}DB"


class month:  # noqa: N801  (the official name)
    """A month; ``str()`` makes its text.

    Parameters
    ----------
    year, month : int
    """

    def __init__(self, year: int, month: int) -> None:
        self._text = f"{year}-{month:02d}M"

    def __str__(self) -> str:
        return self._text


class Database:
    """A database handle on the server, as `Session.database` returns it.

    Its variable on the server has the name that was given to `Session.database`; scripts can use it.
    """

    def __init__(self, dbName: str, s: Any) -> None:
        self._name = dbName
        self._session = s

    def _getDbName(self) -> str:
        return self._name

    def createDimensionTable(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises `NotSupported`: it takes and returns tables of the query builder."""
        raise NotSupported(
            "Database.createTable and its kin take tables of the query builder, which is not part of "
            f'dolphindb_fast; run("{self._name}.createPartitionedTable(...)") does the same as a script'
        )

    createTable = createPartitionedTable = createDimensionTable


class ScriptMethods(SessionPart):
    """What a `session.Session` does by running a script."""

    def exec(
        self,
        script: str,
        *,
        clear_memory: bool = False,
        table_to_list: bool = False,
        priority: int = 4,
        parallelism: int = 64,
        fetch_size: int | None = None,
        disable_decimal: bool = False,
    ) -> Any:
        """Run a script: `run` without arguments, its options in another spelling."""
        return self._run_with(
            script, (), False, clear_memory, table_to_list, priority, parallelism, fetch_size, disable_decimal
        )

    def call(
        self,
        func: str,
        *args: Any,
        clear_memory: bool = False,
        table_to_list: bool = False,
        priority: int = 4,
        parallelism: int = 64,
        disable_decimal: bool = False,
    ) -> Any:
        """Call a function: `run` with arguments, or without any; its options in another spelling."""
        return self._run_with(
            func, args, True, clear_memory, table_to_list, priority, parallelism, None, disable_decimal
        )

    def runFile(self, filepath: str, *args: Any, **kwargs: Any) -> Any:
        """Run the script in a file of this machine, in the encoding of its locale.

        Parameters
        ----------
        filepath : str
        *args, **kwargs
            As of `run`.
        """
        with open(filepath) as file:
            script = file.read()
        return self.run(script, *args, **kwargs)

    def getInitScript(self) -> str:
        """The attribute `startup`."""
        return self.startup

    def setInitScript(self, script: str) -> None:
        """Set the attribute `startup`: what is run when the session connects again."""
        self.startup = script

    def existsDatabase(self, dbUrl: str) -> bool:
        """Whether there is a database of this path."""
        found: bool = self._answered(self.run(f"existsDatabase('{dbUrl}')", raw=False))
        return found

    def existsTable(self, dbUrl: str, tableName: str) -> bool:
        """Whether the database of this path has such a table."""
        found: bool = self._answered(self.run(f"existsTable('{dbUrl}','{tableName}')", raw=False))
        return found

    def dropDatabase(self, dbPath: str) -> None:
        """Delete a database."""
        self.run(f"dropDatabase('{dbPath}')")

    def dropPartition(self, dbPath: str, partitionPaths: str | list[str], tableName: str | None = None) -> None:
        """Delete partitions of a database.

        Parameters
        ----------
        dbPath : str
        partitionPaths : str or list of str
            Paths inside the database as the script has them: with their quotes.
        tableName : str, optional
            Default: the partitions of all tables.
        """
        name = _database_name()
        paths = ",".join(partitionPaths) if isinstance(partitionPaths, list) else partitionPaths
        self.run(f'{name} = database("{dbPath}")')
        table = f', "{tableName}"' if tableName else ""
        self.run(f"dropPartition({name}, [{paths}]{table})")
        self.run(f'undef("{name}")')

    def dropTable(self, dbPath: str, tableName: str) -> None:
        """Delete a table of a database."""
        name = _database_name()
        self.run(f'{name}=database("{dbPath}")')
        self.run(f'dropTable({name}, "{tableName}")')

    def undef(self, varName: str, varType: str) -> None:
        """Release a name.

        Parameters
        ----------
        varName : str
        varType : str
            "VAR" (variable), "SHARED" (shared variable) or "DEF" (function).
        """
        self.run(f'undef("{varName}", {varType})')

    def undefAll(self) -> None:
        """Release all names of this session."""
        self.run("undef all")

    def clearAllCache(self, dfs: bool = False) -> None:
        """Clear the caches of this node, with `dfs` of all nodes."""
        self.run("pnodeRun(clearAllCache)" if dfs else "clearAllCache()")

    def database(
        self,
        dbName: str | None = None,
        partitionType: int | None = None,
        partitions: Any = None,
        dbPath: str | None = None,
        engine: str | None = None,
        atomic: str | None = None,
        chunkGranularity: str | None = None,
    ) -> Database:
        """Create a database, or open it.

        Parameters
        ----------
        dbName : str, optional
            Name of the variable on the server; default a name of its own.
        partitionType : int, optional
            ``settings.VALUE``, ``RANGE``, ``LIST``, ``HASH``, ``COMPO``, ``SEQ``.
        partitions : list or ndarray, optional
            What the partitions are cut by; of numbers, texts, ``datetime64`` or `Database`.
        dbPath : str, optional
            Default: in memory.
        engine, atomic, chunkGranularity : str, optional
            "OLAP", "TSDB" or "PKEY"; "TRANS" or "CHUNK"; "TABLE" or "DATABASE", which only counts with
            ``Session(enableChunkGranularityConfig=True)``.
        """
        name = _database_name() if dbName is None else dbName
        script = f'{name}=database("{dbPath or ""}"'
        if partitionType:
            script += f",{partitionType},{self._partitions(partitions)}"
        if engine is not None:
            script += f",engine='{engine}'"
        if atomic is not None:
            script += f",atomic='{atomic}'"
        if self.enableChunkGranularityConfig and chunkGranularity is not None:
            script += f",chunkGranularity='{chunkGranularity}'"
        self.run(script + ")")
        return Database(name, self)

    def _partitions(self, partitions: Any) -> str:
        if partitions is None:
            return ""
        if isinstance(partitions[0], np.datetime64):
            return self.convertDatetime64(partitions)
        if isinstance(partitions[0], Database):
            return self.convertDatabase(partitions)
        if isinstance(partitions, np.ndarray) and isinstance(partitions[0], (np.ndarray, list)):
            return "[" + ",".join(map(self._partitions, partitions)) + "]"
        return str(partitions)

    def convertDatetime64(self, datetime64List: Any) -> str:
        """``datetime64`` values as a literal of the script language."""
        texts = [str(value) for value in datetime64List]
        if len(texts[0]) in (7, 10):
            # months and days
            return "[" + ",".join(text.replace("-", ".") + ("M" if len(text) == 7 else "") for text in texts) + "]"
        rest = {13: ":00:00", 16: ":00"}
        literals = [text.replace("-", ".").replace("T", " ") + rest.get(len(text), "") for text in texts]
        return f"datehour([{','.join(literals)}])"

    def convertDatabase(self, databaseList: Any) -> str:
        """`Database` objects as a literal of the script language."""
        return "[" + ",".join(database._getDbName() for database in databaseList) + "]"

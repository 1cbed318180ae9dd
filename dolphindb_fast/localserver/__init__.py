"""A small server that speaks the DolphinDB wire protocol and keeps tables in memory.

For demonstrations and tests, where no DolphinDB server is at hand. It is no database: nothing is
stored on disk, partition schemes are only remembered, there is no access control beyond passwords,
and what it does not know it refuses by name. Needs the extra ``local`` (``lark``)::

    from dolphindb_fast.localserver import LocalServer

    with LocalServer() as server:
        session.connect(server.host, server.port, "admin", "123456")
        session.run("share streamTable(1:0, `time`price, [TIMESTAMP, DOUBLE]) as trades")
        session.run("tableInsert{trades}", frame)
        server.table("trades")              # a DataFrame

The script language's subset
----------------------------

Statements: ``name = expression``; ``if (...) ... else ...``; ``def name(x, mutable y, z=1) {...}`` and
``def name(x): expression``; ``return``; ``throw``; ``try {...} catch(name) {...}``; ``share table as name``;
``undef all``; ``//`` and ``/* */`` comments; statements end with a line or a ``;``.

Expressions: numbers with their suffixes (``1l``, ``1.5f``, ``00i``), ``true``, ``NULL``, ``"text"``,
``'text'``, `` `a ``, `` `a`b ``, dates and times (``2020.01.01T12:30:00.123``, ``12:30m``, ``2020.01M``),
vectors ``[1, 2]`` and ``1 2 3``, tuples ``(1, `a)``, pairs ``5:0``, sequences ``1..5``, ``+ - * / \\ %``,
``== != < <= > >=``, ``&& || and or not``, calls, method calls, partial application ``f{x}`` and
``f{, x}``, lambdas ``def(x): x + 1``, ``table.column``, ``vector[i]``, type constants (``INT``), and
queries::

    select | exec   * | column | expression [as name] | count(*) | sum, avg, min, max, count
    from table      [where condition, condition ...]

Functions::

    addFunctionView(udf)                          login(userId, password, [encrypted])
    append!(obj, newData)                         logout()
    avg(X)                                        max(X)
    clearAllCache()                               min(X)
    cols(X)                                       print(*X)
    count(X)                                      replaceColumn!(table, colName, newCol)
    createPartitionedTable(dbHandle, table,       rows(X)
        tableName, [partitionColumns])            schema(table)
    database(directory, [partitionType],          size(X)
        [partitionScheme], [locations],           streamTable(X, *X)
        [engine])                                 sum(X)
    dropDatabase(dbUrl)                           table(X, *X)
    dropFunctionView(name)                        tableInsert(table, *data)
    dropTable(dbHandle, tableName)                typestr(X)
    existsDatabase(dbUrl)                         undef(obj, [objType])
    existsTable(dbUrl, tableName)                 version()
    getRequiredAPIVersion()
    isNodeInitialized()                           casts: bool char short int long float double string
    loadTable(database, tableName)                symbol date month time minute second datetime
                                                  timestamp nanotime nanotimestamp datehour

Own rules
---------

* ``share`` and ``addFunctionView`` replace what had the name: the same scripts can run again and again.
* ``append!`` as the last thing of a script or as the called function has no value (the whole table would
  be sent otherwise); ``tableInsert`` has the row count.
* A parameter of a function can only be changed if it is ``mutable``; functions see shared tables, but no
  session variables.
* Asynchronous requests run in the order in which their connection sent them, and are never answered; their
  errors are listed in ``LocalServer.failed_tasks`` and logged as warnings by ``dolphindb_fast.localserver``.
* Appends count columns by position and convert as `dolphindb_fast.localserver.conversion` lists:

    from                           into                          how
    -----------------------------  ----------------------------  ---------------------------------------
    a type                         the same type                 as it is
    CHAR, SHORT, INT, LONG         CHAR, SHORT, INT, LONG        range checked
    CHAR, SHORT, INT, LONG         FLOAT, DOUBLE                 rounded
    FLOAT, DOUBLE                  FLOAT, DOUBLE                 rounded, range checked
    DATE, MONTH, DATEHOUR,         DATE, MONTH, DATEHOUR,        same point in time; a coarser type
    DATETIME, TIMESTAMP,           DATETIME, TIMESTAMP,          takes the beginning of its unit (floor),
    NANOTIMESTAMP                  NANOTIMESTAMP                 range checked
    MINUTE, SECOND, TIME,          MINUTE, SECOND, TIME,         same time of day, floor
    NANOTIME                       NANOTIME
    STRING, SYMBOL                 STRING, SYMBOL                same text
    anything else                                                refused, naming both types

The official client's appender and writer classes keep Python's interpreter lock while they wait for a
reply; with them the server must run in another process (``dolphindb-fast serve``).
"""

from __future__ import annotations

from .server import FailedTask, LocalServer

__all__ = ["FailedTask", "LocalServer"]

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
``f{, x}``, lambdas ``def(x): x + 1``, ``table.column``, ``vector[i]``, ``dictionary[key]``, ``matrix[column]``,
types (``INT``, ``DECIMAL64(2)``, ``UUID``, ``INT[]``, ``DECIMAL32(3)[]``), and queries::

    select | exec   [top n]   * | column | expression [as name] | count(*) | sum, avg, min, max, first, ...
    from table      [where condition, condition ...]   [group by column, ...]
                    [order by column [asc | desc], ...]   [limit n]

Functions::

    addFunctionView(udf)                          logout()
    append!(obj, newData)                         matrix(X, *X)
    array(dataType, [initialSize])                max(X)
    arrayVector(index, value)                     min(X)
    avg(X)                                        point(X, Y)
    clearAllCache()                               print(*X)
    cols(X)                                       replaceColumn!(table, colName, newCol)
    complex(X, Y)                                 row(X, index)
    count(X)                                      rows(X)
    createPartitionedTable(dbHandle, table,       schema(table)
        tableName, [partitionColumns])            set(X)
    database(directory, [partitionType],          size(X)
        [partitionScheme], [locations],           streamTable(X, *X)
        [engine])                                 sum(X)
    dict(keyObj, valueObj)                        table(X, *X)
    dropDatabase(dbUrl)                           tableInsert(table, *data)
    dropFunctionView(name)                        type(X)
    dropTable(dbHandle, tableName)                typestr(X)
    existsDatabase(dbUrl)                         undef(obj, [objType])
    existsTable(dbUrl, tableName)                 upsert!(obj, newData, [ignoreNull], [keyColNames],
    first(X)                                          [sortColumns])
    form(X)                                       values(X)
    getRequiredAPIVersion()                       version()
    isNodeInitialized()                           casts: bool char short int long float double string symbol
    keyedTable(keyColumns, X, *X)                     blob date month time minute second datetime timestamp
    keys(X)                                           nanotime nanotimestamp datehour uuid ipaddr int128
    last(X)                                           decimal32(X, scale) decimal64(X, scale)
    loadTable(database, tableName)                    decimal128(X, scale)
    login(userId, password, [encrypted])          types: DECIMAL32(scale) DECIMAL64(scale) DECIMAL128(scale)

Tables hold columns of every type of the wire, ANY and array vectors included; variables hold every form. COMPLEX,
POINT, DURATION and DATEMINUTE are stored and returned, compared for equality, and little else.

Own rules
---------

* ``share`` and ``addFunctionView`` replace what had the name: the same scripts can run again and again.
* ``append!`` and ``upsert!`` as the last thing of a script or as the called function have no value (the whole
  table would be sent otherwise); ``tableInsert`` has the row count.
* A parameter of a function can only be changed if it is ``mutable``; functions see shared tables, but no
  session variables.
* Asynchronous requests are never answered; their errors are listed in ``LocalServer.failed_tasks`` and logged as
  warnings by ``dolphindb_fast.localserver``. They run in the order in which their connection sent them, unless
  ``LocalServer(order=...)`` asks for another one.
* A reply in blocks (``fetchSize``) is cut into tables of that many rows, at least one.
* Groups come in the order of their first rows; a column that is grouped by is not repeated among the items.
* A row of a keyed table is replaced where it stands by a later one with the same keys; ``upsert!`` does so by any
  columns, and sorts the whole table by its ``sortColumns``.
* Appends count columns by position and convert as `dolphindb_fast.localserver.conversion` lists:

    from                           into                          how
    -----------------------------  ----------------------------  ---------------------------------------
    a type                         the same type                 as it is
    CHAR, SHORT, INT, LONG         CHAR, SHORT, INT, LONG        range checked
    CHAR, SHORT, INT, LONG         FLOAT, DOUBLE                 rounded
    FLOAT, DOUBLE                  FLOAT, DOUBLE                 rounded, range checked
    DATE, MONTH, DATEHOUR,         DATE, MONTH, DATEHOUR,        same point in time; a coarser type
    DATEMINUTE, DATETIME,          DATEMINUTE, DATETIME,         takes the beginning of its unit (floor),
    TIMESTAMP, NANOTIMESTAMP       TIMESTAMP, NANOTIMESTAMP      range checked
    MINUTE, SECOND, TIME,          MINUTE, SECOND, TIME,         same time of day, floor
    NANOTIME                       NANOTIME
    STRING, SYMBOL                 STRING, SYMBOL                same text
    DECIMAL32, DECIMAL64,          DECIMAL32, DECIMAL64,         same value, rounded half away from zero to
    DECIMAL128                     DECIMAL128                    the scale of the target, range checked
    array vectors of a type above  array vectors                 as their elements
    VOID                           any type                      NULL
    anything else                                                refused, naming both types

For tests
---------

::

    server.table("trades"), server.rows("trades")           what arrived
    server.wait_for_rows("trades", 100)                     until asynchronous appends have arrived
    server.counters, server.open_connections                what happened, and who is connected
    server.failed_tasks                                     requests that ended in an error
    server.refuse("tableInsert", "<NotLeader>host:8849")    the next such request gets this error
    server.answer("isNodeInitialized", False)               the next such request gets this value
    with server.paused(): ...                               no request runs meanwhile
    LocalServer(delay=0.5)                                  each request waits that long before it runs
    LocalServer(order="shuffled")                           asynchronous tasks of a connection in any order
    LocalServer(order="unanswered")                         nothing is answered on an asynchronous connection

The official client's appender and writer classes keep Python's interpreter lock while they wait for a
reply; with them the server must run in another process (``dolphindb-fast serve``).
"""

from __future__ import annotations

from .server import ORDERS, FailedTask, LocalServer

__all__ = ["ORDERS", "FailedTask", "LocalServer"]

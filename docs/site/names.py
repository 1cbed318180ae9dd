"""The names of the official client 3.0.6.1, and what became of each; the tests compare them with the installed one."""

from __future__ import annotations

import re

from types_table import table

from dolphindb_fast import refused, settings

#: owner -> its public names; classes that are not here have no entry
OFFICIAL = {
    "dolphindb": """
        AutoFitTableAppender AutoFitTableUpserter BatchTableWriter BlockReader ConnectionConfig ConnectionSetting
        Counter DBConnection DBConnectionPool Database FilterCond MultithreadedTableWriter
        MultithreadedTableWriterStatus MultithreadedTableWriterThreadStatus PartitionedTableAppender Session
        SimpleDBConnectionPool SimpleDBConnectionPoolConfig StreamDeserializer StreamingClient StreamingClientConfig
        SubscriptionConfig Table
        TableAppender TableContextby TableDelete TableGroupby TablePivotBy TableUpdate TableUpserter ThreadPooledClient
        ThreadPooledStreamingClientConfig ThreadedClient ThreadedStreamingClientConfig Vector __version__ avg cep corr
        count covar cummax cummin cumprod cumsum eachPre first global_config io last logger max min month name prod
        session set_dtypes_for_arrow settings size std streamDeserializer sum sum2 tableAppender tableUpsert var wavg
        wsum
    """,
    "Session": """
        call clearAllCache close connect convertDatabase convertDatetime64 database dropDatabase dropPartition dropTable
        enableChunkGranularityConfig enableJobCancellation enableStreaming exec existsDatabase existsTable getInitScript
        getSessionId getSubscriptionTopics hashBucket host isClosed is_alive is_busy is_closed keep_alive_time loadTable
        loadTableBySQL loadText loadTextEx login msg_logger ploadText port run runFile saveTable session_id
        setInitScript setTimeout startup subscribe table undef undefAll unsubscribe upload
    """,
    "BlockReader": "hasNext has_next read skipAll skip_all",
    "Database": "createDimensionTable createPartitionedTable createTable",
    "TableAppender": "append",
    "TableUpserter": "upsert",
    "PartitionedTableAppender": "append",
    "BatchTableWriter": "addTable getAllStatus getStatus getUnwrittenData insert removeTable",
    "MultithreadedTableWriter": "getStatus getUnwrittenData insert insertUnwrittenData waitForThreadCompletion",
    "MultithreadedTableWriterStatus": "hasError succeed update",
    "DBConnectionPool": """
        addTask getData getSessionId isFinished is_shutdown run runTaskAsyn runTaskAsync shutDown startLoop stopLoop
    """,
    "SimpleDBConnectionPool": "acquire active_count close_idle idle_count is_shutdown release shutdown total_count",
    "DBConnection": """
        call close connect exec host is_alive is_busy is_closed login msg_logger port run session_id startup upload
    """,
    "io": "dump dumps load loads",
    "global_config": "enable_job_cancellation tcp",
}
OFFICIAL = {owner: names.split() for owner, names in OFFICIAL.items()}

#: names of the official `settings` that are not here
SETTINGS_NOT_HERE = "DATA_CATEGORY DATA_SIZE DBNAN DDB_EPSILON VERBOSE getCategory get_verbose set_verbose".split()

#: modules whose names have another place here
MODULES = {
    "io": {
        "dumps": ("same", "as `ddb.dumps`"),
        "loads": ("different", "as `ddb.loads`: it refuses what is no object, and has the results that `run` has"),
        "dump": ("not here", "`file.write(ddb.dumps(obj))`"),
        "load": ("not here", "`ddb.loads(file.read())`"),
    },
    "global_config": {
        "tcp": ("not here", "`Session.setTimeout`, and the arguments of `connect`"),
        "enable_job_cancellation": ("not here", "cancelling jobs by Ctrl-C"),
    },
}

#: what is different about a name that is here
DIFFERENT = {
    "dolphindb": {
        "Session": "same arguments, further ones by keyword; see below",
        "Database": "a handle; it creates no tables",
        "MultithreadedTableWriter": "a bounded queue; `append` takes frames; further arguments by keyword",
        "name": 'is "dolphindb_fast"',
        "__version__": "of this package",
        "settings": "see [below](#settings)",
    },
    "Session": {
        "connect": "raises where the official one returns False; one connection in asynchronous mode; "
        "`retryWrites` by keyword",
        "run": "`lossless` and `raw` by keyword; in acknowledged mode it returns a `Submission`",
        "close": "never waits",
        "upload": "in acknowledged mode it returns a `Submission`",
        "is_alive": "of an asynchronous session: False once an error was seen; it sends nothing",
        "setTimeout": "0 means for ever",
        "database": "returns a handle that creates no tables",
        "startup": "runs once for each connection",
    },
    "TableAppender": {"append": "by name, if the names are the table's; all columns are cast"},
    "TableUpserter": {"upsert": "by name, if the names are the table's; all columns are cast"},
    "MultithreadedTableWriter": {
        "insert": "waits while `maxRows` are in the queue, or as `whenFull` says",
        "getUnwrittenData": "its attribute `uncertain` counts rows that may be in the table",
        "getStatus": "further counters",
    },
    "DBConnectionPool": {
        "run": "looks for nothing every 10 ms: it is woken",
        "getData": "waits for a task that is under way",
    },
    "Database": {
        name: "raises `NotSupported`: tables of the query builder; `run` takes the call as a script"
        for name in ("createDimensionTable", "createPartitionedTable", "createTable")
    },
}

#: members that are not here, of classes that are
MEMBERS_NOT_HERE = {"MultithreadedTableWriterStatus": {"update": "fills the object, for the official writer"}}


def render(owner: str) -> str:
    """The table of one owner's names."""
    if owner == "settings":
        here = len([name for name in dir(settings) if name.isupper()])
        return (
            f"All {here} constants, `SqlStd`, `ParserType` and `default_protocol` are here with the same numbers. Not "
            "here: " + ", ".join(f"`{name}`" for name in SETTINGS_NOT_HERE) + "."
        )
    reasons = {"dolphindb": refused.MODULE, "Session": refused.SESSION}.get(owner, {})
    if owner in MODULES:
        return table(("name", "", ""), [(f"`{owner}.{name}`", *MODULES[owner][name]) for name in OFFICIAL[owner]])
    rows = [(f"`{name}`", *verdict(owner, name)) for name in OFFICIAL[owner] if name not in reasons]
    # what is not here, by reason
    for reason in dict.fromkeys(reasons.values()):
        names = [name for name in OFFICIAL[owner] if reasons.get(name) == reason]
        if names:
            rows.append((" ".join(f"`{name}`" for name in names), *refusal(reason, names)))
    return table(("name", "", ""), rows)


def render_classes() -> str:
    """The members of the other classes that are here."""
    rows = []
    for owner, names in OFFICIAL.items():
        if owner in ("dolphindb", "Session") or owner in refused.MODULE:
            continue
        for said in dict.fromkeys(verdict(owner, name) for name in names):
            members = " ".join(f"`{name}`" for name in names if verdict(owner, name) == said)
            rows.append((f"`{owner}`", members, *said))
    return table(("class", "members", "", ""), rows)


def verdict(owner: str, name: str) -> tuple[str, str]:
    """ "same" or "different" and how, of a name that is here."""
    if name in DIFFERENT.get(owner, {}):
        return "different", DIFFERENT[owner][name]
    if name in MEMBERS_NOT_HERE.get(owner, {}):
        return "not here", MEMBERS_NOT_HERE[owner][name]
    return "same", ""


def refusal(reason: str, names: list[str]) -> tuple[str, str]:
    later = {**refused.LATER, **refused.SESSION_LATER}
    said = re.sub(r"^\((.*?)\) is (?=not)", r"\1: ", reason)
    if names[0] in MODULES:
        said += "; see [below](#io-global_config)"
    return ("not yet" if later.get(names[0]) == reason else "not here").replace(" ", "\N{NO-BREAK SPACE}"), said

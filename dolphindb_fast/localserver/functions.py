"""The built-in functions about sessions, tables and databases, and the constants beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import settings as keys
from ..column import WIRE_DTYPES, Column, Dictionary, Table
from . import (
    arithmetic,
    value_functions,  # noqa: F401  (declares the rest of the functions)
)
from .failures import ScriptError, refused
from .forms import reply_value
from .interpreter import UserFunction
from .registry import BUILTINS, builtin, signatures
from .render import rendered
from .tables import Database, MemoryTable
from .vectors import (
    BYTES,
    DECIMALS,
    FALSE,
    INTEGRAL,
    TEXT,
    TRUE,
    VOID,
    boolean,
    column_of,
    element,
    element_type,
    integer,
    null_of,
    repeat,
    text,
    text_value,
    texts,
    type_name,
)
from .wide import kind_of_type

if TYPE_CHECKING:
    from .interpreter import Session

__all__ = ["BUILTINS", "CONSTANTS", "signatures"]

#: type names, partition schemes and kinds of objects: numbers, as in the language
CONSTANTS = {type_name(t): integer(t) for t in (*WIRE_DTYPES, *BYTES, keys.DT_ANY)}
CONSTANTS |= {name: integer(getattr(keys, name)) for name in ("SEQ", "VALUE", "RANGE", "LIST", "COMPO", "HASH")}
CONSTANTS |= {"VAR": text("VAR"), "SHARED": text("SHARED"), "DEF": text("DEF")}
CONSTANTS |= {"true": TRUE, "false": FALSE, "NULL": VOID}


def _table(value: Any, what: str) -> MemoryTable:
    if isinstance(value, MemoryTable):
        return value
    raise ScriptError(f"{what} must be a table")


# session ----------------------------------------------------------------------------------------


@builtin("login(userId, password, [encrypted])")
def login(session: Session, user: Any, password: Any, encrypted: Any = None) -> None:
    if encrypted is not None and arithmetic.is_true(encrypted):
        raise refused("an encrypted login")
    name = text_value(user, "login: userId")
    session.workspace.check_password(name, text_value(password, "login: password"))
    session.user = name


@builtin("logout()")
def logout(session: Session) -> None:
    session.user = "guest"


@builtin("version()")
def version(session: Session) -> Any:
    return text("dolphindb_fast local server (not a DolphinDB server)")


@builtin("isNodeInitialized()")
def is_node_initialized(session: Session) -> Any:
    return TRUE


@builtin("getRequiredAPIVersion()")
def get_required_api_version(session: Session) -> None:
    return None


@builtin("clearAllCache()")
def clear_all_cache(session: Session) -> None:
    return None


@builtin("print(*X)")
def print_(session: Session, *values: Any) -> None:
    for value in values:
        session.printed.append(rendered(reply_value(value)))


@builtin("undef(obj, [objType])")
def undef(session: Session, obj: Any, kind: Any = None) -> None:
    wanted = "VAR" if kind is None else text_value(kind, "undef: objType").upper()
    scopes = {"VAR": session.variables, "SHARED": session.workspace.shared, "DEF": session.functions}
    if wanted not in scopes:
        raise refused(f"undef of {wanted}")
    if not isinstance(obj, Column) or obj.type not in TEXT:
        raise ScriptError("undef: the object must be given by name, as a string")
    for name in obj.strings():
        # a definition in use as `(def ...){t}` has no name to forget
        if scopes[wanted].pop(name, None) is None and wanted != "DEF":
            raise ScriptError(f"undef: '{name}' is not defined")


@builtin("addFunctionView(udf)")
def add_function_view(session: Session, function: Any) -> None:
    if not isinstance(function, UserFunction) or not function.name:
        raise ScriptError("addFunctionView: a function with a name is needed")
    session.workspace.views[function.name] = function


@builtin("dropFunctionView(name)")
def drop_function_view(session: Session, name: Any) -> None:
    name = name.name if isinstance(name, UserFunction) else text_value(name, "dropFunctionView: name")
    if session.workspace.views.pop(name, None) is None:
        raise ScriptError(f"The function view '{name}' does not exist")


# tables -----------------------------------------------------------------------------------------


def _made_table(arguments: Any, kind: Any, key_columns: Any = ()) -> Any:
    first = arguments[0].value
    if isinstance(first, Column) and first.form == keys.DF_PAIR:
        if len(arguments) != 3:
            raise ScriptError("table: capacity:size goes with names and types")
        return _empty_table(first, arguments[1].value, arguments[2].value, kind, key_columns)
    names, columns = [], []
    for position, argument in enumerate(arguments):
        value = argument.value
        if not isinstance(value, Column) or value.form == keys.DF_PAIR:
            raise refused("a table from anything but vectors")
        names.append(argument.name or f"C{position}")
        columns.append(value)
    lengths = {len(c) for c in columns if c.form != keys.DF_SCALAR}
    if len(lengths) > 1:
        raise ScriptError("table: the columns must be equally long")
    rows = lengths.pop() if lengths else 1
    made = Table(names, [repeat(c, rows) if c.form == keys.DF_SCALAR else c for c in columns])
    if not key_columns:
        return MemoryTable.of(made, kind=kind)
    scales = [c.scale for c in made.columns]
    keyed = MemoryTable(names, [c.type for c in made.columns], scales, kind=kind, key_columns=key_columns)
    keyed.append(made.columns)
    return keyed


def _empty_table(capacity: Any, names: Any, types: Any, kind: Any, key_columns: Any) -> MemoryTable:
    if capacity.type not in INTEGRAL or capacity.data[1] != 0:
        raise refused("a table that begins with rows (capacity:size with a size other than 0)")
    if not isinstance(names, Column) or names.type not in TEXT:
        raise ScriptError("table: the column names must be strings")
    if isinstance(types, Column) and types.type in TEXT:
        numbers = {name: number for number, name in keys.TYPE_STRING.items()}
        kinds = [(numbers.get(name.upper(), -1), 0) for name in types.strings()]
    elif isinstance(types, Column) and types.type in INTEGRAL:
        kinds = [kind_of_type(number) for number in types.data.tolist()]
    else:
        raise ScriptError("table: the column types must be type constants such as INT")
    types, scales = [t for t, _ in kinds], [scale for _, scale in kinds]
    return MemoryTable(names.strings(), types, scales, kind=kind, key_columns=key_columns)


@builtin("table(X, *X)", labelled=True)
def table(session: Session, *arguments: Any) -> Any:
    return _made_table(arguments, "IN-MEMORY TABLE")


@builtin("streamTable(X, *X)", labelled=True)
def stream_table(session: Session, *arguments: Any) -> Any:
    return _made_table(arguments, "REALTIME TABLE")


@builtin("keyedTable(keyColumns, X, *X)", labelled=True)
def keyed_table(session: Session, key_columns: Any, *arguments: Any) -> Any:
    names = _names(key_columns.value, "keyedTable: keyColumns")
    return _made_table(arguments, "IN-MEMORY KEYED TABLE", names)


def _names(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, Column) or value.type not in TEXT or not len(value):
        raise ScriptError(f"{what} must be column names")
    return tuple(value.strings())


def _columns_of(value: Any) -> list[Column]:
    """The columns of appended data: of a table, a dictionary's values, or a tuple of vectors."""
    if isinstance(value, MemoryTable):
        return value.snapshot().columns
    if isinstance(value, Column) and value.type == keys.DT_ANY:
        columns: list[Column] = value.data
    elif isinstance(value, Column):
        columns = [value]
    else:
        raise ScriptError("only a table, vectors or scalars can be appended")
    if not all(isinstance(c, Column) for c in columns):
        raise ScriptError("only a table, vectors or scalars can be appended")
    return columns


def _appended(session: Session, store: Any, columns: Any) -> int:
    """Hand the columns to `store`, scalars repeated; the number of rows."""
    rows = max((len(c) for c in columns if c.form != keys.DF_SCALAR), default=1)
    columns = [repeat(c, rows) if c.form == keys.DF_SCALAR and rows != 1 else c for c in columns]
    count: int = store(columns)
    session.counters.rows += count
    return count


@builtin("tableInsert(table, *data)")
def table_insert(session: Session, target: Any, *data: Any) -> Any:
    target = _table(target, "tableInsert: the first argument")
    if not data:
        raise ScriptError("tableInsert: the data are missing")
    if len(data) == 1 and isinstance(data[0], Dictionary):
        columns = _by_name(target, data[0])
    elif len(data) == 1:
        columns = _columns_of(data[0])
    else:
        columns = [c for value in data for c in _columns_of(value)]
    return integer(_appended(session, target.append, columns))


def _by_name(target: MemoryTable, given: Dictionary) -> list[Column]:
    if given.keys.type not in TEXT:
        raise ScriptError("tableInsert: the keys of the dictionary must be column names")
    names = given.keys.strings()
    if sorted(names) != sorted(target.names):
        raise ScriptError("tableInsert: the keys of the dictionary must be the column names")
    if given.values.type == keys.DT_ANY:
        values = dict(zip(names, given.values.data, strict=True))
        if not all(isinstance(v, Column) for v in values.values()):
            raise ScriptError("only vectors or scalars can be appended")
    else:
        values = {name: element(given.values, i) for i, name in enumerate(names)}
    return [values[name] for name in target.names]


@builtin("append!(obj, newData)")
def append(session: Session, target: Any, data: Any) -> Any:
    if isinstance(target, Column):
        raise refused("append! to a vector")
    target = _table(target, "append!: the first argument")
    if not isinstance(data, MemoryTable):
        raise ScriptError("append!: the new data must be a table")
    _appended(session, target.append, data.snapshot().columns)
    return target


@builtin("upsert!(obj, newData, [ignoreNull], [keyColNames], [sortColumns])")
def upsert(
    session: Session, target: Any, data: Any, ignore_null: Any = None, key_columns: Any = None, sort_columns: Any = None
) -> Any:
    target = _table(target, "upsert!: the first argument")
    if not isinstance(data, MemoryTable):
        raise ScriptError("upsert!: the new data must be a table")
    names = target.key_columns if key_columns is None else _names(key_columns, "upsert!: keyColNames")
    ignore_null = ignore_null is not None and arithmetic.is_true(ignore_null)
    order = () if sort_columns is None else _names(sort_columns, "upsert!: sortColumns")
    _appended(session, lambda columns: target.upsert(columns, names, ignore_null, order), data.snapshot().columns)
    return target


@builtin("replaceColumn!(table, colName, newCol)")
def replace_column(session: Session, target: Any, name: Any, column: Any) -> Any:
    target = _table(target, "replaceColumn!: the first argument")
    if not isinstance(column, Column):
        raise ScriptError("replaceColumn!: the new column must be a vector")
    if column.form == keys.DF_SCALAR:
        column = repeat(column, len(target))
    target.replace_column(text_value(name, "replaceColumn!: colName"), column)
    return target


@builtin("schema(table)")
def schema(session: Session, target: Any) -> Dictionary:
    if isinstance(target, Database):
        raise refused("schema of a database")
    target = _table(target, "schema: the argument")
    kinds = list(zip(target.types, target.scales, strict=True))
    definitions = Table(
        ["name", "typeString", "typeInt", "comment", "extra"],
        [
            texts(target.names),
            texts([type_name(*kind) for kind in kinds]),
            column_of(keys.DT_INT, [t for t, _ in kinds]),
            texts([""] * len(kinds)),
            column_of(keys.DT_INT, [scale if _has_scale(t) else null_of(keys.DT_INT) for t, scale in kinds]),
        ],
    )
    members = {"colDefs": definitions, **_partitioning(target), "rows": integer(len(target))}
    return Dictionary(texts(list(members)), Column(keys.DT_ANY, list(members.values())))


def _partitioning(target: MemoryTable) -> dict[Any, Any]:
    """What ``schema`` says of partitions."""
    members = {"partitionColumnName": text(target.partition_column)}
    base = target.database
    if base is None or not target.partition_column or not isinstance(base.scheme, Column):
        return members
    scheme = base.scheme
    kind = _values_of(scheme).type
    if base.kind == keys.HASH:
        # as it is written: type and number of buckets
        kind, scheme = int(scheme.data[0]), integer(int(scheme.data[1]))
    return {
        **members,
        "partitionColumnIndex": integer(target.names.index(target.partition_column)),
        "partitionColumnType": integer(kind),
        "partitionType": integer(base.kind),
        "partitionSchema": scheme,
    }


def _values_of(scheme: Column) -> Column:
    """The values of a partition scheme, of lists of them the first list."""
    return scheme.data[0] if scheme.type == keys.DT_ANY else scheme


def _has_scale(type_id: int) -> bool:
    return type_id in DECIMALS or element_type(type_id) in DECIMALS


# databases --------------------------------------------------------------------------------------


def _database(session: Session, value: Any) -> Database:
    if isinstance(value, Database):
        return value
    path = text_value(value, "the database")
    if path not in session.workspace.databases:
        raise ScriptError(f"database {path} does not exist")
    return session.workspace.databases[path]


@builtin("database(directory, [partitionType], [partitionScheme], [locations], [engine])")
def database(
    session: Session,
    directory: Any,
    scheme: Any = None,
    partitions: Any = None,
    locations: Any = None,
    engine: Any = None,
) -> Any:
    path = text_value(directory, "database: directory")
    if not Database.is_path(path):
        raise refused(f"a database outside dfs:// ('{path}')")
    known = session.workspace.databases.get(path)
    if known is not None:
        return known
    if scheme is None:
        raise ScriptError(f"database {path} does not exist; a new one needs a partition type")
    if not isinstance(scheme, Column) or scheme.type not in INTEGRAL:
        raise ScriptError("database: partitionType must be VALUE, RANGE, LIST, HASH or COMPO")
    return session.workspace.databases.setdefault(path, Database(path, int(scheme.data[0]), partitions))


@builtin("existsDatabase(dbUrl)")
def exists_database(session: Session, path: Any) -> Any:
    return boolean(text_value(path, "existsDatabase: dbUrl") in session.workspace.databases)


@builtin("dropDatabase(dbUrl)")
def drop_database(session: Session, value: Any) -> None:
    del session.workspace.databases[_database(session, value).path]


@builtin("createPartitionedTable(dbHandle, table, tableName, [partitionColumns])")
def create_partitioned_table(
    session: Session, handle: Any, schema_table: Any, name: Any, partition_columns: Any = None
) -> Any:
    base = _table(schema_table, "createPartitionedTable: table")
    column = ""
    if partition_columns is not None:
        if not isinstance(partition_columns, Column) or partition_columns.type not in TEXT:
            raise ScriptError("createPartitionedTable: partitionColumns must be names")
        if len(partition_columns) != 1:
            raise refused("a table with several partition columns")
        column = partition_columns.strings()[0]
    return _database(session, handle).create(text_value(name, "createPartitionedTable: tableName"), base, column)


@builtin("loadTable(database, tableName)")
def load_table(session: Session, handle: Any, name: Any) -> Any:
    return _database(session, handle).table(text_value(name, "loadTable: tableName"))


@builtin("existsTable(dbUrl, tableName)")
def exists_table(session: Session, handle: Any, name: Any) -> Any:
    path = handle.path if isinstance(handle, Database) else text_value(handle, "existsTable: dbUrl")
    known = session.workspace.databases.get(path)
    return boolean(known is not None and text_value(name, "existsTable: tableName") in known.tables)


@builtin("dropTable(dbHandle, tableName)")
def drop_table(session: Session, handle: Any, name: Any) -> None:
    base = _database(session, handle)
    wanted = text_value(name, "dropTable: tableName")
    base.table(wanted)
    base.tables.pop(wanted, None)

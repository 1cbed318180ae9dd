"""The built-in functions of the subset, and the constants beside them.

A function is declared with its signature as the manual writes it: ``[x]`` may be left out, ``*x``
takes any number. `signatures` lists them all.
"""

from __future__ import annotations

from .. import settings as keys
from ..column import Column, Dictionary, Table
from . import arithmetic
from .conversion import STORABLE, cast
from .failures import ScriptError, refused
from .interpreter import Builtin, UserFunction
from .render import rendered
from .tables import Database, MemoryTable
from .vectors import (
    FALSE,
    INTEGRAL,
    TEXT,
    TRUE,
    VOID,
    boolean,
    column_of,
    element,
    integer,
    null_of,
    repeat,
    scalar,
    text,
    text_value,
    texts,
    type_name,
)

__all__ = ["BUILTINS", "CONSTANTS", "signatures"]

BUILTINS: dict[str, Builtin] = {}

#: type names, partition schemes and kinds of objects: numbers, as in the language
CONSTANTS = {type_name(t): integer(t) for t in (*STORABLE, keys.DT_ANY)}
CONSTANTS |= {
    name: integer(getattr(keys, name)) for name in ("SEQ", "VALUE", "RANGE", "LIST", "COMPO", "HASH")
}
CONSTANTS |= {"VAR": text("VAR"), "SHARED": text("SHARED"), "DEF": text("DEF")}
CONSTANTS |= {"true": TRUE, "false": FALSE, "NULL": VOID}

_SIGNATURES: list[str] = []


def builtin(signature: str, *, labelled=False):
    """Declare a function of the subset by its signature, such as ``size(X)``."""
    name, _, inside = signature[:-1].partition("(")
    words = [w.strip() for w in inside.split(",") if w.strip()]
    rest = bool(words) and words[-1].startswith("*")
    fixed = words[:-1] if rest else words
    parameters = tuple(w.strip("[]") for w in fixed)
    required = sum(not w.startswith("[") for w in fixed)

    def declare(implementation):
        BUILTINS[name] = Builtin(name, implementation, parameters, required, rest, labelled)
        _SIGNATURES.append(signature)
        return implementation

    return declare


def signatures() -> list[str]:
    """The signatures of all functions of the subset, in order of name."""
    return sorted(_SIGNATURES, key=str.lower)


def _table(value, what: str) -> MemoryTable:
    if isinstance(value, MemoryTable):
        return value
    raise ScriptError(f"{what} must be a table")


# session ----------------------------------------------------------------------------------------


@builtin("login(userId, password, [encrypted])")
def login(session, user, password, encrypted=None):
    if encrypted is not None and arithmetic.is_true(encrypted):
        raise refused("an encrypted login")
    name = text_value(user, "login: userId")
    session.workspace.check_password(name, text_value(password, "login: password"))
    session.user = name


@builtin("logout()")
def logout(session):
    session.user = "guest"


@builtin("version()")
def version(session):
    return text("dolphindb_fast local server (not a DolphinDB server)")


@builtin("isNodeInitialized()")
def is_node_initialized(session):
    return TRUE


@builtin("getRequiredAPIVersion()")
def get_required_api_version(session):
    return None


@builtin("clearAllCache()")
def clear_all_cache(session):
    return None


@builtin("print(*X)")
def print_(session, *values):
    for value in values:
        session.printed.append(rendered(value))


@builtin("undef(obj, [objType])")
def undef(session, obj, kind=None):
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
def add_function_view(session, function):
    if not isinstance(function, UserFunction) or not function.name:
        raise ScriptError("addFunctionView: a function with a name is needed")
    session.workspace.views[function.name] = function


@builtin("dropFunctionView(name)")
def drop_function_view(session, name):
    name = name.name if isinstance(name, UserFunction) else text_value(name, "dropFunctionView: name")
    if session.workspace.views.pop(name, None) is None:
        raise ScriptError(f"The function view '{name}' does not exist")


# tables -----------------------------------------------------------------------------------------


def _made_table(arguments, kind):
    first = arguments[0].value
    if isinstance(first, Column) and first.form == keys.DF_PAIR:
        if len(arguments) != 3:
            raise ScriptError("table: capacity:size goes with names and types")
        return _empty_table(first, arguments[1].value, arguments[2].value, kind)
    names, columns = [], []
    for position, argument in enumerate(arguments):
        value = argument.value
        if not isinstance(value, Column) or value.form == keys.DF_PAIR or value.type == keys.DT_ANY:
            raise refused("a table from anything but vectors")
        names.append(argument.name or f"C{position}")
        columns.append(value)
    lengths = {len(c) for c in columns if c.form != keys.DF_SCALAR}
    if len(lengths) > 1:
        raise ScriptError("table: the columns must be equally long")
    rows = lengths.pop() if lengths else 1
    made = [repeat(c, rows) if c.form == keys.DF_SCALAR else c for c in columns]
    return MemoryTable.of(Table(names, made), kind=kind)


def _empty_table(capacity, names, types, kind):
    if capacity.type not in INTEGRAL or capacity.data[1] != 0:
        raise refused("a table that begins with rows (capacity:size with a size other than 0)")
    if not isinstance(names, Column) or names.type not in TEXT:
        raise ScriptError("table: the column names must be strings")
    if isinstance(types, Column) and types.type in TEXT:
        numbers = {name: number for number, name in keys.TYPE_STRING.items()}
        types = [numbers.get(name.upper(), -1) for name in types.strings()]
    elif isinstance(types, Column) and types.type in INTEGRAL:
        types = types.data.tolist()
    else:
        raise ScriptError("table: the column types must be type constants such as INT")
    return MemoryTable(names.strings(), types, kind=kind)


@builtin("table(X, *X)", labelled=True)
def table(session, *arguments):
    return _made_table(arguments, "IN-MEMORY TABLE")


@builtin("streamTable(X, *X)", labelled=True)
def stream_table(session, *arguments):
    return _made_table(arguments, "REALTIME TABLE")


def _columns_of(value) -> list[Column]:
    """The columns of appended data: of a table, a dictionary's values, or a tuple of vectors."""
    if isinstance(value, MemoryTable):
        return value.snapshot().columns
    if isinstance(value, Column) and value.type == keys.DT_ANY:
        columns = value.data
    elif isinstance(value, Column):
        columns = [value]
    else:
        raise ScriptError("only a table, vectors or scalars can be appended")
    if not all(isinstance(c, Column) for c in columns):
        raise ScriptError("only a table, vectors or scalars can be appended")
    return columns


def _appended(session, target, columns) -> int:
    rows = max((len(c) for c in columns if c.form != keys.DF_SCALAR), default=1)
    columns = [repeat(c, rows) if c.form == keys.DF_SCALAR and rows != 1 else c for c in columns]
    count = target.append(columns)
    session.counters.rows += count
    return count


@builtin("tableInsert(table, *data)")
def table_insert(session, target, *data):
    target = _table(target, "tableInsert: the first argument")
    if not data:
        raise ScriptError("tableInsert: the data are missing")
    if len(data) == 1 and isinstance(data[0], Dictionary):
        columns = _by_name(target, data[0])
    elif len(data) == 1:
        columns = _columns_of(data[0])
    else:
        columns = [c for value in data for c in _columns_of(value)]
    return integer(_appended(session, target, columns))


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
def append(session, target, data):
    if isinstance(target, Column):
        raise refused("append! to a vector")
    target = _table(target, "append!: the first argument")
    if not isinstance(data, MemoryTable):
        raise ScriptError("append!: the new data must be a table")
    _appended(session, target, data.snapshot().columns)
    return target


@builtin("replaceColumn!(table, colName, newCol)")
def replace_column(session, target, name, column):
    target = _table(target, "replaceColumn!: the first argument")
    if not isinstance(column, Column):
        raise ScriptError("replaceColumn!: the new column must be a vector")
    if column.form == keys.DF_SCALAR:
        column = repeat(column, len(target))
    target.replace_column(text_value(name, "replaceColumn!: colName"), column)
    return target


@builtin("schema(table)")
def schema(session, target):
    if isinstance(target, Database):
        raise refused("schema of a database")
    target = _table(target, "schema: the argument")
    types = target.types
    definitions = Table(
        ["name", "typeString", "typeInt", "comment"],
        [
            texts(target.names),
            texts([type_name(t) for t in types]),
            column_of(keys.DT_INT, types),
            texts([""] * len(types)),
        ],
    )
    return Dictionary(
        texts(["colDefs", "partitionColumnName", "rows"]),
        Column(
            keys.DT_ANY,
            [definitions, text(target.partition_column), integer(len(target))],
        ),
    )


# databases --------------------------------------------------------------------------------------


def _database(session, value) -> Database:
    if isinstance(value, Database):
        return value
    path = text_value(value, "the database")
    if path not in session.workspace.databases:
        raise ScriptError(f"database {path} does not exist")
    return session.workspace.databases[path]


@builtin("database(directory, [partitionType], [partitionScheme], [locations], [engine])")
def database(session, directory, scheme=None, partitions=None, locations=None, engine=None):
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
    return session.workspace.databases.setdefault(path, Database(path, int(scheme.data[0])))


@builtin("existsDatabase(dbUrl)")
def exists_database(session, path):
    return boolean(text_value(path, "existsDatabase: dbUrl") in session.workspace.databases)


@builtin("dropDatabase(dbUrl)")
def drop_database(session, value):
    del session.workspace.databases[_database(session, value).path]


@builtin("createPartitionedTable(dbHandle, table, tableName, [partitionColumns])")
def create_partitioned_table(session, handle, schema_table, name, partition_columns=None):
    base = _table(schema_table, "createPartitionedTable: table")
    column = ""
    if partition_columns is not None:
        if not isinstance(partition_columns, Column) or partition_columns.type not in TEXT:
            raise ScriptError("createPartitionedTable: partitionColumns must be names")
        if len(partition_columns) != 1:
            raise refused("a table with several partition columns")
        column = partition_columns.strings()[0]
    return _database(session, handle).create(
        text_value(name, "createPartitionedTable: tableName"), base, column
    )


@builtin("loadTable(database, tableName)")
def load_table(session, handle, name):
    return _database(session, handle).table(text_value(name, "loadTable: tableName"))


@builtin("existsTable(dbUrl, tableName)")
def exists_table(session, handle, name):
    path = handle.path if isinstance(handle, Database) else text_value(handle, "existsTable: dbUrl")
    known = session.workspace.databases.get(path)
    return boolean(known is not None and text_value(name, "existsTable: tableName") in known.tables)


@builtin("dropTable(dbHandle, tableName)")
def drop_table(session, handle, name):
    base = _database(session, handle)
    wanted = text_value(name, "dropTable: tableName")
    base.table(wanted)
    base.tables.pop(wanted, None)


# values -----------------------------------------------------------------------------------------


@builtin("typestr(X)")
def typestr(session, value):
    if isinstance(value, MemoryTable):
        return text(value.kind)
    if isinstance(value, Dictionary):
        return text(f"{type_name(value.keys.type)}->{type_name(value.values.type)} DICTIONARY")
    if isinstance(value, Database):
        return text("HANDLE")
    if not isinstance(value, Column):
        return text("FUNCTIONDEF" if value is not None else "VOID")
    name = type_name(value.type)
    if value.form == keys.DF_SCALAR:
        return text(name)
    if value.form == keys.DF_PAIR:
        return text(f"{name} PAIR")
    fast = "" if value.type in (*TEXT, keys.DT_ANY) else "FAST "
    return text(f"{fast}{name} VECTOR")


def _rows(value) -> int:
    if isinstance(value, (Column, MemoryTable, Dictionary)):
        return len(value)
    raise ScriptError("this value has no size")


@builtin("size(X)")
def size(session, value):
    return integer(_rows(value))


@builtin("rows(X)")
def rows_(session, value):
    return integer(_rows(value))


@builtin("cols(X)")
def cols(session, value):
    return integer(len(value.names) if isinstance(value, MemoryTable) else 1)


def _declare_aggregate(name, compute):
    @builtin(f"{name}(X)")
    def aggregate(session, value):
        if isinstance(value, MemoryTable):
            if name == "count":
                return integer(len(value))
            raise refused(f"{name} of a table")
        return compute(value)


for _name, _compute in arithmetic.AGGREGATES.items():
    _declare_aggregate(_name, _compute)


def _declare_cast(name, target):
    @builtin(f"{name}([X])")
    def convert(session, value=None):
        if value is None:
            return _null(target)
        if not isinstance(value, Column):
            raise ScriptError(f"{name}: a scalar or a vector is needed")
        if target == keys.DT_SYMBOL and value.form == keys.DF_SCALAR:
            raise ScriptError("symbol: a vector is needed")
        return cast(value, target)


def _null(target):
    return text("") if target in TEXT else scalar(target, null_of(target))


for _target in STORABLE:
    _declare_cast(type_name(_target).lower(), _target)

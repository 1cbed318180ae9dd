# Tables that are made of arrays, without pandas.

@cython.final
cdef class Columns(_Described):
    """Named columns of equal length, as `table` made them: an argument for `run`, `upload` and `dumps`."""

    cdef readonly list names
    cdef readonly list values

    def __init__(self, names, values):
        self.names = list(names)
        self.values = [as_column(name, column) for name, column in zip(self.names, values, strict=True)]
        if not self.names:
            raise UsageError("a table needs at least one column")
        rows = len(self.values[0])
        for name, column in zip(self.names, self.values):
            if len(column) != rows:
                raise UsageError(f"column {name!r} has {len(column)} rows, but {self.names[0]!r} has {rows}")

    def __len__(self):
        return len(self.values[0])

    def __repr__(self):
        return f"<Columns {len(self)} x {len(self.names)}: {', '.join(map(str, self.names))}>"

    cdef str describe(self, int column):
        dtype = getattr(self.values[column], "dtype", "")
        return f"column {self.names[column]!r} (number {column}, dtype {dtype})"

    cdef object cell(self, int column, int64_t row):
        return self.values[column][row]


cdef object as_column(object name, object values):
    """The values of one column as an array of one dimension or a pandas extension array; of a list, its objects."""
    if is_series(values):
        values = values if isinstance(values, ExtensionArray) else values.array
        return np.asarray(values) if isinstance(values, NumpyExtensionArray) else values
    if PyList_Check(values) or PyTuple_Check(values):
        return np.fromiter(values, dtype=object, count=len(values))
    if not cnp.PyArray_Check(values) or cnp.PyArray_NDIM(values) != 1:
        kind = f"an array of {values.ndim} dimensions" if cnp.PyArray_Check(values) else type_of(values)
        raise UsageError(f"column {name!r} must be a list, tuple, Series or array of one dimension, not {kind}")
    return np.asarray(values)


def table(data):
    """A table from what is no frame: an argument for `run`, `upload` and `dumps`, without a detour through pandas.

    Nothing is copied or converted before it is sent. Types are those that the columns of a frame have; arrays of numpy
    besides may be ``datetime64`` of days, months, hours and minutes (DATE, MONTH, DATEHOUR, DATETIME) and text (``U``:
    STRING, ``S``: BLOB). Other types are asked for with ``typed(table(data), {...})``.

    Parameters
    ----------
    data : dict, structured ndarray or list of dict
        A dict of column names and lists, tuples, Series or arrays of one dimension and equal length; an array with
        named fields; or a list of rows, each a dict: what is missing in a row is NULL, columns are in order of first
        appearance.

    Returns
    -------
    Columns

    Raises
    ------
    UsageError
        `data` is none of these, has no column, or columns of unequal length.

    Examples
    --------
    >>> session.run("tableInsert{trades}", ddb.table({"sym": ["A", "B"], "price": np.array([1.5, 2.5])}))
    """
    if isinstance(data, dict):
        return Columns(data.keys(), data.values())
    if cnp.PyArray_Check(data):
        names = data.dtype.names
        if names is None or data.ndim != 1:
            raise UsageError("table needs an array of one dimension with named fields; give others names in a dict")
        return Columns(names, [data[name] for name in names])
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise UsageError(
            f"table needs a dict of columns, an array with named fields or a list of dicts, not {type_of(data)}")
    names = dict.fromkeys(name for row in data for name in row)
    return Columns(names, [[row.get(name) for row in data] for name in names])


cdef Columns arranged_columns(Columns table, Target target):
    """Columns that stand for the target's as those of a frame do."""
    cdef Columns fitted
    if table.names == list(target.names):
        return table
    places = arranged(table.names, target)
    if places is None and not are_names(table.names):
        return table
    fitted = Columns.__new__(Columns)
    fitted.names = list(target.names)
    fitted.values = table.values if places is None else [table.values[place] for place in places]
    return fitted


cdef int put_columns(Encoder self, Columns table, object types) except -1:
    cdef Py_ssize_t i, count = len(table.names), rows = len(table)
    cdef list forced = None, methods
    self.target = -1
    self.error.column = -1
    if isinstance(types, Target):
        table = arranged_columns(table, types)
    self.frame = table
    if types:
        forced = named_types(table.names, types)
    put_table_head(self, table.names, count, rows)
    methods = take_methods(self, table.names, count)
    for i in range(count):
        self.error.column = <int>i
        put_packed(self, methods[i], put_plain_column, table.values[i], rows, None if forced is None else forced[i])
    self.rows += rows
    self.settle()
    self.frame = None
    self.error.column = -1
    return 0


cdef int put_plain_column(Encoder self, object values, Py_ssize_t rows, object spec) except -1:
    """As a column of a frame; arrays of types that no frame has as they are sent by themselves."""
    cdef int kind
    cdef cnp.ndarray array
    if cnp.PyArray_Check(values):
        array = values
        kind = array.descr.kind
        if kind == c'M' and not datetime_rules[max(array_unit(array), 0)].known or kind in b"UST":
            if spec is None:
                return put_ndarray(self, array)
            values = array.astype("datetime64[s]") if kind == c'M' else array.astype(object)
    return put_series_column(self, values, rows, spec)

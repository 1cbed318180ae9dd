# Frame -> borrowed columns: the only compiled file that knows pandas.
#
# The fields of pandas that are not public are listed in _frame_fields.pxi.
# Arrow-backed text is otherwise reached through pyarrow's public `chunk`, `buffers`, `size` and `address`;
# pyarrow is imported when the first such column comes.

import decimal
import logging

import pandas as pd

cdef object DataFrame = pd.DataFrame
cdef object Categorical = pd.Categorical
cdef object DatetimeArray = pd.arrays.DatetimeArray
cdef object DatetimeTZDtype = pd.DatetimeTZDtype
cdef object Index = pd.Index
cdef object NumpyExtensionArray = getattr(pd.arrays, "NumpyExtensionArray", None) or pd.arrays.PandasArray
cdef object StringArray = pd.arrays.StringArray
cdef object ArrowStringArray = getattr(pd.arrays, "ArrowStringArray", None)
cdef object ArrowDtype = getattr(pd, "ArrowDtype", None)
cdef object StringDtype = pd.StringDtype
cdef object NA = pd.NA
cdef object NaT = pd.NaT
cdef object Decimal = decimal.Decimal
cdef object numpy_dtype = np.dtype
cdef object Timestamp = pd.Timestamp
cdef object ExtensionArray = pd.api.extensions.ExtensionArray
cdef tuple series_types = (pd.Series, pd.Index, ExtensionArray)

cdef extern from "Python.h":
    int PySlice_Check(object where)
    int PySlice_Unpack(object where, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t *step) except -1

cdef extern from *:
    """
    /* PySlice_Unpack for a slice of three small ints, as pandas makes them: 15 instructions instead of 270. */
    static inline int read_slice(PyObject *where, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t *step)
    {
        PySliceObject *slice = (PySliceObject *)where;
        if (!PyLong_CheckExact(slice->start) || !PyLong_CheckExact(slice->stop) || !PyLong_CheckExact(slice->step))
            return PySlice_Unpack(where, start, stop, step);
        *start = PyLong_AsSsize_t(slice->start);
        *stop = PyLong_AsSsize_t(slice->stop);
        *step = PyLong_AsSsize_t(slice->step);
        return PyErr_Occurred() ? -1 : 0;
    }
    """
    int read_slice(object where, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t *step) except -1

cdef extern from "numpy/arrayobject.h":
    void *PyDataType_C_METADATA(cnp.dtype descr)
    ctypedef struct PyArray_DatetimeMetaData:
        int base
        int num
    ctypedef struct PyArray_DatetimeDTypeMetaData:
        PyArray_DatetimeMetaData meta

ctypedef struct rule:
    bint known
    int conversion
    int type

# by dtype kind and cell size: rules[rule_index(kind, size)]
cdef rule number_rules[5 * 9]
cdef rule datetime_rules[16]

# source of a column, decided once a block
cdef enum source_kind:
    SOURCE_NUMBERS    # fixed-width cells in a numpy array
    SOURCE_OBJECTS    # Python objects in a numpy array, whose type is found by looking
    SOURCE_TEXT       # Python objects that are text or null
    SOURCE_OTHER      # an extension array that is looked at as a whole

ctypedef struct block_source:
    bint resolved
    source_kind kind
    const char *data
    ptrdiff_t column_stride
    ptrdiff_t row_stride
    Py_ssize_t columns
    Py_ssize_t rows
    rule rule
    bint swap


cdef inline int rule_index(int kind, Py_ssize_t size) noexcept:
    cdef int row = 0 if kind == c'b' else 1 if kind == c'i' else 2 if kind == c'u' else 3 if kind == c'f' else 4
    return row * 9 + <int>size if size <= 8 else 4 * 9


cdef dict conversions = {
    "COPY8": DDB_CONV_COPY8, "COPY16": DDB_CONV_COPY16, "COPY32": DDB_CONV_COPY32, "COPY64": DDB_CONV_COPY64,
    "F32_FLOAT": DDB_CONV_F32_FLOAT, "F64_DOUBLE": DDB_CONV_F64_DOUBLE, "U8_SHORT": DDB_CONV_U8_SHORT,
    "U16_INT": DDB_CONV_U16_INT, "U32_LONG": DDB_CONV_U32_LONG, "U64_LONG": DDB_CONV_U64_LONG,
    "I64S_DATETIME": DDB_CONV_I64S_DATETIME, "I64US_NANOTIMESTAMP": DDB_CONV_I64US_NANOTIMESTAMP,
}


cdef int compile_rules() except -1:
    """Fill the tables from dtypes.RULES."""
    cdef rule entry
    cdef dict types = {name: number for number, name in keys.TYPE_STRING.items()}
    cdef cnp.ndarray sample
    memset(number_rules, 0, sizeof(number_rules))
    memset(datetime_rules, 0, sizeof(datetime_rules))
    for source, target, conversion, _ in RULES:
        sample = np.empty(0, dtype=source)
        entry.known = True
        entry.conversion = conversions[conversion]
        entry.type = types[target]
        if sample.dtype.kind == "M":
            datetime_rules[(<PyArray_DatetimeDTypeMetaData *>PyDataType_C_METADATA(sample.dtype)).meta.base] = entry
        else:
            number_rules[rule_index(ord(sample.dtype.kind), sample.dtype.itemsize)] = entry
    return 0


compile_rules()


cdef inline bint is_frame(object obj):
    return type(obj) is DataFrame or isinstance(obj, DataFrame)


cdef bint is_null(object cell):
    """What the official client takes for a null among objects, and None."""
    if cell is None or cell is NA or cell is NaT:
        return True
    return PyFloat_Check(cell) and PyFloat_AS_DOUBLE(cell) != PyFloat_AS_DOUBLE(cell)


cdef str describe_column(object frame, int column):
    if frame is None:
        return f"column {column}"
    if isinstance(frame, Target):
        return f"column {frame.names[column]!r} (number {column})"
    if isinstance(frame, _Described):
        return (<_Described>frame).describe(column)
    return f"column {frame.columns[column]!r} (number {column}, dtype {frame.dtypes.iloc[column]})"


cdef str describe_value(object frame, int column, int64_t row):
    """": value ..." of a cell, as far as it can be had."""
    if frame is None or column < 0 or row < 0:
        return ""
    try:
        value = (<_Described>frame).cell(column, row) if isinstance(frame, _Described) else frame.iloc[row, column]
        text = ascii(value)
    except Exception:
        return ""
    return f": {text if len(text) <= 80 else text[:77] + '...'} ({type(value).__name__})"


cdef int put_frame_columns(Encoder self, object frame, dict types) except -1:
    """All columns; `types` are those that `typed` was given, or None."""
    cdef list forced = None
    if type(frame) is DataFrame:
        if types is not None or "__DolphinDB_Type__" in <dict>PyObject_GenericGetDict(frame, NULL):
            forced = forced_types(frame, types)
        if frame_is_fast and self.methods is None:
            return put_blocks(self, frame, forced)
    else:
        forced = forced_types(frame, types)
    return put_series(self, frame, forced)


# -- the two ways to the columns ------------------------------------------------------------------------------

cdef enum:
    # Up to so many columns the blocks say themselves where their columns are, while pandas' own tables do not exist:
    # it makes them when a column is first asked for, which takes 7 us and never happens to a frame that is only sent.
    FEW_COLUMNS = 64


cdef struct placement:
    Py_ssize_t number   # block
    Py_ssize_t place    # row of its values


cdef Py_ssize_t read_placements(tuple blocks, placement *columns) except -2:
    """Where each column is, from the blocks; returns their number, -1 if there are more than FEW_COLUMNS."""
    cdef Py_ssize_t number, place, column, count = 0
    cdef Py_ssize_t start = 0, stop, step = 1, length
    cdef bint regular
    for column in range(FEW_COLUMNS):
        columns[column].number = -1
    for number in range(len(blocks)):
        where = read_field(&INDEXER, read_field(&MGR_LOCS, blocks[number]))
        regular = PySlice_Check(where)
        if regular:
            read_slice(where, &start, &stop, &step)
            if start < 0 or step < 1 or stop > FEW_COLUMNS:
                return -1
            length = (stop - start + step - 1) // step
        else:
            length = len(where)
        for place in range(length):
            column = start + place * step if regular else where[place]
            if not 0 <= column < FEW_COLUMNS or columns[column].number >= 0:
                return -1
            columns[column].number = number
            columns[column].place = place
            count += 1
    for column in range(count):
        if columns[column].number < 0:
            return -1
    return count


cdef int put_blocks(Encoder self, object frame, list forced) except -1:
    """Through the block manager: no Python object is made for a numeric column."""
    cdef object manager = (<dict>PyObject_GenericGetDict(frame, NULL))["_mgr"]
    cdef tuple blocks = read_field(&BLOCKS, manager)
    cdef cnp.ndarray numbers, places
    cdef Py_ssize_t i, count = -1, block_count = len(blocks)
    cdef Py_ssize_t rows = -1
    cdef placement few[FEW_COLUMNS]
    cdef placement at
    cdef block_source few_sources[16]
    cdef block_source *sources = few_sources
    cdef block_source *source
    made = read_field(&BLKNOS, manager)
    if made is None:
        count = read_placements(blocks, few)
    if count < 0:
        numbers = manager.blknos if made is None else made
        places = read_field(&BLKLOCS, manager)
        count = numbers.shape[0]
        if cnp.PyArray_TYPE(numbers) != cnp.NPY_INTP or cnp.PyArray_TYPE(places) != cnp.NPY_INTP \
                or places.shape[0] != count:
            return put_series(self, frame, forced)
    else:
        numbers = places = None
    if block_count > 16:
        sources = <block_source *>PyMem_Malloc(block_count * sizeof(block_source))
        if sources == NULL:
            raise MemoryError()
    memset(sources, 0, block_count * sizeof(block_source))
    try:
        if count == 0:
            put_table_head(self, None, 0, 0)
        for i in range(count):
            if numbers is None:
                at = few[i]
            else:
                at.number = (<Py_ssize_t *>cnp.PyArray_GETPTR1(numbers, i))[0]
                at.place = (<Py_ssize_t *>cnp.PyArray_GETPTR1(places, i))[0]
            if at.number < 0 or at.number >= block_count:
                raise ConversionError("the frame's block table points outside its blocks")
            source = &sources[at.number]
            if not source.resolved:
                self.error.column = <int>i
                resolve(self, read_field(&VALUES, blocks[at.number]), source)
            if i == 0:
                # a RangeIndex knows its length only in Python: the first block says it sooner
                rows = source.rows if source.kind != SOURCE_OTHER else len(read_field(&VALUES, blocks[at.number]))
                self.error.column = -1
                put_table_head(self, (<list>read_field(&AXES, manager))[0], count, rows)
            self.error.column = <int>i
            if forced is not None and forced[i] is not None:
                put_forced(self, source, at.place, rows, read_field(&VALUES, blocks[at.number]), <tuple>forced[i])
                continue
            put_source(self, source, at.place, rows,
                       read_field(&VALUES, blocks[at.number]) if source.kind == SOURCE_OTHER else None)
    finally:
        if sources != few_sources:
            PyMem_Free(sources)
    self.rows += rows
    return 0


cdef int put_series(Encoder self, object frame, list forced) except -1:
    """Through public methods, a Series a column."""
    cdef Py_ssize_t i, rows = len(frame), count = len(frame.columns)
    cdef list methods
    put_table_head(self, frame.columns, count, rows)
    methods = take_methods(self, frame.columns, count)
    for i in range(count):
        self.error.column = <int>i
        values = frame.iloc[:, i].array
        if type(values) is NumpyExtensionArray:   # not text, which is derived from it
            values = np.asarray(values)   # to_numpy of pandas 2.0 looks for NULLs first: 43 ms for 1,000,000 objects
        put_packed(self, methods[i], put_series_column, values, rows, None if forced is None else forced[i])
    self.rows += rows
    return 0


cdef int put_series_column(Encoder self, object values, Py_ssize_t rows, object spec) except -1:
    """One column from the array of a Series; `spec` is its type as `read_spec` yields it, or None."""
    cdef block_source source
    memset(&source, 0, sizeof(source))
    resolve(self, values, &source)
    if spec is not None:
        return put_forced(self, &source, 0, rows, values, <tuple>spec)
    return put_source(self, &source, 0, rows, values)


cdef int put_table_head(Encoder self, object names, Py_ssize_t count, Py_ssize_t rows) except -1:
    cdef uint8_t head[11]
    cdef int32_t counts[2]
    if count == 0:
        self.refuse_type("a frame without columns can't be sent: a table has at least one column")
    check_rows(self, rows)
    # type, form, rows, columns, and the empty name of the table
    memset(head, 0, 11)
    head[1] = DDB_FORM_TABLE
    counts[0] = <int32_t>rows
    counts[1] = <int32_t>count
    memcpy(head + 2, counts, 8)
    self.put(head, 11)
    self.symbol_bases = 0
    return put_names(self, names, count)


cdef int put_names(Encoder self, object names, Py_ssize_t count) except -1:
    """Column names, each with its NUL, from an Index, a list or Arrow data."""
    cdef size_t start = self.request.out.size
    if type(names) is Index and put_plain_names(self, names._data, count) \
            and (names_are_unique(self.request.out.data + start, self.request.out.size - start, count)
                 if self.fitted is None else self.are_fitted(start)):
        return 0
    if self.fitted is not None:
        raise _Misnamed()
    if isinstance(names, _ArrowData):
        if put_field_names(self, names, count):
            return 0
        names = [(<_ArrowData>names).name(<int>i) for i in range(count)]
    self.request.out.size = start
    return put_any_names(self, names)


cdef bint names_are_unique(const uint8_t *names, size_t size, Py_ssize_t count) except? 0:
    cdef uint32_t few[64]
    cdef uint32_t *table = few
    cdef size_t entries = ddb_names_table(count)
    cdef bint unique
    if entries > 64:
        table = <uint32_t *>PyMem_Malloc(entries * sizeof(uint32_t))
        if table == NULL:
            raise MemoryError()
    unique = ddb_names_unique(names, size, count, table)
    if table != few:
        PyMem_Free(table)
    return unique


cdef int put_plain_names(Encoder self, object data, Py_ssize_t count) except -1:
    """Names that are str without NUL, in any of the arrays that an Index has. 0: they are not, see put_any_names."""
    cdef PyObject *cell
    cdef cnp.ndarray array
    cdef Py_ssize_t i
    cdef size_t start = self.request.out.size
    cdef uint8_t *target
    cdef int64_t size
    if type(data) is StringArray:
        data = read_field(&NDARRAY, data)
    elif not cnp.PyArray_Check(data):
        return put_arrow_names(self, data, count)
    array = data
    if array.descr.kind != c'O' or cnp.PyArray_NDIM(array) != 1 or array.shape[0] != count:
        return 0
    for i in range(count):
        cell = (<PyObject **>cnp.PyArray_GETPTR1(array, i))[0]
        if cell == NULL or not cell_is_str(cell):
            return 0
        target = reserve(&self.request.out, text_room(<object>cell))
        size = write_text(<object>cell, target)
        if size < 0 or size > DDB_LIMIT_TEXT:
            return 0
        target[size] = 0
        self.request.out.size += size + 1
    return self.kernels.count_zeros(self.request.out.data + start, self.request.out.size - start) == count


cdef int put_any_names(Encoder self, object names) except -1:
    """Any names; says what is wrong with them."""
    cdef set seen = set()
    if getattr(names, "nlevels", 1) != 1:
        raise UnsupportedTypeError(
            f"{self.where(-1)}columns with several levels can't be sent; flatten the names first")
    for name in names:
        if not isinstance(name, str):
            raise UnsupportedTypeError(
                f"{self.where(-1)}column names must be str, but {name!r} is {type(name).__name__}; "
                "rename with df.columns = df.columns.astype(str)")
        if "\0" in name:
            raise ValueRefused(f"{self.where(-1)}column name {name!r} holds a NUL character")
        try:
            encoded = name.encode()
        except UnicodeEncodeError:
            raise ValueRefused(f"{self.where(-1)}column name {ascii(name)} holds a lone surrogate") from None
        if encoded in seen:
            raise ValueRefused(f"{self.where(-1)}column names must be unique, but {name!r} is repeated")
        seen.add(encoded)
        self.put_bytes(encoded)
        self.put(b"\x00", 1)
    return 0


# -- columns --------------------------------------------------------------------------------------------------

cdef int resolve(Encoder self, object values, block_source *source) except -1:
    """Decide what the values of a block or Series are; keeps them alive until the request is sent."""
    cdef cnp.ndarray array
    cdef int kind
    cdef void *metadata
    self.target = -1
    if not cnp.PyArray_Check(values):
        if type(values) is DatetimeArray and type(read_field(&BACKED_DTYPE, values)) is not DatetimeTZDtype:
            values = read_field(&NDARRAY, values)
        elif type(values) is StringArray:
            values = read_field(&NDARRAY, values)
            source.kind = SOURCE_TEXT
        else:
            source.kind = SOURCE_OTHER
            source.resolved = True
            return 0
    array = <cnp.ndarray?>values
    self.borrowed.append(array)
    kind = array.descr.kind
    source.data = cnp.PyArray_BYTES(array)
    if cnp.PyArray_NDIM(array) == 2:
        source.columns = array.shape[0]
        source.rows = array.shape[1]
        source.column_stride = array.strides[0]
        source.row_stride = array.strides[1]
    elif cnp.PyArray_NDIM(array) == 1:
        source.columns = 1
        source.rows = array.shape[0]
        source.column_stride = 0
        source.row_stride = array.strides[0]
    else:
        self.refuse_type(f"values with {cnp.PyArray_NDIM(array)} dimensions")
    source.swap = cnp.PyArray_ISBYTESWAPPED(array)
    if kind == c'O':
        if source.kind != SOURCE_TEXT:
            source.kind = SOURCE_OBJECTS
    elif kind == c'M':
        source.kind = SOURCE_NUMBERS
        metadata = PyDataType_C_METADATA(array.descr)
        if metadata != NULL and (<PyArray_DatetimeDTypeMetaData *>metadata).meta.num == 1 \
                and 0 <= (<PyArray_DatetimeDTypeMetaData *>metadata).meta.base < 16:
            source.rule = datetime_rules[(<PyArray_DatetimeDTypeMetaData *>metadata).meta.base]
    elif kind == c'b' or kind == c'i' or kind == c'u' or kind == c'f':
        source.kind = SOURCE_NUMBERS
        source.rule = number_rules[rule_index(kind, array.descr.itemsize)]
    if source.kind == SOURCE_NUMBERS and not source.rule.known:
        refuse_dtype(self, array.dtype)
    source.resolved = True
    return 0


cdef int put_source(Encoder self, block_source *source, Py_ssize_t place, Py_ssize_t rows, object values) except -1:
    """One column of a resolved source; `values` is what was resolved, asked for only if it is SOURCE_OTHER."""
    cdef const char *cells
    if source.kind == SOURCE_OTHER:
        return put_extension(self, values, rows)
    if place < 0 or place >= source.columns or source.rows != rows:
        raise ConversionError("the frame's block table points outside its blocks")
    cells = source.data + place * source.column_stride
    if source.kind == SOURCE_NUMBERS:
        self.put_vector_head(source.rule.type, rows)
        return self.put_column(cells, source.row_stride, rows, source.rule.conversion, source.swap)
    if source.kind == SOURCE_TEXT:
        self.put_vector_head(DDB_TYPE_STRING, rows)
        return self.put_object_text(cells, source.row_stride, rows)
    return put_object_column(self, cells, source.row_stride, rows, -1, -1)


cdef int put_array(Encoder self, cnp.ndarray array) except -1:
    """A whole 1-d numpy array."""
    cdef block_source source
    memset(&source, 0, sizeof(source))
    resolve(self, array, &source)
    return put_source(self, &source, 0, array.shape[0], None)


# -- Series and Index -----------------------------------------------------------------------------------------

cdef inline bint is_series(object obj):
    return isinstance(obj, series_types)


cdef int put_series_values(Encoder self, object obj) except -1:
    """A Series, Index or extension array as a vector: as a column of its dtype, but objects as a list's."""
    cdef block_source source
    cdef object values = obj
    if isinstance(obj, pd.MultiIndex):
        values = obj.to_numpy()
    elif not isinstance(obj, ExtensionArray):
        values = obj.array
    if isinstance(values, NumpyExtensionArray):
        values = np.asarray(values)
    if cnp.PyArray_Check(values):
        return put_ndarray(self, values)
    check_rows(self, len(values))
    self.symbol_bases = 0
    memset(&source, 0, sizeof(source))
    resolve(self, values, &source)
    return put_source(self, &source, 0, len(values), values)


cdef int put_extension(Encoder self, object values, Py_ssize_t rows) except -1:
    """An extension array; its type decides."""
    if type(values) is ArrowStringArray:
        return put_arrow(self, arrow_of(values), rows)
    if type(values) is Categorical:
        self.target = -1
        return put_categorical(self, values, rows)
    dtype = values.dtype
    if isinstance(dtype, StringDtype):
        if isinstance(values, StringArray):
            return put_array_of_text(self, np.asarray(values, dtype=object), rows)
        return put_arrow(self, values.__arrow_array__(), rows)
    self.target = -1
    if isinstance(values, masked_arrays):
        return put_masked(self, values, rows, -1, -1)
    if ArrowDtype is not None and isinstance(dtype, ArrowDtype):
        return put_arrow_column(self, arrow_of(values), rows, -1, -1)
    refuse_dtype(self, dtype)


cdef bint is_arrow_text(object dtype):
    return ArrowDtype is not None and isinstance(dtype, ArrowDtype) \
        and str(dtype.pyarrow_dtype) in ("string", "large_string")


cdef int check_length(Py_ssize_t length, Py_ssize_t rows) except -1:
    if length != rows:
        raise ConversionError("the frame's columns differ in length")
    return 0


cdef int put_array_of_text(Encoder self, cnp.ndarray texts, Py_ssize_t rows) except -1:
    check_length(texts.shape[0], rows)
    self.borrowed.append(texts)
    self.put_vector_head(DDB_TYPE_STRING, rows)
    return self.put_object_text(cnp.PyArray_BYTES(texts), texts.strides[0], rows)


cdef str TIME_ZONE_HINT = \
    "DolphinDB has no time zones: use .dt.tz_convert(None) for UTC or .dt.tz_localize(None) for the wall clock"
cdef str TIME_SPAN_HINT = "DolphinDB has no time spans here: convert with .dt.total_seconds() or .astype('int64')"


cdef int refuse_dtype(Encoder self, object dtype) except -1:
    text = str(dtype)
    hint = "convert the column with astype to numbers, text or datetime64"
    if getattr(dtype, "tz", None) is not None:
        hint = TIME_ZONE_HINT
    elif text.startswith("timedelta"):
        hint = TIME_SPAN_HINT
    elif text.startswith("period"):
        hint = "convert with .dt.to_timestamp()"
    elif text.startswith("Sparse"):
        hint = "convert with .sparse.to_dense()"
    elif text.startswith("complex"):
        hint = "send its real and its imaginary part as two columns"
    elif text == "float16":
        hint = "convert with .astype('float32')"
    self.refuse_type(f"dtype {text} can't be sent; {hint}")


# -- the probe ------------------------------------------------------------------------------------------------

cdef bint frame_is_fast = False


cdef bint probe_fast_path():
    """Does the block manager say the same as the public methods?"""
    cdef Encoder encoder
    frame = pd.DataFrame({
        "a": np.array([1, 2, 3], dtype=np.int64),
        "b": pd.Series(["x", None, "z"], dtype=object),
        "c": np.array([1.5, np.nan, -2.0]),
        "d": np.array([0, 1, "NaT"], dtype="datetime64[ns]"),
        "e": pd.Categorical(["u", "v", "u"]),
        "f": np.array([4, 5, 6], dtype=np.int64),
        "g": pd.array(["q", None, "r"], dtype="string[python]"),
    })
    for candidate in (frame, frame[::2], frame.copy()):
        answers = []
        for fast in (True, False):
            encoder = Encoder()
            encoder.begin(True)
            encoder.frame = candidate
            if fast:
                put_blocks(encoder, candidate, None)
            else:
                put_series(encoder, candidate, None)
            answers.append(encoder.join())
        if answers[0] != answers[1]:
            return False
    return True


def _probe():
    """Use the fast path if it can be trusted; called once at import."""
    global frame_is_fast, masks_are_fast
    find_fields()
    try:
        masks_are_fast = probe_masks()
        frame_is_fast = probe_fast_path()
    except Exception:
        frame_is_fast = False
    if not (frame_is_fast and masks_are_fast):
        logging.getLogger("dolphindb_fast").warning(
            "pandas %s differs inside from what was expected: frames are read through public methods, more slowly",
            pd.__version__)

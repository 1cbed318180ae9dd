# Neutral values (column.py) -> objects of the wire: nothing is converted, everything is checked.

cdef tuple neutral_types = (Column, Table, Dictionary, Matrix, Set)


cdef inline bint is_neutral(object obj):
    return isinstance(obj, neutral_types)


cdef int put_neutral(Encoder self, object obj) except -1:
    if isinstance(obj, Column):
        return put_neutral_column(self, obj)
    if isinstance(obj, Table):
        return put_neutral_table(self, obj)
    if isinstance(obj, Matrix):
        return put_neutral_matrix(self, obj)
    if isinstance(obj, Set):
        self.put_head(obj.values.type, DDB_FORM_SET)
        return put_neutral_vector(self, obj.values, len(obj.values))
    if obj.form != DDB_FORM_DICTIONARY and obj.form != DDB_FORM_CHART:
        raise ValueRefused(f"{self.where(-1)}a dictionary of form {obj.form}")
    self.put_head(obj.values.type, obj.form)
    put_neutral_vector(self, obj.keys, len(obj.values))
    return put_neutral_vector(self, obj.values, len(obj.keys))


cdef int put_neutral_vector(Encoder self, object column, Py_ssize_t rows) except -1:
    """A vector that is part of something else and must have so many rows."""
    if not isinstance(column, Column) or column.form != DDB_FORM_VECTOR or len(column) != rows:
        raise ValueRefused(f"{self.where(-1)}a vector of {rows} rows is needed, not {column!r}")
    return put_neutral_column(self, column)


cdef int put_neutral_table(Encoder self, object table) except -1:
    cdef int outer = self.error.column
    cdef list methods
    if not table.columns or len(table.columns) != len(table.names):
        raise ValueRefused(f"{self.where(-1)}a table of {len(table.names)} names and {len(table.columns)} columns")
    self.put_head(0, DDB_FORM_TABLE)
    self.put_counts(len(table), len(table.columns))
    self.put_text(table.name)
    for name in table.names:
        self.put_text(name)
    self.symbol_bases = 0
    methods = take_methods(self, table.names, len(table.names))
    for i, column in enumerate(table.columns):
        if methods[i]:
            self.error.column = i
        put_packed(self, methods[i], put_table_column, column, len(table), None)
    self.error.column = outer
    self.rows += len(table)
    return 0


cdef int put_table_column(Encoder self, object column, Py_ssize_t rows, object spec) except -1:
    return put_neutral_vector(self, column, rows)


cdef int put_neutral_matrix(Encoder self, object matrix) except -1:
    cdef object cells = matrix.cells
    cdef int type = cells.type
    cdef uint8_t labels = (matrix.row_labels is not None) | (matrix.column_labels is not None) << 1
    if cells.form != DDB_FORM_VECTOR or matrix.rows < 0 or matrix.columns < 0 \
            or len(cells) != matrix.rows * matrix.columns:
        raise ValueRefused(f"{self.where(-1)}a matrix of {matrix.rows} x {matrix.columns} of {len(cells)} cells")
    self.put_head(type, DDB_FORM_MATRIX)
    self.put(&labels, 1)
    if labels & 1:
        put_neutral_vector(self, matrix.row_labels, matrix.rows)
    if labels & 2:
        put_neutral_vector(self, matrix.column_labels, matrix.columns)
    self.put_head(type, DDB_FORM_MATRIX)
    self.put_counts(matrix.rows, matrix.columns)
    put_scale(self, type, cells.scale)
    return put_neutral_cells(self, cells)


cdef int put_neutral_column(Encoder self, object column) except -1:
    """A scalar, vector or pair; its arrays are borrowed."""
    cdef int type = column.type
    cdef int form = column.form
    cdef int64_t rows = len(column)
    cdef tuple items
    cdef uint8_t kind
    if rows > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}{rows} rows; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    if form not in (DDB_FORM_SCALAR, DDB_FORM_VECTOR, DDB_FORM_PAIR) or (form == DDB_FORM_SCALAR and rows != 1) \
            or (form == DDB_FORM_PAIR and rows != 2):
        raise ValueRefused(f"{self.where(-1)}a column of form {form} and {rows} cells")
    if is_decimal(type):
        check_scale(self, type, column.scale)
    if type == DDB_TYPE_ANY:
        items = tuple(column.data)
        return put_any(self, <const char *>tuple_cells(items), sizeof(PyObject *), len(items))
    if type >= DDB_TYPE_ARRAY and type < DDB_TYPE_SYMBOL_BASE - DDB_TYPE_SYMBOL:
        return put_neutral_rows(self, column)
    if type == DDB_TYPE_SYMBOL and column.symbols is not None and rows:
        self.put_symbol_head(form, rows, len(column.symbols))
        put_neutral_text(self, column.symbols)
        return put_neutral_cells(self, column)
    self.put_head(type, form)
    if form != DDB_FORM_SCALAR:
        self.put_counts(rows, 1)
    put_scale(self, type, column.scale)
    if type == DDB_TYPE_FUNCTIONDEF:
        kind = column.scale
        self.put(&kind, 1)
    return put_neutral_cells(self, column, form)


cdef int put_neutral_cells(Encoder self, object column, int form=DDB_FORM_VECTOR) except -1:
    cdef int type = column.type
    cdef cnp.ndarray data
    cdef Py_ssize_t size
    if type == DDB_TYPE_VOID and form != DDB_FORM_SCALAR:
        return 0
    if type == DDB_TYPE_BLOB:
        return put_neutral_blobs(self, column)
    if column.offsets is not None:
        return put_neutral_text(self, column)
    dtype = WIRE_DTYPES.get(DDB_TYPE_INT if column.symbols is not None else type)
    if dtype is None:
        raise UnsupportedTypeError(f"{self.where(-1)}columns of type {type_name(type)} can't be encoded")
    data = neutral_array(column.data, dtype)
    if column.symbols is not None and len(data) and not 0 <= data.min() <= data.max() < len(column.symbols):
        raise ValueRefused(f"{self.where(-1)}symbol indices outside their base of {len(column.symbols)}")
    self.borrowed.append(data)
    # cells of 16 bytes are sent as two halves
    size = min(data.itemsize, 8)
    return self.put_column(
        cnp.PyArray_BYTES(data), size, data.shape[0] * (data.itemsize // size), copy_conversion(size), False)


cdef int read_neutral_text(Encoder self, object column, ddb_arrow_text *text) except -1:
    cdef cnp.ndarray data = neutral_array(column.data, np.dtype(np.uint8))
    cdef cnp.ndarray offsets = neutral_array(column.offsets, np.dtype(np.int64))
    self.borrowed.append((data, offsets))
    memset(text, 0, sizeof(text[0]))
    text.kernels = self.kernels
    text.offsets = cnp.PyArray_BYTES(offsets)
    text.wide = 1
    text.data = <uint8_t *>cnp.PyArray_BYTES(data)
    text.data_size = data.shape[0]
    text.rows = offsets.shape[0] - 1
    return 0


cdef int put_neutral_text(Encoder self, object column) except -1:
    cdef ddb_arrow_text text
    read_neutral_text(self, column, &text)
    return self.check(ddb_request_put_arrow_text(&self.request, &text, &self.error))


cdef int put_neutral_blobs(Encoder self, object column) except -1:
    cdef ddb_arrow_text blobs
    read_neutral_text(self, column, &blobs)
    return put_blobs(self, &blobs)


cdef int put_neutral_rows(Encoder self, object column) except -1:
    """An array vector."""
    cdef int element = column.type - DDB_TYPE_ARRAY
    cdef cnp.ndarray data, offsets
    cdef ddb_array array
    dtype = WIRE_DTYPES.get(element)
    if dtype is None or element == DDB_TYPE_VOID:
        raise UnsupportedTypeError(f"{self.where(-1)}columns of type {type_name(column.type)} can't be encoded")
    if is_decimal(element):
        check_scale(self, element, column.scale)
    data = neutral_array(column.data, dtype)
    offsets = neutral_offsets(column.offsets, data.shape[0])
    array.offsets = <int64_t *>cnp.PyArray_DATA(offsets)
    array.rows = offsets.shape[0] - 1
    array.cells = <uint8_t *>cnp.PyArray_DATA(data)
    array.cell_size = data.itemsize
    return put_array_vector(self, element, column.scale, &array)


cdef cnp.ndarray neutral_array(object data, object dtype):
    """The array of a neutral value, which must be what `Column` says: nothing is converted here."""
    if not isinstance(data, np.ndarray) or data.ndim != 1 or data.dtype != dtype:
        raise ValueRefused(f"a Column needs a 1-d array of {dtype}, not {getattr(data, 'dtype', type(data).__name__)}")
    return np.ascontiguousarray(data)


cdef cnp.ndarray neutral_offsets(object offsets, Py_ssize_t size):
    """Offsets that cut so many cells or bytes: from 0 on, never falling, never beyond. A copy, which nobody changes."""
    cdef cnp.ndarray checked = np.array(neutral_array(offsets, np.dtype(np.int64)))
    if not len(checked) or checked[0] != 0 or checked.max() > size or (np.diff(checked) < 0).any():
        raise ValueRefused(f"offsets must begin with 0, never fall, and not pass {size}")
    return checked

# Python's containers and numpy's arrays -> objects of the wire.

cdef int put_sequence(Encoder self, tuple items, int flags) except -1:
    """A vector of the type that all have in common, else an ANY vector."""
    cdef common found
    find_common(<const char *>tuple_cells(items), sizeof(PyObject *), len(items), &found)
    return put_common(self, items, &found, common_type(&found), flags)


cdef int put_set(Encoder self, object values) except -1:
    cdef tuple items = tuple((set if isinstance(values, set) else frozenset).__iter__(values))
    cdef common found
    cdef int type
    find_common(<const char *>tuple_cells(items), sizeof(PyObject *), len(items), &found)
    type = key_type(self, &found, items, "the values of a set")
    nulls = null_places(items, type)
    if len(nulls) > 1:
        items = without(items, nulls[1:])
    self.put_head(type, DDB_FORM_SET)
    return put_common(self, items, &found, type, CELLS_LIST)


cdef int key_type(Encoder self, common *found, tuple items, str what) except -1:
    """The type of a set's values or a dictionary's keys."""
    cdef int type = common_type(found)
    if found.type < 0 and found.rank <= RANK_NONE:
        raise ValueRefused(f"{self.where(-1)}{what} that are None alone, or none at all, do not say their type")
    if type == DDB_TYPE_ANY:
        kinds = ", ".join(sorted({type_of(item) for item in items})[:5])
        raise UnsupportedTypeError(f"{self.where(-1)}{what} must be of one type that is no container, not {kinds}")
    if type == DDB_TYPE_BOOL or is_decimal(type):
        raise UnsupportedTypeError(f"{self.where(-1)}{what} can't be {type_name(type)}")
    return type


cdef list null_places(tuple items, int type):
    """Which of a set's values or a dictionary's keys are NULL on the wire: None, NaN, infinities, the smallest integer,
    the empty text. They are several objects, but one value."""
    cdef uint8_t[16] cell, null
    cdef Py_ssize_t i
    cdef size_t width = cell_width(type)
    cdef list places = []
    memset(cell, 0, 16)
    memset(null, 0, 16)
    if width:
        write_null(type, null)
    for i in range(len(items)):
        if width == 0:
            if is_null(items[i]) or items[i] == "" or items[i] == b"":
                places.append(i)
        elif write_cell(items[i], type, 0, CELLS_LIST, cell) == DDB_OK and memcmp(cell, null, width) == 0:
            places.append(i)
    return places


cdef tuple without(tuple items, list places):
    return tuple([item for i, item in enumerate(items) if i not in places])


cdef int put_dict(Encoder self, object pairs) except -1:
    """Keys of one type, values as a list's, in the order of the dict."""
    # of a subclass, too, what the dict itself holds
    cdef tuple names = tuple(dict.keys(pairs)), values = tuple(dict.values(pairs))
    cdef common keys_found, found
    cdef int type, key
    if not names:
        raise ValueRefused(f"{self.where(-1)}an empty dict does not say the types of its keys and values")
    find_common(<const char *>tuple_cells(names), sizeof(PyObject *), len(names), &keys_found)
    key = key_type(self, &keys_found, names, "the keys of a dict")
    nulls = null_places(names, key)
    if len(nulls) > 1:
        # the later value of a key wins
        nulls = nulls[:len(nulls) - 1]
        names, values = without(names, nulls), without(values, nulls)
    find_common(<const char *>tuple_cells(values), sizeof(PyObject *), len(values), &found)
    type = common_type(&found)
    if is_decimal(type) or type == DDB_TYPE_ANY:
        # the official client makes STRING of keys that are bytes then
        key = DDB_TYPE_STRING if key == DDB_TYPE_BLOB else key
        self.put_head(DDB_TYPE_ANY, DDB_FORM_DICTIONARY)
        put_common(self, names, &keys_found, key, CELLS_LIST)
        return put_decimals(self, values, type, found.scale) if is_decimal(type) \
            else put_common(self, values, &found, type, CELLS_LIST)
    self.put_head(type, DDB_FORM_DICTIONARY)
    put_common(self, names, &keys_found, key, CELLS_LIST)
    return put_common(self, values, &found, type, CELLS_LIST)


cdef int put_decimals(Encoder self, tuple values, int type, int scale) except -1:
    """The values of a dict, which can't be a vector of decimals: an ANY vector of decimals of one scale."""
    cdef uint8_t[16] cell
    cdef size_t start = self.request.out.size
    cdef Py_ssize_t i
    cdef int status
    check_scale(self, type, scale)
    self.put_vector_head(DDB_TYPE_ANY, len(values))
    self.target = type
    for i in range(len(values)):
        status = write_cell(values[i], type, scale, CELLS_LIST, cell)
        if status == DDB_ERR_RANGE and type == DDB_TYPE_DECIMAL64:
            self.request.out.size = start
            return put_decimals(self, values, DDB_TYPE_DECIMAL128, scale)
        if status != DDB_OK:
            refuse_cell(self, status, values[i], i)
        self.put_head(type, DDB_FORM_SCALAR)
        put_scale(self, type, scale)
        self.put(cell, cell_width(type))
    return 0


# -- arrays ---------------------------------------------------------------------------------------------------

cdef int array_unit(cnp.ndarray array) noexcept:
    """numpy's number of the unit of a datetime64 array, -1 if it counts several of it."""
    cdef void *metadata = PyDataType_C_METADATA(array.descr)
    if metadata == NULL or (<PyArray_DatetimeDTypeMetaData *>metadata).meta.num != 1:
        return -1
    return (<PyArray_DatetimeDTypeMetaData *>metadata).meta.base


cdef int array_type(Encoder self, cnp.ndarray array) except -1:
    """Wire type of an array of numbers or moments; others are refused."""
    cdef int kind = array.descr.kind, type = -1
    cdef rule known
    if kind == c'M':
        type = moment_type(array_unit(array), 1)
    elif kind == c'b' or kind == c'i' or kind == c'u' or kind == c'f':
        known = number_rules[rule_index(kind, array.descr.itemsize)]
        if known.known:
            type = known.type
    if type < 0:
        refuse_dtype(self, array.dtype)
    return type


cdef int write_array(Encoder self, cnp.ndarray array, int type) except -1:
    """Wire cells of a 1-d array of numbers or moments, in its own type. Returns a status; the error has the row."""
    cdef Py_ssize_t rows = array.shape[0]
    cdef size_t size = <size_t>rows * cell_width(type)
    cdef uint8_t *target = reserve(&self.request.out, size)
    cdef ddb_column column
    cdef bint swap = cnp.PyArray_ISBYTESWAPPED(array)
    cdef int status
    if array.descr.kind == c'M':
        status = ddb_moments_write(
            cnp.PyArray_BYTES(array), array.strides[0], swap, rows, array_unit(array), type, target, &self.error)
    else:
        column.kernels = self.kernels
        column.data = cnp.PyArray_BYTES(array)
        column.stride = array.strides[0]
        column.rows = rows
        column.conversion = <uint8_t>number_rules[rule_index(array.descr.kind, array.descr.itemsize)].conversion
        column.swap = swap
        status = ddb_column_write(&column, 0, rows, target, &self.error)
    self.request.out.size += size
    return status


cdef int put_array_cells(Encoder self, cnp.ndarray array, int type) except -1:
    """As write_array, but large arrays that lie as on the wire are borrowed, and errors are raised."""
    self.array = array
    try:
        return put_array_borrowed(self, array, type)
    finally:
        self.array = None


cdef int put_array_borrowed(Encoder self, cnp.ndarray array, int type) except -1:
    cdef rule known
    if array.descr.kind == c'M':
        known = datetime_rules[array_unit(array)]
    else:
        known = number_rules[rule_index(array.descr.kind, array.descr.itemsize)]
    if not known.known:
        return self.check(write_array(self, array, type))
    self.borrowed.append(array)
    self.put_column(
        cnp.PyArray_BYTES(array), array.strides[0], array.shape[0], known.conversion, cnp.PyArray_ISBYTESWAPPED(array))
    # here and not with what comes later, so that an error can show the value
    return self.settle()


cdef int put_ndarray(Encoder self, object value) except -1:
    """An array of one dimension is a vector, one of two a matrix; objects in it are treated as a list's."""
    cdef cnp.ndarray array = np.asarray(value)
    cdef int dimensions = cnp.PyArray_NDIM(array), kind = array.descr.kind, type
    if dimensions == 2:
        return put_matrix(self, array)
    if dimensions != 1:
        raise UnsupportedTypeError(
            f"{self.where(-1)}an array of {dimensions} dimensions can't be sent; one makes a vector, two a matrix")
    check_rows(self, array.shape[0])
    if kind == c'O':
        # unlike those of a list, infinities stay what they are
        return put_sequence(self, tuple(array.tolist()), CELLS_FORCED)
    if kind == c'U' or kind == c'T' or kind == c'S':
        return put_text_array(self, array, DDB_TYPE_BLOB if kind == c'S' else DDB_TYPE_STRING)
    type = array_type(self, array)
    self.put_vector_head(type, array.shape[0])
    return put_array_cells(self, array, type)


cdef int check_rows(Encoder self, Py_ssize_t rows) except -1:
    if rows > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}{rows} rows; the wire format's limit is {<int>DDB_LIMIT_ROWS}")
    return 0


cdef int put_text_array(Encoder self, cnp.ndarray array, int type) except -1:
    cdef Py_ssize_t bad = 0
    cdef tuple items = tuple(array.tolist())
    return put_typed(
        self, <const char *>tuple_cells(items), sizeof(PyObject *), len(items), type, 0, CELLS_LIST, &bad)


cdef int put_matrix(Encoder self, cnp.ndarray array) except -1:
    cdef common found
    cdef int type
    cdef cnp.ndarray cells
    cdef tuple items
    check_rows(self, cnp.PyArray_SIZE(array))
    cells = array.ravel(order="F")
    if array.descr.kind == c'O':
        items = tuple(cells.tolist())
        find_common(<const char *>tuple_cells(items), sizeof(PyObject *), len(items), &found)
        type = common_type(&found)
    elif array.descr.kind in b"UST":
        type = DDB_TYPE_STRING
    else:
        type = array_type(self, cells)
    if not cell_width(type) or is_decimal(type):
        raise UnsupportedTypeError(f"{self.where(-1)}a matrix can't hold {type_name(type)}")
    self.put_head(type, DDB_FORM_MATRIX)
    self.put(b"\x00", 1)
    self.put_head(type, DDB_FORM_MATRIX)
    self.put_counts(array.shape[0], array.shape[1])
    self.target = type
    if array.descr.kind != c'O':
        return put_array_cells(self, cells, type)
    return put_cells(self, <const char *>tuple_cells(items), sizeof(PyObject *), len(items), type, 0)

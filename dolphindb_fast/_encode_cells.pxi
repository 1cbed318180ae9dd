# Cells that are Python objects -> one typed vector: columns of dtype object, lists, object arrays.

cdef extern from "Python.h":
    PyObject **tuple_cells "PySequence_Fast_ITEMS"(object items)

# What the values of a list have in common.
ctypedef struct common:
    int type         # -1 until there is a value that is no null; DDB_TYPE_ANY: nothing
    int scale
    null_rank rank   # highest of the nulls, and the type that goes with it
    int null_type
    bint odd_nulls   # nulls that put_object_text takes for values


cdef inline tuple items_of(object value):
    """The values of a list or tuple, alive and no longer to be changed; of a subclass, what the list itself has."""
    return PyList_AsTuple(value) if PyList_Check(value) else PyTuple_GetSlice(value, 0, PyTuple_GET_SIZE(value))


cdef inline object cell_at(const char *cells, ptrdiff_t stride, Py_ssize_t row):
    cdef PyObject *cell = (<PyObject **>(cells + row * stride))[0]
    return None if cell == NULL else <object>cell


cdef int put_object_column(
        Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type, int scale) except -1:
    """Cells as one vector with its head. Type -1: inferred as in a column of a frame; scale -1: not given."""
    cdef Py_ssize_t bad = 0
    cdef int status
    if type < 0:
        return put_inferred(self, cells, stride, rows)
    self.target = type
    if type >= DDB_TYPE_ARRAY:
        return put_rows(self, cells, stride, rows, type - DDB_TYPE_ARRAY, scale)
    if is_decimal(type) and scale < 0:
        scale = widest_scale(cells, stride, rows)
    status = put_typed(self, cells, stride, rows, type, scale, CELLS_FORCED, &bad)
    return 0 if status == DDB_OK else refuse_cell(self, status, cell_at(cells, stride, bad), bad)


cdef int put_cells(
        Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type, int scale) except -1:
    """Cells of a given type behind a head that is put already: fixed-width types, STRING and BLOB."""
    cdef Py_ssize_t bad = 0
    cdef int status
    self.target = type
    status = write_cells(self, cells, stride, rows, type, max(scale, 0), CELLS_FORCED, &bad)
    return 0 if status == DDB_OK else refuse_cell(self, status, cell_at(cells, stride, bad), bad)


# -- columns of a frame: the first value decides --------------------------------------------------------------

cdef int put_inferred(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows) except -1:
    """The first cell that is no null decides; without one, the highest-ranked null does."""
    cdef Py_ssize_t i, bad = 0
    cdef PyObject *cell
    cdef object first
    cdef cell_value value
    cdef int type = DDB_TYPE_STRING if rows else DDB_TYPE_DOUBLE
    cdef null_rank rank = RANK_NONE
    self.target = -1
    for i in range(rows):
        cell = (<PyObject **>(cells + i * stride))[0]
        if cell == NULL:
            continue
        first = <object>cell
        if PyUnicode_Check(first):
            self.put_vector_head(DDB_TYPE_STRING, rows)
            return self.put_object_text(cells, stride, rows)
        read_cell(first, &value)
        if value.rank == RANK_VALUE:
            return put_by_first(self, cells, stride, rows, i, first, &value)
        if value.rank > rank:
            rank = value.rank
            type = value.type
    return put_typed(self, cells, stride, rows, type, 0, CELLS_LIST, &bad)


cdef int put_by_first(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, Py_ssize_t place,
                      object first, cell_value *value) except -1:
    """All cells as the type of the first value; where that fails, as the widest of their numbers."""
    cdef size_t start = self.request.out.size
    cdef Py_ssize_t bad = 0
    cdef int type = value.type, scale = 0, status
    if is_row(first):
        return put_rows(self, cells, stride, rows, -1, -1)
    if type < 0:
        refuse_object(self, first, place)
    if is_decimal(type):
        # one scale that holds them all: that of the first would round the others
        scale = widest_scale(cells, stride, rows)
        type = DDB_TYPE_DECIMAL64 if scale <= 17 else DDB_TYPE_DECIMAL128
    status = put_typed(self, cells, stride, rows, type, scale, CELLS_EXACT, &bad)
    if status == DDB_ERR_RANGE and type == DDB_TYPE_DECIMAL64:
        self.request.out.size = start
        type = DDB_TYPE_DECIMAL128
        status = put_typed(self, cells, stride, rows, type, scale, CELLS_EXACT, &bad)
    if status == DDB_OK:
        return 0
    self.request.out.size = start
    if is_number(type):
        type = widest_number(self, cells, stride, rows, place)
        status = put_typed(self, cells, stride, rows, type, 0, CELLS_EXACT, &bad)
        if status == DDB_OK:
            return 0
    elif status == DDB_ERR_KIND:
        refuse_mixture(self, type, place, cell_at(cells, stride, bad), bad)
    return refuse_cell(self, status, cell_at(cells, stride, bad), bad)


cdef int widest_number(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, Py_ssize_t place) except -1:
    """The type that holds every number; what is none is refused."""
    cdef cell_value value
    cdef Py_ssize_t i
    cdef int type = DDB_TYPE_CHAR
    for i in range(place, rows):
        cell = cell_at(cells, stride, i)
        read_cell(cell, &value)
        if value.rank != RANK_VALUE:
            continue
        if not is_number(value.type):
            refuse_mixture(self, type, place, cell, i)
        type = max(type, value.type)
    return type


cdef int refuse_mixture(Encoder self, int type, Py_ssize_t place, object value, Py_ssize_t row) except -1:
    self.target = -1
    raise UnsupportedTypeError(
        f"{self.where(row)}the values from row {place} on are {type_name(type)}, but here is {shown(value)}; "
        "convert the column to one type")


cdef int widest_scale(const char *cells, ptrdiff_t stride, Py_ssize_t rows) except -1:
    cdef cell_value value
    cdef Py_ssize_t i
    cdef int scale = 0
    for i in range(rows):
        read_cell(cell_at(cells, stride, i), &value)
        if value.kind == CELL_DECIMAL:
            scale = max(scale, value.scale)
    return scale


# -- lists: what their values have in common ------------------------------------------------------------------

cdef int find_common(const char *cells, ptrdiff_t stride, Py_ssize_t rows, common *found) except -1:
    """Numbers widen, everything else must be of one type; if it is not, what they have in common is nothing."""
    cdef cell_value value
    cdef Py_ssize_t i
    found.type = -1
    found.scale = 0
    found.rank = RANK_VALUE
    found.null_type = DDB_TYPE_VOID
    found.odd_nulls = False
    for i in range(rows):
        read_cell(cell_at(cells, stride, i), &value)
        if value.rank != RANK_VALUE:
            found.odd_nulls |= value.rank != RANK_NONE
            if value.rank > found.rank:
                found.rank = value.rank
                found.null_type = value.type
            continue
        merge_type(found, value.type, value.scale if value.kind == CELL_DECIMAL else 0)
        if found.type == DDB_TYPE_ANY:
            return 0
    return 0


cdef int merge_type(common *found, int type, int scale) noexcept:
    """Another value of `type`, -1: one that is no scalar."""
    found.scale = max(found.scale, scale)
    if found.type == -1 and type >= 0:
        found.type = type
    elif is_number(found.type) and is_number(type):
        found.type = max(found.type, type)
    elif found.type != type or type < 0:
        found.type = DDB_TYPE_ANY
    return 0


cdef int common_type(common *found) noexcept:
    """The type of the vector: of nulls alone, that of the highest; of nothing but None, nothing in common."""
    if found.type >= 0:
        return found.type
    if found.rank == RANK_VALUE:
        return DDB_TYPE_DOUBLE
    return DDB_TYPE_ANY if found.rank == RANK_NONE else found.null_type


cdef int put_common(Encoder self, tuple items, common *found, int type, int flags) except -1:
    """Values as the vector of what they have in common, with its head."""
    cdef const char *cells = <const char *>tuple_cells(items)
    cdef Py_ssize_t bad = 0, rows = len(items)
    cdef size_t start = self.request.out.size
    cdef int status
    if type == DDB_TYPE_ANY:
        return put_any(self, cells, sizeof(PyObject *), rows)
    if found.type < 0:
        flags = CELLS_LIST
    if type == DDB_TYPE_STRING and found.odd_nulls and flags & CELLS_LIST:
        items = tuple([item if isinstance(item, str) else None for item in items])
        cells = <const char *>tuple_cells(items)
    status = put_typed(self, cells, sizeof(PyObject *), rows, type, found.scale, flags, &bad)
    if status == DDB_ERR_RANGE and type == DDB_TYPE_DECIMAL64:
        self.request.out.size = start
        status = put_typed(self, cells, sizeof(PyObject *), rows, DDB_TYPE_DECIMAL128, found.scale, flags, &bad)
    return 0 if status == DDB_OK else refuse_cell(self, status, items[bad], bad)


# -- vectors of a given type ----------------------------------------------------------------------------------

cdef int put_typed(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type, int scale, int flags,
                   Py_ssize_t *bad) except -1:
    """Head and cells. Returns a status; of what is not DDB_OK, `bad` is the row."""
    if type == DDB_TYPE_SYMBOL:
        return put_symbol_cells(self, cells, stride, rows)
    if type == DDB_TYPE_ANY:
        return put_any(self, cells, stride, rows)
    if type != DDB_TYPE_STRING and type != DDB_TYPE_BLOB and not cell_width(type):
        raise UnsupportedTypeError(f"{self.where(-1)}Python objects can't be sent as {type_name(type)}")
    if is_decimal(type):
        check_scale(self, type, scale)
    self.put_vector_head(type, rows)
    put_scale(self, type, scale)
    return write_cells(self, cells, stride, rows, type, scale, flags, bad)


cdef int write_cells(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type, int scale, int flags,
                     Py_ssize_t *bad) except -1:
    """Cells without a head; returns as put_typed."""
    cdef ddb_arena *out = &self.request.out
    cdef int width = cell_width(type), status
    cdef Py_ssize_t i
    cdef uint8_t *target
    cdef PyObject *cell
    if type == DDB_TYPE_STRING:
        return self.put_object_text(cells, stride, rows)
    if type == DDB_TYPE_BLOB:
        return write_blobs(self, cells, stride, rows, bad)
    target = reserve(out, <size_t>rows * width)
    for i in range(rows):
        cell = (<PyObject **>(cells + i * stride))[0]
        status = write_cell(None if cell == NULL else <object>cell, type, scale, flags, target)
        if status != DDB_OK:
            bad[0] = i
            return status
        target += width
    out.size += <size_t>rows * width
    return DDB_OK


cdef int write_blobs(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, Py_ssize_t *bad) except -1:
    cdef cell_value value
    cdef Py_ssize_t i
    for i in range(rows):
        cell = cell_at(cells, stride, i)
        read_cell(cell, &value)
        if value.kind == CELL_TEXT:
            try:
                cell = PyUnicode_AsUTF8String(cell)
            except UnicodeEncodeError as error:
                self.refuse_text(cell, -1 - error.start, i)
        elif value.kind == CELL_NULL:
            cell = b""
        elif value.kind != CELL_BYTES:
            bad[0] = i
            return DDB_ERR_KIND
        put_blob(self, bytes(cell))
    return DDB_OK


cdef int put_symbol_cells(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows) except -1:
    """Text as a symbol vector, its base in the order of first appearance."""
    cdef size_t start = begin_symbols(self, rows)
    if rows:
        self.put_object_text(cells, stride, rows)
        end_symbols(self, start, rows)
    return 0


cdef size_t begin_symbols(Encoder self, Py_ssize_t rows) except? 0:
    """The head of a symbol vector; its rows come next, as NUL-terminated texts, then `end_symbols` with what this
    returned."""
    self.target = DDB_TYPE_SYMBOL
    if rows == 0:
        # an empty symbol vector carries no base
        self.put_vector_head(DDB_TYPE_SYMBOL, 0)
        return 0
    if self.request.joined:
        # columns that are recorded would be written, and move the texts, before these are done
        self.settle()
    self.put_symbol_head(DDB_FORM_VECTOR, rows, 0)
    self.put(b"\x00", 1)
    return self.request.out.size


cdef int end_symbols(Encoder self, size_t start, int64_t rows) except -1:
    """Make the texts behind `start` the base, each once, and put their numbers."""
    cdef ddb_arena *out = &self.request.out
    cdef size_t size = out.size - start
    cdef uint8_t *texts = out.data + start
    cdef int32_t *numbers
    cdef int32_t count
    cdef int status
    ddb_arena_reset(&self.picks)
    numbers = <int32_t *>reserve(&self.picks, <size_t>rows * sizeof(int32_t))
    self.picks.size = <size_t>rows * sizeof(int32_t)
    self.check(ddb_words_begin(&self.words, &self.error))
    if size < RELEASE_BYTES:
        status = ddb_words_number_terminated(&self.words, texts, size, rows, numbers, &self.error)
    else:
        with nogil:
            status = ddb_words_number_terminated(&self.words, texts, size, rows, numbers, &self.error)
    if status == DDB_OK:
        ddb_words_write(&self.words, texts)
        out.size = start + self.words.bytes
        count = <int32_t>(self.words.count + 1)
        # behind the base's number, before the empty text
        memcpy(texts - 5, &count, sizeof(count))
        self.put(numbers, self.picks.size)
    ddb_arena_trim(&self.picks, SCRATCH_CAP)
    ddb_words_trim(&self.words, SCRATCH_CAP)
    return self.check(status)


cdef int put_any(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows) except -1:
    """Each cell as an object of its own. Whatever is nested in anything comes through here."""
    cdef object frame = self.frame
    cdef int column = self.error.column, bases = self.symbol_bases
    cdef Py_ssize_t i
    if len(self.path) >= DEPTH_LIMIT:
        raise ValueRefused(f"{self.where(-1)}objects nested deeper than {DEPTH_LIMIT}")
    self.put_vector_head(DDB_TYPE_ANY, rows)
    for i in range(rows):
        self.path.append(i)
        try:
            self.put_object(cell_at(cells, stride, i))
        finally:
            self.path.pop()
        # a table among the objects has columns and symbols of its own
        self.frame = frame
        self.error.column = column
        self.symbol_bases = bases
    return 0


# -- array vectors: each cell is a row of values --------------------------------------------------------------

cdef int put_rows(
        Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type, int scale) except -1:
    """Lists, tuples, arrays and Series as an array vector; type -1: what the values of all rows have in common.
    An empty row becomes one NULL, as the official client sends it."""
    cdef ddb_arena *out = &self.request.out
    cdef size_t start = out.size
    cdef list parts = [row_of(self, cell_at(cells, stride, i), i) for i in range(rows)]
    cdef cnp.ndarray offsets = np.zeros(rows + 1, dtype=np.int64)
    cdef int64_t *ends = <int64_t *>cnp.PyArray_DATA(offsets)
    cdef ddb_array array
    cdef bytes kept
    cdef int width
    cdef Py_ssize_t i
    if type < 0:
        type = type_of_rows(self, parts, &scale)
    elif is_decimal(type) and scale < 0:
        scale = 0
        for part in parts:
            if type_is(part, tuple):
                scale = max(scale, widest_scale(<const char *>tuple_cells(part), sizeof(PyObject *), len(part)))
    width = cell_width(type)
    self.target = type + DDB_TYPE_ARRAY
    if not width:
        raise UnsupportedTypeError(
            f"{self.where(-1)}an array vector can't hold {type_name(type)}, only numbers, dates and times, and what "
            "takes 16 bytes")
    if is_decimal(type):
        check_scale(self, type, scale)
    for i in range(rows):
        ends[i + 1] = ends[i] + write_row(self, parts[i], type, scale, i)
    kept = PyBytes_FromStringAndSize(<char *>out.data + start, out.size - start)
    out.size = start
    array.offsets = ends
    array.rows = rows
    array.cells = <uint8_t *>PyBytes_AS_STRING(kept)
    array.cell_size = width
    return put_array_vector(self, type, scale, &array)


cdef bint type_is(object value, object kind):
    return type(value) is kind


cdef bint is_row(object value):
    return PyList_Check(value) or PyTuple_Check(value) or cnp.PyArray_Check(value) or is_series(value)


cdef object row_of(Encoder self, object value, Py_ssize_t row):
    """A row as a tuple, or as a 1-d array of numbers or moments. Series are read value by value, as the official
    client does."""
    if PyList_Check(value) or PyTuple_Check(value):
        return items_of(value)
    if cnp.PyArray_Check(value):
        value = np.asarray(value)
        if cnp.PyArray_NDIM(value) != 1:
            raise UnsupportedTypeError(
                f"{self.where(row)}an array of {cnp.PyArray_NDIM(value)} dimensions can't be a row of an array vector")
        return tuple(value.tolist()) if (<cnp.ndarray>value).descr.kind in b"OUST" else value
    if not is_series(value):
        raise UnsupportedTypeError(
            f"{self.where(row)}a row of an array vector must be a list, tuple, array or Series, an empty one for no "
            f"values, not {shown(value)}")
    return tuple(value)


cdef int type_of_rows(Encoder self, list parts, int *scale) except -1:
    cdef common all_rows, one
    cdef Py_ssize_t i
    find_common(NULL, 0, 0, &all_rows)
    for i in range(len(parts)):
        part = parts[i]
        if len(part) == 0:
            continue
        if type_is(part, tuple):
            find_common(<const char *>tuple_cells(part), sizeof(PyObject *), len(part), &one)
        else:
            find_common(NULL, 0, 0, &one)
            one.type = array_type(self, part)
        if one.rank > all_rows.rank:
            all_rows.rank = one.rank
            all_rows.null_type = one.null_type
        if one.type >= 0:
            merge_type(&all_rows, one.type, one.scale)
        if all_rows.type == DDB_TYPE_ANY:
            raise UnsupportedTypeError(
                f"{self.where(i)}the rows of an array vector must hold values of one type: {shown(part)}")
    if all_rows.type < 0 and all_rows.rank <= RANK_NONE:
        raise UnsupportedTypeError(
            f"{self.where(-1)}rows without any value do not say what an array vector holds; force its type")
    scale[0] = all_rows.scale
    return common_type(&all_rows)


cdef Py_ssize_t write_row(Encoder self, object part, int type, int scale, Py_ssize_t row) except -1:
    """The cells of one row, at least one; returns their number."""
    cdef Py_ssize_t bad = 0
    cdef int status
    if len(part) == 0:
        part = (None,)
    elif not type_is(part, tuple):
        if array_type(self, part) == type:
            status = write_array(self, part, type)
            if status != DDB_OK:
                refuse_cell(self, status, part[self.error.row], row)
            return len(part)
        part = values_of_array(part, type)
    status = write_cells(
        self, <const char *>tuple_cells(part), sizeof(PyObject *), len(part), type, scale, CELLS_LIST, &bad)
    if status != DDB_OK:
        refuse_cell(self, status, part[bad], row)
    return len(part)


cdef tuple values_of_array(cnp.ndarray array, int type):
    """The cells of an array as objects. Floats forced into integers lose their fractions, as in a column."""
    if array.descr.kind == c'f' and type >= DDB_TYPE_BOOL and type <= DDB_TYPE_LONG:
        return tuple([int(value) if np.isfinite(value) else None for value in array])
    return tuple(array)

# Columns whose wire type the caller gave: by the frame's attribute __DolphinDB_Type__, or by `typed`.

# name of a wire type -> its number
cdef dict type_numbers = {name: number for number, name in keys.TYPE_STRING.items()}

# what text can become, and what else becomes text cell by cell, through str()
cdef frozenset text_types = frozenset((
    DDB_TYPE_STRING, DDB_TYPE_SYMBOL, DDB_TYPE_BLOB, DDB_TYPE_UUID, DDB_TYPE_IPADDR, DDB_TYPE_INT128))
cdef frozenset object_types = frozenset((DDB_TYPE_STRING, DDB_TYPE_SYMBOL, DDB_TYPE_ANY))


@cython.final
cdef class TypedFrame:
    """A frame and the wire types of its columns, as `typed` or `TableSchema.fit` made it."""

    cdef readonly object frame
    cdef readonly dict types
    cdef Target target   # in place of types: those of a table on the server

    def __init__(self, frame, types):
        if not is_table(frame):
            raise UsageError(f"typed needs a DataFrame or another table, not {type_of(frame)}")
        self.frame = frame
        self.types = dict(types)
        for name, spec in self.types.items():
            # what the columns of Arrow data are is seen when it is sent: some can be asked once only
            if is_frame(frame) and name not in frame.columns:
                raise UsageError(f"the frame has no column {name!r} to be given a type")
            read_spec(name, spec)

    def __repr__(self):
        return f"<TypedFrame {self.types if self.target is None else self.target.place}>"


def typed(frame, types):
    """`frame` with the wire types of some of its columns: an argument for `run`, `upload` and `dumps`.

    Nothing is converted before it is sent, and neither frame nor pandas is changed: it says what the attribute
    ``__DolphinDB_Type__`` of the official client says, and wins over it.

    Parameters
    ----------
    frame : DataFrame
        Or Arrow data, or what `table` returned.
    types : dict
        Column name -> type: a name such as ``"SYMBOL"`` in any case, its number (``settings.DT_SYMBOL``), a list of
        either and a decimal's scale (``["DECIMAL64", 2]``), or None for the column's own type.

    Returns
    -------
    TypedFrame

    Raises
    ------
    UsageError
        `frame` is no table, has no such column, or a type is not understood. Whether the column's values can become
        it, and which columns Arrow data has, is seen when it is sent.

    Examples
    --------
    >>> session.run("tableInsert{trades}", ddb.typed(df, {"sym": "SYMBOL", "price": ["DECIMAL64", 2]}))
    """
    return TypedFrame(frame, types)


cdef int put_typed_frame(Encoder self, TypedFrame typed) except -1:
    if typed.target is not None:
        return put_fitted(self, typed.frame, typed.target)
    if is_frame(typed.frame):
        return self.put_frame(typed.frame, typed.types)
    return put_other_table(self, typed.frame, typed.types)


cdef tuple read_spec(object name, object spec):
    """A type as the caller wrote it -> (number, scale or -1); None: the column's own."""
    cdef object scale = None
    if spec is None:
        return None
    if isinstance(spec, list):
        if len(spec) not in (1, 2):
            raise UsageError(f"type of column {name!r}: a list must hold a type and maybe a scale, not {spec!r}")
        if len(spec) == 2:
            scale = spec[1]
            if scale is not None and (not isinstance(scale, int) or not 0 <= scale <= 38):
                raise UsageError(
                    f"type of column {name!r}: the scale must be an int from 0 to 38 or None, not {scale!r}")
        spec = spec[0]
    if isinstance(spec, str):
        number = type_numbers.get(spec.upper())
    elif isinstance(spec, int):
        number = spec if spec in keys.TYPE_STRING or spec == keys.DT_OBJECT else None
    else:
        raise UsageError(f"type of column {name!r}: give its number, its name or a list, not {spec!r}")
    if number is None:
        raise UsageError(f"type of column {name!r}: there is no type {spec!r}")
    return number, -1 if scale is None else scale


cdef list forced_types(object frame, object types):
    """For each column (number, scale), or None for its own type; None if all have that."""
    cdef list forced
    given = frame.__dict__.get("__DolphinDB_Type__") if type(frame) is DataFrame \
        else getattr(frame, "__DolphinDB_Type__", None)
    if given is None:
        given = types
    else:
        try:
            given = dict(given)
        except (TypeError, ValueError):
            raise UsageError(f"__DolphinDB_Type__ must be a dict of column names and types, not {given!r}") from None
        if types is not None:
            given.update(types)
    if not given:
        return None
    for name in given:
        if not isinstance(name, str):
            raise UsageError(f"__DolphinDB_Type__ must name columns with str, not {name!r}")
    forced = [read_spec(name, given.get(name)) for name in frame.columns]
    return forced if any(forced) else None


# what a numpy dtype becomes by itself, wire type and scale, in one number -> _Cast
cdef dict number_casts = {}


cdef int put_forced(Encoder self, block_source *source, Py_ssize_t place, Py_ssize_t rows, object values,
                    tuple spec) except -1:
    """One column of a resolved source as another type; `values` is what was resolved."""
    cdef int type = spec[0]
    cdef int scale = spec[1]
    cdef const char *cells
    cdef int64_t way
    if source.kind == SOURCE_OTHER:
        return put_forced_extension(self, values, rows, type, scale)
    if place < 0 or place >= source.columns or source.rows != rows:
        raise ConversionError("the frame's block table points outside its blocks")
    cells = source.data + place * source.column_stride
    if source.kind == SOURCE_NUMBERS:
        if type == source.rule.type:
            return put_source(self, source, place, rows, None)
        way = source.rule.conversion | source.rule.type << 8 | type << 16 | <int64_t>(scale + 1) << 32
        known = number_casts.get(way)
        if known is not None:
            return put_cast_column(self, cells, source.row_stride, rows, source.swap, type, scale, <_Cast>known)
        known = put_forced_numbers(self, column_of(values, place), rows, type, scale)
        if known is not None:
            number_casts[way] = known
        return 0
    if source.kind == SOURCE_TEXT:
        if type == DDB_TYPE_STRING:
            return put_source(self, source, place, rows, None)
        if type not in text_types:
            refuse_cast(self, type)
    elif type == keys.DT_OBJECT:
        type = -1
    return put_object_cells(self, cells, source.row_stride, rows, type, scale)


cdef cnp.ndarray column_of(object values, Py_ssize_t place):
    """One column of a block's values."""
    cdef cnp.ndarray array = values if cnp.PyArray_Check(values) else read_field(&NDARRAY, values)
    return array[place] if cnp.PyArray_NDIM(array) == 2 else array


cdef int put_cast_column(Encoder self, const char *data, ptrdiff_t stride, Py_ssize_t rows, bint swap, int type,
                         int scale, _Cast way) except -1:
    """Numbers or dates of numpy by a way that is known."""
    cdef ddb_cells cells
    memset(&cells, 0, sizeof(cells))
    cells.data = data
    cells.stride = stride
    cells.rows = rows
    cells.swap = swap
    put_scaled_head(self, type, max(scale, 0), rows)
    return put_cast(self, &cells, way)


cdef object put_forced_numbers(Encoder self, cnp.ndarray array, Py_ssize_t rows, int type, int scale):
    """Numbers or dates of numpy. Returns the way, if it is the way of every such column."""
    cdef _Cast way
    source = numpy_source(array.dtype)
    if type in object_types or (rows == 0 and (type in text_types or is_decimal(type))):
        put_objects_forced(self, array, type, scale)
        return None
    scale = forced_scale(self, source.kind, type, scale, rows)
    way = find_cast(source, type, scale)
    if way is None:
        refuse_cast(self, type)
    put_cast_column(self, cnp.PyArray_BYTES(array), array.strides[0], rows, cnp.PyArray_ISBYTESWAPPED(array), type,
                    scale, way)
    return way


cdef int put_objects_forced(Encoder self, object values, int type, int scale) except -1:
    """Any values, as the Python objects that they are one by one."""
    cdef cnp.ndarray array = np.fromiter(values, dtype=object, count=len(values))
    self.borrowed.append(array)
    return put_object_cells(self, cnp.PyArray_BYTES(array), array.strides[0], array.shape[0], type, scale)


cdef int put_object_cells(Encoder self, const char *cells, ptrdiff_t stride, Py_ssize_t rows, int type,
                          int scale) except -1:
    self.target = -1
    if rows == 0 and (type in text_types or type == DDB_TYPE_ANY or is_decimal(type)):
        return put_scaled_head(self, type, forced_scale(self, "", type, scale, 0), 0)
    return put_object_column(self, cells, stride, rows, type, scale)


cdef int put_forced_extension(Encoder self, object values, Py_ssize_t rows, int type, int scale) except -1:
    """An extension array; its type decides."""
    self.target = -1
    if isinstance(values, Categorical):
        return put_forced_categorical(self, values, rows, type, scale)
    if isinstance(values, masked_arrays):
        return put_masked(self, values, rows, type, scale)
    dtype = values.dtype
    if isinstance(dtype, StringDtype) \
            or (ArrowDtype is not None and isinstance(dtype, ArrowDtype)):
        return put_arrow_column(self, arrow_of(values), rows, type, scale)
    refuse_dtype(self, dtype)


cdef int put_forced_categorical(Encoder self, object values, Py_ssize_t rows, int type, int scale) except -1:
    """SYMBOL if the categories are text; everything else from the values."""
    cdef block_source source
    if type == DDB_TYPE_SYMBOL and values.categories.inferred_type in ("string", "empty"):
        return put_categorical(self, values, rows)
    if type in object_types:
        # one by one, since a null among integers would make floats of them, and their text with it
        decoded = np.append(np.asarray(values.categories, dtype=object), None)[values.codes]
    else:
        decoded = np.asarray(values)
    memset(&source, 0, sizeof(source))
    resolve(self, decoded, &source)
    return put_forced(self, &source, 0, rows, decoded, (type, scale))

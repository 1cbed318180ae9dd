# Cells with a mark for NULL, cells that become another type than their own, and pandas' masked arrays.
#
# Fields of pandas that are not public, probed once at import (`probe_masks`); if they are missing or disagree, the
# public methods serve:
#   BaseMaskedArray._data      1-d ndarray of the values, anything where the mask is set
#   BaseMaskedArray._mask      1-d bool ndarray

cdef tuple masked_arrays = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)


@cython.final
cdef class _Cast:
    """A compiled rule of dtypes.cast."""

    cdef ddb_cast steps


cdef dict load_numbers = {
    "BIT": DDB_LOAD_BIT, "I8": DDB_LOAD_I8, "I16": DDB_LOAD_I16, "I32": DDB_LOAD_I32, "I64": DDB_LOAD_I64,
    "U8": DDB_LOAD_U8, "U16": DDB_LOAD_U16, "U32": DDB_LOAD_U32, "U64": DDB_LOAD_U64, "F32": DDB_LOAD_F32,
    "F64": DDB_LOAD_F64, "I128": DDB_LOAD_I128, "BYTES16": DDB_LOAD_BYTES16,
}
cdef dict store_numbers = {
    "I8": DDB_STORE_I8, "I16": DDB_STORE_I16, "I32": DDB_STORE_I32, "I64": DDB_STORE_I64, "F32": DDB_STORE_F32,
    "F64": DDB_STORE_F64, "I128": DDB_STORE_I128, "BYTES16": DDB_STORE_BYTES16,
}
cdef dict flag_numbers = {
    "LOWEST_NULL": DDB_CAST_LOWEST_NULL, "INFINITE_NULL": DDB_CAST_INFINITE_NULL, "MONTH": DDB_CAST_MONTH,
    "ROUND": DDB_CAST_ROUND, "NAN_NULL": DDB_CAST_NAN_NULL,
}
# (source, wire type, scale) -> _Cast, None where there is no way
cdef dict casts = {}
# name of a numpy dtype -> Source
cdef dict numpy_sources = {}


cdef _Cast compile_cast(object steps):
    cdef _Cast made = _Cast()
    made.steps.load = load_numbers[steps.load]
    made.steps.store = store_numbers[steps.store]
    made.steps.flags = 0
    for flag in steps.flags:
        made.steps.flags |= <uint8_t>flag_numbers[flag]
    made.steps.digits = steps.digits
    made.steps.modulo = steps.modulo
    made.steps.divide = steps.divide
    made.steps.multiply = steps.multiply
    made.steps.low = steps.low
    made.steps.high = steps.high
    made.steps.null = steps.null
    return made


cdef _Cast find_cast(object source, int type, int scale):
    """The way from `source` to a wire type, None if there is none; `scale` is a decimal's, else 0."""
    key = (source, type, scale)
    found = casts.get(key, casts)
    if found is casts:
        steps = cast(source, type_name(type), scale)
        found = casts[key] = None if steps is None else compile_cast(steps)
    return found


cdef int put_cast(Encoder self, ddb_cells *cells, _Cast way) except -1:
    """Cells of a vector whose head was put; their memory must be kept alive by the caller."""
    return self.check(ddb_request_put_cast(&self.request, cells, &way.steps, &self.error))


cdef int put_scaled_head(Encoder self, int type, int scale, Py_ssize_t rows) except -1:
    """The head of a vector; `scale` is sent if it is a decimal's."""
    cdef int32_t digits = scale
    self.put_vector_head(type, rows)
    return self.put(&digits, sizeof(digits)) if is_decimal(type) else 0


cdef int forced_scale(Encoder self, str kind, int type, int scale, Py_ssize_t rows) except -1:
    """The scale to use for cells of a kind of `Source`, -1: not given; 0 if the type is no decimal."""
    if not is_decimal(type):
        return 0
    if scale < 0 and kind == "float" and rows:
        self.target = type
        self.refuse_type("floats need a scale to become decimals; give it as ['DECIMAL64', 2]")
    if scale < 0:
        return 0
    if not 0 <= scale <= SCALES[type_name(type)]:
        self.target = type
        raise ValueRefused(f"{self.where(-1)}scale {scale} is outside 0 to {SCALES[type_name(type)]}")
    return scale


cdef int refuse_cast(Encoder self, int type) except -1:
    self.target = -1
    self.refuse_type(f"it can't be converted to {type_name(type)}")


# -- masked arrays --------------------------------------------------------------------------------------------

cdef bint masks_are_fast = False


cdef tuple masked_parts(object values):
    """Data and mask of a masked array."""
    if masks_are_fast:
        return values._data, values._mask
    numpy_type = values.dtype.numpy_dtype
    return values.to_numpy(dtype=numpy_type, na_value=numpy_type.type(0)), np.asarray(values.isna())


cdef bint probe_masks():
    for data, dtype in (([1, None, 3], "Int64"), ([1.5, None], "Float32"), ([True, None], "boolean")):
        values = pd.array(data, dtype=dtype)
        mask = values._mask
        numbers = values._data
        if type(mask) is not np.ndarray or mask.dtype != bool or mask.tolist() != values.isna().tolist() \
                or type(numbers) is not np.ndarray or numbers.dtype != values.dtype.numpy_dtype \
                or numbers[~mask].tolist() != [value for value in data if value is not None]:
            return False
    return True


cdef int put_masked(Encoder self, object values, Py_ssize_t rows, int type, int scale) except -1:
    """A masked array as `type`, -1: as its own."""
    cdef cnp.ndarray data, mask
    cdef ddb_cells cells
    cdef rule own
    cdef bint plain
    cdef _Cast way
    data, mask = masked_parts(values)
    check_length(data.shape[0], rows)
    check_length(mask.shape[0], rows)
    if cnp.PyArray_NDIM(data) != 1 or cnp.PyArray_NDIM(mask) != 1 or cnp.PyArray_TYPE(mask) != cnp.NPY_BOOL:
        raise ConversionError(f"{self.where(-1)}a masked array whose data or mask is not what pandas says")
    own = number_rules[rule_index(data.descr.kind, data.itemsize)]
    if not own.known:
        refuse_dtype(self, values.dtype)
    if type < 0:
        type = own.type
    self.borrowed.append((data, mask))
    if type == own.type:
        plain = mask.strides[0] == 1 and \
            self.kernels.count_zeros(<const uint8_t *>cnp.PyArray_DATA(mask), rows) == rows
        if plain:
            self.put_vector_head(type, rows)
            # unlike numpy's, these floats keep NaN and infinities
            return self.put_column(
                cnp.PyArray_BYTES(data), data.strides[0], rows,
                copy_conversion(data.itemsize) if data.descr.kind == c'f' else own.conversion,
                cnp.PyArray_ISBYTESWAPPED(data))
    source = numpy_source(data.dtype)._replace(arrow=data.descr.kind == c'f')
    scale = forced_scale(self, source.kind, type, scale, rows)
    way = find_cast(source, type, scale)
    if way is None:
        refuse_cast(self, type)
    memset(&cells, 0, sizeof(cells))
    cells.data = cnp.PyArray_BYTES(data)
    cells.stride = data.strides[0]
    cells.rows = rows
    cells.swap = cnp.PyArray_ISBYTESWAPPED(data)
    cells.mask = <const uint8_t *>cnp.PyArray_DATA(mask)
    cells.mask_stride = mask.strides[0]
    put_scaled_head(self, type, scale, rows)
    return put_cast(self, &cells, way)


cdef object numpy_source(object dtype):
    """The Source of a numpy dtype that RULES has."""
    source = numpy_sources.get(dtype)
    if source is None:
        letter = {"b": "I", "i": "I", "u": "U", "f": "F", "M": "I"}[dtype.kind]
        source = numpy_sources[dtype] = Source(
            f"{letter}{dtype.itemsize * 8}",
            {"b": "bool", "f": "float", "M": "moment"}.get(dtype.kind, "integer"),
            np.datetime_data(dtype)[0] if dtype.kind == "M" else "")
    return source

# One Python value: what it is, and the wire cell that it becomes.

cdef extern from "numpy/arrayobject.h":
    int64_t NPY_DATETIME_NAT

cdef enum value_kind:
    CELL_NULL
    CELL_BOOL
    CELL_INTEGER
    CELL_REAL
    CELL_DATE       # datetime.date, in days
    CELL_MOMENT     # datetime and datetime64, in `unit`
    CELL_TIME       # datetime.time, in nanoseconds
    CELL_DECIMAL
    CELL_TEXT
    CELL_BYTES
    CELL_UUID
    CELL_OTHER

# Of cells that are null alone, the highest rank decides what their vector becomes.
cdef enum null_rank:
    RANK_VALUE      # no null
    RANK_NONE
    RANK_FLOAT
    RANK_DOUBLE
    RANK_MOMENT
    RANK_DECIMAL

# What may become of a value that the target type does not hold as it is.
cdef enum:
    CELLS_FORCED = 0    # what the type makes of it: fractions are cut off, but nothing wraps
    CELLS_EXACT = 1     # the type was inferred: it is refused
    CELLS_LIST = 2      # infinities, too, are NULL: so the official client treats lists, and numpy arrays

ctypedef struct cell_value:
    value_kind kind
    null_rank rank
    int type        # wire type that it has by itself, -1: none; of a null the type that a vector of it has
    int scale       # CELL_DECIMAL: digits after the point
    int unit        # CELL_MOMENT
    bint huge       # CELL_INTEGER beyond 64 bits
    int64_t value
    double real     # CELL_REAL

# by numpy's number of the unit: what a datetime64 becomes; a NaT without unit is like one of nanoseconds
cdef int[16] moment_types
moment_types[:] = [
    -1, DDB_TYPE_MONTH, -1, -1, DDB_TYPE_DATE, DDB_TYPE_DATEHOUR, DDB_TYPE_DATETIME, DDB_TYPE_DATETIME,
    DDB_TYPE_TIMESTAMP, DDB_TYPE_NANOTIMESTAMP, DDB_TYPE_NANOTIMESTAMP, -1, -1, -1, DDB_TYPE_NANOTIMESTAMP, -1]

cdef object numpy_generic = np.generic


cdef inline int moment_type(int unit, int multiple) noexcept:
    return moment_types[unit] if multiple == 1 and 0 <= unit < 16 else -1


# The enumerators stand on the right: compared from the left, Cython would take a type of -1 for a large one.

cdef inline bint is_decimal(int type) noexcept:
    return type >= DDB_TYPE_DECIMAL32 and type <= DDB_TYPE_DECIMAL128


cdef inline bint is_number(int type) noexcept:
    """The types that widen into one another; the larger id holds both."""
    return (type >= DDB_TYPE_CHAR and type <= DDB_TYPE_LONG) or type == DDB_TYPE_FLOAT or type == DDB_TYPE_DOUBLE


cdef int cell_width(int type) noexcept:
    """Bytes of a cell, 0 if that differs from cell to cell."""
    if type == DDB_TYPE_BOOL or type == DDB_TYPE_CHAR:
        return 1
    if type == DDB_TYPE_SHORT:
        return 2
    if type == DDB_TYPE_INT or (type >= DDB_TYPE_DATE and type <= DDB_TYPE_DATETIME) or type == DDB_TYPE_DATEHOUR \
            or type == DDB_TYPE_FLOAT or type == DDB_TYPE_DECIMAL32:
        return 4
    if type == DDB_TYPE_LONG or (type >= DDB_TYPE_TIMESTAMP and type <= DDB_TYPE_NANOTIMESTAMP) \
            or type == DDB_TYPE_DOUBLE or type == DDB_TYPE_DECIMAL64:
        return 8
    if type == DDB_TYPE_UUID or type == DDB_TYPE_IPADDR or type == DDB_TYPE_INT128 or type == DDB_TYPE_DECIMAL128:
        return 16
    return 0


# -- what a value is ------------------------------------------------------------------------------------------

cdef int read_cell(object value, cell_value *cell) except -1:
    """Say what a value is. Runs no code of the value's class, whatever that is, but for subclasses of numpy's."""
    cell.rank = RANK_VALUE
    if PyLong_CheckExact(value):
        return read_integer(value, DDB_TYPE_LONG, cell)
    if PyFloat_Check(value):
        return read_real(PyFloat_AS_DOUBLE(value), DDB_TYPE_DOUBLE, cell)
    if value is None or value is NA:
        return read_null(DDB_TYPE_VOID, RANK_NONE, cell)
    if PyBool_Check(value):
        cell.kind = CELL_BOOL
        cell.type = DDB_TYPE_BOOL
        cell.huge = False
        cell.value = value is True
    elif PyLong_Check(value):
        read_integer(value, DDB_TYPE_LONG, cell)
    elif PyUnicode_Check(value):
        cell.kind = CELL_TEXT
        cell.type = DDB_TYPE_STRING
    elif value is NaT:
        read_null(DDB_TYPE_NANOTIMESTAMP, RANK_MOMENT, cell)
    elif PyDateTime_Check(value):
        read_datetime(value, cell)
    elif PyDate_Check(value):
        cell.kind = CELL_DATE
        cell.type = DDB_TYPE_DATE
        cell.unit = DDB_UNIT_DAY
        cell.value = ddb_days_from_civil(
            PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value))
    elif PyTime_Check(value):
        cell.kind = CELL_TIME
        cell.type = DDB_TYPE_NANOTIME
        cell.unit = DDB_UNIT_NANOSECOND
        cell.value = 1000 * microseconds_of_day(
            PyDateTime_TIME_GET_HOUR(value), PyDateTime_TIME_GET_MINUTE(value), PyDateTime_TIME_GET_SECOND(value),
            PyDateTime_TIME_GET_MICROSECOND(value))
    elif isinstance(value, Decimal):
        read_decimal(value, cell)
    elif PyBytes_Check(value) or PyByteArray_Check(value):
        cell.kind = CELL_BYTES
        cell.type = DDB_TYPE_BLOB
    elif cnp.is_datetime64_object(value):
        read_datetime64(<PyObject *>value, cell)
    elif isinstance(value, numpy_generic):
        read_numpy_number(value, cell)
    elif isinstance(value, UUID):
        cell.kind = CELL_UUID
        cell.type = DDB_TYPE_UUID
    else:
        cell.kind = CELL_OTHER
        cell.type = -1
    return 0


cdef inline int read_null(int type, null_rank rank, cell_value *cell) noexcept:
    cell.kind = CELL_NULL
    cell.type = type
    cell.rank = rank
    cell.scale = 0
    return 0


cdef inline int read_integer(object value, int type, cell_value *cell) except -1:
    cdef int overflow = 0
    cell.kind = CELL_INTEGER
    cell.type = type
    cell.value = PyLong_AsLongLongAndOverflow(value, &overflow)
    cell.huge = overflow != 0
    return 0


cdef inline int read_real(double real, int type, cell_value *cell) noexcept:
    if real != real:
        return read_null(type, RANK_FLOAT if type == DDB_TYPE_FLOAT else RANK_DOUBLE, cell)
    cell.kind = CELL_REAL
    cell.type = type
    cell.real = real
    if type == DDB_TYPE_FLOAT and isinf(real):
        cell.rank = RANK_FLOAT
    return 0


cdef inline int64_t microseconds_of_day(int hour, int minute, int second, int microsecond) noexcept:
    return ((hour * 60 + minute) * 60 + second) * <int64_t>1000000 + microsecond


cdef int read_datetime(object value, cell_value *cell) except -1:
    """The wall clock, whatever the time zone. A Timestamp has nanoseconds besides, and years that datetime has not."""
    cdef bint stamp = not PyDateTime_CheckExact(value) and isinstance(value, Timestamp)
    cdef int64_t year = value.year if stamp else PyDateTime_GET_YEAR(value)
    cdef int64_t nanosecond = value.nanosecond if stamp else 0
    cell.kind = CELL_MOMENT
    cell.type = DDB_TYPE_TIMESTAMP
    cell.unit = DDB_UNIT_MICROSECOND
    cell.value = ddb_days_from_civil(year, PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value)) * 86400000000 \
        + microseconds_of_day(PyDateTime_DATE_GET_HOUR(value), PyDateTime_DATE_GET_MINUTE(value),
                              PyDateTime_DATE_GET_SECOND(value), PyDateTime_DATE_GET_MICROSECOND(value))
    if nanosecond:
        # then its whole range fits
        cell.unit = DDB_UNIT_NANOSECOND
        cell.value = cell.value * 1000 + nanosecond
    return 0


cdef int read_datetime64(PyObject *value, cell_value *cell) noexcept:
    cdef cnp.PyDatetimeScalarObject *stamp = <cnp.PyDatetimeScalarObject *>value
    cdef int type = moment_type(stamp.obmeta.base, stamp.obmeta.num)
    if stamp.obval == NPY_DATETIME_NAT and type >= 0:
        return read_null(type, RANK_MOMENT, cell)
    cell.kind = CELL_MOMENT if type >= 0 else CELL_OTHER
    cell.type = type
    cell.unit = stamp.obmeta.base
    cell.value = stamp.obval
    return 0


cdef int read_numpy_number(object value, cell_value *cell) except -1:
    """A scalar of numpy that derives from no Python number. Half and long double have no type of their own."""
    cdef cnp.dtype descr = cnp.PyArray_DescrFromScalar(value)
    cdef int kind = descr.kind
    cdef rule known = number_rules[rule_index(kind, descr.itemsize)]
    if kind == c'b':
        return read_cell(True if value else False, cell)
    if kind == c'i' or kind == c'u':
        return read_integer(int(value), known.type, cell)
    if kind == c'f':
        return read_real(float(value), known.type if known.known else -1, cell)
    cell.kind = CELL_OTHER
    cell.type = -1
    return 0


cdef object decimal_text(object value):
    """What Decimal itself prints, not what a subclass does."""
    return (<PyTypeObject *>Decimal).tp_str(value)


cdef int read_decimal(object value, cell_value *cell) except -1:
    cdef int64_t scale = 0
    text = decimal_text(value)
    cell.kind = CELL_DECIMAL
    if ddb_decimal_scale(<uint8_t *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), &scale) != DDB_OK:
        cell.rank = RANK_DECIMAL
        if "I" not in text:
            cell.kind = CELL_NULL
        scale = 0
    cell.scale = <int>min(max(scale, <int64_t>0), <int64_t>DDB_LIMIT_ROWS)
    cell.type = DDB_TYPE_DECIMAL64 if scale <= 17 else DDB_TYPE_DECIMAL128
    return 0


# -- what becomes of it ---------------------------------------------------------------------------------------

cdef int write_null(int type, uint8_t *target) noexcept:
    """NULL of a type whose cells have one width."""
    cdef int width = cell_width(type)
    cdef uint32_t single = DDB_NULL_FLOAT_BITS
    cdef uint64_t double_ = DDB_NULL_DOUBLE_BITS
    if type == DDB_TYPE_FLOAT:
        memcpy(target, &single, sizeof(single))
    elif type == DDB_TYPE_DOUBLE:
        memcpy(target, &double_, sizeof(double_))
    else:
        memset(target, 0, width)
        if width < 16 or type == DDB_TYPE_DECIMAL128:
            target[width - 1] = 0x80
    return DDB_OK


cdef int write_cell(object value, int type, int scale, int flags, uint8_t *target) except -1:
    """The cell of a fixed-width type. Returns DDB_OK, DDB_ERR_KIND (the value says something else than the type) or
    DDB_ERR_RANGE (the type can't hold it)."""
    cdef cell_value cell
    read_cell(value, &cell)
    if cell.kind == CELL_NULL or (cell.rank != RANK_VALUE and flags & CELLS_LIST):
        return write_null(type, target)
    if type >= DDB_TYPE_BOOL and type <= DDB_TYPE_LONG:
        return write_integer(value, &cell, type, flags, target)
    if type == DDB_TYPE_FLOAT or type == DDB_TYPE_DOUBLE:
        return write_real(value, &cell, type, flags, target)
    if is_decimal(type):
        return write_decimal(value, &cell, type, scale, target)
    if type == DDB_TYPE_UUID or type == DDB_TYPE_IPADDR or type == DDB_TYPE_INT128:
        return write_wide(value, &cell, type, target)
    return write_moment(value, &cell, type, target)


cdef int write_integer(object value, cell_value *cell, int type, int flags, uint8_t *target) except -1:
    cdef int width = cell_width(type)
    cdef int64_t highest = (<uint64_t>1 << (8 * width - 1)) - 1
    if cell.kind == CELL_DECIMAL or (cell.kind == CELL_REAL and cell.type != DDB_TYPE_DOUBLE):
        # the official client takes int() of both, but no float
        if cell.rank != RANK_VALUE or (cell.kind == CELL_REAL and isinf(cell.real)):
            return DDB_ERR_RANGE
        whole = int(value)
        if flags & CELLS_EXACT and whole != value:
            return DDB_ERR_RANGE
        read_integer(whole, type, cell)
    if cell.kind != CELL_BOOL and cell.kind != CELL_INTEGER:
        return DDB_ERR_KIND
    if cell.huge or not -highest - 1 <= cell.value <= highest:
        return DDB_ERR_RANGE
    if type == DDB_TYPE_BOOL:
        if flags & CELLS_EXACT and not 0 <= cell.value <= 1:
            return DDB_ERR_RANGE
        if cell.value != -128:
            cell.value = cell.value != 0
    memcpy(target, &cell.value, width)
    return DDB_OK


cdef int write_real(object value, cell_value *cell, int type, int flags, uint8_t *target) except -1:
    cdef double real
    cdef float single
    if cell.kind == CELL_REAL:
        real = cell.real
    elif cell.kind == CELL_BOOL or (cell.kind == CELL_INTEGER and not cell.huge):
        real = <double>cell.value
    elif cell.kind == CELL_INTEGER or cell.kind == CELL_DECIMAL:
        try:
            real = float(value)
        except OverflowError:
            return DDB_ERR_RANGE
    else:
        return DDB_ERR_KIND
    if isinf(real) and flags & CELLS_LIST:
        return write_null(type, target)
    if type == DDB_TYPE_DOUBLE:
        memcpy(target, &real, sizeof(real))
        return DDB_OK
    single = <float>real
    if isinf(single) and not isinf(real):
        return DDB_ERR_RANGE
    memcpy(target, &single, sizeof(single))
    return DDB_OK


cdef int write_decimal(object value, cell_value *cell, int type, int scale, uint8_t *target) except -1:
    if cell.kind == CELL_DECIMAL:
        text = decimal_text(value)
    elif cell.kind == CELL_INTEGER:
        if cell.huge and int(value).bit_length() > 127:
            return DDB_ERR_RANGE
        text = int.__repr__(int(value))
    else:
        return DDB_ERR_KIND
    return ddb_decimal_write(
        <uint8_t *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), scale, cell_width(type), target)


cdef int write_wide(object value, cell_value *cell, int type, uint8_t *target) except -1:
    """Cells of 16 bytes that are written as text: what str() makes of any object is read."""
    if cell.kind == CELL_UUID and type == DDB_TYPE_UUID:
        data = value.int.to_bytes(16, "little")
        memcpy(target, PyBytes_AS_STRING(data), 16)
        return DDB_OK
    if cell.kind == CELL_BYTES:
        data = bytes(value)
        return ddb_text_wide(type, <uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), target)
    text = value if cell.kind == CELL_TEXT else str(value)
    if not PyUnicode_IS_COMPACT_ASCII(text):
        text = ascii(text)
    return ddb_text_wide(type, <uint8_t *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), target)


cdef int write_moment(object value, cell_value *cell, int type, uint8_t *target) except -1:
    cdef int width = cell_width(type)
    cdef int64_t moment = cell.value
    cdef int status = DDB_OK
    if cell.kind == CELL_INTEGER:
        # taken as what the type counts
        if cell.huge or (width == 4 and moment != <int32_t>moment):
            status = DDB_ERR_RANGE
    elif cell.kind == CELL_DATE and ddb_type_is_time(type):
        moment = 0
    elif cell.kind == CELL_DATE or cell.kind == CELL_MOMENT or (cell.kind == CELL_TIME and ddb_type_is_time(type)):
        status = ddb_moment_convert(cell.value, cell.unit, type, &moment)
    elif (cell.kind == CELL_REAL and isinf(cell.real)) or (cell.kind == CELL_DECIMAL and cell.rank == RANK_DECIMAL) \
            or (cell.kind == CELL_TEXT and PyUnicode_GET_LENGTH(value) == 0):
        return write_null(type, target)
    else:
        status = DDB_ERR_KIND
    if status == DDB_OK:
        memcpy(target, &moment, width)
    return status


cdef int check_scale(Encoder self, int type, int64_t scale) except -1:
    cdef int most = 9 if type == DDB_TYPE_DECIMAL32 else 18 if type == DDB_TYPE_DECIMAL64 else 38
    if not 0 <= scale <= most:
        raise ValueRefused(f"{self.where(-1)}{scale} digits after the point; {type_name(type)} has 0 to {most}")
    return 0


cdef int put_scale(Encoder self, int type, int scale) except -1:
    """A decimal's scale, which stands behind the head of its objects; nothing for other types."""
    cdef int32_t digits = scale
    return self.put(&digits, sizeof(digits)) if is_decimal(type) else 0


cdef int put_scalar(Encoder self, object value) except -1:
    """One value that is no container."""
    cdef cell_value cell
    cdef uint8_t bytes_[16]
    cdef int status
    read_cell(value, &cell)
    if cell.type < 0:
        return put_other(self, value)
    self.target = cell.type
    if cell.type == DDB_TYPE_VOID:
        return self.put(b"\x00\x00\x00", 3)
    if cell.kind == CELL_TEXT:
        self.put_head(DDB_TYPE_STRING, DDB_FORM_SCALAR)
        return self.put_text(value)
    if cell.kind == CELL_BYTES:
        self.put_head(DDB_TYPE_BLOB, DDB_FORM_SCALAR)
        return put_blob(self, bytes(value))
    status = write_cell(value, cell.type, cell.scale, CELLS_LIST, bytes_)
    if status == DDB_ERR_RANGE and cell.type == DDB_TYPE_DECIMAL64:
        cell.type = self.target = DDB_TYPE_DECIMAL128
        status = write_cell(value, cell.type, cell.scale, CELLS_LIST, bytes_)
    if status != DDB_OK:
        refuse_cell(self, status, value, -1)
    if is_decimal(cell.type):
        check_scale(self, cell.type, cell.scale)
    self.put_head(cell.type, DDB_FORM_SCALAR)
    put_scale(self, cell.type, cell.scale)
    return self.put(bytes_, cell_width(cell.type))


cdef int put_blob(Encoder self, bytes data) except -1:
    cdef int32_t size
    if len(data) > DDB_LIMIT_ROWS:
        raise ValueRefused(f"{self.where(-1)}a BLOB of {len(data)} bytes; the limit is {<int>DDB_LIMIT_ROWS}")
    size = <int32_t>len(data)
    self.put(&size, sizeof(size))
    return self.put_bytes(data)


# -- what can't be sent ---------------------------------------------------------------------------------------

cdef str shown(object value):
    """A value for a message, and its type; whatever its class does."""
    try:
        text = ascii(value)
    except Exception:
        text = "a value that can't be shown"
    kind = value.dtype if isinstance(value, numpy_generic) else type_of(value)
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({kind})"


cdef str type_of(object value):
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


cdef int refuse_cell(Encoder self, int status, object value, int64_t row) except -1:
    """Raise what `write_cell` said of a value."""
    target = type_name(self.target)
    if status == DDB_ERR_RANGE:
        raise ValueRefused(f"{self.where(row)}the value does not fit {target}: {shown(value)}")
    if isinstance(value, (str, bytes)):
        raise ValueRefused(f"{self.where(row)}the text is no {target}: {shown(value)}")
    raise UnsupportedTypeError(f"{self.where(row)}the value is no {target}: {shown(value)}")


cdef int refuse_object(Encoder self, object value, int64_t row) except -1:
    hint = ""
    if PyDelta_Check(value) or (cnp.is_timedelta64_object(value)):
        hint = "; DolphinDB has no time spans here: send a number, for example total_seconds()"
    raise UnsupportedTypeError(f"{self.where(row)}objects of type {type_of(value)} can't be sent{hint}: {shown(value)}")

# Cells as Python objects: text, bytes, decimals; and the text of cells that are read as text.


cdef object _objects(Py_ssize_t count):
    return np.empty(count, dtype=object)


cdef inline void _put(PyObject **cells, Py_ssize_t place, object value):
    Py_INCREF(value)
    Py_XDECREF(cells[place])
    cells[place] = <PyObject *>value


cdef int _check_layout(cnp.ndarray data, cnp.ndarray offsets) except -1:
    if data.ndim != 1 or offsets.ndim != 1 or offsets.shape[0] < 1 or data.dtype != np.uint8 \
            or offsets.dtype != np.int64 or not data.flags.c_contiguous or not offsets.flags.c_contiguous:
        raise ValueError("data must be contiguous uint8 and offsets contiguous int64, at least one")
    return 0


cdef inline int64_t _cell_size(const int64_t *cuts, Py_ssize_t row, int64_t size) except -1:
    """Bytes of a cell; offsets are never trusted."""
    if cuts[row] < 0 or cuts[row + 1] < cuts[row] or cuts[row + 1] > size:
        raise ValueError(f"offsets of row {row} are outside the data")
    return cuts[row + 1] - cuts[row]


cdef enum:
    # texts seen before are the same objects: columns mostly repeat few of them, and a new str costs 30 ns and 56 bytes
    SEEN_SLOTS = 8192
    SEEN_BYTES = 32        # longer texts repeat less
    SEEN_TRIAL = 4096      # after so many cells, of which few were seen before, there is no more looking
    SEEN_ROWS = 1024       # for fewer it is not worth the clearing


cdef inline size_t _slot(const char *cell, size_t size):
    cdef uint64_t first = 0, last = 0
    if size >= 8:
        memcpy(&first, cell, 8)
        memcpy(&last, cell + size - 8, 8)
    else:
        memcpy(&first, cell, size)
    return <size_t>(((first ^ (last << 21 | last >> 43) ^ size) * <uint64_t>0x9E3779B97F4A7C15u) >> 51)


def texts(cnp.ndarray data not None, cnp.ndarray offsets not None):
    """The texts of a STRING column as an object array of str.

    Parameters
    ----------
    data : ndarray of uint8
    offsets : ndarray of int64
        As `Column` has them.

    Returns
    -------
    ndarray of object
        Bytes that are not UTF-8 are dropped, as the official client does.
    """
    cdef Py_ssize_t i, row, count, seen = 0
    cdef cnp.ndarray result
    cdef PyObject **cells
    cdef const int64_t *cuts
    cdef const char *cell
    cdef const char *bytes_
    cdef int64_t size
    cdef int32_t[SEEN_SLOTS] rows   # of the last text in each slot, and 1
    cdef size_t slot = 0
    cdef bint ascii, looking, short
    cdef object text
    _check_layout(data, offsets)
    count = offsets.shape[0] - 1
    result = _objects(count)
    cells = <PyObject **>cnp.PyArray_DATA(result)
    cuts = <const int64_t *>cnp.PyArray_DATA(offsets)
    bytes_ = cnp.PyArray_BYTES(data)
    looking = SEEN_ROWS <= count < 1 << 31
    if looking:
        memset(rows, 0, sizeof(rows))
    # looked at once: a third of the time of a short text goes into finding out that it is ASCII
    ascii = data.shape[0] == 0 or data.max() < 128
    for i in range(count):
        size = _cell_size(cuts, i, data.shape[0])
        cell = bytes_ + cuts[i]
        short = looking and size <= SEEN_BYTES
        if short:
            slot = _slot(cell, size)
            row = rows[slot] - 1
            if row >= 0 and cuts[row + 1] - cuts[row] == size and memcmp(cell, bytes_ + cuts[row], size) == 0:
                seen += 1
                _put(cells, i, <object>cells[row])
                continue
        if ascii:
            text = PyUnicode_New(size, 127)
            memcpy(PyUnicode_DATA(text), cell, size)
        else:
            text = PyUnicode_DecodeUTF8(cell, size, b"ignore")
        _put(cells, i, text)
        if short:
            rows[slot] = <int32_t>(i + 1)
            looking = i < SEEN_TRIAL or seen > i // 4
    return result


def blobs(cnp.ndarray data not None, cnp.ndarray offsets not None):
    """The cells of a BLOB column as an object array of bytes; parameters as of `texts`."""
    cdef Py_ssize_t i
    cdef int64_t size
    cdef cnp.ndarray result
    cdef const int64_t *cuts
    _check_layout(data, offsets)
    result = _objects(offsets.shape[0] - 1)
    cuts = <const int64_t *>cnp.PyArray_DATA(offsets)
    for i in range(offsets.shape[0] - 1):
        size = _cell_size(cuts, i, data.shape[0])
        cell = PyBytes_FromStringAndSize(cnp.PyArray_BYTES(data) + cuts[i], size)
        _put(<PyObject **>cnp.PyArray_DATA(result), i, cell)
    return result


def spelled(int type, cnp.ndarray cells not None, int scale=0):
    """UUID, IPADDR, INT128 and decimal cells as text.

    Parameters
    ----------
    type : int
        ``settings.DT_*``.
    cells : ndarray
        As `Column.data` has them.
    scale : int
        Digits after the point of decimals.

    Returns
    -------
    data, offsets : ndarray of uint8, ndarray of int64
        As a STRING column has them. Decimals as ``<digits>E-<scale>``, NULL as the empty text.
    """
    cdef int64_t count = cells.shape[0]
    cdef int width = cells.dtype.itemsize
    cdef int most
    cdef cnp.ndarray data, offsets
    cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(cells)
    cdef char *target
    cdef int64_t *ends
    if cells.ndim != 1 or not cells.flags.c_contiguous or _dtypes.get(type) != cells.dtype:
        raise ValueError(f"cells must be a contiguous array of the cells of type {type}")
    most = _TEXT_BYTES.get(type, 0)
    if not most:
        raise ValueError(f"cells of type {type} have no text")
    data = np.empty(count * most, dtype=_BYTES)
    offsets = np.zeros(count + 1, dtype=np.int64)
    target = cnp.PyArray_BYTES(data)
    ends = <int64_t *>cnp.PyArray_DATA(offsets) + 1
    with nogil:
        if type == DDB_TYPE_UUID:
            ddb_format_uuid(source, count, target, ends)
        elif type == DDB_TYPE_INT128:
            ddb_format_int128(source, count, target, ends)
        elif type == DDB_TYPE_IPADDR:
            ddb_format_ipaddr(source, count, target, ends)
        else:
            ddb_format_decimal(source, width, scale, count, target, ends)
    return data[:(<int64_t *>cnp.PyArray_DATA(offsets))[count]], offsets


def decimals(int type, cnp.ndarray cells not None, int scale):
    """Decimal cells as an object array of `decimal.Decimal`, NULL as None; parameters as of `spelled`."""
    cdef Py_ssize_t i
    cdef const int64_t *cuts
    cdef cnp.ndarray data, offsets, result
    cdef object text
    data, offsets = spelled(type, cells, scale)
    result = _objects(cells.shape[0])
    cuts = <const int64_t *>cnp.PyArray_DATA(offsets)
    for i in range(cells.shape[0]):
        if cuts[i + 1] > cuts[i]:
            text = PyUnicode_New(cuts[i + 1] - cuts[i], 127)
            memcpy(PyUnicode_DATA(text), cnp.PyArray_BYTES(data) + cuts[i], cuts[i + 1] - cuts[i])
            _put(<PyObject **>cnp.PyArray_DATA(result), i, _Decimal(text))
        else:
            _put(<PyObject **>cnp.PyArray_DATA(result), i, None)
    return result


def has_nulls(cnp.ndarray cells not None):
    """True if the NULL of its dtype (``column.NULLS``) is among the contiguous cells."""
    cdef int width = cells.dtype.itemsize
    if not cells.flags.c_contiguous or cells.dtype not in _null_bits:
        raise ValueError(f"cells must be contiguous and of a dtype that has a NULL, not {cells.dtype}")
    return ddb_read_contains(cnp.PyArray_DATA(cells), width, cells.size, _null_bits[cells.dtype]) != 0

# Text that lies in Python objects: its characters, and its UTF-8.

cdef extern from "Python.h":
    int PyUnicode_READY(object text) except -1
    int PyUnicode_IS_COMPACT_ASCII(object text)
    int PyUnicode_KIND(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    # the same on borrowed pointers: no reference is counted for a cell that is only looked at
    int cell_is_str "PyUnicode_CheckExact"(PyObject *cell)
    Py_ssize_t cell_length "PyUnicode_GET_LENGTH"(PyObject *cell)

cdef extern from *:
    """
    #define DDB_PREFETCH_CELL(p) (DDB_PREFETCH(p), DDB_PREFETCH((const char *)(p) + 64))

    /* Cells are fetched into the cache this many ahead, two cache lines of each: 100,000 short texts of their own
     * cost 2.7 ns each in order and 5.9 shuffled, with 8 ahead and one line 4.4 and 16. */
    enum { PREFETCH_CELLS = 32 };

    /* Copy one cell if it is a str of ASCII for which there is room; 0 if not. */
    static inline int put_ascii(PyObject *cell, uint8_t **target, const uint8_t *end)
    {
        if (!cell || !PyUnicode_CheckExact(cell) || !PyUnicode_IS_COMPACT_ASCII(cell))
            return 0;
        Py_ssize_t size = ((PyASCIIObject *)cell)->length;
        if (DDB_UNLIKELY(size >= end - *target - DDB_COPY_SLACK || size > DDB_LIMIT_TEXT))
            return 0;
        /* the characters of compact ASCII follow its struct */
        ddb_copy_terminated(*target, (const uint8_t *)((PyASCIIObject *)cell + 1), size);
        *target += size + 1;
        return 1;
    }

    /* Copy the cells from `first` on up to one that needs another treatment; returns that one's row, or `rows`. */
    static int64_t put_ascii_run(const char *cells, ptrdiff_t stride, int64_t first, int64_t rows, uint8_t **target,
                                 const uint8_t *end)
    {
        uint8_t *out = *target;
        const char *place = cells + first * stride;
        int64_t i = first;
        for (; i < rows - PREFETCH_CELLS; i++, place += stride) {
            DDB_PREFETCH_CELL(*(PyObject *const *)(place + PREFETCH_CELLS * stride));
            if (DDB_UNLIKELY(!put_ascii(*(PyObject *const *)place, &out, end)))
                break;
        }
        if (i >= rows - PREFETCH_CELLS)
            for (; i < rows; i++, place += stride)
                if (DDB_UNLIKELY(!put_ascii(*(PyObject *const *)place, &out, end)))
                    break;
        *target = out;
        return i;
    }

    /* The same for str that is not ASCII: up to a cell that is ASCII, no str, too long or no text that UTF-8 has. */
    static int64_t put_wide_run(const char *cells, ptrdiff_t stride, int64_t first, int64_t rows, uint8_t **target,
                                const uint8_t *end)
    {
        uint8_t *out = *target;
        int64_t i = first;
        for (; i < rows; i++) {
            PyObject *cell = *(PyObject *const *)(cells + i * stride);
            if (!cell || !PyUnicode_CheckExact(cell) || !PyUnicode_IS_READY(cell) || PyUnicode_IS_COMPACT_ASCII(cell))
                break;
            int64_t size = PyUnicode_GET_LENGTH(cell);
            if (size >= (end - out - DDB_COPY_SLACK) >> 2 || size > DDB_LIMIT_TEXT / 3)
                break;
            if (i + PREFETCH_CELLS < rows)
                DDB_PREFETCH_CELL(*(PyObject *const *)(cells + (i + PREFETCH_CELLS) * stride));
            const void *units = PyUnicode_DATA(cell);
            switch (PyUnicode_KIND(cell)) {
            case PyUnicode_1BYTE_KIND: size = ddb_utf8_from_ucs1(units, size, out); break;
            case PyUnicode_2BYTE_KIND: size = ddb_utf8_from_ucs2(units, size, out); break;
            default: size = ddb_utf8_from_ucs4(units, size, out); break;
            }
            if (size < 0 || size > DDB_LIMIT_TEXT)
                break;
            out[size] = 0;
            out += size + 1;
        }
        *target = out;
        return i;
    }
    """
    void DDB_PREFETCH_CELL(const void *p) nogil
    int64_t put_ascii_run(const char *cells, ptrdiff_t stride, int64_t first, int64_t rows, uint8_t **target,
                          const uint8_t *end)
    int64_t put_wide_run(const char *cells, ptrdiff_t stride, int64_t first, int64_t rows, uint8_t **target,
                         const uint8_t *end)

cdef inline int64_t utf8_of(int kind, void *units, int64_t length, uint8_t *target) noexcept:
    if kind == 1:
        return ddb_utf8_from_ucs1(<uint8_t *>units, length, target)
    if kind == 2:
        return ddb_utf8_from_ucs2(<uint16_t *>units, length, target)
    return ddb_utf8_from_ucs4(<uint32_t *>units, length, target)


cdef inline size_t text_room(object text):
    """Bytes that the text may take, its NUL included; None is empty. Text that is refused needs no room."""
    cdef size_t length, unit
    if text is None:
        return 1
    if isinstance(text, bytes):
        length = PyBytes_GET_SIZE(text)
        unit = 1
    elif PyUnicode_IS_COMPACT_ASCII(text):
        length = PyUnicode_GET_LENGTH(text)
        unit = 1
    else:
        PyUnicode_READY(text)
        length = PyUnicode_GET_LENGTH(text)
        unit = PyUnicode_KIND(text)
        if unit < 4:
            unit += 1
    return length * unit + 1 if length <= <size_t>DDB_LIMIT_TEXT else 1


cdef inline int64_t write_text(object text, uint8_t *target):
    """Write UTF-8 without the NUL; returns its size, or -1 - position of a lone surrogate. A text of more units
    than the limit has bytes is not written; one that turns out longer is, and the caller looks at the size."""
    cdef int64_t length
    if text is None:
        return 0
    if isinstance(text, bytes):
        length = PyBytes_GET_SIZE(text)
        if length <= DDB_LIMIT_TEXT:
            memcpy(target, PyBytes_AS_STRING(text), length)
        return length
    length = PyUnicode_GET_LENGTH(text)
    if length > DDB_LIMIT_TEXT:
        return length
    if PyUnicode_IS_COMPACT_ASCII(text):
        memcpy(target, PyUnicode_DATA(text), length)
        return length
    return utf8_of(PyUnicode_KIND(text), PyUnicode_DATA(text), length, target)


cdef object text_of(object value):
    """What a cell that is no str becomes in a text column: str(value), and bytes as they are."""
    return value if isinstance(value, bytes) else str(value)

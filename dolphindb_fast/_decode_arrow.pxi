# Arrow's C data interface, from `exchange.Array`. What is handed over keeps numpy's memory alive until it is given
# back, which may happen in any thread.

cdef extern from "Python.h":
    int Py_IsInitialized() nogil
    object PyCapsule_New(void *pointer, const char *name, void (*destructor)(object) noexcept)
    void *PyCapsule_GetPointer(object capsule, const char *name) noexcept

cdef enum:
    NULLABLE = 2


cdef inline void give_back(void *kept) noexcept nogil:
    """Drop a reference; at the end of the interpreter nobody counts any more."""
    if kept != NULL and Py_IsInitialized():
        with gil:
            Py_XDECREF(<PyObject *>kept)


cdef void release_schema(ddb_arrow_schema *self) noexcept nogil:
    cdef int64_t i
    for i in range(self.n_children):
        if self.children[i].release != NULL:
            self.children[i].release(self.children[i])
        free(self.children[i])
    if self.dictionary != NULL:
        if self.dictionary.release != NULL:
            self.dictionary.release(self.dictionary)
        free(self.dictionary)
    free(self.children)
    give_back(self.private_data)
    self.release = NULL


cdef void release_array(ddb_arrow_array *self) noexcept nogil:
    cdef int64_t i
    for i in range(self.n_children):
        if self.children[i].release != NULL:
            self.children[i].release(self.children[i])
        free(self.children[i])
    if self.dictionary != NULL:
        if self.dictionary.release != NULL:
            self.dictionary.release(self.dictionary)
        free(self.dictionary)
    free(self.children)
    free(self.buffers)
    give_back(self.private_data)
    self.release = NULL


cdef void *room(size_t size) except NULL:
    """Zeroed memory."""
    cdef void *memory = calloc(1, max(size, <size_t>1))
    if memory == NULL:
        raise MemoryError()
    return memory


cdef int fill_schema(object array, ddb_arrow_schema *target) except -1:
    """Of an empty struct. If this raises, the struct is to be released as far as it is filled."""
    memset(target, 0, sizeof(target[0]))
    Py_INCREF(array)
    target.private_data = <PyObject *>array
    target.release = release_schema
    target.format = <const char *>(<bytes>array.format)
    target.name = <const char *>(<bytes>array.name)
    target.flags = NULLABLE
    if array.children:
        target.children = <ddb_arrow_schema **>room(len(array.children) * sizeof(void *))
        for child in array.children:
            target.children[target.n_children] = <ddb_arrow_schema *>room(sizeof(ddb_arrow_schema))
            target.n_children += 1
            fill_schema(child, target.children[target.n_children - 1])
    if array.dictionary is not None:
        target.dictionary = <ddb_arrow_schema *>room(sizeof(ddb_arrow_schema))
        fill_schema(array.dictionary, target.dictionary)
    return 0


cdef int fill_array(object array, ddb_arrow_array *target) except -1:
    """As `fill_schema`."""
    memset(target, 0, sizeof(target[0]))
    Py_INCREF(array)
    target.private_data = <PyObject *>array
    target.release = release_array
    target.length = array.length
    target.null_count = array.null_count
    target.buffers = <const void **>room(len(array.buffers) * sizeof(void *))
    for buffer in array.buffers:
        target.buffers[target.n_buffers] = NULL if buffer is None else cnp.PyArray_DATA(<cnp.ndarray?>buffer)
        target.n_buffers += 1
    if array.children:
        target.children = <ddb_arrow_array **>room(len(array.children) * sizeof(void *))
        for child in array.children:
            target.children[target.n_children] = <ddb_arrow_array *>room(sizeof(ddb_arrow_array))
            target.n_children += 1
            fill_array(child, target.children[target.n_children - 1])
    if array.dictionary is not None:
        target.dictionary = <ddb_arrow_array *>room(sizeof(ddb_arrow_array))
        fill_array(array.dictionary, target.dictionary)
    return 0


# -- capsules: what nobody took is given back with them ---------------------------------------------------------

cdef void end_schema(object capsule) noexcept:
    cdef ddb_arrow_schema *self = <ddb_arrow_schema *>PyCapsule_GetPointer(capsule, "arrow_schema")
    if self.release != NULL:
        self.release(self)
    free(self)


cdef void end_array(object capsule) noexcept:
    cdef ddb_arrow_array *self = <ddb_arrow_array *>PyCapsule_GetPointer(capsule, "arrow_array")
    if self.release != NULL:
        self.release(self)
    free(self)


cdef void end_stream(object capsule) noexcept:
    cdef ddb_arrow_stream *self = <ddb_arrow_stream *>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if self.release != NULL:
        self.release(self)
    free(self)


def schema_capsule(array):
    """The type of an `exchange.Array`."""
    cdef ddb_arrow_schema *schema = <ddb_arrow_schema *>room(sizeof(ddb_arrow_schema))
    capsule = PyCapsule_New(schema, "arrow_schema", end_schema)
    fill_schema(array, schema)
    return capsule


def array_capsule(array):
    """The cells of an `exchange.Array`."""
    cdef ddb_arrow_array *target = <ddb_arrow_array *>room(sizeof(ddb_arrow_array))
    capsule = PyCapsule_New(target, "arrow_array", end_array)
    fill_array(array, target)
    return capsule


# -- a stream of one array ----------------------------------------------------------------------------------------

cdef int stream_schema(ddb_arrow_stream *self, ddb_arrow_schema *target) noexcept nogil:
    with gil:
        try:
            fill_schema(<object>self.private_data, target)
        except BaseException:
            if target.release != NULL:
                target.release(target)
            return ENOMEM
    return 0


cdef int stream_next(ddb_arrow_stream *self, ddb_arrow_array *target) noexcept nogil:
    """The array, and after it none."""
    with gil:
        try:
            fill_array(<object>self.private_data, target)
        except BaseException:
            if target.release != NULL:
                target.release(target)
            return ENOMEM
    self.get_next = stream_end
    return 0


cdef int stream_end(ddb_arrow_stream *self, ddb_arrow_array *target) noexcept nogil:
    memset(target, 0, sizeof(target[0]))
    return 0


cdef const char *stream_error(ddb_arrow_stream *self) noexcept nogil:
    return NULL


cdef void release_stream(ddb_arrow_stream *self) noexcept nogil:
    give_back(self.private_data)
    self.release = NULL


def stream_capsule(array):
    """An `exchange.Array` as a stream of that one array."""
    cdef ddb_arrow_stream *stream = <ddb_arrow_stream *>room(sizeof(ddb_arrow_stream))
    capsule = PyCapsule_New(stream, "arrow_array_stream", end_stream)
    Py_INCREF(array)
    stream.private_data = <PyObject *>array
    stream.get_schema = stream_schema
    stream.get_next = stream_next
    stream.get_last_error = stream_error
    stream.release = release_stream
    return capsule

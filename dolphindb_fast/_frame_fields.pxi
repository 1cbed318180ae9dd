# Fields of pandas that are not public, used for speed on exact DataFrames and probed once at import against the
# public path on a fixed frame (`probe_fast_path`); if they are missing or disagree, the public path serves:
#   DataFrame._mgr             the BlockManager
#   BlockManager.blocks        tuple of blocks; .axes: [columns Index, row Index]
#   BlockManager._blknos       intp array: block of each column; None until .blknos was asked for
#   BlockManager._blklocs      intp array: row of each column in its block's values; made together with _blknos
#   Block._mgr_locs.indexer    slice or array: the columns of a block
#   Block.values               2-d ndarray (columns x rows), 2-d DatetimeArray, or a 1-d extension array
#   NDArrayBacked._ndarray     of a DatetimeArray its datetime64, of a StringArray its objects, of a Categorical its
#                              codes
#   NDArrayBacked._dtype       of a DatetimeArray a numpy dtype unless the column has a time zone; of a Categorical its
#                              CategoricalDtype, whose ._categories is the Index of the categories
#   Index._data                array behind an Index
#   ArrowStringArray._pa_array pyarrow ChunkedArray; where it has another name, __arrow_array__ gives it

cdef extern from *:
    """
    /* A field that a class compiled from Cython keeps. Its getter is called without looking the name up in the class
     * and its bases: 6 ns instead of 25, and a frame of four columns reads sixteen of them. */
    enum { FIELD_TYPES = 4 };
    typedef struct pandas_field {
        PyTypeObject *owner;
        getter get;
        void *closure;
        PyObject *name;
        /* the first types that had the field, kept: walking the bases of each takes 50 instructions */
        PyTypeObject *seen[FIELD_TYPES];
    } pandas_field;

    static int has_field(pandas_field *field, PyTypeObject *type)
    {
        if (!PyType_IsSubtype(type, field->owner))
            return 0;
        for (int i = 0; i < FIELD_TYPES; i++)
            if (!field->seen[i]) {
                Py_INCREF(type);
                field->seen[i] = type;
                break;
            }
        return 1;
    }

    static inline PyObject *read_field(pandas_field *field, PyObject *object)
    {
        PyTypeObject *type = Py_TYPE(object);
        for (int i = 0; i < FIELD_TYPES; i++)
            if (type == field->seen[i])
                return field->get(object, field->closure);
        if (field->get && has_field(field, type))
            return field->get(object, field->closure);
        return PyObject_GetAttr(object, field->name);
    }

    /* Both must live as long as the field. */
    static void find_field(pandas_field *field, PyObject *descriptor, PyObject *name)
    {
        field->name = name;
        if (Py_TYPE(descriptor) == &PyGetSetDescr_Type) {
            PyGetSetDescrObject *found = (PyGetSetDescrObject *)descriptor;
            field->owner = PyDescr_TYPE(found);
            field->get = found->d_getset->get;
            field->closure = found->d_getset->closure;
        }
    }
    """
    ctypedef struct pandas_field:
        pass
    object read_field(pandas_field *field, object obj)
    void find_field(pandas_field *field, object descriptor, object name)

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object obj, void *context)

cdef pandas_field BLOCKS, AXES, BLKNOS, BLKLOCS, MGR_LOCS, INDEXER, VALUES, NDARRAY, BACKED_DTYPE
# what the fields point to
cdef list found_fields = []


cdef int find_fields() except -1:
    """Fill the fields; one that pandas lacks is asked for by name, and missed, when it is read."""
    manager = getattr(pd.DataFrame({"a": [1]}), "_mgr", None)
    blocks = getattr(manager, "blocks", None)
    block = blocks[0] if isinstance(blocks, tuple) and blocks else None
    placement = getattr(block, "_mgr_locs", None)
    find_in(&BLOCKS, type(manager), "blocks")
    find_in(&AXES, type(manager), "axes")
    find_in(&BLKNOS, type(manager), "_blknos")
    find_in(&BLKLOCS, type(manager), "_blklocs")
    find_in(&MGR_LOCS, type(block), "_mgr_locs")
    find_in(&INDEXER, type(placement), "indexer")
    find_in(&VALUES, type(block), "values")
    find_in(&NDARRAY, pd.Categorical, "_ndarray")
    find_in(&BACKED_DTYPE, pd.Categorical, "_dtype")
    return 0


cdef int find_in(pandas_field *field, object owner, str name) except -1:
    descriptor = getattr(owner, name, None)
    found_fields.append((descriptor, name))
    find_field(field, descriptor, name)
    return 0

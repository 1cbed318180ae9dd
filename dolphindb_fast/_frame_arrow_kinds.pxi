# What an Arrow type becomes, from what the C data interface says of it.

cdef enum arrow_form:
    ARROW_CELLS        # cells of fixed width
    ARROW_TEXT
    ARROW_BYTES        # BLOB
    ARROW_DICTIONARY   # SYMBOL if its words are text, else what they are
    ARROW_LIST         # array vector
    ARROW_NULL         # NULLs of the type that is asked for; there is none of its own


@cython.final
cdef class _ArrowKind:
    """What is known of an Arrow type."""

    cdef arrow_form form
    cdef object source        # ARROW_CELLS: Source
    cdef int type             # wire type of the column, or of a list's cells
    cdef int scale
    cdef int conversion       # where no cell is NULL and ddb_column serves, else -1
    cdef Py_ssize_t size      # bytes of a cell, 0: a bit
    cdef bint wide            # 64-bit offsets
    cdef bint views           # ARROW_TEXT, ARROW_BYTES: 16 bytes a row instead of offsets
    cdef int64_t count        # ARROW_LIST: cells of every row, -1: there are offsets
    cdef _ArrowKind child     # cells of lists, words of a dictionary
    cdef _ArrowKind indices   # ARROW_DICTIONARY
    cdef _Cast codes          # of indices: how they become codes
    cdef int buffers          # that an array of this type has


# what is known by now: by bytes of a format, by a tuple where there is more to say, by pyarrow's type
cdef dict arrow_kinds = {}
# format of an Arrow type of fixed width -> its kind as dtypes.ARROW_RULES has it
cdef dict arrow_rules = {}


cdef _ArrowKind new_kind(arrow_form form, int type, int buffers):
    cdef _ArrowKind kind = _ArrowKind()
    kind.form = form
    kind.type = type
    kind.buffers = buffers
    kind.conversion = -1
    kind.count = -1
    return kind


cdef int compile_arrow_rules() except -1:
    cdef _ArrowKind kind
    cdef dict types = {name: number for number, name in keys.TYPE_STRING.items()}
    cdef dict formats = {name: format.encode() for format, name in ARROW_FORMATS.items()}
    formats["fixed_size_binary[16]"] = b"w:16"
    for source, target, conversion, _ in ARROW_RULES:
        kind = new_kind(ARROW_CELLS, types[target], 2)
        if conversion:
            kind.conversion = conversions[conversion]
        name = source.partition("[")[0]
        load = {"bool": "BIT", "float": "F32", "double": "F64", "fixed_size_binary": "BYTES16"}.get(name)
        if load is None:
            width = name.lstrip("abcdefghijklmnopqrstuvwxyz") or "64"
            load = ("U" if name.startswith("uint") else "I") + width
        kind.size = 0 if load == "BIT" else 16 if load == "BYTES16" else int(load[1:]) // 8
        meaning = {"bool": "bool", "float": "float", "double": "float", "fixed_size_binary": "bytes"}.get(name)
        unit = source.partition("[")[2].rstrip("]") if meaning is None else ""
        if meaning is None:
            meaning = ("decimal" if name.startswith("decimal") else "time" if name in ("time32", "time64")
                       else "moment" if unit else "integer")
        kind.source = Source(load, meaning, {"day": "D"}.get(unit, unit), 0, True)
        arrow_rules[formats.get(source, source)] = kind
    return 0


compile_arrow_rules()


cdef object malformed(object what):
    return ConversionError(f"malformed Arrow data: {what}")


cdef object schema_key(const ddb_arrow_schema *schema, int depth=0):
    """Everything that `arrow_kinds` need know of a type: two types of one key are one type."""
    if schema == NULL or schema.format == NULL or schema.n_children < 0 \
            or (schema.n_children and schema.children == NULL):
        raise malformed("a type without a format, or with children that are missing")
    if schema.metadata == NULL and schema.n_children == 0 and schema.dictionary == NULL:
        return <bytes>schema.format
    extension = extension_name(schema.metadata)
    if depth == 2:
        # lists of lists of lists can't be sent, whatever is in them
        return <bytes>schema.format, extension, None, None
    words = None if schema.dictionary == NULL else schema_key(schema.dictionary, depth + 1)
    child = schema_key(schema.children[0], depth + 1) if schema.n_children == 1 else None
    if words is None and child is None and extension is None and schema.n_children == 0:
        return <bytes>schema.format
    return <bytes>schema.format, extension, words, child


cdef object extension_name(const char *metadata):
    """What ``ARROW:extension:name`` says: int32 number of pairs, then of each the size of its key, the key, and the
    same of its value."""
    cdef int32_t count = 0, size = 0
    cdef object key = None, found = None
    if metadata == NULL:
        return None
    memcpy(&count, metadata, 4)
    metadata += 4
    for part in range(2 * max(count, 0)):
        memcpy(&size, metadata, 4)
        if size < 0:
            raise malformed("a size in the metadata of a type is negative")
        if part % 2 == 0:
            key = metadata[4:4 + size]
        elif key == b"ARROW:extension:name":
            found = metadata[4:4 + size]
        metadata += 4 + size
    return found


cdef object kind_of_key(object key):
    """The kind of a type, None if it can't be sent."""
    found = arrow_kinds.get(key, arrow_kinds)
    if found is arrow_kinds:
        found = find_kind(key)
        if len(arrow_kinds) >= 1024:
            arrow_kinds.clear()
        arrow_kinds[key] = found
    return found


cdef object find_kind(object key):
    cdef _ArrowKind kind, part
    cdef object extension = None, words = None, child = None
    format = key
    if isinstance(key, tuple):
        format, extension, words, child = key
    if words is not None:
        part = kind_of_key(words)
        indices = arrow_rules.get(format)
        if part is None or part.form > ARROW_BYTES or indices is None \
                or (<_ArrowKind>indices).source.kind != "integer":
            return None
        kind = new_kind(ARROW_DICTIONARY, DDB_TYPE_SYMBOL if part.form == ARROW_TEXT else part.type, 2)
        kind.child = part
        kind.indices = indices
        kind.codes = compile_cast(find_code_cast(kind.indices.source))
        return kind
    if extension == b"arrow.uuid" and format == b"w:16":
        part = arrow_rules[format]
        kind = new_kind(ARROW_CELLS, DDB_TYPE_UUID, 2)
        kind.size, kind.source = part.size, part.source
        return kind
    if extension is not None and extension != b"arrow.json":
        return None
    if format in arrow_rules:
        return arrow_rules[format]
    if format == b"n":
        return new_kind(ARROW_NULL, DDB_TYPE_VOID, 0)
    head, _, rest = format.partition(b":")
    if head in (b"u", b"U", b"vu", b"z", b"Z", b"vz"):
        kind = new_kind(ARROW_TEXT, DDB_TYPE_STRING, 3) if head.endswith((b"u", b"U")) \
            else new_kind(ARROW_BYTES, DDB_TYPE_BLOB, 3)
        kind.views = head.startswith(b"v")
        kind.wide = head in (b"U", b"Z")
        return kind
    if head == b"d":
        return decimal_kind(rest)
    if head in (b"+l", b"+L", b"+w"):
        part = None if child is None else kind_of_key(child)
        if part is None or part.form != ARROW_CELLS:
            return None
        kind = new_kind(ARROW_LIST, part.type, 2)
        kind.scale = part.scale
        kind.child = part
        kind.wide = head == b"+L"
        if head == b"+w":
            if not rest.isdigit() or len(rest) > 10:
                return None
            kind.count = int(rest)
            kind.buffers = 1
        return kind
    return None


cdef _ArrowKind decimal_kind(bytes parameters):
    """``precision,scale`` or ``precision,scale,bits``."""
    cdef _ArrowKind kind, rule
    try:
        _, scale, bits = map(int, (parameters + b",128").split(b",")[:3])
    except ValueError:
        return None
    rule = arrow_rules.get(f"decimal{bits}")
    if rule is None or not 0 <= scale <= SCALES[type_name(rule.type)]:
        return None
    kind = new_kind(ARROW_CELLS, rule.type, 2)
    kind.size = rule.size
    kind.scale = scale
    kind.source = rule.source._replace(scale=scale)
    return kind


cdef str key_text(object key):
    """A type for a message."""
    if not isinstance(key, tuple):
        return arrow_name(key.decode(errors="replace"))
    format, extension, words, child = key
    name = arrow_name(format.decode(errors="replace"))
    if words is not None:
        name = f"dictionary<values={key_text(words)}, indices={name}>"
    elif child is not None:
        name = f"{name}<{key_text(child)}>"
    return name if extension is None else f"extension<{extension.decode(errors='replace')}, {name}>"


cdef int refuse_arrow(Encoder self, str name, bint of_pandas) except -1:
    self.target = -1
    hint = f"convert the column with {'astype' if of_pandas else 'cast'} to a supported type"
    if name.startswith("timestamp") and "tz=" in name:
        hint = TIME_ZONE_HINT if of_pandas else "DolphinDB has no time zones: cast to a timestamp without one"
    elif name.startswith("duration"):
        hint = TIME_SPAN_HINT if of_pandas else "DolphinDB has no time spans here: convert to a number"
    elif name == "halffloat":
        hint = "convert to float32"
    self.refuse_type(f"Arrow type {name} can't be sent; {hint}")


cdef object find_code_cast(object source):
    """Indices of a dictionary as codes: null is -1."""
    return cast(source, "INT")._replace(low=0, high=2**31 - 1, null=-1)

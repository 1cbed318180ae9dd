# Frames whose columns become those of a table on the server.


@cython.final
cdef class Target:
    """The columns of a table on the server, as `schema.TableSchema` knows them.

    Attributes
    ----------
    label : str
        The table in error messages.
    names : tuple of str
    """

    cdef readonly str label
    cdef readonly tuple names
    cdef str place       # what error messages begin with
    cdef bytes encoded   # the names as they are sent
    cdef list specs      # as `forced_types` makes them

    def __init__(self, label, names, types, scales):
        self.label = label
        self.place = f"table {label}"
        self.names = tuple(names)
        self.encoded = b"".join([name.encode() + b"\0" for name in names])
        self.specs = [
            (type, scale if is_decimal(type) or is_decimal(type - DDB_TYPE_ARRAY) else -1)
            for type, scale in zip(types, scales)
        ]

    def fit(self, frame):
        """`frame` as an argument for `Session.run`; nothing is converted before it is sent."""
        cdef TypedFrame fitted
        if not is_table(frame):
            raise UsageError(f"table {self.label}: a DataFrame or another table is needed, not {type_of(frame)}")
        fitted = TypedFrame.__new__(TypedFrame)
        fitted.frame = frame
        fitted.target = self
        return fitted

    def fit_rows(self, list rows not None):
        """As `fit`, of a list of tuples that nobody changes any more."""
        cdef TypedFrame fitted = TypedFrame.__new__(TypedFrame)
        fitted.frame = rows
        fitted.target = self
        return fitted


class _Misnamed(Exception):
    """The names of a frame are not those of the table that it is fitted to."""


cdef int put_fitted(Encoder self, object frame, Target target) except -1:
    """Append a frame as a table whose columns have the types of the target's.

    Columns count by position, but a frame that has all names of the table has them in any order.
    """
    cdef list own = None
    cdef size_t start = self.request.out.size
    if type(frame) is list:
        return put_inserted(self, frame, target)
    self.place = target.place
    if not is_frame(frame):
        return put_other_table(self, frame, target)
    if type(frame) is not DataFrame or "__DolphinDB_Type__" in <dict>PyObject_GenericGetDict(frame, NULL):
        own = forced_types(frame, None)
    # the names are written anyway, and compared as bytes
    self.fitted = target.encoded
    try:
        return put_as(self, frame, target, own)
    except _Misnamed:
        pass
    finally:
        self.fitted = None
    self.request.out.size = start
    self.frame = None
    self.error.column = -1
    names = list(frame.columns)
    places = arranged(names, target)
    if places is not None:
        frame = frame.iloc[:, places]
        own = None if own is None else [own[place] for place in places]
    elif are_names(names):
        frame = frame.copy(deep=False)
        frame.columns = list(target.names)
    # others are refused with what is wrong with them
    return put_as(self, frame, target, own)


cdef int put_as(Encoder self, object frame, Target target, list own) except -1:
    """A frame whose columns stand where the target's do; `own` are the types that it gives itself."""
    cdef list specs = target.specs
    self.frame = frame
    self.error.column = -1
    self.target = -1
    if own is not None and len(own) == len(specs):
        # what the frame says itself wins, as in the official client
        specs = [mine if mine is not None else spec for mine, spec in zip(own, specs)]
    if type(frame) is DataFrame and frame_is_fast and self.methods is None:
        put_blocks(self, frame, specs)
    else:
        put_series(self, frame, specs)
    self.settle()
    self.frame = None
    self.error.column = -1
    return 0


cdef bint are_names(list names):
    """Whether they could be sent: all str, and different."""
    return all([isinstance(name, str) for name in names]) and len(set(names)) == len(names)


cdef list arranged(list names, Target target):
    """The places of the target's columns among those called `names`, None if they count by position; refuses what fits
    neither way."""
    cdef Py_ssize_t i
    if len(names) != len(target.names):
        raise ValueRefused(
            f"{target.place}: the frame has {len(names)} columns, the table has {len(target.names)}: "
            f"{', '.join(target.names)}")
    if not are_names(names):
        return None
    own = {name: i for i, name in enumerate(names)}
    places = [own.get(name) for name in target.names]
    if None not in places:
        return places
    for i, place in enumerate(places):
        if place is not None and place != i:
            raise ValueRefused(
                f"{target.place}: the frame's column number {place} is called {names[place]!r}, which is the table's "
                f"column number {i}; columns whose names are not all the table's count by position: rename them, or "
                f"give the frame the names {', '.join(target.names)}")
    return None

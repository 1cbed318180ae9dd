"""The commands of ``dolphindb-fast``: a module each, with ``add_arguments(parser)`` and ``execute(options)``.

`execute` returns the exit code: 0 done, 1 the server or the data said no, 2 it could not begin.
Modules are cheap to import; what needs an extra is imported inside `execute`.
"""

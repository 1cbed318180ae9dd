"""The table of extensions: name -> Cython module and its exact C files.

Environment switches: DDBF_DEBUG=1 (no optimization, asserts), DDBF_SANITIZE=1 (ASan and UBSan), DDBF_NO_SENDMSG=1
(sends by `send` alone, as on Windows).
"""

import glob
import os
import sys

import numpy
from setuptools import Extension, setup

EXTENSIONS = {
    "dolphindb_fast._core": (
        "dolphindb_fast/_core.pyx",
        [
            "csrc/ddb_status.c",
            "csrc/ddb_arena.c",
            "csrc/ddb_kernels.c",
            "csrc/ddb_column.c",
            "csrc/ddb_string.c",
            "csrc/ddb_array.c",
            "csrc/ddb_pack.c",
            "csrc/ddb_cast.c",
            "csrc/ddb_arrow.c",
            "csrc/ddb_words.c",
            "csrc/ddb_request.c",
            "csrc/ddb_moment.c",
            "csrc/ddb_text_value.c",
            "csrc/ddb_blob.c",
            "csrc/ddb_reply.c",
            "csrc/ddb_link.c",
        ],
    ),
    "dolphindb_fast._decode": (
        "dolphindb_fast/_decode.pyx",
        ["csrc/ddb_read.c", "csrc/ddb_scan.c", "csrc/ddb_compress.c", "csrc/ddb_format.c"],
    ),
}

compile_args = ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter", "-g0"]
link_args = []
libraries = []
options = {}
if sys.platform == "win32":
    # MinGW-w64 GCC: the kernels are written for GCC and Clang. It does not align the stack for AVX as its own code wants
    # it, so the assembler is told to make such moves unaligned ones. The runtime libraries of GCC are linked in.
    options = {"build_ext": {"compiler": "mingw32"}}
    compile_args.append("-Wa,-muse-unaligned-vector-move")
    link_args.append("-static")
    libraries.append("ws2_32")
macros = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
if os.environ.get("DDBF_DEBUG"):
    compile_args += ["-O0", "-g3", "-UNDEBUG"]  # later flags win
if os.environ.get("DDBF_SANITIZE"):
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"]
    compile_args += flags
    link_args += flags
    macros.append(("DDB_SANITIZE", "1"))
if os.environ.get("DDBF_NO_SENDMSG"):
    macros.append(("DDB_LINK_NO_SENDMSG", "1"))

# An sdist (it alone has PKG-INFO) carries the generated C, so that building it takes a C compiler only.
FROM_SDIST = os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), "PKG-INFO"))


def extensions():
    for name, (pyx, sources) in EXTENSIONS.items():
        main = pyx[:-4] + ".c" if FROM_SDIST else pyx
        yield Extension(
            name,
            [main, *sources],
            depends=sorted(glob.glob("csrc/*.h") + glob.glob("csrc/*.inc")),
            include_dirs=["csrc", numpy.get_include()],
            define_macros=macros,
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            libraries=libraries,
        )


if int(numpy.__version__.split(".")[0]) < 2:
    raise SystemExit(
        f"dolphindb_fast: built with numpy 2 or later (it then runs with 1.24 too), not {numpy.__version__}"
    )

modules = list(extensions())
if not FROM_SDIST:
    from Cython.Build import cythonize

    modules = cythonize(
        modules,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "auto_pickle": False,
            "binding": True,
        },
        show_all_warnings=False,
    )

setup(ext_modules=modules, options=options)

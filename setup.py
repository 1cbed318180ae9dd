"""The table of extensions: name -> Cython module and its exact C files.

Environment switches: DDBF_DEBUG=1 (no optimization, asserts), DDBF_SANITIZE=1 (ASan and UBSan), DDBF_NO_SENDMSG=1
(sends by `send` alone, as on Windows), DDBF_COVERAGE=1 (Cython lines can be traced). CC and CFLAGS mean what they mean
to every setuptools build.
"""

import glob
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

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

compile_args = ["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter", "-g0"]
# Python's own flags, in whose place setuptools takes CFLAGS from the environment.
compile_args += ["-DNDEBUG", "-fwrapv"]
# Loops over cells are in csrc. What Cython makes of the rest compiles in 14 s of processor time at -O1, in 39 s at -O3,
# and bench/gate counts at most 3 % more instructions in it.
optimization = {"csrc": "-O3", "generated": "-O1"}
link_args = []
libraries = []
options = {}
if sys.platform == "win32":
    # MinGW-w64 GCC: the kernels are written for GCC and Clang. It does not align the stack for AVX as its own code
    # wants it, so the assembler is told to make such moves unaligned ones. The runtime libraries of GCC are linked in.
    options = {"build_ext": {"compiler": "mingw32"}}
    compile_args.append("-Wa,-muse-unaligned-vector-move")
    link_args.append("-static")
    libraries.append("ws2_32")
macros = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
if os.environ.get("DDBF_DEBUG"):
    optimization = {"csrc": "-O0", "generated": "-O0"}
    compile_args += ["-g3", "-UNDEBUG"]  # later flags win
if os.environ.get("DDBF_SANITIZE"):
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"]
    compile_args += flags
    link_args += flags
    macros.append(("DDB_SANITIZE", "1"))
if os.environ.get("DDBF_NO_SENDMSG"):
    macros.append(("DDB_LINK_NO_SENDMSG", "1"))

if os.environ.get("DDBF_COVERAGE"):
    # the plugin Cython.Coverage needs the tracer of old, which coverage uses with plugins, and not sys.monitoring
    macros += [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]

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


COMPILER_MISSING = """\
dolphindb_fast is compiled here and needs a C compiler (GCC or clang), which was not found or does not work. \
Debian, Ubuntu: apt install gcc; Fedora: dnf install gcc; macOS: xcode-select --install; Windows: MinGW-w64."""

HEADERS_MISSING = """\
dolphindb_fast is compiled here and needs the headers of Python (Python.h), \
which were not found. Debian, Ubuntu: apt install python3-dev; Fedora: dnf install python3-devel."""


class CompileInParallel(build_ext):
    """Checks that the machine can compile, then compiles the files of all extensions side by side."""

    def initialize_options(self):
        super().initialize_options()
        self.parallel = len(EXTENSIONS)

    def build_extensions(self):
        self.check_toolchain()
        with ThreadPoolExecutor(os.cpu_count()) as self.pool:
            self.compiler.compile = self.compile
            super().build_extensions()

    def check_toolchain(self):
        compiles = self.compiler.compile
        with tempfile.TemporaryDirectory() as folder:
            for code, missing in (("", COMPILER_MISSING), ("#include <Python.h>\n", HEADERS_MISSING)):
                source = os.path.join(folder, "check.c")
                with open(source, "w") as file:
                    file.write(code + "int main(void) { return 0; }\n")
                try:
                    compiles([source], output_dir=folder, include_dirs=self.include_dirs)
                except CompileError:
                    raise SystemExit(missing) from None

    def compile(self, sources, *, output_dir, macros, include_dirs, debug, extra_postargs, depends):
        """In place of the compiler's own, which takes one file after the other, all at one level of optimization."""
        _, objects, postargs, preprocessor, sources_of = self.compiler._setup_compile(
            output_dir, macros, include_dirs, sources, depends, extra_postargs
        )
        arguments = self.compiler._get_cc_args(preprocessor, debug, None)

        def compile_one(target):
            source, extension = sources_of[target]
            level = optimization["csrc" if source.startswith("csrc/") else "generated"]
            self.compiler._compile(target, source, extension, arguments, [*postargs, level], preprocessor)

        list(self.pool.map(compile_one, objects))
        return objects


# Compiling comes before copying: what is missing on this machine is then the last line of a short output.
build.sub_commands.sort(key=lambda command: command[0] != "build_ext")

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
            "linetrace": bool(os.environ.get("DDBF_COVERAGE")),
        },
        show_all_warnings=False,
    )


def long_description():
    """README.md with absolute links, for PyPI. They lead to the tag of this version, so that they stay right."""
    project = Path("pyproject.toml").read_text(encoding="utf-8")
    version, source = (re.search(rf'^{key} = "(.*)"$', project, re.M)[1] for key in ("version", "Source"))

    def absolute(found):
        target = f"README.md{found[0]}" if found[0].startswith("#") else found[0]
        kind = "raw" if target.endswith((".png", ".svg")) else "blob"
        return f"{source}/{kind}/v{version}/{target}"

    readme = Path("README.md").read_text(encoding="utf-8")
    return re.sub(r"(?<=\]\()(?!https?:)[^()\s]+(?=\))", absolute, readme)


setup(
    ext_modules=modules,
    options=options,
    cmdclass={"build_ext": CompileInParallel},
    long_description=long_description(),
    long_description_content_type="text/markdown",
)

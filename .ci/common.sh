# What run and long share; sourced.

# what is tested is what was installed
unset PYTHONPATH PYTHONHOME
# each test process would compile all tests anew
unset PYTHONDONTWRITEBYTECODE

say() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

# The files of the checkout as git knows them (as they are now), without whatever earlier builds left there.
export_source() {
    mkdir -p "$2"
    if git -C "$1" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git -C "$1" ls-files -z --cached --others --exclude-standard --deduplicate \
            | (cd "$1" && while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done) \
            | tar -C "$1" --null -T - -cf - | tar -C "$2" -xf -
    else
        tar -C "$1" --exclude .venv --exclude build --exclude '*.so' -cf - . | tar -C "$2" -xf -
    fi
}

# What GCC 14 and clang 16 refuse, so that older compilers refuse it too.
STRICT="-Werror=incompatible-pointer-types -Werror=int-conversion -Werror=implicit-function-declaration"
STRICT="$STRICT -Werror=discarded-qualifiers"

# All C files of sdist $1, generated ones included, read by the clang of the package ziglang, which Python $2 has.
compile_with_clang() {
    local sdist=$1 python=$2 folder zig headers numpy_headers file own
    folder=$(mktemp -d)
    tar -C "$folder" --strip-components 1 -xzf "$sdist"
    zig=$("$python" -c "import os, ziglang; print(os.path.dirname(ziglang.__file__))")
    "$zig/zig" clang --version | head -n 1
    "$python" -m pip install -q "numpy>=2"
    headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    numpy_headers=$("$python" -c 'import numpy; print(numpy.get_include())')
    for file in "$folder"/csrc/*.c "$folder"/dolphindb_fast/_*.c; do
        # generated code may be warned of, our own may not
        case $file in */csrc/*) own="-Wextra -Werror" ;; *) own= ;; esac
        # shellcheck disable=SC2086
        "$zig/zig" clang -std=c11 -fsyntax-only -Wall $own -Werror=incompatible-pointer-types -Werror=int-conversion \
            -Werror=implicit-function-declaration -Werror=incompatible-pointer-types-discards-qualifiers \
            -isystem "$zig/lib/include" -I"$folder/csrc" -I"$headers" -I"$numpy_headers" \
            -DNPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION "$file"
    done
    rm -rf "$folder"
}

main_python() { echo "${PYTHON:-python3}"; }

# A working CPython 3.$1, from PATH or from pyenv.
find_python() {
    local candidate
    for candidate in "$(command -v "python3.$1" || true)" "$HOME"/.pyenv/versions/3."$1".*/bin/python3; do
        if [ -x "$candidate" ] && "$candidate" -c \
            "import sys; sys.exit(sys.implementation.name != 'cpython' or sys.version_info[:2] != (3, $1))" 2>/dev/null
        then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# The regression gate on what the Python $1 has installed, with the arguments given; the earlier commit is in clone $2.
# Without an earlier commit (exported sources, a shallow clone) it has counted, said so, and there is no verdict.
run_gate() {
    local python=$1 clone=$2 code=0
    shift 2
    "$python" bench/gate --repository "$clone" "$@" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ]
}

unzip_list() { "$(main_python)" -m zipfile -l "$1" | awk 'NR > 1 { print $1 }'; }

# Nothing but what is needed to run, in less than 3 MB.
check_wheel() {
    local size
    if unzip_list "$1" | grep -E '\.(c|h|inc|pyx|pxd|pxi)$'; then
        echo "$(basename "$1") holds sources" >&2
        return 1
    fi
    for needed in dolphindb_fast/py.typed dolphindb_fast/_core.pyi dolphindb_fast/_decode.pyi dolphindb_fast_pytest/__init__.py; do
        unzip_list "$1" | grep -qxF "$needed" || { echo "$(basename "$1") lacks $needed" >&2; return 1; }
    done
    size=$(wc -c <"$1")
    echo "$(basename "$1"): $size bytes"
    [ "$size" -lt 3000000 ]
}

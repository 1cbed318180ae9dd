"""What is uploaded to the local server comes back byte for byte: every type in every form."""

from __future__ import annotations

import pytest
from support import replies
from support.cases import each
from support.replies import CELLS

DECIMALS = ("DECIMAL32", "DECIMAL64", "DECIMAL128")
WIDE = ("STRING", "BLOB")


def table(names, columns, rows):
    return replies.table(dict(zip(names, columns, strict=True)), rows)


TWO_COLUMNS = table(["a", "x"], [replies.vector("INT", [1])] * 2, 1)


def scale_of(kind):
    return 3 if kind in DECIMALS else 0


def returned(client, sent, expected=None, script="a"):
    """Upload one object as variable ``a``; `script` must answer `expected`, by default the same bytes."""
    client.send(b"variable\na\n1\n1", sent)
    assert client.reply()[1] == b"OK\n"
    expected = sent if expected is None else expected
    assert client.script(script) == (client.session + b" 1 1\n", b"OK\n")
    assert client.read(expected).hex(" ") == expected.hex(" ")
    assert client.script("x = 1") == (client.session + b" 0 1\n", b"OK\n")


@pytest.mark.parametrize("kind", CELLS)
class TestEveryType:
    def test_scalar(self, client, kind):
        for value in CELLS[kind]:
            returned(client, replies.scalar(kind, value, scale_of(kind)))

    def test_vector_and_pair(self, client, kind):
        returned(client, replies.vector(kind, CELLS[kind], scale=scale_of(kind)))
        returned(client, replies.vector(kind, [], scale=scale_of(kind)))
        returned(client, replies.vector(kind, CELLS[kind][1:], form=2, scale=scale_of(kind)))

    def test_element_of_anything(self, client, kind):
        inner = [replies.scalar(kind, v, scale_of(kind)) for v in CELLS[kind]]
        inner.append(replies.vector(kind, CELLS[kind], scale=scale_of(kind)))
        returned(client, replies.any_vector([*inner, replies.any_vector(inner)]))
        returned(client, replies.any_vector(inner), inner[0], "a[0]")
        returned(client, replies.any_vector(inner), inner[2], "a[2]")

    def test_values_of_a_dictionary(self, client, kind):
        values = replies.vector(kind, CELLS[kind], scale=scale_of(kind))
        returned(client, replies.dictionary(replies.vector("LONG", [1, 2, 3]), values))
        returned(client, replies.dictionary(replies.vector("STRING", ["a", "b", "c"]), values, form=7))
        element = replies.scalar(kind, CELLS[kind][1], scale_of(kind))
        returned(client, replies.dictionary(replies.vector("LONG", [1, 2, 3]), values), element, "a[2]")

    def test_set(self, client, kind):
        returned(client, replies.set_of(replies.vector(kind, CELLS[kind], scale=scale_of(kind))))

    def test_column_of_a_table(self, client, kind):
        columns = [replies.vector(kind, CELLS[kind], scale=scale_of(kind))]
        names = ["c"]
        if kind not in WIDE:
            rows = [CELLS[kind], [], [None]]
            columns.append(replies.array_vector(kind, rows, scale=scale_of(kind)))
            names.append("rows")
        returned(client, table(names, columns, 3))
        returned(client, table(names, columns, 3), columns[0], "exec c from a")
        single = replies.scalar(kind, CELLS[kind][0], scale_of(kind))
        returned(client, table(names, columns, 3), single, "a.c[0]")

    def test_appended_rows(self, client, kind):
        scale = scale_of(kind)
        declared = f"{kind}({scale})" if scale else kind
        names, types = ["c"], [declared]
        once = [replies.vector(kind, CELLS[kind], scale=scale)]
        twice = [replies.vector(kind, CELLS[kind] * 2, scale=scale)]
        if kind not in WIDE:
            rows = [CELLS[kind], [], [None]]
            names.append("r")
            types.append(declared + "[]")
            once.append(replies.array_vector(kind, rows, scale=scale))
            twice.append(replies.array_vector(kind, rows * 2, scale=scale))
        shape = f"{''.join('`' + n for n in names)}, [{','.join(types)}]"
        assert client.script(f"t = table(1:0, {shape})")[1] == b"OK\n"
        client.send(b"function\ntableInsert{t}\n1\n1", table(names, once, 3))
        assert client.reply()[1] == b"OK\n"
        assert client.read(b"x" * 6) == replies.scalar("INT", 3)
        assert client.script("t.append!(t)")[1] == b"OK\n"
        expected = table(names, [replies.vector(kind, CELLS[kind] * 2, scale=scale), *twice[1:]], 6)
        assert client.script("t") == (client.session + b" 1 1\n", b"OK\n")
        assert client.read(expected).hex(" ") == expected.hex(" ")

    def test_names_of_its_type(self, client, kind):
        scale = scale_of(kind)
        slow = "" if kind in WIDE else "FAST "
        cells = replies.vector(kind, CELLS[kind], scale=scale)
        for sent, words, number, form in [
            (replies.scalar(kind, CELLS[kind][0], scale), kind, replies.TYPES[kind], 0),
            (cells, f"{slow}{kind} VECTOR", replies.TYPES[kind], 1),
            (replies.vector(kind, CELLS[kind][:2], form=2, scale=scale), f"{kind} PAIR", replies.TYPES[kind],
             2),
            (replies.set_of(cells), f"{kind} SET", replies.TYPES[kind], 4),
            (replies.dictionary(replies.vector("INT", [1, 2, 3]), cells), f"INT->{kind} DICTIONARY",
             replies.TYPES[kind], 5),
        ]:  # fmt: skip
            returned(client, sent, replies.scalar("STRING", words), "typestr(a)")
            returned(client, sent, replies.scalar("INT", number), "type(a)")
            returned(client, sent, replies.scalar("INT", form), "form(a)")


@each("kind", [kind for kind in CELLS if kind not in WIDE])
def test_array_vector__comes_back(client, kind):
    cells = CELLS[kind]
    rows = [cells, [], cells[:1], [None]]
    returned(client, replies.array_vector(kind, rows, scale=scale_of(kind)))
    returned(client, replies.array_vector(kind, [], scale=scale_of(kind)))


@each("kind", [kind for kind in CELLS if kind not in (*WIDE, *DECIMALS)])
def test_matrix__comes_back(client, kind):
    cells = CELLS[kind]
    labels = {
        "row_labels": replies.vector("STRING", ["r", "s", "t"]),
        "column_labels": replies.vector(kind, cells[:2]),
    }
    returned(client, replies.matrix(kind, 3, 2, cells + cells))
    returned(client, replies.matrix(kind, 3, 2, cells + cells, **labels))
    returned(client, replies.matrix(kind, 3, 2, cells + cells), replies.vector(kind, cells), "a[1]")


class TestOtherValues:
    def test_void(self, client):
        returned(client, b"\0\0\0")
        returned(client, b"\0\1" + (3).to_bytes(4, "little") + (1).to_bytes(4, "little"))

    def test_symbols(self, client):
        base = ["", "größe", "b"]
        returned(client, replies.symbol_base(0, base, [1, 2, 0, 1]))
        # plain text of type SYMBOL gets a base
        plain = replies.vector("SYMBOL", ["b", "größe", "b", None])
        returned(client, plain, replies.symbol_base(0, ["", "b", "größe"], [1, 2, 1, 0]))
        returned(client, replies.vector("SYMBOL", []))
        returned(client, replies.scalar("SYMBOL", "x"), replies.scalar("STRING", "x"))
        returned(client, replies.symbol_base(0, base, [1, 2]), replies.scalar("STRING", "FAST SYMBOL VECTOR"),
                 "typestr(a)")  # fmt: skip

    def test_symbols_as_keys__have_no_base(self, client):
        # clients refuse a base there
        sent = replies.dictionary(replies.vector("SYMBOL", ["b", "a"]), replies.vector("INT", [1, 2]))
        returned(client, sent)
        returned(client, replies.set_of(replies.vector("SYMBOL", ["b", "a"])))

    def test_symbol_columns_of_a_table__have_bases_of_their_own(self, client):
        columns = [
            replies.symbol_base(0, ["", "x", "y"], [1, 2, 1]),
            replies.symbol_base(1, ["", "y"], [1, 0, 1]),
        ]
        returned(client, table(["a", "b"], columns, 3))

    def test_table_with_a_column_of_anything(self, client):
        items = [replies.scalar("INT", 1), replies.vector("DATE", [1, None]), b"\0\0\0"]
        columns = [replies.any_vector(items), replies.vector("INT", [1, 2, 3])]
        sent = table(["x", "i"], columns, 3)
        returned(client, sent)
        returned(client, sent, replies.vector("DATE", [1, None]), "a.x[1]")
        rest = table(["x"], [replies.any_vector(items[1:])], 2)
        returned(client, sent, rest, "select x from a where i > 1")

    def test_tables_inside_of_things(self, client):
        inner = table(["i"], [replies.vector("INT", [1, 2])], 2)
        parts = replies.any_vector([inner, replies.matrix("INT", 1, 1, [5])])
        sent = replies.dictionary(replies.vector("STRING", ["t", "m"]), parts)
        returned(client, sent)
        returned(client, sent, inner, "a[`t]")
        returned(client, sent, replies.vector("INT", [2]), "exec i from a[`t] where i > 1")

    def test_function_definition(self, client):
        returned(client, b"\x14\0\2" + b"def f(x){return x}\0")

    def test_without_decimals(self, client):
        """The flag of disableDecimal: doubles instead, wherever they are."""
        doubles = replies.vector("DOUBLE", [1.25, None])
        sent = replies.vector("DECIMAL64", [125, None], scale=2)
        rows, double_rows = [[125, None], []], [[1.25, None], []]
        for one, other in [
            (sent, doubles),
            (replies.array_vector("DECIMAL128", rows, scale=2), replies.array_vector("DOUBLE", double_rows)),
            (table(["a"], [sent], 2), table(["a"], [doubles], 2)),
            (replies.any_vector([sent]), replies.any_vector([doubles])),
        ]:
            client.send(b"variable\na\n1\n1", one)
            client.reply()
            assert client.script("a", flags=32 | 1 << 23)[1] == b"OK\n"
            assert client.read(other).hex(" ") == other.hex(" ")


class TestWhatCannotBeStored:
    @pytest.mark.parametrize(
        "sent, message",
        [
            (TWO_COLUMNS.replace(b"x\0", b"a\0"), b"column names must differ"),
            (table(["a"], [replies.vector("INT", [1, 2], form=2)], 2), b"equally long vectors"),
        ],
    )
    def test_error_line__and_the_connection_goes_on(self, client, sent, message):
        client.send(b"variable\nb\n1\n1", sent)
        head, status = client.reply()
        assert head == client.session + b" 0 1\n"
        assert message in status
        returned(client, replies.scalar("INT", 7))

    @each(
        "declared, sent, message",
        [
            ("INT", replies.vector("UUID", [None]), b"column 'c': UUID can't be appended to INT"),
            ("UUID", replies.vector("STRING", ["x"]), b"column 'c': STRING can't be appended to UUID"),
            ("UUID", replies.vector("INT128", [None]), b"INT128 can't be appended to UUID"),
            ("DECIMAL64(2)", replies.vector("DOUBLE", [1.0]), b"DOUBLE can't be appended to DECIMAL64(2)"),
            ("DECIMAL32(4)", replies.vector("DECIMAL64", [10**9], scale=2),
             b"column 'c', row 0: 10000000.00 (DECIMAL64(2)) does not fit into DECIMAL32(4)"),
            ("INT[]", replies.vector("INT", [1]), b"INT can't be appended to INT[]"),
            ("INT", replies.array_vector("INT", [[1]]), b"INT[] can't be appended to INT"),
            ("CHAR[]", replies.array_vector("INT", [[1, 2], [], [3, 300]]),
             b"column 'c', row 2, cell 1: 300 (INT) does not fit into CHAR"),
            ("BLOB", replies.vector("STRING", ["x"]), b"STRING can't be appended to BLOB"),
            ("POINT", replies.vector("COMPLEX", [None]), b"COMPLEX can't be appended to POINT"),
        ],
    )  # fmt: skip
    def test_refused_append__names_both_types(self, client, declared, sent, message):
        assert client.script(f"t = table(1:0, `c, [{declared}])")[1] == b"OK\n"
        rows = 3 if declared == "CHAR[]" else 1
        client.send(b"function\ntableInsert{t}\n1\n1", table(["c"], [sent], rows))
        assert message in client.reply()[1]
        client.script("size(t)")
        assert client.read(b"x" * 6) == replies.scalar("INT", 0)

    @pytest.mark.parametrize(
        "declared, sent, expected",
        [
            ("LONG[]", replies.array_vector("INT", [[1, None], []]),
             replies.array_vector("LONG", [[1, None], []])),
            ("DECIMAL128(3)", replies.vector("DECIMAL32", [125, None], scale=2),
             replies.vector("DECIMAL128", [1250, None], scale=3)),
            ("DECIMAL32(1)", replies.vector("DECIMAL64", [125, -125], scale=2),
             replies.vector("DECIMAL32", [13, -13], scale=1)),
            ("DECIMAL64(1)[]", replies.array_vector("DECIMAL64", [[125], [None]], scale=2),
             replies.array_vector("DECIMAL64", [[13], [None]], scale=1)),
            ("DATEMINUTE", replies.vector("TIMESTAMP", [119_999, None]),
             replies.vector("DATEMINUTE", [1, None])),
            ("UUID", b"\0\1" + bytes((2, 0, 0, 0, 1, 0, 0, 0)), replies.vector("UUID", [None, None])),
        ],
    )  # fmt: skip
    def test_converted_append(self, client, declared, sent, expected):
        assert client.script(f"t = table(1:0, `c, [{declared}])")[1] == b"OK\n"
        client.send(b"function\ntableInsert{t}\n1\n1", table(["c"], [sent], 2))
        assert client.reply()[1] == b"OK\n"
        client.read(b"x" * 6)
        client.script("exec c from t")
        assert client.read(expected).hex(" ") == expected.hex(" ")

from __future__ import annotations

import random

import pytest
from support import replies
from support.cases import WIDE, each
from support.replies import CELLS

from dolphindb_fast.__main__ import main
from dolphindb_fast.commands._walk import Stopped, walk

# bytes as recorded from the official client 3.0.6.1
HANDSHAKE = b"API 0 32 / 32_1_4_2\nconnect\nlogin\nadmin\n123456\nfalse"
SCRIPT = b"API2 1234567890 10 / 36_1_4_64__0\nscript\n1+1"
CALL = b"API2 1234567890 14 / 32_1_4_64__0\nfunction\nf\n3\n1" + bytes.fromhex(
    "05000100000000000000 12006100 0501 02000000 01000000 0100000000000000 0200000000000000"
)
UPLOAD = b"API2 1234567890 16 / 32_1_4_64__0\nvariable\na,b\n2\n1" + bytes.fromhex("05000100000000000000 12007800")
TABLE = bytes.fromhex("0006 02000000 01000000 00 6100 0501 02000000 01000000 0100000000000000 0200000000000000")
SYMBOLS = bytes.fromhex(
    "9101 05000000 01000000 00000000 03000000 00 6100 6200 01000000 02000000 01000000 00000000 00000000"
)
MATRIX = bytes.fromhex("040300 0403 02000000 02000000 01000000 03000000 02000000 04000000")
DICTIONARY = bytes.fromhex("0505 1201 01000000 01000000 6100 0501 01000000 01000000 0100000000000000")
ANY = bytes.fromhex("1901 02000000 01000000 0500 0100000000000000 1200 6100")
DECIMALS = bytes.fromhex("2601 02000000 01000000 02000000 7d00000000000000 0000000000000080")
BLOBS = bytes.fromhex("2001 02000000 01000000 01000000 61 01000000 62")
ARRAYS = bytes.fromhex("4501 02000000 03000000 0200 01 00 02 01 0100000000000000 0200000000000000 0300000000000000")
COMPRESSED = bytes.fromhex(
    "1a01 25000000 01000000 00 01 ff 01 04 04 0000 00000000 03000000 ffffffff0d000000 c0 00000000 01000000 02000000"
)
EVERY_TYPE = {
    kind: [
        replies.scalar(kind, cells[0], 3),
        replies.vector(kind, cells, scale=3),
        replies.vector(kind, cells[:2], form=2, scale=3),
        replies.set_of(replies.vector(kind, cells, scale=3)),
        replies.dictionary(replies.vector(kind, cells, scale=3), replies.vector("INT", [1, 2, 3]), form=7),
        replies.table({"c": replies.vector(kind, cells, scale=3)}, 3),
        replies.any_vector([replies.vector(kind, cells, scale=3)]),
        replies.compressed(kind, 3, [b"\xff" * 9], method=1),
    ]
    for kind, cells in CELLS.items()
}
for kind, objects in EVERY_TYPE.items():
    if kind not in ("STRING", "BLOB"):
        objects.append(replies.array_vector(kind, [CELLS[kind], [], [None]], scale=3))
        labels = replies.vector("INT", [1])
        objects.append(replies.matrix(kind, 1, 3, CELLS[kind], row_labels=labels, scale=3))
REPLY = b"1234567890 1 1\nOK\n" + bytes.fromhex("040007000000")
ALL = [
    HANDSHAKE,
    SCRIPT,
    CALL,
    UPLOAD,
    TABLE,
    SYMBOLS,
    MATRIX,
    DICTIONARY,
    ANY,
    DECIMALS,
    BLOBS,
    ARRAYS,
    COMPRESSED,
    REPLY,
    *map(b"".join, EVERY_TYPE.values()),
]


def meanings(data: bytes) -> list[str]:
    return [stretch.meaning for stretch in walk(data)]


@each("data", [*ALL, b"".join(ALL)], ids=[*map(str, range(len(ALL))), "all"])
def test_walk__covers_every_byte_once_in_order(data):
    at = 0
    for stretch in walk(data):
        assert stretch.offset == at
        assert stretch.data == data[at : at + len(stretch.data)]
        at += len(stretch.data)
    assert at == len(data)


def test_handshake__names_the_user_but_not_the_password():
    lines = meanings(HANDSHAKE)
    assert "flags 32 (API client)" in lines[0]
    assert lines[1] == "body: connect as 'admin'"
    assert "123456" not in " ".join(lines)


def test_call__shows_function_and_arguments():
    assert meanings(CALL)[1:] == [
        "body: function 'f', 3 objects, little-endian",
        "argument 1: LONG scalar",
        "1",
        "argument 2: STRING scalar",
        "'a'",
        "argument 3: LONG vector, 2 rows",
        "1, 2",
    ]


def test_upload__shows_the_names():
    assert [line for line in meanings(UPLOAD) if line.startswith("variable")] == [
        "variable a: LONG scalar",
        "variable b: STRING scalar",
    ]


def test_table__shows_shape_names_and_values():
    assert meanings(TABLE) == [
        "object: table, 2 rows, 1 columns",
        "table name ''",
        "column names 'a'",
        "column 'a': LONG vector, 2 rows",
        "1, 2",
    ]


@each(
    ("data", "expected"),
    [
        (SYMBOLS, ["symbol base 0, 3 symbols", "'', 'a', 'b'", "symbol numbers 1, 2, 1, 0, 0"]),
        (MATRIX, ["INT, 2 rows, 2 columns", "1, 3, 2, 4"]),
        (DECIMALS, ["scale 2", "1.25, NULL"]),
        (BLOBS, ["BLOB sizes 1, 1"]),
        (ARRAYS, ["object: LONG[] vector, 2 rows, 3 cells", "cells a row '2, 1'", "1, 2, 3"]),
        (COMPRESSED, ["object: compressed INT, 3 rows, LZ4", "compressed block of 13 bytes"]),
        (REPLY, ["reply, session 1234567890, 1 object, endian digit 1", "status OK", "7"]),
        (b"MSG\nhello\n\x00" + REPLY, ["message 'hello\\n'"]),
        (b"1 0 1\nno such function\n", ["status: error 'no such function'"]),
        (b"\x0c\x00" + (1577934245678).to_bytes(8, "little"), ["2020.01.02T03:04:05.678"]),
        (bytes.fromhex("0600 57470000"), ["2020.01.02"]),
        (bytes.fromhex("0600 ffffff7f"), ["2147483647 (out of the calendar)"]),
        (bytes.fromhex("1000 ffffffffffffefff"), ["NULL"]),
        (bytes.fromhex("1300 78563412f0debc9a7856341278563412"), ["12345678-1234-5678-9abc-def012345678"]),
        (bytes.fromhex("1e00 0201a8c0000000000000000000000000"), ["192.168.1.2"]),
    ],
)
def test_walk__says_what_it_is(data, expected):
    lines = meanings(data)
    assert [line for line in expected if line not in lines] == []


@each(
    ("kind", "shown"),
    [
        ("BOOL", "true, false, NULL"), ("CHAR", "-7, 127, NULL"), ("LONG", "1099511627776, -1, NULL"),
        ("DATE", "2020.01.02, 1969.12.31, NULL"), ("MONTH", "2020.01M, 1969.12M, NULL"),
        ("TIME", "23:59:59.999, 00:00:00.000, NULL"), ("MINUTE", "23:59m, 00:00m, NULL"),
        ("SECOND", "23:59:59, 00:00:00, NULL"),
        ("DATETIME", "2020.01.02T03:04:05, 1969.12.31T23:59:59, NULL"),
        ("NANOTIME", "00:00:00.000000001, 23:59:59.000000000, NULL"),
        ("NANOTIMESTAMP", "2020.01.02T03:04:05.678901234, 1969.12.31T23:59:59.999999999, NULL"),
        ("FLOAT", "1.5, -0, NULL"), ("DOUBLE", "0.1, 1e+300, NULL"), ("STRING", "'größe', 'b', ''"),
        ("UUID", "12345678-1234-5678-9abc-def012345678, ffffffff-ffff-ffff-ffff-ffffffffffff, NULL"),
        ("DATEHOUR", "2019.12.20T00, 1969.12.31T23, NULL"),
        ("DATEMINUTE", "2019.12.20T00:00, 1969.12.31T23:59, NULL"),
        ("IPADDR", "2001:db8:1:2:3:4:5:6, 127.0.0.1, NULL"),
        ("INT128", f"0123456789abcdef0123456789abcdef, {'f' * 32}, NULL"), ("BLOB", "BLOB sizes 3, 1, 0"),
        ("COMPLEX", "1.5-2.5i, 0.0+1.0i, NULL"), ("POINT", "(1.5, -2.5), (0.0, 1.0), NULL"),
        ("DURATION", "5m, -3B, NULL"), ("DECIMAL32", "0.125, -0.001, NULL"),
        ("DECIMAL64", "1000000000000.000, -0.001, NULL"),
        ("DECIMAL128", "1000000000000000000000000000.000, -0.001, NULL"),
    ],
)  # fmt: skip
def test_every_type__in_every_form(kind, shown):
    for data in EVERY_TYPE[kind]:
        lines = meanings(data)
        assert kind in lines[0] or any(kind in line for line in lines), lines
        assert not any("type " in line for line in lines), lines
    assert shown in meanings(EVERY_TYPE[kind][1])


def test_packed_result__is_named_and_left():
    with pytest.raises(Stopped, match="a table as pickle or Arrow stream is not walked"):
        list(walk(b"1 1 1\nOK\n" + b"\0\x26" + bytes(8)))


def test_duration_of_a_calendar__shows_its_letters():
    data = bytes.fromhex("2400 02000000") + b"XNYS"
    assert "2 XNYS" in meanings(data)


@each("data", ALL)
def test_cut_data__stops_at_an_offset_inside(data):
    for size in range(1, len(data)):
        try:
            for _ in walk(data[:size]):
                pass
        except Stopped as stopped:
            assert 0 <= stopped.offset <= size


@pytest.mark.wide
def test_damaged_data__never_raises_anything_else():
    seed = 20260701
    generator = random.Random(seed)
    original = b"".join(ALL)
    for turn in range(3000 if WIDE else 600):
        data = bytearray(original[generator.randrange(len(original)) :] if turn % 2 else original)
        for _ in range(generator.randrange(1, 6)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            for _ in walk(bytes(data)):
                pass
        except Stopped:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, turn {turn}: {bytes(data).hex()}") from error


@each(
    "data",
    [
        b"API2 1 " + b"9" * 5000 + b" / 36_1_4_64__0\n",
        b"API2 1 999999999 / 36_1_4_64__0\nscript\n",
        b"API2 1 5 / " + b"9" * 5000 + b"_1_4_64__0\nabcde",
        b"API2 1 14 / 36_1_4_64__0\nfunction\nf\n9999999999\n1",
        bytes.fromhex("1901 ffffff7f 01000000"),
        bytes.fromhex("1901 01000000 01000000") * 100,
        bytes.fromhex("0006 01000000 ffffff7f 00"),
        bytes.fromhex("9101 01000000 01000000 00000000 ffffffff"),
        bytes.fromhex("4501 ffffff7f 01000000 0000 01 00"),
        bytes.fromhex("1a01 ffffffff 01000000") + bytes(20),
    ],
)
def test_absurd_numbers__stop(data):
    with pytest.raises(Stopped):
        list(walk(data))


def test_command__prints_offset_bytes_and_meaning(tmp_path, capsys):
    file = tmp_path / "request.bin"
    file.write_bytes(CALL)
    assert main(["dump", str(file)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[1].startswith("00000000  41 50 49 32 20")
    assert lines[3].split(maxsplit=4) == ["00000030", "05", "00", "2", "argument 1: LONG scalar"]


def test_command__garbage_exits_1_and_says_where(tmp_path, capsys):
    file = tmp_path / "garbage.bin"
    file.write_bytes(TABLE + b"\xff\xff\xff")
    assert main(["dump", str(file)]) == 1
    out, err = capsys.readouterr()
    assert "column names 'a'" in out
    assert len(err.splitlines()) == 1
    assert f"byte {len(TABLE)} (0x{len(TABLE):x}): object: no such form: 255" in err


def test_command__control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    file = tmp_path / "names.bin"
    head = bytes.fromhex("0006 00000000 01000000 00")
    file.write_bytes(head + b"\x1b[2J\x00" + bytes.fromhex("0401") + bytes(8))
    main(["dump", str(file)])
    assert "\x1b" not in capsys.readouterr().out


def test_command__missing_file_exits_2(tmp_path, capsys):
    assert main(["dump", str(tmp_path / "absent")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

#!/usr/bin/env python3
"""Files with bad records, through the program: with on_error = "fail" the job fails with file, line, column and reason;
with "reject" it reads on, and what is rejected, and counted, is exactly what is wrong."""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
COLUMNS = ["id int32 not null", "small int8", "big int64", "ratio float64", "flag bool", "name string", "day date",
           "price decimal(5,2)", "short string(3)"]
PIPELINE = """local w = require "weir"
return w.pipeline "job" {
  w.source "in" { use = "file", path = "PATH", on_error = "ON_ERROR", parallelism = 1, columns = { COLUMNS } },
  w.sink "out" { use = "file", path = "out.ndjson" },
BAD}
""".replace("COLUMNS", ", ".join(f'"{column}"' for column in COLUMNS))
BAD = '  w.sink "bad" { use = "file", path = "bad.ndjson", from = "in.rejected" },\n'
SET_ASIDE = '; with on_error = "reject" it is set aside'
INCOMPLETE = "out: warning: out.ndjson is not complete: what was written is in out.ndjson.partial\n"

# Records, each a line: what it is, with the column (None: the whole record) and the reason; or the number of a good one.
CSV = [
    (b"1,1,1,1.5,true,good,2024-01-31,1.00,abc", 1),
    (b"2,1,1", None, "the line has 3 fields, expected 9"),
    (b"3,1,1,1.5,true,long,2024-01-31,1.00,abc,more", None, "the line has 10 fields, expected 9"),
    (b"2147483648,1,1,1.5,true,id,2024-01-31,1.00,abc", "id", "`2147483648` is out of the range of int32"),
    (b"5,128,1,1.5,true,small,2024-01-31,1.00,abc", "small", "`128` is out of the range of int8"),
    (b"6,-129,1,1.5,true,small,2024-01-31,1.00,abc", "small", "`-129` is out of the range of int8"),
    (b"7,1,9223372036854775808,1.5,true,big,2024-01-31,1.00,abc", "big",
     "`9223372036854775808` is out of the range of int64"),
    (b"8,1,1,1e999,true,ratio,2024-01-31,1.00,abc", "ratio", "`1e999` is out of the range of float64"),
    (b"9,1,1,1.5,true,good,2024-01-31,1.00,abc", 9),
    (b"ten,1,1,1.5,true,id,2024-01-31,1.00,abc", "id", "`ten` is not an int32"),
    (b"11,1.5,1,1.5,true,small,2024-01-31,1.00,abc", "small", "`1.5` is not an int8"),
    (b"12,1,1,much,true,ratio,2024-01-31,1.00,abc", "ratio", "`much` is not a float64"),
    (b"13,1,1,1.5,perhaps,flag,2024-01-31,1.00,abc", "flag", "`perhaps` is not a bool (true, false, 1 or 0)"),
    (b"14,1,1,1.5,true,\xff\xfe,2024-01-31,1.00,abc", "name", "the text is not valid UTF-8 (byte 1 of it)"),
    (b"15,1,1,1.5,true,caf\xe9,2024-01-31,1.00,abc", "name", "the text is not valid UTF-8 (byte 4 of it)"),
    (b"16,1,1,1.5,true,day,2023-02-29,1.00,abc", "day", "`2023-02-29` is out of the range of date"),
    (b"17,1,1,1.5,true,day,yesterday,1.00,abc", "day", "`yesterday` is not a date (YYYY-MM-DD)"),
    (b"18,1,1,1.5,true,price,2024-01-31,1000.00,abc", "price", "`1000.00` is out of the range of decimal(5,2)"),
    (b"19,1,1,1.5,true,short,2024-01-31,1.00,abcd", "short", "`abcd` is longer than string(3)"),
    (b",1,1,1.5,true,id,2024-01-31,1.00,abc", "id", "null, but the column is not null"),
    (b'21,1,1,1.5,true,a"b,2024-01-31,1.00,abc', "name", "there is a quote inside a field that does not begin with one"),
    (b'22,1,1,1.5,true,"a"b,2024-01-31,1.00,abc', "name", "there is text after the closing quote of a field"),
    (b'23,1,1,1.5,true,"not closed,2024-01-31,1.00,abc', "name", "a quoted field is not closed"),
    (b"24,1,1,1.5,true,good,2024-01-31,1.00,abc", 24),
]
NDJSON = [
    (b'{"id":1}', 1),
    (b'{"id":2', None, "not valid JSON at byte 8: `,` or `}` is expected"),
    (b'{"id":3}}', None, "not valid JSON at byte 9: there is text behind the object"),
    (b'{"id":4,}', None, "not valid JSON at byte 9: a key is expected"),
    (b'{"id":2147483648}', "id", "`2147483648` is out of the range of int32"),
    (b'{"id":6,"small":-129}', "small", "`-129` is out of the range of int8"),
    (b'{"id":7,"big":-9223372036854775809}', "big", "`-9223372036854775809` is out of the range of int64"),
    (b'{"id":8,"ratio":-1e999}', "ratio", "`-1e999` is out of the range of float64"),
    (b'{"id":9,"other":[1,{"x":null}]}', 9),
    (b'{"id":10,"ratio":"1.5"}', "ratio", "this is a string, expected float64"),
    (b'{"id":11,"flag":1}', "flag", "this is a number, expected bool"),
    (b'{"id":12,"name":["a"]}', "name", "this is an array or object, expected string"),
    (b'{"id":13.5}', "id", "`13.5` is not an int32"),
    (b'{"id":14,"name":"caf\xe9"}', None, "not valid JSON at byte 21: a string is not valid UTF-8"),
    (b'{"id":15,"day":"2023-02-29"}', "day", "`2023-02-29` is out of the range of date"),
    (b'{"id":16,"price":1000}', "price", "`1000` is out of the range of decimal(5,2)"),
    (b'{"id":17,"short":"abcd"}', "short", "`abcd` is longer than string(3)"),
    (b'{"id":null}', "id", "null, but the column is not null"),
    (b'{"small":19}', "id", "missing, but the column is not null"),
    (b'{"id":20,"id":20}', "id", "the key is there twice"),
    (b"[21]", None, "not valid JSON at byte 1: an object is expected"),
    (b'{"id":022}', None, "not valid JSON at byte 7: a number does not begin as one"),
    (b'{"id":23,"ratio":NaN}', None, "not valid JSON at byte 18: a value is expected"),
    (b'{"id":24,"name":"\\ud800"}', None, "not valid JSON at byte 18: there is a bad escape inside a string"),
    (b'{"id":25,"name":"a\tb"}', None, "not valid JSON at byte 19: there is a control character inside a string"),
    (b'{"id":26,"name":"not closed}', None, "not valid JSON at byte 29: a string is not closed"),
    (b'{"id":27} x', None, "not valid JSON at byte 11: there is text behind the object"),
    (b'{"id":28}', 28),
]
ONE, TWO = b"\x82\xa2id\x01\xa4name\xa3one", b"\x82\xa2id\xcd\x00\x02\xa4name\xd9\x03two"
REST = "; the rest of the file is left out"
TOO_MANY = "the record has more than 262144 values" + REST
TOO_LONG = "the record is longer than 16842752 bytes, the most allowed" + REST
TOO_DEEP = "the record nests deeper than 16 levels" + REST
MSGPACK = [
    (ONE, 1),
    (b"\x05", None, "the record is not a map or an array"),
    (b"\x82\xa2id\x03\x05\x01", None, "a key of the map is not a string"),
    (b"\x81\xa2id\xa1x", "id", "this is a string, expected int32"),
    (b"\x81\xa2id\xce\xff\xff\xff\xff", "id", "the number is out of the range of int32"),
    (b"\x81\xa2id\xc0", "id", "null, but the column is not null"),
    (b"\x81\xa4name\xa1a", "id", "missing, but the column is not null"),
    (b"\x82\xa2id\x08\xa2id\x08", "id", "the key is there twice"),
    (b"\x82\xa2id\x09\xa4name\xa2\xc3\x28", "name", "the text is not valid UTF-8 (byte 1 of it)"),
    (TWO, 2),
    (b"\xc1", None, "this is not msgpack" + REST),
]
BEYOND_MEASURE = [
    (b"\xdd\xff\xff\xff\xff", None, TOO_MANY),
    (b"\xdf\xff\xff\xff\xff", None, TOO_MANY),
    (b"\x82\xa2id\x01\xa4name\xdb\xff\xff\xff\xff", None, TOO_LONG),
    (b"\x82\xa2id\x01\xa4name\xc6\xff\xff\xff\xff", None, TOO_LONG),
    (b"\x91" * 100000, None, TOO_DEEP),
    (b"\x82\xa2id\x01\xa4name" + b"\x91" * 1000 + b"\xc0", None, TOO_DEEP),
]
# The records, what stands before them, and what ends each.
FORMATS = {"csv": (CSV, b"id,small,big,ratio,flag,name,day,price,short\n", b"\n"), "ndjson": (NDJSON, b"", b"\n"),
           "msgpack": (MSGPACK, b"", b"")}


@contextlib.contextmanager
def project(kind, records, on_error, reader=""):
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as name:
        folder = pathlib.Path(name)
        (folder / f"in.{kind}").write_bytes(
            FORMATS[kind][1] + b"".join(record[0] + FORMATS[kind][2] for record in records))
        (folder / "job.lua").write_text(
            PIPELINE.replace("PATH", f"in.{kind}").replace("ON_ERROR", on_error).replace("BAD", reader))
        yield folder


def run(folder):
    return subprocess.run([WEIR, "run", "job.lua", "--json"], cwd=folder, capture_output=True, text=True, timeout=60)


def name_of(record):
    return record[0] if len(record[0]) < 100 else record[0][:20] + b"..."


def place(kind, number, column):
    """Of a record, counted from 0, behind the header if there is one."""
    line = number + 1 + FORMATS[kind][1].count(b"\n")
    return f"in.{kind}{', record ' if kind == 'msgpack' else ':'}{line}" + (f", column `{column}`" if column else "")


def fails(kind, record):
    """Behind a good one, so that its line is not the first."""
    good = next(other for other in FORMATS[kind][0] if len(other) == 2)
    with project(kind, [good, record], "fail") as folder:
        done = run(folder)
        expected = INCOMPLETE + f"job failed: job.lua:3: stage `in`: {place(kind, 1, record[1])}: {record[2]}{SET_ASIDE}\n"
        return [] if done.stderr == expected and done.returncode == 6 else [done.stderr, expected, done.returncode]


def fails_wherever_cut_off():
    """Where a record ends the file may end; anywhere else it is told."""
    wrong = []
    for size in range(1, len(TWO) + 1):
        if size < len(TWO):
            wrong += fails("msgpack", (TWO[:size], None, "the file ends inside a record" + REST))
            continue
        with project("msgpack", [(ONE, 1), (TWO, 2)], "fail") as folder:
            done = run(folder)
            wrong += [] if done.returncode == 0 and counts(done)["out"][0] == 2 else [done.stderr]
    return wrong


def counts(done):
    return {stage["name"]: (stage["rows_in"], stage["rows_out"], stage["rejected"])
            for stage in json.loads(done.stdout)["stages"]}


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def rejects(kind):
    records = FORMATS[kind][0]
    good = [record[1] for record in records if len(record) == 2]
    bad = [{"place": place(kind, number, record[1]), "reason": record[2],
            "record": base64.b64encode(record[0]).decode()}
           for number, record in enumerate(records) if len(record) == 3]
    with project(kind, records, "reject", BAD) as folder:
        done = run(folder)
        if done.returncode != 0 or done.stderr != "":
            return [done.returncode, done.stderr]
        expected = {"in": (0, len(good), len(bad)), "out": (len(good), 0, 0), "bad": (len(bad), 0, 0)}
        wrong = [] if counts(done) == expected else [counts(done), expected]
        got = [row["id"] for row in lines_of(folder / "out.ndjson")]
        wrong += [] if got == good else [got]
        return wrong + [str(pair) for pair in zip(lines_of(folder / "bad.ndjson"), bad) if pair[0] != pair[1]] + \
            ([] if len(lines_of(folder / "bad.ndjson")) == len(bad) else ["not as many as are bad"])


def rejects_are_told(kind):
    """Nobody reads them: they are counted, and the first is shown."""
    records = FORMATS[kind][0]
    bad = [number for number, record in enumerate(records) if len(record) == 3]
    with project(kind, records, "reject") as folder:
        done = run(folder)
        first = records[bad[0]]
        expected = f'in: warning: rejected 1 row so far that nobody reads (from = "in.rejected" would); the last: ' \
                   f"{place(kind, bad[0], first[1])}: {first[2]}\n"
        is_good = done.returncode == 0 and done.stderr == expected and counts(done)["in"][2] == len(bad)
        return [] if is_good else [done.stderr, expected, done.stdout]


def main():
    tap = Tap()
    for kind, (records, _, _) in FORMATS.items():
        for record in records:
            if len(record) == 3:
                tap.run(f"{kind}: {name_of(record)} fails the job: {record[2]}", fails, kind, record)
        tap.run(f"{kind}: bad records are rejected, and the rest is read", rejects, kind)
        tap.run(f"{kind}: rejects that nobody reads are told", rejects_are_told, kind)
    for record in BEYOND_MEASURE:
        tap.run(f"msgpack: {name_of(record)} fails the job: {record[2]}", fails, "msgpack", record)
    tap.run("msgpack that is cut off after any byte fails the job", fails_wherever_cut_off)
    tap.finish()


main()

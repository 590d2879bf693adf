#!/usr/bin/env python3
"""`weir table` through the program: what each command does, and every refusal to the letter that matters."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

from tap import Tap  # noqa: E402

build = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
weir = build / "weir"
SENSORS = ["--column", "id int32", "--column", "name string", "--column", "value float64", "--key", "id"]


class Store:
    """A data directory of its own."""

    def __init__(self, folder, name):
        self.path = pathlib.Path(folder) / name

    def table(self, verb, *arguments, stdin=""):
        return subprocess.run([weir, "table", verb, *arguments, "--data", str(self.path)], input=stdin,
                              capture_output=True, text=True, timeout=120)

    def rows(self, verb, *arguments, stdin=""):
        done = self.table(verb, *arguments, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def copy(self, name):
        other = Store(self.path.parent, name)
        other.path.mkdir()
        for item in self.path.rglob("*"):
            target = other.path / item.relative_to(self.path)
            if item.is_dir():
                target.mkdir()
            else:  # segments are mostly holes
                subprocess.run(["cp", "--sparse=always", item, target], check=True)
        return other


def check(done, code, *said):
    """What is wrong with the end of a command."""
    text = done.stdout + done.stderr
    wrong = [f"it says {text!r}, which lacks {part!r}" for part in said if part not in text]
    return wrong + ([] if done.returncode == code else [f"exit code {done.returncode}, not {code}: {text}"])


def same(actual, expected):
    return [] if actual == expected else [f"{actual!r}\n  is not\n{expected!r}"]


def rows_of(bucket_rows):
    return sorted((row["row"]["id"], row["kind"]) for row in bucket_rows)


def life_of_a_table(folder):
    store = Store(folder, "life")
    create = ["iot.t", *SENSORS, "--buckets", "4"]
    wrong = check(store.table("create", *create), 0, "iot.t is made")
    wrong += check(store.table("create", *create), 0, "iot.t exists already, with this definition")
    wrong += check(store.table("create", "iot.t", *SENSORS, "--buckets", "5"), 3,
                   "weir table create: table iot.t exists with another definition: its buckets is 4, not 5")
    big = {"id": -2147483648, "name": "\u00e9\n\"", "value": 0.1}
    wrong += check(store.table("put", "iot.t", stdin=json.dumps(big) + "\n\n" + '{"id": 2, "value": "NaN"}\n'), 0,
                   "2 rows")
    wrong += check(store.table("put", "iot.t", '{"id": 2, "name": "b", "value": 1e300}'), 0, "1 rows")
    wrong += check(store.table("put", "iot.t", "--columns", "id,value", '{"id": 2, "value": 5}'), 0)
    wrong += same(sorted(store.rows("scan", "iot.t"), key=lambda row: row["id"]),
                  [big, {"id": 2, "name": "b", "value": 5.0}])
    wrong += same(store.rows("lookup", "iot.t", '{"id": 2}', '{"id": 3}'), [{"id": 2, "name": "b", "value": 5.0}])
    changes = store.rows("changelog", "iot.t")
    wrong += same([(row["kind"], row["row"]["value"]) for row in changes if row["row"]["id"] == 2],
                  [("+I", "NaN"), ("-U", "NaN"), ("+U", 1e300), ("-U", 1e300), ("+U", 5.0)])
    wrong += same([row["offset"] for row in changes if row["row"]["id"] == 2], [0, 1, 2, 3, 4])
    wrong += same(len(store.rows("changelog", "iot.t", "--limit", "3")), 3)
    wrong += same(store.rows("changelog", "iot.t", "--from", "latest"), [])
    wrong += same(store.rows("changelog", "iot.t", "--from", "4", "--columns", "value"),
                  [{"bucket": changes[-1]["bucket"], "offset": 4, "kind": "+U", "row": {"value": 5.0}}])
    wrong += check(store.table("put", "iot.t", "--delete", '{"id": 2}'), 0)
    wrong += same(store.rows("scan", "iot.t", "--columns", "id"), [{"id": -2147483648}])
    wrong += check(store.table("alter", "iot.t", "--column", "note string"), 0)
    wrong += same(store.rows("lookup", "iot.t", '{"id": -2147483648}'), [{**big, "note": None}])
    described = store.rows("describe", "iot.t", "--json")[0]
    wrong += same((described["schema"], described["buckets"], described["rows"], described["retention_us"]),
                  (2, 4, 1, 7 * 86400 * 10**6))
    wrong += check(store.table("describe", "iot.t"), 0, "id                       int32 not null", "log kept 168h")
    wrong += check(store.table("list"), 0, "iot.t", "primary key, 4 buckets, 1 rows")
    wrong += check(store.table("verify"), 0, "0 findings")
    wrong += check(store.table("drop", "iot.t"), 0)
    return wrong + check(store.table("list"), 0) + same(store.rows("list", "--json"), [])


def values_come_back(folder):
    store = Store(folder, "values")
    columns = {"k": "int64", "b": "bool", "i8": "int8", "i16": "int16", "f": "float32", "s": "string(3)",
               "by": "bytes", "d": "date", "t": "time", "ts": "timestamp(3)", "us": "timestamp_ltz(6)",
               "ns": "timestamp(9)", "p": "decimal(30,5)"}
    low = {"k": -2**63, "b": False, "i8": -128, "i16": -32768, "f": "-Infinity", "s": "", "by": "", "d": "1969-12-31",
           "t": "00:00:00.000", "ts": "1969-12-31T23:59:59.999", "us": "0001-01-01T00:00:00.000001Z",
           "ns": "1969-12-31T23:59:59.999999999", "p": "-9999999999999999999999999.99999"}
    high = {"k": 2**63 - 1, "b": True, "i8": 127, "i16": 32767, "f": 1.5, "s": "\u00e9\u00e8\u00ea", "by": "AP8Q",
            "d": "2024-02-29", "t": "23:59:59.999", "ts": "2026-11-22T12:34:56.789",
            "us": "2026-11-22T12:34:56.789012Z", "ns": "2026-11-22T12:34:56.789012345", "p": "0.00001"}
    nothing = {name: None for name in columns} | {"k": 0}
    declared = [part for name, type in columns.items() for part in ("--column", f"{name} {type}")]
    wrong = check(store.table("create", "db.v", *declared, "--key", "k", "--buckets", "2"), 0)
    wrong += check(store.table("put", "db.v", json.dumps(low), json.dumps(high), '{"k": 0}'), 0)
    wrong += same(store.rows("lookup", "db.v", *(json.dumps({"k": row["k"]}) for row in (low, high, nothing))),
                  [low, high, nothing])
    for value, said in {
        '{"k": 1, "i8": 128}': "column `i8`: 128 is beyond the range of int8",
        '{"k": 1, "i16": 1.5}': "column `i16`: it is no whole number",
        '{"k": 1, "b": 1}': "column `b`: it is neither true nor false",
        '{"k": 1, "f": "x"}': "column `f`: it is no number",
        '{"k": 1, "s": "abcd"}': "column `s`: it has a length of 4; the column keeps 3",
        '{"k": 1, "s": 5}': "column `s`: it is no text",
        '{"k": 1, "by": "A"}': "column `by`: it is no base64",
        '{"k": 1, "d": "2023-02-29"}': "column `d`: `2023-02-29` is no date",
        '{"k": 1, "t": "24:00:00"}': "column `t`: `24:00:00` is no time",
        '{"k": 1, "ts": "2026-11-22T12:34:56.7891"}': "column `ts`: `2026-11-22T12:34:56.7891` is no timestamp(3)",
        '{"k": 1, "us": "2026-11-22T12:34:56"}': "is no timestamp_ltz(6); write it as",
        '{"k": 1, "p": "1.000001"}': "column `p`: `1.000001` is no decimal(30,5)",
        '{"k": 9223372036854775808}': "no JSON: too big integer",
        '{"k": 1, "kk": 2}': "table db.v has no column `kk`; did you mean `k`?",
        '{"k": 1, "k": 2}': "no JSON: duplicate object key",
        '[1]': "a row is a JSON object",
    }.items():
        wrong += check(store.table("put", "db.v", value), 3, "weir table put: row 1: ", said)
    return wrong + same(len(store.rows("scan", "db.v")), 3)


def merge_engines_and_log_tables(folder):
    store = Store(folder, "merges")
    wrong = check(store.table("create", "m.sums", "--column", "k int32", "--column", "n int64", "--column", "l string",
                              "--key", "k", "--set", "merge=aggregation", "--aggregate", "n=sum",
                              "--aggregate", "l=listagg(; )", "--buckets", "1"), 0)
    wrong += check(store.table("put", "m.sums", '{"k":1,"n":2,"l":"a"}', '{"k":1,"n":3,"l":"b"}'), 0)
    wrong += same(store.rows("scan", "m.sums"), [{"k": 1, "n": 5, "l": "a; b"}])
    wrong += check(store.table("put", "m.sums", "--overwrite", '{"k":1,"n":1}'), 0)
    wrong += same(store.rows("scan", "m.sums"), [{"k": 1, "n": 1, "l": None}])
    wrong += check(store.table("create", "m.log", "--column", "a int32", "--buckets", "1"), 0)
    wrong += check(store.table("put", "m.log", '{"a":1}', '{"a":null}'), 0)
    wrong += same([(row["offset"], row["kind"], row["row"]["a"]) for row in store.rows("changelog", "m.log")],
                  [(0, "+I", 1), (1, "+I", None)])
    wrong += check(store.table("scan", "m.log"), 3, "table m.log has no primary key and so no rows to scan")
    wrong += check(store.table("create", "m.ids", "--column", "k string", "--column", "id int64", "--key", "k",
                               "--auto-increment", "id", "--buckets", "1"), 0)
    wrong += same(store.rows("lookup", "m.ids", "--insert", '{"k":"x"}', '{"k":"y"}', '{"k":"x"}'),
                  [{"k": "x", "id": 1}, {"k": "y", "id": 2}, {"k": "x", "id": 1}])
    wrong += check(store.table("create", "m.two", "--column", "a int32", "--column", "b int32", "--column", "c int32",
                               "--key", "a,b", "--bucket-key", "a"), 0)
    wrong += check(store.table("put", "m.two", *(json.dumps({"a": i % 2, "b": i, "c": i}) for i in range(4))), 0)
    wrong += same(store.rows("lookup", "m.two", '{"a": 1}'), [{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 3, "c": 3}])
    wrong += same(store.rows("lookup", "m.two", '{"a": 1, "b": 3}'), [{"a": 1, "b": 3, "c": 3}])
    return wrong + check(store.table("lookup", "m.two", '{"b": 1}'), 3, "a lookup names all 2 columns")


def wrong_definitions(folder):
    store = Store(folder, "definitions")
    wrong = []
    for arguments, said in (
        (["iot", *SENSORS], "a table cannot be called `iot`: write database.table"),
        (["iot.t"], "a table has 1 to 4096 columns, not 0"),
        (["iot.t", "--column", "a bigint"], "did you mean `int64`?"),
        (["iot.t", *SENSORS[:-1], "idd"], "table iot.t has no column `idd`; did you mean `id`?"),
        (["iot.t", *SENSORS, "--bucket-key", "name"], "bucket key column `name` is not in the primary key"),
        (["iot.t", *SENSORS, "--set", "replication=3"], "`replication` is 3, and this build keeps one copy"),
        (["iot.t", *SENSORS, "--set", "replcation=1"], "a table has no property `replcation`; did you mean `replication`?"),
        (["iot.t", *SENSORS, "--set", "changelog=wall"], "`changelog` cannot be `wall`; did you mean `wal`?"),
        (["iot.t", *SENSORS, "--set", "changelog"], "write PROPERTY=VALUE"),
        (["iot.t", *SENSORS, "--set", "retention.time=soon"], "give a duration such as 7d"),
        (["iot.t", *SENSORS, "--set", "retention.size=much"], "give a size such as 4GB"),
        (["iot.t", *SENSORS, "--set", "kv_format=avro"], "there are: arrow, indexed, compacted"),
        (["iot.t", *SENSORS, "--set", "merge=first_row", "--set", "delete=allow"], "`first_row` cannot delete rows"),
        (["iot.t", *SENSORS, "--set", "merge=versioned"], "`versioned` needs a version column"),
        (["iot.t", *SENSORS, "--set", "merge=versioned", "--set", "version=name"], "the version column `name` is string"),
        (["iot.t", *SENSORS, "--set", "merge=aggregation", "--set", "changelog=wal"], "needs the changelog image `full`"),
        (["iot.t", *SENSORS, "--set", "merge=aggregation", "--aggregate", "name=sum"], "needs a number, and it is string"),
        (["iot.t", *SENSORS, "--set", "merge=aggregation", "--aggregate", "id=sum"], "is part of the primary key"),
        (["iot.t", *SENSORS, "--set", "merge=aggregation", "--aggregate", "name=listagg()"], "the delimiter of listagg"),
        (["iot.t", *SENSORS, "--aggregate", "value"], "write COLUMN=FUNCTION"),
        (["iot.t", *SENSORS, "--buckets", "0"], "`buckets` is 0; give 1 to 4096"),
        (["iot.t", *SENSORS, "--buckets", "many"], "--buckets many: give 1 to 4096"),
        (["iot.t", *SENSORS, "--set", "memory=1GB"], "a memory budget goes with index = `rocksdb`"),
        (["iot.t", *SENSORS, "--set", "ttl.time=1h", "--set", "ttl.column=name"], "a column of type timestamp"),
        (["iot.t", "--column", "a int32", "--set", "merge=first_row"], "it is a log table and cannot have a merge engine"),
    ):
        wrong += check(store.table("create", *arguments), 3, "weir table create: ", said)
    if store.path.exists():
        wrong.append("a definition that is refused made a data directory")
    return wrong


def wrong_words(folder):
    store = Store(folder, "words")
    wrong = check(store.table("scam"), 2, "there is no `scam`; did you mean `scan`?", "table create DATABASE.TABLE")
    wrong += check(store.table("scan"), 2, "weir table scan: name a table")
    wrong += check(store.table("scan", "a.b", "--limt", "3"), 2, "there is no flag --limt; did you mean --limit?")
    wrong += check(store.table("scan", "a.b", "--zzzzzzzzz"), 2, "there are: --data, --columns, --bucket, --limit")
    wrong += check(store.table("list", "a.b"), 2, "`a.b` is one word too many")
    wrong += check(store.table("list"), 3, f"there is no data directory {store.path}: No such file or directory")
    if store.path.exists():
        wrong.append("a look made a data directory")
    wrong += check(store.table("create", "iot.t", *SENSORS), 0)
    wrong += check(store.table("scan", "iot.t", "--limit", "x"), 2, "--limit x: give a whole number")
    wrong += check(store.table("scan", "iot.t", "--bucket", "128"), 3, "table iot.t has buckets 0 to 127, and no 128")
    wrong += check(store.table("changelog", "iot.t", "--from", "soon"), 3, "--from soon: give earliest, latest, an offset")
    wrong += check(store.table("scan", "iot.tt"), 3, "has no table iot.tt; did you mean iot.t? There are: iot.t")
    wrong += check(store.table("scan", "iot.t", "--columns", "nam"), 3, "no column `nam`; did you mean `name`?")
    wrong += check(store.table("drop", "io.t"), 3, "did you mean iot.t?")
    wrong += check(store.table("alter", "iot.t"), 2, "give the column that is added")
    wrong += check(store.table("alter", "iot.t", "--column", "x int32 not null"), 3, "must allow nulls")
    wrong += check(store.table("alter", "iot.t", "--column", "name int32"), 3, "two columns are called `name`")
    wrong += check(store.table("put", "iot.t", '{"id": null}'), 3, "the key column `id` is null")
    wrong += check(store.table("put", "iot.t", '{"name": "a"}'), 3, "the key column `id` is null")
    wrong += check(store.table("put", "iot.t", "--columns", "name", '{"name": "a"}'), 3, "id")
    wrong += check(store.table("put", "iot.t", "--columns", "id", '{"id": 1, "name": "a"}'), 3,
                   "the column `name` is not one of those that are written")
    wrong += check(store.table("put", "iot.t", "{"), 3, "row 1: no JSON: ")
    wrong += check(store.table("put", "iot.t", stdin='{"id":1}\n{"id":}\n'), 3, "stdin:2: no JSON: ")
    wrong += check(store.table("put", "iot.t", "--file", "/nowhere"), 3, "cannot open /nowhere: No such file")
    return wrong + check(store.table("lookup", "iot.t", '{"id": "a"}'), 3, "column `id`: it is no whole number")


def a_directory_in_use(folder):
    store = Store(folder, "locked")
    wrong = check(store.table("create", "iot.t", *SENSORS), 0)
    writer = subprocess.Popen([weir, "table", "put", "iot.t", "--data", str(store.path)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    lock = store.path / "lock"
    while f"process {writer.pid}" not in lock.read_text() and writer.poll() is None:
        os.sched_yield()
    for verb, *arguments in (["put", "iot.t", '{"id":1}'], ["list"], ["scan", "iot.t"], ["dump"], ["verify"],
                             ["drop", "iot.t"]):
        wrong += check(store.table(verb, *arguments), 3, f"{store.path} is in use by process {writer.pid}; stop it")
    writer.communicate('{"id":7}\n', timeout=60)
    return wrong + same([row["id"] for row in store.rows("scan", "iot.t")], [7])


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))


def what_is_damaged_is_named(folder):
    good = Store(folder, "good")
    wrong = check(good.table("create", "iot.t", *SENSORS, "--buckets", "2"), 0)
    wrong += check(good.table("put", "iot.t", *(json.dumps({"id": i, "value": i}) for i in range(20))), 0)
    wrong += check(good.table("put", "iot.t", *(json.dumps({"id": i, "value": i}) for i in range(20))), 0)
    store = good.copy("hurt-catalog")
    flip(store.path / "catalog", 200)
    wrong += check(store.table("verify"), 1, f"{store.path}/catalog: corrupt at byte 128: ", "1 findings")
    wrong += check(store.table("scan", "iot.t"), 0, "the other copy of the catalog is good")
    flip(store.path / "catalog.copy", 200)
    wrong += check(store.table("scan", "iot.t"), 3, f"{store.path}/catalog: corrupt at byte 128: ")
    store = good.copy("hurt-snapshot")
    newest = sorted((store.path / "snapshots").iterdir())[-1]
    flip(newest, 70)
    wrong += check(store.table("verify"), 1, f"{newest}: corrupt at byte 0: ", "1 findings")
    done = store.table("scan", "iot.t")
    wrong += check(done, 0, "an older snapshot and the log take its place") + same(done.stdout.count("\n"), 20)
    store = good.copy("hurt-log")
    segment = sorted((store.path / "log").iterdir())[0]
    flip(segment, 4096 + 256)
    wrong += check(store.table("verify"), 1, f"{segment}: corrupt at byte ")
    wrong += check(store.table("dump"), 1, '"kind":"batch"', '"kind":"section"', '"kind":"table"')
    store = good.copy("extra")
    (store.path / "notes.txt").write_text("x")
    (store.path / "snapshots" / "1.bak").write_text("x")
    wrong += check(store.table("verify"), 1, "notes.txt: not a file of a store", "1.bak: not a file of a store")
    wrong += check(store.table("scan", "iot.t"), 0)
    store = good.copy("missing")
    (store.path / "catalog").unlink()
    (store.path / "catalog.copy").unlink()
    wrong += check(store.table("scan", "iot.t"), 3, "are missing; restore a backup of the directory")
    wrong += check(store.table("put", "iot.t", '{"id":1}'), 3, "are missing; restore a backup of the directory")
    store = good.copy("renamed")
    newest = sorted((store.path / "snapshots").iterdir())[-1]
    newest.rename(newest.with_name(f"{77:020}.snapshot"))
    wrong += check(store.table("scan", "iot.t"), 0, "it does not begin as snapshot 77 of this store")
    store = good.copy("truncated")
    newest = sorted((store.path / "snapshots").iterdir())[-1]
    os.truncate(newest, newest.stat().st_size - 64)
    return wrong + check(store.table("verify"), 1, f"{newest}: ")


def a_directory_of_another_kind(folder):
    good = Store(folder, "version")
    wrong = check(good.table("create", "iot.t", *SENSORS, "--buckets", "1"), 0)
    crc = [((lambda c: [c := (c >> 1) ^ (0x82F63B78 if c & 1 else 0) for _ in range(8)][-1])(i)) for i in range(256)]

    def crc32c(data):
        value = 0xFFFFFFFF
        for byte in data:
            value = crc[(value ^ byte) & 255] ^ (value >> 8)
        return value ^ 0xFFFFFFFF

    for name in ("catalog", "catalog.copy"):
        data = bytearray((good.path / name).read_bytes())
        data[4] = 2
        data[60:64] = bytes(4)
        data[60:64] = crc32c(data[:128]).to_bytes(4, "little")
        (good.path / name).write_bytes(data)
    wrong += check(good.table("scan", "iot.t"), 3, "catalog is of format version 2, and this weir knows version 1")
    file = Store(folder, "file")
    file.path.write_text("x")
    wrong += check(file.table("list"), 3, f"cannot open the data directory {file.path}: ")
    wrong += check(file.table("create", "iot.t", *SENSORS), 3, f"cannot open the data directory {file.path}: ")
    empty = Store(folder, "empty")
    empty.path.mkdir()
    return wrong + check(empty.table("list"), 3, f"there is no store in {empty.path}")


def a_directory_that_cannot_be_written(folder):
    store = Store(folder, "read-only")
    wrong = check(store.table("create", "iot.t", *SENSORS, "--buckets", "1"), 0)
    wrong += check(store.table("put", "iot.t", '{"id":1}'), 0)
    mount = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c",
                            f"mount --bind -o ro '{store.path}' '{store.path}' && mount -o remount,bind,ro "
                            f"'{store.path}' && '{weir}' table scan iot.t --data '{store.path}' && "
                            f"'{weir}' table put iot.t '{{\"id\":2}}' --data '{store.path}'; echo code $?"],
                           capture_output=True, text=True, timeout=60)
    if "mount:" in mount.stderr or "unshare:" in mount.stderr:
        return wrong  # this machine lets nobody mount
    said = mount.stdout + mount.stderr
    return wrong + [f"{said!r} lacks {part!r}" for part in ('{"id":1,', "cannot be written: Read-only file system",
                                                          "code 3") if part not in said]


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(dir=build / "tests") as folder:
        tap.run("a table is made, written, read, changed and dropped", life_of_a_table, folder)
        tap.run("values of every type come back as they were, and wrong ones are refused", values_come_back, folder)
        tap.run("merge engines, log tables, ids and prefixes", merge_engines_and_log_tables, folder)
        tap.run("a wrong definition is refused with the remedy, and makes nothing", wrong_definitions, folder)
        tap.run("wrong words, unknown names and bad rows are refused", wrong_words, folder)
        tap.run("while a process has the directory every command is refused and names it", a_directory_in_use, folder)
        tap.run("what is damaged, missing, renamed or extra is named", what_is_damaged_is_named, folder)
        tap.run("another version, a file, an empty folder", a_directory_of_another_kind, folder)
        tap.run("a directory that cannot be written is read, and says so", a_directory_that_cannot_be_written, folder)
    tap.finish()


main()

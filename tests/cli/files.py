#!/usr/bin/env python3
"""The disk goes wrong: it is full, or a file vanishes, before it is read or while it is. A pipe that the test reads at
its leisure holds the job where the test wants it."""

import contextlib
import gzip
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
LIMIT = 100000  # bytes that a file may have
WRITE = """local w = require "weir"
return w.pipeline "job" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 100000, start = 0, rate = 1000, paced = false },
  w.sink "out" { use = "file", path = "PATH", OPTIONS },
}
"""
READ = """local w = require "weir"
return w.pipeline "job" {
  w.source "in" { use = "file", path = { PATHS }, OPTIONS },
  w.sink "out" { use = "file", path = "out.csv" },
}
"""
COLUMNS = 'columns = { "number int64", "text string" }, parallelism = 1'
LINE_BYTES = 100
ROWS = 400000  # far more than all queues between the file and the pipe hold
NOT_THERE = "cannot read %s: No such file or directory: check the option `path` (a relative path starts at the folder " \
            "weir runs in)"
TALK = "out: warning: %s is not complete: what was written is in %s.partial\n"


@contextlib.contextmanager
def project(text):
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as name:
        folder = pathlib.Path(name)
        (folder / "job.lua").write_text(text)
        yield folder


def run(folder, command="run", **how):
    return subprocess.run([WEIR, command, "job.lua", *(["--json"] if command == "run" else [])], cwd=folder, text=True,
                          timeout=60, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how})


def compare(done, code, expected):
    return [] if (done.stderr, done.returncode) == (expected, code) else [done.stderr, expected, done.returncode]


# --- Full disks ---

def write(path, options='format = "csv"'):
    return WRITE.replace("PATH", path).replace("OPTIONS", options)


def full(path, reason, written, partial=True):
    kept = f"in {path}.partial: make room there or point `path` elsewhere, then run again; the unfinished file is kept " \
           "under that name"
    rest = kept if partial else "make room there or point `path` elsewhere, then run again"
    place = "standard output" if path == "-" else path
    return (TALK % (path, path) if partial else "") + f"job failed: job.lua:4: stage `out`: cannot write {place}: " \
        f"{reason} after {written} bytes{' ' if partial else ': '}{rest}\n"


def device_is_full(options):
    with project(write("/dev/full", options)) as folder:
        return compare(run(folder), 6, full("/dev/full", "No space left on device", 0, partial=False))


def output_is_full():
    with project(write("-")) as folder, open("/dev/full", "w", encoding="utf-8") as output:
        done = subprocess.run([WEIR, "run", "job.lua"], cwd=folder, text=True, timeout=60, stdout=output,
                              stderr=subprocess.PIPE)
        expected = full("-", "No space left on device", 0, partial=False)
        return [] if done.returncode == 6 and done.stderr.endswith(expected) else [done.stderr, done.returncode]


def report_has_no_room():
    with project(write("out.csv")) as folder, open("/dev/full", "w", encoding="utf-8") as output:
        return compare(run(folder, stdout=output), 6,
                       "weir run: cannot write to stdout: No space left on device\n")


def file_is_limited(options):
    """What was there before stays as it was, and the unfinished file has what could be written."""
    with project(write("out.csv", options)) as folder:
        (folder / "out.csv").write_text("of the run before\n")
        done = run(folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)))
        wrong = compare(done, 6, full("out.csv", "File too large", LIMIT))
        if (folder / "out.csv").read_text() != "of the run before\n":
            wrong.append("the file of the run before is changed")
        if (folder / "out.csv.partial").stat().st_size != LIMIT:
            wrong.append(f"the unfinished file has {(folder / 'out.csv.partial').stat().st_size} bytes")
        return wrong


def disk_is_full():
    """A file system of 64 KiB, in a namespace of mounts of its own."""
    with project(write("disk/out.csv")) as folder:
        (folder / "disk").mkdir()
        mount = "mount -t tmpfs -o size=64k tmpfs disk && exec \"$@\""
        done = subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", WEIR, "run", "job.lua", "--json"], cwd=folder,
                              capture_output=True, text=True, timeout=60)
        return compare(done, 6, full("disk/out.csv", "No space left on device", 65536))


def can_mount():
    return shutil.which("unshare") is not None and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False).returncode == 0


# --- Files that vanish ---

def read(*names, options=COLUMNS):
    return READ.replace("PATHS", ", ".join(f'"{name}"' for name in names)).replace("OPTIONS", options)


def vanishes_between_check_and_run():
    with project(read("in.csv")) as folder:
        (folder / "in.csv").write_text("number,text\n1,one\n")
        checked = run(folder, "check")
        (folder / "in.csv").unlink()
        wrong = [] if checked.returncode == 0 else [checked.stderr]
        return wrong + compare(run(folder), 6, TALK % ("out.csv", "out.csv") +
                               f"job failed: job.lua:3: stage `in`: {NOT_THERE % 'in.csv'}\n")


def vanishes_before_its_columns_are_told(command):
    with project(read("in.csv", options="")) as folder:
        line = read("in.csv", options="").splitlines()[2]
        column = line.index('{ "in.csv"')
        return compare(run(folder, command), 3, f"error[W0221]: {NOT_THERE % 'in.csv'}\n --> job.lua:3:{column + 1} "
                       f"(stage `in`)\n  |\n3 | {line}\n  | {' ' * column}^^^^^^^^^^^^\n")


def vanishes_before_its_turn():
    """The first of two files is a pipe: while the job waits for it, the second is removed."""
    with project(read("first", "second.csv", options=COLUMNS + ', format = "csv"')) as folder:
        os.mkfifo(folder / "first")
        (folder / "second.csv").write_text("number,text\n1,one\n")
        process = subprocess.Popen([WEIR, "run", "job.lua", "--json"], cwd=folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        with open(folder / "first", "w", encoding="utf-8") as pipe:  # waits until the job has opened it
            (folder / "second.csv").unlink()
            pipe.write("number,text\n1,one\n")
        out, talk = process.communicate(timeout=60)
        done = subprocess.CompletedProcess([], process.returncode, out, talk)
        return compare(done, 6, TALK % ("out.csv", "out.csv") +
                       f"job failed: job.lua:3: stage `in`: {NOT_THERE % 'second.csv'}\n")


def text_of(number):
    return f"{number},".ljust(LINE_BYTES - 1, "x") + "\n"


def changes_while_it_is_read(change):
    """The job, held by the pipe that it writes to, has read some of the file when it changes. Its end, and its lines."""
    with project(read("in.csv")) as folder:
        with open(folder / "in.csv", "w", encoding="utf-8") as file:
            file.write("number,text\n")
            file.writelines(text_of(i) for i in range(ROWS))
        os.mkfifo(folder / "out.csv")
        process = subprocess.Popen([WEIR, "run", "job.lua", "--json"], cwd=folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        with open(folder / "out.csv", encoding="utf-8") as pipe:
            lines = [pipe.readline(), pipe.readline()]
            size = (folder / "in.csv").stat().st_size
            change(folder / "in.csv")
            lines += pipe.readlines()
        out, talk = process.communicate(timeout=60)
        return subprocess.CompletedProcess([], process.returncode, out, talk), lines[1:], size


def is_removed():
    done, lines, _ = changes_while_it_is_read(pathlib.Path.unlink)
    wrong = compare(done, 0, "")
    return wrong if lines == [text_of(i) for i in range(ROWS)] else wrong + [f"{len(lines)} lines, or wrong ones"]


def is_cut_off():
    done, lines, size = changes_while_it_is_read(lambda path: os.truncate(path, 1000))
    wrong = compare(done, 6, f"job failed: job.lua:3: stage `in`: in.csv was cut off while it was read: it had {size} "
                    "bytes and has 1000; run again when it is whole, or say follow = true for a file that changes\n")
    return wrong if 0 < len(lines) < ROWS else wrong + [f"{len(lines)} lines: the pipe did not hold the job"]


def compressed_file_is_cut_off():
    with project(read("in.csv.gz")) as folder:
        data = gzip.compress("".join(["number,text\n", *(text_of(i) for i in range(1000))]).encode(), mtime=0)
        (folder / "in.csv.gz").write_bytes(data[:-20])
        done = run(folder)
        start = TALK % ("out.csv", "out.csv") + "job failed: job.lua:3: stage `in`: cannot read in.csv.gz: the " \
            "compressed data end early: the file is cut off (after "
        is_good = done.stderr.startswith(start) and done.stderr.endswith(" bytes of content)\n") and done.returncode == 6
        return [] if is_good else [done.stderr, done.returncode]


def followed_file_goes_and_comes():
    """Moved away, added to, and followed by a new one: all its rows are read, and what happens is told."""
    with project(read("in.csv", options=COLUMNS + ', follow = true, pause = "1ms"')) as folder:
        process = subprocess.Popen([WEIR, "run", "job.lua", "--json", "--tap", "in=3"], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        talk = [process.stderr.readline()]
        (folder / "new.csv").write_text("number,text\n1,one\n")
        (folder / "new.csv").rename(folder / "in.csv")
        talk.append(process.stderr.readline())
        (folder / "in.csv").rename(folder / "old.csv")
        talk.append(process.stderr.readline())
        with open(folder / "old.csv", "a", encoding="utf-8") as old:
            old.write("2,two\n")
        talk.append(process.stderr.readline())
        (folder / "new.csv").write_text("number,text\n3,three\n")
        (folder / "new.csv").rename(folder / "in.csv")
        talk.append(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
        expected = ["in: in.csv is not there yet: waiting for it\n", "in +I number = 1, text = one\n",
                    "in: warning: in.csv is gone: reading what is still added to it, and waiting for a new one\n",
                    "in +I number = 2, text = two\n", "in +I number = 3, text = three\n"]
        wrong = [] if talk == expected and rest == "draining; once more aborts\n" else [*talk, rest]
        if process.returncode != 0 or json.loads(out)["stages"][1]["rows_in"] != 3:
            wrong.append(f"exit code {process.returncode}: {out}")
        if not wrong and (folder / "out.csv").read_text() != "number,text\n1,one\n2,two\n3,three\n":
            wrong.append((folder / "out.csv").read_text())
        return wrong


def main():
    tap = Tap()
    for options in ('format = "csv"', 'format = "ndjson"', 'format = "msgpack"', 'format = "csv", compression = "gzip"'):
        tap.run(f"a full device: {options}", device_is_full, options)
    tap.run("a full standard output", output_is_full)
    tap.run("no room for the report", report_has_no_room)
    for options in ('format = "csv"', 'format = "csv", compression = "zstd"'):
        tap.run(f"a file that may not grow: {options}", file_is_limited, options)
    if can_mount():
        tap.run("a full disk", disk_is_full)
    else:
        tap.skip("a full disk", "no right to mount one")
    tap.run("an input that vanishes between check and run", vanishes_between_check_and_run)
    for command in "check", "run":
        tap.run(f"{command}: an input that is not there when its columns are told", vanishes_before_its_columns_are_told,
                command)
    tap.run("an input that vanishes before its turn", vanishes_before_its_turn)
    tap.run("an input that is removed while it is read is read to its end", is_removed)
    tap.run("an input that is cut off while it is read", is_cut_off)
    tap.run("a compressed input that is cut off", compressed_file_is_cut_off)
    tap.run("a followed file that goes and comes", followed_file_goes_and_comes)
    tap.finish()


main()

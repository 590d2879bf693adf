#!/usr/bin/env python3
"""What a plugin brings beside transforms, with the program as it was built: a resource that two stages share, a
service that answers requests, a command. The plugin is tests/plugins/store.c."""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
REQUEST, REPLY = 1, 2
SOURCE = """
  w.source "in" {{ use = "generator.sensors", devices = 10, {options} }},
  w.sink "put" {{ use = "store.put", store = first, column = "timestamp" }},
"""
READ = """
  w.source "read" { use = "store.read", store = first },
  w.sink "file" { use = "file", path = "out.ndjson", format = "ndjson" },
"""
READ_TWICE = """
  w.source "read" { use = "store.read", store = first },
  w.sink "put_again" { use = "store.put", store = second, column = "value" },
  w.source "read_again" { use = "store.read", store = second },
  w.sink "file" { use = "file", path = "out.ndjson", format = "ndjson" },
"""
READ_ITS_OWN = """
  w.source "read" { use = "store.read", store = first },
  w.filter "small" { where = "value < 5000" },
  w.map "more" { set = { value = "value + 1000" } },
  w.sink "put_again" { use = "store.put", store = first, column = "value" },
"""
SERVICE = """
  w.service "serve" { use = "store.service", store = first, listen = "ipc://socket" },
"""


@contextlib.contextmanager
def project(stages):
    """A folder with the plugin and a pipeline of these stages."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as name:
        folder = pathlib.Path(name)
        (folder / "plugins").mkdir()
        shutil.copy(BUILD / "tests" / "plugins" / "store.so", folder / "plugins")
        second = 'local second = w.store "second" {}' if "second" in stages else ""
        (folder / "job.lua").write_text(
            f'local w = require "weir"\nlocal first = w.store "first" {{ add = 1 }}\n{second}\n'
            f'return w.pipeline "job" {{{stages}}}\n')
        yield folder


@contextlib.contextmanager
def running(folder, *flags):
    process = subprocess.Popen([WEIR, "run", "job.lua", "--plugin-path", "plugins", "--json", *flags], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process):
    """What is wrong with how it ended, and its stages by name."""
    out, talk = process.communicate(timeout=120)
    if process.returncode != 0:
        return [f"exit code {process.returncode}", talk], {}
    return [], {stage["name"]: stage for stage in json.loads(out)["stages"]}


def values_read(folder):
    return sorted(json.loads(line)["value"] for line in (folder / "out.ndjson").read_text().splitlines())


def readings_of(task, task_count, count):
    """The numbers of the first readings that a task of generator.sensors makes: reading i belongs to split i mod 128,
    the splits are dealt to the tasks in turn."""
    return list(itertools.islice((i for i in itertools.count() if i % 128 % task_count == task), count))


def all_is_read(folder, process, first=None, count=None):
    """Every row that was put, once. The number of a row is that of its reading, behind `first`, or whatever the start
    was. A drain stops each task at a row of its own: its readings have no gaps up to there."""
    wrong, stages = ended(process)
    if wrong:
        return wrong
    put, values = stages["put"]["rows_in"], values_read(folder)
    made = [task["rows_out"] for task in stages["in"]["tasks"]]
    readings = sorted(reading for task, rows in enumerate(made) for reading in readings_of(task, len(made), rows))
    if put == 0 or put != (count or put) or put != sum(made):
        wrong.append(f"{put} rows were put, not {count or made}")
    elif values != [reading - readings[0] + (values[0] if first is None else first) for reading in readings]:
        wrong.append(f"what was read is not what was put: {len(values)} of {put} rows, by task {made}: {values}")
    return wrong


def ends_by_itself(reading, first, *flags):
    with project(SOURCE.format(options="start = 0, max_rows = 50000, rate = 1000, paced = false") + reading) as folder:
        with running(folder, *flags) as process:
            return all_is_read(folder, process, first, 50000)


def several_writers():
    sources = "".join(SOURCE.replace('"in"', f'"in{n}"').replace('"put"', f'"put{n}"').format(
        options=f"start = {n} * 10000, max_rows = 10000, rate = 1000, paced = false") for n in range(3))
    with project(sources + READ) as folder, running(folder) as process:
        wrong, _ = ended(process)
        return wrong or ([] if values_read(folder) == list(range(1, 30001)) else ["rows are missing"])


def data_directory():
    with project(SOURCE.format(options="start = 0, max_rows = 10, rate = 1000, paced = false") + READ) as folder:
        with running(folder, "--data", "kept") as process:
            _, talk = process.communicate(timeout=60)
        return [] if "first: would lie in kept\n" in talk else [talk]


def first_row(process):
    """Waits until the tap has shown that rows flow; the talk goes on."""
    while not (line := process.stderr.readline()).startswith("in +I"):
        if line == "":
            raise RuntimeError("no row ever came")


def drains(reading, number):
    """Endless, one row a millisecond, each with its own."""
    with project(SOURCE.format(options="rate = 1000") + reading) as folder:
        flags = ["--workers", "3", "--tap", "in=1", *(["--for", "200ms"] if number is None else [])]
        with running(folder, *flags) as process:
            first_row(process)
            if number is not None:
                process.send_signal(number)
            return all_is_read(folder, process)


def own_reader_ends():
    with project(SOURCE.format(options="start = 0, max_rows = 1000, rate = 1000, paced = false") + READ_ITS_OWN) as folder:
        with running(folder) as process:
            wrong, stages = ended(process)
            return wrong or ([] if stages["put"]["rows_in"] == 1000 <= stages["read"]["rows_out"] else [stages])


def resource_that_does_not_open():
    with project(SOURCE.format(options="max_rows = 10")) as folder:
        path = folder / "job.lua"
        path.write_text(path.read_text().replace("add = 1", "broken = true"))
        with running(folder) as process:
            _, talk = process.communicate(timeout=60)
            expected = "job failed: job.lua:2: resource `first`: the store is broken: leave out `broken`\n"
            return [] if talk == expected and process.returncode == 6 else [talk, process.returncode]


# --- The service ---

def connect(folder, process):
    handle = os.open(folder, os.O_RDONLY)  # the path of a socket may have 107 bytes only
    try:
        while process.poll() is None:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(60)
            try:
                connection.connect(f"/proc/self/fd/{handle}/socket")
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.01)
    finally:
        os.close(handle)
    raise RuntimeError("it ended: " + process.stderr.read())


def frame(number, body, kind=REQUEST, magic=b"WEI1", length=None):
    return magic + struct.pack("<III", kind, number, len(body) if length is None else length) + body


def receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if part == b"":
            raise EOFError(f"hung up after {len(data)} of {count} bytes")
        data += part
    return data


def answer(connection):
    header = receive(connection, 16)
    kind, number, length = struct.unpack("<III", header[4:])
    return header[:4], kind, number, receive(connection, length)


def is_hung_up(folder, process, data):
    with connect(folder, process) as connection:
        connection.sendall(data)
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True


def stopped(process):
    process.send_signal(signal.SIGTERM)
    wrong, _ = ended(process)
    return wrong


def replies():
    with project(SERVICE) as folder, running(folder) as process, connect(folder, process) as connection:
        bodies = {7: b"hello", 8: b"", 4294967295: bytes(range(256)) * 4096}
        connection.sendall(b"".join(frame(number, body) for number, body in bodies.items()))
        got = [answer(connection) for _ in bodies]
        expected = [(b"WEI1", REPLY, number, body) for number, body in bodies.items()]
        wrong = [] if sorted(got) == sorted(expected) else [str(got)[:2000]]
        return wrong + stopped(process)


def replies_while_rows_flow():
    with project(SOURCE.format(options="rate = 1000") + SERVICE) as folder, running(folder) as process:
        count = 0
        with connect(folder, process) as connection:
            while count < 10:
                connection.sendall(frame(1, b"count"))
                count = int(answer(connection)[3])
        return stopped(process)


def wrong_frames_are_hung_up_on():
    with project(SERVICE) as folder, running(folder) as process:
        wrong = [name for name, data in {
            "another magic": frame(1, b"count", magic=b"HTTP"),
            "a reply": frame(1, b"count", kind=REPLY),
            "an unknown kind": frame(1, b"count", kind=9),
            "a body beyond the limit": frame(1, b"", length=67174401),
            "a body of 4 GiB": frame(1, b"", length=0xFFFFFFFF),
            "a request that the service finds nonsense": frame(1, b"nonsense"),
        }.items() if not is_hung_up(folder, process, data)]
        with connect(folder, process) as connection, connect(folder, process) as half:
            half.sendall(frame(1, b"count")[:9])
            connection.sendall(frame(3, b"count"))
            if answer(connection) != (b"WEI1", REPLY, 3, b"0"):
                wrong.append("others are answered no more")
            return wrong + stopped(process)


def address_in_use():
    with project(SERVICE) as folder, running(folder) as process, connect(folder, process):
        done = subprocess.run([WEIR, "run", "job.lua", "--plugin-path", "plugins"], cwd=folder, capture_output=True,
                              text=True, timeout=60)
        expected = ("job failed: job.lua:5: stage `serve`: cannot listen at ipc://socket: Address in use; give another address, as "
                    "tcp://127.0.0.1:7000 or ipc:///path\n")
        wrong = [] if done.stderr == expected and done.returncode == 6 else [done.returncode, done.stderr]
        return wrong + stopped(process)


# --- The command ---

def command(arguments, expected):
    with project("") as folder:
        done = subprocess.run([WEIR, *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "WEIR_PLUGIN_PATH": "plugins"})
        said = (done.returncode, done.stdout, done.stderr)
        return [] if said == expected else [said]


def main():
    tap = Tap()
    tap.run("what is put into a resource is read, and the job ends", ends_by_itself, READ, 1)
    tap.run("a reader ends when the last of several writers has", several_writers)
    tap.run("a resource learns where data is kept", data_directory)
    tap.run("a job of one worker ends, too", ends_by_itself, READ, 1, "--workers", "1")
    tap.run("readers follow writers that follow writers", ends_by_itself, READ_TWICE, 1)
    tap.run("a reader does not wait for a writer that waits for it", own_reader_ends)
    tap.run("--for drains through a resource", drains, READ, None)
    tap.run("SIGINT drains through two resources", drains, READ_TWICE, signal.SIGINT)
    tap.run("a resource that does not open is told", resource_that_does_not_open)
    tap.run("a service replies to every request, with its id", replies)
    tap.run("a service replies while rows flow, and ends with the job", replies_while_rows_flow)
    tap.run("a wrong frame is hung up on, others are answered", wrong_frames_are_hung_up_on)
    tap.run("an address in use is told", address_in_use)
    tap.run("a command prints", command, ["store", "hello"], (0, "hello has 5 letters\n", ""))
    tap.run("a command's exit code is the program's", command, ["store", "odd"], (1, "odd has 3 letters\n", ""))
    tap.run("a command's error is told", command, ["store", "fail"],
            (1, "", "weir store: there is no store called `fail`\n"))
    tap.run("a command learns where data is kept", command, ["store", "directory"], (0, "./weir-data\n", ""))
    tap.run("a command's usage is its own", command, ["store"], (2, "", "usage: weir store TEXT\n"))
    tap.finish()


main()

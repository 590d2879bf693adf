#!/usr/bin/env python3
"""An operator that goes wrong in every way it can: what the program says of it, and how it ends. The plugin is
tests/plugins/faulty.c, which goes wrong as its options tell it."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
ROWS = 10
PIPELINE = """local w = require "weir"
return w.pipeline "job" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = %d, parallelism = 1 },
  w.faulty "bad" { how = "HOW", ["in"] = "FUNCTION", OPTIONS },
  w.sink "out" { use = "null" },
}
""" % ROWS
FAULT = "operator `faulty` of plugin `faulty`"
MAKING = FAULT + ", making a batch for stage `bad`: "
ITS_FAULT = "this is the plugin's fault"
CLASSES = {
    "config": "option `how` asks for an error: leave it out",
    "data": "the row is not to its liking",
    "fatal": "the pump is broken",
    "unsupported": "this build has no pump",
    "silent": FAULT + " failed in FUNCTION and did not say why",
    "unknown": f"{FAULT} returned -7 from FUNCTION, which is no result of it: {ITS_FAULT}",
    "positive": f"{FAULT} returned 42 from FUNCTION, which is no result of it: {ITS_FAULT}",
}
BATCHES = {
    "schema": FAULT + " emitted a batch that does not fit output 0 of stage `bad`: column 1 is `sensor_id int32`, "
              "declared was `number int64`; ",
    "type": MAKING + "column `name` is string, but the column `sensor_id` it is taken from is int32; ",
    "nulls": MAKING + "column `number` has nulls (or nothing at all), but was declared `not null`; ",
    "fewer rows": MAKING + "column `name` has fewer rows than the 2 of the batch; ",
    "more rows": MAKING + "3 rows are more than the 2 that it began with; ",
    "offsets": MAKING + "the offsets of column `name` must start at 0, rise and end within its bytes; ",
    "kind": MAKING + "a change kind is above 3; ",
    "undeclared kind": MAKING + "a row is -D, but the output was not declared to carry it; ",
    "output": FAULT + " begins a batch of 2 rows for output 5 of stage `bad`: there is no such output, or rows are not "
              "1 to 65536; ",
    "no batch": FAULT + " emitted no batch to output 0 of stage `bad`, which it does not have; ",
    "no column": MAKING + "there is no column 7, only 2 of them; ",
    "two ways": MAKING + "column `name` is filled in two ways; ",
}
KILLED = ("job.lua:4: stage `bad`: operator `faulty` of plugin faulty never returned from FUNCTION: the job cannot end "
          "and is killed; rows under way are lost\n")
WAITING = "weir: waiting for operator `faulty` of plugin faulty, stage `bad`, to return from FUNCTION\n"


@contextlib.contextmanager
def project(how, function="process", options=""):
    """A folder with the pipeline in which the operator goes wrong so."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as name:
        folder = pathlib.Path(name)
        (folder / "plugins").mkdir()
        (folder / "plugins" / "faulty.so").symlink_to(BUILD / "tests" / "plugins" / "faulty.so")
        (folder / "job.lua").write_text(
            PIPELINE.replace("HOW", how).replace("FUNCTION", function).replace("OPTIONS", options))
        yield folder


def without_progress(talk):
    return "".join(line for line in talk.splitlines(keepends=True) if not re.match("job [0-9]+ s  ", line))


def arguments(command, *flags):
    return [WEIR, command, "job.lua", "--plugin-path", "plugins", *(["--json"] if command == "run" else []), *flags]


def says(command, how, function, code, expected, options=""):
    with project(how, function, options) as folder:
        done = subprocess.run(arguments(command), cwd=folder, capture_output=True, text=True, timeout=120)
        said = without_progress(done.stderr)
        return [] if said == expected and done.returncode == code else [said, expected, done.returncode]


def fails(how, text, function="process"):
    text = text.replace("FUNCTION", function)
    return says("run", how, function, 6, f"job failed: job.lua:4: stage `bad`: {text}\n")


def is_refused(command, how, function):
    """The same while the plan is made: the place in the file, and a caret below the stage or the option."""
    code = "W0424" if function == "create" else "W0222" if how in ("fatal", "silent", "unknown", "positive") else "W0221"
    line = PIPELINE.splitlines()[3].replace("HOW", how).replace("FUNCTION", function).replace("OPTIONS", "")
    word = how if how == "config" else "bad"  # the sentence names the option
    column = line.index(f'"{word}"') + 1
    text = CLASSES[how].replace("FUNCTION", function)
    return says(command, how, function, 3, f"error[{code}]: {text}\n --> job.lua:4:{column + 1} (stage `bad`)\n  |\n"
                f"4 | {line}\n  | {' ' * column}{'^' * len(word)}\n")


def retries(function, times):
    expected = "".join(f"bad: warning: the pump is busy (attempt {i} of 60)\n" for i in range(1, times + 1))
    with project("retry", function, f"times = {times}") as folder:
        done = subprocess.run(arguments("run"), cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode != 0 or done.stderr != expected:
            return [done.returncode, done.stderr]
        rows = [json.loads(done.stdout)["stages"][i]["rows_in"] for i in (1, 2)]
        return [] if rows[0] == ROWS and rows[1] > 0 else [rows]


def gives_up():
    attempts = "".join(f"bad: warning: the pump is busy (attempt {i} of 60)\n" for i in range(1, 60))
    return says("run", "retry", "process", 6,
                attempts + "job failed: job.lua:4: stage `bad`: the pump is busy (gave up after 60 attempts)\n")


def crashes(command, how, function):
    name, number = ("ABRT", signal.SIGABRT) if how == "abort" else ("SEGV", signal.SIGSEGV)
    with project(how, function) as folder:
        done = subprocess.run(arguments(command), cwd=folder, capture_output=True, text=True, timeout=120)
        expected = f"weir: {name} in plugin faulty, stage `bad`, operator `faulty`, function {function}, batch of "
        return [] if done.stderr.startswith(expected) and done.stderr.endswith(f" rows: {ITS_FAULT}\n") and \
            done.stderr.count("\n") == 1 and done.returncode == -number else [done.stderr, done.returncode]


# --- What never returns ---

@contextlib.contextmanager
def running(folder, command, *flags):
    process = subprocess.Popen(arguments(command, *flags), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_interrupted_while_it_runs():
    """Once drains, and waits; twice names what hangs and ends."""
    with project("hang") as folder, running(folder, "run", "--tap", "in=1") as process:
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        second = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
        is_good = first.startswith("in +I") and second == "draining; once more aborts\n" and \
            rest == KILLED.replace("FUNCTION", "process") and process.returncode == 6
        return [] if is_good else [first, second, rest, process.returncode]


def is_killed(function, *flags):
    """Nobody presses a key: warned of, and ended where the job is to end."""
    with project("hang", function) as folder, running(folder, "run", *flags) as process:
        _, talk = process.communicate(timeout=60)
        lines = without_progress(talk).splitlines(keepends=True)
        warning = f"job.lua:4: warning: stage `bad`: operator `faulty` of plugin faulty has not returned from {function} "
        is_good = len(lines) == 2 and lines[0].startswith(warning) and lines[1] == KILLED.replace("FUNCTION", function)
        return [] if is_good and process.returncode == 6 else [talk, process.returncode]


def is_waited_for(command, function):
    """Before and after rows flow: told what is waited for, and ended by one key."""
    with project("hang", function) as folder, running(folder, command) as process:
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
        is_good = said == WAITING.replace("FUNCTION", function) and rest == "" and process.returncode == -signal.SIGINT
        return [] if is_good else [said, rest, process.returncode]


def main():
    tap = Tap()
    slow = {  # they take long, and do nothing meanwhile
        "what must be tried again is given up in the end": (gives_up,),
        "process that never returns is named when it is interrupted": (is_interrupted_while_it_runs,),
        "process that never returns is named and ended": (is_killed, "process", "--for", "1s"),
        "close that never returns is named and ended": (is_killed, "close"),
        **{f"{command}: {function} that never returns is named": (is_waited_for, command, function)
           for command, function in (("check", "create"), ("check", "negotiate"), ("run", "create"), ("run", "open"),
                                     ("run", "destroy"))},
    }
    results = {}
    threads = [threading.Thread(target=lambda name=name, call=call: results.update({name: call[0](*call[1:])}))
               for name, call in slow.items()]
    for thread in threads:
        thread.start()
    for how, text in CLASSES.items():
        tap.run(f"process: {how}", fails, how, text)
        for function in "open", "end_input":
            tap.run(f"{function}: {how}", fails, how, text, function)
        for function in "create", "negotiate":
            tap.run(f"{function}: {how}", is_refused, "check", how, function)
    tap.run("run refuses what check refuses", is_refused, "run", "unsupported", "negotiate")
    for how, text in BATCHES.items():
        tap.run(f"a batch that breaks its schema: {how}", fails, how, text + ITS_FAULT)
    for function in "process", "end_input":
        tap.run(f"{function}: retry", retries, function, 3)
    tap.run("open: retry", fails, "retry", "the pump is busy", "open")
    for function in "open", "process", "end_input", "close", "destroy":
        tap.run(f"{function}: a crash names plugin, stage and function", crashes, "run", "crash", function)
    for function in "create", "negotiate":
        tap.run(f"{function}: a crash names plugin, stage and function", crashes, "check", "crash", function)
    tap.run("process: an abort names plugin, stage and function", crashes, "run", "abort", "process")
    for (name, _), thread in zip(slow.items(), threads):
        thread.join()
        tap.result(name, results.get(name, ["it raised an exception"]))
    tap.finish()


main()

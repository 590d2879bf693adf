#!/usr/bin/env python3
"""The memory budget: a job waits rather than grows, and when nothing can free memory it says so and ends."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
ROWS = 1000000
SLOW = """
local w = require "weir"
local stages = { w.source "in" { use = "generator.sensors", devices = 1000, max_rows = %d } }
for i = 1, 12 do
  stages[#stages + 1] = w.map("map" .. i) { chain = false,
    set = { temperature = "temperature + 1", humidity = "humidity + 1", pressure = "pressure + 1" } }
end
stages[#stages + 1] = w.sink "out" { use = "file", path = "out.csv", format = "csv", chain = false }
return w.pipeline "slow" (stages)
""" % ROWS
STATE = """
local w = require "weir"
return w.pipeline "state" {
  w.source "in" { use = "generator.sensors", devices = 4000000, start = 0, rate = 1000000, paced = false,
                  event_time = "timestamp" },
  w.window "win" { by = "sensor_id", tumbling = "1d", time = "TIME",
                   w.stats { "temperature", "humidity", "pressure", compute = { STATS }, as = "{fn}_{column}" } },
  w.sink "out" { use = "null" },
}
"""
MEBIBYTE = 1 << 20


def is_sanitized():
    return any(name in WEIR.read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def slow_sink(budget):
    """Its figures, after a check that it has lost nothing."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as folder:
        path = pathlib.Path(folder) / "job.lua"
        path.write_text(SLOW)
        done = subprocess.run([WEIR, "run", path.name, "--memory", budget, "--workers", "2", "--json"], cwd=folder,
                              capture_output=True, text=True, timeout=240)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        figures = json.loads(done.stdout)
        if figures["stages"][-1]["rows_in"] != ROWS:
            raise RuntimeError(f"{figures['stages'][-1]['rows_in']} rows came out")
        return figures


def waits():
    small, large = slow_sink("16M"), slow_sink("1G")
    wrong = []
    if small["stages"][0]["backpressured"] < 0.1:
        wrong.append(f"the source hardly waited: {small['stages'][0]['backpressured']}")
    if is_sanitized():
        return wrong
    if small["peak_memory_bytes"] > 32 * MEBIBYTE:
        wrong.append(f"{small['peak_memory_bytes']} bytes with a budget of 16 MiB")
    if large["peak_memory_bytes"] < 2 * small["peak_memory_bytes"]:
        wrong.append(f"the test asks for too little: {large['peak_memory_bytes']} bytes without a budget")
    return wrong


def pipeline(time, functions='"sum"'):
    return STATE.replace("TIME", time).replace("STATS", functions)


def state(text, *flags):
    """A job whose state outgrows its budget."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as folder:
        path = pathlib.Path(folder) / "job.lua"
        path.write_text(text)
        return subprocess.run([WEIR, "run", path.name, *flags], cwd=folder, capture_output=True, text=True,
                              timeout=120)


STUCK = ("job failed: job.lua:6: stage `win`: it holds NUMBER MiB of the memory budget of %s and no more rows can be "
         "taken in; nothing under way frees any: raise the budget with --memory, or keep less (fewer keys, shorter "
         "windows)")
REMEDY = ": the memory budget of %s does not suffice: SIZE were asked for beside the SIZE that are taken; raise it with " \
         "--memory"
NO_ROOM = "job failed: job.lua:6: stage `win`: no memory for keyed state" + REMEDY
NO_START = ("job failed: job.lua:6: stage `win`: no memory to work in: the memory budget of 2.0 MiB does not suffice: 1.2 "
            "MiB were asked for beside the 1.5 MiB that are taken; raise it with --memory")
NO_BATCH = "job failed: job.lua:N: stage `NAME`: no memory for WHAT" + REMEDY % "2.0 MiB"


def without_sizes(said):
    said = re.sub("holds [0-9.]+", "holds NUMBER", said)
    return re.sub("[0-9.]+ [KM]?i?B (were asked|that are)", r"SIZE \1", said)


def ends(done, *expected):
    said = without_sizes(done.stderr.splitlines()[-1])
    return [] if said in expected and done.returncode == 6 else [said, done.returncode]


def is_stuck():
    return ends(state(pipeline("event"), "--memory", "16M", "--workers", "1"), STUCK % "16.0 MiB")


def has_no_room():
    """Rows under way may need more than is left, or not: the job ends, and says what to do, in any case."""
    wide = pipeline("event", '"sum", "min", "max", "avg"')
    return [problem for budget in ("5", "20") for problem in
            ends(state(wide, "--memory", budget + "M", "--workers", "2"), NO_ROOM % f"{budget}.0 MiB",
                 STUCK % f"{budget}.0 MiB")]


def cannot_start():
    """What a task needs before its first row; the sizes are always the same."""
    done = state(pipeline("event"), "--memory", "2M", "--workers", "2")
    said = done.stderr.splitlines()
    return [] if said == [NO_START] and done.returncode == 6 else [done.stderr, done.returncode]


def cannot_hold_its_rows():
    """The rows under way need more than there is: whichever stage finds out names what it wanted memory for."""
    done = state(SLOW, "--memory", "2M", "--workers", "2")
    said = without_sizes(done.stderr.splitlines()[-1])
    said = re.sub("job.lua:[35]: stage `(in|map[0-9]+)`", "job.lua:N: stage `NAME`", said)
    said = re.sub("for (a (batch|draft)[^:]*|(temperature|humidity|pressure) [+] 1):", "for WHAT:", said)
    return [] if said == NO_BATCH and done.returncode == 6 else [done.stderr, done.returncode]


def is_told():
    """The window fires some day and frees its state: the job waits, says so, and can be drained."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as folder:
        (pathlib.Path(folder) / "job.lua").write_text(pipeline("processing"))
        process = subprocess.Popen([WEIR, "run", "job.lua", "--memory", "32M", "--workers", "1"], cwd=folder,
                                   stderr=subprocess.PIPE, text=True)
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
        expected = ("win: warning: it holds NUMBER MiB of the memory budget of 32.0 MiB and no more rows can be taken "
                    "in until it lets go of some; --memory raises the budget\n")
        is_good = re.sub("holds [0-9.]+", "holds NUMBER", said) == expected and process.returncode == 0
        return [] if is_good else [said, talk, process.returncode]


def main():
    tap = Tap()
    tap.run("a fast source waits for a slow sink within the budget", waits)
    tap.run("state that leaves no room for rows and cannot shrink ends the job", is_stuck)
    tap.run("state beyond the budget ends the job", has_no_room)
    tap.run("a budget that is too small to start with is told, with what was asked for", cannot_start)
    tap.run("a budget that is too small for the rows under way is told", cannot_hold_its_rows)
    tap.run("a job that waits long for memory says so, and drains", is_told)
    tap.finish()


main()

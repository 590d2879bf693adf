#!/usr/bin/env python3
"""Pipeline files that do not end or want too much, through the program: stopped at their limits, with their message."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from tap import Tap  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
WEIR = BUILD / "weir"
MEBIBYTE = 1 << 20
CPU_S, WALL_S = 5, 10
PROGRAM_S = 5  # what the program may take beside its limits, on a busy machine
LOOP = """local w = require "weir"
local n = 0
while true do n = n + 1 end
"""
BOMB = """local w = require "weir"
local pattern = (".-"):rep(12) .. "b"
local found = ("a"):rep(40):find(pattern)
"""
STEPS = """local text = "x"
for i = 1, 100 do
  text = text .. text
end
"""
LOOP_HELP = "a pipeline file is evaluated in milliseconds; look for a loop that does not end"
BOMB_HELP = "a pattern with many `-` or `*` tries every way to match; make it simpler"


def is_sanitized():
    return any(name in WEIR.read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def run(command, text):
    """What is said, the exit code, and what it took: seconds by the clock and of the processor, bytes of memory."""
    with tempfile.TemporaryDirectory(dir=BUILD / "tests") as folder:
        (pathlib.Path(folder) / "job.lua").write_text(text)
        start = time.monotonic()
        process = subprocess.Popen([WEIR, command, "job.lua"], cwd=folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        return said, process.returncode, time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def message(code, text, line, source, help_text):
    return f"error[{code}]: {text}\n --> job.lua:{line}\n  |\n{line} | {source}\n  = help: {help_text}\n"


def is_stopped_in_time(command, text, code, verb, line, help_text):
    """By whichever limit comes first: on a busy machine the clock is."""
    said, exit_code, wall, cpu, _ = run(command, text)
    source = text.splitlines()[line - 1]
    expected = [message(code, f"{verb} within {limit}", line, source, help_text)
                for limit in (f"{CPU_S} s of processor time", f"{WALL_S * 1000} ms")]
    is_good = said in expected and exit_code == 3 and cpu < CPU_S + PROGRAM_S and wall < WALL_S + PROGRAM_S
    return [] if is_good else [said, exit_code, f"{wall} s, {cpu} s of processor time"]


def is_stopped_in_space(command, text, detail, line):
    said, exit_code, _, _, memory = run(command, text)
    expected = message("W0106", f"the file needs more than 64.0 MiB of memory ({detail})", line,
                       text.splitlines()[line - 1],
                       "a pipeline file only describes; keep data in files that a source reads")
    is_good = said == expected and exit_code == 3 and (is_sanitized() or memory < 128 * MEBIBYTE)
    return [] if is_good else [said, exit_code, f"{memory} bytes"]


def main():
    tap = Tap()
    for command in "check", "run":
        tap.run(f"{command}: an endless loop is stopped at its line", is_stopped_in_time, command, LOOP, "W0104",
                "the file did not end", 3, LOOP_HELP)
        tap.run(f"{command}: a pattern bomb is stopped at its line", is_stopped_in_time, command, BOMB, "W0105",
                "string.find did not return", 3, BOMB_HELP)
        tap.run(f"{command}: a text of 10 GB is refused", is_stopped_in_space, command,
                'local text = ("x"):rep(10000000000)\n', "a text of more than 2 GiB was asked for", 1)
        tap.run(f"{command}: memory that grows step by step is refused", is_stopped_in_space, command, STEPS,
                "64.0 MiB were asked for at once", 3)
    tap.finish()


main()

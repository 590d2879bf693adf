#!/usr/bin/env python3
"""The counter of ./dev test: whatever breaks must count as a failure."""

import json
import os
import sys
import tempfile

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tally import Tally  # noqa: E402
from tap import Tap  # noqa: E402

# What a program printed, its exit code, and the passed, failed and skipped that must come out.
PROGRAMS = [
    ("all_pass", "1..2\nok 1 - a\nok 2 - b\n", 0, (2, 0, 0)),
    ("plan_at_the_end", "ok 1 - a\n1..1\n", 0, (1, 0, 0)),
    ("one_fails", "1..2\nok 1 - a\nnot ok 2 - b\n", 1, (1, 1, 0)),
    ("a_skip_is_no_pass", "1..1\nok 1 - a # SKIP no such tool\n", 0, (0, 0, 1)),
    ("it_dies_in_between", "1..3\nok 1 - a\n", -11, (1, 1, 0)),
    ("it_dies_before_the_plan", "", 127, (0, 1, 0)),
    ("it_runs_nothing", "1..0\n", 0, (0, 1, 0)),
    ("it_dies_at_the_end", "1..1\nok 1 - a\n", 1, (1, 1, 0)),
    ("talk_is_not_counted", "1..1\n# not ok\nokay then\nok 1 - a\n", 0, (1, 0, 0)),
]


def counted(tally):
    return (tally.passed, tally.failed, tally.skipped)


def check(expected, tally):
    return [] if counted(tally) == expected else [f"{counted(tally)} instead of {expected}"]


def check_program(output, exit_code, expected):
    tally = Tally()
    tally.add_program("program", output, exit_code)
    return check(expected, tally)


def check_log(entries, expected):
    tally = Tally()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        log.writelines(json.dumps(entry) + "\n" for entry in entries)
        log.flush()
        tally.add_meson(log.name)
    return check(expected, tally)


def main():
    tap = Tap()
    for name, output, exit_code, expected in PROGRAMS:
        tap.run("counter_" + name, check_program, output, exit_code, expected)
    entry = {"name": "x", "stdout": "1..1\nok 1 - a\n", "result": "OK", "returncode": 0, "duration": 1}
    tap.run("counter_adds_programs", check_log, [entry, entry], (2, 0, 0))
    tap.run("counter_sees_a_time_out", check_log, [{**entry, "result": "TIMEOUT"}], (1, 1, 0))
    tap.run("counter_sees_an_empty_log", check_log, [], (0, 1, 0))
    tap.finish()


if __name__ == "__main__":
    main()

"""How test scripts run the built `weir`, and compare what it wrote with what another program computes."""

import calendar
import json
import math
import os
import re
import subprocess
import tempfile

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD_ROOT") or os.path.join(ROOT, "build")
WEIR = os.path.join(BUILD, "weir")
TIMESTAMP = re.compile(r"(-?\d+)-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z?$")


def folder():
    """A folder inside the build folder, gone after the `with`."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("WEIR_TEST_FOLDER") or BUILD)


class Failed(Exception):
    pass


def weir(*arguments, cwd=None, exit_code=0):
    """Runs weir, which must end with this exit code. Returns what it wrote to stdout and stderr."""
    done = subprocess.run([WEIR, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != exit_code:
        raise Failed(f"weir {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout, done.stderr


def run(pipeline, *arguments, cwd=None):
    """`weir run --json`: the stages by their name. What the pipeline itself writes to stdout stands before it."""
    data, _ = weir("run", pipeline, "--json", *arguments, cwd=cwd)
    return {stage["name"]: stage for stage in json.loads(data.splitlines()[-1])["stages"]}


def read_ndjson(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def milliseconds(text):
    """Milliseconds since 1970 of a timestamp as Weir writes it."""
    parts = TIMESTAMP.match(text)
    if parts is None:
        raise Failed(f"{text!r} is no timestamp")
    seconds = calendar.timegm(tuple(int(p) for p in parts.groups()[:6]))
    return seconds * 1000 + int(((parts[7] or "") + "000")[:3])


def same_value(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and not isinstance(a, str) and not isinstance(b, str) and (
            math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12))
    return a == b


def sort_key(row):
    return [(value is None, isinstance(value, str), f"{value + 0.0:.9g}" if isinstance(value, float) else str(value))
            for value in row]


def differences(actual, expected):
    """What is wrong with rows (lists of values) in any order; empty when they are the same."""
    wrong = []
    if len(actual) != len(expected):
        wrong.append(f"{len(actual)} rows, expected {len(expected)}")
    for got, want in zip(sorted(actual, key=sort_key), sorted(expected, key=sort_key)):
        if len(got) != len(want) or not all(same_value(a, b) for a, b in zip(got, want)):
            wrong.append(f"got  {got}\nwant {want}")
        if len(wrong) > 3:
            break
    return wrong

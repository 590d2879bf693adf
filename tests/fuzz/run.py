#!/usr/bin/env python3
"""Lets every libFuzzer harness of a build folder search for some seconds. usage: run.py BUILD SECONDS

What it finds that is new goes to BUILD/tests/fuzz/found/NAME, never into the seeds of the tree; an input that
breaks something stays as BUILD/tests/fuzz/NAME-crash-*.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402


def search(program, seconds):
    """Runs one harness. Returns what it printed if it found something or did not run at all."""
    name = os.path.basename(program)[len("fuzz_"):]
    folder = os.path.dirname(program)
    found = os.path.join(folder, "found", name)
    os.makedirs(found, exist_ok=True)
    done = subprocess.run(
        [program, found, os.path.join(ROOT, "tests/fuzz/corpus", name), f"-max_total_time={seconds}",
         f"-artifact_prefix={folder}/{name}-", "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    runs = re.search(r"number_of_executed_units: (\d+)", done.stdout)
    if done.returncode == 0 and runs and int(runs[1]) > 100:
        return name, int(runs[1]), []
    return name, 0, [done.stdout[-4000:]]


def main():
    build, seconds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    tap = Tap()
    programs = sorted(p for p in glob.glob(os.path.join(build, "tests/fuzz/fuzz_*")) if os.path.isfile(p))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, runs, problems in pool.map(lambda program: search(program, seconds), programs):
            tap.result(f"{name}: {seconds} s, {runs} inputs", problems)
    tap.finish()


if __name__ == "__main__":
    main()

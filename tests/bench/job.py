"""Runs a pipeline with the built `weir` and measures it from outside: time, CPU and memory of all its processes."""

import csv
import json
import os
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEIR = os.path.join(os.environ.get("WEIR_BUILD_ROOT", os.path.join(ROOT, "build")), "weir")
PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(Exception):
    """A run that gave no figure worth printing."""


def tree(pid):
    """A process and all that it started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return [pid] + [p for child in children for p in tree(child)]


def memory_bytes(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm") as file:
                total += int(file.read().split()[1]) * PAGE
        except OSError:
            pass
    return total


class Run:
    """One finished run: result (what --json printed), cpu_s, seconds, memory samples, folder with its files."""

    def __init__(self, pipeline, *, workers=None, seconds=None, settings=(), folder, data=None, variables=None):
        self.folder = folder
        self.variables = {**os.environ, **(variables or {})}
        arguments = [WEIR, "run", os.path.join(ROOT, "tests/bench/pipelines", pipeline + ".lua"), "--json"]
        arguments += ["--workers", str(workers)] if workers else []
        arguments += ["--for", f"{seconds}s"] if seconds else []
        arguments += ["--data", data] if data else []
        for setting in settings:
            arguments += ["--set", setting]
        self.memory = []
        self._watch(arguments)
        if self.exit_code != 0:
            raise BenchError(f"{' '.join(arguments)}\nended with {self.exit_code}:\n{self.talk[-2000:]}")
        *written, report = self.data.splitlines()
        self.result = json.loads(report)
        self.written = [json.loads(line) for line in written]  # by the pipeline itself
        self.stages = {stage["name"]: stage for stage in self.result["stages"]}

    def _watch(self, arguments):
        start = time.monotonic()
        with open(os.path.join(self.folder, "talk"), "w+") as talk:
            process = subprocess.Popen(arguments, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       env=self.variables, stdout=subprocess.PIPE, stderr=talk, text=True)
            sampler = threading.Thread(target=self._sample, args=(process,))
            sampler.start()
            self.data = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - start
            process.returncode = self.exit_code = os.waitstatus_to_exitcode(status)
            sampler.join()
            talk.seek(0)
            self.talk = talk.read()
        self.cpu_s = usage.ru_utime + usage.ru_stime

    def _sample(self, process):
        while process.returncode is None:
            now = memory_bytes(tree(process.pid))
            if now:
                self.memory.append(now)
            time.sleep(0.05)

    def stage(self, name):
        if name not in self.stages:
            raise BenchError(f"the run shows no stage {name}: {sorted(self.stages)}")
        return self.stages[name]

    def rows_out(self, name):
        rows = self.stage(name)["rows_out"]
        if not rows:
            raise BenchError(f"{name} has emitted nothing")
        return rows

    def table(self, name):
        """The rows of a CSV file that the run has written."""
        with open(os.path.join(self.folder, name)) as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise BenchError(f"{name} is empty")
        return rows

    def same(self, what, actual, expected):
        if actual != expected:
            raise BenchError(f"{what} is {actual}, expected {expected}")


def limit(name):
    """The figure of a limit program, measured now."""
    done = subprocess.run([os.path.join(ROOT, "tests/bench/limits/run"), name], text=True, check=True,
                          stdout=subprocess.PIPE)
    return float(done.stdout.split(":")[1].split()[0])


def folder():
    """A folder for one run, beside the build and not on a memory disk."""
    base = os.path.join(os.path.dirname(WEIR), "bench")
    os.makedirs(base, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=base)


def first_output_s(pipeline):
    """Seconds from the start of the process to the first byte on stdout."""
    with folder() as work:
        start = time.monotonic()
        process = subprocess.Popen([WEIR, "run", os.path.join(ROOT, "tests/bench/pipelines", pipeline + ".lua")],
                                   cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        first = process.stdout.read(1)
        took = time.monotonic() - start
        process.stdout.read()
        if process.wait() != 0 or not first:
            raise BenchError(f"{pipeline} printed nothing")
        return took

#!/usr/bin/env python3
"""Runs all tests, section by section, and ends with `N passed, N failed`.

usage: run.py [--seconds S] [SECTION...]

Each section has a build folder of its own; its output goes to build/test/SECTION.log and is shown
when something failed.
"""

import argparse
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tally import Tally  # noqa: E402

CLANG = {"CC": "clang", "CXX": "clang++"}
SANITIZED = ["-Dbuildtype=debugoptimized", "-Db_lundef=false"]
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:suppressions="
                    + os.path.join(ROOT, "tests", "support", "tsan.txt"),
}


class Section:
    """What the functions below write to: a log, and the results so far."""

    def __init__(self, name, seconds):
        self.name = name
        self.seconds = seconds
        self.tally = Tally()
        self.log_path = os.path.join(LOGS, name + ".log")
        self.log = open(self.log_path, "w+")

    def command(self, *arguments, environment=None):
        """Runs a command, its output to the log. Returns output and exit code."""
        print("$", *arguments, file=self.log, flush=True)
        done = subprocess.run(arguments, cwd=ROOT, env={**os.environ, **(environment or {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        self.log.write(done.stdout)
        self.log.flush()
        return done.stdout, done.returncode

    def build(self, folder, *options, target="all", environment=None):
        """Builds in a folder of its own. Warnings are errors, so a build is a test, too."""
        if not os.path.exists(os.path.join(ROOT, folder, "build.ninja")):
            self.command("meson", "setup", folder, *options, environment=environment)
        _, exit_code = self.command("ninja", "-C", folder, target)
        if exit_code == 0:
            self.tally.passed += 1
        else:
            self.tally.fail(f"{self.name}: the build in {folder}")
        return exit_code == 0

    def meson_test(self, folder, *suites, slower=1, environment=None):
        testlog = os.path.join(ROOT, folder, "meson-logs", "testlog.json")
        if os.path.exists(testlog):
            os.remove(testlog)
        self.command("meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
                     "--timeout-multiplier", str(slower),
                     *[word for suite in suites for word in ("--suite", suite)],
                     environment=environment)
        if os.path.exists(testlog):
            self.tally.add_meson(testlog)
        else:
            self.tally.fail(f"{self.name}: meson test did not run")

    def tap(self, *arguments):
        self.tally.add_program(arguments[1], *self.command(*arguments))


def gcc(section):
    """build, then every test"""
    if section.build("build"):
        section.meson_test("build")


def clang(section):
    """build without a warning, unit tests"""
    if section.build("build-clang", environment=CLANG):
        section.meson_test("build-clang", "unit", "fuzz")


def asan(section):
    """unit tests and pipelines under AddressSanitizer and UndefinedBehaviorSanitizer"""
    if section.build("build-asan", "-Db_sanitize=address,undefined", *SANITIZED):
        section.meson_test("build-asan", "unit", "fuzz", "pipelines", slower=5,
                           environment=SANITIZER_ENVIRONMENT)


def tsan(section):
    """unit tests and pipelines under ThreadSanitizer"""
    if section.build("build-tsan", "-Db_sanitize=thread", *SANITIZED):
        section.meson_test("build-tsan", "unit", "fuzz", "pipelines", slower=10,
                           environment=SANITIZER_ENVIRONMENT)


def lint(section):
    """clang-format, clang-tidy, cppcheck, shellcheck"""
    if section.build("build-clang", environment=CLANG):
        section.tap(sys.executable, "tests/tidy/lint.py", "build-clang")


def fuzz(section):
    """every fuzz harness under libFuzzer with AddressSanitizer"""
    if section.build("build-fuzz", "-Dfuzz=true", "-Db_sanitize=address,undefined", *SANITIZED,
                     target="fuzz", environment=CLANG):
        section.tap(sys.executable, "tests/fuzz/run.py", "build-fuzz", str(section.seconds))


SECTIONS = [gcc, clang, asan, tsan, lint, fuzz]


def run_section(function, seconds):
    """Runs one section and shows one line about it, or its log when something failed."""
    section = Section(function.__name__, seconds)
    print(f"== {section.name}: {function.__doc__}", flush=True)
    start = time.monotonic()
    function(section)
    tally = section.tally
    if tally.failed:
        section.log.seek(0)
        sys.stdout.writelines(section.log.readlines()[-200:])
    for failure in tally.failures:
        print(f"   FAILED {failure}")
    for skip in tally.skips:
        print(f"   skipped {skip}")
    print(f"   {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped, "
          f"{time.monotonic() - start:.0f} s ({os.path.relpath(section.log_path, ROOT)})", flush=True)
    section.log.close()
    return tally


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("sections", nargs="*", choices=[[], *(f.__name__ for f in SECTIONS)])
    parser.add_argument("--seconds", type=int, default=5, help="for each fuzz harness")
    arguments = parser.parse_args()
    os.makedirs(LOGS, exist_ok=True)
    total = Tally()
    start = time.monotonic()
    for function in SECTIONS:
        if not arguments.sections or function.__name__ in arguments.sections:
            total.add(run_section(function, arguments.seconds))
    print(f"all sections: {time.monotonic() - start:.0f} s")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())

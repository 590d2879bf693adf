#!/usr/bin/env python3
"""Every public header compiles alone, as C11, C17 and C++17, with gcc and clang, without a warning;
every header of the runtime compiles alone as the C of the project."""

import concurrent.futures
import os
import shutil
import subprocess
import sys

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I", "sdk/include"]
LUA = subprocess.run(["pkg-config", "--cflags-only-I", "lua5.4"], text=True,
                     stdout=subprocess.PIPE).stdout.split()
C, CPP = ("c", "gcc", "clang"), ("c++", "g++", "clang++")
PUBLIC = [(C, "c11"), (C, "c17"), (CPP, "c++17")]


def headers(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names if name.endswith(".h"))


def compile_alone(compiler, language, standard, extra, include):
    """What the compiler says about a file that includes this header alone."""
    done = subprocess.run([compiler, *STRICT, *extra, "-x", language, "-std=" + standard, "-"],
                          input=f'#include "{include}"\n', cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [done.stdout or "no message"] if done.returncode else []


def jobs():
    for languages, standard in PUBLIC:
        for compiler in languages[1:]:
            for header in headers(os.path.join(ROOT, "sdk/include")):
                yield header, compiler, languages[0], standard, []
    for header in headers(os.path.join(ROOT, "runtime")):
        yield header, "gcc", "c", "gnu17", ["-D_GNU_SOURCE", "-I", "runtime", *LUA]


def main():
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wanted = [job for job in jobs() if shutil.which(job[1])]
        done = pool.map(lambda job: compile_alone(*job[1:], job[0]), wanted)
        for (header, compiler, _, standard, _), problems in zip(wanted, done):
            tap.result(f"{header} compiles alone with {compiler} as {standard}", problems)
    if not shutil.which("clang"):
        tap.skip("the headers compile with clang", "clang is not installed")
    broken = compile_alone("gcc", "c", "c11", ["-I", os.path.join(ROOT, "tests/tidy/bad")], "broken.h")
    tap.result("a header that needs another one is seen", [] if broken else ["it compiled"])
    tap.finish()


if __name__ == "__main__":
    main()

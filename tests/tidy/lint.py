#!/usr/bin/env python3
"""clang-format, clang-tidy, cppcheck and shellcheck over the project. usage: lint.py CLANG_BUILD_FOLDER"""

import concurrent.futures
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

SCRIPTS = ["dev", ".ci/run", "tests/fresh"]
CODE = (".c", ".h", ".cpp", ".hpp")


def sources():
    found = []
    for top in ("sdk", "runtime", "plugins", "tests"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(CODE)]
    return sorted(found)


def complaints(*arguments):
    """What a tool prints when it is not content."""
    done = subprocess.run(arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [done.stdout or f"exit code {done.returncode}"] if done.returncode else []


def compiled(build):
    """The project's own files in the compilation database."""
    with open(os.path.join(ROOT, build, "compile_commands.json")) as file:
        entries = json.load(file)
    paths = {os.path.relpath(os.path.join(e["directory"], e["file"]), ROOT) for e in entries}
    return sorted(p for p in paths if not p.startswith(("..", "build")))


def run_clang_tidy(tap, build):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        files = compiled(build)
        checks = pool.map(lambda f: complaints("clang-tidy", "--quiet", "-p", build, f), files)
        for file, problems in zip(files, checks):
            tap.result(f"clang-tidy {file}", problems)


def run_cppcheck(tap, build):
    folder = os.path.join(ROOT, build, "cppcheck")
    os.makedirs(folder, exist_ok=True)
    tap.result("cppcheck", complaints(
        "cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", f"-j{os.cpu_count()}",
        "--enable=warning,performance,portability", f"--cppcheck-build-dir={folder}",
        "--suppress=*:" + os.path.join(build, "*"),
        "-Isdk/include", "-Iruntime", "-Itests", "--std=c11", *[s for s in sources() if s.endswith(".c")]))


def main():
    build = sys.argv[1]
    tap = Tap()
    tap.result("clang-format", complaints("clang-format", "--dry-run", "-Werror", *sources()))
    tap.result("shellcheck", complaints("shellcheck", *[s for s in SCRIPTS if os.path.exists(os.path.join(ROOT, s))]))
    run_cppcheck(tap, build)
    run_clang_tidy(tap, build)
    tap.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The ABI only grows: every public struct keeps the members that a release had, at their offsets and with their types, and
only ever gets more at its end; frozen ones do not change at all; constants keep their values.

tests/sdk/abi/1.0.txt is what version 1.0 promises, as clang lays it out. It is written once per released version by
`abi.py --write FILE` and never edited. Until 1.0 is released a change that breaks it is made by writing it anew, and is
seen in review as a difference of that file."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(os.environ.get("WEIR_SOURCE_ROOT", "."))
sys.path.insert(0, str(root / "tests" / "support"))

from tap import Tap  # noqa: E402

include = root / "sdk" / "include"
promised = root / "tests" / "sdk" / "abi" / "1.0.txt"
SOURCE = "#include <weir/plugin.h>\n#include <weir/ffi.h>\n#include <weir/node.h>\n"
# These say how new a build is, and nothing else may depend on their values.
FREE = {"WEIR_ABI_MINOR", "WEIR_ABI_VERSION"}


def clang(folder, *arguments):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(SOURCE)
        file.flush()
        done = subprocess.run(["clang", "-std=c17", "-I", folder, *arguments, file.name], capture_output=True, text=True,
                              check=True)
    return done.stdout


def layouts(folder):
    """{struct: (lines of its direct members, size)} of all public structs."""
    found = {}
    text = clang(folder, "-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete")
    for block in text.split("*** Dumping AST Record Layout")[1:]:
        lines = [line for line in block.splitlines() if "|" in line]
        name = re.match(r"\s*0 \| (struct weir_\w+)$", lines[0])
        if not name:
            continue
        members = [re.sub(r"\s+", " ", re.sub(r"\(unnamed[^)]*\)", "(unnamed)", line)).strip() for line in lines[1:-1] if re.match(r"\s*\d+ \|   \S", line)]
        size = re.search(r"sizeof=(\d+)", lines[-1]).group(1)
        found[name.group(1)] = (members, size)
    return found


def constants(folder):
    """{name: definition} of all public constants."""
    found = {}
    for line in clang(folder, "-E", "-dM").splitlines():
        match = re.match(r"#define (WEIR_[A-Z0-9_]+) (\S.*)$", line)
        if match and not match.group(1).endswith("_H") and match.group(1) not in FREE | {"WEIR_EXPORT"}:
            found[match.group(1)] = match.group(2)
    return found


def frozen(folder):
    """Names of the structs whose comment says Frozen."""
    names = set()
    for path in sorted(pathlib.Path(folder).glob("weir/*.h")):
        for comment, name in re.findall(r"((?:^//.*\n)+)(struct weir_\w+) \{", path.read_text(), re.M):
            if "Frozen" in comment:
                names.add(name)
    return names


def write(folder, path):
    with open(path, "w") as file:
        for name, (members, size) in sorted(layouts(folder).items()):
            file.write(f"{name} {size}{' frozen' if name in frozen(folder) else ''}\n")
            for member in members:
                file.write(f"  {member}\n")
        for name, value in sorted(constants(folder).items()):
            file.write(f"{name} = {value}\n")


def broken(folder, path):
    """What the headers in folder break of the promise in path, a line each."""
    now, values, faults = layouts(folder), constants(folder), []
    name, wanted, is_frozen = None, [], False

    def check():
        if name is None:
            return
        if name not in now:
            faults.append(f"{name} is gone")
        elif is_frozen and now[name][0] != wanted:
            faults.append(f"{name} is frozen and has changed")
        elif now[name][0][:len(wanted)] != wanted:
            was = next((a for a, b in zip(wanted, now[name][0] + [""] * len(wanted)) if a != b))
            faults.append(f"{name} no longer has `{was}` in its place")

    for line in path.read_text().splitlines():
        if line.startswith("  "):
            wanted.append(line.strip())
        elif line.startswith("struct "):
            check()
            words = line.split()
            name, wanted, is_frozen = " ".join(words[:2]), [], words[-1] == "frozen"
        else:
            constant, value = line.split(" = ", 1)
            if values.get(constant) != value:
                faults.append(f"{constant} was {value} and is {values.get(constant, 'gone')}")
    check()
    return faults


def with_change(file, old, new):
    """What is broken if `old` were `new` in a header."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        (copy / "weir").mkdir()
        for path in include.glob("weir/*.h"):
            text = path.read_text()
            if path.name == file:
                assert old in text, f"{file} has no {old!r}"
                text = text.replace(old, new, 1)
            (copy / "weir" / path.name).write_text(text)
        return broken(copy, promised)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        write(include, sys.argv[2])
        return
    tap = Tap()
    tap.result("the headers keep what version 1.0 promises", broken(include, promised))
    # Each kind of break is seen, and growing at the end is none.
    samples = [
        ("a member put in the middle", "batch.h", "    uint32_t row_count;", "    uint32_t extra;\n    uint32_t row_count;"),
        ("two members swapped", "schema.h", "    uint32_t size;\n    uint32_t field_count;",
         "    uint32_t field_count;\n    uint32_t size;"),
        ("another type", "timer.h", "uint32_t clock, int64_t time_us,\n                     int64_t tag);",
         "uint32_t clock, int64_t time_us,\n                     int32_t tag);"),
        ("a frozen struct that grows", "schema.h", "    struct weir_type type;\n};",
         "    struct weir_type type;\n    const char *comment;\n};"),
        ("a constant with another value", "batch.h", "#define WEIR_KIND_DELETE 3u", "#define WEIR_KIND_DELETE 4u"),
    ]
    for name, file, old, new in samples:
        tap.result(f"{name} is seen", [] if with_change(file, old, new) else ["it is not"])
    grown = with_change("batch.h", "    int64_t entered_us;", "    int64_t entered_us; int64_t more_us;")
    tap.result("growing at the end is allowed", grown)
    tap.finish()


main()

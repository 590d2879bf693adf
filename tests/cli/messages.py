#!/usr/bin/env python3
"""Every pipeline in tests/cli/messages is wrong in one way; FILE.lua.expected holds what `weir check` and `weir run` say
of it, to the letter, with their exit code. `messages.py --accept` writes the files anew: read the difference before you
commit it."""

import os
import pathlib
import subprocess
import sys

folder = pathlib.Path(__file__).parent / "messages"
weir = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve() / "weir"


def says(path, command="check"):
    done = subprocess.run([weir, command, path.name], cwd=folder, capture_output=True, text=True, timeout=60)
    return f"{done.stdout}{done.stderr}exit code {done.returncode}\n"


def main():
    paths = sorted(folder.glob("*.lua"))
    if "--accept" in sys.argv:
        for path in paths:
            path.with_suffix(".lua.expected").write_text(says(path))
        return
    print(f"1..{2 * len(paths)}")
    for number, (path, command) in enumerate(((path, command) for path in paths for command in ("check", "run")), 1):
        expected_path = path.with_suffix(".lua.expected")
        expected = expected_path.read_text() if expected_path.exists() else "(nothing)\n"
        said = says(path, command)
        if said != expected:
            print("# it says\n# " + said.replace("\n", "\n# ") + "\n# expected\n# " + expected.replace("\n", "\n# "))
        print(f"{'ok' if said == expected else 'not ok'} {number} - {command}: {path.stem} has its message")


main()

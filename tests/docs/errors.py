#!/usr/bin/env python3
"""docs/errors.md lists every code there is, and shows what `weir check` says of its examples, to the letter."""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD_ROOT") or os.path.join(ROOT, "build")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

IN_SOURCE = re.compile(r'"(W0\d{3})"')
IN_LIST = re.compile(r"^(?:### |\| )(W0\d{3})\b", re.MULTILINE)
SECTION = re.compile(r"^### (W0\d{3})$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def codes_in_source():
    codes = set()
    for at, _, names in os.walk(os.path.join(ROOT, "runtime")):
        for name in names:
            if name.endswith((".c", ".h")):
                with open(os.path.join(at, name)) as file:
                    codes |= set(IN_SOURCE.findall(file.read()))
    return codes


def difference(used, listed):
    return [f"docs/errors.md does not list {code}, which the runtime uses" for code in sorted(used - set(listed))] + [
        f"docs/errors.md lists {code}, which nothing uses" for code in sorted(set(listed) - used)] + [
        f"docs/errors.md lists {code} twice" for code in sorted(set(listed)) if listed.count(code) > 1]


def wrong_example(code, text):
    """An example that is given with its file is run; of the others the code must be right."""
    example = dict(BLOCK.findall(text))
    shown = example.get("text", "")
    if not shown.startswith((f"error[{code}]: ", f"warning[{code}]: ")):
        return [f"the example of {code} is of another code"]
    if "lua" not in example:
        return []
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        with open(os.path.join(scratch, "a.lua"), "w") as file:
            file.write(example["lua"])
        said = subprocess.run([os.path.join(BUILD, "weir"), "check", "a.lua"], cwd=scratch, text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr
    return [] if said == shown else ["weir check says:", said, "and the example:", shown]


def main():
    with open(os.path.join(ROOT, "docs", "errors.md")) as file:
        text = file.read()
    tap = Tap()
    listed = IN_LIST.findall(text)
    tap.result("the list has every code of the runtime, once", difference(codes_in_source(), listed))
    tap.result("a code that is missing is seen", [] if difference({"W0999"}, []) else ["it is not"])
    for code, section in SECTION.findall(text):
        tap.run(f"the example of {code} is what weir says", wrong_example, code, section)
    tap.result("an example that differs is seen",
               [] if wrong_example("W0101", "\n```text\nerror[W0102]: x\n```\n") else ["it is not"])
    tap.finish()


if __name__ == "__main__":
    main()

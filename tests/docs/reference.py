#!/usr/bin/env python3
"""The option tables of docs/pipeline-reference.md are what `weir inspect --markdown` prints, so that they cannot drift.

usage: reference.py           compares them
       reference.py --write   writes them
"""

import difflib
import os
import subprocess
import sys

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD_ROOT") or os.path.join(ROOT, "build")
REFERENCE = os.path.join(ROOT, "docs", "pipeline-reference.md")
BEGIN = "<!-- made by tests/docs/reference.py --write -->\n"
END = "<!-- end of what is made -->\n"
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402


def with_tables(text, tables):
    """The document with its tables replaced."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + tables.strip("\n") + "\n\n" + END + rest.split(END)[1]


def drift(text, tables):
    wanted = with_tables(text, tables)
    if wanted == text:
        return []
    return ["run tests/docs/reference.py --write", *difflib.unified_diff(
        text.splitlines(), wanted.splitlines(), "docs/pipeline-reference.md", "weir inspect", lineterm="", n=1)]


def main():
    tables = subprocess.run([os.path.join(BUILD, "weir"), "inspect", "--markdown"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    with open(REFERENCE) as file:
        text = file.read()
    if "--write" in sys.argv:
        with open(REFERENCE, "w") as file:
            file.write(with_tables(text, tables))
        return
    tap = Tap()
    tap.result("the option tables are those of the descriptors", drift(text, tables))
    tap.result("a table that differs is seen", [] if drift(text, tables + "| more |\n") else ["it is not"])
    tap.finish()


if __name__ == "__main__":
    main()

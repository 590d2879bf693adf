#!/usr/bin/env python3
"""Runs the check of every pipeline of the project: tests/pipelines/NAME.py for pipelines/NAME.lua.

usage: run.py [NAME...]. A check computes by other means (sqlite3, plain Python) what the pipeline must give.
"""

import importlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from weir import ROOT, weir  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402


class Named:
    """A Tap that puts the pipeline's name before each result."""

    def __init__(self, tap, name):
        self.tap = tap
        self.name = name

    def run(self, name, function, *arguments):
        self.tap.run(f"{self.name}: {name}", function, *arguments)


def is_accepted(name, path):
    weir("check", *getattr(importlib.import_module(name), "ARGUMENTS", []), path)
    return []


def main():
    folder = os.path.join(ROOT, "pipelines")
    # A folder holds what its pipelines `require`; what stands at the top is to be run.
    names = sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".lua"))
    tap = Tap()
    for name in names:
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            named = Named(tap, name)
            named.run("weir check accepts it", is_accepted, name, os.path.join(folder, name + ".lua"))
            named.run("has a check", lambda: importlib.import_module(name).check(named))
    tap.finish()


if __name__ == "__main__":
    main()

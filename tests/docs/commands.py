#!/usr/bin/env python3
"""Runs what the documents tell people to type, and checks the pipelines that they show.

Every ```sh block of a document is one script, run with -e in a scratch folder that looks like the project, with the
built weir on the PATH. A ```lua block that is a whole pipeline is checked, and lies there under the name that the text
before it gives. Of ./dev only the form is checked here: its commands run each other and this test.
"""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD_ROOT") or os.path.join(ROOT, "build")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

# tests/install types these, with nothing at hand but an installed prefix.
TYPED_ELSEWHERE = {"docs/plugin-guide.md"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FILE_NAME = re.compile(r"`([\w.-]+\.lua)`:?\s*$")


def documents():
    paths = glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(ROOT, "docs/**/*.md"), recursive=True)
    paths += glob.glob(os.path.join(ROOT, "plugins/**/*.md"), recursive=True)
    return sorted(paths)


def blocks(text):
    """(language, content, the line before it) of every fenced block."""
    for match in BLOCK.finditer(text):
        yield match[1], match[2], text[:match.start()].rstrip().rsplit("\n", 1)[-1]


def wrong_dev(line):
    """What is wrong with a ./dev command: it must stand in what ./dev says of itself."""
    words = shlex.split(line, comments=True)
    usage = subprocess.run([os.path.join(ROOT, "dev")], stderr=subprocess.PIPE, text=True).stderr
    known = [re.split(r" {2,}|\[", entry.strip())[0].split() for entry in usage.replace("usage: ", "").splitlines()]
    flags = set(re.findall(r"--\w+", usage))
    if words[:2] in [entry[:2] for entry in known] and all(w in flags for w in words if w.startswith("--")):
        return []
    return [f"./dev knows nothing of: {line}"]


def make_scratch(scratch):
    """A folder that looks like the top of the project: links to what is in it, and the build."""
    for name in os.listdir(ROOT):
        if not name.startswith("build") and name != ".git":
            os.symlink(os.path.join(ROOT, name), os.path.join(scratch, name))
    os.symlink(BUILD, os.path.join(scratch, "build"))


def run_block(script, scratch):
    wrong = []
    lines = script.splitlines(keepends=True)
    for line in lines:
        if line.startswith("./dev"):
            wrong += wrong_dev(line)
    rest = "".join(line for line in lines if not line.startswith("./dev"))
    environment = {**os.environ, "PATH": BUILD + ":" + os.environ["PATH"]}
    try:
        done = subprocess.run(["sh", "-ec", rest], cwd=scratch, env=environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    except subprocess.TimeoutExpired:
        return wrong + [f"does not end: {rest}"]
    return wrong + ([f"{rest}\nended with {done.returncode}\n{done.stdout[-3000:]}"] if done.returncode else [])


def check_pipeline(text, name, scratch):
    path = os.path.join(scratch, name)
    with open(path, "w") as file:
        file.write(text)
    return run_block(f"weir check {shlex.quote(name)}", scratch)


def check_document(tap, path):
    name = os.path.relpath(path, ROOT)
    with open(path) as file:
        text = file.read()
    broken = [link for link in LINK.findall(text) if "://" not in link and
              not os.path.exists(os.path.join(os.path.dirname(path), link))]
    tap.result(f"{name}: links lead somewhere", [f"{link} does not exist" for link in broken])
    if name in TYPED_ELSEWHERE:
        return
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        make_scratch(scratch)
        for number, (language, content, before) in enumerate(blocks(text), 1):
            if language == "sh":
                tap.run(f"{name}: block {number} runs", run_block, content, scratch)
            elif language == "lua" and re.search(r"^return w\.pipeline", content, re.MULTILINE):
                named = FILE_NAME.search(before)
                tap.run(f"{name}: block {number} is a pipeline", check_pipeline, content,
                        named[1] if named else f"block_{number}.lua", scratch)


def main():
    tap = Tap()
    for path in documents():
        check_document(tap, path)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        tap.result("a command that fails is seen", [] if run_block("false\n", scratch) else ["it passed"])
        tap.result("an unknown ./dev command is seen", [] if run_block("./dev dance\n", scratch) else ["it passed"])
    tap.finish()


if __name__ == "__main__":
    main()

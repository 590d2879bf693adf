#!/usr/bin/env python3
"""Plugins that are wrong: each is refused, or fails the job, with its message and exit code."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

build = pathlib.Path(os.environ.get("WEIR_BUILD_ROOT", "build")).resolve()
weir = build / "weir"
made = build / "tests" / "plugins"
PIPELINE = """local w = require "weir"
return w.pipeline "p" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.sink "out" { use = "NAME" },
}
"""
count = 0


def report(is_good, name, said=""):
    global count
    count += 1
    if not is_good:
        print("# it says\n# " + said.replace("\n", "\n# "))
    print(f"{'ok' if is_good else 'not ok'} {count} - {name}")


def run(*arguments):
    return subprocess.run([weir, *arguments], capture_output=True, text=True, timeout=120)


def refused(folder, name, message, prepare=None):
    """A folder with that one plugin: run refuses it with the message and exit code 4."""
    target = pathlib.Path(folder) / name
    target.mkdir()
    path = target / f"{name}.so"
    if prepare is None:
        shutil.copy(made / f"{name}.so", path)
    else:
        prepare(path)
    done = run("plugins", "--plugin-path", str(target))
    expected = f"weir: plugin {path} is refused: {message.replace('PATH', str(path))}\n"
    report(done.stderr == expected and done.returncode == 4, f"{name} is refused", done.stderr)


def pipeline(folder, name):
    path = pathlib.Path(folder) / f"{name}.lua"
    path.write_text(PIPELINE.replace("NAME", name))
    target = pathlib.Path(folder) / f"use-{name}"
    target.mkdir()
    shutil.copy(made / f"{name}.so", target)
    return str(path), "--plugin-path", str(target)


def other_machine(path):
    """An ELF header for 64-bit RISC-V, and nothing behind it."""
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xf3\x00\x01\x00\x00\x00" + bytes(40))


with tempfile.TemporaryDirectory(dir=build / "tests") as folder:
    refused(folder, "not_elf", "it is not a shared object (no ELF file); build it with `cc -shared -fPIC`",
            lambda path: path.write_text("#!/bin/sh\necho hello\n"))
    refused(folder, "empty", "it is not a shared object (no ELF file); build it with `cc -shared -fPIC`",
            lambda path: path.write_text(""))
    refused(folder, "other_machine", "it is built for risc-v and this is x86-64; build it for this machine",
            other_machine)
    refused(folder, "program", "it is an ELF file but no shared object; link it with `-shared`",
            lambda path: path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(44)))
    refused(folder, "no_entry",
            "it does not export weir_plugin_entry; define it with WEIR_EXPORT (weir/plugin.h)")
    refused(folder, "null_entry", "its weir_plugin_entry returned NULL")
    refused(folder, "newer_abi",
            "it is built for plugin ABI 2.0 and this weir speaks 1.0; rebuild it with this weir's headers")
    refused(folder, "newer_host", "it needs a host with plugin ABI 1.7 and this weir has 1.0; upgrade weir, or "
            "build the plugin for the older one")
    refused(folder, "small_struct",
            "its struct weir_plugin says it has 8 bytes, the first version has 72; set `size` to sizeof the struct")
    refused(folder, "small_operator", "its operator `small_operator` says it has 64 bytes, the first version has "
            "120; set `size` to sizeof the struct")
    refused(folder, "no_process", "its operator `no_process` lacks create or process")
    refused(folder, "undefined", "undefined symbol: nobody_defines_this")

    # A name that is taken: the plugin found first wins, the other is refused whole, and both files are named.
    target = pathlib.Path(folder) / "taken"
    target.mkdir()
    shutil.copy(made / "twice.so", target)
    core = build / "plugins" / "operators.so"
    reason = (f"it brings an operator `null`, which {target / 'twice.so'} brings already, so nothing of it can be used; "
              "rename it in one of the two, or remove one of them\n")
    done = run("plugins", "--plugin-path", str(target))
    report(done.stdout.endswith(f"REFUSED {core}: {reason}") and done.returncode == 1, "a name that is taken is refused",
           done.stdout)
    path = pathlib.Path(folder) / "taken.lua"
    path.write_text(PIPELINE.replace("w.sink", 'w.filter "all" { where = "true" },\n  w.sink').replace("NAME", "null"))
    for command in "check", "run":
        done = run(command, str(path), "--plugin-path", str(target))
        expected = (f"error[W0403]: there is no operator `filter`\n --> {path}:4:5 (stage `all`)\n  |\n"
                    f"4 |   w.filter \"all\" {{ where = \"true\" }},\n  |     ^^^^^^\n  = available: fluss.lookup\n"
                    f"note: plugin {core} is refused: {reason}")
        report(done.stderr == expected and done.returncode == 4, f"{command}: an operator of a refused plugin is told",
               done.stderr)

    file, *flags = pipeline(folder, "crash")
    done = run("run", file, *flags)
    expected = "weir: SEGV in plugin crash, stage `out`, operator `crash`, function process, batch of"
    report(expected in done.stderr and done.returncode == -signal.SIGSEGV, "a crash names plugin, stage and batch",
           done.stderr)

    file, *flags = pipeline(folder, "hang")
    done = run("run", file, *flags, "--for", "1s")
    expected = (f"{file}:4: stage `out`: operator `hang` of plugin hang never returned from process: the job cannot "
                "end and is killed; rows under way are lost\n")
    report(done.stderr.endswith(expected) and done.returncode == 6, "what never returns is named and ended",
           done.stderr)
    print(f"1..{count}")

#!/usr/bin/env python3
"""What `meson install` puts in place is enough to write and run a plugin, wherever the prefix is moved to."""

import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.environ["WEIR_SOURCE_ROOT"]
BUILD = os.environ["WEIR_BUILD_ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

PLUGIN = r"""
#include <weir/plugin.h>

static int32_t same_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = NULL;
    return WEIR_OK;
}

static int32_t same_process(void *instance, struct weir_context *context, uint32_t input, const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    weir_batch_ref(context, batch);
    return weir_emit(context, WEIR_OUTPUT_MAIN, batch);
}

WEIR_EXPORT const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    static struct weir_operator same;
    static const struct weir_operator *operators[] = {&same};
    static struct weir_plugin plugin;
    (void)host_version;
    same.size = sizeof same;
    same.kind = WEIR_OPERATOR_TRANSFORM;
    same.name = "same";
    same.summary = "hands on what it gets";
    same.create = same_create;
    same.process = same_process;
    plugin.size = sizeof plugin;
    plugin.abi_version = WEIR_ABI_VERSION;
    plugin.host_version_min = WEIR_ABI_VERSION;
    plugin.operator_count = 1;
    plugin.name = "same";
    plugin.version = "1.0.0";
    plugin.licence = "Apache-2.0";
    plugin.operators = operators;
    return &plugin;
}
"""
PIPELINE = """local w = require "weir"
return w.pipeline "installed" {
  w.source "devices" { use = "generator.sensors", devices = 3, max_rows = 5, paced = false, rate = 1000, seed = 1 },
  w.same "same" {},
  w.sink "out" { use = "file", path = "out.csv", format = "csv" },
}
"""


def run(*arguments, cwd, **environment):
    """What the command prints; raises with all of it when it fails."""
    done = subprocess.run(arguments, cwd=cwd, env={**os.environ, **environment}, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def one(folder, pattern):
    found = glob.glob(os.path.join(folder, "**", pattern), recursive=True)
    if len(found) != 1:
        raise RuntimeError(f"{pattern} is there {len(found)} times")
    return found[0]


def everything_is_there(folder):
    wanted = ["bin/weir", "weir/template/tally.c", "include/weir/plugin.h", "pkgconfig/weir.pc", "weir/plugins/operators.so"]
    return [f"{name} is missing" for name in wanted
            if not glob.glob(os.path.join(folder, "**", name), recursive=True)]


def headers_are_all_there(folder):
    installed = set(os.listdir(os.path.dirname(one(folder, "weir/plugin.h"))))
    return sorted(set(os.listdir(os.path.join(ROOT, "sdk/include/weir"))) - installed)


def plugin_is_built_and_runs(folder, work, compiler, suffix):
    """A plugin made by one compiler line from what is installed, run by the installed program."""
    source = os.path.join(work, "same." + suffix)
    with open(source, "w") as file:
        file.write(PLUGIN)
    with open(os.path.join(work, "installed.lua"), "w") as file:
        file.write(PIPELINE)
    package = one(folder, "weir.pc")
    run("sh", "-c", f"{compiler} -Wall -Wextra -Werror -shared -fPIC $(pkg-config --cflags weir) -o plugins/same.so "
        f"{source}", cwd=work, PKG_CONFIG_PATH=os.path.dirname(package), PKG_CONFIG_SYSROOT_DIR=folder)
    run(one(folder, "bin/weir"), "run", "installed.lua", "--plugin-path", "plugins", cwd=work)
    with open(os.path.join(work, "out.csv")) as file:
        rows = file.read().splitlines()
    os.remove(os.path.join(work, "out.csv"))
    return [] if len(rows) == 6 else [f"{len(rows)} lines instead of a header and 5 rows"]


def guide_is_followed(folder, work):
    """Every command of docs/plugin-guide.md, in an empty folder, with the sources hidden."""
    with open(os.path.join(ROOT, "docs/plugin-guide.md")) as file:
        commands = "".join(re.findall(r"^```sh\n(.*?)^```", file.read(), re.M | re.S))
    libraries = os.path.dirname(one(folder, "weir-kit.pc")) + "/.."
    script = os.path.join(work, "guide.sh")
    with open(script, "w") as file:
        for name in ("sdk", "runtime", "plugins"):
            file.write(f"mount -t tmpfs none {ROOT}/{name}\n")
        file.write("set -ex\n" + commands)
    said = run("unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-e", script, cwd=work, LD_LIBRARY_PATH=libraries,
               PKG_CONFIG_PATH=os.path.dirname(one(folder, "weir.pc")), PKG_CONFIG_SYSROOT_DIR=folder,
               PATH=os.path.dirname(one(folder, "bin/weir")) + ":" + os.environ["PATH"])
    return [] if said.count("0 failed") == 2 else [said]


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, tempfile.TemporaryDirectory(dir=BUILD) as work:
        os.mkdir(os.path.join(work, "plugins"))
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder, cwd=work)
        tap.run("program, plugins, headers and package file are installed", everything_is_there, folder)
        tap.run("no public header is forgotten", headers_are_all_there, folder)
        tap.run("a plugin in C needs one line", plugin_is_built_and_runs, folder, work, "cc -std=c11", "c")
        tap.run("a plugin in C++ needs one line", plugin_is_built_and_runs, folder, work, "c++ -std=c++17", "cc")
        tap.run("the plugin guide can be followed with the sources out of reach", guide_is_followed, folder, work)
    tap.finish()


if __name__ == "__main__":
    main()

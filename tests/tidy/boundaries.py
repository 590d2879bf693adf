#!/usr/bin/env python3
"""The rules of the house: who may include whom, and what a file looks like.

Each rule is a function from {path: text} to a list of what is wrong. BAD holds, for each, files
that break it: a rule that does not object to them is itself a failure.
"""

import glob
import os
import re
import sys

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

FUNCTION_LINES_MAX = 85
TEXT = (".c", ".h", ".cc", ".cpp", ".hpp", ".py", ".sh", ".lua", ".md", ".build", ".txt", ".in")
CODE = (".c", ".h", ".cc", ".cpp", ".hpp")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
OPERATOR_NAME = re.compile(r"struct weir_operator\b[^;]*?\.name = \"([^\"]+)\"", re.DOTALL)

# Names of operators that are words of something else, too, and the sources that use them as that.
OTHER_WORDS = {
    "file": {  # the key of a place in the description
        "runtime/base/diagnostic_json.c", "runtime/host/options.c", "runtime/lua/describe.c", "runtime/lua/hash.c",
        "runtime/lua/pipeline.c", "runtime/plan/declare.c"},
    "map": {  # the type of an option, and the key of its values in the description
        "runtime/cli/inspect.c", "runtime/data/schema.c", "runtime/host/literal.c", "runtime/host/options.c",
        "runtime/lua/aggregate.c", "runtime/lua/pipeline.c", "runtime/lua/value.c"},
    "null": {  # the value
        "runtime/data/schema.c", "runtime/expr/check.c", "runtime/expr/parser.c", "runtime/expr/reason.c",
        "runtime/kit/rows.c"},
    "print": {"runtime/lua/sandbox.c"},  # the function of Lua
}

# Yardsticks, kept as they were when the figures of the design were measured with them.
LONG_FUNCTIONS = {"tests/bench/limits/upsert.c"}


def read_tree():
    """All text files of the project by their path; build folders and data left out."""
    files = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not (
            f in (".git", ".cache", "corpus", "__pycache__") or folder == ROOT and f.startswith("build"))]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith(TEXT) or path in ("dev", ".ci/run", ".clang-tidy", ".clang-format"):
                with open(os.path.join(folder, name), errors="replace") as file:
                    files[path] = file.read()
    return files


def code_of(files, *folders):
    return {p: t for p, t in files.items() if p.endswith(CODE) and p.startswith(folders)}


def module_order(files):
    listed = re.search(r"foreach module : \[(.*?)\]", files["runtime/meson.build"], re.DOTALL)
    return re.findall(r"'([^']+)'", listed[1])


def number_of_line(text, position):
    return text.count("\n", 0, position) + 1


def sdk_knows_nobody(files):
    wrong = []
    for path, text in code_of(files, "sdk/").items():
        for include in INCLUDE.finditer(text):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), include[2]))
            if include[1] == '"' and not include[2].startswith("weir/") and beside not in files:
                wrong.append(f"{path} includes {include[2]}, which is not of the SDK")
            if ".." in include[2]:
                wrong.append(f"{path} includes {include[2]}")
    return wrong


def before(files, path, include):
    """Whether a plugin set that names its modules in order lets the module of `path` see this header."""
    top = "/".join(path.split("/")[:2])
    order = re.search(r"_modules = \[([^]]*)\]", files.get(f"{top}/meson.build", ""))
    if order is None or f"{top}/{include}" not in files:
        return False
    modules = re.findall(r"'(\w+)'", order[1])
    mine, theirs = path.split("/")[2], include.split("/")[0]
    return theirs in modules and (mine not in modules or modules.index(theirs) <= modules.index(mine))


def plugins_know_the_sdk_alone(files):
    wrong = []
    for path, text in code_of(files, "plugins/").items():
        plugin = "/".join(path.split("/")[:3])
        for include in INCLUDE.finditer(text):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), include[2]))
            own = beside in files and beside.startswith(plugin + "/")
            shared = beside in files and os.path.dirname(beside) == "/".join(path.split("/")[:2])
            below = before(files, path, include[2])
            if include[1] == '"' and not include[2].startswith("weir/") and not own and not shared and not below:
                wrong.append(f"{path} includes {include[2]}: neither of the SDK nor of {plugin}")
            elif include[1] == "<" and f"runtime/{include[2]}" in files:
                wrong.append(f"{path} includes {include[2]} of the runtime")
    for path, text in files.items():
        if path.startswith("plugins/") and path.endswith("meson.build"):
            if re.search(r"^[^#\n]*\bruntime(_include|_library)?\b", text, re.MULTILINE):
                wrong.append(f"{path} reaches for the runtime")
    return wrong


def operator_names(files):
    names = set()
    for text in code_of(files, "plugins/").values():
        names.update(OPERATOR_NAME.findall(text))
    return names


def runtime_names_no_plugin(files):
    """No operator as a whole string, none in backquotes, and none whose name is no plain word anywhere in a string."""
    names = operator_names(files)
    odd = [re.escape(name) for name in names if not name.isalpha()]
    inside = re.compile("|".join([*(f"`{re.escape(name)}`" for name in names - OTHER_WORDS.keys()),
                                  *(rf"(?<![\w.]){name}(?!\w)" for name in odd)]) or r"(?!)")
    wrong = []
    for path, text in code_of(files, "runtime/").items():
        for include in INCLUDE.finditer(text):
            if "plugins/" in include[2] or f"plugins/{include[2]}" in files:
                wrong.append(f"{path} includes {include[2]} of a plugin")
        code = re.sub(r"^ *//.*", "", text, flags=re.MULTILINE)
        for string in STRING.finditer(code):
            whole = string[1] in names and path not in OTHER_WORDS.get(string[1], ())
            if whole or inside.search(string[1]):
                wrong.append(f"{path}:{number_of_line(code, string.start())} names {string[1]}")
    return wrong


def other_words_are_used(files):
    return [f"{path} no longer says {word}" for word, paths in OTHER_WORDS.items() for path in sorted(paths)
            if f'"{word}"' not in files.get(path, "")]


def modules_use_those_before(files):
    order = module_order(files)
    wrong = []
    for path, text in code_of(files, "runtime/").items():
        module = path.split("/")[1]
        if path.count("/") < 2:
            wrong.append(f"{path} is in no module")
            continue
        if module not in order:
            continue
        for include in INCLUDE.finditer(text):
            used = include[2].split("/")[0]
            if include[1] == "<" or used == "weir":
                continue
            if used not in order and f"runtime/{include[2]}" in files:
                wrong.append(f"{path} includes {include[2]}: {used} is not listed in runtime/meson.build")
            elif used not in order:
                wrong.append(f"{path} includes {include[2]}: write it as \"module/name.h\"")
            elif order.index(used) > order.index(module):
                wrong.append(f"{path} includes {include[2]}, but {used} comes after {module}")
    return wrong


def sources_include_their_header_first(files):
    wrong = []
    for path, text in code_of(files, "runtime/").items():
        header = path[:-2] + ".h"
        if path.endswith(".c") and header in files:
            first = INCLUDE.search(text)
            if first is None or "runtime/" + first[2] != header:
                wrong.append(f"{path} does not include {header} first")
    return wrong


def headers_say_what_they_are_for(files):
    return [f"{path} does not begin with a comment" for path, text in
            code_of(files, "sdk/include/", "runtime/").items()
            if path.endswith(".h") and not text.startswith("//")]


def functions_fit(files):
    """The format puts the brace of a function, and nothing else, alone at the left margin."""
    wrong = []
    for path, text in code_of(files, "sdk/", "runtime/", "plugins/", "tests/").items():
        if path in LONG_FUNCTIONS:
            continue
        start = None
        for number, line in enumerate(text.splitlines(), 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    wrong.append(f"{path}:{start - 1} has {number - start - 1} lines in one function")
                start = None
    return wrong


def files_are_clean(files):
    wrong = []
    for path, text in files.items():
        if text and not text.endswith("\n"):
            wrong.append(f"{path} does not end with a line end")
        if text.endswith("\n\n"):
            wrong.append(f"{path} ends with an empty line")
        for what, character in (("a tab", "\t"), ("a carriage return", "\r")):
            if character in text:
                wrong.append(f"{path}:{number_of_line(text, text.index(character))} has {what}")
        blank = re.search(r"[ ]+$", text, re.MULTILINE)
        if blank:
            wrong.append(f"{path}:{number_of_line(text, blank.start())} ends with a space")
    return wrong


def nothing_is_left_to_do(files):
    words = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
    return [f"{path}:{number_of_line(text, match.start())} says {match[0]}"
            for path, text in files.items() for match in words.finditer(text)]


def machine_words():
    """What belongs to the machine at hand: the folder above the tree, the hosts of its packages."""
    words = set()
    above = os.path.dirname(ROOT)
    while above.count("/") >= 1 and above not in ("/", "/root", "/home", "/usr/src", "/srv", "/tmp", "/opt"):
        words.add(above + "/")
        above = os.path.dirname(above)
    for path in glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*"):
        with open(path, errors="replace") as file:
            words.update(re.findall(r"^[^#\n]*?https?://([^/\s]+\.[^/\s]+)", file.read(), re.MULTILINE))
    return words


def no_machine_is_named(files):
    words = machine_words()
    wrong = []
    for path, text in files.items():
        for word in words:
            for match in re.finditer(r"(?<![\w.-])" + re.escape(word), text):
                wrong.append(f"{path}:{number_of_line(text, match.start())} names {word}")
    return wrong


MESON = {"runtime/meson.build": "foreach module : [\n  'base',\n  'data',\n]\n"}
BAD = [
    (sdk_knows_nobody, {"sdk/include/weir/a.h": '// x\n#include "base/text.h"\n'}),
    (plugins_know_the_sdk_alone, {"plugins/operators/filter/a.c": '#include "data/batch.h"\n',
                                  "runtime/data/batch.h": ""}),
    (plugins_know_the_sdk_alone, {"plugins/operators/filter/a.c": "#include <data/batch.h>\n",
                                  "runtime/data/batch.h": ""}),
    (plugins_know_the_sdk_alone, {"plugins/operators/meson.build": "include_directories: runtime_include\n"}),
    (plugins_know_the_sdk_alone, {"plugins/set/meson.build": "set_modules = ['low', 'high']\n",
                                  "plugins/set/low/a.c": '#include "high/b.h"\n', "plugins/set/high/b.h": ""}),
    (runtime_names_no_plugin, {"plugins/a/b/c.c": 'const struct weir_operator o = {\n.name = "odd",\n};\n',
                               "runtime/base/a.c": 'if (is(name, "odd"))\n'}),
    (runtime_names_no_plugin, {"plugins/a/b/c.c": 'const struct weir_operator o = {\n.name = "odd",\n};\n',
                               "runtime/base/a.c": 'fail("put an `odd` before it");\n'}),
    (runtime_names_no_plugin, {"plugins/a/b/c.c": 'const struct weir_operator o = {\n.name = "odd.one",\n};\n',
                               "runtime/base/a.c": 'fail("only odd.one can");\n'}),
    (runtime_names_no_plugin, {"plugins/a/b/c.c": 'const struct weir_operator o = {\n.name = "file",\n};\n',
                               "runtime/plan/connect.c": 'if (is(name, "file"))\n'}),
    (other_words_are_used, {"runtime/lua/sandbox.c": ""}),
    (modules_use_those_before, {**MESON, "runtime/base/a.c": '#include "data/batch.h"\n'}),
    (modules_use_those_before, {**MESON, "runtime/base/a.c": '#include "text.h"\n'}),
    (modules_use_those_before, {**MESON, "runtime/a.c": ""}),
    (sources_include_their_header_first, {"runtime/base/a.c": '#include <stdio.h>\n#include "base/a.h"\n',
                                          "runtime/base/a.h": ""}),
    (headers_say_what_they_are_for, {"runtime/base/a.h": "#ifndef A\n"}),
    (functions_fit, {"runtime/base/a.c": "int a(void)\n{\n" + "    b();\n" * 86 + "}\n"}),
    (files_are_clean, {"a.c": "int a;"}),
    (files_are_clean, {"a.c": "\tint a;\n"}),
    (files_are_clean, {"a.c": "int a; \n"}),
    (nothing_is_left_to_do, {"a.c": "// TO" + "DO: later\n"}),
    (no_machine_is_named, {"a.md": f"see {os.path.dirname(ROOT)}/notes\n"}),
]


def main():
    tap = Tap()
    files = read_tree()
    for rule in dict.fromkeys(rule for rule, _ in BAD):
        tap.run(rule.__name__, rule, files)
    for number, (rule, sample) in enumerate(BAD):
        can_see = rule is no_machine_is_named and os.path.dirname(ROOT) + "/" not in machine_words()
        tap.result(f"{rule.__name__}_objects_to_sample_{number}",
                   [] if rule(sample) or can_see else ["the rule lets this pass: " + repr(sample)])
    tap.finish()


if __name__ == "__main__":
    main()

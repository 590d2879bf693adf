#!/usr/bin/env python3
"""Random pipelines over random rows, against sqlite3, on the ground that SQL engines share: filter, map, window.

usage: random_pipelines.py [COUNT [FIRST_SEED]]. The seed is the name of a case, so a failure can be had again alone.
"""

import csv
import json
import os
import random
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from weir import ROOT, differences, folder, milliseconds, read_ndjson, run  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from tap import Tap  # noqa: E402

INTEGER, FLOAT, TEXT, BOOL = "integer", "float", "text", "bool"
WORDS = ["ab", "Ab", "abc", "b", "ba", "über", "zz top", "comma, here", 'say "hi"', "50%", "a_b", "ünï"]
PATTERNS = ["a%", "%b", "%b%", "_b", "A%", "%,%", "ü%", "b_", "%"]
INTEGER_MAX = 1 << 30
DAY_MS = 86400000


class Expressions:
    """Random typed expressions over columns {name: (type, bound)}; both languages read the text alike."""

    def __init__(self, rng, columns):
        self.rng = rng
        self.columns = columns

    def of(self, kind, depth=3):
        """The text, and for an integer the largest amount it can reach."""
        leaf = depth == 0 or self.rng.random() < 0.25
        return getattr(self, kind + ("_leaf" if leaf else ""))(depth - 1)

    def column(self, kind):
        names = [name for name, (of, _) in self.columns.items() if of == kind]
        if names and self.rng.random() < 0.75:
            name = self.rng.choice(names)
            return name, self.columns[name][1]
        return None

    def integer_leaf(self, _):
        value = self.rng.randint(-20, 20)
        return self.column(INTEGER) or (f"({value})" if value < 0 else str(value), 20)

    def float_leaf(self, _):
        value = self.rng.randint(-80, 80) / 8
        return self.column(FLOAT) or (f"({value})" if value < 0 else str(value), 0)

    def text_leaf(self, _):
        return self.column(TEXT) or ("'" + self.rng.choice(WORDS) + "'", 0)

    def bool_leaf(self, depth):
        return self.column(BOOL) or self.comparison(max(depth, 0))

    def integer(self, depth):
        a, a_max = self.of(INTEGER, depth)
        b, b_max = self.of(INTEGER, depth)
        forms = [(f"({a} + {b})", a_max + b_max), (f"({a} - {b})", a_max + b_max), (f"({a} * {b})", a_max * b_max),
                 (f"(-{a})", a_max), (f"abs({a})", a_max), (f"coalesce({a}, {b})", max(a_max, b_max)),
                 (f"({a} % {self.rng.randint(2, 9)})", 9), self.case(INTEGER, depth)]
        return self.rng.choice([form for form in forms if form[1] < INTEGER_MAX])

    def float(self, depth):
        a, _ = self.of(FLOAT, depth)
        b, _ = self.of(self.rng.choice((FLOAT, INTEGER)), depth)
        forms = [f"({a} + {b})", f"({a} - {b})", f"({a} / {self.rng.choice((2.0, 4.0, 0.5))})", f"(-{a})",
                 f"abs({a})", f"coalesce({a}, {self.of(FLOAT, depth)[0]})", self.case(FLOAT, depth)[0]]
        return self.rng.choice(forms), 0

    def text(self, depth):
        return self.rng.choice([self.case(TEXT, depth)[0], f"coalesce({self.of(TEXT, depth)[0]}, 'none')"]), 0

    def case(self, kind, depth):
        first, first_max = self.of(kind, depth)
        other, other_max = self.of(kind, depth)
        end = f" else {other}" if self.rng.random() < 0.7 else ""
        return f"(case when {self.of(BOOL, depth)[0]} then {first}{end} end)", max(first_max, other_max)

    def comparison(self, depth):
        kind = self.rng.choice((INTEGER, FLOAT, TEXT))
        other = self.rng.choice((INTEGER, FLOAT)) if kind != TEXT else TEXT
        sign = self.rng.choice(("=", "<>", "<", "<=", ">", ">="))
        return f"({self.of(kind, depth)[0]} {sign} {self.of(other, depth)[0]})", 0

    def bool(self, depth):
        number = self.of(self.rng.choice((INTEGER, FLOAT)), depth)[0]
        text = self.of(TEXT, depth)[0]
        listed = ", ".join(str(self.rng.randint(0, 20)) for _ in range(3))
        words = ", ".join(f"'{word}'" for word in self.rng.sample(WORDS, 3))
        negated = self.rng.choice(("", "not "))
        low = self.rng.randint(0, 10)
        forms = [f"({self.of(BOOL, depth)[0]} and {self.of(BOOL, depth)[0]})",
                 f"({self.of(BOOL, depth)[0]} or {self.of(BOOL, depth)[0]})", f"(not {self.of(BOOL, depth)[0]})",
                 f"({self.of(INTEGER, depth)[0]} {negated}in ({listed}))", f"({text} {negated}in ({words}))",
                 f"({number} {negated}between {low} and {low + self.rng.randint(0, 20)})",
                 f"({text} {negated}like '{self.rng.choice(PATTERNS)}')", f"({text} is {negated}null)",
                 f"({number} is {negated}null)", self.comparison(depth)[0]]
        return self.rng.choice(forms), 0


class Case:
    """One random table, pipeline and the SQL that says the same."""

    TYPES = {"id": "int64 not null", "t": "int64 not null", "k": "int32", "a": "int32", "b": "int64", "x": "float64",
             "y": "float64", "s": "string", "g": "string"}

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.columns = {"id": (INTEGER, 5000), "k": (INTEGER, 5), "a": (INTEGER, 1000), "b": (INTEGER, 100000),
                        "x": (FLOAT, 0), "y": (FLOAT, 0), "s": (TEXT, 0), "g": (TEXT, 0)}
        self.rows = [self.row(number) for number in range(self.rng.choice((0, 1, 7, 100, 300, 1000, 2000)))]
        self.stages = []
        self.sql = "select * from input"
        self.times = set()
        for number in range(self.rng.randint(0, 3)):
            self.rng.choice((self.add_filter, self.add_map))(f"stage_{number}")
        if self.rng.random() < 0.6:
            self.add_window()
            if self.rng.random() < 0.5:
                self.add_filter("after")
        elif not self.stages:
            self.add_filter("only")

    def row(self, number):
        def maybe(value):
            return None if self.rng.random() < 0.15 else value
        return {"id": number, "t": self.rng.randint(-DAY_MS // 4, DAY_MS // 4), "k": maybe(self.rng.randint(-5, 5)),
                "a": maybe(self.rng.randint(-1000, 1000)), "b": maybe(self.rng.randint(-100000, 100000)),
                "x": maybe(self.rng.randint(-800, 800) / 8), "y": maybe(self.rng.randint(-80000, 80000) / 64),
                "s": maybe(self.rng.choice(WORDS)), "g": maybe(self.rng.choice(WORDS[:4]))}

    def expression(self, kind):
        return Expressions(self.rng, self.columns).of(kind)

    def add_filter(self, name):
        condition, _ = self.expression(BOOL)
        self.stages.append(f"  w.filter {json.dumps(name)} {{ where = {lua_text(condition)} }},")
        self.sql = f"select * from ({self.sql}) where {condition}"

    def add_map(self, name):
        added = {}
        for number in range(self.rng.randint(1, 3)):
            kind = self.rng.choice((INTEGER, FLOAT, TEXT, BOOL))
            added[f"{name}_{number}"] = (kind, *self.expression(kind))
        dropped = self.rng.sample(list(self.columns), self.rng.randint(0, max(len(self.columns) - 6, 0)))
        renamed = {}
        if self.rng.random() < 0.3:
            old = self.rng.choice([column for column in self.columns if column not in dropped])
            renamed[old] = f"{name}_renamed"
        selected = ["t"] if "window_start" not in self.times else []
        for column in self.columns:
            if column not in dropped:
                selected.append(f"{column} as {renamed.get(column, column)}")
        selected += [f"{text} as {column}" for column, (_, text, _) in added.items()]
        self.columns = {renamed.get(c, c): of for c, of in self.columns.items() if c not in dropped}
        self.columns.update({column: (kind, bound) for column, (kind, _, bound) in added.items()})
        options = ["set = { " + ", ".join(f"{c} = {lua_text(text)}" for c, (_, text, _) in added.items()) + " }"]
        if dropped:
            options.append("drop = { " + ", ".join(f'"{column}"' for column in dropped) + " }")
        if renamed:
            options.append("rename = { " + ", ".join(f'{new} = "{old}"' for old, new in renamed.items()) + " }")
        self.stages.append(f"  w.map {json.dumps(name)} {{ {', '.join(options)} }},")
        self.sql = f"select {', '.join(selected)} from ({self.sql})"

    def add_window(self):
        keys = [c for c, (kind, _) in self.columns.items() if kind in (INTEGER, TEXT)]
        keys = self.rng.sample(keys, min(len(keys), self.rng.randint(1, 2)))
        size, size_ms = self.rng.choice((("1m", 60000), ("15m", 900000), ("1h", 3600000), ("1d", DAY_MS)))
        lua, sql, columns = ["n = w.count()"], ["count(*) as n"], {"n": (INTEGER, 2000)}
        for number in range(self.rng.randint(1, 4)):
            function = self.rng.choice(("count", "sum", "min", "max", "avg"))
            kind = self.rng.choice((INTEGER, FLOAT) + ((TEXT,) if function in ("min", "max", "count") else ()))
            text, bound = self.expression(kind)
            column = f"{function}_{number}"
            lua.append(f"{column} = w.{function} {lua_text(text)}")
            sql.append(f"{function}({text}) as {column}")
            if function == "count":
                columns[column] = (INTEGER, 2000)
            elif function in ("sum", "avg"):
                columns[column] = (FLOAT, 0) if kind == FLOAT or function == "avg" else (INTEGER, bound * 2000)
            else:
                columns[column] = (kind, bound)
        by = ", ".join(f'"{key}"' for key in keys)
        self.stages.append(f'  w.window "windows" {{ by = {{ {by} }}, tumbling = "{size}", time = "event",\n'
                           f"    set = {{ {', '.join(lua)} }} }},")
        start = f"(t - ((t % {size_ms}) + {size_ms}) % {size_ms})"
        self.sql = (f"select {', '.join(keys)}, {start} as window_start, {start} + {size_ms} as window_end, "
                    f"{', '.join(sql)} from ({self.sql}) group by {', '.join(keys)}, {start}")
        self.columns = {**{key: self.columns[key] for key in keys}, **columns}
        self.times = {"window_start", "window_end"}

    def lua(self, form):
        columns = ", ".join(f'"{name} {kind}"' for name, kind in self.TYPES.items())
        return "\n".join([
            'local w = require "weir"', 'return w.pipeline "random" {',
            f'  w.source "input" {{ use = "file", path = "input.{form}", format = "{form}", columns = {{ {columns} }},',
            '    event_time = "t", watermark = { lag = "1d" } },', *self.stages,
            '  w.sink "output" { use = "file", path = "output.ndjson", format = "ndjson" },', "}", ""])

    def expected(self):
        database = sqlite3.connect(":memory:")
        database.execute("pragma case_sensitive_like = on")
        kinds = {"int64 not null": "integer", "int32": "integer", "int64": "integer", "float64": "real", "string": "text"}
        database.execute("create table input (" + ", ".join(f"{n} {kinds[k]}" for n, k in self.TYPES.items()) + ")")
        database.executemany(f"insert into input values ({', '.join('?' * len(self.TYPES))})",
                             [list(row.values()) for row in self.rows])
        cursor = database.execute(self.sql)
        return [column[0] for column in cursor.description], [list(row) for row in cursor]


def lua_text(text):
    return json.dumps(text, ensure_ascii=False)


def write_input(rows, form, path):
    with open(path, "w", newline="") as file:
        if form == "ndjson":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(Case.TYPES)
            table.writerows(row.values() for row in rows)


def values(row, columns, times):
    """The values in this order; whatever form a time has, its milliseconds."""
    return [milliseconds(row[c]) if c in times and isinstance(row[c], str) else row[c] for c in columns]


def make_case(seed):
    """Of some tries the first that lets rows through; every tenth case may come out empty."""
    for attempt in range(10):
        case = Case(f"{seed}.{attempt}")
        if seed % 10 == 0 or case.expected()[1]:
            break
    return case


def check(seed):
    case = make_case(seed)
    form = case.rng.choice(("csv", "ndjson"))
    columns, expected = case.expected()
    with folder() as work:
        write_input(case.rows, form, os.path.join(work, "input." + form))
        with open(os.path.join(work, "random.lua"), "w") as file:
            file.write(case.lua(form))
        said = f"{case.lua(form)}\n{case.sql}\n"
        try:
            run("random.lua", cwd=work)
            output = read_ndjson(os.path.join(work, "output.ndjson"))
            if output and set(output[0]) != set(columns):
                return [said + f"columns {sorted(output[0])}, expected {sorted(columns)}"]
            wrong = differences([values(row, columns, case.times) for row in output], expected)
        except Exception as problem:
            return [said + str(problem)]
    return [said + text for text in wrong]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tap = Tap()
    for seed in range(first, first + count):
        tap.run(f"random_pipeline_{seed}", check, seed)
    tap.run("the_comparison_sees_a_wrong_row",
            lambda: [] if differences([[1, 2.5]], [[1, 2.25]]) and differences([[1]], []) else ["it does not"])
    tap.finish()


if __name__ == "__main__":
    main()

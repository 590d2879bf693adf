"""Families of stages, against sqlite3 over the very readings they share; and an error in one of them."""

import os
import shutil
import sqlite3
import subprocess

from weir import ROOT, WEIR, differences, folder, milliseconds, read_ndjson, run

SINKS = """
  w.sink "readings_file" { from = readings, use = "file", path = "readings.ndjson", format = "ndjson" },
  w.sink "windows_file"  { from = "per_minute", use = "file", path = "windows.ndjson", format = "ndjson" },
}
"""
FAMILIES = {"climate": ((1, 2), "temperature"), "air": ((3, 6), "pressure"), "presence": ((4, 5), "battery_level")}
COLUMNS = ["family", "window_start", "window_end", "readings", "lowest", "highest"]
ORACLE = """
select '{family}', timestamp / 60000 * 60000 as start, timestamp / 60000 * 60000 + 60000, count(*), min({measure}),
       max({measure})
from r where sensor_type in {types} group by start
"""


def adapted(work, change=lambda text: text):
    """The project's pipeline and what it requires, with the two sinks, in the folder of the test."""
    folder_of_families = os.path.join(ROOT, "pipelines", "families")
    shutil.copytree(folder_of_families, os.path.join(work, "families"))
    sensors = os.path.join(work, "families", "sensors.lua")
    with open(sensors) as file:
        text = change(file.read())
    with open(sensors, "w") as file:
        file.write(text)
    with open(folder_of_families + ".lua") as file:
        pipeline = file.read().rstrip()[:-1].rstrip() + "\n" + SINKS
    pipeline = pipeline.replace('use = "print", rows = 100', 'use = "null"')  # stdout is for the report
    with open(os.path.join(work, "families.lua"), "w") as file:
        file.write(pipeline)


def oracle(readings):
    database = sqlite3.connect(":memory:")
    columns = ["sensor_type", "timestamp", *(measure for _, measure in FAMILIES.values())]
    database.execute(f"create table r ({', '.join(columns)})")
    database.executemany(f"insert into r values ({', '.join('?' * len(columns))})",
                         [[row[column] for column in columns] for row in readings])
    return [list(row) for family, (types, measure) in FAMILIES.items()
            for row in database.execute(ORACLE.format(family=family, types=types, measure=measure))]


def as_list(row):
    return [milliseconds(row[c]) if c.startswith("window_") and isinstance(row[c], str) else row[c] for c in COLUMNS]


def windows_are_those_of_sqlite(workers):
    with folder() as work:
        adapted(work)
        stages = run("families.lua", "--workers", str(workers), cwd=work)
        readings = read_ndjson(os.path.join(work, "readings.ndjson"))
        windows = read_ndjson(os.path.join(work, "windows.ndjson"))
        wrong = [] if len(readings) == 200000 else [f"{len(readings)} readings"]
        wrong += [] if len(windows) == 12 else [f"{len(windows)} windows"]
        wrong += [] if stages["table"]["rows_in"] == len(windows) else ["the table has other rows"]
        return wrong or differences([as_list(row) for row in windows], oracle(readings))


def an_error_inside_names_both_lines():
    with folder() as work:
        adapted(work, lambda text: text.replace('"sensor_type in (', '"sensor_typ in ('))
        done = subprocess.run([WEIR, "check", "families.lua"], cwd=work, text=True, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        lines = done.stderr.splitlines()
        with open(os.path.join(work, "families", "sensors.lua")) as file:
            made = 1 + [line for line, text in enumerate(file) if "sensor_typ in (" in text][0]
        with open(os.path.join(work, "families.lua")) as file:
            called = 1 + [line for line, text in enumerate(file) if "sensors.stages(" in text][0]
        expected = ["error[W0312]: column `sensor_typ` does not exist",
                    f" --> families/sensors.lua:{made}:", f" = note: called from families.lua:{called}"]
        wrong = [f"not said: {part}" for part in expected if part not in done.stderr]
        wrong += [] if done.returncode == 3 else [f"ended with {done.returncode}"]
        return wrong and wrong + lines


def check(tap):
    tap.run("windows are those of sqlite, one worker", windows_are_those_of_sqlite, 1)
    tap.run("windows are those of sqlite, two workers", windows_are_those_of_sqlite, 2)
    tap.run("an error inside names both lines", an_error_inside_names_both_lines)

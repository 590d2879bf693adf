"""The dew points, against Python's own logarithm over the readings that went in; and what happens unallowed."""

import math
import os

from weir import ROOT, Failed, differences, folder, read_ndjson, weir

ARGUMENTS = ["--ffi-allow", "libm.so.6"]
PIPELINE = os.path.join(ROOT, "pipelines", "c_function.lua")
SINKS = """
  w.sink "readings_file" { from = "readings", use = "file", path = "readings.ndjson", format = "ndjson" },
  w.sink "spread_file"   { from = "spread", use = "file", path = "spread.ndjson", format = "ndjson" },
}
"""
COLUMNS = ["sensor_id", "temperature", "humidity", "dew_point", "spread"]


def dew_point(temperature, humidity):
    gamma = math.log(humidity / 100) + 17.62 * temperature / (243.12 + temperature)
    return 243.12 * gamma / (17.62 - gamma)


def dew_points_are_those_of_python():
    with folder() as work:
        with open(PIPELINE) as file:
            text = file.read().rstrip()
        path = os.path.join(work, "c_function.lua")
        with open(path, "w") as file:
            file.write(text[:-1].rstrip() + "\n" + SINKS)
        weir("run", *ARGUMENTS, path, cwd=work)
        readings = read_ndjson(os.path.join(work, "readings.ndjson"))
        if len(readings) != 1000:
            raise Failed(f"{len(readings)} readings, expected 1000")
        expected = [[r["sensor_id"], r["temperature"], r["humidity"], dew_point(r["temperature"], r["humidity"]),
                     max(r["temperature"] - dew_point(r["temperature"], r["humidity"]), 0)] for r in readings]
        got = [[row[column] for column in COLUMNS] for row in read_ndjson(os.path.join(work, "spread.ndjson"))]
        return differences(got, expected)


def twenty_rows_are_printed():
    data, _ = weir("run", *ARGUMENTS, "--workers", "1", PIPELINE)
    lines = data.splitlines()
    rows = [line for line in lines if line.split()[0].isdigit()]
    return [] if len(rows) == 20 and lines[0].split() == COLUMNS else [data]


def without_leave_it_is_refused():
    _, talk = weir("check", PIPELINE, exit_code=3)
    wanted = "this node does not allow calls into `libm.so.6`; whoever runs it can allow them with --ffi-allow libm.so.6"
    return [] if wanted in talk else [talk]


def check(tap):
    tap.run("dew points are those of Python", dew_points_are_those_of_python)
    tap.run("twenty rows are printed", twenty_rows_are_printed)
    tap.run("without leave it is refused", without_leave_it_is_refused)

"""The sensor job, against sqlite3 over the very readings that its producers made.

The pipeline is the one of the project, with event time instead of processing time, a fixed seed and row count, and file
sinks more: for what each producer makes, for what the table's changelog brings to the window, and for what leaves the
enricher. So the table stands between the readings that the oracle sees and the windows that it checks.
"""

import os
import sqlite3

from weir import ROOT, Failed, differences, folder, milliseconds, read_ndjson, run

SINKS = """
  w.union "made" { inputs = names, parallelism = 1 },
  w.sink "made_file"     { use = "file", path = "made.ndjson", format = "ndjson" },
  w.source "every"       { use = "fluss", table = readings, start = "latest" },
  w.sink "every_file"    { use = "null" },
  w.sink "readings_file" { from = "readings", use = "file", path = "readings.ndjson", format = "ndjson",
                            kind = "op" },
  w.sink "windows_file"  { from = "enriched", use = "file", path = "windows.ndjson", format = "ndjson" },
}
"""
PRODUCERS = range(1, 9)
ROWS = 120000  # of all of them
UNPACED = [f"producer_{i}.{setting}" for i in PRODUCERS for setting in ("paced=false", f"max_rows={ROWS // 8}")]
# The producers run as fast as they can, one ahead of the other: event time is complete only when all have ended.
SETTINGS = UNPACED + ["per_minute.time=event", "changes.watermark={ lag = '1h' }"] + [
    f"producer_{i}.{setting}" for i in PRODUCERS
    for setting in ("devices=500", "rate=125", "seed=11", "start=1700000030000")]
MEASURES = ["temperature", "humidity", "pressure", "battery_level"]
TYPES = ["temperature_sensor", "humidity_sensor", "pressure_sensor", "motion_sensor", "light_sensor", "co2_sensor",
         "noise_sensor", "multisensor"]
STATES = ["ONLINE", "OFFLINE", "MAINTENANCE", "ERROR"]

# `n` is the order in which the producers made them; a device has one producer, so it is the order of each device, too.
# Of several readings with the latest timestamp the one that came last counts.
ORACLE = """
select sensor_id, start as window_start, start + 60000 as window_end, count(*) as count, min(timestamp) as first,
       max(timestamp) as last, max(timestamp) - min(timestamp) as span_ms, {measures},
       (select f.sensor_type from r as f where f.sensor_id = r.sensor_id and f.start = r.start
        order by f.n limit 1) as sensor_type,
       (select s.status from r as s where s.sensor_id = r.sensor_id and s.start = r.start
        order by s.timestamp desc, s.n desc limit 1) as status
from r group by sensor_id, start
"""


def adapted(work):
    """The project's pipeline with the two sinks, in the folder of the test."""
    with open(os.path.join(ROOT, "pipelines", "sensor_aggregation.lua")) as file:
        text = file.read().rstrip()
    if not text.endswith("}"):
        raise Failed("sensor_aggregation.lua does not end with a brace")
    path = os.path.join(work, "sensor_aggregation.lua")
    with open(path, "w") as file:
        file.write(text[:-1].rstrip() + "\n" + SINKS)
    return path


def run_job(work, workers):
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    stages = run(adapted(work), "--workers", str(workers), *settings, cwd=work)
    return stages, *(read_ndjson(os.path.join(work, name + ".ndjson")) for name in ("made", "readings", "windows"))


def oracle(readings):
    database = sqlite3.connect(":memory:")
    columns = ["sensor_id", "sensor_type", *MEASURES, "status", "timestamp"]
    database.execute(f"create table r (n integer primary key, {', '.join(columns)}, start)")
    database.executemany(f"insert into r values ({', '.join('?' * (len(columns) + 2))})",
                         [[n, *(row[c] for c in columns), row["timestamp"] // 60000 * 60000]
                          for n, row in enumerate(readings)])
    database.execute("create index by_window on r (sensor_id, start)")
    measures = ", ".join(f"{f}({m}) as {f}_{m}" for m in MEASURES for f in ("sum", "min", "max", "avg"))
    cursor = database.execute(ORACLE.format(measures=measures))
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row)) for row in cursor]
    for row in rows:
        row["device_id"] = f"sensor_{row['sensor_id']}"
        row["device_type"] = TYPES[row["sensor_type"] - 1]
        row["site_id"] = f"site_{row['sensor_id'] % 100 + 1:03d}"
        row["status_name"] = STATES[row["status"] - 1]
    return rows


def as_lists(rows, columns):
    def value(row, column):
        is_time = column.startswith("window_") and isinstance(row[column], str)
        return milliseconds(row[column]) if is_time else row[column]
    return [[value(row, column) for column in columns] for row in rows]


def windows_are_those_of_sqlite(workers):
    with folder() as work:
        stages, made, readings, windows = run_job(work, workers)
        expected = oracle(made)
        columns = sorted(expected[0])
        wrong = [] if sorted(windows[0]) == columns else [f"columns {sorted(windows[0])}, expected {columns}"]
        wrong += [] if len(made) == ROWS else [f"{len(made)} readings were made, expected {ROWS}"]
        wrong += [] if len(readings) == ROWS else [f"{len(readings)} readings came from the table, expected {ROWS}"]
        wrong += changelog_is_complete(stages, made, readings)
        wrong += [] if stages["log"]["rows_in"] == len(expected) else [f"the log has {stages['log']['rows_in']} rows"]
        return wrong or differences(as_lists(windows, columns), as_lists(expected, columns))


def changelog_is_complete(stages, made, readings):
    """A +I for the first reading of a device, a -U and a +U for every other one; each reading once, in order."""
    devices = len({row["sensor_id"] for row in made})
    wanted = devices + 2 * (ROWS - devices)
    wrong = [] if stages["every"]["rows_out"] == wanted else [
        f"{stages['every']['rows_out']} rows of changelog, expected {wanted}"]
    columns = sorted(made[0])
    for device in (0, 100, 499):
        first, second = ([[row[c] for c in columns] for row in rows if row["sensor_id"] == device]
                         for rows in (made, readings))
        wrong += [] if first == second else [f"the readings of device {device} came in another order"]
    kinds = {}
    for row in readings:
        kinds[row["op"]] = kinds.get(row["op"], 0) + 1
    wanted_kinds = {"+I": devices, "+U": ROWS - devices}
    return wrong if kinds == wanted_kinds else wrong + [f"kinds {kinds}, expected {wanted_kinds}"]


def same_at_any_parallelism():
    with folder() as one, folder() as two:
        *_, first = run_job(one, 1)
        *_, second = run_job(two, 2)
        columns = sorted(first[0])
        return differences(as_lists(second, columns), as_lists(first, columns))


def processing_time_counts_every_row():
    """The pipeline as it stands, as fast as it goes: whatever the windows, no reading is lost."""
    with folder() as work:
        stages = run(adapted(work), *[word for setting in UNPACED for word in ("--set", setting)], cwd=work)
        counted = sum(row["count"] for row in read_ndjson(os.path.join(work, "windows.ndjson")))
        if counted != ROWS or stages["per_minute"]["rows_in"] != ROWS:
            return [f"{counted} readings counted of {stages['per_minute']['rows_in']} taken in, expected {ROWS}"]
        return []


def check(tap):
    tap.run("windows are those of sqlite, one worker", windows_are_those_of_sqlite, 1)
    tap.run("windows are those of sqlite, two workers", windows_are_those_of_sqlite, 2)
    tap.run("the windows are the same at any parallelism", same_at_any_parallelism)
    tap.run("in processing time every reading is counted", processing_time_counts_every_row)

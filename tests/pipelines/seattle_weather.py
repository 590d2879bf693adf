"""The Seattle weather, against sqlite3 over the same two files."""

import csv
import os
import sqlite3

from weir import ROOT, differences, folder, milliseconds, run

DATA = os.path.join(ROOT, "pipelines", "data")
SINKS = {"days": "days.csv", "months": "months.csv", "normals_days": "normals.csv"}

STATS = ", ".join("{f}({c}) as {c}_{f}".format(c=c, f=f) for c in ("temp_max", "temp_min", "wind")
                  for f in ("min", "max", "avg"))
NORMAL_STATS = ", ".join("{f}({c}) as {c}_{f}".format(c=c, f=f) for c in ("pressure", "temperature", "wind")
                         for f in ("min", "max", "avg"))
ORACLES = {
    "days": """
        select location, date(date) || 'T00:00:00' as window_start, date(date, '+1 day') || 'T00:00:00' as window_end,
               count(*) as readings, sum(precipitation) as precipitation, max(temp_max) as temp_max,
               min(temp_min) as temp_min, weather
        from weather group by location, date(date)""",
    "months": f"""
        select location, date(date, 'start of month') || 'T00:00:00' as window_start,
               date(date, 'start of month', '+1 month') || 'T00:00:00' as window_end, {STATS}, count(*) as readings,
               sum(precipitation) as precipitation, sum(weather = 'rain') as rainy_days,
               (select f.weather from weather as f where f.location = w.location
                and strftime('%Y-%m', f.date) = strftime('%Y-%m', w.date) order by f.date limit 1) as first_weather,
               (select l.weather from weather as l where l.location = w.location
                and strftime('%Y-%m', l.date) = strftime('%Y-%m', w.date) order by l.date desc limit 1) as last_weather
        from weather as w group by location, strftime('%Y-%m', date)""",
    "normals_days": f"""
        select 'Seattle' as location, date(date) || 'T00:00:00' as window_start,
               date(date, '+1 day') || 'T00:00:00' as window_end, {NORMAL_STATS}, count(*) as readings
        from normals group by date(date)""",
}


def load(database, table, name):
    with open(os.path.join(DATA, name), newline="") as file:
        rows = list(csv.reader(file))
    kinds = {"location": "text", "date": "text", "weather": "text"}
    columns = ", ".join(f"{column} {kinds.get(column, 'real')}" for column in rows[0])
    database.execute(f"create table {table} ({columns})")
    database.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows[1:])


def oracle(stage):
    database = sqlite3.connect(":memory:")
    load(database, "weather", "weather.csv")
    load(database, "normals", "seattle-weather-hourly-normals.csv")
    cursor = database.execute(ORACLES[stage])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def value_of(column, text):
    if text is None or text == "":
        return None
    if column.startswith("window_"):
        return milliseconds(text)
    if isinstance(text, str) and column not in ("location", "weather", "first_weather", "last_weather"):
        return float(text)
    return float(text) if isinstance(text, int) else text


def run_job(work, workers):
    settings = [word for stage, name in SINKS.items()
                for word in ("--set", f"{stage}.path={os.path.join(work, name)}")]
    stages = run(os.path.join("pipelines", "seattle_weather.lua"), "--workers", str(workers), *settings, cwd=ROOT)
    return stages, {stage: list(csv.DictReader(open(os.path.join(work, name), newline="")))
                    for stage, name in SINKS.items()}


def windows_are_those_of_sqlite(stage, workers):
    with folder() as work:
        _, files = run_job(work, workers)
        actual, expected = files[stage], oracle(stage)
        columns = sorted(expected[0])
        if not actual or sorted(actual[0]) != columns:
            return [f"{len(actual)} rows with columns {sorted(actual[0]) if actual else []}, expected {columns}"]
        rows = [[[value_of(column, row[column]) for column in columns] for row in table] for table in (actual, expected)]
        return differences(*rows)


def nothing_is_late_or_lost(workers):
    with folder() as work:
        stages, files = run_job(work, workers)
        counted = {stage: sum(int(row["readings"]) for row in rows) for stage, rows in files.items()}
        late = stages["late"]["rows_in"] + stages["late_normals"]["rows_in"]
        wrong = [f"{late} rows are late"] if late else []
        expected = {stage: sum(row["readings"] for row in oracle(stage)) for stage in SINKS}
        if counted != expected:
            wrong.append(f"readings in the windows: {counted}, in the files: {expected}")
        return wrong


def check(tap):
    for workers in (1, 2):
        for stage in SINKS:
            tap.run(f"{stage} are those of sqlite, {workers} worker{'s' * (workers > 1)}", windows_are_those_of_sqlite,
                    stage, workers)
        tap.run(f"no row is late or lost, {workers} worker{'s' * (workers > 1)}", nothing_is_late_or_lost, workers)

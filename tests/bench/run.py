#!/usr/bin/env python3
"""Speed, beside what this machine allows in the same minutes. usage: ./dev bench [NAME...] [--json] [--seconds S]

A figure is {name, value, unit, limit, ratio}: limit is what the program of tests/bench/limits reached just before
and just after (per core, times the cores used), ratio is value / limit; both are null where no limit program says
anything. A run whose totals do not add up, or that saw nothing, gives an error and no figure. The headline comes last.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from job import ROOT, BenchError, Run, first_output_s, folder, limit  # noqa: E402

MB = 1e6
REPLAY_BYTES = 4000000 * 53  # compute.lua: rows of 3 int32, 4 float64, 1 int64 and a change kind


class Bench:
    def __init__(self, seconds, as_json):
        self.seconds = seconds
        self.as_json = as_json

    def beside(self, name, job):
        """Runs a job; its result, and the mean of a limit program just before and just after it."""
        before = limit(name)
        result = job()
        return result, (before + limit(name)) / 2

    def figure(self, name, value, unit, of=None):
        ratio = round(value / of, 3) if of else None
        if self.as_json:
            print(json.dumps({"name": name, "value": round(value, 3), "unit": unit,
                              "limit": of and round(of, 3), "ratio": ratio}), flush=True)
        else:
            beside = f"  limit {of:.4g}, ratio {ratio:.3g}" if of else ""
            print(f"{name:<34} {value:>12.4g} {unit}{beside}", flush=True)


def check_totals(run, source, counted):
    """Every row of `source` went into the window, and the counts of the windows add up to them."""
    run.same("rows into the window", run.stage("per_minute")["rows_in"], counted)
    total = sum(int(row["count"]) for row in run.table("totals.csv"))
    run.same(f"the sum of the counts for {run.rows_out(source)} rows", total, counted)


def changelog_speed(bench, name, pipeline, workers):
    with folder() as work:
        run, allowed = bench.beside("aggregation", lambda: Run(pipeline, workers=workers, seconds=bench.seconds,
                                                               folder=work))
        kept = run.rows_out("fresh")
        run.same("rows into the filter", run.stage("fresh")["rows_in"], run.rows_out("changes"))
        check_totals(run, "changes", kept)
        if not 0.45 < kept / run.rows_out("changes") < 0.55:
            raise BenchError(f"{kept} of {run.rows_out('changes')} rows are no steady changelog")
        speed = run.rows_out("changes") / run.result["duration_s"] / 1e6
        bench.figure(name, speed, "M rows/s", allowed * workers)
        return speed, run


def compute(bench):
    """changelog filter, mapper, window and sink on a changelog from memory, by one and by two workers"""
    one, _ = changelog_speed(bench, "compute.1_worker", "compute", 1)
    two, run = changelog_speed(bench, "compute.2_workers", "compute", 2)
    bench.figure("compute.scaling", two / one, "x")
    bench.figure("compute.memory", (max(run.memory) - REPLAY_BYTES) / MB, "MB beyond the rows it replays")


def shuffle(bench):
    """the same in random key order, exchanged by key between two workers"""
    changelog_speed(bench, "shuffle.2_workers", "shuffle", 2)


def window(bench):
    """the window alone, one core, mixed keys and batches of one bucket"""
    for batches in ("mixed", "bucket"):
        with folder() as work:
            run, allowed = bench.beside("aggregation", lambda: Run(
                "window", workers=1, seconds=bench.seconds, folder=work, settings=[f"readings.batches={batches}"]))
            check_totals(run, "readings", run.rows_out("readings"))
            speed = run.rows_out("readings") / run.result["duration_s"] / 1e6
            bench.figure("window." + batches, speed, "M rows/s", allowed)


PRODUCERS = [f"producer_{i}" for i in range(1, 9)]
TABLE = {"BENCH_CHANGELOG": "full", "BENCH_DURABILITY": "fsync", "BENCH_COMPRESSION": "none"}


def disk_mb(path):
    return sum(os.stat(os.path.join(at, name)).st_blocks * 512 for at, _, names in os.walk(path) for name in names) / MB


def check_job(run):
    """Rows made = rows put = rows of the changelog that are +I or +U = rows that the windows counted."""
    made = sum(run.rows_out(name) for name in PRODUCERS)
    run.same("rows put", run.stage("upserts")["rows_in"], made)
    run.same("rows of the changelog", run.rows_out("fresh"), made)
    run.same("the sum of the counts", sum(window["readings"] for window in run.written), made)
    return made


def job(bench):
    """the whole sensor job, producers included, everything durable, as fast as it goes"""
    with folder() as work:
        data = os.path.join(work, "data")
        run, allowed = bench.beside("upsert-direct", lambda: Run(
            "../../../pipelines/sensor_aggregation", seconds=bench.seconds, folder=work, data=data,
            settings=[f"{name}.paced=false" for name in PRODUCERS]))
        bench.figure("job.rate", check_job(run) / run.result["duration_s"] / 1e6, "M rows/s", allowed)
        bench.figure("job.cores", run.result["cpu_cores"], "cores")
        bench.figure("job.memory", max(run.memory) / MB, "MB")
        bench.figure("job.disk", disk_mb(data), "MB at the end")


def paced(bench):
    """the whole sensor job at 2 M rows/s: lag, cores, memory"""
    with folder() as work:
        run = Run("../../../pipelines/sensor_aggregation", seconds=bench.seconds, folder=work,
                  data=os.path.join(work, "data"))
        bench.figure("paced.rate", check_job(run) / run.result["duration_s"] / 1e6, "M rows/s")
        lag, delay = run.stage("per_minute")["lag_ms"], run.stage("fresh")["delay_ms"]
        bench.figure("paced.lag_p50", lag["p50"], "ms, event time, at the window")
        bench.figure("paced.lag_p99", lag["p99"], "ms, event time, at the window")
        bench.figure("paced.changelog_p50", delay["p50"], "ms, made to read")
        bench.figure("paced.changelog_p99", delay["p99"], "ms, made to read")
        bench.figure("paced.cores", run.result["cpu_cores"], "cores")
        bench.figure("paced.memory", max(run.memory) / MB, "MB")


def upserts(bench, data, name, **properties):
    with folder() as work:
        run, allowed = bench.beside("upsert-direct", lambda: Run(
            "upsert", seconds=bench.seconds, folder=work, data=data, variables={**TABLE, **properties}))
        rows = run.stage("upserts")["rows_in"]
        run.same("rows put", run.stage("upserts")["metrics"]["put_rows"], run.rows_out("devices"))
        bench.figure(name, rows / run.result["duration_s"] / 1e6, "M rows/s", allowed)
        return rows


def upsert(bench):
    """upserts alone, readings from memory, by image and durability"""
    for name, properties in {"upsert.full_fsync": {}, "upsert.full_os": {"BENCH_DURABILITY": "os"},
                             "upsert.wal_fsync": {"BENCH_CHANGELOG": "wal"},
                             "upsert.full_lz4": {"BENCH_COMPRESSION": "lz4"}}.items():
        with folder() as work:
            upserts(bench, os.path.join(work, "data"), name, **properties)


def changelog(bench):
    """the changelog of a table, from the disk, all columns and two of them, one task"""
    with folder() as work:
        data = os.path.join(work, "data")
        rows = upserts(Bench(3, bench.as_json), data, "changelog.upserts")
        for columns, settings in {"all": [], "two": ["columns.keep={ 'sensor_id', 'temperature' }"]}.items():
            with folder() as other:
                run = Run("changelog", folder=other, data=data, variables=TABLE, settings=settings)
                read = run.rows_out("changes")
                run.same("rows taken", run.stage("none")["rows_in"], read)
                if read > 2 * rows - 100000:
                    raise BenchError(f"{read} rows of changelog for {rows} upserts")
                bench.figure(f"changelog.{columns}", read / run.result["duration_s"] / 1e6, "M rows/s")


def lookup(bench):
    """lookups in batches, every device being there"""
    with folder() as work:
        data = os.path.join(work, "data")
        upserts(Bench(3, bench.as_json), data, "lookup.upserts")
        run = Run("lookup", seconds=bench.seconds, folder=work, data=data, variables=TABLE)
        rows = run.rows_out("devices")
        run.same("rows looked up", run.rows_out("lookups"), rows)
        run.same("rows found", sum(int(row["found"]) for row in run.table("totals.csv")), rows)
        bench.figure("lookup.batched", rows / run.result["duration_s"] / 1e6, "M rows/s")


def generator(bench):
    """the sensor job at 2 M rows/s: CPU, delay; and how even its seconds are"""
    with folder() as work:
        run = Run("generator", seconds=bench.seconds, folder=work)
        readings = run.stage("per_minute")
        if not readings["rows_in"] or not run.stage("log")["rows_in"]:
            raise BenchError("no row went through the job")
        bench.figure("generator.rate", readings["rows_in"] / run.result["duration_s"] / 1e6, "M readings/s")
        bench.figure("generator.cpu", 100 * run.cpu_s / run.seconds, "% of one core")
        bench.figure("generator.delay_p99", readings["delay_ms"]["p99"], "ms")
        bench.figure("generator.lag_p99", readings["lag_ms"]["p99"], "ms")
    with folder() as work:
        run = Run("pace", seconds=bench.seconds, folder=work)
        seconds = {}
        for row in run.table("totals.csv"):
            seconds[row["window_start"]] = seconds.get(row["window_start"], 0) + int(row["count"])
        run.same("the sum of the counts", sum(seconds.values()), run.rows_out("devices"))
        whole = [seconds[start] for start in sorted(seconds)][1:-1]
        if len(whole) < 3:
            raise BenchError(f"only {len(whole)} whole seconds")
        bench.figure("generator.second_worst", 100 * max(abs(rows / 2e6 - 1) for rows in whole), "% off the rate")


def idle(bench):
    """memory and CPU of a job with next to nothing to do"""
    with folder() as work:
        run = Run("idle", seconds=5, folder=work)
        run.rows_out("devices")
        bench.figure("idle.memory", statistics.median(run.memory) / MB, "MB")
        bench.figure("idle.cpu", 100 * run.cpu_s / run.seconds, "% of one core")


def hello(bench):
    """from the start of the process to the first row"""
    bench.figure("hello.first_row", 1000 * statistics.median(first_output_s("hello") for _ in range(15)), "ms")


def read(bench):
    """reading CSV and NDJSON, one core"""
    for form in ("csv", "ndjson"):
        with folder() as work:
            path = os.path.join(work, "rows." + form)
            settings = [f"rows.path={path}", f"rows.format={form}"]
            written = Run("write", folder=work, settings=settings).stage("rows")["rows_in"]
            run = Run("read", workers=1, folder=work, settings=settings)
            run.same("rows read", run.rows_out("rows"), written)
            bench.figure(f"read.{form}", os.path.getsize(path) / run.result["duration_s"] / MB, "MB/s")


def size(bench):
    """what `meson install --strip` installs"""
    with folder() as work:
        subprocess.run(["meson", "install", "-C", os.path.join(ROOT, "build"), "--no-rebuild", "--quiet", "--strip",
                        "--destdir", work], check=True, stdout=subprocess.DEVNULL)
        files = [os.path.join(at, name) for at, _, names in os.walk(work) for name in names]
        if not any(file.endswith("/bin/weir") for file in files):
            raise BenchError("the program was not installed")
        bench.figure("size.installed", sum(os.lstat(file).st_size for file in files) / MB, "MB")


def soak(bench):
    """the compute job for ten minutes: its memory must stay flat"""
    with folder() as work:
        run = Run("compute", workers=2, seconds=600, folder=work)
        quarter = len(run.memory) // 4
        growth = statistics.median(run.memory[-quarter:]) - statistics.median(run.memory[quarter:2 * quarter])
        bench.figure("soak.growth", growth / MB, "MB from the second quarter to the last")


def micro(bench):
    """the programs of tests/bench/*.c"""
    for program in sorted(glob.glob(os.path.join(ROOT, "build/tests/bench/bench_*"))):
        if os.path.isfile(program):
            done = subprocess.run([program], check=True, text=True, stdout=subprocess.PIPE)
            for line in done.stdout.splitlines():
                figure = json.loads(line)
                bench.figure("micro." + figure["name"], figure["value"], figure["unit"], figure.get("limit"))


BENCHES = {f.__name__: f for f in (micro, size, idle, hello, read, generator, shuffle, compute, window, lookup,
                                     changelog, upsert, paced, job)}
ON_DEMAND = {"soak": soak}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES, *ON_DEMAND])
    parser.add_argument("--json", action="store_true", help="one object a figure, nothing else")
    parser.add_argument("--seconds", type=int, default=10, help="of each job")
    arguments = parser.parse_args()
    bench = Bench(arguments.seconds, arguments.json)
    failed = False
    for name in arguments.names or BENCHES:
        try:
            {**BENCHES, **ON_DEMAND}[name](bench)
        except (BenchError, subprocess.CalledProcessError, OSError, KeyError, ValueError) as problem:
            print(f"{name}: {type(problem).__name__}: {problem}", file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())

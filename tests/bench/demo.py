#!/usr/bin/env python3
"""The sensor job for a minute, and what the benchmark that it follows shows of it. usage: ./dev demo [SECONDS] [--keep]

It begins a second before a minute does, so that one window is whole; windows that the run cut off are shown apart. The
data directory is a new one beside the build, removed at the end, and kept with --keep, which goes on where it ended.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD_ROOT", os.path.join(ROOT, "build"))
WEIR = os.path.join(BUILD, "weir")
PIPELINE = os.path.join(ROOT, "pipelines", "sensor_aggregation.lua")
RATE = 2000000  # of all producers together
DEVICES = 100000
# What the published run paid: dollars for 10^9 rows; and its rates for one vCPU and hour, storage and compute nodes.
PUBLISHED, PRICES = 2.21, {"i7i": 0.094, "c5": 0.0425}


def disk_bytes(folder):
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(at, name)).st_blocks * 512
            except OSError:
                pass  # gone meanwhile
    return total


class Watch(threading.Thread):
    """Looks at the data directory while the job runs."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.most, self.is_over = folder, 0, threading.Event()

    def run(self):
        while not self.is_over.wait(0.5):
            self.most = max(self.most, disk_bytes(self.folder))


def wait_for_minute(seconds):
    """Returns a second before a minute begins, if the run is long enough for a whole one."""
    if seconds >= 60:
        wait = (59 - time.time()) % 60
        print(f"the minute begins in {wait + 1:.0f} s", file=sys.stderr, flush=True)
        time.sleep(wait)
    return seconds + 3 if seconds >= 60 else seconds


def run_job(folder, seconds):
    """The report of the run, its windows, its exit code and when it began and ended."""
    watch = Watch(folder)
    watch.start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the job hears it, too, and drains
    began = time.time()
    done = subprocess.run([WEIR, "run", PIPELINE, "--for", f"{seconds}s", "--json", "--data", folder],
                          stdout=subprocess.PIPE, text=True)
    ended = time.time()
    watch.is_over.set()
    watch.join()
    if done.returncode != 0:
        sys.exit(f"the job failed ({done.returncode})")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return lines[-1], lines[:-1], began, ended, max(watch.most, disk_bytes(folder))


def milliseconds(value):
    return "-" if value is None else f"p50 {value['p50']:.1f} ms, p99 {value['p99']:.1f} ms, most {value['max']:.1f} ms"


def count(rows):
    return f"{rows / 1e6:.3f} M" if rows >= 1e6 else f"{rows:,}"


def show_stages(report):
    print(f"{'stage':<16}{'rows in':>14}{'rows out':>14}{'rows/s':>12}{'busy':>8}{'held up':>9}")
    for stage in report["stages"]:
        print(f"{stage['name']:<16}{stage['rows_in']:>14,}{stage['rows_out']:>14,}{count(round(stage['rows_per_s'])):>12}"
              f"{100 * stage['busy']:>7.1f}%{100 * stage['backpressured']:>8.1f}%")


def show_windows(windows, began, ended):
    """Windows of which the run has seen every second, and the others."""
    for window in sorted(windows, key=lambda w: w["minute"]):
        start = time.mktime(time.strptime(window["minute"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        is_whole = began <= start and start + 60 <= ended
        print(f"  {window['minute'][11:16]}  {'whole' if is_whole else 'cut  '}  {window['devices']:>9,} aggregates of "
              f"{window['readings']:>13,} readings" + ("" if not is_whole else f", {window['readings'] / 60e6:.3f} M/s"))


def show_verdict(report, stages, producers):
    """Whether the machine kept up, and what stood in the way."""
    wanted = RATE * report["duration_s"]
    made = sum(stage["rows_out"] for stage in producers)
    share = made / wanted
    if share >= 0.98:
        print(f"the machine kept up: {100 * share:.1f} % of {RATE / 1e6:.0f} M readings/s were made in time")
        return
    busiest = max(report["stages"], key=lambda stage: stage["busy"])
    print(f"THE MACHINE DID NOT KEEP UP: {100 * share:.1f} % of {RATE / 1e6:.0f} M readings/s were made")
    print(f"  busiest is {busiest['name']} with {100 * busiest['busy']:.0f} % of its tasks' time; the process had "
          f"{report['cpu_cores']:.2f} of {os.cpu_count()} cores; the sink waited {stages['upserts']['metrics']['waits']} "
          "times for the log" + ("" if report["cpu_cores"] > 0.85 * os.cpu_count() else
                                 " (others use the cores, or the disk is slow)"))


def show_totals(stages, producers, windows):
    """Every row that was made must be in the table's changelog once, and counted once."""
    made = sum(stage["rows_out"] for stage in producers)
    put, fresh = stages["upserts"]["rows_in"], stages["fresh"]["rows_out"]
    counted = sum(window["readings"] for window in windows)
    is_exact = made == put == fresh == counted
    print(f"rows made {made:,}, put {put:,}, in the changelog as +I or +U {fresh:,}, counted {counted:,}: "
          + ("exact" if is_exact else "THEY DIFFER"))
    return is_exact


def show(report, windows, began, ended, disk):
    stages = {stage["name"]: stage for stage in report["stages"]}
    producers = [stage for stage in report["stages"] if stage["operator"] == "generator.sensors"]
    rows = stages["upserts"]["rows_in"]
    print(f"\n{len(producers)} producers, {DEVICES:,} devices, one table, {report['duration_s']:.1f} s\n")
    show_stages(report)
    print(f"\nper producer     {', '.join(count(round(p['rows_per_s'])) for p in producers)} rows/s")
    print(f"table in         {count(round(stages['upserts']['rows_per_s']))} rows/s; out "
          f"{count(round(stages['changes']['rows_per_s']))} rows/s of changelog")
    print(f"changelog lag    {milliseconds(stages['fresh']['delay_ms'])} (made, on the disk, read)")
    print(f"event-time lag   {milliseconds(stages['per_minute']['lag_ms'])} (due, in the window)")
    print(f"windows          {stages['log']['rows_in']:,} aggregates:")
    show_windows(windows, began, ended)
    print(f"cores            {report['cpu_cores']:.2f} of {os.cpu_count()} busy ({100 * report['cpu_cores'] / os.cpu_count():.0f} %)")
    print(f"memory           {report['peak_memory_bytes'] / 1e6:.0f} MB at most")
    print(f"disk             {disk / 1e9:.2f} GB at most")
    hours = report["duration_s"] / 3600 / rows * 1e9
    for name, price in PRICES.items():
        machine, used = os.cpu_count() * hours * price, report["cpu_cores"] * hours * price
        print(f"cost             ${machine:.3f} for 10^9 rows on this whole machine at {name} rates (${used:.3f} for the "
              f"cores used); published ${PUBLISHED}, {PUBLISHED / machine:.0f} times as much")
    print()
    show_verdict(report, stages, producers)
    return show_totals(stages, producers, windows)


def main():
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="keep the data directory, and go on where it ended")
    arguments = parser.parse_args()
    folder = os.path.join(BUILD, "demo-data")
    if not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        seconds = wait_for_minute(arguments.seconds)
        is_exact = show(*run_job(folder, seconds))
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if is_exact else 1)


if __name__ == "__main__":
    main()

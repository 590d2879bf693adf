#!/usr/bin/env python3
"""Crash campaigns: writers at work on a store are killed, or lose their power, again and again; after every crash an
oracle that lives outside of them (crash_check, and what the writers said on a pipe) looks at what is left.

usage: campaign.py kill|ext4|xfs [--from N] [--count M] [--without-sync]
       campaign.py failpoints [--count TIMES]

Cycle N is seeded by N, and begins with an empty directory when N is a multiple of 10: go on after an interruption at
such a number. --without-sync is the proof that the campaign sees losses: syncs of the disk are lies, so it must fail.
`failpoints` ends the process at every named place of the store, TIMES times (3) each; the one at a torn tail needs
power cuts, which tear it. Under a runner (no arguments) it is the short form: 20 cycles of each, every failpoint once,
and the proof.
"""

import argparse
import contextlib
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.abspath(__file__).rsplit("/tests/", 1)[0]
BUILD = os.environ.get("WEIR_BUILD_ROOT", os.path.join(ROOT, "build"))
sys.path[:0] = [os.path.join(ROOT, "tests", "support"), os.path.join(ROOT, "tests", "faults")]

from mounts import (PROGRAMS, FaultyDisk, fresh_folder, hindrance, loop_device, make_image, mounted,  # noqa: E402
                    own_mounts)
from tap import Tap  # noqa: E402

LOAD = os.path.join(BUILD, "tests/fluss/crash_load")
CHECK = os.path.join(BUILD, "tests/fluss/crash_check")
LIVES = 10  # crashes that one directory lives through
READY_S = 60
MEBIBYTES = 640
FAILPOINT_S = 20
NEEDS_POWER = {"tail_cut"}
NEEDS_RETENTION = {"segment_retired"}


class Crash:
    """Writers at work in a folder; ended by kill(). lines is what they said."""

    def __init__(self, folder, seed, failpoint=None, options=()):
        environment = {**os.environ, **({"WEIR_FAILPOINT": failpoint} if failpoint else {})}
        self.process = subprocess.Popen([LOAD, folder, str(seed), *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)
        self.said = b""
        if failpoint:
            return
        deadline = time.monotonic() + READY_S
        while b"R ready\n" not in self.said:
            if not self.read(deadline - time.monotonic()):
                self.process.kill()
                raise RuntimeError("the writers did not begin: " + self.said.decode())

    def read(self, seconds):
        """Takes what is said within this time; False when nothing comes, or nothing can come any more."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(seconds, 0))
        piece = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
        self.said += piece
        return bool(piece)

    def live(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(end - time.monotonic()):
            pass

    def ended(self):
        """Whether it has died by itself as a failpoint kills."""
        return bool(select.select([self.process.stdout], [], [], 0)[0]) and not self.read(0) and \
            self.process.wait(READY_S) == -signal.SIGKILL

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        while self.read(READY_S):
            pass
        self.process.wait(READY_S)


def check(folder, lines, options=()):
    """What the oracle finds wrong, and its last line."""
    done = subprocess.run([CHECK, folder, *options], input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stdout.decode().splitlines()
    if done.returncode == 0:
        return [], said[-1]
    return said + done.stderr.decode().splitlines()[-10:] + [f"exit code {done.returncode}"], "failed"


@contextlib.contextmanager
def plain(folder, seed, options):
    """A folder of this machine: nothing but the process dies."""
    del seed, options
    yield folder, lambda: None


def powered(kind):
    """A file system on a disk that forgets what it was not told to keep."""
    @contextlib.contextmanager
    def disk(folder, seed, options):
        image = os.path.join(folder, "image")
        if not os.path.exists(image):
            make_image(image, MEBIBYTES, kind)
        with FaultyDisk(image, os.path.join(folder, "fuse"), "--volatile-cache", "--seed", str(seed)) as faulty, \
                loop_device(faulty.path) as device, mounted(device, os.path.join(folder, "files")) as files:
            for word in options:
                faulty.tell(word)
            yield os.path.join(files, "store"), lambda: faulty.tell("cut")
    return disk


DISKS = {"kill": plain, "ext4": powered("ext4"), "xfs": powered("xfs")}


def cycles(kind, first, count, options=()):
    """Runs cycles; the findings of the first bad one, with its number, and the records that were checked."""
    disk = DISKS[kind]
    folder, lines, records = None, b"", 0
    for number in range(first, first + count):
        if folder is None or number % LIVES == 0:
            folder, lines = fresh_folder(f"crash_{kind}"), b""
        chance = random.Random(number)
        with disk(folder, number, options) as (store, cut):
            crash = Crash(store, number)
            crash.live(chance.uniform(0.005, 0.25))
            refused = [line for line in crash.said.decode().splitlines() if line.startswith("E ")]
            cut()
            crash.kill()
            lines += crash.said
        with disk(folder, number, ()) as (store, _):
            problems, said = check(store, lines)
        problems += refused
        if problems:
            return [f"cycle {number} (campaign.py {kind} --from {number - number % LIVES} "
                    f"--count {number % LIVES + 1}):", *problems], records
        records += int(said.split()[0])
        print(f"# {kind} {number}: {said}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return [], records


def reaches(failpoint, folder, seed, lines):
    """Writers that are killed at a failpoint: whether it was reached in time, what they said, what the oracle finds."""
    options = ["retain"] if failpoint.split(":")[0] in NEEDS_RETENTION else []
    crash = Crash(folder, seed, failpoint, options)
    crash.live(FAILPOINT_S)
    reached = crash.ended()
    crash.kill()
    lines += crash.said
    return reached, lines, check(folder, lines, options)[0]


def failpoint_by_kill(name, times):
    """Problems of crashes at one failpoint, each at a later moment of its life, in one directory."""
    folder, lines = fresh_folder("crash_" + name), b""
    for time_number in range(times):
        reached, lines, problems = reaches(f"{name}:{1 + time_number}", folder, time_number, lines)
        if problems or not reached:
            return problems or [f"{name} was not reached within {FAILPOINT_S} s"]
    shutil.rmtree(folder, ignore_errors=True)
    return []


def failpoint_by_power(name, times):
    """The same for one that only a torn tail reaches: power cuts until it was reached often enough."""
    folder, lines, reached_count = fresh_folder("crash_" + name), b"", 0
    for number in range(40 * times):
        with DISKS["ext4"](folder, number, ()) as (store, cut):
            crash = Crash(store, number, f"group_written:{10 + number}")  # in the disk's memory: a cut can tear it
            crash.live(FAILPOINT_S)
            cut()
            crash.kill()
            lines += crash.said
        with DISKS["ext4"](folder, number, ()) as (store, _):
            reached, lines, problems = reaches(f"{name}:1", store, number, lines)
        reached_count += reached
        if problems:
            return problems
        if reached_count == times:
            shutil.rmtree(folder, ignore_errors=True)
            return []
    return [f"{name} was reached {reached_count} of {times} times in {40 * times} cuts"]


def failpoints(times, may_cut):
    """The problems of every failpoint, by name; None where only power cuts reach it and there are none here."""
    names = subprocess.run([LOAD, "--failpoints"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for name in names:
        if name in NEEDS_POWER:
            yield name, failpoint_by_power(name, times) if may_cut else None
        else:
            yield name, failpoint_by_kill(name, times)


def short():
    tap = Tap()
    own = hindrance(os.path.join(PROGRAMS, "faulty_disk"), "/dev/fuse")
    if own is None:
        own_mounts()
    for kind in DISKS:
        reason = None if kind == "kill" else own or hindrance("mkfs." + kind)
        if reason:
            tap.skip(f"20 crashes: {kind}", reason)
            continue
        problems, records = cycles(kind, 0, 20)
        tap.result(f"20 crashes: {kind}", problems or ([] if records else ["no record was ever checked"]))
    if own:
        tap.skip("a disk that lies is found out", own)
    else:
        problems, _ = cycles("ext4", 0, 20, ["lie"])
        tap.result("a disk that lies is found out", [] if problems else ["20 cuts without a sync lost nothing"])
    for name, problems in failpoints(1, own is None):
        tap.skip(f"a crash at {name}", own) if problems is None else tap.result(f"a crash at {name}", problems)
    tap.finish()


def main():
    if len(sys.argv) == 1:
        return short()
    parser = argparse.ArgumentParser(prog="campaign.py")
    parser.add_argument("kind", choices=[*DISKS, "failpoints"])
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--count", type=int)
    parser.add_argument("--without-sync", action="store_true")
    arguments = parser.parse_args()
    if arguments.kind != "kill":
        kind = "ext4" if arguments.kind == "failpoints" else arguments.kind
        reason = hindrance(os.path.join(PROGRAMS, "faulty_disk"), "/dev/fuse", "mkfs." + kind)
        if reason:
            print(reason, file=sys.stderr)
            return 2
        own_mounts()
    if arguments.kind == "failpoints":
        bad = 0
        for name, problems in failpoints(arguments.count or 3, True):
            bad += bool(problems)
            print(f"{name}: " + ("\n".join(problems) or "nothing lost"), flush=True)
        return bad != 0
    count = arguments.count or 1000
    problems, records = cycles(arguments.kind, arguments.first, count, ["lie"] if arguments.without_sync else [])
    print("\n".join(problems) or f"{count} crashes, {records} records checked, nothing lost")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""faulty_disk does what it says: each fault on the bare disk, then cuts under ext4 and XFS on a disk that forgets."""

import errno
import os
import signal
import sys
import time

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from mounts import PROGRAMS, FaultyDisk, fresh_folder, hindrance, loop_device, make_image, mounted, own_mounts  # noqa: E402
from tap import Tap  # noqa: E402

SECTOR, BLOCK = 512, 4096
OLD, NEW = b"a" * BLOCK, b"b" * BLOCK
BLOCKS = 100


def pieces(name):
    folder = fresh_folder(name)
    return make_image(os.path.join(folder, "image"), 1), os.path.join(folder, "mount"), folder


def content(path):
    with open(path, "rb") as file:
        return file.read()


def failure_of(call, *arguments):
    """The name of the error that a call gives, or None."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def expect(problems, what, got, wanted):
    if got != wanted:
        problems.append(f"{what}: {got!r} instead of {wanted!r}")


def requests_are_logged_and_can_be_replayed():
    image, mount, folder = pieces("log")
    log, data = os.path.join(folder, "log"), os.path.join(folder, "data")
    problems = []
    with FaultyDisk(image, mount, "--log", log, "--data", data) as disk:
        file = os.open(disk.path, os.O_RDWR)
        os.pwrite(file, NEW, 3 * BLOCK)
        os.fsync(file)
        os.pwrite(file, OLD, 0)
        os.close(file)
    lines = content(log).decode().splitlines()
    expect(problems, "the log", lines, [f"0 W {3 * BLOCK} {BLOCK}", "1 F", f"2 W 0 {BLOCK}"])
    expect(problems, "the data", content(data), NEW + OLD)
    expect(problems, "the image", content(image)[:4 * BLOCK], OLD + bytes(2 * BLOCK) + NEW)
    return problems


def requests_fail_as_told():
    image, mount, _ = pieces("errors")
    problems = []
    with FaultyDisk(image, mount) as disk:
        file = os.open(disk.path, os.O_RDWR)
        calls = {"eio-write": (os.pwrite, file, NEW, 0), "eio-read": (os.pread, file, BLOCK, 0),
                 "eio-flush": (os.fsync, file)}
        for fault in [*calls, "ok"]:
            disk.tell(fault)
            for other, call in calls.items():
                expect(problems, f"{call[0].__name__} at {fault}", failure_of(*call),
                       "EIO" if fault == other else None)
        expect(problems, "a word that it does not know", failure_of(disk.tell, "burn"), "EINVAL")
        os.close(file)
    return problems


def writes_are_dropped_reads_flipped_and_both_slow():
    image, mount, _ = pieces("lies")
    problems = []
    with FaultyDisk(image, mount) as disk:
        file = os.open(disk.path, os.O_RDWR)
        os.pwrite(file, OLD, 0)
        disk.tell("drop")
        expect(problems, "a dropped write", os.pwrite(file, NEW, 0), BLOCK)
        disk.tell("ok")
        expect(problems, "after it", os.pread(file, BLOCK, 0), OLD)
        disk.tell("flip")
        flipped = os.pread(file, BLOCK, 0)
        expect(problems, "flipped bits", sum(bin(a ^ b).count("1") for a, b in zip(flipped, OLD)), 1)
        disk.tell("slow 100")
        start = time.monotonic()
        os.pwrite(file, NEW, 0)
        os.fsync(file)
        if time.monotonic() - start < 0.2:
            problems.append(f"two slow requests took {time.monotonic() - start:.3f} s")
        os.close(file)
    return problems


def cut(seed, by_signal=False, word="ok"):
    """100 old blocks flushed, 100 new ones not, and a cut. Returns the image, and problems on the way."""
    image, mount, folder = pieces("cut")
    problems = []
    with FaultyDisk(image, mount, "--volatile-cache", "--seed", str(seed), "--log", os.path.join(folder, "log")) as disk:
        file = os.open(disk.path, os.O_RDWR)
        for i in range(BLOCKS):
            os.pwrite(file, OLD, i * BLOCK)
        os.fsync(file)
        disk.tell(word)
        for i in range(BLOCKS):
            os.pwrite(file, NEW, i * BLOCK)
        if word == "lie":
            os.fsync(file)
        expect(problems, "what a reader sees", os.pread(file, BLOCKS * BLOCK, 0), NEW * BLOCKS)
        expect(problems, "what is on the disk", content(image)[:BLOCKS * BLOCK], OLD * BLOCKS)
        if by_signal:
            disk.process.send_signal(signal.SIGUSR1)
            deadline = time.monotonic() + 20
            while not disk.state().startswith("cut") and time.monotonic() < deadline:
                time.sleep(0.002)
        else:
            disk.tell("cut")
        for call in ((os.pwrite, file, NEW, 0), (os.pread, file, BLOCK, 0), (os.fsync, file)):
            expect(problems, f"{call[0].__name__} after the cut", failure_of(*call), "EIO")
        expect(problems, "power comes back by a word", failure_of(disk.tell, "ok"), "EIO")
        os.close(file)
    return content(image), problems


def a_cut_loses_keeps_and_tears_what_was_not_flushed():
    image, problems = cut(1)
    whole = torn = lost = 0
    for i in range(BLOCKS):
        sectors = {image[at:at + SECTOR] for at in range(i * BLOCK, (i + 1) * BLOCK, SECTOR)}
        if not sectors <= {OLD[:SECTOR], NEW[:SECTOR]}:
            problems.append(f"block {i} holds neither old nor new sectors")
        whole += sectors == {NEW[:SECTOR]}
        lost += sectors == {OLD[:SECTOR]}
        torn += len(sectors) == 2
    if min(whole, torn, lost) < 10:
        problems.append(f"{whole} whole, {torn} torn, {lost} lost")
    return problems


def the_seed_decides_the_signal_cuts_and_a_lying_flush_keeps_nothing():
    images = {name: cut(*arguments) for name, arguments in
              {"seed 1": (1,), "again": (1,), "signal": (1, True), "lie": (1, False, "lie"), "seed 2": (2,)}.items()}
    problems = [problem for _, found in images.values() for problem in found]
    for name in ("again", "signal", "lie"):
        if images[name][0] != images["seed 1"][0]:
            problems.append(f"{name}: not the disk of seed 1")
    if images["seed 2"][0] == images["seed 1"][0]:
        problems.append("seed 2: the disk of seed 1")
    return problems


def an_orderly_end_keeps_everything():
    image, mount, _ = pieces("end")
    with FaultyDisk(image, mount, "--volatile-cache") as disk:
        file = os.open(disk.path, os.O_RDWR)
        os.pwrite(file, NEW, 0)
        os.close(file)
    return [] if content(image)[:BLOCK] == NEW else ["the write is lost"]


def synced_files_survive_cuts(kind):
    """Files written, some synced, each time with another seed: after the journal is recovered the synced ones are there."""
    folder = fresh_folder(kind)
    image = make_image(os.path.join(folder, "image"), 320, kind)
    synced, problems, lost = set(), [], 0
    for seed in range(5):
        options = ("--volatile-cache", "--seed", str(seed))
        with FaultyDisk(image, os.path.join(folder, "fuse"), *options) as disk, loop_device(disk.path) as device, \
                mounted(device, os.path.join(folder, "files")) as files:
            lost += sum(not os.path.exists(os.path.join(files, f"{round}-{i}"))
                        for round in range(seed) for i in range(1, 40, 2))
            for name in synced:
                expect(problems, f"cut {seed}, {name}", content(os.path.join(files, name)), NEW * 4)
            for i in range(40):
                with open(os.path.join(files, f"{seed}-{i}"), "wb", buffering=0) as file:
                    file.write(NEW * 4)
                    if i % 2 == 0 and i < 30:
                        os.fsync(file.fileno())
                        synced.add(f"{seed}-{i}")
            disk.tell("cut")
    return problems + ([] if lost else ["no file that was not synced was ever lost: were there cuts?"])


def main():
    tap = Tap()
    reason = hindrance(os.path.join(PROGRAMS, "faulty_disk"), "/dev/fuse")
    bare = [requests_are_logged_and_can_be_replayed, requests_fail_as_told,
            writes_are_dropped_reads_flipped_and_both_slow, a_cut_loses_keeps_and_tears_what_was_not_flushed,
            the_seed_decides_the_signal_cuts_and_a_lying_flush_keeps_nothing, an_orderly_end_keeps_everything]
    if reason is None:
        own_mounts()
    for test in bare:
        tap.skip(test.__name__, reason) if reason else tap.run(test.__name__, test)
    for kind in ("ext4", "xfs"):
        why = reason or hindrance(kind=kind)
        name = f"synced_files_survive_cuts_under_{kind}"
        tap.skip(name, why) if why else tap.run(name, synced_files_survive_cuts, kind)
    tap.finish()


if __name__ == "__main__":
    main()

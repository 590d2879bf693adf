#!/usr/bin/env python3
"""power_cut does what it says: on ext4 and XFS what was synced is there after a cut, and what was not is gone."""

import errno
import os
import sys

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from mounts import PROGRAMS, fresh_folder, hindrance, make_image, mounted, own_mounts, run  # noqa: E402
from tap import Tap  # noqa: E402

POWER_CUT = os.path.join(PROGRAMS, "power_cut")
CONTENT = b"x" * 20000


def write(path, is_synced):
    with open(path, "wb", buffering=0) as file:
        file.write(CONTENT)
        if is_synced:
            os.fsync(file.fileno())


def cuts_keep_what_was_synced(kind):
    folder = fresh_folder("power_" + kind)
    image, files = make_image(os.path.join(folder, "image"), 320, kind), os.path.join(folder, "files")
    problems = []
    for cut in range(5):
        with mounted(image, files, "-o", "loop"):
            write(os.path.join(files, f"synced-{cut}"), True)
            write(os.path.join(files, f"unsynced-{cut}"), False)
            run(POWER_CUT, files)
            try:
                write(os.path.join(files, "later"), False)
                problems.append(f"cut {cut}: a file can still be written")
            except OSError as error:
                if error.errno != errno.EIO:
                    problems.append(f"cut {cut}: {error}")
    with mounted(image, files, "-o", "loop"):
        for cut in range(5):
            with open(os.path.join(files, f"synced-{cut}"), "rb") as file:
                if file.read() != CONTENT:
                    problems.append(f"cut {cut}: the synced file has another content")
            unsynced = os.path.join(files, f"unsynced-{cut}")
            if os.path.exists(unsynced) and os.path.getsize(unsynced) > 0:
                problems.append(f"cut {cut}: the file that was not synced is there")
    return problems


def a_folder_without_such_a_file_system_is_refused():
    try:
        run(POWER_CUT, "/proc")
    except RuntimeError as error:
        return [] if "power_cut: /proc: " in str(error) else [str(error)]
    return ["/proc has no power that could be cut"]


def main():
    tap = Tap()
    reason = hindrance(POWER_CUT)
    if reason is None:
        own_mounts()
    for kind in ("ext4", "xfs"):
        why = reason or hindrance(kind=kind)
        name = f"cuts_keep_what_was_synced_on_{kind}"
        tap.skip(name, why) if why else tap.run(name, cuts_keep_what_was_synced, kind)
    tap.run("a_folder_without_such_a_file_system_is_refused", a_folder_without_such_a_file_system_is_refused)
    tap.finish()


if __name__ == "__main__":
    main()

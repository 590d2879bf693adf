"""Images, loop devices and faulty disks for the scripts of this folder; all is gone when a block ends.

own_mounts() comes first: what is mounted is then seen by this process and its children alone.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("WEIR_BUILD_ROOT", "build")
PROGRAMS = os.path.join(BUILD, "tests", "faults")
FOLDER = os.path.join(os.environ.get("WEIR_TEST_FOLDER", os.path.join(BUILD, "tests")), "faults")
os.environ["PATH"] += ":/usr/sbin:/sbin"


def run(*command):
    """Runs a command that has to work; what it says otherwise is the exception."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout.strip()


def knows(kind):
    """Whether the kernel has a kind of file system, or can load it."""
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "--quiet", kind], stderr=subprocess.DEVNULL)
    with open("/proc/filesystems") as known:
        return kind in known.read().split()


def hindrance(*programs, kind=None):
    """Why a disk, with a file system of this kind on it, cannot be tried on this machine, or None."""
    if os.geteuid() != 0:
        return "only root may mount"
    if kind and not knows(kind):
        return f"this kernel has no {kind}"
    for program in [*programs, *(["mkfs." + kind] if kind else [])]:
        if not (os.path.exists(program) if "/" in program else shutil.which(program)):
            return f"{os.path.basename(program)} is not there"
    try:
        run("unshare", "--mount", "true")
        with tempfile.TemporaryDirectory() as folder, loop_device(make_image(os.path.join(folder, "image"), 1)):
            pass
    except (RuntimeError, FileNotFoundError) as error:
        return str(error)
    return None


def own_mounts():
    """Goes on in a mount namespace of its own, so that nothing stays mounted whatever happens."""
    if "WEIR_OWN_MOUNTS" not in os.environ:
        os.environ["WEIR_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def fresh_folder(name):
    path = os.path.join(FOLDER, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def make_image(path, mebibytes, kind=None):
    """A sparse file, with a file system if kind (ext4, xfs) says which."""
    with open(path, "wb") as file:
        file.truncate(mebibytes << 20)
    if kind:
        run("mkfs." + kind, "-q", path)
    return path


@contextlib.contextmanager
def mounted(device, folder, *options):
    os.makedirs(folder, exist_ok=True)
    run("mount", *options, device, folder)
    try:
        yield folder
    finally:
        run("umount", folder)


@contextlib.contextmanager
def loop_device(path):
    device = run("losetup", "--find", "--show", path)
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


class FaultyDisk:
    """faulty_disk over an image; `path` is the disk, tell() writes a word to its control file."""

    def __init__(self, image, folder, *options):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.path = os.path.join(folder, "disk")
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, "faulty_disk"), "--foreground", *options, image, folder],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("faulty_disk did not start")
            time.sleep(0.002)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        run("umount", self.folder)
        self.process.wait(20)

    def tell(self, words):
        with open(os.path.join(self.folder, "control"), "w") as control:
            control.write(words)

    def state(self):
        with open(os.path.join(self.folder, "control")) as control:
            return control.read()

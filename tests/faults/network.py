#!/usr/bin/env python3
"""faulty_network does what it says: datagrams in a network namespace of their own are delayed, dropped and reordered."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = os.environ.get("WEIR_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from mounts import PROGRAMS, run  # noqa: E402
from tap import Tap  # noqa: E402

NETWORK = os.path.join(PROGRAMS, "faulty_network")
PORT = 7000  # of a network of its own
COUNT = 200  # less than the 256 that a socket keeps until they are read


def hindrance():
    """Why packets cannot be queued on this machine, or None."""
    if os.geteuid() != 0:
        return "only root may change a network"
    for program in (NETWORK, "iptables", "ip"):
        if not (os.path.exists(program) if "/" in program else shutil.which(program)):
            return f"{os.path.basename(program)} is not there"
    try:
        run("unshare", "--net", "iptables", "-A", "INPUT", "-p", "udp", "-j", "NFQUEUE")
    except RuntimeError as error:
        return str(error)
    return None


def own_network():
    if "WEIR_OWN_NETWORK" not in os.environ:
        os.environ["WEIR_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    run("ip", "link", "set", "lo", "up")
    run("iptables", "-A", "INPUT", "-p", "udp", "--dport", str(PORT), "-j", "NFQUEUE", "--queue-num", "1")


def exchange(*arguments):
    """Sends numbers through the network. Returns {number: (place among those that came, ms)} and what it says at the end."""
    network = subprocess.Popen([NETWORK, *arguments], stdout=subprocess.PIPE, text=True)
    arrived, sent = {}, []
    try:
        if network.stdout.readline() != "ready\n":
            raise RuntimeError("faulty_network did not start")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outbox:
            inbox.bind(("127.0.0.1", PORT))
            inbox.settimeout(1)
            for number in range(COUNT):
                sent.append(time.monotonic())
                outbox.sendto(number.to_bytes(4, "little"), ("127.0.0.1", PORT))
            try:
                while len(arrived) < COUNT:
                    number = int.from_bytes(inbox.recv(4), "little")
                    arrived[number] = len(arrived), (time.monotonic() - sent[number]) * 1000
            except socket.timeout:
                pass  # what has not come by now was dropped
    finally:
        network.send_signal(signal.SIGTERM)
        try:
            said = network.communicate(timeout=20)[0]
        finally:
            network.kill()
    return arrived, [int(word) for word in re.findall(r"\d+", said)]


def packets_are_delayed():
    arrived, said = exchange("200", "0", "0")
    problems = [] if said == [COUNT, 0, 0] else [f"it says {said}"]
    if len(arrived) != COUNT or [n for n, _ in sorted(arrived.items(), key=lambda item: item[1])] != list(range(COUNT)):
        problems.append(f"{len(arrived)} of {COUNT} came, or in another order")
    return problems + [f"number {n} took {ms:.1f} ms" for n, (_, ms) in arrived.items() if ms < 200]


def packets_are_dropped():
    arrived, said = exchange("0", "20", "0")
    problems = [] if said == [COUNT, COUNT - len(arrived), 0] else [f"{len(arrived)} came, it says {said}"]
    return problems + ([] if 0.1 * COUNT < said[1] < 0.3 * COUNT else [f"{said[1]} of {COUNT} were dropped"])


def packets_overtake_each_other():
    arrived, said = exchange("200", "0", "20")
    early = [n for n, (_, ms) in arrived.items() if ms < 200]
    problems = [] if said == [COUNT, 0, len(early)] else [f"{len(early)} came early, it says {said}"]
    if not any(arrived[n][0] < n for n in early):
        problems.append("none came before one that was sent earlier")
    return problems + ([] if 0.1 * COUNT < len(early) < 0.3 * COUNT else [f"{len(early)} of {COUNT} overtook"])


def main():
    tap = Tap()
    reason = hindrance()
    if reason is None:
        own_network()
    for test in (packets_are_delayed, packets_are_dropped, packets_overtake_each_other):
        tap.skip(test.__name__, reason) if reason else tap.run(test.__name__, test)
    tap.finish()


if __name__ == "__main__":
    main()

"""What a normal client notices of 500 slow ones: its p99 before and meanwhile.

    python benchmarks/http/slow_clients.py [--output results/slow_clients.jsonl] [--server NAME...] [--seconds S]

`slowhttptest` opens 500 connections and sends headers slowly (-H), a body slowly (-B), or reads slowly (-X). The
normal client has four connections in a closed loop. Each attack is measured between two quiet stretches, and beside
it stands how many of the slow connections were open. `nginx+NAME` is that server behind nginx.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from closed_loop import Figures, Pinned, append, built_clients, choose_cores, drive, pinned
from target import describe_machine

SLOW = 500
NORMAL = 4
MOST_RATIO = 10.0
BEHIND = "nginx+"
DEFAULT = ("tornado", "wire", f"{BEHIND}flask")

#: Until all slow connections are open: they come within a second, but the kernel's queue may be short.
SETTLE_S = 3.0

ESTABLISHED = "01"

ATTACKS: Mapping[str, Sequence[str]] = {
    "slow headers": ("-H", "-i", "3", "-x", "24", "-t", "GET"),
    "slow body": ("-B", "-i", "3", "-x", "10", "-s", "4096", "-f", "application/json"),
    "slow read": ("-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"),
}
PATHS = {"slow headers": "/garage", "slow body": "/park", "slow read": "/openapi.json"}


@contextmanager
def attack(program: str, kind: str, url: str, core: int, seconds: float) -> Iterator[None]:
    """Let the slow clients come, and go when the block ends."""
    options = [*ATTACKS[kind], "-c", str(SLOW), "-r", str(SLOW), "-p", "3", "-l", str(int(seconds))]
    with pinned(core):
        process = subprocess.Popen(
            [program, *options, "-u", url + PATHS[kind]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # It looks after its connections without a rest. They are not slow because of that, but the normal client,
            # on the same core, would be: it lost its turn for 4 ms at a time. Slow clients are elsewhere.
            preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)),  # noqa: PLW1509
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def count_connections(port: int) -> int:
    """Return how many connections to the port are open."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    wanted = f":{port:04X}"
    return sum(
        fields[2].endswith(wanted) and fields[3] == ESTABLISHED for fields in map(str.split, lines)
    )


def measure(server: str, kind: str, programs: tuple[str, str], seconds: float) -> dict[str, object]:
    """Return the figures of the normal client before, during and after one attack."""
    clients, slowhttptest = programs
    server_core, load_core = choose_cores()
    front = ("--nginx",) if server.startswith(BEHIND) else ()
    with Pinned(server_core, server.removeprefix(BEHIND), *front) as target:

        def drive_normal() -> Figures:
            return drive(clients, load_core, target.port, NORMAL, seconds)

        drive_normal()  # warm
        before = drive_normal()
        lasting = 2 * (SETTLE_S + seconds) + 5
        with attack(slowhttptest, kind, target.url, load_core, lasting):
            time.sleep(SETTLE_S)
            opened = count_connections(target.port)
            during = drive_normal()
            left = count_connections(target.port)
        time.sleep(1)
        after = drive_normal()
        ended = target.stop()
    ratio = during.p99_us / before.p99_us
    return {
        "server": server,
        "attack": kind,
        "slow_open": [opened, left],
        "p99_us": {"before": before.p99_us, "during": during.p99_us, "after": after.p99_us},
        "p50_us": {"before": before.p50_us, "during": during.p50_us, "after": after.p50_us},
        "requests_per_s": {
            "before": round(before.replies / before.seconds),
            "during": round(during.replies / during.seconds),
        },
        "ratio": round(ratio, 3),
        "faults": find_faults(before, during, ratio, opened, ended.books, server_core == load_core),
    }


def find_faults(
    before: Figures,
    during: Figures,
    ratio: float,
    opened: int,
    books: Mapping[str, int],
    shares_core: bool,
) -> list[str]:
    """Return why the run shows nothing, or that the target was missed."""
    faults = []
    if shares_core:
        faults.append("server and load share a core")
    if opened < SLOW * 0.9:
        faults.append(f"only {opened} slow connections were open")
    for name, figures in (("before", before), ("during", during)):
        if figures.lost or figures.good < 0.99 * figures.replies:
            faults.append(f"{name}: {figures.good} of {figures.replies} good, {figures.lost} lost")
    if not ratio < MOST_RATIO:
        faults.append(f"p99 grew {ratio:.1f} times")
    if books.get("taken", -1) != books.get("parked", 0) - books.get("unparked", 0) - books.get(
        "given back", 0
    ):
        faults.append(f"the books do not balance: {dict(books)}")
    return faults


def parse_arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", help=f"repeatable; {', '.join(DEFAULT)}")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one stretch")
    parser.add_argument("--output", type=Path, help="a line of JSON for each attack is added")
    return parser.parse_args()


def main() -> int:
    """Attack every server in every way; 1 where a target was missed or a run shows nothing."""
    options = parse_arguments()
    slowhttptest = shutil.which("slowhttptest")
    if slowhttptest is None:
        raise SystemExit("slowhttptest is not installed: apt-get install slowhttptest")
    machine = describe_machine()
    failed = False
    with built_clients() as clients:
        for server in options.server or DEFAULT:
            for kind in ATTACKS:
                found = measure(server, kind, (clients, slowhttptest), options.seconds)
                failed = failed or bool(found["faults"])
                print(found, flush=True)
                if options.output:
                    append(options.output, {**found, "machine": machine})
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Record generations of identical code, as gates measure them, for replays.

    python benchmarks/gate/record.py FILE [--gates N] [--disturbed]

Each gate gives the generations of its first look: 40 gates give 240. With --disturbed both cores are busy meanwhile, on
and off for 1 to 30 ms.
"""

import argparse
import contextlib
import os
from pathlib import Path

from busy import BURSTS, busy

from garagebench.check.selftest import LiveGates, Plan


def main():
    """Run the gates and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--gates", type=int, default=40)
    parser.add_argument("--disturbed", action="store_true")
    chosen = parser.parse_args()
    live = LiveGates(Plan(gates=chosen.gates), lambda _: None)
    with contextlib.ExitStack() as stack:
        if chosen.disturbed:
            stack.enter_context(busy(os.sched_getaffinity(0), BURSTS))
        for number in range(chosen.gates):
            found, _ = live.run(number, None, 0)
            print(number, found.outcome, f"{found.seconds:.1f} s", flush=True)
    recording = live.recording()
    recording.save(chosen.file)
    print(len(recording.conditions.first), "generations")


if __name__ == "__main__":
    main()

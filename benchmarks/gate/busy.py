"""Keep cores busy: all the time, or on and off."""

import contextlib
import os
import random
import subprocess
import sys
import time

#: How long a loop works, and how long it rests, in seconds; it rests never where there is no rest.
ALWAYS = (1.0, 0.0)
BURSTS = (0.03, 0.03)
LEAST_S = 0.001


@contextlib.contextmanager
def busy(cores, how, seed=0):
    """Keep each of the cores busy for as long as the block runs. how: ALWAYS, or BURSTS of 1 to 30 ms with as long rests."""
    processes = [
        subprocess.Popen([sys.executable, __file__, str(core), *map(str, how), str(seed + core)])
        for core in cores
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main(core, work_s, rest_s, seed):
    """Work and rest in turn, for ever."""
    os.sched_setaffinity(0, {int(core)})
    rng = random.Random(seed)
    while True:
        end = time.monotonic() + rng.uniform(LEAST_S, work_s)
        while time.monotonic() < end:
            pass
        if rest_s:
            time.sleep(rng.uniform(LEAST_S, rest_s))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))

"""Keep a core busy in bursts."""

import contextlib
import os
import random
import subprocess
import sys
import time


@contextlib.contextmanager
def busy_in_bursts(core, seed):
    """Keep the core busy now and then, for as long as the block runs."""
    process = subprocess.Popen([sys.executable, __file__, str(core), str(seed)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main(core, seed):
    """Work for 0.05 to 1 s, rest for as long, for ever."""
    os.sched_setaffinity(0, {core})
    rng = random.Random(seed)
    while True:
        end = time.monotonic() + rng.uniform(0.05, 1)
        while time.monotonic() < end:
            pass
        time.sleep(rng.uniform(0.05, 1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Whether a `check` that is killed leaves the repository as it was, and the next one cleans up.

python benchmarks/gate/kills.py
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import SOURCE, make_repository

from garagebench.engine.metadata import describe_machine

TRIES = 10
LATEST_S = 5


def digest(place):
    """Return a hash of every file of the repository, .git included."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    parts = [str(path).encode() + b"\0" + path.read_bytes() for path in files]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main():
    """Print how each kill went."""
    print(describe_machine(), flush=True)
    # What a shell starts in the background ignores SIGINT, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as directory:
        place, cache = Path(directory, "repository"), Path(directory, "cache")
        place.mkdir()
        make_repository(place, "park encode", 20)
        before = digest(place)
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        common = [sys.executable, "-m", "garagebench", "check", "--base", "HEAD"]
        command = [*common, "--impl", f"{SOURCE.name}:SLOW", "--budget"]
        kept = 0
        for kill in [signal.SIGINT, signal.SIGKILL] * TRIES:
            process = subprocess.Popen(
                [*command, "30"],
                cwd=place,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(rng.uniform(0, LATEST_S))
            process.send_signal(kill)
            code = process.wait()
            left = list(cache.glob("garagebench/trees/pair-*"))
            kept += digest(place) == before
            print(kill.name, "exit", code, "left", len(left), "as it was", digest(place) == before)
        subprocess.run(
            [*command, "3"], cwd=place, env=environment, capture_output=True, check=False
        )
        left = list(cache.glob("garagebench/trees/pair-*"))
        print(f"as it was after {kept} of {2 * TRIES}; left after the next run: {len(left)}")


if __name__ == "__main__":
    main()

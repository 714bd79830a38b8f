"""Whether a `check` that is killed leaves the repository as it was, and the next one cleans up.

python benchmarks/gate/kills.py garage
python benchmarks/gate/kills.py suite
python benchmarks/gate/kills.py install      at moments at which the environments of the sides are made
"""

import argparse
import contextlib
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
LATEST_S = {"garage": 5, "suite": 5, "install": 15}

#: Seconds that processes have to be gone, once who started them was killed.
PATIENCE_S = 20

SUITE = {
    "src/words.py": "def count(text):\n    return len(text.split())\n",
    "bench/test_words.py": (
        "from words import count\n\n\ndef test_count(benchmark, tmp_path):\n    benchmark(count, 'a b ' * 1000)\n\n\n"
        "def test_long(benchmark):\n    benchmark(count, 'a b ' * 10000)\n"
    ),
}


def digest(place):
    """Return a hash of every file of the repository, .git included."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    parts = [str(path).encode() + b"\0" + path.read_bytes() for path in files]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make_suite(place):
    """Make a repository with a package and its benchmarks; return what `check` is told."""
    for name, text in SUITE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    for command in ("init --quiet", "add .", "commit --quiet --message=base"):
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
        subprocess.run(["git", *identity, *command.split()], cwd=place, check=True)  # noqa: S607
    return ["--pytest", "bench"]


def make_installed(place):
    """Make the same repository, installed with pip in an environment for each side."""
    project = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    (place / "pyproject.toml").write_text(f"{project}[project]\nname = 'words'\nversion = '1'\n")
    return [*make_suite(place), "--install", "pip install . pytest pytest-benchmark"]


def make_garage(place):
    """Make a repository with an implementation of the garage; return what `check` is told."""
    make_repository(place, "park encode", 20)
    return ["--impl", f"{SOURCE.name}:SLOW"]


def find_processes(cache):
    """Return the processes that work in our copies."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(cache):
                found.append(int(process.name))
    return found


def find_halves(cache):
    """Return how many environments are kept that would be taken for whole, and do not work."""
    halves = 0
    for whole in cache.glob("garagebench/environments/*/whole"):
        environment = whole.parent / "environment"
        if environment.is_dir():  # without it, the entry is not used
            code = "import words, pytest, pytest_benchmark"
            halves += (
                subprocess.run([environment / "bin/python", "-c", code], check=False).returncode
                != 0
            )
    return halves


def wait_for_end(cache):
    """Return how many processes are left after a while."""
    end = time.monotonic() + PATIENCE_S
    while find_processes(cache) and time.monotonic() < end:
        time.sleep(0.1)
    return len(find_processes(cache))


def main():
    """Print how each kill went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = {"garage": make_garage, "suite": make_suite, "install": make_installed}
    parser.add_argument("subject", choices=[*kinds])
    kind = parser.parse_args().subject
    print(describe_machine(), flush=True)
    # What a shell starts in the background ignores SIGINT, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as directory:
        place, cache = Path(directory, "repository"), Path(directory, "cache")
        place.mkdir()
        subject = kinds[kind](place)
        before = digest(place)
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        common = [sys.executable, "-m", "garagebench", "check", "--base", "HEAD"]
        command = [*common, *subject, "--budget"]
        kept = 0
        for kill in [signal.SIGINT, signal.SIGKILL] * TRIES:
            process = subprocess.Popen(
                [*command, "30"],
                cwd=place,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(rng.uniform(0, LATEST_S[kind]))
            process.send_signal(kill)
            code = process.wait()
            running = wait_for_end(cache)
            left = list(cache.glob("garagebench/trees/pair-*"))
            kept += digest(place) == before
            halves = find_halves(cache)
            print(
                *(kill.name, "exit", code, "left", len(left), "processes", running),
                *("half environments", halves, "as it was", digest(place) == before),
                flush=True,
            )
        last = subprocess.run(
            [*command, "30"], cwd=place, env=environment, capture_output=True, check=False
        )
        left = list(cache.glob("garagebench/trees/pair-*"))
        print(
            f"as it was after {kept} of {2 * TRIES}; the next run: exit {last.returncode}, left {len(left)}, "
            f"half environments {find_halves(cache)}"
        )


if __name__ == "__main__":
    main()

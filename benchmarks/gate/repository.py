"""A user's repository with two versions of `slow_stage.py`."""

import json
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_stage.py")

#: Slow stage -> how often it does its work, so that it takes about half of its `total` or more.
STAGES = {
    "park validate": 3,
    "park assignment": 6,
    "park floor_lookup": 60,
    "park encode": 3,
    "unpark validate": 3,
    "unpark space_lookup": 40,
    "unpark encode": 4,
}


def write_version(directory, stage, every, times=STAGES):
    """Write `slow_stage.py`: every `every`-th call of the stage made twice; 0: none. times: how often each does its work."""
    text = SOURCE.read_text(encoding="utf-8")
    for name, value in (("STAGE", stage), ("TIMES", times.get(stage, 1)), ("EVERY", every)):
        text = re.sub(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
    (directory / SOURCE.name).write_text(text, encoding="utf-8")


def make_repository(directory, stage, every, times=STAGES):
    """Make a repository whose only commit has the stage as it is, and whose working tree has it slowed down."""
    write_version(directory, stage, 0, times)
    commit_all(directory)
    write_version(directory, stage, every, times)


def commit_all(directory):
    """Make the directory a repository, with all that is there in its only commit."""
    for command in ("init --quiet", "add .", "commit --quiet --message=base"):
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
        subprocess.run(["git", *identity, *command.split()], cwd=directory, check=True)  # noqa: S607


def ask(directory, *arguments, options=()):
    """Check a repository's working tree against HEAD; return the process. options: of pytest."""
    command = [sys.executable, "-m", "garagebench", "check", "--base", "HEAD", *arguments]
    return subprocess.run(
        [*command, *(["--", *options] if options else [])],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def check(directory, *arguments, options=()):
    """Check a repository's working tree against HEAD; return the verdict. options: of pytest."""
    done = ask(directory, *arguments, "--format", "json", options=options)
    if not done.stdout:
        raise SystemExit(f"{' '.join(done.args)}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)

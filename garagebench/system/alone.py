"""Run a command once, and print its exit code, the seconds that it took and the most memory that it had, in bytes.

A script of its own, with nothing imported that it does not need: until a new process has loaded its program it counts with
the memory of the one that started it, which here is small.
"""

import json
import os
import sys
import time

#: Of ru_maxrss, on Linux.
BYTES = 1024


def main(words: "list[str]") -> None:
    """Run the words as a command, which reads nothing and whose output goes nowhere."""
    quiet = [
        (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0o600)
        for number in (sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno())
    ]
    begin = time.monotonic()
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    seconds = time.monotonic() - begin
    print(json.dumps([os.waitstatus_to_exitcode(status), seconds, used.ru_maxrss * BYTES]))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

"""`python -m garagebench`, and where the command `garagebench` begins."""

from __future__ import annotations

import os
import signal

from garagebench.exit_codes import INTERRUPTED

STANDARD_ERROR = 2


def main() -> None:
    """Load the command and run it. Ctrl-C while it loads ends it like Ctrl-C later on."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a shell has it ignored for jobs in the background
        signal.signal(signal.SIGINT, _end)
    from garagebench.cli import main as command

    signal.signal(signal.SIGINT, before)
    command()


def _end(*_: object) -> None:
    # No exception: the import system's own callbacks would swallow it, and the command would go on.
    os.write(STANDARD_ERROR, b"interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()

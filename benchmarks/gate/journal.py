"""What a benchmark has found: a line of JSON each, with the machine, so that a run that was broken off can go on."""

import json
from pathlib import Path

from garagebench.engine.metadata import describe_machine


class Journal:
    """The lines of a file; those of other machines stand beside ours and are left alone."""

    def __init__(self, path: Path):
        self.path = path
        self.machine = describe_machine()

    def read(self):
        """Return what was found on this machine."""
        if not self.path.exists():
            return []
        lines = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["machine"] == self.machine]

    def add(self, **found):
        """Append a line, and print it without the machine."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**found, "machine": self.machine}) + "\n")
        print(*found.values(), flush=True)

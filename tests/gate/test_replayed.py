"""The proof in short: verdicts on the recorded rounds of real gates, in seconds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_recorded_gates_are_judged_right() -> None:
    """Of 20 gates on identical code none is slower, of 20 with +5 % all are; the peers' verdicts stand beside."""
    script = ROOT / "benchmarks" / "gate" / "replayed.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    counts = {
        tool: (int(identical), int(slowed))
        for tool, identical, slowed in re.findall(
            r"\| (.+?) \| (\d+) of 20 \| (\d+) of 20 \|", done.stdout
        )
    }
    assert counts["garagebench"] == (0, 20)
    assert len(counts) == 5

"""What is published agrees with the run that it came from."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_published_tables_agree_with_their_file() -> None:
    """Every table in README.md and results/seed.md is what its result file gives today."""
    command = [sys.executable, str(ROOT / "tools" / "update_results.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

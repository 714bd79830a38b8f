"""What is published agrees with the run that it came from."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("tool", ["update_results", "update_proofs", "update_scale", "update_http"])
def test_published_tables_agree_with_their_file(tool: str) -> None:
    """Every table in README.md, docs/ and results/ is what its result file gives today."""
    command = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

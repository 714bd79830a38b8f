"""The GitHub action: what it tells its script, and what the script makes of a verdict."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "check-in-workflow"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())

#: Stands for garagebench: writes down what it is told, prints a verdict, and ends with the code it is given.
FAKE = """#!/bin/sh
printf '%s\\n' "$@" >told
[ -z "$REPORT" ] || printf '%s\\n' "$REPORT" >"$3"
printf '{\\n  "exit_code": %s\\n}\\n' "$CODE"
exit "$CODE"
"""


def run_script(place: Path, code: int, **inputs: str) -> tuple[int, list[str], str]:
    """Run the script with these inputs; exit code, what garagebench was told, outputs of the step."""
    (place / "garagebench").write_text(FAKE)
    (place / "garagebench").chmod(0o755)
    environment = {
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "CODE": str(code),
        "GITHUB_OUTPUT": str(place / "outputs"),
        **{
            name.upper().replace("-", "_"): about.get("default", "")
            for name, about in ACTION["inputs"].items()
        },
        "IMPL": "pool.py:Mine",
        "BASE": "main",
        **inputs,
    }
    done = subprocess.run(["bash", str(SCRIPT)], cwd=place, env=environment, check=False)
    told = (place / "told").read_text().splitlines() if (place / "told").exists() else []
    outputs = (place / "outputs").read_text() if (place / "outputs").exists() else ""
    return done.returncode, told, outputs


def test_inputs_reach_the_command(tmp_path: Path) -> None:
    """Each line of `impl` and `subject` is one, `arguments` are split at spaces, nothing is taken for a command."""
    _, told, _ = run_script(
        tmp_path,
        0,
        IMPL="a.py:A\n\nb c.py:B\n",
        SUBJECT="d.py:f\ne.py:g\n",
        COMMAND="python a.py --all\n",
        INSTALL="pip install . pytest\n",
        PYTEST="bench\ntests/test_b.py\n",
        ARGUMENTS="--seed 3",
        BASE="$(touch x)",
    )
    assert told[:5] == ["check", "--report", "./garagebench.html", "--base", "$(touch x)"]
    assert told[5:9] == ["--max-slowdown", "5", "--format", "json"]
    assert told[9:13] == ["--impl", "a.py:A", "--impl", "b c.py:B"]
    assert told[13:17] == ["--subject", "d.py:f", "--subject", "e.py:g"]
    assert told[17:21] == ["--command", "python a.py --all", "--install", "pip install . pytest"]
    assert told[21:] == ["--pytest", "bench", "--pytest", "tests/test_b.py", "--seed", "3"]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("code", "strict", "ended"),
    [(0, "false", 0), (1, "false", 1), (3, "false", 3), (4, "false", 0), (4, "true", 4)],
)
def test_the_exit_code_is_the_verdicts(tmp_path: Path, code: int, strict: str, ended: int) -> None:
    """Inconclusive fails the step only where that is asked for; the outputs have code and JSON, on a line each."""
    found, _, outputs = run_script(
        tmp_path, code, FAIL_ON_INCONCLUSIVE=strict, RUNNER_TEMP=str(tmp_path)
    )
    file = tmp_path / "garagebench-verdict.json"
    assert found == ended
    assert outputs.splitlines() == [
        f"exit-code={code}",
        f"verdict-file={file}",
        f'verdict={{  "exit_code": {code}}}',
    ]
    assert json.loads(file.read_text()) == {"exit_code": code}


def test_a_report_is_an_output_where_there_is_one(tmp_path: Path) -> None:
    """The command is told where to write it; one of a check before, in the same job, is not taken for this one's."""
    report = tmp_path / "garagebench.html"
    report.write_text("of a check before")
    _, told, outputs = run_script(tmp_path, 3, RUNNER_TEMP=str(tmp_path))
    assert told[1:3] == ["--report", str(report)]
    assert "report=" not in outputs
    _, _, outputs = run_script(tmp_path, 3, RUNNER_TEMP=str(tmp_path), REPORT="a page")
    assert f"report={report}\n" in outputs


def test_what_comes_after_the_check_cannot_change_its_end() -> None:
    """Report and comment come also after a check that failed, and where they fail, the job does not."""
    after = ACTION["runs"]["steps"][-2:]
    assert [step["name"] for step in after] == ["Keep the report", "Comment"]
    for step in after:
        assert step["continue-on-error"] is True
        assert step["if"].startswith("always() && inputs.comment == 'true'")


@pytest.mark.parametrize("base", ["", "0" * 40])
def test_no_base_is_an_error(tmp_path: Path, base: str) -> None:
    """The first push of a branch has no base: nothing is measured, and the step fails."""
    code, told, _ = run_script(tmp_path, 0, BASE=base)
    assert (code, told) == (1, [])


def test_the_script_gets_what_it_reads() -> None:
    """Every variable that the script reads is given to it by action.yml, or by the runner."""
    step = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "check")
    read = set(re.findall(r"\$\{?([A-Z_]+)", SCRIPT.read_text()))
    assert read - {"GITHUB_OUTPUT", "RUNNER_TEMP"} == set(step["env"])
    assert all(f"inputs.{name}" in str(ACTION["runs"]) for name in ACTION["inputs"])


def test_a_real_check_goes_through(tmp_path: Path) -> None:
    """With the real command: a revision that is not there is its error, told on stderr."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    commit = ("commit", "--quiet", "--allow-empty", "--message=one")
    subprocess.run(["git", *identity, *commit], cwd=tmp_path, check=True)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "IMPL": "pool.py:Mine",
        "SUBJECT": "",
        "PYTEST": "",
        "BASE": "nowhere",
        "MAX_SLOWDOWN": "5",
        "BUDGET": "5",
        "FAIL_ON_INCONCLUSIVE": "false",
    }
    done = subprocess.run(
        ["bash", str(SCRIPT)],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr

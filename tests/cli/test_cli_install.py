"""`check --install` with a test suite, from the command to the verdict, with real environments."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_cli_pytest import LITTLE, Check, check, garagebench, name, repository, write

__all__ = ["check", "repository"]  # fixtures

#: What pip would do with `pip install . pytest`, without a network: the module is copied with the record of where it came
#: from, and the packages of this very environment can be imported.
INSTALL = """
import json, os, pathlib, shutil, sysconfig
site = pathlib.Path(sysconfig.get_paths()["purelib"])
(site / "others.pth").write_text({others!r})
shutil.copy("src/words.py", site / "words.py")
info = site / "words-1.0.dist-info"
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\\nName: words\\nVersion: 1.0\\n")
(info / "RECORD").write_text("words.py,,\\n")
(info / "direct_url.json").write_text(json.dumps({{"url": {url}, "dir_info": {{}}}}))
"""
FROM_THE_TREE, FROM_ELSEWHERE = '"file://" + os.getcwd()', '"https://example.org/words.whl"'


def make_install(place: Path, url: str) -> tuple[str, str]:
    """Write the script that installs a side beside the repository; return the option."""
    script = place.parent / "install.py"
    others = str(Path(pytest.__file__).parents[1])
    script.write_text(INSTALL.format(others=others, url=url))
    return "--install", shlex.join(["python", str(script)])


def test_what_was_installed_is_measured(repository: Path, check: Check) -> None:
    """Each side has its own module in its environment, and it is that which is slower; the files are told."""
    write(repository, 16)
    done, verdict = check(*LITTLE, *make_install(repository, FROM_THE_TREE))
    assert done.returncode == 3, done.stdout + done.stderr
    slower = {case["case"] for case in verdict["cases"] if case["verdict"] == "slower"}
    assert slower == {name("test_count[1-2]"), name("test_count[2]")}
    ((base, head),) = [files for module, files in verdict["sources"].items() if module == "words"]
    assert base == head
    assert base.endswith("site-packages/words.py")


def test_a_module_from_an_index_is_refused(repository: Path, check: Check) -> None:
    """A module of the repository that was not installed from it would be the same on both sides."""
    write(repository, 16)
    done, verdict = check(*LITTLE, *make_install(repository, FROM_ELSEWHERE))
    assert done.returncode == 4, done.stderr
    assert "words comes from" in verdict["notes"][0]
    assert "--install 'pip install .'" in verdict["notes"][0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_nothing_is_left_of_an_installation_that_was_killed(
    repository: Path,
    number: signal.Signals,
    code: int,
) -> None:
    """No process goes on, no environment is kept, and the next check removes what there is."""
    mark = repository.parent / "started"
    text = f"open({str(mark)!r}, 'a').close(); import time; time.sleep(600)"
    command = [sys.executable, "-m", "garagebench", "check", "--base", "HEAD", "--pytest", "bench"]
    process = subprocess.Popen(
        [*command, "--install", f'python -c "{text}"'],
        cwd=repository,
        env={"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(repository.parent / "cache")},
        stderr=subprocess.DEVNULL,
    )
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == code
    while any(str(mark).encode() in line for line in list_commands()):
        time.sleep(0.01)
    done = garagebench(repository, "check", "--base", "HEAD", "--pytest", "bench", "--dry-run")
    assert done.returncode == 0, done.stderr
    kept = repository.parent / "cache" / "garagebench"
    assert not [*kept.glob("trees/pair-*"), *kept.glob("environments/*/*")]


def list_commands() -> list[bytes]:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found

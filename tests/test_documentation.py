"""What the documents say can be typed, run, loaded and followed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from garagebench import Layout
from garagebench.core.workload import BLOCK
from garagebench.engine import schedule
from garagebench.engine.extent import MOST_S
from garagebench.stats.estimate import LEAST_GENERATIONS, useful_generations
from garagebench.stats.levels import CONFIDENCE

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = [*GUIDES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("results/*.md")]

#: What a command in a guide may need, and what is copied for it.
COPIED = ("README.md", "benchmarks", "docs", "examples", "results")

#: Commands that set things up: they need the network, or run all tests, these included.
EXEMPT = ("make bench", "make test", "pip install ")

#: Times in the guides are for measuring, not for testing: in the tests they are all of one second or two.
SHORTER = [
    (re.compile(r"--budget [\d.]+"), "--budget 1"),
    (re.compile(r"--generations [\d.]+"), "--generations 2"),
    (re.compile(r"--duration [\d.]+"), "--duration 0.5"),
    (re.compile(r"(benchmarks/http/stall\.py) [\d.]+"), r"\1 1.5"),
    (re.compile(r"(benchmarks/known_cost\.py) [\d.]+"), r"\1 2"),
    # A server runs until it is told to end, and ends well then. The port of the guide may be in use.
    (re.compile(r"^garagebench serve\b[^;&]*$"), r"timeout --preserve-status 3 \g<0> --port 0"),
]

#: What ends with another code than 0 where the machine is too busy for figures, or has one core only.
MAY_BE_INVALID = "garagebench load"
INVALID = 4

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")

Run = Callable[..., None]


class Block(NamedTuple):
    """A fenced block of a document."""

    document: Path
    number: int
    text: str

    @property
    def label(self) -> str:
        """A name for the test."""
        return f"{self.document.name}-{self.number}"


def find_blocks(language: str) -> list[Block]:
    """Return the fenced blocks of that language in all guides, numbered from 1 in each document."""
    return [
        Block(document, number, match[2])
        for document in GUIDES
        for number, match in enumerate(
            (match for match in FENCE.finditer(document.read_text()) if match[1] == language), 1
        )
    ]


def parametrize(language: str, *, holding: str = "") -> pytest.MarkDecorator:
    """Return the decorator that runs a test for every block of that language that holds the text."""
    blocks = [block for block in find_blocks(language) if holding in block.text]
    assert blocks, f"no {language} block holds {holding!r}"
    return pytest.mark.parametrize("block", blocks, ids=[block.label for block in blocks])


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the PATH on which `garagebench` and `python` are those of this interpreter."""
    own = Path(sys.executable).parent
    path = os.pathsep.join([str(own), os.environ["PATH"]])
    if (own / "garagebench").exists() and (own / "python").exists():
        return path
    made = tmp_path_factory.mktemp("bin")
    for name, arguments in (("python", ""), ("garagebench", "-m garagebench ")):
        (made / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
        (made / name).chmod(0o755)
    return os.pathsep.join([str(made), path])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what a reader has before him, to leave files in."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


@pytest.fixture
def run(copy: Path, programs: str) -> Run:
    """Return a function that runs a shell command in the copy, and fails unless it ends well."""
    environment = {
        **os.environ,
        "PATH": programs,
        "PYTHONPATH": str(ROOT),
        "GARAGEBENCH_RUN_BUDGET": "1",
        "GARAGEBENCH_CHECK_GENERATIONS": "2",
    }

    def call(command: str) -> None:
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        allowed = (0, INVALID) if MAY_BE_INVALID in command else (0,)
        assert ran.returncode in allowed, f"{command}\n{ran.stdout}\n{ran.stderr}"
        # Of a line with several commands, the exit code is the last one's.
        failed = re.search(r"^(Traceback|Error: )", ran.stderr, re.MULTILINE)
        assert failed is None, f"{command}\n{ran.stderr}"

    return call


def find_commands(block: Block) -> Iterator[str]:
    """Yield the commands of a shell block, less those that are exempt, made short."""
    for line in block.text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", *EXEMPT)):
            command = line
            for pattern, replacement in SHORTER:
                command = pattern.sub(replacement, command)
            yield command


@parametrize("sh")
def test_commands_run(block: Block, run: Run, request: pytest.FixtureRequest) -> None:
    """Every line of a shell block runs after those above it, and ends well."""
    for command in find_commands(block):
        if "pypy3" in command:
            request.getfixturevalue("pypy")
        run(command)


def test_few_commands_are_exempt() -> None:
    """Nothing but the set-up is left out."""
    lines = [line for block in find_blocks("sh") for line in block.text.splitlines() if line]
    exempt = {line.partition("#")[0].strip() for line in lines if line.startswith(EXEMPT)}
    assert exempt <= {"make bench", "make test", "pip install '.[all]'"}


@parametrize("python")
def test_python_runs(block: Block, run: Run, copy: Path) -> None:
    """Every Python block is a program that ends well."""
    (copy / "block.py").write_text(block.text)
    run("python block.py")


@parametrize("python", holding="Impl(")
def test_implementations_are_right(block: Block, run: Run, copy: Path) -> None:
    """An implementation in a guide goes through `verify` and `run`, as the guide says."""
    names = re.findall(r"^(\w+) = Impl\(", block.text, re.MULTILINE)
    assert names
    (copy / "block.py").write_text(block.text)
    for name in names:
        run(f"garagebench verify block.py:{name}")
        run(f"garagebench run --impl block.py:{name} --spaces 20 --stage encode --budget 1")


@parametrize("toml")
def test_toml_is_toml(block: Block) -> None:
    """Every TOML block can be read."""
    assert tomllib.loads(block.text)


@parametrize("toml", holding="[[floors]]")
def test_layouts_load(block: Block, tmp_path: Path) -> None:
    """Every layout in a guide is a garage."""
    path = tmp_path / "layout.toml"
    path.write_text(block.text)
    assert sum(Layout.from_toml(path).capacities) > 0


def find_links() -> list[tuple[Path, str]]:
    """Return every link to a file, with the document that it stands in."""
    links = (
        (document, target)
        for document in DOCUMENTS
        for target in LINK.findall(FENCE.sub("", document.read_text()))
        if not re.match(r"[a-z]+:", target)
    )
    return list(dict.fromkeys(links))


@pytest.mark.parametrize(
    ("document", "target"),
    [pytest.param(*link, id=f"{link[0].relative_to(ROOT)}-{link[1]}") for link in find_links()],
)
def test_links_lead_somewhere(document: Path, target: str) -> None:
    """Every relative link points to a file of the repository, every anchor to a heading of it."""
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    assert path.is_relative_to(ROOT)
    assert path.exists(), f"{document}: there is no {target}"
    if anchor:
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
        anchors = [
            re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings
        ]
        assert anchor in anchors


def test_the_readme_opens_with_what_it_is_for() -> None:
    """First comes the check of any code, then the worked example, with the published table in its section."""
    _, *sections = (ROOT / "README.md").read_text().split("\n## ")
    titles = [section.partition("\n")[0] for section in sections]
    assert titles[0] == "Did this change make it slower?"
    assert "garagebench check --base main --pytest" in sections[0]
    example = titles.index("The worked example: a parking garage")
    assert "<!-- garagebench:seed -->" in sections[example]


USEFUL = sorted({useful_generations(most) for most in range(LEAST_GENERATIONS, 21)})


@pytest.mark.parametrize(
    "sentence",
    [
        f"block of at least {BLOCK} requests",
        f"for {schedule.LEAD_NS / 1e6:g} ms, and at least one pass, it leads in",
        f"{schedule.LEAST_ROUNDS} to {schedule.MOST_ROUNDS} rounds",
        f"between {schedule.SHORTEST_SLICE_NS / 1e6:g} and {schedule.LONGEST_SLICE_NS / 1e6:g} ms",
        f"after {MOST_S:g} seconds at the latest",
        f"at least {CONFIDENCE * 100:.0f} %",
        f"Below {LEAST_GENERATIONS} generations",
        f"({', '.join(map(str, USEFUL))} and so on)",
        f"{schedule.WARM_UP_OTHERS} passes of each case on CPython, {schedule.WARM_UP['PyPy']} on PyPy",
    ],
)
def test_the_method_is_told_in_its_own_numbers(sentence: str) -> None:
    """The figures in docs/measuring.md are those that the engine uses."""
    assert sentence in " ".join((ROOT / "docs" / "measuring.md").read_text().split())

"""`garagebench report`: result files printed again, or put into a document."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pyperf
import pytest
from command_line import Garagebench, Invoke, WholeRun, assert_one_sentence

BEFORE = "# Ours\n\ntext before\n\n"
AFTER = "\n\ntext after, with trailing blanks  \n\n\n"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Return a document with markers for whole.json.gz around an old table."""
    path = tmp_path / "document.md"
    path.write_text(f"{BEFORE}<!-- garagebench:whole -->\nold\n<!-- /garagebench:whole -->{AFTER}")
    return path


def test_several_files_are_told_apart(
    whole: WholeRun, garagebench: Garagebench, tmp_path: Path
) -> None:
    """Several files are printed one after the other, each under its name."""
    other = shutil.copy(whole.file, tmp_path / "other.json.gz")
    single = garagebench("report", whole.file).stdout
    both = garagebench("report", whole.file, other).stdout
    assert both == f"\n{whole.file}:\n\n{single}\n{other}:\n\n{single}"


@pytest.mark.parametrize("form", ["json", "csv"])
def test_several_files_are_not_one_document(invoke: Invoke, whole: WholeRun, form: str) -> None:
    """JSON and CSV hold one result: times of different files must not land in one table unnoticed."""
    result = invoke("report", whole.file, f"{whole.file.parent}/other.json", "--format", form)
    assert_one_sentence(result, 2, f"--format {form} takes one FILE")


def test_update_replaces_between_the_markers_only(
    whole: WholeRun, garagebench: Garagebench, document: Path
) -> None:
    """--update puts the Markdown between the markers and leaves every other character; it says so."""
    ran = garagebench("report", whole.file, "--update", document)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == f"{document}: updated from {whole.file}\n"
    table = garagebench("report", whole.file).stdout
    marked = f"<!-- garagebench:whole -->\n\n{table}\n<!-- /garagebench:whole -->"
    assert document.read_text() == f"{BEFORE}{marked}{AFTER}"


def test_update_of_what_is_up_to_date_changes_nothing(
    whole: WholeRun, invoke: Invoke, document: Path
) -> None:
    """A second --update finds nothing to do, and says so."""
    invoke("report", whole.file, "--update", document)
    before = document.stat()
    result = invoke("report", whole.file, "--update", document)
    assert result.stderr == f"{document}: up to date from {whole.file}\n"
    assert document.stat().st_mtime_ns == before.st_mtime_ns
    assert document.stat().st_ino == before.st_ino


def test_update_takes_several_files(whole: WholeRun, invoke: Invoke, document: Path) -> None:
    """Each file goes between the markers of its own stem."""
    other = shutil.copy(whole.file, document.with_name("other.json.gz"))
    with document.open("a") as file:
        file.write("<!-- garagebench:other -->\n<!-- /garagebench:other -->\n")
    assert invoke("report", whole.file, other, "--update", document).exit_code == 0
    assert document.read_text().count("**park: ") == 2


def test_update_writes_markdown_only(whole: WholeRun, invoke: Invoke, document: Path) -> None:
    """A document gets Markdown: another format is refused instead of ignored."""
    result = invoke("report", whole.file, "--update", document, "--format", "csv")
    assert_one_sentence(result, 2, "--update", "--format csv")
    assert "old" in document.read_text()


def test_missing_markers_are_told(whole: WholeRun, invoke: Invoke, tmp_path: Path) -> None:
    """A document without the markers stays as it is; the two lines that it needs are printed for copying."""
    path = tmp_path / "bare.md"
    path.write_text(BEFORE)
    result = invoke("report", whole.file, "--update", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}: the markers of 'whole' are missing")
    assert result.stderr.splitlines()[1:] == [
        "<!-- garagebench:whole -->",
        "<!-- /garagebench:whole -->",
    ]
    assert path.read_text() == BEFORE


def test_a_missing_document_is_told(whole: WholeRun, invoke: Invoke) -> None:
    """--update makes no new document."""
    result = invoke("report", whole.file, "--update", "nosuch.md")
    assert_one_sentence(result, 1, "nosuch.md: No such file or directory; it has to be")
    assert not Path("nosuch.md").exists()


def test_a_missing_file_is_told(invoke: Invoke) -> None:
    """A result file that is not there is named."""
    result = invoke("report", "nosuch.json")
    assert_one_sentence(result, 1, "nosuch.json: cannot be read: No such file or directory")


def test_a_foreign_suite_is_told(invoke: Invoke) -> None:
    """A file of pyperf's own commands is a suite, but not one of ours."""
    metadata = {"name": "theirs"}
    run = pyperf.Run([1.0], metadata=metadata, collect_metadata=False)
    pyperf.BenchmarkSuite([pyperf.Benchmark([run])]).dump("theirs.json")
    result = invoke("report", "theirs.json")
    assert_one_sentence(result, 1, "theirs.json: a pyperf suite, but not written by garagebench")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", b""),
        ("text.json", b"nonsense"),
        ("object.json", b"{}"),
        ("list.json", b"[]"),
        ("plain.json.gz", b"nonsense"),
        ("cut.json.gz", gzip.compress(b'{"version": "1.0"}', mtime=0)[:-9]),
        ("binary.json", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_is_no_result_is_told(invoke: Invoke, name: str, content: bytes) -> None:
    """Whatever else is in the file: one sentence that names it."""
    Path(name).write_bytes(content)
    assert_one_sentence(invoke("report", name), 1, f"{name}: ")


def test_a_damaged_result_is_told(whole: WholeRun, invoke: Invoke) -> None:
    """A result file that ends early is named."""
    Path("cut.json.gz").write_bytes(whole.file.read_bytes()[:-100])
    assert_one_sentence(invoke("report", "cut.json.gz"), 1, "cut.json.gz: ")


def test_a_file_is_needed(invoke: Invoke) -> None:
    """`report` without a file is a mistake in the call."""
    assert_one_sentence(invoke("report"), 2, "FILE")

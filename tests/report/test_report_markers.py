"""The part of a document that garagebench writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garagebench.report.markers import replace_between_markers, update_document
from garagebench.run.report import ReportError

OPENING, CLOSING = "<!-- garagebench:seed -->", "<!-- /garagebench:seed -->"
texts = st.text(st.characters(codec="utf-8"))
newlines = st.sampled_from(["\n", "\r\n"])


@given(texts, texts, texts, texts)
def test_nothing_outside_the_markers_changes(before: str, old: str, after: str, new: str) -> None:
    """What stands before and after the markers, and the markers, stay character for character."""
    document = before + OPENING + old + CLOSING + after
    replaced = replace_between_markers(document, "seed", new)
    assert replaced.startswith(before + OPENING)
    assert replaced.endswith(CLOSING + after)


@given(texts, texts, texts, texts)
def test_replacing_twice_is_replacing_once(before: str, old: str, after: str, new: str) -> None:
    """The same replacement a second time changes nothing."""
    once = replace_between_markers(before + OPENING + old + CLOSING + after, "seed", new)
    assert replace_between_markers(once, "seed", new) == once


@given(newlines, st.lists(st.text("ab |", min_size=1)))
def test_the_replacement_gets_the_line_endings_of_the_document(
    newline: str, lines: list[str]
) -> None:
    """A document with CRLF has no bare line feed afterwards, one with LF no carriage return."""
    document = newline.join(["title", OPENING, CLOSING, ""])
    replaced = replace_between_markers(document, "seed", "\n".join(lines))
    assert replaced.count("\n") == replaced.count(newline)
    assert ("\r" in replaced) == (newline == "\r\n")


def test_the_replacement_is_set_off_by_blank_lines() -> None:
    """Markdown reads a table only after a blank line, so there is one on both sides."""
    document = f"a\n{OPENING}old{CLOSING}\nb\n"
    replaced = replace_between_markers(document, "seed", "| new |\n")
    assert replaced == f"a\n{OPENING}\n\n| new |\n\n{CLOSING}\nb\n"


def test_an_empty_replacement_empties() -> None:
    """Nothing to say leaves the markers on neighbouring lines."""
    replaced = replace_between_markers(f"{OPENING}\nold\n{CLOSING}", "seed", "")
    assert replaced == f"{OPENING}\n{CLOSING}"


def test_only_the_named_stem_is_replaced() -> None:
    """Markers of other stems, also of a longer one, are text like any other."""
    other = "<!-- garagebench:seed-2 -->\nkeep\n<!-- /garagebench:seed-2 -->\n"
    replaced = replace_between_markers(f"{other}{OPENING}\n{CLOSING}\n", "seed", "new")
    assert replaced == f"{other}{OPENING}\n\nnew\n\n{CLOSING}\n"


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("no markers", "the markers of 'seed' are missing"),
        (f"{CLOSING}\n{OPENING}", "are in the wrong order"),
        (f"{OPENING}\nunclosed", "are incomplete: the closing one is missing"),
        (f"unopened\n{CLOSING}", "are incomplete: the opening one is missing"),
        (f"{OPENING}{CLOSING}{OPENING}{CLOSING}", r"more than once \(2 opening, 2 closing\)"),
        (f"{OPENING}{OPENING}{CLOSING}", r"more than once \(2 opening, 1 closing\)"),
        (f"{OPENING}{OPENING}", r"more than once \(2 opening, 0 closing\)"),
    ],
)
def test_broken_markers_are_an_error_that_says_the_fix(document: str, complaint: str) -> None:
    """The error names the stem and what is wrong, and ends with the two lines to add."""
    with pytest.raises(ReportError, match=complaint) as caught:
        replace_between_markers(document, "seed", "new")
    assert str(caught.value).endswith(f"\n{OPENING}\n{CLOSING}")


@pytest.mark.parametrize("marker", [OPENING, CLOSING])
def test_a_replacement_with_markers_in_it_is_refused(marker: str) -> None:
    """A marker in the replacement would break the document for the next time."""
    with pytest.raises(ReportError, match="between the markers of 'seed' itself holds one"):
        replace_between_markers(f"{OPENING}{CLOSING}", "seed", f"a {marker} b")


def test_a_document_is_updated_byte_for_byte(tmp_path: Path) -> None:
    """The bytes outside the markers stay, with CRLF, a byte order mark and broken UTF-8."""
    path = tmp_path / "README.md"
    marked = b"\xef\xbb\xbfa \xff\r\n" + OPENING.encode() + b"%b" + CLOSING.encode() + b"\r\n\xe9"
    path.write_bytes(marked % b"old")
    assert update_document(path, "seed", "µs\n") is True
    assert path.read_bytes() == marked % "\r\n\r\nµs\r\n\r\n".encode()


def test_an_update_without_a_change_leaves_the_file_alone(tmp_path: Path) -> None:
    """What is up to date is not written again: its time of change stays."""
    path = tmp_path / "README.md"
    path.write_text(f"{OPENING}\n\nnew\n\n{CLOSING}\n")
    os.utime(path, (1, 1))
    assert update_document(str(path), "seed", "new") is False
    assert path.stat().st_mtime == 1


def test_an_update_keeps_the_mode(tmp_path: Path) -> None:
    """The new file may be read and run by whoever could the old one."""
    path = tmp_path / "README.md"
    path.write_text(OPENING + CLOSING)
    path.chmod(0o754)
    update_document(path, "seed", "new")
    assert path.stat().st_mode & 0o777 == 0o754


def test_an_update_goes_through_a_link(tmp_path: Path) -> None:
    """A symbolic link stays one, and what it points to is updated."""
    path, link = tmp_path / "README.md", tmp_path / "link.md"
    path.write_text(OPENING + CLOSING)
    link.symlink_to(path)
    update_document(link, "seed", "new")
    assert link.is_symlink()
    assert "new" in path.read_text()


def test_a_failed_update_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the new file cannot take its place, the old one stays and the new one goes."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "README.md"
    path.write_text(OPENING + CLOSING)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ReportError, match=r"README\.md: No space left on device; "):
        update_document(path, "seed", "new")
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_text() == OPENING + CLOSING


def test_an_update_replaces_the_file_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until a whole new file takes its place, the old one stands, in the same directory."""
    seen: list[tuple[str, str, str]] = []

    def look(new: str, old: str) -> None:
        seen.append((str(Path(new).parent), Path(new).read_text(), Path(old).read_text()))
        rename(new, old)

    path, rename = tmp_path / "README.md", os.replace
    path.write_text(OPENING + CLOSING)
    monkeypatch.setattr(os, "replace", look)
    update_document(path, "seed", "new")
    after = f"{OPENING}\n\nnew\n\n{CLOSING}"
    assert seen == [(str(tmp_path), after, OPENING + CLOSING)]


def test_an_error_names_the_document(tmp_path: Path) -> None:
    """Broken markers and a missing file are errors that say which file it is, and change none."""
    path = tmp_path / "README.md"
    with pytest.raises(ReportError, match=r"README\.md: No such file"):
        update_document(path, "seed", "new")
    path.write_text("no markers")
    with pytest.raises(ReportError, match=r"README\.md: the markers of 'seed' are missing"):
        update_document(path, "seed", "new")
    assert path.read_text() == "no markers"

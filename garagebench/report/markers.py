"""The part of a document that garagebench writes, between two markers."""

import os
import re
import stat
from contextlib import suppress

from garagebench.run.report import ReportError

#: Bytes that are not UTF-8 come back as they were.
ENCODING = ("utf-8", "surrogateescape")


def replace_between_markers(document: str, stem: str, replacement: str) -> str:
    """Return the document with the replacement between the stem's markers, set off by blank lines.

    Every other character stays; the replacement gets the document's line endings. ReportError if
    there is not exactly one pair of markers.
    """
    opening, closing = make_markers(stem)
    if opening in replacement or closing in replacement:
        raise ReportError(
            f"the text to put between the markers of {stem!r} itself holds one: take it out"
        )
    start, end = _find(document, stem, opening, closing)
    newline = _find_newline(document)
    body = replacement.replace("\r\n", "\n").strip("\n")
    between = f"\n\n{body}\n\n" if body else "\n"
    return document[:start] + between.replace("\n", newline) + document[end:]


def update_document(path: str | os.PathLike[str], stem: str, replacement: str) -> bool:
    """Replace between the markers in a file, whole or not at all; return whether it changed."""
    target = os.path.realpath(path)
    try:
        with open(target, "rb") as file:
            before = file.read().decode(*ENCODING)
        after = replace_between_markers(before, stem, replacement)
        if after != before:
            _replace_file(target, after.encode(*ENCODING))
    except OSError as error:
        raise ReportError(
            f"{path}: {error.strerror}; it has to be a file that can be written"
        ) from error
    except ReportError as error:
        raise ReportError(f"{path}: {error}") from error
    return after != before


def make_markers(stem: str) -> tuple[str, str]:
    """Return the opening and the closing marker of a result file's stem."""
    return f"<!-- garagebench:{stem} -->", f"<!-- /garagebench:{stem} -->"


def _find(document: str, stem: str, opening: str, closing: str) -> tuple[int, int]:
    """Return where the text between the markers starts and ends."""
    counts = document.count(opening), document.count(closing)
    if counts == (1, 1):
        start, end = document.index(opening) + len(opening), document.index(closing)
        if start <= end:
            return start, end
        amiss = "are in the wrong order"
    elif counts == (0, 0):
        amiss = "are missing"
    elif max(counts) > 1:
        amiss = f"stand there more than once ({counts[0]} opening, {counts[1]} closing)"
    else:
        amiss = "are incomplete: the " + ("closing" if counts[0] else "opening") + " one is missing"
    raise ReportError(
        f"the markers of {stem!r} {amiss}; the document needs these two lines, once and in this "
        f"order:\n{opening}\n{closing}"
    )


def _find_newline(document: str) -> str:
    """Return the line ending of the document's first line."""
    first = re.search(r"\r?\n", document)
    return first[0] if first else "\n"


def _replace_file(path: str, content: bytes) -> None:
    """Write the file by way of a new one beside it, which takes over its mode."""
    new = f"{path}.{os.getpid()}.tmp"
    file = open(new, "xb")  # noqa: SIM115 - one that is there already is not ours to remove
    try:
        with file:
            file.write(content)
        os.chmod(new, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise

"""One comment for each job on a pull request, written once and then updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

#: Letters that a comment may have; GitHub takes 65,536.
MOST_LETTERS = 60_000


class HasComments(Protocol):
    """What `hosts.CommentThread` offers."""

    def list(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each comment."""

    def add(self, text: str) -> None:
        """Add a comment."""

    def change(self, number: int, text: str) -> None:
        """Replace the text of a comment."""


def name_job(environment: Mapping[str, str]) -> str:
    """Return what tells the comments of jobs apart that are beside each other."""
    names = ("GITHUB_WORKFLOW", "GITHUB_JOB", "CI_JOB_NAME")
    return "/".join(environment[name] for name in names if environment.get(name)) or "check"


def make_comment(key: str, headline: str, table: str, link: str | None) -> str:
    """Return the text: a mark that nobody sees, the headline, the table folded, and a link to the report."""
    lines = table.rstrip().split("\n")
    kept: list[str] = []
    left = MOST_LETTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            kept += ["", f"{len(lines) - len(kept)} more lines are in the report."]
            break
        kept.append(line)
    parts = [
        make_mark(key),
        f"**{headline}**",
        "<details><summary>Details</summary>\n",
        "\n".join(kept),
        "\n</details>",
    ]
    if link is not None:
        parts.append(f"[Report with pictures]({link})")
    return "\n\n".join(parts) + "\n"


def make_mark(key: str) -> str:
    """Return the first line of a job's comment, by which it is found again. A comment of HTML has no "--" in it."""
    return f"<!-- garagebench: {key.replace('--', '- -').replace('>', '')} -->"


def write_comment(thread: HasComments, key: str, text: str) -> str:
    """Write the comment of a job, or update the one that is there; return "written" or "updated". Raises ForgeError."""
    mark = make_mark(key)
    for number, body in thread.list():
        if body.startswith(mark):
            thread.change(number, text)
            return "updated"
    thread.add(text)
    return "written"

"""What git knows of a commit, and where its page is."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from garagebench.gate.trees.git import Git, resolve
from garagebench.history.points import Commit, HistoryError


def find_commit(git: Git, name: str) -> Commit:
    """Return the commit that a name means. Raises RevisionError."""
    commit = resolve(git, name)
    date, _, title = git.text(
        "show", "--no-patch", "--no-show-signature", "--format=%cI%n%s", commit
    ).partition("\n")
    return Commit(commit, date, title)


def make_link(git: Git, template: str | None) -> Callable[[str], str | None]:
    """Return how the address of a commit's page is made: by the template, or from the remote that the repository has."""
    if template is not None:
        if "{commit}" not in template:
            raise HistoryError(f"--commit-url {template}: has no {{commit}} in it")
        return lambda commit: template.replace("{commit}", commit)
    page = _find_page(git.text("remote", "get-url", "origin"))
    if page is None:
        return lambda _: None
    word = "/-/commit/" if "gitlab" in page else "/commit/"
    return lambda commit: f"{page}{word}{commit}"


def _find_page(remote: str) -> str | None:
    """Return the address of a repository's page; None: the remote is a path, or nothing that a browser opens."""
    if match := re.fullmatch(r"(?:ssh://)?git@([\w.-]+)[:/](.+?)(?:\.git)?/?", remote):
        return f"https://{match[1]}/{match[2]}"
    split = urlsplit(remote)
    if split.scheme not in ("http", "https") or not split.hostname:
        return None
    # Without what somebody may have written before the "@": a token, say.
    port = f":{split.port}" if split.port else ""
    path = split.path.rstrip("/").removesuffix(".git")
    return f"{split.scheme}://{split.hostname}{port}{path}"

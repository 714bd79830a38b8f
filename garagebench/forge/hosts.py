"""The comments of a pull request on GitHub, or the notes of a merge request on GitLab, over their APIs.

https://docs.github.com/rest/issues/comments and https://docs.gitlab.com/api/notes have the requests.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from garagebench.errors import GarageError

#: Seconds that a request may take.
TIMEOUT_S = 20.0

#: Comments of one page, and pages that are looked through.
PAGE, MOST_PAGES = 100, 50


class ForgeError(GarageError):
    """A comment cannot be read or written; the text says why, and what would help."""


@dataclass(frozen=True)
class CommentThread:
    """The comments of one request. address: of their list; headers: with the token; update: the method that changes one.

    help: what to do where it is refused.
    """

    address: str
    one: str
    headers: Mapping[str, str]
    update: str
    help: str

    def list(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each comment. Raises ForgeError."""
        for page in range(1, MOST_PAGES + 1):
            found = self._ask("GET", f"{self.address}?per_page={PAGE}&page={page}")
            try:
                # A mapping has no slices, so that it raises, too.
                comments = [(int(one["id"]), str(one.get("body") or "")) for one in found[:PAGE]]
            except (TypeError, KeyError, ValueError, AttributeError):
                raise ForgeError(f"{self.address}: no list of comments") from None
            yield from comments
            if len(found) < PAGE:
                return

    def add(self, text: str) -> None:
        """Add a comment. Raises ForgeError."""
        self._ask("POST", self.address, text)

    def change(self, number: int, text: str) -> None:
        """Replace the text of a comment. Raises ForgeError."""
        self._ask(self.update, f"{self.one}/{number}", text)

    def _ask(self, method: str, address: str, text: str | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  the address is that of the user's own CI
            address,
            None if text is None else json.dumps({"body": text}).encode(),
            {**self.headers, "Content-Type": "application/json", "User-Agent": "garagebench"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = f"{method} {address}: {error.code} {error.reason}"
            raise ForgeError(f"{told}: {self.help}" if error.code < 500 else told) from None  # noqa: PLR2004  theirs
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ForgeError(f"{method} {address}: {reason}") from None


def find_thread(environment: Mapping[str, str], number: int | None) -> CommentThread:
    """Return the comments of the request that this job is of. number: of the request, where the job does not know it.

    Raises ForgeError.
    """
    if environment.get("GITLAB_CI"):
        return _find_gitlab(environment, number)
    if "GITHUB_REPOSITORY" in environment:
        return _find_github(environment, number)
    raise ForgeError(
        "no GITHUB_REPOSITORY and no GITLAB_CI: comments are written by jobs of GitHub and GitLab"
    )


def _find_github(environment: Mapping[str, str], number: int | None) -> CommentThread:
    if number is None:
        number = _read_number(environment.get("GITHUB_EVENT_PATH"))
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
    if not token:
        raise ForgeError("no GITHUB_TOKEN: give the step `env: GITHUB_TOKEN: ${{ github.token }}`")
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    issues = f"{api}/repos/{environment['GITHUB_REPOSITORY']}/issues"
    return CommentThread(
        f"{issues}/{number}/comments",
        f"{issues}/comments",
        {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        "PATCH",
        "the job needs `permissions: pull-requests: write`, which pull requests from forks do not get",
    )


def _read_number(path: str | None) -> int:
    """Return the number of the pull request in the event that started the job."""
    try:
        event = json.loads(Path(path or "").read_text(encoding="utf-8"))
        return int(event["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ForgeError("this job is of no pull request: name one with --number") from None


def _find_gitlab(environment: Mapping[str, str], number: int | None) -> CommentThread:
    request = number or environment.get("CI_MERGE_REQUEST_IID")
    if request is None:
        raise ForgeError("this job is of no merge request: name one with --number")
    token = environment.get("GITLAB_TOKEN")
    if not token:
        raise ForgeError("no GITLAB_TOKEN: make a project access token with the scope `api`")
    missing = [name for name in ("CI_API_V4_URL", "CI_PROJECT_ID") if not environment.get(name)]
    if missing:
        raise ForgeError(f"no {missing[0]}: a job of GitLab has it")
    project = quote(environment["CI_PROJECT_ID"], safe="")
    notes = f"{environment['CI_API_V4_URL']}/projects/{project}/merge_requests/{request}/notes"
    return CommentThread(
        notes, notes, {"PRIVATE-TOKEN": token}, "PUT", "the token needs the scope `api`"
    )

"""`garagebench comment`, with stand-ins for the APIs of GitHub and GitLab on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from garagebench.forge.comments import MOST_LETTERS, make_comment, make_mark, name_job

VERDICT: dict[str, Any] = {
    "verdict": "slower",
    "exit_code": 3,
    "attributed_to": None,
    "seconds": 12.0,
    "cases": [
        {
            "case": "bench/test_a.py::test_a[<b>]",
            "part_of": None,
            "impl": None,
            "runtime": "cpython3.11",
            "operation": None,
            "stage": None,
            "verdict": "slower",
            "change_percent": 12.0,
            "low": 11.0,
            "high": 13.0,
            "threshold_percent": 5.0,
            "generations": 15,
            "head_slower": 15,
            "changes_percent": [12.0] * 15,
        }
    ],
    "base": "main",
    "head": "working tree",
    "notes": ["a note"],
    "instructions": [],
    "one_sided": [],
    "sources": {},
    "dependencies": [],
    "processes": [],
    "host_speeds": [1.0],
    "machine": "a machine",
    "base_commit": None,
    "head_commit": None,
    "schema": 5,
}


class StandIn(ThreadingHTTPServer):
    """Keeps comments as the APIs do. status: what it answers instead, if not 0."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.status = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Lists, adds and changes comments, whatever comes before the last word of the path."""

    server: StandIn

    def do_GET(self) -> None:
        """List a page of the comments."""
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self.answer(self.server.comments[size * (page - 1) : size * page])

    def do_POST(self) -> None:
        """Add a comment."""
        self.server.comments.append({"id": len(self.server.comments) + 1, **self.read()})
        self.answer(self.server.comments[-1])

    def do_PATCH(self) -> None:
        """Change a comment."""
        number = int(self.path.rpartition("/")[2])
        self.server.comments[number - 1] |= self.read()
        self.answer(self.server.comments[number - 1])

    do_PUT = do_PATCH  # noqa: N815

    def read(self) -> dict[str, Any]:
        """Return what was sent."""
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def answer(self, data: object) -> None:
        """Answer with the data, or as the stand-in was told to."""
        self.server.asked.append((self.command, urlsplit(self.path).path))
        self.server.tokens.add(self.headers["Authorization"] or self.headers["PRIVATE-TOKEN"])
        text = json.dumps(data).encode()
        self.send_response(self.server.status or 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[StandIn]:
    """A stand-in that runs."""
    server = StandIn()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def comment(place: Path, api_url: str, *more: str, **variables: str) -> str:
    """Run the command as a job of GitHub would; what it says. It ends with 0 in any case."""
    (place / "verdict.json").write_text(json.dumps(VERDICT))
    event = place / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    usual = {
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_API_URL": api_url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_WORKFLOW": "Performance",
        "GITHUB_JOB": "check",
        "GITHUB_TOKEN": "secret",
    }
    done = subprocess.run(
        [sys.executable, "-m", "garagebench", "comment", "verdict.json", *more],
        cwd=place,
        env={**kept, **usual, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_comment_is_made_and_then_updated(api: StandIn, tmp_path: Path) -> None:
    """There is one comment however often the job runs, with headline, table and link; others stay as they are."""
    api.comments += [{"id": number + 1, "body": f"talk {number}"} for number in range(150)]
    assert "comment written" in comment(tmp_path, api.url, "--link", "https://example.org/r")
    assert "comment updated" in comment(tmp_path, api.url, "--link", "https://example.org/new")
    assert len(api.comments) == 151
    body = api.comments[-1]["body"]
    assert "slower: bench/test" in body
    assert "<details>" in body
    assert "[Report with pictures](https://example.org/new)" in body
    assert "test_a[<b>]" not in body  # it is text, and no markup
    assert api.asked[0][1] == "/repos/owner/name/issues/7/comments"
    assert api.tokens == {"Bearer secret"}


def test_two_jobs_have_a_comment_each(api: StandIn, tmp_path: Path) -> None:
    """A job does not change the comment of another one."""
    comment(tmp_path, api.url)
    comment(tmp_path, api.url, GITHUB_JOB="other")
    comment(tmp_path, api.url)
    assert [one["body"].partition("\n")[0] for one in api.comments] == [
        "<!-- garagebench: Performance/check -->",
        "<!-- garagebench: Performance/other -->",
    ]


@pytest.mark.parametrize(("status", "told"), [(403, "403"), (404, "404"), (500, "500")])
def test_a_refusal_is_a_warning(api: StandIn, tmp_path: Path, status: int, told: str) -> None:
    """Without permission, or where the API fails, the job goes on; of a refusal it is told what is needed."""
    api.status = status
    said = comment(tmp_path, api.url, GITHUB_ACTIONS="true")
    assert said.startswith("::warning title=garagebench::no comment was written")
    assert told in said
    assert ("pull-requests: write" in said) is (status in (403, 404))


@pytest.mark.parametrize("answer", [{}, {"no": "list"}, [1], [{"body": "without a number"}]])
def test_an_answer_that_is_no_list_of_comments_is_a_warning(
    api: StandIn, tmp_path: Path, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is added to what was not understood."""
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.answer(answer))
    assert "no list" in comment(tmp_path, api.url, GITHUB_ACTIONS="true")
    assert api.comments == []


def test_an_api_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    """Nobody answers: the job goes on."""
    assert "no comment was written" in comment(tmp_path, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN"),
        ({"GITHUB_EVENT_PATH": ""}, "--number"),
    ],
)
def test_what_is_missing_is_named(
    api: StandIn, tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    """A job without a token or of no pull request is told so."""
    assert told in comment(tmp_path, api.url, **variables)
    assert not api.comments


def test_a_number_names_the_request(api: StandIn, tmp_path: Path) -> None:
    """A job that another workflow has started names the pull request itself."""
    comment(tmp_path, api.url, "--number", "12", GITHUB_EVENT_PATH="")
    assert api.asked[0][1] == "/repos/owner/name/issues/12/comments"


def test_a_merge_request_of_gitlab_has_a_note(api: StandIn, tmp_path: Path) -> None:
    """The note is added and then changed, with the token of the project."""
    variables = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{api.url}/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "8",
        "CI_JOB_NAME": "performance",
        "GITLAB_TOKEN": "secret",
    }
    comment(tmp_path, api.url, **variables)
    comment(tmp_path, api.url, **variables)
    notes = "/api/v4/projects/5/merge_requests/8/notes"
    assert api.asked == [("GET", notes), ("POST", notes), ("GET", notes), ("PUT", f"{notes}/1")]
    assert api.tokens == {"secret"}


def test_a_file_that_is_no_verdict_is_an_error(tmp_path: Path) -> None:
    """One sentence that names the file."""
    (tmp_path / "x.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "garagebench", "comment", "x.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: x.json: not what `check --format json` prints\n"


def test_a_long_table_is_cut_and_told() -> None:
    """A comment stays below what GitHub takes, and says how much is missing."""
    text = make_comment("k", "slower", "\n".join(["| a long line |"] * 10_000), None)
    assert len(text) < MOST_LETTERS + 500
    assert "more lines are in the report" in text


def test_a_mark_stays_a_comment() -> None:
    """A name of a job cannot end the comment of HTML that it is in."""
    assert make_mark("a --> b") == "<!-- garagebench: a - - b -->"
    assert name_job({}) == "check"

"""A `garagebench serve` of one's own: started, asked for its counts, stopped, and gone in any case."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from garagebench.errors import GarageError
from garagebench.system.parent_death import die_with_parent

#: Seconds from the start of a server to its URL; the slowest takes one on an idle machine.
START_S = 30.0

#: Seconds from SIGTERM to its end: its own deadline for requests in flight is 10.
STOP_S = 20.0

#: Seconds for the reply to a request for the counts.
ASK_S = 10.0

_BOOKS = re.compile(r"^parked (\d+), unparked (\d+), given back (\d+), taken (\d+)$", re.MULTILINE)
_SAMPLE = re.compile(r'^garagebench_replies_total\{operation="(\w+)",status="(\d+)"\} (\S+)$')
_GIVEN_BACK = "garagebench_given_back_total "
_TAKEN = re.compile(r'^garagebench_spaces\{.*state="taken"\} (\S+)$')

OK = 200


class ServerFailed(GarageError):
    """A server could not be started, asked or stopped; the text ends with its own last sentence.

    status: what becomes of the rows that rest on it.
    """

    status = "invalid"


@dataclass(frozen=True)
class Books:
    """What a server says of itself when it ends."""

    parked: int
    unparked: int
    given_back: int
    taken: int

    @property
    def balanced(self) -> bool:
        """Whether what was given out less what was given back is what the garage holds."""
        return self.parked - self.unparked - self.given_back == self.taken

    def __str__(self) -> str:
        return (
            f"parked {self.parked}, unparked {self.unparked}, "
            f"given back {self.given_back}, taken {self.taken}"
        )


@dataclass(frozen=True)
class Counts:
    """What a running server has counted. replies: (operation, status) -> replies, 200s included.

    taken: spaces that its garage holds.
    """

    replies: Mapping[tuple[str, int], int] = field(default_factory=dict)
    given_back: int = 0
    taken: int = 0

    def of(self, operation: str) -> int:
        """Return the replies of that operation, whatever their status."""
        return sum(count for (name, _), count in self.replies.items() if name == operation)

    @property
    def total(self) -> int:
        """All replies that have anything to do with a space, and all refusals."""
        return sum(self.replies.values())

    @property
    def books(self) -> Books:
        """The books as they stand."""
        parked, unparked = (self.replies.get((name, OK), 0) for name in ("park", "unpark"))
        return Books(parked, unparked, self.given_back, self.taken)


class ServerProcess:
    """A running `garagebench serve --port 0`, in a session of its own. Use it as a context manager.

    arguments: those of `garagebench serve`. core: what every thread of it is kept on; None: wherever the system puts it.
    module: what is run instead of that command; it must speak as that does. Raises ServerFailed where it cannot
    start, with what it says about that.
    """

    def __init__(
        self, arguments: Sequence[str], core: int | None = None, *, module: str = ""
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        self._is_open = True
        command = [module] if module else ["garagebench", "serve", "--port", "0"]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", *command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is ours to handle
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509  the child only calls the kernel
        )
        try:
            self._pin(core)
            self.url = self._read_url()
        except BaseException:
            self.close()
            raise
        address = urlsplit(self.url)
        self.host = address.hostname or ""
        self.port = address.port or 0

    @property
    def pid(self) -> int:
        """The process that was started; some servers work in others below it."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self.close()

    def read_counts(self) -> Counts:
        """Return what it has counted until now. Raises ServerFailed where it does not say."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ASK_S)
        try:
            connection.request("GET", "/metrics")
            reply = connection.getresponse()
            text = reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise ServerFailed(self._explain(f"it does not say its counts: {error}")) from None
        finally:
            connection.close()
        if reply.status != OK:
            raise ServerFailed(
                f"{self.url}/metrics answers {reply.status}: its counts need prometheus_client: "
                "pip install prometheus-client"
            )
        return parse_counts(text)

    def stop(self, timeout_s: float = STOP_S) -> Books:
        """Send SIGTERM, wait for the end, and return the books. Raises ServerFailed for an end without books."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ServerFailed(
                self._explain(f"it has not ended {timeout_s:g} s after SIGTERM")
            ) from None
        found = _BOOKS.search(self.read_errors())
        if found is None or code != 0:
            raise ServerFailed(self._explain(f"it ended with exit code {code}"))
        parked, unparked, given_back, taken = map(int, found.groups())
        return Books(parked, unparked, given_back, taken)

    def read_errors(self) -> str:
        """Return all that it wrote to standard error."""
        # Not through our own descriptor: its offset is the server's, too, and moving it would overwrite what was said.
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode(errors="replace")

    def close(self) -> None:
        """Kill it, with all that it started, and wait for it; once is enough."""
        if not self._is_open:
            return
        self._is_open = False
        with contextlib.suppress(
            ProcessLookupError
        ):  # also after `stop`: it may have left children
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None  # noqa: S101  for the type checker
        self._process.stdout.close()
        self._errors.close()

    def _pin(self, core: int | None) -> None:
        # Before it imports anything: every thread and process that it starts inherits the core.
        if core is None:
            return
        with contextlib.suppress(ProcessLookupError):  # dead already: its URL will be missed
            try:
                os.sched_setaffinity(self._process.pid, {core})
            except PermissionError as error:
                raise ServerFailed(
                    f"the server cannot be kept on core {core}: {error.strerror}"
                ) from None

    def _read_url(self) -> str:
        assert self._process.stdout is not None  # noqa: S101  for the type checker
        end_s = time.monotonic() + START_S
        line = b""
        while not line.endswith(b"\n"):
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not select.select([self._process.stdout], [], [], left_s)[0]:
                raise ServerFailed(
                    self._explain(f"the server has not said its URL within {START_S:g} s")
                )
            piece = os.read(self._process.stdout.fileno(), 4096)
            if not piece:
                self._process.wait()
                raise ServerFailed(self._explain("the server cannot start"))
            line += piece
        return line.decode().strip()

    def _explain(self, what: str) -> str:
        lines = [line.strip() for line in self.read_errors().splitlines() if line.strip()]
        return f"{what}: {lines[-1].removeprefix('Error: ')}" if lines else what


def parse_counts(text: str) -> Counts:
    """Return the counts in the text of /metrics."""
    replies: dict[tuple[str, int], int] = {}
    given_back = taken = 0
    for line in text.splitlines():
        found = _SAMPLE.match(line)
        if found is not None:
            replies[found[1], int(found[2])] = int(float(found[3]))
        elif line.startswith(_GIVEN_BACK):
            given_back = int(float(line.removeprefix(_GIVEN_BACK)))
        elif (space := _TAKEN.match(line)) is not None:
            taken += int(float(space[1]))
    return Counts(replies, given_back, taken)


def _environment() -> dict[str, str]:
    """Return our environment for a server of this very garagebench, with no options but those that it is given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GARAGEBENCH_")}
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}

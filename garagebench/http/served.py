"""A live server that is measured: bursts of requests, and the CPU time of the kernel's books at their edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from garagebench.engine.channel import WorkerFailed
from garagebench.errors import Unavailable
from garagebench.http.burst import Burst, describe_reply
from garagebench.http.client import Answer, Client
from garagebench.http.tally import Tally
from garagebench.probe.accounting import CoreTimes, Threads, read_at_rest, read_core
from garagebench.probe.process import Counts, ServerFailed, ServerProcess

OK = 200

#: Warming up and leading in go by parts of a burst, of which there are so many.
PARTS = 20


@dataclass(frozen=True)
class Order:
    """What to start and what to ask it. module: "" for `garagebench serve`.

    meters: the names under which an operation's CPU time and latency are kept, those of figures that are wanted.
    """

    arguments: tuple[str, ...]
    burst: Burst
    meters: Mapping[str, tuple[str, str]]
    module: str = ""


@dataclass(frozen=True)
class _Cost:
    """Of one burst of one operation: CPU time of the server, and the median time from request to reply."""

    cpu_ns: int
    latency_ns: float


class Served:
    """A server, one connection to it, and its tally. Raises WorkerFailed where it does not do what it should."""

    def __init__(self, order: Order, core: int | None, tally: Tally) -> None:
        self._order = order
        self._core = core
        self._tally = tally
        self._booked = Counts()
        self._unbooked = 0
        try:
            self._server = ServerProcess(order.arguments, core, module=order.module)
        except ServerFailed as failure:
            raise WorkerFailed(str(failure), failure.status) from None
        try:
            self._client = Client(self._server.host, self._server.port)
        except OSError as error:
            self._server.close()
            raise WorkerFailed(f"it takes no connection: {error}") from None
        self._requests = {
            operation: self._client.make_requests(operation, bodies)
            for operation, bodies in order.burst.requests.items()
        }

    @property
    def part(self) -> int:
        """Requests of one operation in a part of a burst."""
        return max(1, len(self._order.burst.parks) // PARTS)

    def close(self) -> None:
        """End both."""
        self._client.close()
        self._server.close()

    def warm(self, parts: int) -> None:
        """Ask so many parts of a burst. Other servers may have been measured for a while since the last time."""
        try:
            self._client.refresh()
        except OSError as error:
            raise WorkerFailed(f"it takes no more connections: {error}") from None
        for _ in range(parts):
            for operation in self._requests:
                self._ask(operation, self.part)

    def measure(self, lead_in: int, bursts: int) -> dict[str, list[float]]:
        """Let so many parts lead in, and ask so many bursts; name -> nanoseconds for one request, a value for each burst.

        CPU time is divided by the requests that the server counted.
        """
        before = self._read_counts()
        self.warm(lead_in)
        core_before = self._read_core()
        costs = [self._run_burst() for _ in range(bursts)]
        core_after = self._read_core()
        after = self._read_counts()
        self._book(after)
        self._tally.add_core(core_before, core_after)
        values: dict[str, list[float]] = {}
        for operation, (cpu, latency) in self._order.meters.items():
            served = after.of(operation) - before.of(operation) - lead_in * self.part
            if served <= 0:
                raise WorkerFailed(f"the server counted no {operation} request")
            values[cpu] = [burst[operation].cpu_ns * bursts / served for burst in costs]
            if latency:
                values[latency] = [burst[operation].latency_ns for burst in costs]
        return values

    def _run_burst(self) -> dict[str, _Cost]:
        """Ask one burst of each operation; operation -> what it cost."""
        costs = {}
        before = self._read_threads()
        for operation, requests in self._requests.items():
            answers = self._ask(operation, len(requests))
            after = self._read_threads()
            used = after.since(before)
            if used is None:
                raise WorkerFailed(
                    "a thread of the server ended while it was measured, and its CPU time is lost"
                )
            self._tally.add_usage(used)
            costs[operation] = _Cost(used.cpu_ns, median(answer.time_ns for answer in answers))
            before = after
        return costs

    def _ask(self, operation: str, many: int) -> list[Answer]:
        """Ask the first so many requests of an operation, and hold the replies against what they must be."""
        tally = self._tally
        tally.requests += many
        try:
            answers = self._client.ask(self._requests[operation][:many])
        except OSError as error:
            tally.errors += 1
            raise WorkerFailed(f"a {operation} request got no reply: {error}") from None
        tally.replies += many
        tally.unbooked += many
        self._unbooked += many
        expected = self._order.burst.replies[operation]
        for answer, body in zip(answers, expected, strict=False):
            if answer.status == OK and answer.body != body:
                raise WorkerFailed(
                    f"{operation} is answered {describe_reply(answer.body)}; expected {body.decode()}",
                    "wrong",
                )
            tally.ok += answer.status == OK
        return answers

    def _book(self, counts: Counts) -> None:
        """Take what the server has counted since the last time; the garage must be empty, as it was at first."""
        self._tally.served += sum(
            counts.of(operation) - self._booked.of(operation) for operation in self._requests
        )
        self._booked = counts
        self._tally.unbooked -= self._unbooked
        self._unbooked = 0
        if not counts.books.balanced or counts.taken:
            raise WorkerFailed(f"the books do not balance: {counts.books}")

    def _read_counts(self) -> Counts:
        try:
            return self._server.read_counts()
        except ServerFailed as failure:
            raise WorkerFailed(str(failure), failure.status) from None

    def _read_threads(self) -> Threads:
        try:
            threads = read_at_rest(self._server.pid)
        except Unavailable as error:
            raise WorkerFailed(str(error), error.status) from None
        if not threads.at_rest:
            raise WorkerFailed("the server does not go to sleep, so its CPU time cannot be read")
        return threads

    def _read_core(self) -> CoreTimes | None:
        if self._core is None:
            return None
        try:
            return read_core(self._core)
        except Unavailable:
            return None

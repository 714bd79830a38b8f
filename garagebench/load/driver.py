"""The load from this process: requests on schedule (open), or each when the last was answered (closed)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter_ns

from garagebench.load.cars import Cars, Request
from garagebench.load.connections import Answer, Connections
from garagebench.load.latencies import Latencies
from garagebench.load.stop import Stop

#: The longest sleep: a signal is looked for at least so often.
NAP_NS = 50_000_000

#: How long after its end an open-loop run still sends what was due before, and how long a server may be gone.
GRACE_NS = 5_000_000_000

SECOND_NS = 1_000_000_000

#: Called about once a second with the seconds gone.
Tick = Callable[[float], object]


@dataclass
class Tally:
    """What a run gave. latencies: of requests with a reply. delays: from the intended moment to the sending, open loop only.

    replies: by status. unsent: due, but never sent for want of a connection. busy_s: from the first request to the
    last reply.
    """

    latencies: Latencies = field(default_factory=Latencies)
    delays: Latencies = field(default_factory=Latencies)
    replies: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    unsent: int = 0
    busy_s: float = 0.0

    def book(self, answers: list[Answer]) -> None:
        """Count what has become of requests."""
        for _, intended_ns, came_ns, status, _ in answers:
            if status:
                self.replies[status] += 1
                self.latencies.add((came_ns - intended_ns) // 1000)


class Driver:
    """Sends what the cars ask over the connections, until all is answered or `stop` says so.

    untimed: the replies to what fills and empties the garage, by status.
    """

    def __init__(self, connections: Connections, cars: Cars, stop: Stop) -> None:
        self._connections = connections
        self._cars = cars
        self._stop = stop
        self.untimed = Counter[int]()

    def fill(self) -> None:
        """Park until the cars are as many as they are to be; where fewer fit, half of those; untimed."""
        cars = self._cars
        self.untimed += self._run(lambda: None if self._stop.asked else cars.choose_park()).replies
        if cars.refused:
            cars.most = len(cars.held) // 2
            self.untimed += self._run(
                lambda: cars.choose_unpark() if len(cars.held) > cars.most else None
            ).replies

    def drain(self) -> None:
        """Unpark all cars; untimed."""
        self.untimed += self._run(self._cars.choose_unpark).replies

    def closed(self, duration_s: float, tick: Tick) -> Tally:
        """Send on each connection when the reply has come; return what that gave."""
        begin_ns = perf_counter_ns()
        end_ns = begin_ns + int(duration_s * 1e9)
        cars, stop = self._cars, self._stop

        def choose() -> Request | None:
            return None if stop.asked or perf_counter_ns() >= end_ns else cars.choose_in_turn()

        return self._run(choose, tick)

    def open(self, schedule: Iterator[int], duration_s: float, tick: Tick) -> Tally:
        """Send on schedule, and time each request from its intended moment; return what that gave."""
        connections, cars, stop, tally = self._connections, self._cars, self._stop, Tally()
        free, waiting = connections.free, deque[int]()
        begin_ns = now_ns = perf_counter_ns()
        end_ns = begin_ns + int(duration_s * 1e9)
        clock = _Clock(begin_ns, tick)
        due_ns = begin_ns + next(schedule)
        while True:
            if stop.asked:
                due_ns = end_ns
                waiting.clear()
            while due_ns <= now_ns and due_ns < end_ns:
                waiting.append(due_ns)
                due_ns = begin_ns + next(schedule)
            while waiting and free:
                intended_ns = waiting.popleft()
                sent_ns = connections.send(cars.choose_in_turn(), intended_ns)
                tally.sent += 1
                tally.delays.add((sent_ns - intended_ns) // 1000)
            if now_ns > end_ns + GRACE_NS:
                tally.unsent += len(waiting)
                waiting.clear()
            if due_ns >= end_ns and not waiting and not connections.busy:
                break
            nap_ns = NAP_NS if due_ns >= end_ns else min(due_ns - perf_counter_ns(), NAP_NS)
            self._settle(connections.receive(max(nap_ns, 0)), tally)
            now_ns = clock.look()
        tally.busy_s = ((now_ns if stop.asked else max(now_ns, end_ns)) - begin_ns) / 1e9
        return tally

    def _run(self, choose: Callable[[], Request | None], tick: Tick = lambda _: None) -> Tally:
        """Send what is chosen whenever a connection is free, until there is nothing to send and nothing on its way."""
        connections, tally = self._connections, Tally()
        clock = _Clock(perf_counter_ns(), tick)
        now_ns = alive_ns = clock.begin_ns
        while True:
            while connections.free and (request := choose()) is not None:
                connections.send(request, perf_counter_ns())
                tally.sent += 1
            if connections.busy:
                alive_ns = now_ns
            elif (
                connections.free or now_ns > alive_ns + GRACE_NS
            ):  # done, or there is no server any more
                break
            self._settle(connections.receive(NAP_NS), tally)
            now_ns = clock.look()
        tally.busy_s = (now_ns - clock.begin_ns) / 1e9
        return tally

    def _settle(self, answers: list[Answer], tally: Tally) -> None:
        tally.book(answers)
        settle = self._cars.settle
        for request, _, _, status, body in answers:
            settle(request, status, body)


class _Clock:
    """Calls `tick` about once a second."""

    def __init__(self, begin_ns: int, tick: Tick) -> None:
        self.begin_ns = begin_ns
        self._next_ns = begin_ns + SECOND_NS
        self._tick = tick

    def look(self) -> int:
        """Return the moment, in nanoseconds."""
        now_ns = perf_counter_ns()
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + SECOND_NS
            self._tick((now_ns - self.begin_ns) / 1e9)
        return now_ns

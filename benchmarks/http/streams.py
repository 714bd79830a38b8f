"""Mutated streams of bytes against a server: it lives, nothing is smuggled, the books balance, memory stays level.

    python benchmarks/http/streams.py --server tornado --server wire --output results/http_streams.jsonl
    python benchmarks/http/streams.py --server wire --only 4711

Each stream follows from the seed and its number (`mutations`), is read by a reference reading (`reading`), and what the
server answers is compared with that (`judge`). One JSON line a server; exit code 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from client import PATIENCE_S, Connection, play
from judge import Answers, Unreadable, find_faults, split_replies
from mutations import Stream, make_stream
from reading import Reading, read_stream
from target import Target, describe_machine
from wellformed import KINDS, LAYOUT, make_post

CONNECTIONS = 48
#: A client with nothing wrong comes along after so many streams.
NORMAL = 500

#: Memory is looked at after each fifth, and compared from the first to the last. What `wire` gains in between is its
#: table of known heads: some 25 of a thousand streams leave one, 0.2 MB a fifth, and it ends at 4096 of them.
FIFTHS = 5
#: An allocator that has been fragmented gives and takes a page here and there; a leak of 100 bytes a stream is 8 MB.
GROWTH = 0.05

#: So many are written down; each can be replayed.
FAULTS = 50

#: Short enough to be waited for, long enough for a client that sends single bytes on a busy machine.
LIMITS = ("--header-timeout", 3, "--body-timeout", 3, "--idle-timeout", 5)


class Stuck(Exception):
    """The server keeps connections of which nobody is left."""


class Ledger:
    """What clients were told: spaces of each kind given to them less those that they gave back."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self.parked = self.unparked = 0

    def note(self, operation: str, body: bytes) -> None:
        """Note a reply to a park or an unpark."""
        if operation == "park":
            self.held[KINDS[json.loads(body)["floor"] - 1]] += 1
            self.parked += 1
        elif operation == "unpark":
            self.held[json.loads(body)["kind"]] -= 1
            self.unparked += 1


class Run:
    """All streams against one server, and what came of them."""

    def __init__(self, target: Target, seed: int) -> None:
        self._target = target
        self._seed = seed
        self._done = 0
        self.ledger = Ledger()
        self.statuses: Counter[int] = Counter()
        self.mutations: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.faults: list[tuple[int, str]] = []

    async def run(self, until: int) -> None:
        """Play the streams up to that number, several at once."""
        numbers = iter(range(self._done, until))
        await asyncio.gather(*(self._work(numbers) for _ in range(CONNECTIONS)))
        self._done = until

    async def _work(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            await self.play(make_stream(self._seed, number))
            if number % NORMAL == 0:
                await self._come_along(number)

    async def play(self, stream: Stream) -> Connection | None:
        """Play one stream and note what is wrong; the connection as it was left, or None."""
        reading = read_stream(stream.data)
        self.mutations[stream.mutation] += 1
        self.endings[stream.ending] += 1
        try:
            connection = await play(self._target.port, stream, reading)
            self._judge(stream, reading, connection)
        except (OSError, Unreadable) as error:
            self.faults.append((stream.number, f"{type(error).__name__}: {error}"))
            return None
        return connection

    def _judge(self, stream: Stream, reading: Reading, connection: Connection) -> None:
        if stream.ending == "reset":
            return
        continues, replies = split_replies(connection.data, reading.items)
        closed_first = connection.closed and not connection.has_ended
        answers = Answers(continues, replies, closed_first)
        for reply in replies:
            self.statuses[reply.status] += 1
            self.ledger.note(reply.operation, reply.body)
        stays = stream.ending in ("stay", "wait")
        faults = list(find_faults(reading, answers, waits=stream.ending == "wait", stays=stays))
        if stream.ending == "half":
            faults = [fault for fault in faults if fault != "the connection was not closed"]
        if not connection.closed:
            faults.append("the connection was left open after the client's end")
        self.faults += [(stream.number, fault) for fault in faults]

    async def _come_along(self, number: int) -> None:
        """Park and unpark as a client with nothing wrong, who must be served."""
        park = make_post("/park", b'{"vehicle":"small"}', "Connection: close")
        stream = Stream(-number, "normal", (park,), "stay")
        connection = await self.play(stream)
        body = connection.data.partition(b"\r\n\r\n")[2] if connection else b""
        if body.startswith(b'{"floor":'):
            leave = make_post("/unpark", body, "Connection: close")
            await self.play(Stream(-number, "normal", (leave,), "stay"))


def find_imbalance(run: Run, taken: dict[str, int], books: dict[str, int]) -> Iterator[str]:
    """Yield where what clients were told, what the garage holds, and the printed books differ."""
    held = run.ledger.held
    for kind in ("small", "large"):
        if held[kind] != taken[kind]:
            yield f"{kind}: clients hold {held[kind]}, taken are {taken[kind]}"
    left = books["parked"] - books["unparked"] - books["given back"]
    if not left == books["taken"] == sum(taken.values()):
        yield f"books {books}, taken {taken}"
    if run.ledger.parked > books["parked"] or run.ledger.unparked > books["unparked"]:
        yield f"clients were told of {run.ledger.parked} parks, books {books}"


def attack(server: str, seed: int, streams: int) -> dict[str, object]:
    """Play all streams against one server and return the result; its `faults` are empty where all is well."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        layout = Path(folder, "streams.toml")
        layout.write_text(LAYOUT)
        with Target(server, *LIMITS, "--layout", layout) as target:
            run = Run(target, seed)
            target.taken()  # the first request may open files that stay
            idle_files = target.open_files
            resident_bytes = []
            for fifth in range(1, FIFTHS + 1):
                asyncio.run(run.run(streams * fifth // FIFTHS))
                resident_bytes.append(_weigh(target, idle_files))
            taken = target.taken()
            ended = target.stop()
    faults = [f"stream {number}: {fault}" for number, fault in run.faults]
    faults += find_imbalance(run, taken, dict(ended.books))
    if ended.code or "Traceback" in ended.said or "rror" in ended.said:
        faults.append(f"exit code {ended.code}: {ended.said[-2000:]}")
    growth = resident_bytes[-1] / resident_bytes[0] - 1
    return {
        "server": server,
        "seed": seed,
        "streams": streams,
        "seconds": round(time.monotonic() - begin, 1),
        "faults": faults[:FAULTS],
        "fault_count": len(faults),
        "mutations": dict(run.mutations),
        "endings": dict(run.endings),
        "statuses": {str(status): count for status, count in sorted(run.statuses.items())},
        "told": {"parked": run.ledger.parked, "unparked": run.ledger.unparked},
        "books": ended.books,
        "taken": taken,
        "resident_bytes": resident_bytes,
        "growth": round(growth, 4),
        "level": growth < GROWTH,
        "machine": describe_machine("tornado", "httptools", "uvloop"),
    }


def _weigh(target: Target, idle_files: int) -> int:
    """Return the server's memory when it has let go of all connections. Raises Stuck where it does not."""
    end = time.monotonic() + PATIENCE_S
    while target.open_files > idle_files:
        if time.monotonic() > end:
            raise Stuck(f"{target.open_files} files are open, {idle_files} were before")
        time.sleep(0.05)
    return target.resident_bytes


def replay(server: str, seed: int, number: int) -> None:
    """Print one stream, its reading, and what the server says."""
    stream = make_stream(seed, number)
    reading = read_stream(stream.data)
    with tempfile.TemporaryDirectory() as folder:
        layout = Path(folder, "streams.toml")
        layout.write_text(LAYOUT)
        with Target(server, *LIMITS, "--layout", layout) as target:
            run = Run(target, seed)
            connection = asyncio.run(run.play(stream))
            ended = target.stop()
    print(f"{stream.mutation}, {stream.ending}, {len(stream.pieces)} pieces")
    for piece in stream.pieces if len(stream.pieces) < 20 else (stream.data,):
        print(f"  > {piece[:2000]!r}")
    print(reading)
    if connection is not None:
        print(f"  < {connection.data!r}\n  closed by the server: {not connection.has_ended}")
    print(f"faults: {run.faults}\n{ended.said}")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", help="tornado and wire")
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one stream of that number, printed")
    parser.add_argument("--output", type=Path, help="a line of JSON for each server is added")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Attack the servers one after the other; 1 where something was wrong."""
    options = parse_arguments(arguments)
    failed = False
    for server in options.server or ("tornado", "wire"):
        if options.only is not None:
            replay(server, options.seed, options.only)
            continue
        result = attack(server, options.seed, options.streams)
        failed = failed or bool(result["faults"]) or not result["level"]
        print(json.dumps(result, indent=1))
        if options.output:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

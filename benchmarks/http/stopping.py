"""What becomes of requests when the server is told to end: SIGTERM under load, again and again.

    python benchmarks/http/stopping.py [--output results/stopping.jsonl] [--server NAME...] [--tries N]

Half of the clients keep their connection, the others open one for each request. A request that got a connection is
answered, or cleanly refused: its connection ends without a byte of a reply, and the books show that nothing was done.
Torn is a reply that ended in the middle; those, and books that differ from what the clients were told, are failures.
`nginx+NAME` is two of that server, one for each operation, behind nginx.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from closed_loop import Pinned, append, choose_cores
from target import Ended, describe_machine

from garagebench.server.registry import SERVERS

KEPT = FRESH = 8
LEAST_S, MOST_S = 0.2, 0.8
TIMEOUT_S = 30
PARK = b'{"vehicle":"small"}'

BEHIND = "nginx+"
DEFAULT = (*SERVERS, f"{BEHIND}tornado", f"{BEHIND}wire", f"{BEHIND}flask")

#: What can become of a request, besides its status.
UNCONNECTED, CLOSED, RESET, TORN = "unconnected", "closed", "reset", "torn"


class Cut(Exception):
    """The connection ended before the reply was whole; `how` says in which way."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Client(threading.Thread):
    """Parks, and gives every other space back, until the server is gone; counts what became of each request."""

    def __init__(self, port: int, *, keeps: bool) -> None:
        super().__init__()
        self._port = port
        self._keeps = keeps
        self._connection: socket.socket | None = None
        self.outcomes: Counter[str] = Counter()
        self.parked = self.unparked = 0

    def run(self) -> None:
        """Ask until there is nobody to be asked."""
        try:
            while True:
                self._ask("/park", PARK)
                body = self._ask("/park", PARK)
                self._ask("/unpark", body)
        except Cut as cut:
            self.outcomes[cut.how] += 1
        finally:
            self._hang_up()

    def _ask(self, path: str, body: bytes) -> bytes:
        """Send one request and return the body of its reply. One that is cut off is counted; if kept, it is the last."""
        while True:
            try:
                status, answer = self._exchange(path, body)
            except Cut as cut:
                self._hang_up()
                if self._keeps or cut.how == UNCONNECTED:
                    raise
                self.outcomes[cut.how] += 1
                continue
            self.outcomes[str(status)] += 1
            if status == 200:
                self.parked += path == "/park"
                self.unparked += path == "/unpark"
            if status == 200 or path == "/unpark":
                return answer

    def _exchange(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = connect(self._port)
        reply = exchange(self._connection, make_post(path, body, keeps=self._keeps))
        head, _, answer = reply.partition(b"\r\n\r\n")
        if not self._keeps or b"connection: close" in head.lower():
            self._hang_up()
        return int(head.split()[1]), answer

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect(port: int) -> socket.socket:
    """Return a connection; Cut where there is none to be had."""
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    except ConnectionRefusedError:
        raise Cut(UNCONNECTED) from None
    except ConnectionResetError:
        raise Cut(RESET) from None


def make_post(path: str, body: bytes, *, keeps: bool) -> bytes:
    """Return a request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: garage", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *([] if keeps else ["Connection: close"])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send a request and return its whole reply. Raises Cut."""
    data = b""
    try:
        connection.sendall(request)
        while not is_whole(data):
            piece = connection.recv(65_536)
            if not piece:
                raise Cut(TORN if data else CLOSED)
            data += piece
    except ConnectionError:
        raise Cut(TORN if data else RESET) from None
    return data


def is_whole(data: bytes) -> bool:
    """Tell whether the reply has come to its end."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length:")[2].split()
    return bool(length) and len(body) >= int(length[0])


def try_once(name: str, rng: random.Random) -> dict[str, object]:
    """Start a server and clients, stop it amid their requests, and return what became of all."""
    server_core, _ = choose_cores()
    server = name.removeprefix(BEHIND)
    front = ("--nginx",) if name.startswith(BEHIND) else ()
    wait_s = rng.uniform(LEAST_S, MOST_S)
    with Pinned(server_core, server, "--spaces", 1_000_000, *front) as target:
        clients = [Client(target.port, keeps=number < KEPT) for number in range(KEPT + FRESH)]
        for client in clients:
            client.start()
        time.sleep(wait_s)
        begin = time.monotonic()
        ended = target.stop()
        drain_s = time.monotonic() - begin
        for client in clients:
            client.join()
    outcomes: dict[str, Counter[str]] = {"kept": Counter(), "fresh": Counter()}
    for number, client in enumerate(clients):
        outcomes["kept" if number < KEPT else "fresh"] += client.outcomes
    faults = find_faults(clients, ended)
    return {
        "server": name,
        "signal_after_s": round(wait_s, 3),
        "drained_in_s": round(drain_s, 3),
        **{kind: dict(sorted(counts.items())) for kind, counts in outcomes.items()},
        "books": dict(ended.books),
        "faults": faults,
    }


def find_faults(clients: list[Client], ended: Ended) -> list[str]:
    """Return what is wrong: with replies, with the exit code, with the books."""
    told = {
        "parked": sum(client.parked for client in clients),
        "unparked": sum(client.unparked for client in clients),
    }
    books: Mapping[str, int] = ended.books
    faults = []
    torn = sum(client.outcomes[TORN] for client in clients)
    if torn:
        faults.append(f"{torn} replies torn")
    if ended.code:
        faults.append(f"exit code {ended.code}: {ended.said.strip()[-300:]}")
    if not books:
        return [*faults, "no books"]
    kept = books["parked"] - books["given back"]
    if kept != told["parked"]:
        faults.append(f"{kept} spaces given out, clients were told of {told['parked']}")
    if books["unparked"] != told["unparked"]:
        faults.append(f"{books['unparked']} taken back, clients were told of {told['unparked']}")
    if books["taken"] != kept - books["unparked"]:
        faults.append(f"{books['taken']} taken, but {kept} - {books['unparked']} given out")
    return faults


def parse_arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", action="append", help="repeatable; by default all of them")
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a line of JSON for each try is added")
    return parser.parse_args()


def main() -> int:
    """Try every server; 1 where something was wrong."""
    options = parse_arguments()
    machine = describe_machine()
    failed = 0
    for name in options.server or DEFAULT:
        rng = random.Random(f"{options.seed} {name}")
        for number in range(options.tries):
            found = try_once(name, rng)
            failed += bool(found["faults"])
            print(
                f"{name} {number}: {found['kept']} {found['fresh']} {found['faults']}", flush=True
            )
            if options.output:
                append(options.output, {"try": number, **found, "machine": machine})
    print(f"{failed} tries with faults")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""A server that stalls once, for 200 ms: what the open loop sees of it, and what the closed one.

Prints a line of JSON for each driver. The server is a toy that answers at once, so that the stall is all there is to see.

    python benchmarks/http/stall.py             10 seconds for each driver
    python benchmarks/http/stall.py 3
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from target import describe_machine

from garagebench.load.outcome import LoadSettings
from garagebench.load.session import measure_row
from garagebench.load.stop import Stop

STALL_S = 0.2
CONNECTIONS = 8
RATE = 1000

LOCATION = b'{"floor":1,"row":3,"space":1}'
KIND = b'{"kind":"small"}'


class Toy(asyncio.Protocol):
    """Answers every park and unpark, knows nothing else, and stalls one second after the first request."""

    stall_at_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer; requests are small, and come one at a time."""
        if data.startswith(b"GET"):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        now_s = time.monotonic()
        if Toy.stall_at_s is None:
            Toy.stall_at_s = now_s + 1
        elif now_s >= Toy.stall_at_s:
            Toy.stall_at_s = float("inf")
            time.sleep(STALL_S)
        body = LOCATION if data.startswith(b"POST /park") else KIND
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._transport.write(head + body)


async def serve() -> None:
    """Say the port, and serve until killed."""
    server = await asyncio.get_running_loop().create_server(Toy, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def toy() -> Iterator[str]:
    """Yield the URL of a toy in a process of its own."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = cast("IO[str]", process.stdout).readline().strip()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def main() -> None:
    """Measure both loops, each on a toy that has not stalled yet."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    for driver in ("open", "closed"):
        with toy() as url:
            settings = LoadSettings(
                driver=driver,
                url=url,
                rate=RATE,
                arrivals="uniform",
                connections=CONNECTIONS,
                duration_s=seconds,
            )
            row = measure_row(settings, Stop(), lambda _: None)
        shown = ("driver", "seconds", "requests", "p50_us", "p99_us", "max_us", "replies", "errors")
        line = {name: getattr(row, name) for name in shown}
        print(json.dumps({**line, "machine": describe_machine()}), flush=True)


if __name__ == "__main__":
    main()

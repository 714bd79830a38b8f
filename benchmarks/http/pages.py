"""What a hundred open pages of the garage cost another client: its latencies with and without them, in turn.

    python benchmarks/http/pages.py [--pairs 10] [--seconds 5] >> results/http_pages.jsonl

Prints a line of JSON for each pair. The server is `garagebench serve`; the pages are connections in a process of their
own that read their events, and the client keeps a rate in an open loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
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

PAGES = 100
RATE = 500
CONNECTIONS = 8
#: After this long, the server has noticed that pages have gone.
GONE_S = 1.5

KEYS = ("p50_us", "p90_us", "p99_us")


async def read_events(port: int) -> None:
    """Open the pages, say so, and read until killed."""

    async def read_page() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /page/events HTTP/1.1\r\nHost: garage\r\n\r\n")
        await reader.readuntil(b"event: state")
        opened.release()
        while await reader.read(65_536):
            pass

    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as pages:  # a page that cannot be opened ends all of it
        for _ in range(PAGES):
            pages.create_task(read_page())
        for _ in range(PAGES):
            await opened.acquire()
        print("open", flush=True)


@contextmanager
def start(*command: str) -> Iterator[str]:
    """Yield the first line that a process prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield cast("IO[str]", process.stdout).readline().strip()
        finally:
            process.terminate()


def measure(url: str, seconds: float) -> dict[str, float]:
    """Return the latencies of the client, in microseconds."""
    settings = LoadSettings(
        driver="open",
        url=url,
        rate=RATE,
        duration_s=seconds,
        connections=CONNECTIONS,
    )
    row = measure_row(settings, Stop(), lambda _: None)
    return {key: getattr(row, key) for key in KEYS}


def main() -> None:
    """Measure in pairs, the order drawn for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read:
        asyncio.run(read_events(chosen.read))
        return
    rng = random.Random(0)
    with start(sys.executable, "-m", "garagebench", "serve", "--port", "0") as url:
        port = url.rpartition(":")[2]
        for number in range(chosen.pairs):
            line: dict[str, object] = {"pair": number, "pages": PAGES, "rate": RATE}
            for kind in rng.sample(["without", "with"], 2):
                time.sleep(GONE_S)
                if kind == "without":
                    line[kind] = measure(url, chosen.seconds)
                    continue
                with start(sys.executable, __file__, "--read", port) as said:
                    if said != "open":
                        raise SystemExit("the pages could not be opened")
                    line[kind] = measure(url, chosen.seconds)
            print(json.dumps({**line, "machine": describe_machine()}), flush=True)


if __name__ == "__main__":
    main()

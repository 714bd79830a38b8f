"""Requests per second of one core: `wire` beside an nginx that answers a constant, and both Tornado servers.

    python benchmarks/http/ceiling.py [--output results/ceiling.jsonl] [--rounds N] [--seconds S]

64 connections without pipelining park and unpark in turn. In each round every contestant is measured once, in an order
drawn afresh; ratios are taken within a round. The contestant being measured has the last core to itself, the load
comes from the first. A slice that cannot be trusted is kept, says why, and is in no ratio.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from closed_loop import (
    Figures,
    Pinned,
    append,
    built_clients,
    choose_cores,
    drive,
    pinned,
    read_cpu_ns,
)
from target import describe_machine

from garagebench.errors import GarageError
from garagebench.impls.registry import load_impl
from garagebench.server.front.nginx import find_nginx

CONNECTIONS = 64
LEAST_GOOD = 0.99
MOST_LOAD = 0.9
LEAST_SERVED = 0.9

NGINX = "nginx, constant"
IMPLS = ("fast", "c", "lists")

_CONFIGURATION = """\
daemon off;
pid "{directory}/nginx.pid";
error_log stderr error;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 '{{"floor":1,"row":3,"space":1}}'; }}
    }}
}}
"""


class Contestant(NamedTuple):
    """What is asked: a port, and the CPU time that it has used."""

    port: int
    cpu_ns: Callable[[], int]


class Slice(NamedTuple):
    """One contestant, once. objections: why it cannot be trusted."""

    requests_per_s: float
    good_share: float
    load_share: float
    load_wait_share: float
    load_busy_share: float
    server_share: float
    lost: int
    objections: tuple[str, ...]


@contextmanager
def constant_nginx(core: int) -> Iterator[Contestant]:
    """Run an nginx with one worker that answers everything with the same location."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o711)
        file = directory / "nginx.conf"
        file.write_text(_CONFIGURATION.format(directory=directory, port=port))
        log = str(directory / "start.log")
        with pinned(core):
            process = subprocess.Popen([find_nginx(), "-p", name, "-c", str(file), "-e", log])
        try:
            wait_for(port)
            yield Contestant(port, lambda: read_cpu_ns(process.pid))
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    """Return when connections are taken."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def measure(program: str, contestant: Contestant, cores: tuple[int, int], seconds: float) -> Slice:
    """Put load on one contestant for a while."""
    server_core, load_core = cores
    cpu_ns, begin_ns = contestant.cpu_ns(), time.monotonic_ns()
    figures = drive(program, load_core, contestant.port, CONNECTIONS, seconds)
    served = (contestant.cpu_ns() - cpu_ns) / (time.monotonic_ns() - begin_ns)
    good = figures.good / max(1, figures.replies)
    return Slice(
        round(figures.replies / figures.seconds, 1),
        round(good, 5),
        figures.cpu_share,
        figures.wait_share,
        figures.busy_share,
        round(served, 4),
        figures.lost,
        tuple(object_to(figures, good, served, shares_core=server_core == load_core)),
    )


def object_to(figures: Figures, good: float, served: float, *, shares_core: bool) -> Iterator[str]:
    """Yield what speaks against a slice."""
    if shares_core:
        yield "server and load share a core"
    # What the kernel does for a process in interrupts, it may count for nobody; what the process is not idle, it sees.
    share = max(figures.cpu_share, figures.busy_share)
    if share >= MOST_LOAD:
        yield f"the load was busy for {share:.0%} of the time"
    if served < LEAST_SERVED:
        yield f"the server took only {served:.0%} of its core"
    if good < LEAST_GOOD:
        yield f"only {good:.1%} of the replies are 200"
    if figures.lost:
        yield f"{figures.lost} connections lost"


def run_rounds(
    contestants: Mapping[str, Contestant],
    rounds: int,
    measure_one: Callable[[Contestant], Slice],
    rng: random.Random,
) -> Iterator[tuple[int, str, Slice]]:
    """Yield round, contestant and slice; every second round goes backwards, so that no one is always early."""
    order = list(contestants)
    for number in range(rounds):
        if number % 2:
            order.reverse()
        else:
            rng.shuffle(order)
        for name in order:
            yield number, name, measure_one(contestants[name])


def find_ratios(slices: Sequence[tuple[int, str, Slice]], name: str, reference: str) -> list[float]:
    """Return the ratios of requests per second within the rounds in which both slices can be trusted."""
    rates = {
        (number, one): found.requests_per_s for number, one, found in slices if not found.objections
    }
    numbers = sorted({number for number, _, _ in slices})
    return [
        rates[number, name] / rates[number, reference]
        for number in numbers
        if {(number, name), (number, reference)} <= set(rates)
    ]


def summarise(ratios: Sequence[float]) -> dict[str, object]:
    """Return median and extremes; null where no round can be trusted."""
    if not ratios:
        return {"rounds": 0, "median": None, "lowest": None, "highest": None}
    return {
        "rounds": len(ratios),
        "median": round(statistics.median(ratios), 4),
        "lowest": round(min(ratios), 4),
        "highest": round(max(ratios), 4),
    }


def find_impls(names: Sequence[str]) -> list[str]:
    """Return those that run here."""
    found = []
    for name in names:
        try:
            load_impl(name)
        except GarageError as error:
            print(error, file=sys.stderr)
        else:
            found.append(name)
    return found


def parse_arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--impl", action="append", help=f"for wire; {', '.join(IMPLS)}")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one slice")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a line of JSON for each slice is added")
    return parser.parse_args()


def main() -> int:
    """Measure, print, and tell by the exit code whether both targets are reached."""
    options = parse_arguments()
    cores = choose_cores()
    impls = find_impls(options.impl or IMPLS)
    machine = describe_machine("tornado", "httptools", "uvloop")
    slices = []
    with ExitStack() as stack:
        program = stack.enter_context(built_clients())
        contestants = {NGINX: stack.enter_context(constant_nginx(cores[0]))}
        named = [("wire", impl) for impl in impls]
        named += [("tornado", impls[0]), ("tornado-delegate", impls[0])]
        for server, impl in named:
            target = stack.enter_context(Pinned(cores[0], server, "--impl", impl))
            contestants[f"{server}, {impl}"] = Contestant(
                target.port, lambda target=target: target.cpu_ns
            )
        measured = run_rounds(
            contestants,
            options.rounds,
            lambda one: measure(program, one, cores, options.seconds),
            random.Random(options.seed),
        )
        for number, name, found in measured:
            slices.append((number, name, found))
            line = {"round": number, "contestant": name, **found._asdict(), "machine": machine}
            print(
                f"{number:3} {name:24} {found.requests_per_s:9.0f}/s  load {found.load_share:4.0%}"
                f" (not idle {found.load_busy_share:4.0%})"
                f"  server {found.server_share:4.0%}  {'; '.join(found.objections)}",
                flush=True,
            )
            if options.output:
                append(options.output, line)
    return judge(slices, impls, options.output, machine)


def judge(
    slices: Sequence[tuple[int, str, Slice]],
    impls: Sequence[str],
    output: Path | None,
    machine: Mapping[str, object],
) -> int:
    """Print the ratios; 0 where both targets are reached."""
    pairs = [(f"wire, {impl}", NGINX, 0.8) for impl in impls]
    pairs.append((f"tornado-delegate, {impls[0]}", f"tornado, {impls[0]}", 1.4))
    reached: dict[float, bool] = {}
    for name, reference, least in pairs:
        summary = summarise(find_ratios(slices, name, reference))
        ratio = summary["median"]
        reached[least] = reached.get(least, False) or (isinstance(ratio, float) and ratio >= least)
        print(f"{name} / {reference}: {summary}, at least {least} is wanted")
        if output:
            line = {"ratio": [name, reference], **summary, "least": least, "machine": machine}
            append(output, line)
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

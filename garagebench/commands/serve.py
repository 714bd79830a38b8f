"""`garagebench serve`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from garagebench.commands.options import (
    Decorator,
    FiniteRange,
    add_options,
    complete_impl,
    layout_option,
    spaces_option,
)

if TYPE_CHECKING:
    from garagebench.server.limits import Limits
    from garagebench.server.listening import Front


def complete_server(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the servers whose names begin so."""
    from garagebench.server.registry import SERVERS

    return [name for name in SERVERS if name.startswith(incomplete)]


def seconds(name: str, default: float, text: str) -> Decorator:
    """Return an option that is a time."""
    return click.option(
        name,
        type=FiniteRange(min=0, max=86_400),
        default=default,
        metavar="SECONDS",
        help=text,
    )


def servers(name: str, text: str) -> Decorator:
    """Return an option that is a number of servers: at most 50, for gunicorn's two processes each to find places."""
    return click.option(name, type=click.IntRange(1, 50), metavar="N", help=text)


def limits_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that limit what a client may do; the command gets them as `limits`."""

    @functools.wraps(command)
    def call(**given: Any) -> Any:
        from garagebench.server.limits import Limits

        limits = Limits(
            header_timeout_s=given.pop("header_timeout"),
            body_timeout_s=given.pop("body_timeout"),
            idle_timeout_s=given.pop("idle_timeout"),
            grace_s=given.pop("grace"),
            drain_s=given.pop("drain"),
            connections=given.pop("connections"),
        )
        return command(**given, limits=limits)

    options = (
        seconds("--header-timeout", 10, "Time limit for the headers of a request."),
        seconds("--body-timeout", 10, "Time limit for the body of a request."),
        seconds("--idle-timeout", 60, "Time limit between two requests."),
        seconds(
            "--grace",
            0,
            "Time after the signal in which /readyz says 503 but requests are still accepted.",
        ),
        seconds("--drain", 10, "Time limit, after --grace, for the requests in flight."),
        click.option(
            "--connections",
            type=click.IntRange(min=1),
            default=1000,
            metavar="N",
            help="Maximum number of connections at the same time.",
        ),
    )
    return add_options(options, call)


def front_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of servers behind nginx; the command gets them as `front`, None for one server alone."""

    @functools.wraps(command)
    def call(*, nginx: bool, park: int | None, unpark: int | None, **given: Any) -> Any:
        from garagebench.server.listening import Front

        if not nginx and (park or unpark):
            raise click.UsageError("--park and --unpark say how many servers stand behind --nginx")
        return command(**given, front=Front(park or 1, unpark or 1) if nginx else None)

    options = (
        click.option(
            "--nginx",
            is_flag=True,
            help="Start nginx in front of several servers that share one garage.",
        ),
        servers("--park", "Number of servers behind nginx for /park; 1 by default."),
        servers("--unpark", "Number of servers behind nginx for /unpark; 1 by default."),
    )
    return add_options(options, call)


@click.command()
@click.option(
    "--impl",
    metavar="NAME",
    shell_complete=complete_impl,
    help="Implementation: a name, or path/to/file.py:NAME.  [default: lists; with --nginx: shared]",
)
@click.option(
    "--server",
    default="tornado",
    metavar="NAME",
    shell_complete=complete_server,
    help="Server to start; see `garagebench list servers`.",
)
@layout_option
@spaces_option
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    metavar="N",
    help="Port to listen on; 0 for any free port.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the requests to FILE, as a trace that `run --workload` can replay.",
)
@limits_options
@front_options
def serve(
    impl: str | None,
    server: str,
    layout: str,
    spaces: int | None,
    host: str,
    port: int,
    record: Path | None,
    limits: Limits,
    front: Front | None,
) -> None:
    """Serve the API over HTTP: POST /park, POST /unpark, GET /garage.

    Prints its URL at the start, and its books (cars parked and unparked, spaces given back and taken) at the end.
    SIGTERM and Ctrl-C start a graceful shutdown: requests in flight are answered, then the server stops. With --nginx,
    the garage is in shared memory, and the books are those of all servers together.

    \b
    Examples:
      garagebench serve
      garagebench serve --impl numba --server wire --port 0
      garagebench serve --layout path/to/layout.toml --record trace.jsonl
      garagebench serve --server wire --nginx --park 2 --unpark 2

    Exit code: 0 ended by SIGTERM, 1 error, 2 usage, 130 interrupted.
    """  # noqa: D301  click wants the character
    from garagebench.run.experiment import load_layout
    from garagebench.server.command import serve_garage
    from garagebench.server.listening import ServeSettings

    if front is not None and record is not None:
        raise click.UsageError(
            "--record cannot be combined with --nginx: several servers have no common order"
        )
    settings = ServeSettings(
        impl, server, load_layout(layout, spaces), host, port, limits, record, front
    )
    serve_garage(settings, click.echo, lambda text: click.echo(text, err=True))

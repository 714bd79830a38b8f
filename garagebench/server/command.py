"""From settings to a server that has ended: what `garagebench serve` does."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import nullcontext

from garagebench.core.garage import Garage
from garagebench.impls.registry import load_impl
from garagebench.server.front.serving import serve_behind_nginx
from garagebench.server.listening import ServeSettings, format_url, listen
from garagebench.server.record import Recorder
from garagebench.server.registry import Job, check_interpreter, load_server
from garagebench.server.service import Service

#: The implementation that serves alone, unless another is named.
IMPL = "lists"

Say = Callable[[str], object]


def serve_garage(settings: ServeSettings, say: Say, note: Say) -> None:
    """Serve until a signal comes: say the URL when connections are taken, note the books when all is answered.

    KeyboardInterrupt after Ctrl-C. Raises UnknownName, Unavailable, ServeError, WorkloadError.
    """
    check_interpreter(settings.impl or IMPL)
    if settings.front is None:
        number = _serve_alone(settings, say, note)
    else:
        number = serve_behind_nginx(settings, settings.front, say, note)
    if number == signal.SIGINT:
        raise KeyboardInterrupt


def _serve_alone(settings: ServeSettings, say: Say, note: Say) -> int:
    run = load_server(settings.server)
    garage = Garage(settings.layout, load_impl(settings.impl or IMPL))
    # The record is opened last: a server that cannot start leaves no file.
    with (
        listen(settings.host, settings.port, settings.limits.backlog) as listener,
        Recorder(settings.record) if settings.record else nullcontext() as recorder,
    ):
        service = Service(garage, recorder)
        url = format_url(listener)

        def end() -> None:
            note(service.books)
            if recorder is not None and recorder.skipped:
                note(f"not recorded, being no JSON or beyond the largest trace: {recorder.skipped}")

        job = Job(service, listener, settings.limits, lambda: say(url), end, is_alone=True)
        return run(job)

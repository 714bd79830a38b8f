"""The page and its events on Tornado: server-sent events, as every browser reads them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError

from garagebench.server import problems
from garagebench.server.browser.watch import Watch
from garagebench.server.limits import Limits
from garagebench.server.service import Service
from garagebench.server.tornado_handler import ApiHandler

STATIC = Path(__file__).parent / "static"

FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page/page.css": ("page.css", "text/css; charset=utf-8"),
}
EVENTS = "/page/events"

#: Nothing but what comes from this server.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"

#: Between two events of a page: each page has a turn of its own, so that no request waits for all of them.
PAGE_S = 0.5

#: When nothing has changed for so long, a comment shows whether the browser is still there.
QUIET_S = 15.0


class PageHandler(ApiHandler):
    """What all paths of the page share: they are read only, and keep the limits of the API."""

    def initialize(  # type: ignore[override]
        self, service: Service, limits: Limits, watch: Watch
    ) -> None:
        """Take what the application has for each request."""
        super().initialize(service, limits)
        self._watch = watch

    def refuse_method(self) -> None:
        """Refuse what is no question."""
        allowed = ("Allow", "GET, HEAD")
        text = f"{self.request.path} takes {allowed[1]} only"
        self._reply(self._service.problem(problems.METHOD_NOT_ALLOWED, text, (allowed,)))

    post = put = patch = delete = options = refuse_method


class FileHandler(PageHandler):
    """A file of the page."""

    def get(self) -> None:
        """Answer with the file."""
        name, content_type = FILES[self.request.path]
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")
        self.finish((STATIC / name).read_bytes())

    head = get


class EventsHandler(PageHandler):
    """The state of the garage, whenever it has changed, until the browser or the server ends."""

    _is_gone = False

    async def get(self) -> None:  # type: ignore[override]
        """Send events."""
        watch = self._watch
        if not watch.enter():
            again = (("Retry-After", "5"),)
            self._reply(
                self._service.problem(problems.UNAVAILABLE, "too many pages are open", again)
            )
            return
        try:
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-store")
            await self._send("layout", watch.describe())
            await self._send_states()
            await self._send("end", b"{}")
        except StreamClosedError:
            pass  # the browser has gone
        finally:
            watch.leave()

    def head(self) -> None:
        """Answer with the header alone."""
        self.set_header("Content-Type", "text/event-stream")
        self.finish()

    async def _send_states(self) -> None:
        sent, quiet_s = b"", 0.0
        pause_s = PAGE_S * random.random()
        while not self._watch.is_closed and not self._is_gone:
            state = self._watch.look()
            if state is not sent:
                await self._send("state", state)
                sent, quiet_s = state, 0.0
            elif quiet_s >= QUIET_S:
                self.write(b": still here\n\n")
                await self.flush()
                quiet_s = 0.0
            await asyncio.sleep(pause_s)
            quiet_s += pause_s
            pause_s = PAGE_S

    async def _send(self, event: str, data: bytes) -> None:
        """Send an event, and wait until the system has it: a browser that is slow misses states in between."""
        self.write(b"event: %s\ndata: %s\n\n" % (event.encode(), data))
        await self.flush()

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        self._is_gone = True


def make_routes(given: dict[str, Any]) -> list[tuple[str, type[PageHandler], dict[str, Any]]]:
    """Return the routes of the page, for an application. given: service, limits and watch."""
    return [*((path, FileHandler, given) for path in FILES), (EVENTS, EventsHandler, given)]

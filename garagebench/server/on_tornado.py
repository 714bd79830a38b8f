"""The API on Tornado, with a RequestHandler, and the page of the garage for browsers."""

from __future__ import annotations

from tornado.web import Application

from garagebench.server.browser.handlers import make_routes
from garagebench.server.browser.watch import Watch
from garagebench.server.limits import Limits
from garagebench.server.registry import Job
from garagebench.server.service import Service
from garagebench.server.tornado_handler import ApiHandler
from garagebench.server.tornado_http import Server, serve


def make_app(
    service: Service, limits: Limits | None = None, watch: Watch | None = None
) -> Application:
    """Return the application, for any HTTPServer. limits: None for the defaults. watch: of the page; None: there is none."""
    given = {"service": service, "limits": limits or Limits()}
    if watch is None:
        routes = [(r".*", ApiHandler, given)]
    else:
        pages = make_routes({**given, "watch": watch})
        routes = [*pages, (r".*", ApiHandler, {**given, "answer": watch.answer})]
    return Application(routes, log_function=lambda _: None)


def make_server(service: Service, limits: Limits) -> Server:
    """Return an HTTPServer with safe limits; Tornado's own are an hour of idle time and bodies of 100 MiB."""
    return Server(make_app(service, limits), service, limits)


def run(job: Job) -> int:
    """Serve until a signal comes."""
    if not job.is_alone:
        return serve(job, make_app(job.service, job.limits))
    watch = Watch(job.service)
    return serve(job, make_app(job.service, job.limits, watch), watch.close)

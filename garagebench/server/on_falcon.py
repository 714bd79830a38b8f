"""The API on Falcon, served by gunicorn."""

from __future__ import annotations

from typing import Any

import falcon

from garagebench.server.on_gunicorn import serve
from garagebench.server.registry import Job
from garagebench.server.wsgi import Desk, Wsgi


def make_app(desk: Desk) -> Wsgi:
    """Return the application."""

    def answer(req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
        reply = desk.answer(req.env)
        resp.status = reply.status
        resp.content_type = reply.content_type
        for name, value in reply.headers:
            resp.set_header(name, value)
        if reply.parked:
            resp.set_stream(desk.watch(reply), len(reply.body))
        else:
            resp.data = reply.body

    app = falcon.App()
    app.add_sink(answer, "")  # all there is, also "*"
    return app


def run(job: Job) -> int:
    """Serve until a signal comes."""
    return serve(job, make_app)

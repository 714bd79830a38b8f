"""The API on Flask, served by gunicorn."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError

from garagebench.server.on_gunicorn import serve
from garagebench.server.registry import Job
from garagebench.server.wsgi import Desk, Wsgi

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def make_app(desk: Desk) -> Wsgi:
    """Return the application."""
    app = Flask(__name__, static_folder=None)

    def answer(path: object) -> Response:
        reply = desk.answer(request.environ)
        response = Response(
            desk.watch(reply) if reply.parked else reply.body,
            status=reply.status,
            headers=list(reply.headers),
            content_type=reply.content_type,
        )
        response.content_length = len(reply.body)
        return response

    options = {"methods": METHODS, "provide_automatic_options": False}
    app.add_url_rule("/", "root", answer, defaults={"path": ""}, **options)  # type: ignore[arg-type]
    app.add_url_rule("/<path:path>", "any", answer, **options)  # type: ignore[arg-type]

    # What Flask refuses itself is the service's to answer, too.
    def refuse(error: HTTPException) -> Any:
        return error if isinstance(error, InternalServerError) else answer("")

    app.register_error_handler(HTTPException, refuse)
    return app.wsgi_app


def run(job: Job) -> int:
    """Serve until a signal comes."""
    return serve(job, make_app)

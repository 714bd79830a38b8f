"""`GET /openapi.json`: the API, described for machines."""

from __future__ import annotations

import json
from typing import Any

from garagebench import __version__
from garagebench.layout import LARGEST_NUMBER, Layout

_NUMBER = {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}


def describe_api(layout: Layout) -> bytes:
    """Return the OpenAPI document, with the vehicles and kinds of the layout."""
    schemas = {
        "Vehicle": _object(vehicle={"type": "string", "enum": list(layout.tiers)}),
        "Location": _object(floor=_NUMBER, row=_NUMBER, space=_NUMBER),
        "Kind": _object(kind={"type": "string", "enum": list(layout.kinds)}),
        "Problem": _object(
            type={"type": "string"},
            title={"type": "string"},
            status={"type": "integer"},
            detail={"type": "string"},
        ),
    }
    paths = {
        "/park": {"post": _operation("Park a vehicle", "Vehicle", "Location", (409,))},
        "/unpark": {"post": _operation("Give a space back", "Location", "Kind", (404, 409))},
        "/garage": {"get": _view("Free and taken spaces of each kind")},
        "/healthz": {"get": _view("Whether the process lives")},
        "/readyz": {"get": _view("Whether requests are welcome", 503)},
        "/metrics": {"get": _view("The books, for Prometheus")},
        "/openapi.json": {"get": _view("This document")},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "garagebench", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _object(**properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _content(media_type: str, schema: str) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, **_content("application/problem+json", "Problem")}


def _operation(summary: str, asks: str, answers: str, refuses: tuple[int, ...]) -> dict[str, Any]:
    refused = {str(status): _problem("refused") for status in (400, *refuses, 413, 415, 422)}
    return {
        "summary": summary,
        "requestBody": {"required": True, **_content("application/json", asks)},
        "responses": {
            "200": {"description": answers, **_content("application/json", answers)},
            **refused,
        },
    }


def _view(summary: str, *refuses: int) -> dict[str, Any]:
    refused = {str(status): _problem("refused") for status in refuses}
    return {"summary": summary, "responses": {"200": {"description": "as asked"}, **refused}}

"""`GET /openapi.json`: the API, described for machines."""

from __future__ import annotations

import json
from typing import Any

from garagebench import __version__
from garagebench.core.layout import LARGEST_NUMBER, Layout

METRICS = "text/plain"

#: The request header that asks for `Server-Timing` in the reply. Measured on demand only: clock reads between the
#: stages take longer than some of them.
TIMING_HEADER = "X-Server-Timing"

_NUMBER = {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}

#: Asks for the header `Server-Timing` in the reply, whatever its value is.
_TIMING = {"name": TIMING_HEADER, "in": "header", "schema": _TEXT}


def describe_api(layout: Layout) -> bytes:
    """Return the OpenAPI document, with the vehicles and kinds of the layout."""
    spaces = _object(free=_COUNT, taken=_COUNT)
    schemas = {
        "Vehicle": _object(vehicle={"type": "string", "enum": list(layout.tiers)}),
        "Location": _object(floor=_NUMBER, row=_NUMBER, space=_NUMBER),
        "Kind": _object(kind={"type": "string", "enum": list(layout.kinds)}),
        "Garage": _object(kinds=_object(**dict.fromkeys(layout.kinds, spaces))),
        "Status": _object(status=_TEXT),
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
        "Text": _TEXT,
        "Problem": _object(
            type={"type": "string", "format": "uri"},
            title=_TEXT,
            status={"type": "integer", "minimum": 400, "maximum": 599},
            detail=_TEXT,
        ),
    }
    park = _operation("park", "Park a vehicle", "Vehicle", "Location", 409)
    park["responses"]["200"]["links"] = {"leave": _link_to_unpark()}
    unpark = _operation("unpark", "Give a space back", "Location", "Kind", 404, 409)
    paths = {
        "/park": {"post": park},
        "/unpark": {"post": unpark},
        "/garage": {"get": _view("Free and taken spaces of each kind", "Garage")},
        "/healthz": {"get": _view("Whether the process lives", "Status")},
        "/readyz": {"get": _view("Whether requests are welcome", "Status", 503)},
        "/metrics": {"get": _view("The books, for Prometheus", "Text", 501, media_type=METRICS)},
        "/openapi.json": {"get": _view("This document", "Document")},
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


def _refusals(*statuses: int) -> dict[str, Any]:
    content = _content("application/problem+json", "Problem")
    return {str(status): {"description": "refused", **content} for status in statuses}


def _operation(name: str, summary: str, asks: str, answers: str, *refuses: int) -> dict[str, Any]:
    accepted = {
        "description": answers,
        "headers": {"Server-Timing": {"schema": _TEXT}},
        **_content("application/json", answers),
    }
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [_TIMING],
        "requestBody": {"required": True, **_content("application/json", asks)},
        "responses": {"200": accepted, **_refusals(400, *refuses, 413, 415, 422)},
    }


def _link_to_unpark() -> dict[str, Any]:
    """Return the link that says: what `park` answers is what `unpark` asks."""
    return {"operationId": "unpark", "requestBody": "$response.body"}


def _view(
    summary: str, answers: str, *refuses: int, media_type: str = "application/json"
) -> dict[str, Any]:
    accepted = {"description": "as asked", **_content(media_type, answers)}
    return {"summary": summary, "responses": {"200": accepted, **_refusals(*refuses)}}

"""The document around every report: style, headings, and the data as JSON."""

from __future__ import annotations

import json
from typing import Any


def draw(template: str, data: object, **values: Any) -> str:
    """Return a document. template: its name; data: what is in the file as JSON, for programs; values: for the template."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("garagebench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A script ends at the first "</", wherever that is.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return environment.get_template(template).render(data_json=text, **values) + "\n"

"""Reports as one HTML file: whole without network, and readable without JavaScript, on paper, on a phone and in the dark."""

from __future__ import annotations

from garagebench.report.html.results import render_load, render_results, render_scale
from garagebench.report.html.verdict import render_verdict

__all__ = ["render_load", "render_results", "render_scale", "render_verdict"]

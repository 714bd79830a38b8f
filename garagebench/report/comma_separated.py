"""Rows as CSV."""

from dataclasses import asdict

from garagebench.report.drawing import draw_csv
from garagebench.run.report import ROW_KEYS, Report


def render_csv(report: Report) -> str:
    """Return one line a row under the JSON keys; null is empty, caveats are joined with "; "."""
    rows = ({**asdict(row), "caveats": "; ".join(row.caveats)} for row in report.rows)
    return draw_csv(ROW_KEYS, rows)

"""Rows as CSV."""

import csv
import io
from dataclasses import asdict

from garagebench.run.report import ROW_KEYS, Report


def render_csv(report: Report) -> str:
    """Return one line a row under the JSON keys; null is empty, caveats are joined with "; "."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ROW_KEYS, lineterminator="\n")
    writer.writeheader()
    for row in report.rows:
        writer.writerow({**asdict(row), "caveats": "; ".join(row.caveats)})
    return text.getvalue()

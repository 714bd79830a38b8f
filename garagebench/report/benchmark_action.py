"""Rows in the format of github-action-benchmark, tool `customSmallerIsBetter`.

https://github.com/benchmark-action/github-action-benchmark: an array of name, unit, value, range and extra. Its
charts set runs of different days and machines side by side, so that only ratios to the reference have a place there.
"""

import json

from garagebench.run.report import Report, ReportError, Row


def render_benchmark_action(report: Report) -> str:
    """Return each ratio to the reference as one benchmark; ReportError where there is none."""
    benchmarks = [_benchmark(row) for row in report.rows if _is_shown(row)]
    if not benchmarks:
        raise ReportError(
            "no row has a ratio to another: measure an implementation besides the reference, with --impl"
        )
    return json.dumps(benchmarks, indent=2, allow_nan=False) + "\n"


def _is_shown(row: Row) -> bool:
    own = f"{row.impl}@{row.runtime}"
    return row.status == "ok" and row.ratio is not None and row.reference != own


def _benchmark(row: Row) -> dict[str, object]:
    where = "" if row.server is None else f" on {row.server}"
    of_garage = f"{where}, {row.layout}, {row.workload}: {row.operation} {row.stage}"
    what = f": {row.case}" if row.operation is None else of_garage
    benchmark: dict[str, object] = {
        "name": f"{row.impl}@{row.runtime}{what}",
        "unit": f"x {row.reference}",
        "value": row.ratio,
    }
    if row.ratio_low is not None and row.ratio_high is not None:
        benchmark["range"] = f"{row.ratio_low} to {row.ratio_high}"
    benchmark["extra"] = f"{row.median} {row.unit} on this run's machine"
    return benchmark

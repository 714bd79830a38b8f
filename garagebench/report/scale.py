"""What `scale` prints: the grids that a table and Markdown draw, and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from garagebench.report.drawing import draw_csv
from garagebench.report.page import Page, PlainGrid, draw_markdown, draw_table
from garagebench.report.quantity import (
    EN_DASH,
    choose_scale,
    format_interval,
    format_number,
    format_ratio,
)
from garagebench.scale.report import ONE_OPERATION, ScaleReport, ScaleRow, to_json

if TYPE_CHECKING:
    from rich.console import Console

MODES = {"single": "one space per call", "batch": "many spaces per call"}

ALONE = "measured alone and for a moment, not in lock-step: no interval"


def render_scale(report: ScaleReport, form: str, console: Console) -> str:
    """Return the report as a table for the console, Markdown, JSON or CSV."""
    if form == "json":
        return to_json(report)
    if form == "csv":
        return _csv(report)
    page = make_page(report)
    return draw_markdown(page) if form == "markdown" else draw_table(page, console)


def make_page(report: ScaleReport) -> Page:
    """Return what a person reads."""
    page = Page(notes=list(report.caveats))
    sizes = sorted({row.spaces for row in report.rows})
    for (workload, mode), rows in _group(report.rows, "workload", "mode"):
        lines = [
            (impl, *_cells(of_impl, sizes, _cost, page))
            for (impl,), of_impl in _group(rows, "impl")
        ]
        title = f"{workload}: what one {ONE_OPERATION[workload]} costs, {MODES[mode]}"
        page.grids.append(PlainGrid(title, _header(sizes), tuple(lines)))
    page.grids += [_growth_grid(report, page)] if report.growth else []
    page.grids.append(_build_grid(report, sizes, page))
    if origin := describe_origin(report):
        page.notes.append(origin)
    return page


def describe_origin(report: ScaleReport) -> str:
    """Return machine, interpreters, date and seed on one line."""
    environment = report.environment
    told = [environment.get(key) for key in ("cpu_model_name", "platform")]
    told += [", ".join(environment.get("interpreters", ())), environment.get("date")]
    told += [f"seed {report.settings['seed']}"] if "seed" in report.settings else []
    return "Measured: " + "; ".join(str(one) for one in told if one)


def format_ns(value: float) -> str:
    """Return a time with the unit that suits it."""
    scale = choose_scale([value], "ns")
    return f"{format_number(value / scale.size)} {scale.name}"


def format_spaces(spaces: int) -> str:
    """Return 100, 1k, 10M; other numbers in full."""
    for size, unit in ((10**6, "M"), (10**3, "k")):
        if spaces % size == 0:
            return f"{spaces // size}{unit}"
    return f"{spaces:,}"


def _group(rows: Iterable[Any], *keys: str) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, key) for key in keys), []).append(row)
    yield from groups.items()


def _header(sizes: Sequence[int]) -> tuple[str, ...]:
    return "implementation", *map(format_spaces, sizes)


def _cells(rows: Sequence[ScaleRow], sizes: Sequence[int], draw: Any, page: Page) -> Iterator[str]:
    by_size = {row.spaces: row for row in rows}
    for size in sizes:
        yield draw(by_size[size], page) if size in by_size else ""


def _cost(row: ScaleRow, page: Page) -> str:
    if row.status != "ok":
        return f"{row.status} {page.refer(row.reason or row.status)}"
    cost = EN_DASH if row.median is None else format_ns(row.median)
    numbers = [page.refer(caveat) for caveat in row.caveats]
    numbers += [] if row.lock_step else [page.refer(ALONE)]
    return " ".join([cost, *numbers])


def _build(row: ScaleRow, page: Page) -> str:
    if row.build_ns is None:
        return f"{row.status} {page.refer(row.reason or row.status)}"
    return format_ns(row.build_ns)


def _growth_grid(report: ScaleReport, page: Page) -> PlainGrid:
    header = ("implementation", "workload", "calls", "growth", "exponent", "from", "to", "ratio")
    lines = []
    for one in report.growth:
        found = one.evidence
        growth = one.growth or f"not named {page.refer(one.reason or 'unknown')}"
        bounds = found["exponent_low"], found["exponent_high"]
        exponent = (
            EN_DASH if found["exponent"] is None else f"{round(found['exponent'], 2) + 0.0:.2f}"
        )
        if None not in bounds:
            exponent += f" ({format_interval(*bounds)})"
        span = [
            EN_DASH if found[key] is None else format_spaces(found[key])
            for key in ("smallest", "largest")
        ]
        ratio = EN_DASH if found["cost_ratio"] is None else format_ratio(found["cost_ratio"])
        lines.append((one.impl, one.workload, one.mode, growth, exponent, *span, ratio))
    return PlainGrid("growth of one operation with the number of spaces", header, tuple(lines))


def _build_grid(report: ScaleReport, sizes: Sequence[int], page: Page) -> PlainGrid:
    lines = []
    for (impl,), rows in _group(report.rows, "impl"):
        known = [row for row in rows if row.bytes_per_space is not None]
        largest = max(known, key=lambda row: row.spaces).bytes_per_space if known else None
        memory = EN_DASH if largest is None else format_number(largest)
        lines.append((impl, *_cells(rows, sizes, _build, page), memory))
    header = (*_header(sizes), "bytes per space")
    return PlainGrid("time to build a pool, and its memory", header, tuple(lines))


def _csv(report: ScaleReport) -> str:
    keys = [key.name for key in fields(ScaleRow)]
    classes = {(one.impl, one.workload, one.mode): one.growth for one in report.growth}
    rows = (
        {
            **asdict(row),
            "caveats": "; ".join(row.caveats),
            "growth": classes.get((row.impl, row.workload, row.mode)),
        }
        for row in report.rows
    )
    return draw_csv([*keys, "growth"], rows)

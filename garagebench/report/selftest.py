"""What a selftest found, in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from garagebench.report.drawing import (
    LEFT,
    RIGHT,
    draw_csv,
    draw_markdown_table,
    draw_on,
    escape,
    make_table,
)
from garagebench.stats.binomial import exact_bounds
from garagebench.stats.levels import CERTAINTY, CONFIDENCE, format_level

if TYPE_CHECKING:
    from rich.console import Console

    from garagebench.check.certificate import Certificate, Count

_HEADER = ("gates", "outcome", "count", f"{format_level(CONFIDENCE)} bounds")


def render_certificate(certificate: Certificate, form: str, console: Console) -> str:
    """Return the certificate as a table for the console, Markdown, JSON or CSV."""
    if form == "json":
        return json.dumps(asdict(certificate), indent=2, allow_nan=False) + "\n"
    lines = list(_lines(certificate))
    if form == "csv":
        rows = (dict(zip(_HEADER, line, strict=True)) for line in (*lines, *_facts(certificate)))
        return draw_csv(_HEADER, rows)
    if form == "markdown":
        table = draw_markdown_table(_HEADER, (LEFT, LEFT, RIGHT, LEFT), lines)
        said = [f"- {escape(sentence)}" for sentence in _sentences(certificate)]
        return "\n".join([table, "", *said]) + "\n"
    return draw_on(console, [make_table(_HEADER, lines), *_sentences(certificate)])


def _lines(certificate: Certificate) -> Iterator[tuple[str, str, str, str]]:
    of_identical = "identical code, live", "identical code, replayed"
    yield (of_identical[0], "slower", *_counted(certificate.identical))
    yield (of_identical[0], "inconclusive", *_counted(certificate.identical_inconclusive))
    yield (of_identical[1], "slower", *_counted(certificate.replayed))
    yield (of_identical[1], "inconclusive", *_counted(certificate.replayed_inconclusive))
    if certificate.injected_percent is not None:
        injected = f"+{certificate.injected_percent:g} % in a stage; live"
        yield (injected, "slower and the stage named", *_counted(certificate.injected_found))


def _facts(certificate: Certificate) -> Iterator[tuple[str, str, str, str]]:
    """Yield what the other formats say in sentences."""
    for sentence in _sentences(certificate):
        yield ("note", sentence, "", "")


def _counted(count: Count) -> tuple[str, str]:
    if not count.of:
        return "none run", ""
    low, high = exact_bounds(count.count, count.of)
    return f"{count.count} of {count.of}", f"{100 * low:.1f} to {100 * high:.1f} %"


def _sentences(certificate: Certificate) -> Iterator[str]:
    found, certainty = certificate.found_percent, format_level(CERTAINTY)
    yield (
        f"no slowdown of a stage is found with {certainty} certainty"
        if found is None
        else f"a slowdown of {found:g} % in one stage that is 5 % of its total or more is found, and the stage named, "
        f"with {certainty} certainty (replayed)"
    )
    yield (
        f"{certificate.processor}, {certificate.runtime}, {certificate.date}; {_limit(certificate)}"
        f"--max-slowdown {certificate.max_slowdown:g}; replayed from {certificate.generations} recorded generations"
    )


def _limit(certificate: Certificate) -> str:
    if certificate.limit_generations is not None:
        return f"--generations {certificate.limit_generations} "
    return "" if certificate.budget_s is None else f"--budget {certificate.budget_s:g} "

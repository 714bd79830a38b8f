"""What a person and a program read of `scale`."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace

import pytest
from rich.console import Console

from garagebench.report.quantity import EN_DASH, TIMES
from garagebench.report.scale import ALONE, format_ns, format_spaces, render_scale
from garagebench.scale.growth import Growth
from garagebench.scale.report import (
    ScaleError,
    ScaleGrowth,
    ScaleReport,
    ScaleRow,
    from_json,
    to_json,
)

SMALL = ScaleRow(
    impl="lists",
    runtime="cpython3.11",
    workload="fill",
    operation="take",
    mode="single",
    spaces=100,
    status="ok",
    batch=50,
    median=457.0,
    low=450.0,
    high=460.0,
    lock_step=True,
    build_ns=290.0,
)
EVIDENCE = asdict(
    Growth(
        growth="linear",
        reason=None,
        sizes=4,
        smallest=100,
        largest=100_000,
        cost_ratio=488.0,
        exponent=0.9,
        exponent_low=0.836,
        exponent_high=0.961,
    )
)
LINEAR = ScaleGrowth(
    impl="lists",
    runtime="cpython3.11",
    workload="fill",
    mode="single",
    growth="linear",
    reason=None,
    evidence=EVIDENCE,
)
REPORT = ScaleReport(
    1,
    {"cpu_model_name": "A CPU", "interpreters": ["cpython3.11"]},
    {"seed": 0},
    ("the host was busy",),
    (
        SMALL,
        replace(
            SMALL,
            spaces=1000,
            lock_step=False,
            low=None,
            high=None,
            median=3170.0,
            build_ns=200.0,
            bytes_per_space=9.0,
        ),
        replace(
            SMALL, spaces=10**7, median=2.33e7, bytes_per_space=8.0003, caveats=("it was hot",)
        ),
        replace(
            SMALL,
            spaces=10**8,
            status="skipped",
            reason="would need 9 GiB of 8",
            median=None,
            build_ns=None,
        ),
    ),
    (LINEAR,),
)


def render(form: str, report: ScaleReport = REPORT) -> str:
    """Return the report in a format, on a console of 120 letters without colours."""
    return render_scale(report, form, Console(width=120, no_color=True, force_terminal=False))


def test_markdown() -> None:
    """A cell for each size, with the reason or caveat as a number; then growth, build, reasons and notes."""
    assert (
        render("markdown").replace("\\", "")
        == f"""\
**fill: what one take costs, one space per call**

| implementation | 100 | 1k | 10M | 100M |
| :--- | ---: | ---: | ---: | ---: |
| lists | 457 ns | 3.17 µs [1] | 23.3 ms [2] | skipped [3] |

**growth of one operation with the number of spaces**

| implementation | workload | calls | growth | exponent | from | to | ratio |
| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| lists | fill | single | linear | 0.90 (0.836{EN_DASH}0.961) | 100 | 100k | {TIMES}488 |

**time to build a pool, and its memory**

| implementation | 100 | 1k | 10M | 100M | bytes per space |
| :--- | ---: | ---: | ---: | ---: | ---: |
| lists | 290 ns | 200 ns | 290 ns | skipped [3] | 8.00 |

1. {ALONE}
2. it was hot
3. would need 9 GiB of 8

Note: the host was busy

Note: Measured: A CPU; cpython3.11; seed 0
"""
    )


def test_a_table_says_the_same() -> None:
    """On a terminal each cell and each reason is there, too."""
    table = render("table")
    assert "23.3 ms [2]" in table
    assert "[3] would need 9 GiB of 8" in table
    assert "the host was busy" in table


def test_an_unnamed_growth_has_its_reason() -> None:
    """Without a class there is a number that leads to the reason, and dashes for what is not known."""
    unknown = dict.fromkeys(EVIDENCE)
    one = replace(LINEAR, growth=None, reason="it takes 4 sizes", evidence=unknown)
    text = render("markdown", replace(REPORT, growth=(one,))).replace("\\", "")
    dashes = " | ".join(EN_DASH * 4)
    assert f"| lists | fill | single | not named [4] | {dashes} |" in text
    assert "\n4. it takes 4 sizes\n" in text


def test_json_goes_round() -> None:
    """What is written is read back as it was, unknown as null."""
    assert from_json(to_json(REPORT)) == REPORT
    assert json.loads(render("json"))["rows"][0]["bytes_per_space"] is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 1}', to_json(REPORT).replace('"batch"', '"lot"')]
)
def test_other_json_is_refused(text: str) -> None:
    """What `scale` did not write is an error in one sentence."""
    with pytest.raises(ScaleError, match="not the JSON of scale"):
        from_json(text)


def test_another_schema_is_refused() -> None:
    """A file of another version says so."""
    with pytest.raises(ScaleError, match="schema 2 is not 1"):
        from_json(to_json(replace(REPORT, schema=2)))


def test_csv() -> None:
    """A line a row, with the growth of its line; unknown is empty."""
    lines = list(csv.DictReader(io.StringIO(render("csv"))))
    assert [line["spaces"] for line in lines] == ["100", "1000", "10000000", "100000000"]
    assert {line["growth"] for line in lines} == {"linear"}
    assert (lines[3]["median"], lines[3]["reason"]) == ("", "would need 9 GiB of 8")
    assert lines[2]["caveats"] == "it was hot"


@pytest.mark.parametrize(
    ("value", "text"),
    [(61.26, "61.3 ns"), (2370.0, "2.37 µs"), (2.3e7, "23.0 ms"), (0.5, "0.500 ns")],
)
def test_a_time_has_the_unit_that_suits_it(value: float, text: str) -> None:
    """Three digits, from nanoseconds to seconds."""
    assert format_ns(value) == text


@pytest.mark.parametrize(
    ("spaces", "text"),
    [(100, "100"), (1000, "1k"), (1500, "1,500"), (10**8, "100M"), (2_500_000, "2500k")],
)
def test_sizes_are_short_where_nothing_is_lost(spaces: int, text: str) -> None:
    """Whole thousands and millions are abbreviated, others written out."""
    assert format_spaces(spaces) == text


def test_no_growth_has_no_table() -> None:
    """Where no implementation was measured, there is no header above nothing."""
    report = ScaleReport(1, {}, {}, (), (SMALL,), ())
    assert "growth" not in render_scale(report, "markdown", Console())

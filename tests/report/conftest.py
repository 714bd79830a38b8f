"""One report made by hand, and the comparison with golden files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from garagebench.run.report import Report, Row

GOLDEN = Path(__file__).parent / "golden"

NO_INTERVAL = "5 generations, 6 are needed: no interval; give it a larger --budget"
NO_CONTEXT = "in context is unknown: clock reads change PyPy's traces, so nothing would add up"
COARSE = "near the resolution of the clock (0.2 ns after averaging)"
CHANGED_SPEED = "the host changed speed during the run (p90/p10 of the reference case is 1.41)"
MISSING = "numba_fast cannot run here: No module named 'numba': pip install 'garagebench[numba]'"
TAKEN_TWICE = "wrong answer at request 120 of fill: gave out floor 3, row 5, space 10 twice"

Values = tuple[float | None, ...]
"""One value for each of lists, numpy, numba and pypy."""

PARK: dict[str, Values] = {
    "validate": (583.4, 588.2, 581.9, 61.27),
    "sequence": (412.6, 401.3, 466.8, 12.44),
    "assignment": (231.4, 2874.0, 198.2, 9.963),
    "floor_lookup": (53.18, 52.86, 54.02, 0.8),
    "encode": (466.1, 471.7, 462.4, 71.35),
    "total": (1822.0, 4496.0, 1731.0, 189.6),
    "unattributed": (75.3, 107.9, -32.3, 33.78),
}
PARK_IN_CONTEXT: dict[str, Values] = {
    "validate": (609.2, 613.8, 607.4, None),
    "sequence": (437.9, 426.2, 481.5, None),
    "assignment": (247.0, 2911.0, 205.6, None),
    "floor_lookup": (61.33, 60.47, 62.1, None),
    "encode": (479.6, 486.3, 474.8, None),
    "total": (1822.0, 4496.0, 1731.0, None),
    "unattributed": (-13.03, -1.77, -100.4, None),
}
UNPARK: dict[str, Values] = {
    "validate": (781.5, 785.9, 779.2, 83.11),
    "space_lookup": (148.7, 147.9, 150.2, 4.208),
    "release": (88.36, 131.4, 142.9, 2.117),
    "encode": (301.8, 302.6, 300.9, 40.72),
    "total": (1402.0, 1451.0, 1455.0, 151.3),
    "unattributed": (81.6, 83.2, 81.8, 21.15),
}
START: dict[str, Values] = {
    "import": (21.4e6, 96.3e6, 388.0e6, 48.9e6),
    "compile": (None, None, 1.284e9, None),
    "build": (61_300.0, 78_900.0, 84_200.0, 212_000.0),
    "first_request": (14_820.0, 28_440.0, 19_310.0, 342_700.0),
    "peak_memory": (11.9 * 2**20, 31.2 * 2**20, 148.6 * 2**20, 72.4 * 2**20),
}
SUBJECTS = (
    ("numpy", "cpython3.11"),
    ("lists", "cpython3.11"),
    ("numba", "cpython3.11"),
    ("pypy", "pypy3.9"),
)
PLACES = ("lists", "numpy", "numba", "pypy")


ROW = Row(
    impl="lists",
    runtime="cpython3.11",
    case="park/total",
    layout="seed",
    workload="fill",
    server=None,
    operation="park",
    stage="total",
    unit="ns",
    status="ok",
    median=1822.0,
    low=None,
    high=None,
    in_context=None,
    reference="lists@cpython3.11",
    ratio=None,
    ratio_low=None,
    ratio_high=None,
    caveats=(),
)
MakeRow = Callable[..., Row]
MakeReport = Callable[..., Report]


@pytest.fixture
def make_row() -> MakeRow:
    """Return a maker of rows: lists, park, total, without an interval, but for what it is given."""
    return partial(replace, ROW)


@pytest.fixture
def make_report() -> MakeReport:
    """Return a maker of reports that have these rows and caveats, and nothing else."""
    return lambda *rows, caveats=(): Report(1, {}, {}, caveats, rows)


def make_rows(
    operation: str, stages: dict[str, Values], in_context: dict[str, Values]
) -> Iterator[Row]:
    """Yield the rows of the four classic implementations, numpy before the reference."""
    for impl, runtime in SUBJECTS:
        place = PLACES.index(impl)
        for stage, values in stages.items():
            yield replace(
                ROW,
                impl=impl,
                runtime=runtime,
                case=f"{operation}/{stage}",
                operation=operation,
                stage=stage,
                unit="bytes" if stage == "peak_memory" else "ns",
                in_context=in_context[stage][place] if stage in in_context else None,
                **summarise(stage, values[place], values[0], is_reference=impl == "lists"),
                caveats=find_caveats(operation, stage, impl),
            )


def summarise(
    stage: str, median: float | None, reference: float | None, *, is_reference: bool
) -> dict[str, Any]:
    """Return median, interval and ratio as a measurement would give them."""
    if median is None:
        return {"median": None}
    half = 11.3 if stage == "unattributed" else 0.012 * median
    summary: dict[str, float | None] = {
        "median": median,
        "low": round(median - half, 6),
        "high": round(median + half, 6),
    }
    if not is_reference and reference is not None and stage != "unattributed":
        ratios = {"ratio": 1.0, "ratio_low": 0.994, "ratio_high": 1.006}
        summary |= {key: round(median / reference * at, 6) for key, at in ratios.items()}
    return summary


def find_caveats(operation: str, stage: str, impl: str) -> tuple[str, ...]:
    """Return what is to be said on a case."""
    caveats = []
    if impl == "pypy" and operation != "start":
        caveats.append(NO_CONTEXT)
    if impl == "pypy" and stage == "floor_lookup":
        caveats.append(COARSE)
    return tuple(caveats)


def make_failed_rows() -> Iterator[Row]:
    """Yield an implementation that cannot run here and one whose answers are wrong."""
    for operation, stages in (("park", PARK), ("unpark", UNPARK)):
        for stage in stages:
            failed: dict[str, Any] = {"operation": operation, "stage": stage, "median": None}
            yield replace(
                ROW, impl="numba_fast", status="unavailable", caveats=(MISSING,), **failed
            )
            yield replace(ROW, impl="greedy", status="wrong", caveats=(TAKEN_TWICE,), **failed)


@pytest.fixture
def report() -> Report:
    """Return four implementations, one unavailable, one wrong; park, unpark and start."""
    rows = [
        *make_rows("start", START, {}),
        *make_rows("park", PARK, PARK_IN_CONTEXT),
        *make_rows("unpark", UNPARK, {}),
        *make_failed_rows(),
    ]
    return Report(
        schema=1,
        environment={
            "aslr": "Full randomization",
            "cpu_model_name": "Intel Xeon @ 2.50GHz",
            "cpu_count": 2,
            "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
            "date": "2024-11-23 20:17:17.157756",
            "interpreters": {
                "cpython3.11": {
                    "python_implementation": "CPython",
                    "python_version": "3.11.2",
                    "numpy_version": "2.4.6",
                },
                "pypy3.9": {"python_version": "3.9.16", "pypy_version": "7.3.11"},
            },
        },
        settings={
            "layout": "seed",
            "spaces": None,
            "budget_s": 30.0,
            "seed": 0,
            "generations": None,
            "requests": {"park": 120, "unpark": 120},
        },
        caveats=(CHANGED_SPEED,),
        rows=tuple(without_interval(row) for row in rows),
    )


def without_interval(row: Row) -> Row:
    """Return the row, of which `build` was measured too seldom for an interval."""
    if row.stage != "build":
        return row
    bounds: dict[str, Any] = dict.fromkeys(("low", "high", "ratio_low", "ratio_high"))
    return replace(row, caveats=(*row.caveats, NO_INTERVAL), **bounds)


@pytest.fixture
def assert_golden() -> Callable[[str, str], None]:
    """Return the comparison of a text with a golden file, which is never overwritten."""
    return compare_golden


def compare_golden(name: str, text: str) -> None:
    """Fail when the text is not the golden file's; the text then stands in NAME.new beside it."""
    golden, new = GOLDEN / name, GOLDEN / f"{name}.new"
    if golden.exists() and golden.read_bytes() == text.encode():
        new.unlink(missing_ok=True)
        return
    new.write_bytes(text.encode())
    pytest.fail(f"not as in {golden}: see {new}, and move it there if it is right", pytrace=False)

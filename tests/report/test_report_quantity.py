"""Numbers to text."""

# ruff: noqa: RUF001 - the signs that users see

from __future__ import annotations

from math import floor, log10

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from garagebench.report.quantity import (
    choose_finest,
    choose_scale,
    format_interval,
    format_number,
    format_rate,
    format_ratio,
)

magnitudes = st.floats(min_value=1e-6, max_value=1e15)
values = st.builds(lambda magnitude, sign: magnitude * sign, magnitudes, st.sampled_from([-1, 1]))


def parse(text: str) -> float:
    """Return the number that a reader sees."""
    return float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))


@given(values)
@example(0.8)
@example(9.996)
@example(999.5)
def test_three_digits_survive_the_round_trip(value: float) -> None:
    """What is shown is within half a unit of the third digit, and is shown the same again."""
    shown = format_number(value)
    third_digit = 10.0 ** (floor(log10(abs(value))) - 2)
    assert abs(parse(shown) - value) <= 0.5001 * third_digit
    assert format_number(parse(shown)) == shown


@given(values)
@example(9.996)
def test_a_number_has_three_significant_digits(value: float) -> None:
    """No more than three digits before the zeros of the scale, and none of them is left out."""
    digits = format_number(value).lstrip("\N{MINUS SIGN}").replace(",", "")
    significant = digits.replace(".", "").lstrip("0")
    assert "e" not in digits
    assert significant[3:].strip("0") == ""
    assert len(significant) == 3 or (len(significant) > 3 and "." not in digits)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.8, "0.800"),
        (9.996, "10.0"),
        (231.4, "231"),
        (1822.0, "1820"),
        (12345.0, "12,300"),
        (-32.3, "−32.3"),
        (0.0, "0"),
        (-0.0, "0"),
        (1e22, "10,000,000,000,000,000,000,000"),
    ],
)
def test_a_number_reads_well(value: float, shown: str) -> None:
    """Digits are grouped from 10,000, a minus is a minus sign, zero is bare."""
    assert format_number(value) == shown


@pytest.mark.parametrize(
    ("median", "low", "high", "shown"),
    [
        (231.4, 228.1, 234.8, "231"),  # 3 digits are fewer than the interval bears out
        (4.31, -18.2, 25.3, "4"),  # half-width 22: whole numbers
        (4310.0, -15000.0, 25000.0, "4000"),  # half-width 20,000: thousands
        (0.8, 0.6, 1.0, "0.80"),  # half-width 0.20
        (0.2, -18.2, 25.3, "0"),
    ],
)
def test_a_wide_interval_costs_digits(median: float, low: float, high: float, shown: str) -> None:
    """No digit stands beyond the second of the interval's half-width."""
    assert format_number(median, finest=choose_finest(low, high)) == shown


def test_an_interval_without_width_costs_no_digits() -> None:
    """An interval of one value, or none at all, leaves three digits."""
    assert choose_finest(1.25, 1.25) is None
    assert choose_finest(None, 1.25) is None


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(228.0, 234.9, "228–235"), (0.98, 1.02, "0.980–1.02"), (-12.31, -4.56, "−12.3 to −4.6")],
)
def test_an_interval_reads_well(low: float, high: float, shown: str) -> None:
    """A dash parts the bounds, but never meets a minus sign."""
    assert format_interval(low, high) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (1.0, "×1.00"),
        (0.834, "×0.83"),
        (0.0834, "×0.083"),
        (2.467, "×2.47"),
        (12.42, "×12.4"),
        (1234.0, "×1230"),
        (0.0, "×0"),
    ],
)
def test_a_ratio_reads_well(ratio: float, shown: str) -> None:
    """Two digits after the point around 1; two significant ones far below, three far above."""
    assert format_ratio(ratio) == shown


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [
        (412_345.0, "412k"),
        (1_234_567.0, "1.2M"),
        (98_700.0, "98.7k"),
        (99_960.0, "100k"),
        (999_700.0, "1.0M"),
        (2.5e9, "2.5G"),
        (12.34, "12.3"),
        (0.25, "0.2"),
    ],
)
def test_a_rate_reads_well(per_second: float, shown: str) -> None:
    """A rate has one letter for its scale and at most one digit after the point."""
    assert format_rate(per_second) == shown


@pytest.mark.parametrize(
    ("numbers", "unit", "name"),
    [
        ([231.0, 2874.0], "ns", "ns"),
        ([1000.0, 2874.0], "ns", "µs"),
        ([0.8, 2874.0], "ns", "ns"),
        ([-2500.0, 3e9], "ns", "µs"),
        ([0.0, 5e6], "ns", "ms"),
        ([4e9], "ns", "s"),
        ([], "ns", "ns"),
        ([0.0], "bytes", "B"),
        ([1023.0], "bytes", "B"),
        ([1024.0, 5e9], "bytes", "KiB"),
        ([11.9 * 2**20], "bytes", "MiB"),
        ([2.0**31], "bytes", "GiB"),
    ],
)
def test_the_smallest_number_chooses_the_unit(numbers: list[float], unit: str, name: str) -> None:
    """The unit is the largest in which the smallest number, zeros aside, has a whole digit."""
    assert choose_scale(numbers, unit).name == name  # type: ignore[arg-type]

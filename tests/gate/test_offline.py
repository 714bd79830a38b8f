"""Two result files, judged."""

import pytest

from garagebench.gate.case import Thresholds
from garagebench.gate.offline import NO_SHARED_ROUNDS, compare_files
from garagebench.gate.samples import Sample, Samples


def make_samples(path: str, **cases: list[float]) -> Samples:
    """Return samples in ns as if read from that file."""
    found = {name: Sample("ns", tuple(values)) for name, values in cases.items()}
    return Samples(path, "pyperf", {"processor": path}, found, {})


QUIET = [100 + 0.1 * number for number in range(12)]


@pytest.mark.parametrize(
    ("factor", "outcome"),
    [(1.0, "not slower"), (1.04, "not slower"), (1.2, "slower"), (0.8, "not slower")],
)
def test_files_are_judged_by_the_threshold(factor: float, outcome: str) -> None:
    """With 12 runs a side, +20 % is slower than 5 % allows; equal, faster and +4 % are not."""
    head = make_samples("head", total=[value * factor for value in QUIET])
    compared = compare_files(make_samples("base", total=QUIET), head, Thresholds(5.0))
    assert compared.cases["total"][0] == outcome


def test_one_run_is_inconclusive_and_said() -> None:
    """One run a side bounds nothing, however different."""
    compared = compare_files(
        make_samples("base", total=[100.0]), make_samples("head", total=[900.0]), Thresholds(5.0)
    )
    assert compared.cases["total"][0] == "inconclusive"
    assert any("too few runs" in note and "total" in note for note in compared.notes)


def test_no_common_case_is_said() -> None:
    """Files without a case in common compare nothing."""
    compared = compare_files(
        make_samples("base", a=QUIET), make_samples("head", b=QUIET), Thresholds(5.0)
    )
    assert compared.cases == {}
    assert "base and head have no case in common" in compared.notes


def test_the_caveat_and_the_environments_are_told() -> None:
    """Files share no rounds, and here not even the processor."""
    compared = compare_files(
        make_samples("base", a=QUIET), make_samples("head", a=QUIET), Thresholds(5.0)
    )
    assert NO_SHARED_ROUNDS in compared.notes
    assert any("processor" in note for note in compared.notes)


def test_derived_remainders_are_not_judged() -> None:
    """`unattributed` is a remainder: it makes no file slower or undecided."""
    name = "lists@cpython3.11/seed/fill/park/unattributed"
    both = [make_samples(side, **{name: QUIET, "total": QUIET}) for side in ("base", "head")]
    assert list(compare_files(*both, Thresholds(5.0)).cases) == ["total"]

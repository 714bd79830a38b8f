"""Two result files, judged."""

from dataclasses import replace

import pytest

from garagebench.gate.case import Thresholds
from garagebench.gate.files import NO_SHARED_ROUNDS, compare_files
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
    assert compared.notes[0] == "base and head have no case in common"


def test_what_only_one_file_has_is_said() -> None:
    """A case that is gone, a new one, and one in another unit are not judged, and are listed."""
    base = make_samples("base", a=QUIET, gone=QUIET, size=QUIET)
    head = make_samples("head", a=QUIET, new=QUIET, size=QUIET)
    head = replace(head, cases={**head.cases, "size": Sample("bytes", tuple(QUIET))})
    compared = compare_files(base, head, Thresholds(5.0))
    assert list(compared.cases) == ["a"]
    assert "in base only, and so not judged: gone" in compared.notes
    assert "in head only, and so not judged: new" in compared.notes
    assert "not judged: size is in ns in the base and in bytes in the head" in compared.notes


def test_runs_that_could_confirm_nothing_are_said() -> None:
    """4 runs a side bound a change, but never at the gate's level: the note says what it takes, and no more does."""
    for runs, outcome in ((4, "inconclusive"), (7, "slower")):
        base = make_samples("base", a=QUIET[:runs])
        head = make_samples("head", a=[1.3 * value for value in QUIET[:runs]])
        compared = compare_files(base, head, Thresholds(5.0))
        assert compared.cases["a"][0] == outcome
        said = [note for note in compared.notes if "to call anything slower" in note]
        # Of the orders of 4 and 4 runs 1 in 70 is outermost, of 5 and 5 1 in 252: 0.4 % is below ALPHA.
        assert bool(said) is (outcome == "inconclusive")
        assert all("to judge 1 at once it takes 5 on each side" in note for note in said)


def test_a_threshold_is_found_by_the_name_of_another_tools_case() -> None:
    """What a pyperf case is called is what its threshold is set for; one that is of no case is said."""
    base = make_samples("base", a=QUIET)
    head = make_samples("head", a=[1.2 * value for value in QUIET])
    compared = compare_files(base, head, Thresholds(5.0, {"a": 30.0, "b": 1.0}))
    assert compared.cases["a"][0] == "not slower"
    assert "the threshold of b concerns no case that is judged" in compared.notes


def test_the_caveat_and_the_environments_are_told() -> None:
    """Files share no rounds, and here not even the processor."""
    compared = compare_files(
        make_samples("base", a=QUIET), make_samples("head", a=QUIET), Thresholds(5.0)
    )
    assert NO_SHARED_ROUNDS in compared.notes
    assert any("processor" in note for note in compared.notes)


def test_derived_remainders_are_not_judged() -> None:
    """A row that a subject says not to judge makes no file slower or undecided."""
    both = [make_samples(side, rest=QUIET, total=QUIET) for side in ("base", "head")]
    for samples in both:
        rest = replace(samples.cases["rest"], is_judged=False)
        samples.cases["rest"] = rest  # type: ignore[index]
    assert list(compare_files(*both, Thresholds(5.0)).cases) == ["total"]

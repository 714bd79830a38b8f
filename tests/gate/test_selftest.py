"""Gates replayed on recorded rounds, exact bounds, and the certificate."""

import csv
import io
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from garagebench.check import certificate as certificates
from garagebench.check.selftest import Plan, SelftestError, load_recording, replay
from garagebench.engine import Contestant, Result
from garagebench.engine.contestant import RowTerms
from garagebench.gate.case import CaseKey, Thresholds
from garagebench.gate.replay import Replay, Slowdown
from garagebench.report.selftest import render_certificate
from garagebench.run.rules import complete
from garagebench.stats.binomial import at_least, exact_bounds
from garagebench.subjects.slowed import make_twice, slowed

ROWS_NS = {"park/validate": 1000.0, "park/encode": 50.0, "park/total": 2000.0}
VALIDATE = CaseKey("lists", "cpython3.11", "park/validate")


def make_recording(noise: float, generations: int = 40) -> Result:
    """Return rounds of two sides with identical code; noise: of a process, as a share."""
    rng = random.Random(1)
    sides = []
    for side in ("base", "head"):
        series = {
            name: [
                [ns * factor * math.exp(rng.gauss(0, noise / 4)) for _ in range(6)]
                for factor in (math.exp(rng.gauss(0, noise)) for _ in range(generations))
            ]
            for name, ns in ROWS_NS.items()
        }
        rows = tuple(RowTerms(name, {name: 1.0}, {}) for name in ROWS_NS)
        sides.append(Contestant(f"{side} lists@cpython3.11", rows, series))
    known = {"budget_s": 30.0, "generations": 17, "runtime": "cpython3.11", "date": "2026-11-01"}
    # As in files of before: without rules.
    return complete(Result(tuple(sides), {"selftest": known}, {"cpu_model_name": "Fast 1"}))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # By hand: none of n is bounded by 1 - 0.025^(1/n), all of n by its complement; 1 of 2 by sqrt(1 - 0.025).
    [
        (0, 60, 0.0, 1 - 0.025 ** (1 / 60)),
        (20, 20, 0.025 ** (1 / 20), 1.0),
        (1, 2, 1 - math.sqrt(0.975), math.sqrt(0.975)),
    ],
)
def test_bounds_are_exact(successes: int, trials: int, low: float, high: float) -> None:
    """Clopper and Pearson's bounds where they have a closed form."""
    assert exact_bounds(successes, trials) == pytest.approx((low, high))


def test_the_binomial_tail_is_as_counted() -> None:
    """Two heads or more in three throws: 4 of 8 ways."""
    assert at_least(2, 3, 0.5) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="4 successes in 3 trials"):
        exact_bounds(4, 3)


def test_replayed_identical_code_is_not_slower() -> None:
    """With little noise no replayed gate of identical code is slower or undecided."""
    gates = Replay(make_recording(0.005), 17, Thresholds(5.0))
    rng = random.Random(2)
    assert {gates.gate(rng, None) for _ in range(50)} == {("not slower", None)}


def test_a_replayed_slowdown_is_found_in_its_stage() -> None:
    """+12 % of validate is found and named; +2 % is below the threshold."""
    gates = Replay(make_recording(0.005), 17, Thresholds(5.0))
    rng = random.Random(2)
    assert [case.row for case in gates.parts] == ["park/validate", "park/encode"]
    assert gates.gate(rng, Slowdown(VALIDATE, 0.12)) == ("slower", VALIDATE)
    assert gates.gate(rng, Slowdown(VALIDATE, 0.02)) == ("not slower", None)


def test_more_noise_takes_a_larger_slowdown() -> None:
    """What is found with certainty lies above the threshold, and higher on a noisier machine."""
    quiet, noisy = (replay(make_recording(noise), Plan()).found_percent for noise in (0.003, 0.03))
    assert quiet is not None
    assert noisy is not None
    assert 5 < quiet < noisy


def test_too_few_generations_find_nothing() -> None:
    """Four generations cannot reach the level: nothing is found, and nothing is slower by mistake."""
    recording = make_recording(0.003)
    recording.settings["selftest"]["generations"] = 4  # type: ignore[index]
    found = replay(recording, Plan())
    assert found.found_percent is None
    assert found.replayed.count == 0


def test_other_results_cannot_be_replayed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is no recording, which is named, and no recording at all, are each one sentence."""
    seed = Path(__file__).parents[2] / "results" / "seed.json.gz"
    with pytest.raises(SelftestError, match=r"seed\.json\.gz: holds no recorded rounds"):
        load_recording(seed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SelftestError, match="run `garagebench selftest`"):
        load_recording(None)


def test_sides_that_lean_show_only_as_recorded() -> None:
    """Head 1.5 % slower in every recorded generation: by chance nobody leans; as recorded, 1 % is exceeded."""
    recording = make_recording(0.002)
    base, head = recording.contestants
    leaning = replace(
        head,
        series={
            name: [[1.015 * ns for ns in rounds] for rounds in series]
            for name, series in head.series.items()
        },
    )
    recording = replace(recording, contestants=(base, leaning))
    found = [
        Replay(recording, 60, Thresholds(1.0), swaps=swaps).gate(random.Random(3), None)[0]
        for swaps in (True, False)
    ]
    assert found[0] != "slower"
    assert found[1] == "slower"


def test_each_mode_has_a_certificate_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That of one budget does not take the place of another's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recording = make_recording(0.003)
    first = replay(recording, Plan())
    second = replace(first, budget_s=None, limit_generations=12)
    for certificate in (first, second):
        certificates.store(certificate, recording)
    assert certificates.load(30.0, None, 5.0) == first
    assert certificates.load(None, 12, 5.0) == second


def test_csv_is_csv() -> None:
    """Every line has the four columns of the header, whatever commas stand in it, and the result is among them."""
    recording = load_recording(Path(__file__).parents[2] / "results" / "rounds.json.gz")
    text = render_certificate(replay(recording, Plan()), "csv", Console())
    lines = list(csv.reader(io.StringIO(text)))
    assert {len(line) for line in lines} == {4}
    assert lines[1][:2] == ["identical code, live", "slower"]
    assert any("with 95 % certainty" in line[1] for line in lines)


def test_a_certificate_is_cited_where_it_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`check` cites it for the same budget, threshold, processor and runtime, and for no other."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = (30.0, None, 5.0, "Fast 1", "cpython3.11")
    assert certificates.cite(*asked) is None
    recording = make_recording(0.003)
    certificate = replay(recording, Plan())
    certificates.store(certificate, recording)
    assert certificates.load(30.0, None, 5.0) == certificate
    sentence = certificates.cite(*asked)
    assert sentence is not None
    assert "0 of 1000 gates are slower" in sentence
    assert certificates.cite(30.0, None, 5.0, "Slow 2", "cpython3.11") is None
    for budget_s, generations, percent in ((60.0, None, 5.0), (None, 30, 5.0), (30.0, None, 2.0)):
        assert certificates.cite(budget_s, generations, percent, "Fast 1", "cpython3.11") is None
    assert replay(load_recording(None), Plan()) == certificate


def test_every_so_manieth_call_is_made_twice() -> None:
    """Six calls with every third made twice are eight; with 0, six."""
    for every, expected in ((3, 8), (0, 6)):
        calls: list[int] = []
        twice = make_twice(calls.append, every)
        for number in range(6):
            twice(number)
        assert len(calls) == expected


def test_a_slowed_pool_gives_the_same_spaces() -> None:
    """The search is made twice, the space is taken once."""
    pool = slowed("lists", "park assignment", 2).pool(3)
    assert [pool.take() for _ in range(4)] == [0, 1, 2, -1]

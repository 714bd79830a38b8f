"""A committed result file as the base of a check, on made-up measurements."""

import math
import random
from dataclasses import replace

import pytest

from garagebench.check.files import describe_machines, judge_ratios, make_settings
from garagebench.check.revisions import CheckSettings
from garagebench.engine import Contestant, Result
from garagebench.engine.contestant import RowTerms
from garagebench.gate.case import CaseKey, GateResult, Thresholds
from garagebench.gate.limit import Limit
from garagebench.gate.trees.git import NotComparable

TOTAL = "park/total"
STAGES_NS = {"park/validate": 1000.0, "park/encode": 50.0, TOTAL: 3000.0}
SETTINGS = CheckSettings("base.json.gz", thresholds=Thresholds(5.0))


def make_result(factors: dict[str, float], host: float = 1.0, generations: int = 12) -> Result:
    """Return a run of `lists` and `mine`, whose rows take so many times as long, on a host of that speed."""
    rng = random.Random(repr((factors, host)))
    contestants = []
    for impl in ("lists", "mine"):
        series = {
            name: [
                [
                    ns
                    * host
                    * (factors.get(name, 1.0) if impl == "mine" else 1.0)
                    * math.exp(rng.gauss(0, 0.002))
                    for _ in range(6)
                ]
                for _ in range(generations)
            ]
            for name, ns in STAGES_NS.items()
        }
        rows = tuple(
            RowTerms(name, {name: 1.0}, part_of=None if name == TOTAL else TOTAL)
            for name in STAGES_NS
        )
        environment = {"python_implementation": "CPython", "python_version": "3.11.7"}
        answers = dict.fromkeys(STAGES_NS, "the same")
        contestants.append(
            Contestant(
                f"{impl}@cpython3.11/seed/fill",
                rows,
                series,
                environment=environment,
                answers=answers,
                subject=impl,
                runtime="cpython3.11",
            )
        )
    settings = {
        "contestants": {"a": ["lists", "cpython3.11"], "b": ["mine", "cpython3.11"]},
        "impls": ["lists", "mine.py:mine"],
        "runtimes": [],
        "layout": "seed",
        "spaces": 140,
        "layout_label": "seed",
        "workload": "churn",
        "operation": "park",
        "seed": 3,
    }
    environment = {"cpu_model_name": "Fast 1", "date": "2026-11-01 10:00:00"}
    return Result(tuple(contestants), settings, environment)


def outcomes(result: GateResult) -> dict[str, str]:
    """Return stage -> outcome."""
    return {
        case.row.partition("/")[2]: judgement.outcome for case, judgement in result.cases.items()
    }


def test_only_the_ratio_counts() -> None:
    """The same code on a host half as fast is not slower, however short a stage is."""
    result = judge_ratios(make_result({}), make_result({}, host=2.0), SETTINGS)
    assert outcomes(result) == dict.fromkeys(("validate", "encode", "total"), "not slower")
    assert result.outcome == "not slower"


def test_a_slower_stage_is_named() -> None:
    """+10 % in validate, +3.3 % of total: slower, from validate, with the change in figures."""
    slow = make_result({"park/validate": 1.1, "park/total": 1.033})
    result = judge_ratios(make_result({}), slow, SETTINGS)
    assert outcomes(result) == {
        "validate": "slower",
        "encode": "not slower",
        "total": "not slower",
    }
    assert result.attributed_to == CaseKey("mine", "cpython3.11", "park/validate")
    judgement = result.cases[CaseKey("mine", "cpython3.11", "park/validate")]
    assert judgement.change == pytest.approx(math.log(1.1), abs=0.003)


def test_a_threshold_of_a_stage_governs_it() -> None:
    """+3.3 % is slower where total may be 2 % slower, and what concerns no case is said."""
    thresholds = Thresholds(20.0, {"total": 2.0, "release": 1.0})
    slow = make_result({"park/validate": 1.1, "park/total": 1.033})
    result = judge_ratios(make_result({}), slow, replace(SETTINGS, thresholds=thresholds))
    assert outcomes(result) == {
        "validate": "not slower",
        "encode": "not slower",
        "total": "slower",
    }
    assert any("threshold of release" in note for note in result.notes)


@pytest.mark.parametrize("trusted", [False, True])
def test_another_processor_gives_figures_without_a_verdict(trusted: bool) -> None:
    """The change is shown and inconclusive, unless the other machine is trusted; the note names both."""
    here = make_result({"park/validate": 1.2, "park/encode": 1.2, "park/total": 1.07})
    here = replace(here, environment={"cpu_model_name": "Slow 2"})
    settings = replace(SETTINGS, trust_other_machine=trusted)
    result = judge_ratios(make_result({}), here, settings)
    assert result.outcome == ("slower" if trusted else "inconclusive")
    assert all(judgement.change > 0.05 for judgement in result.cases.values())
    assert any("Fast 1" in note and "Slow 2" in note for note in result.notes)
    assert any("--trust-other-machine" in note for note in result.notes) is not trusted


def test_another_interpreter_is_another_machine() -> None:
    """A patch version more is named, with the contestant; the same environment is no difference."""
    base, head = make_result({}), make_result({})
    assert describe_machines(base, head) == []
    newer = replace(head.contestants[1], environment={"python_version": "3.11.9"})
    (_, sentence) = describe_machines(base, replace(head, contestants=(head.contestants[0], newer)))
    assert "mine@cpython3.11" in sentence
    assert "3.11.7" in sentence
    assert "3.11.9" in sentence


def test_the_variants_of_the_file_are_measured_again() -> None:
    """A file of `run --with` is compared with the same variants, `lists` with them included."""
    base = make_result({})
    chosen = {"encode": "msgspec"}
    varied = {
        "contestants": {"a": ["lists", "x"], "b": ["lists+encode=msgspec", "x"]},
        "impls": ["lists"],
        "variants": chosen,
    }
    made = make_settings(replace(base, settings={**base.settings, **varied}), SETTINGS)
    assert (made.impls, made.variants) == (("lists",), chosen)


def test_a_race_of_processes_is_no_base() -> None:
    """What `run --processes` wrote has no stages to measure again: the note says what to make instead."""
    base = make_result({})
    race = replace(base, settings={**base.settings, "processes": 2})
    with pytest.raises(NotComparable, match="run --processes"):
        make_settings(race, SETTINGS)


def test_other_answers_are_not_compared() -> None:
    """A case that answers differently from the file has no verdict unless that is allowed."""
    base, head = make_result({}), make_result({})
    other = replace(head.contestants[1], answers={"park/total": "another"})
    head = replace(head, contestants=(head.contestants[0], other))
    with pytest.raises(NotComparable, match="park/total"):
        judge_ratios(base, head, SETTINGS)
    allowed = replace(SETTINGS, allow_different_answers=True)
    assert judge_ratios(base, head, allowed).outcome == "not slower"


def test_an_implementation_that_the_file_lacks_is_named() -> None:
    """Exit code 4 and how to make the file anew."""
    base = make_result({})
    base = replace(base, contestants=base.contestants[:1])
    with pytest.raises(NotComparable, match=r"no figures of mine@.*--output"):
        judge_ratios(base, make_result({}), SETTINGS)


def test_too_few_generations_decide_nothing() -> None:
    """Two generations a side: inconclusive, and what would fix it."""
    few = make_result({}, generations=2)
    result = judge_ratios(few, few, SETTINGS)
    assert result.outcome == "inconclusive"
    assert any("--budget" in note for note in result.notes)


def test_the_head_is_measured_as_the_file_was() -> None:
    """Layout, workload, seed and stages are the file's; implementations and budget are those asked for."""
    settings = make_settings(make_result({}), replace(SETTINGS, limit=Limit(seconds=7.0)))
    assert (settings.impls, settings.budget_s) == (("mine.py:mine",), 7.0)
    assert (settings.layout, settings.workload, settings.seed) == ("seed", "churn", 3)
    assert set(settings.stages) == {"validate", "encode", "total"}
    assert settings.spaces is None
    with pytest.raises(NotComparable, match="no figures of numba"):
        make_settings(make_result({}), replace(SETTINGS, impls=("numba",)))


def test_a_file_of_the_reference_alone_is_no_base() -> None:
    """There is no ratio in it."""
    alone = make_result({})
    alone = replace(alone, settings={**alone.settings, "impls": ["lists"]})
    with pytest.raises(NotComparable, match="another implementation"):
        make_settings(alone, SETTINGS)

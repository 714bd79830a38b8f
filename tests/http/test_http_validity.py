"""What makes a figure invalid, reason by reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from garagebench.probe.validity import Observed, find_reasons

GOOD = Observed(
    requests=1000,
    replies=1000,
    ok=990,
    errors=0,
    refused=0,
    served=1000,
    generator_share=0.89,
    server_core_share=0.9,
    wait_share=0.09,
    core_shared=False,
    saturates=True,
)


def test_good_figures_have_nothing_against_them() -> None:
    """A run on the good side of every limit is valid."""
    assert find_reasons(GOOD) == []


def test_what_is_unknown_is_held_against_nobody() -> None:
    """Where nothing was seen, nothing speaks against the figures."""
    assert find_reasons(Observed()) == []
    for part in ({"replies": 5}, {"served": 5}, {"ok": 0}, {"requests": 5}):
        assert find_reasons(Observed(**part)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"generator_share": 0.9}, "the generator was busy for 90% of the time"),
        ({"server_core_share": 0.89}, "the server's core was busy for 89% of the time only"),
        ({"core_shared": True}, "the generator and the server shared a core"),
        ({"wait_share": 0.1}, "the server waited for its core for 10% of the time"),
        ({"refused": 1}, "1 connection was refused"),
        ({"refused": 3}, "3 connections were refused"),
        ({"errors": 1}, "1 request got no reply"),
        ({"errors": 2}, "2 requests got no reply"),
        ({"served": 1001}, "the client counted 1000 replies, the server 1001"),
        ({"served": 999}, "the client counted 1000 replies, the server 999"),
        ({"ok": 989}, "of 1000 replies 989 were 200: less than 99%"),
        ({"replies": 0, "ok": 0, "served": 0}, "there was no reply at all"),
    ],
)
def test_each_fault_is_one_sentence_with_its_value(seen: dict[str, object], reason: str) -> None:
    """What is beyond a limit gives one reason, which says how far."""
    (found,) = find_reasons(replace(GOOD, **seen))  # type: ignore[arg-type]
    assert found.startswith(reason)


def test_a_core_with_time_left_matters_only_at_the_ceiling() -> None:
    """A run that does not mean to keep the server's core busy may leave it idle."""
    assert find_reasons(replace(GOOD, server_core_share=0.1, saturates=False)) == []


def test_all_faults_are_told() -> None:
    """Several faults give several reasons."""
    assert len(find_reasons(replace(GOOD, errors=1, refused=1, core_shared=True))) == 3

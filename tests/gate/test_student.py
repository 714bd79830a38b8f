"""Student's t, against the table that every textbook has."""

import pytest

from garagebench.stats.student import t_quantile


@pytest.mark.parametrize(
    ("freedom", "confidence", "t"),
    [
        (1, 0.95, 12.706),
        (2, 0.95, 4.303),
        (5, 0.95, 2.571),
        (30, 0.95, 2.042),
        (1_000, 0.95, 1.962),
        (4, 0.99, 4.604),
        (10, 0.9, 1.812),
    ],
)
def test_quantiles_are_those_of_the_table(freedom: int, confidence: float, t: float) -> None:
    """To the three decimals that tables have."""
    assert t_quantile(freedom, confidence) == pytest.approx(t, abs=0.0006)


def test_what_has_no_quantile_is_refused() -> None:
    """No degree of freedom, and a probability that is none."""
    for freedom, confidence in ((0, 0.95), (3, 1.0)):
        with pytest.raises(ValueError, match="degrees of freedom"):
            t_quantile(freedom, confidence)

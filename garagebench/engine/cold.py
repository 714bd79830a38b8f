"""The time that cold starts take beside what else is measured."""

from __future__ import annotations

from dataclasses import dataclass

#: Share of the time that cold starts may take, beyond the first of each contestant.
COLD_SHARE = 0.2


@dataclass
class ColdTime:
    """all_s: seconds that went into cold starts so far. one_s: what the last one of every contestant took."""

    all_s: float = 0.0
    one_s: float = 0.0

    def note(self, seconds: float) -> None:
        """Take down one more."""
        self.one_s = seconds
        self.all_s += seconds

    def expect_s(self, generation_s: float) -> float:
        """Return the seconds of cold starts that come, on average, with a generation that takes so long."""
        return min(self.one_s, COLD_SHARE / (1 - COLD_SHARE) * generation_s)

    def are_affordable(self, elapsed_s: float, left_s: float) -> bool:
        """Whether one more stays within the share and within what is left of the time."""
        return self.all_s <= COLD_SHARE * elapsed_s and self.one_s <= left_s

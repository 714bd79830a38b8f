"""Caveats become numbered footnotes."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Footnote:
    """A caveat under its number, which is the same in all grids of a report."""

    number: int
    text: str


@dataclass
class Numbering:
    """Gives each distinct caveat a number, in the order in which they are asked for."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, caveats: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers of the caveats, ascending; a new text gets the next free one."""
        texts = [tidy(caveat) for caveat in caveats]
        return tuple(sorted({self.numbers.setdefault(t, len(self.numbers) + 1) for t in texts}))

    def footnotes(self, numbers: Iterable[int]) -> tuple[Footnote, ...]:
        """Return the footnotes of these numbers once each, ascending."""
        wanted = set(numbers)
        notes = (Footnote(number, text) for text, number in self.numbers.items())
        return tuple(note for note in notes if note.number in wanted)


def tidy(caveat: str) -> str:
    """Return the caveat on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in caveat).split())

"""One line of a grid: an implementation, its cells, and what holds for all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from garagebench.report.cells import Cell
from garagebench.report.notes import Numbering
from garagebench.run.report import Row


@dataclass(frozen=True, order=True)
class Subject:
    """What a line is about."""

    impl: str
    runtime: str
    server: str | None

    @property
    def name(self) -> str:
        """The name by which rows refer to their reference."""
        name = f"{self.impl}@{self.runtime}"
        return name if self.server is None else f"{name}/{self.server}"


@dataclass(frozen=True)
class Line:
    """A cell for each column, or no cells and one `message`; `notes` hold for every cell."""

    subject: Subject
    cells: tuple[Cell, ...] = ()
    message: Cell | None = None
    notes: tuple[int, ...] = ()

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the line's footnotes in reading order."""
        yield from self.notes
        for cell in (self.message, *self.cells):
            yield from cell.notes if cell else ()


def make_line(
    subject: Subject, rows: Sequence[Row | None], cells: Sequence[Cell], numbering: Numbering
) -> Line:
    """Return the line of `rows` (None: no such row) drawn as `cells`, which may be more."""
    present = [row for row in rows if row is not None]
    if _is_one_story(present):
        status, notes = present[0].status, numbering.number(present[0].caveats)
        return Line(subject, message=Cell(status, status=status, notes=notes))
    shared = _shared_caveats(present)
    notes = numbering.number(shared)
    own = [[text for text in row.caveats if text not in shared] if row else [] for row in rows]
    noted = tuple(
        replace(cell, notes=numbering.number(caveats))
        for cell, caveats in zip(cells, own, strict=False)
    )
    return Line(subject, cells=(*noted, *cells[len(noted) :]), notes=notes)


def _is_one_story(rows: Sequence[Row]) -> bool:
    """Return whether all rows failed alike, so that saying it once is enough."""
    return rows[0].status != "ok" and len({(row.status, row.caveats) for row in rows}) == 1


def _shared_caveats(rows: Sequence[Row]) -> list[str]:
    """Return the caveats that all of several rows have."""
    if len(rows) == 1:
        return []
    return [text for text in rows[0].caveats if all(text in row.caveats for row in rows)]

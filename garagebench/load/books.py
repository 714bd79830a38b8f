"""The books after a run: the server's own, and what it has answered to this client."""

from __future__ import annotations

from dataclasses import dataclass

from garagebench.load.endpoint import Endpoint
from garagebench.load.outcome import LoadOutcome
from garagebench.probe.process import Books, Counts, ServerProcess


@dataclass
class Site:
    """A server under load. core: the one that it is kept on. shared: it shares it with the load; None: unknown."""

    endpoint: Endpoint
    own: ServerProcess | None = None
    core: int | None = None
    shared: bool | None = None


@dataclass(frozen=True)
class Reported:
    """The server's side. served: replies that it counted since before the load. taken: spaces, since before the load."""

    books: Books | None = None
    served: int | None = None
    taken: int | None = None


def read_reported(site: Site, counts: Counts | None, spaces: tuple[int, int] | None) -> Reported:
    """Return the server's side; one of one's own is stopped for it. counts, spaces: of before the load."""
    after, spaces_after = site.endpoint.read_counts(), site.endpoint.read_spaces()
    served = None if counts is None or after is None else after.total - counts.total
    taken = None if spaces is None or spaces_after is None else spaces_after[1] - spaces[1]
    books = None
    if site.own is not None:
        books = site.own.stop()
        taken = books.taken
    elif counts is not None and after is not None and taken is not None:
        parked, unparked = (_good(after, one) - _good(counts, one) for one in ("park", "unpark"))
        books = Books(parked, unparked, after.given_back - counts.given_back, taken)
    return Reported(books, served, taken)


def _good(counts: Counts, operation: str) -> int:
    return counts.replies.get((operation, 200), 0)


def compare_counts(
    site: Site, outcome: LoadOutcome, reported: Reported
) -> tuple[int | None, list[str]]:
    """Return the replies that the server counted while the clock ran, and what is to be said about them.

    On a URL a difference is no fault: others may use the server, or it may be one of several.
    """
    if reported.served is None:
        return None, []
    served = reported.served - outcome.untimed
    more = served - sum(outcome.replies.values())
    if 0 < more <= outcome.astray:
        said = f"{more} replies were on their way when the driver stopped: the server counts them"
        return served - more, [said]
    if more and site.own is None:
        said = f"the server counted {more:+d} replies: others use it, or it is one of several"
        return None, [said]
    return served, []


def check_books(outcome: LoadOutcome, reported: Reported) -> tuple[bool | None, list[str]]:
    """Return whether the books balance, None where nothing is known, and what speaks against it.

    Both are looked at: the server's own, and what it answered to this client. They differ by what was astray at most.
    """
    books, faults = reported.books, []
    if reported.taken is None:
        return None, []
    if books is not None and not books.balanced:
        faults.append(f"the server's books do not balance: {books}")
    here = outcome.parked - outcome.unparked
    given_back = 0 if books is None else books.given_back
    if abs(reported.taken - here) > outcome.astray + given_back + sum(outcome.errors.values()):
        faults.append(f"by its replies {here} spaces are taken, in the garage {reported.taken} are")
    return not faults, faults

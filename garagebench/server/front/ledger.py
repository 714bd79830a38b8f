"""The books of several servers, in memory that they share: each writes a row of its own, anybody can add them up."""

from __future__ import annotations

import mmap
from collections import Counter

from garagebench.core.garage import Garage
from garagebench.server.metrics import METRICS_TYPE, render_metrics
from garagebench.server.service import Reply, Service

# A row: three counts, and then one for each operation and status that is refused.
_PARKED, _UNPARKED, _GIVEN_BACK, _REFUSED = range(4)
_OPERATIONS = ("park", "unpark", "other")
_STATUSES = range(400, 600)
_ROW = _REFUSED + len(_OPERATIONS) * len(_STATUSES)

_KEYS = [(operation, status) for operation in _OPERATIONS for status in _STATUSES]
_SLOTS = {key: _REFUSED + number for number, key in enumerate(_KEYS)}


class Ledger:
    """Rows of zeros, to be made before the servers are forked. A word is written by one process only."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        # Anonymous: gone with the last process that has it.
        self._words = memoryview(mmap.mmap(-1, 8 * (1 + rows * _ROW))).cast("q")
        self.ready = True

    @property
    def ready(self) -> bool:
        """What /readyz says, whichever server is asked."""
        return bool(self._words[0])

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._words[0] = ready

    def row(self, number: int) -> memoryview:
        """Return the words of one server."""
        begin = 1 + number * _ROW
        return self._words[begin : begin + _ROW]

    def add_up(self, garage: Garage) -> Service:
        """Return a service with the books of all servers together."""
        whole = Service(garage)
        whole.ready = self.ready
        for row in map(self.row, range(self._rows)):
            whole.parked += row[_PARKED]
            whole.unparked += row[_UNPARKED]
            whole.given_back += row[_GIVEN_BACK]
            whole.refused.update({key: row[slot] for key, slot in _SLOTS.items() if row[slot]})
        return whole


class _Refused(Counter[tuple[str, int]]):
    """Counts that are also written into the row."""

    def __init__(self, row: memoryview) -> None:
        super().__init__()
        self._row = row

    def __setitem__(self, key: tuple[str, int], count: int) -> None:
        super().__setitem__(key, count)
        self._row[_SLOTS[key]] = count


class Clerk(Service):
    """The service of one of several servers: it keeps its books in its row, and answers for all of them."""

    def __init__(self, garage: Garage, ledger: Ledger, number: int) -> None:
        self._ledger = ledger
        self._row = ledger.row(number)
        super().__init__(garage)
        self.refused = _Refused(self._row)

    @property
    def ready(self) -> bool:
        return self._ledger.ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ledger.ready = ready

    @property
    def parked(self) -> int:
        return int(self._row[_PARKED])

    @parked.setter
    def parked(self, count: int) -> None:
        self._row[_PARKED] = count

    @property
    def unparked(self) -> int:
        return int(self._row[_UNPARKED])

    @unparked.setter
    def unparked(self, count: int) -> None:
        self._row[_UNPARKED] = count

    @property
    def given_back(self) -> int:
        return int(self._row[_GIVEN_BACK])

    @given_back.setter
    def given_back(self, count: int) -> None:
        self._row[_GIVEN_BACK] = count

    def _metrics(self) -> Reply:
        text = render_metrics(self._ledger.add_up(self.garage))
        return super()._metrics() if text is None else Reply(200, METRICS_TYPE, text)

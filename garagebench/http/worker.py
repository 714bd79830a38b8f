"""A worker, as the engine knows it, that has a server beside it: an adapter from passes to bursts.

The engine hands out slices, rounds and generations as it does for everybody else. What it loads here is an order for
a server and, where the difference to the request without HTTP is wanted, the subject of that one, too: so both are
measured next to each other in each round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from garagebench.engine import schedule
from garagebench.engine.candidate import AsksWorker
from garagebench.engine.channel import Channel
from garagebench.http.account import Account
from garagebench.http.served import Order, Served
from garagebench.interface import INTERFACE_VERSION

#: The case that a server is.
CASE = "http"

#: What the engine is told that a part of a burst takes, whatever it does: so it lets three parts lead in, asks for one
#: burst, and leaves no server out, which was named, because of a small budget.
PART_NS = schedule.LEAD_NS // 3

#: The key of a source that has an order for a server, and of the account that its server has.
ORDER, ACCOUNT = "server", "account"

StartWorker = Callable[[str, int | None, dict[str, str]], AsksWorker]


class WorkerWithServer:
    """A worker like any other until it is told to load an order for a server. accounts: where what is seen is kept."""

    def __init__(
        self,
        python: str,
        core: int | None,
        environment: dict[str, str],
        accounts: dict[str, Account],
        start_worker: StartWorker = Channel,
    ) -> None:
        self._core = core
        self._accounts = accounts
        self._worker = start_worker(python, core, environment)
        self._served: Served | None = None

    def close(self) -> None:
        """End both."""
        try:
            if self._served is not None:
                self._served.close()
        finally:
            self._worker.close()

    def ask(self, command: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Return the answer to a command; WorkerFailed where there is none."""
        if command["do"] == "load" and ORDER in command["source"]:
            return self._load(command["source"], timeout_s)
        if self._served is not None and command["do"] == "warm":
            return self._warm(self._served, command["work"], timeout_s)
        if self._served is not None and command.get("case") == CASE:
            values = self._served.measure(command["lead_in"], command["passes"])
            return {"passes": values, "requests": 1}
        return self._worker.ask(command, timeout_s)

    def _load(self, source: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Load the subject without HTTP, if there is one, start the server, and describe all cases."""
        answer = self._describe(source, timeout_s)
        order = Order.from_data(source[ORDER])
        account = self._accounts.setdefault(source[ACCOUNT], Account())
        self._served = Served(order, self._core, account)
        accounts = [name for names in order.accounts.values() for name in names if name]
        case = {
            "name": CASE,
            "group": CASE,
            "requests": [len(order.burst.parks)],
            "accounts": accounts,
            "steps": [],
            "in_context": False,
            "intervals": False,
            "clock_reads": {},
            "answers_digest": "",
        }
        # Groups of its own: these cases go through the burst, those of other contestants through the workload.
        cases = [{**one, "group": f"{CASE} {one['group']}"} for one in answer["cases"]]
        return {**answer, "cases": [*cases, case], "rows": source["rows"]}

    def _describe(self, source: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        if "factory" not in source:
            environment = self._worker.ask({"do": "describe"}, timeout_s)["environment"]
            return {
                "interface_version": INTERFACE_VERSION,
                "cases": [],
                "caveats": [],
                "environment": environment,
                "packages": {},
            }
        subject = {key: source[key] for key in ("packages", "factory", "arguments")}
        return self._worker.ask({"do": "load", "source": subject}, timeout_s)

    def _warm(self, served: Served, work: list[Any], timeout_s: float) -> dict[str, Any]:
        """Warm up as told; all of the worker's own in one go."""
        own = [part for part in work if part[0] != CASE]
        times_ns = []
        if own:
            times_ns = self._worker.ask({"do": "warm", "work": own}, timeout_s)["pass_ns"]
        others = iter(times_ns)
        return {
            "pass_ns": [
                _warm_server(served, passes) if case == CASE else next(others)
                for case, _, _, passes in work
            ]
        }


def _warm_server(served: Served, parts: int) -> int:
    """Ask so many parts, and return the nanoseconds that the engine is to plan with for one."""
    served.warm(parts)
    return PART_NS

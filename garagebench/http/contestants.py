"""Servers as entrants of a run: what is started, what is asked, and the rows that follow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from garagebench.engine import Entrant
from garagebench.engine.target import Target
from garagebench.http.burst import Burst
from garagebench.http.runner import ServedTarget
from garagebench.http.served import Order
from garagebench.server.stages import CPU, HTTP, LATENCY, RUNG_OF

RUNGS_MODULE = "garagebench.server.ladder"


@dataclass(frozen=True)
class ServedRun:
    """What all entrants of a run have in common. operations, stages: those of which rows are wanted."""

    python: str
    burst: Burst
    layout: Mapping[str, Any]
    layout_options: Sequence[str]
    operations: Sequence[str]
    stages: Sequence[str]

    def make_whole(
        self,
        name: str,
        server: str,
        impl: str,
        without_http: Target,
        reference: str | None,
    ) -> Entrant | None:
        """Return a whole server with an implementation; None where no figure of it is wanted.

        without_http: what answers the same burst without a server.
        """
        stages = [stage for stage in (CPU, HTTP, LATENCY) if stage in self.stages]
        if not stages:
            return None
        arguments = ("--impl", impl, "--server", server, *self.layout_options)
        meters = {
            operation: (f"{operation}/{CPU}", f"{operation}/{LATENCY}")
            for operation in self.operations
        }
        terms = {CPU: {CPU: 1}, HTTP: {CPU: 1, "total": -1}, LATENCY: {LATENCY: 1}}
        beside = without_http if HTTP in stages else None
        order = Order(arguments, self.burst, meters)
        return self._enter(
            name, beside, order, {stage: terms[stage] for stage in stages}, reference
        )

    def make_ladder(self, name: str, server: str, impl: str) -> list[Entrant]:
        """Return the rungs below a whole server that are wanted."""
        return [
            self._make_rung(f"{name}+{rung}", stage, rung, server, impl)
            for stage, rung in RUNG_OF.items()
            if stage in self.stages
        ]

    def _make_rung(self, name: str, stage: str, rung: str, server: str, impl: str) -> Entrant:
        burst = self.burst.constant()
        job = {
            "rung": rung,
            "server": server,
            "impl": impl,
            "layout": self.layout,
            "replies": {of: bodies[0].decode() for of, bodies in burst.replies.items()},
        }
        meters = {operation: (f"{operation}/{stage}", "") for operation in self.operations}
        order = Order((json.dumps(job),), burst, meters, RUNGS_MODULE)
        return self._enter(name, None, order, {stage: {stage: 1}}, None)

    def _enter(
        self,
        name: str,
        beside: Target | None,
        order: Order,
        terms: Mapping[str, Mapping[str, float]],
        reference: str | None,
    ) -> Entrant:
        rows = [
            [
                f"{operation}/{stage}",
                {f"{operation}/{of}": factor for of, factor in quantities.items()},
                {},
            ]
            for operation in self.operations
            for stage, quantities in terms.items()
        ]
        return Entrant(
            name,
            self.python,
            ServedTarget(name=name, order=order, rows=rows, beside=beside),
            row_names=tuple(str(row[0]) for row in rows),
            reference=reference,
        )

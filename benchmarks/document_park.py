"""What a park of `fast` costs, request to reply, beside the document's own way of doing it in process.

    python benchmarks/document_park.py [SECONDS]

The document's way: a time stamp, `list.index` on the spaces of each kind in turn, two writes, and the place from a
table of tuples; no JSON. Both do the document's workload in the same rounds: 120 small cars into the empty garage.
"""

import sys
import time
from statistics import median

from garagebench import Garage, Layout, load_impl, measure
from garagebench.core.workload import fill
from garagebench.engine import Block, Case, RowSpec, Step
from garagebench.engine.contestant import combine
from garagebench.engine.metadata import describe_machine
from garagebench.stats.estimate import estimate

DOCUMENT = "the document's way, in process"
REQUEST = "fast, request to reply"
CALL = "fast, in process"

FREE = 0


class Document:
    """A list of spaces for each kind, as the document describes it."""

    def __init__(self, layout):
        self.spaces = [[FREE] * capacity for capacity in layout.capacities]
        self.since = [[0.0] * capacity for capacity in layout.capacities]
        self.places = [[tuple(place) for place in places] for places in layout.locations]
        self.kinds = {
            vehicle: [kind for group in groups for kind in group]
            for vehicle, groups in layout.tiers.items()
        }

    def park(self, vehicle):
        """Take the first free space of the first kind that has one."""
        now = time.time()
        for kind in self.kinds[vehicle]:
            try:
                index = self.spaces[kind].index(FREE)
            except ValueError:
                continue
            self.spaces[kind][index] = vehicle
            self.since[kind][index] = now
            return self.places[kind][index]
        return None

    def clear(self):
        """Empty the garage."""
        for spaces in self.spaces:
            spaces[:] = [FREE] * len(spaces)


class Parks:
    """The same 120 parks in each way."""

    def cases(self):
        """Yield a case for each way."""
        layout = Layout.builtin("seed")
        bodies = [body for _, body in fill(layout, 0).blocks[0].requests]
        vehicles = ["small"] * len(bodies)
        document, garage = Document(layout), Garage(layout, load_impl("fast"))
        places = [document.park(vehicle) for vehicle in vehicles]
        empty = [pool.save() for pool in garage.pools]

        def clear():
            for pool, state in zip(garage.pools, empty, strict=True):
                pool.restore(state)

        replies = [garage.handle_park(body) for body in bodies]
        stages = {
            "validate": garage.validate_park,
            "sequence": garage.sequence,
            "look_up": garage.floor_lookup,
            "encode": garage.encode_park,
        }
        request = [
            Step("validate", "vehicle = validate(body)"),
            Step("sequence", "kind, index = sequence(vehicle)"),
            Step("look_up", "place = look_up(kind, index)"),
            Step("encode", "reply = encode(place)"),
        ]
        call = [Step("park", "place = park(vehicle)")]
        for name, target, steps, names, tape, answers, reset in (
            (DOCUMENT, "vehicle", call, {"park": document.park}, vehicles, places, document.clear),
            (REQUEST, "body", request, stages, bodies, replies, clear),
            (CALL, "vehicle", call, {"park": garage.park}, vehicles, places, clear),
        ):
            kept = "reply" if steps is request else "place"
            yield Case(name, target, steps, kept, names, [Block(tape, answers, len(tape), reset)])

    def rows(self):
        """Return a row for each case."""
        return [RowSpec(name, {name: 1}) for name in (DOCUMENT, REQUEST, CALL)]


def main():
    """Print what each way costs, and the ratio to the document's, taken within rounds."""
    result = measure(Parks(), budget_s=float(sys.argv[1]) if len(sys.argv) > 1 else 20)
    (contestant,) = result.contestants
    for caveat in result.caveats:
        print(caveat)
    if contestant.problem is not None:
        sys.exit(contestant.problem.reason)
    print(describe_machine())
    series = {row.name: combine(contestant.series, row.isolated) for row in contestant.rows}
    for name, own in series.items():
        ratios = [
            median(a / b for a, b in zip(*rounds, strict=True))
            for rounds in zip(own, series[DOCUMENT], strict=True)
        ]
        ratio = estimate(ratios)
        interval = "" if ratio.low is None else f" [{ratio.low:.3f}, {ratio.high:.3f}]"
        print(f"{name}: {median(map(median, own)):.0f} ns, ×{ratio.median:.3f}{interval}")


if __name__ == "__main__":
    main()

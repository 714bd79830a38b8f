"""The costs of `scale` as a log-log plot. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from garagebench.errors import GarageError
from garagebench.report.quantity import MICRO
from garagebench.scale.report import ONE_OPERATION, ScaleReport, ScaleRow

SUFFIXES = (".svg", ".png")
FIX = "pip install 'garagebench[plot]'"

#: What would otherwise be drawn at random or name the moment; the text stays text, so that it can be searched.
STYLE = {
    "svg.hashsalt": "garagebench",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}

MARKERS = "osD^vPX*"
PANEL = (5.6, 4.2)

TIMES_NS = {1: "1 ns", 1e3: f"1 {MICRO}s", 1e6: "1 ms", 1e9: "1 s"}


class PlotError(GarageError):
    """A plot cannot be drawn."""


def check_plot(path: Path) -> None:
    """Raise PlotError where no plot could be written there, before anything is measured for it.

    Whether it ends in one of SUFFIXES is the caller's to check.
    """
    if not path.parent.is_dir():
        raise PlotError(f"{path}: there is no directory {path.parent}")
    _load_matplotlib()


def save_plot(report: ScaleReport, path: Path) -> None:
    """Draw a panel for each workload and mode. Raises PlotError."""
    matplotlib = _load_matplotlib()
    from matplotlib.figure import Figure

    panels = dict.fromkeys((row.workload, row.mode) for row in report.rows)
    impls = list(dict.fromkeys(row.impl for row in report.rows))
    workloads = list(dict.fromkeys(workload for workload, _ in panels))
    modes = list(dict.fromkeys(mode for _, mode in panels))
    with matplotlib.rc_context(STYLE):
        figure = Figure((PANEL[0] * len(modes), PANEL[1] * len(workloads)), layout="constrained")
        axes = figure.subplots(len(workloads), len(modes), squeeze=False, sharex=True, sharey=True)
        for workload, of_workload in zip(workloads, axes, strict=True):
            for mode, axis in zip(modes, of_workload, strict=True):
                rows = [row for row in report.rows if (row.workload, row.mode) == (workload, mode)]
                _draw(axis, rows, impls)
                axis.set_title(f"{workload}, {mode} calls")
        for axis, workload in zip(axes[:, 0], workloads, strict=True):
            axis.set_ylabel(f"time for one {ONE_OPERATION[workload]}")
        for axis in axes[-1]:
            axis.set_xlabel("spaces")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
        except OSError as error:
            raise PlotError(f"{path}: {error.strerror}") from None


def _draw(axis: Any, rows: Sequence[ScaleRow], impls: Sequence[str]) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    for number, impl in enumerate(impls):
        points = sorted(
            (row.spaces, row.median) for row in rows if row.impl == impl and row.median is not None
        )
        axis.plot(
            [spaces for spaces, _ in points],
            [cost for _, cost in points],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            color=f"C{number % 10}",
            label=impl,
        )
    axis.set_yticks(list(TIMES_NS), list(TIMES_NS.values()))
    axis.grid(visible=True, which="major", alpha=0.3)


def _load_matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise PlotError(f"a plot needs matplotlib: {FIX}") from None
    return mpl

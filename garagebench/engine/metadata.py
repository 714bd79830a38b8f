"""The machine that measured, as pyperf describes it."""

from __future__ import annotations

import platform
from typing import Any

import pyperf

#: Of what pyperf collects, that which says how far the figures of two runs can be held against each other.
KEPT = (
    "aslr",
    "boot_time",
    "cpu_affinity",
    "cpu_config",
    "cpu_count",
    "cpu_model_name",
    "date",
    "hostname",
    "load_avg_1min",
    "perf_version",
    "platform",
    "runnable_threads",
    "timer",
)


def collect_environment() -> dict[str, Any]:
    """Return the metadata of this machine and moment."""
    collected = pyperf.Run([1.0], collect_metadata=True).get_metadata()
    return {key: collected[key] for key in KEPT if key in collected}


def describe_machine() -> str:
    """Return processor, cores and interpreter in a line."""
    known = collect_environment()
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{known.get('cpu_model_name', 'unknown processor')}, {known.get('cpu_count', '?')} cores, {interpreter}"

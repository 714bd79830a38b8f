"""What figures depend on: processor, platform, interpreter, packages, in the same words for every tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: What figures depend on, and pyperf's word for it. The interpreter is put together; packages end in "_version".
FEATURES = {
    "processor": "cpu_model_name",
    "platform": "platform",
    "python compiler": "python_compiler",
    "pyperf": "perf_version",
}


def describe_features(metadata: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what figures depend on, with its value; where the parts of a file differ, all that occurs."""
    seen: dict[str, set[str]] = {}
    for one in metadata:
        for feature, value in _features(one):
            seen.setdefault(feature, set()).add(value)
    return {feature: ", ".join(sorted(values)) for feature, values in seen.items()}


def _features(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    implementation, version = (
        metadata.get(f"python_{key}") for key in ("implementation", "version")
    )
    known = {feature: metadata.get(key) for feature, key in FEATURES.items()}
    if isinstance(implementation, str) and isinstance(version, str):
        # pyperf writes "cpython" and "3.11.7 (64-bit)", the others "CPython" and "3.11.7".
        known["python"] = f"{implementation.lower()} {version.removesuffix(' (64-bit)')}"
    for key, value in metadata.items():
        if key.endswith("_version") and not key.startswith(("python_", "perf_")):
            known[key.removesuffix("_version")] = value
    return (
        (feature, value) for feature, value in known.items() if value and isinstance(value, str)
    )

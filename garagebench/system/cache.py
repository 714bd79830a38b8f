"""Where the user's cache is."""

from __future__ import annotations

import os
from collections.abc import Mapping


def find_cache(environment: Mapping[str, str]) -> str:
    """Return the user's cache directory for garagebench; a relative XDG_CACHE_HOME is ignored, as XDG wants it."""
    home = environment.get("XDG_CACHE_HOME", "")
    return os.path.join(
        home if os.path.isabs(home) else os.path.expanduser("~/.cache"), "garagebench"
    )

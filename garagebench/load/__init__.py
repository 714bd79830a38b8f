"""Load on the API: a server to put it on, the accounts of the kernel, and when a figure is not to be trusted."""

from __future__ import annotations

"""The load that is put on the API: an open and a closed loop, wrk and Locust; and what a run of it found."""

from __future__ import annotations

"""Garages as a subject, where `check` of any version looks for them."""

from __future__ import annotations

from garagebench.subjects.requests import cold_start, make_subject

__all__ = ["cold_start", "make_subject"]

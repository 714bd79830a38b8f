"""Pools alone: a first look at every size, then lock-step, and how the cost grows."""

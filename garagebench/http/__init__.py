"""HTTP as a stage: the CPU time that a server takes for one request, in lock-step with everything else."""

from __future__ import annotations

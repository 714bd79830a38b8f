"""A child process that does not outlive its parent, however that ends."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(number: int) -> None:
    """Let the kernel send the signal to this process when its parent dies. Only Linux can; elsewhere nothing happens.

    To be called in the child. The parent is the thread that made it. Raises OSError.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")

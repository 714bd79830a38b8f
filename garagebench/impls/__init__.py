"""Implementations, one module each, and the table that finds them."""

from garagebench.impls.impl import Impl
from garagebench.impls.registry import load_impl

__all__ = ["Impl", "load_impl"]

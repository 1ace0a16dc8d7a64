"""Simulated exports with planted leaks: `make_export(seed)` is pure in its seed, and tells what it planted."""

from planted.export import Export, Truth, make_export
from planted.leaks import KINDS

__all__ = ["KINDS", "Export", "Truth", "make_export"]

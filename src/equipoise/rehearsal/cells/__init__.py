"""The virtual cell unit: it receives batches, releases them, and prepares every infusion twice."""

from equipoise.rehearsal.cells.working import FIRST, SECOND, VirtualUnit

__all__ = ["FIRST", "SECOND", "VirtualUnit"]

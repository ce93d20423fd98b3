"""The virtual cell unit: it receives batches, releases them, and prepares every infusion twice."""

from equipoise.rehearsal.cells.working import FIRST, READY_AFTER, SECOND, VirtualUnit

__all__ = ["FIRST", "READY_AFTER", "SECOND", "VirtualUnit"]

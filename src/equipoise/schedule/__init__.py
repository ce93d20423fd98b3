"""When encounters are planned, how far they may move, and what is due today."""

from equipoise.schedule.planning import PlannedEncounter, Timing, assess_timing, plan_encounters

__all__ = ["PlannedEncounter", "Timing", "assess_timing", "plan_encounters"]

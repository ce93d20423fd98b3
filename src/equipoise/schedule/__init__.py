"""When encounters are planned, how far they may move, and what is due today."""

from equipoise.schedule.conditions import Expectation, expect_encounter, expect_form
from equipoise.schedule.planning import PlannedEncounter, Timing, assess_timing, plan_encounters

__all__ = [
    "Expectation",
    "PlannedEncounter",
    "Timing",
    "assess_timing",
    "expect_encounter",
    "expect_form",
    "plan_encounters",
]

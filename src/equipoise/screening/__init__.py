"""Criteria over a table of people: who may take part, and where the others are lost."""

from equipoise.screening.funnel import CriterionCount, Funnel, Step, hide
from equipoise.screening.mapping import apply_mapping, load_mapping
from equipoise.screening.people import assess_people, write_people
from equipoise.screening.readings import Difference, compare_readings, load_readings
from equipoise.screening.screen import prepare, run, screen
from equipoise.screening.settling import Missing, settle, with_reasons
from equipoise.screening.tables import open_table

__all__ = [
    "CriterionCount",
    "Difference",
    "Funnel",
    "Missing",
    "Step",
    "apply_mapping",
    "assess_people",
    "compare_readings",
    "hide",
    "load_mapping",
    "load_readings",
    "open_table",
    "prepare",
    "run",
    "screen",
    "settle",
    "with_reasons",
    "write_people",
]

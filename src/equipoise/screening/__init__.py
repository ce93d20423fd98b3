"""Criteria over a table of people: who may take part, and where the others are lost."""

from equipoise.screening.funnel import CriterionCount, Funnel
from equipoise.screening.screen import screen

__all__ = ["CriterionCount", "Funnel", "screen"]

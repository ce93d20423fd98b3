"""Mapping files: a warehouse's own tables, columns, units and days become values of a study."""

from equipoise.screening.mapping.checks import (
    Factor,
    check_mapping,
    definition_of,
    find_factors,
    picked_first,
    within_days,
)
from equipoise.screening.mapping.frames import Table, apply_mapping, latest
from equipoise.screening.mapping.shape import (
    Concept,
    Facts,
    Feed,
    Mapped,
    People,
    load_mapping,
)

__all__ = [
    "Concept",
    "Factor",
    "Facts",
    "Feed",
    "Mapped",
    "People",
    "Table",
    "apply_mapping",
    "check_mapping",
    "definition_of",
    "find_factors",
    "latest",
    "load_mapping",
    "picked_first",
    "within_days",
]

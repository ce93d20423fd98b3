"""Problems: how every part of Equipoise says that something is wrong.

A `Problem` is a value: a stable code, a place, and the numbers and names of this case. Its words,
English and French, live in `catalogue_data/*.toml`, one entry a code, so that a code cannot be
raised without an explanation, a remedy and a translation. `Refused` carries problems out of an act.
"""

from equipoise.problems.catalogue import CATALOGUE, Explanation, Severity
from equipoise.problems.problem import Problem, Refused, Where, has_errors, problem
from equipoise.problems.text import LANGUAGES, Language, Text, natural_order

__all__ = [
    "CATALOGUE",
    "LANGUAGES",
    "Explanation",
    "Language",
    "Problem",
    "Refused",
    "Severity",
    "Text",
    "Where",
    "has_errors",
    "natural_order",
    "problem",
]

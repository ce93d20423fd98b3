"""Expressions in French and English words, made from the parts themselves."""

from equipoise.language.wording.naming import Named, Names
from equipoise.language.wording.quantities import (
    say_day,
    say_month,
    say_number,
    say_plain,
    say_quantity,
    say_unit,
)
from equipoise.language.wording.sentences import say_node

__all__ = [
    "Named",
    "Names",
    "say_day",
    "say_month",
    "say_node",
    "say_number",
    "say_plain",
    "say_quantity",
    "say_unit",
]

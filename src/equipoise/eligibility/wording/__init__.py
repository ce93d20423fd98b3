"""Criteria for people: what everything is called, what would settle it, what would turn it."""

from equipoise.eligibility.wording.alternatives import (
    change_criterion,
    find_day,
    settle_criterion,
    settle_verdict,
)
from equipoise.eligibility.wording.naming import ASKED, questions_of, say_criterion
from equipoise.eligibility.wording.terms import Terms, terms_of

__all__ = [
    "ASKED",
    "Terms",
    "change_criterion",
    "find_day",
    "questions_of",
    "say_criterion",
    "settle_criterion",
    "settle_verdict",
    "terms_of",
]

"""Who may take part: criteria over recorded values, with the reason for each answer."""

from equipoise.eligibility.assessing import Case, assess_case, assess_eligibility
from equipoise.eligibility.checks import check_eligibility
from equipoise.eligibility.plan import items_attested, items_read
from equipoise.eligibility.settling import Opening, settle
from equipoise.eligibility.values import Reading, believe
from equipoise.eligibility.verdict import Answer, CriterionVerdict, Observation, Verdict
from equipoise.eligibility.wording import (
    ASKED,
    Terms,
    change_criterion,
    find_day,
    questions_of,
    say_criterion,
    settle_criterion,
    settle_verdict,
    terms_of,
)

__all__ = [
    "ASKED",
    "Answer",
    "Case",
    "CriterionVerdict",
    "Observation",
    "Opening",
    "Reading",
    "Terms",
    "Verdict",
    "assess_case",
    "assess_eligibility",
    "believe",
    "change_criterion",
    "check_eligibility",
    "find_day",
    "items_attested",
    "items_read",
    "questions_of",
    "say_criterion",
    "settle",
    "settle_criterion",
    "settle_verdict",
    "terms_of",
]

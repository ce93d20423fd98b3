"""Who may take part: criteria over recorded values, with the reason for each answer."""

from equipoise.eligibility.assessing import Case, assess_case, assess_eligibility
from equipoise.eligibility.checks import check_eligibility
from equipoise.eligibility.plan import items_attested, items_read
from equipoise.eligibility.readings import (
    Readings,
    Uncounted,
    check_readings,
    find_uncounted,
    other_readings,
)
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
    "Readings",
    "Terms",
    "Uncounted",
    "Verdict",
    "assess_case",
    "assess_eligibility",
    "believe",
    "change_criterion",
    "check_eligibility",
    "check_readings",
    "find_day",
    "find_uncounted",
    "items_attested",
    "items_read",
    "other_readings",
    "questions_of",
    "say_criterion",
    "settle",
    "settle_criterion",
    "settle_verdict",
    "terms_of",
]

"""Who may take part: criteria over recorded values, with the reason for each answer."""

from equipoise.eligibility.alternatives import (
    change_criterion,
    find_day,
    settle_criterion,
    settle_verdict,
)
from equipoise.eligibility.assessing import Case, assess_case, assess_eligibility
from equipoise.eligibility.checks import check_eligibility
from equipoise.eligibility.naming import ASKED, say_criterion
from equipoise.eligibility.plan import plan_of
from equipoise.eligibility.settling import Opening, settle
from equipoise.eligibility.values import Reading, believe
from equipoise.eligibility.verdict import Answer, CriterionVerdict, Observation, Verdict

__all__ = [
    "ASKED",
    "Answer",
    "Case",
    "CriterionVerdict",
    "Observation",
    "Opening",
    "Reading",
    "Verdict",
    "assess_case",
    "assess_eligibility",
    "believe",
    "change_criterion",
    "check_eligibility",
    "find_day",
    "plan_of",
    "say_criterion",
    "settle",
    "settle_criterion",
    "settle_verdict",
]

"""Who may take part: criteria over recorded values, with the reason for each answer."""

from equipoise.eligibility.assessing import Case, assess_case, assess_eligibility
from equipoise.eligibility.checks import check_eligibility
from equipoise.eligibility.settling import Opening, settle
from equipoise.eligibility.values import Reading, believe
from equipoise.eligibility.verdict import Answer, CriterionVerdict, Observation, Verdict

__all__ = [
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
    "check_eligibility",
    "settle",
]

"""What every kind of record is read into: facts in one vocabulary, arms, criteria, gaps.

The words are those of ClinicalTrials.gov API v2 (its published enumerations), as the pages of the
registry show them; another source's words are translated into them or left unread.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.exchange.criteria.items import CriteriaReading, Gap

STATUSES = (
    "ACTIVE_NOT_RECRUITING|COMPLETED|ENROLLING_BY_INVITATION|NOT_YET_RECRUITING|RECRUITING|"
    "SUSPENDED|TERMINATED|WITHDRAWN|AVAILABLE|NO_LONGER_AVAILABLE|TEMPORARILY_NOT_AVAILABLE|"
    "APPROVED_FOR_MARKETING|WITHHELD|UNKNOWN"
)
PHASE = r"(EARLY_)?PHASE ?[1-4]([/ ,|]+PHASE ?[1-4])?|NA|N/A"
TYPES = "INTERVENTIONAL|OBSERVATIONAL|EXPANDED_ACCESS"
DATE = r"(19|20)\d\d-(0[1-9]|1[0-2])(-([0-2]\d|3[01]))?"
MODELS = (
    "SINGLE_GROUP|PARALLEL|CROSSOVER|FACTORIAL|SEQUENTIAL|COHORT|CASE_CONTROL|CASE_ONLY|"
    "CASE_CROSSOVER|ECOLOGIC_OR_COMMUNITY|FAMILY_BASED|DEFINED_POPULATION|NATURAL_HISTORY"
)
PURPOSES = (
    "TREATMENT|PREVENTION|DIAGNOSTIC|ECT|SUPPORTIVE_CARE|SCREENING|HEALTH_SERVICES_RESEARCH|"
    "BASIC_SCIENCE|DEVICE_FEASIBILITY"
)
MASKINGS = "NONE|SINGLE|DOUBLE|TRIPLE|QUADRUPLE"
ALLOCATIONS = "RANDOMIZED|NON_RANDOMIZED|NA"
ARM_TYPES = (
    "EXPERIMENTAL",
    "ACTIVE_COMPARATOR",
    "PLACEBO_COMPARATOR",
    "SHAM_COMPARATOR",
    "NO_INTERVENTION",
    "OTHER",
)
ROLES: Mapping[str, str] = {
    "PARTICIPANT": "participant",
    "CARE_PROVIDER": "",
    "CAREGIVER": "",
    "INVESTIGATOR": "investigator",
    "OUTCOMES_ASSESSOR": "outcome_assessor",
    "OUTCOME_ASSESSOR": "outcome_assessor",
}
AGE = re.compile(r"\d+(\.\d+)? (Year|Month|Week|Day|Hour|Minute)s?")
SEX = re.compile("ALL|FEMALE|MALE")
CLASSES = (
    "INDUSTRY|NIH|FED|OTHER_GOV|INDIV|NETWORK|AMBIG|OTHER|UNKNOWN|LEAD|COLLABORATOR|"
    "SPONSOR|PRINCIPAL_INVESTIGATOR|SPONSOR_INVESTIGATOR"
)


class Facts(Struct, frozen=True, kw_only=True):
    """What the record states, in the registry's words; None where it does not."""

    nct: str | None = None
    sponsor: str | None = None
    sponsor_id: str | None = None
    status: str | None = None
    phase: str | None = None
    planned_participants: int | None = None
    allocation: str | None = None
    model: str | None = None
    masking: str | None = None
    purpose: str | None = None
    start: str | None = None
    completion: str | None = None
    minimum_age: str | None = None
    maximum_age: str | None = None
    sex: str | None = None
    healthy_volunteers: bool | None = None


class FactReading(Struct, frozen=True, kw_only=True):
    """The facts, with what the record says beside them and what could not be placed."""

    facts: Facts
    study_type: str
    sponsor_class: str
    masked_roles: tuple[str, ...]
    gaps: tuple[Gap, ...]


class DraftArm(Struct, frozen=True):
    """An arm as the record has it; `type` is None where the record's word is lost."""

    name: str
    type: str | None
    description: str


class Record(Struct, frozen=True, kw_only=True):
    """A record of any kind, read; `bounds` are the ages that its criteria state in words."""

    title: str
    reading: FactReading
    arms: tuple[DraftArm, ...]
    criteria: CriteriaReading
    bounds: tuple[Sequence[str], Sequence[str]]
    outcomes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unread: tuple[Gap, ...] = ()

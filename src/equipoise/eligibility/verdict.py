"""What is known of a person, and the verdict on the criteria that follows from it."""

import datetime as dt
from typing import Literal

from msgspec import Struct

from equipoise.language import Explanation, Reason


class Observation(Struct, frozen=True, gc=False, kw_only=True):
    """One recorded value of an item: its day, its unit, and the ledger entry that holds it."""

    form: str
    item: str
    encounter: str
    value: bool | int | float | str | None
    unit: str
    on: dt.date
    entry: str


class Answer(Struct, frozen=True, gc=False, kw_only=True):
    """A person's judgement on a criterion or on a rule within one, by its id."""

    criterion: str
    is_true: bool
    by: str
    role: str
    on: dt.date
    entry: str


CriterionStatus = Literal["met", "not_met", "unknown", "not_applicable"]
VerdictStatus = Literal["eligible", "not_eligible", "undecided", "potential"]


class CriterionVerdict(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One criterion: whether it is met, whether it bars the person, why, and how that was found.

    An exclusion bars when it is met, an inclusion when it is not.
    """

    id: str
    kind: Literal["inclusion", "exclusion"]
    status: CriterionStatus
    bars: bool = False
    reasons: tuple[Reason, ...] = ()
    explanation: Explanation


class Verdict(Struct, frozen=True, gc=False, kw_only=True):
    """The verdict on one person as of `reference_on`, by the study folder of that digest.

    `potential` is undecided with nothing to wait for but judgements.
    """

    status: VerdictStatus
    criteria: tuple[CriterionVerdict, ...]
    reference_on: dt.date
    study_digest: str

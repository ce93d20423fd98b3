"""What decides a criterion, however it is evaluated: gaps, conditions, judgements, its verdicts."""

import datetime as dt
from collections.abc import Mapping

from msgspec import Struct

from equipoise.eligibility.verdict import Answer, CriterionStatus, CriterionVerdict
from equipoise.language import (
    Explanation,
    Functions,
    Known,
    Lookup,
    Reason,
    Unknown,
    Value,
    all_of,
    any_of,
    negate,
    unknown,
)
from equipoise.study.criteria import Judgement, Rule


class Person(Struct, frozen=True):
    """One person at a day."""

    lookup: Lookup
    functions: Functions
    answers: Mapping[str, Answer]
    on: dt.date


def settled_verdicts(name: str) -> tuple[CriterionVerdict, CriterionVerdict, CriterionVerdict]:
    """A criterion that is met, not met, or does not concern the person: each made once."""
    return (
        _verdict(name, "met", value=True),
        _verdict(name, "not_met", value=False),
        _verdict(name, "not_applicable", value=name.startswith("I")),
    )


def is_waived(rule: Rule) -> bool:
    """Whether a gap of the record is assumed to concern nobody."""
    return bool(rule.gap) and rule.assume == "not_applicable"


def limit_to(concerns: Value, value: Value, *, is_inclusion: bool) -> Value:
    """Who a criterion does not concern satisfies it: an inclusion is met, an exclusion is not."""
    return any_of([negate(concerns), value]) if is_inclusion else all_of([concerns, value])


def judge(judgement: Judgement, answer: Answer | None, *, name: str, on: dt.date) -> Value:
    """What a person said, unless nobody of the right role did, or too long ago."""
    if answer is None or answer.role not in judgement.by:
        return unknown("awaiting_judgement", name)
    days = judgement.valid_days
    if days is not None and (on - answer.on).days > days:
        return unknown("stale", name)
    return Known(answer.is_true)


def is_imprecise(value: Value) -> bool:
    """Whether precision is all that a value lacks, as a month of birth where a day would decide."""
    return isinstance(value, Unknown) and {r.kind for r in value.reasons} == {"ambiguous"}


def open_verdict(name: str, reasons: tuple[Reason, ...]) -> CriterionVerdict:
    """A criterion that cannot be told."""
    return _verdict(name, "unknown", value=None, reasons=reasons)


def _verdict(
    name: str, status: CriterionStatus, *, value: bool | None, reasons: tuple[Reason, ...] = ()
) -> CriterionVerdict:
    is_inclusion = name.startswith("I")
    return CriterionVerdict(
        id=name,
        kind="inclusion" if is_inclusion else "exclusion",
        status=status,
        bars=status == ("not_met" if is_inclusion else "met"),
        reasons=reasons,
        explanation=Explanation(value=value, reasons=reasons),
    )

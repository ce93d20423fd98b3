"""The verdict on each criterion, three-valued, with the whole way to it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

import msgspec
from msgspec import Struct

from equipoise.eligibility.deciding import Person, is_imprecise, is_waived, judge, limit_to
from equipoise.eligibility.plan import plan_of
from equipoise.eligibility.values import Observations, Reading
from equipoise.eligibility.verdict import (
    Answer,
    CriterionStatus,
    CriterionVerdict,
    Verdict,
    VerdictStatus,
)
from equipoise.language import (
    Explanation,
    Input,
    Known,
    Reason,
    Source,
    Unknown,
    Value,
    all_of,
    any_of,
    explain,
    merge_reasons,
    none_of,
    parse,
    show,
    unknown,
)
from equipoise.language.values import ReasonKind
from equipoise.study.criteria import Criterion, Judgement, Rule
from equipoise.study.study import Study

_Join = Literal["all", "any", "none"]
_JOINS: Mapping[_Join, Callable[[Sequence[Value]], Value]] = {
    "all": all_of,
    "any": any_of,
    "none": none_of,
}


class Case(Struct, frozen=True):
    """One person at the reference date: the values and the judgements.

    `is_brief` leaves out what each condition read, which a count of a million people never shows.
    """

    reading: Reading
    answers: Mapping[str, Answer]
    is_brief: bool = False


def assess_eligibility(
    study: Study,
    *,
    observations: Observations,
    answers: Mapping[str, Answer],
    reference_on: dt.date,
) -> Verdict:
    """The verdict on one person as of a day. Later observations do not count."""
    reading = Reading(study, observations, reference_on=reference_on)
    return assess_case(study, Case(reading, answers))


def assess_case(study: Study, case: Case) -> Verdict:
    """The verdict on a person whose values are read already, for instance from a table."""
    decide = _tell if case.is_brief else _explain_all
    criteria = decide(study, case)
    return Verdict(
        status=_overall(criteria),
        criteria=criteria,
        reference_on=case.reading.reference_on,
        study_digest=study.digest,
    )


def _tell(study: Study, case: Case) -> tuple[CriterionVerdict, ...]:
    """What quick code can tell, and the rest as the full assessment has it."""
    reading = case.reading
    plan = plan_of(study)
    tell = plan.tell_given if reading.is_given else plan.tell
    person = Person(reading.lookup, reading.functions, case.answers, reading.reference_on)
    told = tell(person, reading.observations)
    if all(told):
        return cast("tuple[CriterionVerdict, ...]", told)
    pairs = zip(told, plan.criteria, strict=True)
    return tuple([verdict or _brief(_assess(*criterion, case)) for verdict, criterion in pairs])


def _brief(verdict: CriterionVerdict) -> CriterionVerdict:
    explanation = Explanation(value=verdict.explanation.value, reasons=verdict.reasons)
    return msgspec.structs.replace(verdict, explanation=explanation)


def _explain_all(study: Study, case: Case) -> tuple[CriterionVerdict, ...]:
    return tuple(_assess(name, criterion, case) for name, criterion in study.criteria)


def _overall(criteria: Sequence[CriterionVerdict]) -> VerdictStatus:
    waiting: set[ReasonKind] = set()
    for criterion in criteria:
        if criterion.bars:
            return "not_eligible"
        if criterion.status == "unknown":
            waiting.update(r.kind for r in criterion.reasons)
    if not waiting:
        return "eligible"
    return "potential" if waiting == {"awaiting_judgement"} else "undecided"


def _assess(name: str, criterion: Criterion, case: Case) -> CriterionVerdict:
    is_inclusion = name.startswith("I")
    explanation = _explain(criterion, case, name=name, satisfied=is_inclusion)
    is_applicable: Value = Known(not is_waived(criterion))
    if criterion.when:
        condition = _explain_source(criterion.when, case)
        is_applicable = condition.result
        explanation = _conditional(condition, explanation, name=name, is_inclusion=is_inclusion)
    status = _status(is_applicable, explanation)
    return CriterionVerdict(
        id=name,
        kind="inclusion" if is_inclusion else "exclusion",
        status=status,
        bars=status == ("not_met" if is_inclusion else "met"),
        reasons=explanation.reasons,
        explanation=explanation,
    )


def _status(is_applicable: Value, explanation: Explanation) -> CriterionStatus:
    if is_applicable == Known(False):
        return "not_applicable"
    if explanation.value is None:
        return "unknown"
    return "met" if explanation.value else "not_met"


def _conditional(
    condition: Explanation, body: Explanation, *, name: str, is_inclusion: bool
) -> Explanation:
    value = limit_to(condition.result, body.result, is_inclusion=is_inclusion)
    children = (condition, msgspec.structs.replace(body, id=""))
    return _joined(value, part="when", children=children, name=name)


def _explain(part: Rule | str, case: Case, *, satisfied: bool, name: str = "") -> Explanation:
    if isinstance(part, str):
        return _explain_source(part, case)
    name = name or part.id
    if part.judgement is not None:
        return _explain_judgement(part.judgement, case, name=name)
    if part.gap:
        value = Known(satisfied) if is_waived(part) else unknown("not_in_source", name)
        return _joined(value, part="gap", children=(), name=name)
    if rules := part.all_ or part.any_ or part.none_:
        join: _Join = "all" if part.all_ else "any" if part.any_ else "none"
        children = tuple(_explain(r, case, satisfied=satisfied) for r in rules)
        value = _JOINS[join]([c.result for c in children])
        return _joined(value, part=join, children=children, name=name)
    found = _explain_source(part.is_, case, name=name)
    return found if part.attest is None else _attest(part.attest, found, case, name=name)


def _attest(judgement: Judgement, found: Explanation, case: Case, *, name: str) -> Explanation:
    """What a person attests, beside the expression that is not precise enough."""
    if not is_imprecise(found.result):
        return found
    said = _explain_judgement(judgement, case, name=name)
    value = (
        said.result
        if said.value is not None
        else Unknown(merge_reasons([found.result, said.result]))
    )
    children = (msgspec.structs.replace(found, id=""), said)
    return _joined(value, part="attest", children=children, name=name)


def _explain_source(source: str, case: Case, *, name: str = "") -> Explanation:
    found = explain(parse(source), case.reading.lookup, functions=case.reading.functions)
    return msgspec.structs.replace(found, id=name) if name else found


def _explain_judgement(judgement: Judgement, case: Case, *, name: str) -> Explanation:
    answer = case.answers.get(name)
    value = judge(judgement, answer, name=name, on=case.reading.reference_on)
    read: tuple[Input, ...] = ()
    if answer is not None:
        source = Source(f"{answer.by} ({answer.role})", answer.on, answer.entry)
        read = (Input(name, answer.is_true, sources=(source,)),)
    found = _joined(value, part="judgement", children=(), name=name)
    return msgspec.structs.replace(found, inputs=read)


def _joined(
    value: Value,
    *,
    part: Literal["all", "any", "none", "when", "judgement", "attest", "gap"],
    children: tuple[Explanation, ...],
    name: str,
) -> Explanation:
    reasons: tuple[Reason, ...] = merge_reasons([value])
    return Explanation(value=show(value), reasons=reasons, children=children, id=name, part=part)

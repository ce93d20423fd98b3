"""The verdict alone, in microseconds: each criterion as closures, its known answers made ahead.

It says what the full assessment says of the same person, without the way there.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial

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
    merge_reasons,
    negate,
    none_of,
    parse,
    unknown,
)
from equipoise.language.compiling import compile_node
from equipoise.study.criteria import Criterion, Judgement, Rule


class Person(Struct, frozen=True):
    """One person at a day, as compiled criteria read them."""

    lookup: Lookup
    functions: Functions
    answers: Mapping[str, Answer]
    on: dt.date


Decide = Callable[[Person], Value]


def compile_criterion(name: str, criterion: Criterion) -> Callable[[Person], CriterionVerdict]:
    """A function from a person to the verdict on one criterion."""
    is_inclusion = name.startswith("I")
    body = _rule(criterion, name, is_inclusion=is_inclusion)
    met, not_met, free = settled_verdicts(name)
    if is_waived(criterion):
        return lambda _person: free
    condition = _expression(criterion.when) if criterion.when else None

    def decide(person: Person) -> CriterionVerdict:
        value = body(person)
        if condition is not None:
            concerns = condition(person)
            if isinstance(concerns, Known) and concerns.value is not True:
                return free
            value = limit_to(concerns, value, is_inclusion=is_inclusion)
        if isinstance(value, Known):
            return met if value.value is True else not_met
        return _verdict(name, "unknown", value=None, reasons=value.reasons)

    return decide


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


def attest(
    value: Value, judgement: Judgement, answer: Answer | None, *, name: str, on: dt.date
) -> Value:
    """What a person said, but only where the values tell nothing because they are not precise."""
    if not is_imprecise(value):
        return value
    said = judge(judgement, answer, name=name, on=on)
    return said if isinstance(said, Known) else Unknown(merge_reasons([value, said]))


def is_imprecise(value: Value) -> bool:
    """Whether precision is all that a value lacks, as a month of birth where a day would decide."""
    return isinstance(value, Unknown) and {r.kind for r in value.reasons} == {"ambiguous"}


def _rule(rule: Rule | str, name: str, *, is_inclusion: bool) -> Decide:
    if isinstance(rule, str):
        return _expression(rule)
    name = name or rule.id
    if rule.judgement is not None:
        return _judgement(rule.judgement, name)
    if rule.gap:
        value = Known(is_inclusion) if is_waived(rule) else unknown("not_in_source", name)
        return lambda _person: value
    for parts, join in ((rule.all_, all_of), (rule.any_, any_of), (rule.none_, none_of)):
        if parts:
            return _joined(parts, join, is_inclusion=is_inclusion)
    if rule.attest is not None:
        return _attested(rule.is_, rule.attest, name)
    return _expression(rule.is_)


def _joined(
    parts: Sequence[Rule | str], join: Callable[[Sequence[Value]], Value], *, is_inclusion: bool
) -> Decide:
    runs = [_rule(part, "", is_inclusion=is_inclusion) for part in parts]
    decisive = join is not all_of

    def decide(person: Person) -> Value:
        """Stops at the first part that decides: a true one, or a false one among all."""
        values = []
        for run in runs:
            value = run(person)
            if isinstance(value, Known) and value.value is decisive:
                return join((value,))
            values.append(value)
        return join(values)

    return decide


def _expression(source: str) -> Decide:
    run = compile_node(parse(source).root)
    return lambda person: run(person.lookup, person.functions)


def _judgement(judgement: Judgement, name: str) -> Decide:
    say = partial(judge, judgement, name=name)
    return lambda person: say(person.answers.get(name), on=person.on)


def _attested(source: str, judgement: Judgement, name: str) -> Decide:
    run = _expression(source)
    say = partial(attest, judgement=judgement, name=name)
    return lambda person: say(run(person), answer=person.answers.get(name), on=person.on)


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

"""Stopping rules: what is counted over the whole trial, and which rules that makes true.

Everything is pooled: no count knows an arm. A count is of participants. One with an event of which
the answers do not say yet whether it is related, say, may belong to the count or not: the count
then lies between two bounds, and a rule that hangs on it is unknown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from equipoise.language import Interval, Known, Value, evaluate, names_in, parse
from equipoise.safety.adverse import AdverseEvent
from equipoise.study.protocol import SafetyPlan, StoppingRule

Counts = Mapping[str, tuple[int, int]]
"""By name the least and the greatest number of participants that it may be."""


class RuleState(Struct, frozen=True):
    """A rule as it stands: met, not met, or None where an unclear event decides; its counts."""

    rule: StoppingRule
    is_met: bool | None
    counts: Counts


def count_events(plan: SafetyPlan, events: Iterable[AdverseEvent]) -> Counts:
    """How many participants have at least one event of each kind that a rule may name."""
    held: dict[str, list[AdverseEvent]] = defaultdict(list)
    for event in events:
        held[event.participant].append(event)
    kinds = {**_KINDS, **_interests(plan)}
    return {name: _count(held.values(), kind) for name, kind in kinds.items()}


def assess_stopping(plan: SafetyPlan, counts: Counts) -> tuple[RuleState, ...]:
    """Where each rule of the plan stands, with the counts that it names."""
    return tuple(_assess(rule, counts) for rule in plan.stopping)


def _assess(rule: StoppingRule, counts: Counts) -> RuleState:
    expression = parse(rule.met_if)
    found = evaluate(expression, lambda name: _known(counts[name]) if name in counts else None)
    named = {name: counts[name] for name in sorted(names_in(expression) & counts.keys())}
    return RuleState(rule, bool(found.value) if isinstance(found, Known) else None, named)


def _known(bounds: tuple[int, int]) -> Value:
    low, high = bounds
    return Known(low) if low == high else Known(Interval(low, high))


_Kind = Callable[[AdverseEvent], bool | None]


def _count(people: Iterable[list[AdverseEvent]], kind: _Kind) -> tuple[int, int]:
    found = [[kind(event) for event in events] for events in people]
    sure = sum(any(answers) for answers in found)
    return sure, sure + sum(not any(answers) and None in answers for answers in found)


def _interests(plan: SafetyPlan) -> Mapping[str, _Kind]:
    if plan.of_interest is None:
        return {}
    return {f"n_special_interest.{code}": _of_interest(code) for code in plan.special_interest}


def _of_interest(code: str) -> _Kind:
    return lambda event: None if event.of_interest is None else event.of_interest == code


def _graded(least: int) -> _Kind:
    return lambda event: None if event.grade is None else event.grade >= least


def _related(kind: _Kind) -> _Kind:
    def is_both(event: AdverseEvent) -> bool | None:
        answers = (event.is_related, kind(event))
        return False if False in answers else None if None in answers else True

    return is_both


_PLAIN: Mapping[str, _Kind] = {
    "serious": lambda event: event.is_serious,
    "fatal": lambda event: event.is_fatal,
    **{f"grade_{grade}": _graded(grade) for grade in (3, 4, 5)},
}
_KINDS: Mapping[str, _Kind] = {
    "n_related": lambda event: event.is_related,
    **{f"n_{name}": kind for name, kind in _PLAIN.items()},
    **{f"n_related_{name}": _related(kind) for name, kind in _PLAIN.items()},
}

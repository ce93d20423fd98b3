"""What would settle an unknown criterion, and what would have to be different for one that bars."""

import datetime as dt
from collections.abc import Mapping

from equipoise.eligibility.assessing import Case
from equipoise.eligibility.deciding import is_imprecise, judge
from equipoise.eligibility.functions import functions_at
from equipoise.eligibility.types import find_definition
from equipoise.eligibility.wording.naming import ASKED, node_of
from equipoise.eligibility.wording.terms import terms_of
from equipoise.language import Known, Value, evaluate, parse, unknown
from equipoise.language.alternatives import (
    Changes,
    Settlement,
    Shift,
    find_changes,
    find_settlement,
)
from equipoise.language.evaluation import Lookup, Setting, evaluate_node
from equipoise.language.tree import Call, Combination, Node, Not
from equipoise.study.study import Study

_TICKING = ("age", "years_since", "days_since")
_FARTHEST = 366 * 40
"""Days ahead in which time alone may bring something about."""


def settle_criterion(study: Study, case: Case, name: str) -> Settlement:
    """The fewest values and judgements (`ASKED` and their id) that settle a criterion.

    True is that it is met. A value counts as one, though it be computed from several items; two
    values computed from one item are taken for independent.
    """
    return _settle(_nodes(study, case)[name], study, case)


def settle_verdict(study: Study, case: Case) -> Settlement:
    """The same for the whole verdict: true is eligible, false that one criterion bars.

    One unknown exclusion that would be met is enough for false.
    """
    parts = tuple(
        node if name.startswith("I") else Not(node, (0, 0))
        for name, node in _nodes(study, case).items()
    )
    return _settle(Combination("all", parts, len(parts), (0, 0)), study, case)


def change_criterion(study: Study, case: Case, name: str) -> Changes:
    """The nearest changes by which a criterion that bars would be satisfied."""
    return find_changes(
        _nodes(study, case)[name],
        lookup_of(study, case),
        target=name.startswith("I"),
        functions=case.reading.functions,
        types=terms_of(study).types,
    )


def find_day(study: Study, case: Case, shift: Shift) -> dt.date | None:
    """The first day after the reference date on which time alone has brought a shift about.

    That is so for values such as an age; None for all others, and for what never comes.
    """
    call = _ticking(study, shift)
    if call is None:
        return None
    last = 1
    while not _holds(call, shift, case, days=last):
        last *= 2
        if last > _FARTHEST:
            return None
    first = last // 2
    while last - first > 1:
        middle = (first + last) // 2
        if _holds(call, shift, case, days=middle):
            last = middle
        else:
            first = middle
    return case.reading.reference_on + dt.timedelta(days=last)


def lookup_of(study: Study, case: Case) -> Lookup:
    """The values of a person, and the judgements under `ASKED` and their id."""
    judgements = terms_of(study).judgements

    def lookup(name: str) -> Value | None:
        if not name.startswith(ASKED):
            return case.reading.lookup(name)
        rule = name.removeprefix(ASKED)
        judgement = judgements.get(rule)
        if judgement is None:
            return unknown("not_in_source", rule)
        answer = case.answers.get(rule)
        return judge(judgement, answer, name=rule, on=case.reading.reference_on)

    return lookup


def _nodes(study: Study, case: Case) -> Mapping[str, Node]:
    """Each criterion as it hangs on what is known: on a person's word, where only that can tell."""
    terms, reading = terms_of(study), case.reading
    open_ = [
        rule
        for rule, source in terms.attestations.items()
        if is_imprecise(evaluate(parse(source), reading.lookup, functions=reading.functions))
    ]
    if not open_:
        return terms.nodes
    return {name: node_of(name, c, attested=open_) for name, c in study.criteria}


def _settle(node: Node, study: Study, case: Case) -> Settlement:
    return find_settlement(
        node,
        lookup_of(study, case),
        functions=case.reading.functions,
        types=terms_of(study).types,
    )


def _ticking(study: Study, shift: Shift) -> Call | None:
    """The count of time behind a value, such as `years_since(onset)`."""
    definition = find_definition(study, shift.names[0])
    if definition is None or not definition.value:
        return None
    root = parse(definition.value).root
    is_count = isinstance(root, Call) and root.function in _TICKING
    return root if is_count and isinstance(root, Call) else None


def _holds(call: Call, shift: Shift, case: Case, *, days: int) -> bool:
    """Whether the condition of a shift holds so many days after the reference date."""
    functions = functions_at(case.reading.reference_on + dt.timedelta(days=days))
    value = evaluate_node(call, Setting(case.reading.lookup, functions))
    then = {shift.names[0]: value}
    return evaluate_node(shift.condition, Setting(then.get, functions)) == Known(True)

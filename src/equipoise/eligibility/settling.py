"""What would settle a verdict: each missing answer, and where it is entered."""

from collections.abc import Iterator

from msgspec import Struct

from equipoise.eligibility.types import find_definition
from equipoise.eligibility.verdict import Verdict
from equipoise.language import Reason, names_in, parse
from equipoise.language.values import ReasonKind
from equipoise.study.study import Study


class Opening(Struct, frozen=True, kw_only=True):
    """One thing that a criterion waits for: an item of a form, or a judgement, and why.

    `judgement` is the id to answer. Neither is set where nobody can enter anything, as for a
    criterion that the record lacks.
    """

    criterion: str
    kind: ReasonKind
    name: str = ""
    form: str = ""
    item: str = ""
    judgement: str = ""


def settle(study: Study, verdict: Verdict) -> tuple[Opening, ...]:
    """What each unknown criterion waits for, in the order of the criteria."""
    found = (
        opening
        for criterion in verdict.criteria
        if criterion.status == "unknown"
        for reason in criterion.reasons
        for opening in _open(study, criterion.id, reason)
    )
    return tuple(dict.fromkeys(found))


def _open(study: Study, criterion: str, reason: Reason) -> Iterator[Opening]:
    name, kind = reason.name, reason.kind
    items = tuple(dict.fromkeys(items_behind(study, name)))
    for path in items:
        form, _, item = path.partition(".")
        yield Opening(criterion=criterion, kind=kind, name=name, form=form, item=item)
    if items:
        return
    is_question = kind in ("awaiting_judgement", "stale")
    yield Opening(criterion=criterion, kind=kind, name=name, judgement=name if is_question else "")


def items_behind(study: Study, name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The items that a value is taken from, through whatever is computed between."""
    definition = find_definition(study, name)
    if definition is None or name in seen:
        return
    if definition.from_:
        yield definition.from_
        return
    for inner in sorted(names_in(parse(definition.value))):
        yield from items_behind(study, inner, seen | {name})

"""Everything wrong with the eligibility criteria of a study, before anybody is assessed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain

from equipoise.eligibility.types import FUNCTIONS, find_item, types_of
from equipoise.language import ValueType, check_source, convert, find_unit, names_in, parse
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.criteria import Criterion, Rule, ValueDefinition
from equipoise.study.study import Study

Path = tuple[str | int, ...]
Locate = Callable[[Path], Where]
_FORMS = ("is", "all", "any", "none", "judgement", "gap")
_BOOLEAN = ValueType("boolean")


def check_eligibility(study: Study, locate: Locate | None = None) -> tuple[Problem, ...]:
    """All problems of values and criteria; `locate` gives the place of a part of the file."""
    find = locate or (lambda _path: Where("eligibility.yaml"))
    types = types_of(study)
    return (
        *chain.from_iterable(
            _check_value(study, name, definition, types=types, locate=find)
            for name, definition in study.eligibility.values.items()
        ),
        *_check_cycles(study, find),
        *_check_list(study, "inclusion", types=types, locate=find),
        *_check_list(study, "exclusion", types=types, locate=find),
        *_check_ids(study, find),
    )


def _check_value(
    study: Study,
    name: str,
    definition: ValueDefinition,
    *,
    types: Mapping[str, ValueType],
    locate: Locate,
) -> Iterator[Problem]:
    path: Path = ("values", name)
    where = locate(path)
    if bool(definition.from_) == bool(definition.value):
        yield problem("EQ-E001", where, name=name)
    if definition.unit and find_unit(definition.unit) is None:
        yield problem("EQ-E002", where, name=name, unit=definition.unit)
    if definition.plausible is not None and definition.plausible[0] > definition.plausible[1]:
        low, high = definition.plausible
        yield problem("EQ-E003", where, name=name, low=low, high=high)
    if definition.from_:
        yield from _check_item(study, name, definition, where=where)
    if definition.value:
        result = ValueType(types[name].kind, definition.unit) if definition.unit else None
        place = _inside(locate, (*path, "value"))
        yield from check_source(
            definition.value, types, functions=FUNCTIONS, where=place, result=result
        )


def _check_item(
    study: Study, name: str, definition: ValueDefinition, *, where: Where
) -> Iterator[Problem]:
    item = find_item(study, definition.from_)
    if item is None:
        known = [f"{f.form}.{i}" for f in study.forms.values() for i in (*f.items, *f.derive)]
        near = ", ".join(get_close_matches(definition.from_, known, n=3, cutoff=0)) or "–"
        yield problem("EQ-E004", where, name=name, item=definition.from_, nearest=near)
    elif definition.unit and convert(1.0, item.unit, definition.unit) is None:
        yield problem(
            "EQ-E005",
            where,
            name=name,
            unit=definition.unit,
            item=definition.from_,
            found=item.unit or "–",
        )


def _check_cycles(study: Study, locate: Locate) -> Iterator[Problem]:
    needs = {n: _names_of(v.value) for n, v in study.eligibility.values.items()}
    for name, direct in needs.items():
        reached: set[str] = set()
        waiting = set(direct)
        while waiting:
            current = waiting.pop()
            reached.add(current)
            waiting |= needs.get(current, frozenset()) - reached
        if name in reached:
            yield problem("EQ-E006", locate(("values", name)), name=name)


def _names_of(source: str) -> frozenset[str]:
    try:
        return names_in(parse(source)) if source else frozenset()
    except Refused:
        return frozenset()


def _check_list(
    study: Study, kind: str, *, types: Mapping[str, ValueType], locate: Locate
) -> Iterator[Problem]:
    criteria: tuple[Criterion, ...] = getattr(study.eligibility, kind)
    decisions = {d.id for d in study.decisions}
    seen = Counter(c.number for c in criteria)
    for at, criterion in enumerate(criteria):
        path: Path = (kind, at)
        where = locate(path)
        name = f"{kind[0].upper()}{criterion.number}"
        if seen[criterion.number] > 1:
            yield problem("EQ-E007", where, criterion=name)
        for decision in criterion.decisions:
            if decision not in decisions:
                yield problem("EQ-E008", where, criterion=name, decision=decision)
        if criterion.review:
            yield problem("EQ-E009", where, criterion=name, marks="; ".join(criterion.review))
        if criterion.when:
            place = _inside(locate, (*path, "when"))
            yield from check_source(
                criterion.when, types, functions=FUNCTIONS, where=place, result=_BOOLEAN
            )
        yield from _check_rule(criterion, path, name=name, types=types, locate=locate)


def _check_rule(
    rule: Rule | str, path: Path, *, name: str, types: Mapping[str, ValueType], locate: Locate
) -> Iterator[Problem]:
    if isinstance(rule, str):
        place = _inside(locate, path)
        yield from check_source(rule, types, functions=FUNCTIONS, where=place, result=_BOOLEAN)
        return
    where = locate(path)
    present = [f for f in _FORMS if _form(rule, f)]
    if len(present) != 1:
        found = ", ".join(present) or "–"
        yield problem("EQ-E010", where, criterion=name, found=found)
    if rule.judgement is not None and not rule.judgement.by:
        yield problem("EQ-E011", where, criterion=name)
    if rule.judgement is not None and not rule.id and not isinstance(rule, Criterion):
        yield problem("EQ-E012", where, criterion=name)
    if rule.is_:
        yield from _check_rule(rule.is_, (*path, "is"), name=name, types=types, locate=locate)
    for form in ("all", "any", "none"):
        parts: tuple[Rule | str, ...] = getattr(rule, f"{form}_")
        for at, part in enumerate(parts):
            inner = (*path, form, at)
            yield from _check_rule(part, inner, name=name, types=types, locate=locate)


def _form(rule: Rule, form: str) -> object:
    return getattr(rule, form if form in ("judgement", "gap") else f"{form}_")


def _check_ids(study: Study, locate: Locate) -> Iterator[Problem]:
    """A judgement is answered by its id, so an id names one rule of the whole file."""
    seen: set[str] = {name for name, _ in study.criteria}
    for kind, criteria in (
        ("inclusion", study.eligibility.inclusion),
        ("exclusion", study.eligibility.exclusion),
    ):
        for at, criterion in enumerate(criteria):
            for path, rule in _rules_under(criterion, (kind, at)):
                if rule.id in seen:
                    yield problem("EQ-E013", locate(path), id=rule.id)
                seen |= {rule.id} - {""}


def _rules_under(rule: Rule, path: Path) -> Iterator[tuple[Path, Rule]]:
    for form in ("all", "any", "none"):
        parts: tuple[Rule | str, ...] = getattr(rule, f"{form}_")
        for at, part in enumerate(parts):
            if isinstance(part, Rule):
                yield (*path, form, at), part
                yield from _rules_under(part, (*path, form, at))


def _inside(locate: Locate, path: Path) -> Where:
    """Where an expression starts: in a list it is the element itself, else it follows its key."""
    where = locate(path)
    if where.column is None or isinstance(path[-1], int):
        return where
    return Where(where.file, where.line, where.column + len(path[-1]) + 2, where.record)

"""Checks of eligibility: each rule says one thing, each value comes from one place."""

from collections.abc import Iterator

from equipoise.problems import Problem, problem
from equipoise.study.check.places import Path, Places, check_known, check_order
from equipoise.study.criteria import Criterion, Rule, ValueDefinition

FILE = "eligibility.yaml"


def check_eligibility(places: Places) -> Iterator[Problem]:
    """Check the named values and both lists."""
    for name, value in places.study.eligibility.values.items():
        yield from _check_value(places, name, value=value)
    ids: set[str] = set()
    for path, rule in rules_of(places):
        yield from _check_rule(places, path, rule=rule)
        if rule.id in ids:
            yield problem("EQ-S062", places.at(FILE, *path, "id"), id=rule.id)
        ids |= {rule.id} - {""}
    for key, criteria in _lists(places):
        numbers = [c.number for c in criteria]
        for index, criterion in enumerate(criteria):
            if criterion.number in numbers[:index]:
                where = places.at(FILE, key, index, "number")
                yield problem("EQ-S062", where, id=criterion.number)
            yield from _check_readings(places, (key, index), criterion=criterion)


def rules_of(places: Places) -> Iterator[tuple[Path, Rule]]:
    """Every rule of both lists, outermost first, with its path in the file."""
    for key, criteria in _lists(places):
        for index, criterion in enumerate(criteria):
            yield from inner_rules(criterion, (key, index))


def judged(places: Places) -> set[str]:
    """The ids, such as `E6`, of the criteria that a person judges in whole or in part."""
    found = set()
    for letter, (_, criteria) in zip("IE", _lists(places), strict=True):
        for criterion in criteria:
            if any(r.judgement for _, r in inner_rules(criterion, ())):
                found.add(f"{letter}{criterion.number}")
    return found


def _lists(places: Places) -> tuple[tuple[str, tuple[Criterion, ...]], ...]:
    eligibility = places.study.eligibility
    return ("inclusion", eligibility.inclusion), ("exclusion", eligibility.exclusion)


def inner_rules(rule: Rule, path: Path) -> Iterator[tuple[Path, Rule]]:
    """A rule and every rule inside it, with their paths."""
    yield path, rule
    for key, parts in (("all", rule.all_), ("any", rule.any_), ("none", rule.none_)):
        for index, part in enumerate(parts):
            if isinstance(part, Rule):
                yield from inner_rules(part, (*path, key, index))


def _check_value(places: Places, name: str, *, value: ValueDefinition) -> Iterator[Problem]:
    if bool(value.from_) == bool(value.value):
        yield problem("EQ-S060", places.at(FILE, "values", name), name=name)
    if value.from_:
        where = places.at(FILE, "values", name, "from")
        yield from check_known(value.from_, places.items, kind="item", where=where)
    if value.plausible:
        where = places.at(FILE, "values", name, "plausible")
        yield from check_order(*value.plausible, where=where)


def _check_rule(places: Places, path: Path, *, rule: Rule) -> Iterator[Problem]:
    said = (rule.is_, rule.all_, rule.any_, rule.none_, rule.judgement, rule.gap)
    n_said = sum(1 for s in said if s)
    if n_said != 1:
        yield problem("EQ-S061", places.at(FILE, *path), n_said=n_said)
    if rule.assume and not rule.gap:
        yield problem("EQ-S063", places.at(FILE, *path, "assume"))
    if rule.attest and not rule.is_:
        yield problem("EQ-S095", places.at(FILE, *path, "attest"))
    for key, asked in (("judgement", rule.judgement), ("attest", rule.attest)):
        for index, role in enumerate(asked.by if asked else ()):
            where = places.at(FILE, *path, key, "by", index)
            known = places.study.identity.roles or (role,)
            yield from check_known(role, known, kind="role", where=where)


def _check_readings(places: Places, path: Path, *, criterion: Criterion) -> Iterator[Problem]:
    defined = {d.id for d in places.study.decisions}
    for index, name in enumerate(criterion.decisions):
        where = places.at(FILE, *path, "decisions", index)
        yield from check_known(name, defined, kind="decision", where=where)

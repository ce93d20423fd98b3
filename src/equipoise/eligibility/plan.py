"""A study's values and rules made ready once, so that each person takes microseconds."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from equipoise.eligibility.plain import Plain, PlainKind
from equipoise.eligibility.quick import Quick, compile_criteria
from equipoise.eligibility.settling import items_behind
from equipoise.eligibility.types import REFERENCE, find_definition, find_item
from equipoise.language import (
    Expression,
    ValueType,
    find_unit,
    names_in,
    parse,
)
from equipoise.language.functions import Kind
from equipoise.study.criteria import Rule, ValueDefinition, find_rules
from equipoise.study.study import Study
from equipoise.study.vocabulary import molar_mass_of

MOST_PLANS = 8
"""Studies kept ready at a time; a process serves one, tests serve many."""


class ValuePlan(Struct, frozen=True):
    """What is needed to read a value: its definition, item, unit, and what it is computed from.

    `plain` are the types that a recorded value has where nothing is to be read into it.
    """

    definition: ValueDefinition
    item: ValueType
    unit: str
    plain: tuple[type, ...]
    molar_mass: float
    expression: Expression | None
    inputs: tuple[str, ...]


class Plan:
    """The criteria of one study as functions, its values prepared when they are first asked for."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.criteria = tuple(study.criteria)
        self._values: dict[str, ValuePlan | None] = {}

    @cached_property
    def tell(self) -> Quick:
        """All criteria from observations."""
        return compile_criteria(self.criteria, self._plain)

    @cached_property
    def tell_given(self) -> Quick:
        """All criteria from values that are read already."""
        return compile_criteria(self.criteria, self._given)

    @cached_property
    def items(self) -> Mapping[str, frozenset[str]]:
        """The items of each form that a criterion may read."""
        values = self.study.eligibility.values.values()
        sources = [v.value for v in values] + [s for _, c in self.criteria for s in _sources(c)]
        named = {name for source in sources if source for name in names_in(parse(source))}
        found: dict[str, set[str]] = defaultdict(set)
        for path in named | {value.from_ for value in values}:
            form, _, item = path.partition(".")
            found[form].add(item)
        return {form: frozenset(items) for form, items in found.items()}

    @cached_property
    def attested(self) -> Mapping[str, frozenset[str]]:
        """For each rule that a person may attest, the items that its expression rests on."""
        return {
            rule_id: frozenset(
                path
                for name in names_in(parse(rule.is_))
                for path in items_behind(self.study, name)
            )
            for rule_id, rule in find_rules(self.study.eligibility).items()
            if rule.attest is not None
        }

    def value(self, name: str) -> ValuePlan | None:
        """How a value is read; None if the study has no such value."""
        if name not in self._values:
            self._values[name] = self._prepare(name)
        return self._values[name]

    def _plain(self, name: str) -> Plain | None:
        """How quick code reads a value; None only if nothing is called so."""
        plan = self.value(name)
        if plan is None:
            return Plain(name=name) if name == REFERENCE else None
        definition, is_computed = plan.definition, plan.expression is not None
        days = definition.within_days
        kind = _KINDS[plan.item.kind]
        if is_computed:
            kind = "number" if plan.unit else "boolean"
        is_believed = definition.plausible is None or kind == "number"
        return Plain(
            name=name,
            kind=kind if is_believed else "",
            path=definition.from_,
            computed=definition.value,
            unit=plan.unit,
            within=None if days is None else dt.timedelta(days=days),
            is_first=definition.pick == "first",
            plausible=definition.plausible,
        )

    def _given(self, name: str) -> Plain | None:
        plain = self._plain(name)
        return plain and replace(plain, path="", computed="")

    def _prepare(self, name: str) -> ValuePlan | None:
        definition = find_definition(self.study, name)
        if definition is None:
            return None
        item = find_item(self.study, definition.from_) or ValueType("any")
        expression = parse(definition.value) if definition.value else None
        unit = definition.unit or (item.unit if expression is None else "")
        return ValuePlan(
            definition,
            item,
            find_unit(unit) or unit,
            _PLAIN.get(item.kind, ()),
            molar_mass_of(self.study, definition),
            expression,
            () if expression is None else tuple(sorted(names_in(expression))),
        )


def _sources(rule: Rule | str) -> Iterator[str]:
    """Every expression of a rule; an empty one where it has none."""
    if isinstance(rule, str):
        yield rule
        return
    yield from (rule.is_, getattr(rule, "when", ""))
    for part in (*rule.all_, *rule.any_, *rule.none_):
        yield from _sources(part)


_PLAIN: Mapping[str, tuple[type, ...]] = {
    "number": (int, float),
    "boolean": (bool,),
    "choice": (str,),
    "text": (str,),
}
_KINDS: Mapping[Kind, PlainKind] = {
    "number": "number",
    "boolean": "boolean",
    "choice": "text",
    "text": "text",
    "date": "day",
    "any": "",
}
_PLANS: dict[int, Plan] = {}


def plan_of(study: Study) -> Plan:
    """The plan of a study, made once; it holds the study, so that no other takes its identity."""
    found = _PLANS.get(id(study))
    if found is None:
        if len(_PLANS) >= MOST_PLANS:
            _PLANS.clear()
        found = _PLANS[id(study)] = Plan(study)
    return found


def items_read(study: Study) -> Mapping[str, frozenset[str]]:
    """The items of each form that the criteria may read, so that nobody derives the others."""
    return plan_of(study).items


def items_attested(study: Study) -> Mapping[str, frozenset[str]]:
    """For each rule that a person may attest, the `form.item` of which the attestation speaks."""
    return plan_of(study).attested

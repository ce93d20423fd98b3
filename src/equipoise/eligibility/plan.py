"""A study's values and rules made ready once, so that each person takes microseconds."""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from equipoise.eligibility.deciding import compile_criterion
from equipoise.eligibility.naming import judgements_of, names_of, node_of, types_of
from equipoise.eligibility.types import find_definition, find_item
from equipoise.language import Names, ValueType, find_unit, names_in, parse
from equipoise.language.compiling import Run, compile_node
from equipoise.language.tree import Node
from equipoise.study.criteria import Judgement, ValueDefinition
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
    run: Run | None
    inputs: tuple[str, ...]


class Plan:
    """The criteria of one study as functions, its values prepared when they are first asked for."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.criteria = [compile_criterion(n, c) for n, c in study.criteria]
        self._values: dict[str, ValuePlan | None] = {}

    def value(self, name: str) -> ValuePlan | None:
        """How a value is read; None if the study has no such value."""
        if name not in self._values:
            self._values[name] = self._prepare(name)
        return self._values[name]

    @cached_property
    def names(self) -> Names:
        """What people call its values, choices, rules and judgements."""
        return names_of(self.study)

    @cached_property
    def types(self) -> Mapping[str, ValueType]:
        """What its values can be."""
        return types_of(self.study)

    @cached_property
    def judgements(self) -> Mapping[str, Judgement]:
        """Its questions, by the id of the rule."""
        return judgements_of(self.study)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Each criterion as one condition of the language."""
        return {name: node_of(name, criterion) for name, criterion in self.study.criteria}

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
            None if expression is None else compile_node(expression.root),
            () if expression is None else tuple(sorted(names_in(expression))),
        )


_PLAIN: Mapping[str, tuple[type, ...]] = {
    "number": (int, float),
    "boolean": (bool,),
    "choice": (str,),
    "text": (str,),
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

"""The rules proposed for a whole list of criteria, and the values that they need."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from equipoise.exchange.criteria.items import RecordCriterion
from equipoise.exchange.criteria.proposals import (
    join_parts,
    propose,
)
from equipoise.exchange.criteria.quantities import BIRTH, Proposal, RuleValue
from equipoise.exchange.criteria.reading import read_join
from equipoise.language import ValueType, check_source, convert
from equipoise.problems import Text, has_errors
from equipoise.study.criteria import ValueDefinition
from equipoise.study.forms import Form, Item, ItemType
from equipoise.study.roles import Role
from equipoise.study.vocabulary import criteria_functions

FORM = "screening"
SEXES = {"female": Text("Female", "Femme"), "male": Text("Male", "Homme")}
_MONTH_ALONE = Text(
    "Month and year alone, so that the person cannot be recognized",
    "Mois et année seulement, pour que la personne ne soit pas reconnaissable",
)
_NAMES = {"reference_date": ValueType("date")}


class Proposals(Struct, frozen=True):
    """The rule of each criterion that has one, by its id, and every value that they name."""

    rules: Mapping[str, Proposal]
    values: Mapping[str, RuleValue]


def propose_rules(criteria: Sequence[RecordCriterion]) -> Proposals:
    """A rule for each criterion whose words state one; one that would not check is not kept."""
    parts: dict[str, list[str]] = {}
    for criterion in criteria:
        parts.setdefault(criterion.parent or "", []).append(criterion.id)
    rules: dict[str, Proposal] = {}
    values: dict[str, RuleValue] = {}
    for criterion in reversed(criteria):  # parts before what they are parts of
        found = _propose(criterion, [rules.get(i) for i in parts.get(criterion.id, ())])
        if found is not None and _fits(found, values):
            rules[criterion.id] = found
            values |= {value.name: values.get(value.name, value) for value in found.values}
    order = [value.name for c in criteria if c.id in rules for value in rules[c.id].values]
    return Proposals(rules, {name: values[name] for name in dict.fromkeys(order)})


def _propose(criterion: RecordCriterion, parts: Sequence[Proposal | None]) -> Proposal | None:
    """The parts joined as the words say; else what the words compare themselves."""
    if not parts:
        return propose(criterion.text, criterion.kind)
    join = read_join(criterion.text)
    whole = [part for part in parts if part is not None and not part.is_partial]
    if join and len(whole) == len(parts) and "lost_item" not in criterion.marks:
        return join_parts(whole, join)
    own = propose(criterion.text, criterion.kind)
    return Proposal(own.expression, own.values, is_partial=True) if own else None


def _fits(proposal: Proposal, values: Mapping[str, RuleValue]) -> bool:
    """Whether a rule checks, and names nothing that another rule uses for something else."""
    for value in proposal.values:
        other = values.get(value.name, value)
        if other.type != value.type or convert(1.0, value.unit, other.unit) is None:
            return False
    names = {value.name: _type_of(value) for value in proposal.values}
    problems = check_source(
        proposal.expression,
        {**_NAMES, **names},
        functions=criteria_functions(),
        result=ValueType("boolean"),
    )
    return not has_errors(problems)


def _type_of(value: RuleValue) -> ValueType:
    if value.type == "sex":
        return ValueType("choice", codes=tuple(SEXES))
    if value.type == "month":
        return ValueType("date")
    return ValueType("number" if value.type == "age" else value.type, value.unit)


def to_definitions(values: Iterable[RuleValue]) -> dict[str, ValueDefinition]:
    """The named values of `eligibility.yaml`: each from its item, age from the month of birth."""
    return {
        v.name: ValueDefinition(value=f"age({BIRTH.name})", unit="years", label=Text(v.label))
        if v.type == "age"
        else ValueDefinition(from_=f"{FORM}.{v.name}", unit=v.unit, label=Text(v.label))
        for v in values
    }


def to_form(values: Sequence[RuleValue]) -> Form:
    """The form where the values are entered; the day of an event is asked where there was one."""
    names = {value.name for value in values if value.type == "boolean"}
    items = {v.name: _item(v, names) for v in values if v.type != "age"}
    return Form(
        form=FORM,
        title=Text("Values that the proposed rules need", "Valeurs requises par les règles"),
        by=(Role.INVESTIGATOR, Role.COORDINATOR),
        items=items,
    )


def _item(value: RuleValue, names: set[str]) -> Item:
    event = value.name.removesuffix("_on")
    kind: ItemType = "choice" if value.type == "sex" else value.type  # type: ignore[assignment]
    return Item(
        label=Text(value.label),
        type=kind,
        help=_MONTH_ALONE if value == BIRTH else None,
        unit=value.unit,
        choices=SEXES if value.type == "sex" else {},
        when=event if value.type == "date" and event in names else "",
    )

"""What a study calls the values and rules of its criteria, and each criterion as one condition."""

from collections.abc import Collection, Iterator

from equipoise.eligibility.deciding import is_waived
from equipoise.eligibility.types import REFERENCE
from equipoise.language import Named, Names, parse, say_node
from equipoise.language.functions import Kind, ValueType
from equipoise.language.tree import Combination, Literal, Name, Node, Not
from equipoise.problems import Language, Text
from equipoise.study.criteria import Criterion, Judgement, Rule
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.study import Study
from equipoise.study.vocabulary import criteria_names

ASKED = "judgement "
"""Before the id of a judgement among the names of values; no value is called so."""

_NOWHERE = (0, 0)
_TODAY = Text("Reference date", "Date de référence")
_GAP = Text("Not in the record", "Absent du registre")
_WAIVED = Text(
    "not in the record; assumed to concern nobody",
    "absent du registre ; supposé ne concerner personne",
)
_APPLIES = Text("if ({0}), then {1}", "si ({0}), alors {1}")
_FUNCTIONS = {
    "bmi": Text("Body mass index", "Indice de masse corporelle"),
    "body_surface": Text("Body surface", "Surface corporelle"),
    "egfr": Text("Estimated filtration rate", "Débit de filtration estimé"),
}


def names_of(study: Study) -> Names:
    """The labels of a study: its values, else the questions of its forms; choices; judgements."""
    types = types_of(study)
    found = {
        path: _named(form, item, kind=types[path].kind)
        for form, item in _items(study)
        for path in (f"{form.form}.{item}",)
    }
    for name, definition in study.eligibility.values.items():
        item = found.get(definition.from_)
        label = definition.label or (item.label if item else Text(name))
        known = item or Named(label)
        found[name] = Named(label, types[name].kind, known.choices, known.form)
    found[REFERENCE] = Named(_TODAY, "date")
    rules: dict[str, Text] = {}
    for name, criterion in study.criteria:
        for rule_id, rule in _rules(name, criterion):
            question = rule.judgement or rule.attest
            asked = question.ask if question else rule.text or _GAP
            if question is not None or rule.gap:
                found[ASKED + rule_id] = Named(asked, "boolean")
                found.setdefault(rule_id, found[ASKED + rule_id])
            if rule.judgement is not None or rule.text:
                rules[rule_id] = rule.text if rule.attest and rule.text else asked
    return Names(found, rules, _FUNCTIONS)


def judgements_of(study: Study) -> dict[str, Judgement]:
    """Every question that a person answers, by the id of its rule."""
    return {
        rule_id: question
        for name, criterion in study.criteria
        for rule_id, question in questions_of(name, criterion).items()
    }


def questions_of(name: str, criterion: Criterion) -> dict[str, Judgement]:
    """The questions of one criterion that a person answers, by the id of their rules."""
    return {
        rule_id: question
        for rule_id, rule in _rules(name, criterion)
        if (question := rule.judgement or rule.attest) is not None
    }


def types_of(study: Study) -> dict[str, ValueType]:
    """What the values, items and judgements of a study can be."""
    return dict(criteria_names(study))


def node_of(name: str, criterion: Criterion, *, attested: Collection[str] = ()) -> Node:
    """A criterion as one condition of the language: a judgement is a name (`ASKED` and its id),
    and so are what the record lacks and the rules that a person attests. True is that the
    criterion is met."""
    is_inclusion = name.startswith("I")
    body = _node(criterion, name, is_inclusion=is_inclusion, attested=attested)
    if not criterion.when:
        return body
    condition = parse(criterion.when).root
    if is_inclusion:
        return Combination("any", (Not(condition, _NOWHERE), body), 1, _NOWHERE)
    return Combination("all", (condition, body), 2, _NOWHERE)


def say_criterion(
    name: str, criterion: Criterion, *, language: Language = "en", names: Names | None = None
) -> str:
    """A criterion in words made from its expressions, not from its text."""
    if is_waived(criterion):
        return _WAIVED.say(language)
    if not criterion.when or name.startswith("E"):
        return say_node(node_of(name, criterion), language=language, names=names)
    said = say_node(_node(criterion, name, is_inclusion=True), language=language, names=names)
    condition = say_node(parse(criterion.when).root, language=language, names=names)
    return _APPLIES.say(language).format(condition, said)


def attestations_of(study: Study) -> dict[str, str]:
    """The expression of every rule that a person may attest, by its id."""
    return {
        rule_id: rule.is_
        for name, criterion in study.criteria
        for rule_id, rule in _rules(name, criterion)
        if rule.attest is not None
    }


def _node(
    rule: Rule | str, name: str, *, is_inclusion: bool, attested: Collection[str] = ()
) -> Node:
    if isinstance(rule, str):
        return parse(rule).root
    name = name or rule.id
    if rule.gap and is_waived(rule):
        return Literal(is_inclusion, "", _NOWHERE)
    if rule.gap or rule.judgement is not None:
        return Name(ASKED + name, _NOWHERE)
    for parts, join in ((rule.all_, "all"), (rule.any_, "any"), (rule.none_, "none")):
        if parts:
            nodes = tuple(
                _node(part, "", is_inclusion=is_inclusion, attested=attested) for part in parts
            )
            least = len(nodes) if join == "all" else 1
            return Combination(join, nodes, least, _NOWHERE)  # type: ignore[arg-type]
    if rule.attest is not None and name in attested:
        return Name(ASKED + name, _NOWHERE)
    return parse(rule.is_).root


def _rules(name: str, rule: Rule) -> Iterator[tuple[str, Rule]]:
    yield name or rule.id, rule
    for part in (*rule.all_, *rule.any_, *rule.none_):
        if isinstance(part, Rule):
            yield from _rules("", part)


def _items(study: Study) -> Iterator[tuple[Form, str]]:
    for form in study.forms.values():
        yield from ((form, name) for name in (*form.items, *form.derive))


def _named(form: Form, name: str, *, kind: Kind) -> Named:
    part: Item | Derivation = form.items.get(name) or form.derive[name]
    choices = part.choices if isinstance(part, Item) else {}
    return Named(part.label, kind, choices, form.title)

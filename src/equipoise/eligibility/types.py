"""What the names of eligibility rules stand for: values of the study and items of its forms."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal

from equipoise.eligibility.functions import functions_at
from equipoise.language import Functions, ValueType, infer_type, parse
from equipoise.problems import Refused
from equipoise.study.criteria import ValueDefinition
from equipoise.study.forms import Form, Item
from equipoise.study.study import Study

REFERENCE = "reference_date"
"""The name under which rules read the reference date."""

FUNCTIONS: Functions = functions_at(dt.date.min)
"""The functions by name and type, for checks: they are not called."""

_Kind = Literal["number", "boolean", "choice", "date", "text"]
_KINDS: Mapping[str, _Kind] = {
    "number": "number",
    "integer": "number",
    "scale": "number",
    "boolean": "boolean",
    "choice": "choice",
    "date": "date",
    "month": "date",
    "text": "text",
}


def find_definition(study: Study, name: str) -> ValueDefinition | None:
    """The definition of a value; an item of a form may be named directly as `form.item`."""
    defined = study.eligibility.values.get(name)
    if defined is None and find_item(study, name) is not None:
        return ValueDefinition(from_=name)
    return defined


def find_item(study: Study, path: str) -> ValueType | None:
    """The type of `form.item`, derived items included, or None if no form has it."""
    form_name, _, item_name = path.partition(".")
    form = study.forms.get(form_name)
    return _type_in(form, item_name) if form is not None else None


def types_of(study: Study) -> Mapping[str, ValueType]:
    """The type of every name that a rule may use; a value in error is of any kind."""
    types = {
        f"{form.form}.{item}": find_item(study, f"{form.form}.{item}") or ValueType("any")
        for form in study.forms.values()
        for item in (*form.items, *form.derive)
    }
    types[REFERENCE] = ValueType("date")
    waiting = dict(study.eligibility.values)
    while waiting:
        typed = {n: t for n, v in waiting.items() if (t := _type_of(v, types)) is not None}
        types |= typed
        if not typed:  # what is left is wrong or circular, and is told as such
            return types | dict.fromkeys(waiting, ValueType("any"))
        waiting = {n: v for n, v in waiting.items() if n not in typed}
    return types


def _type_of(definition: ValueDefinition, types: Mapping[str, ValueType]) -> ValueType | None:
    if definition.from_:
        found = types.get(definition.from_, ValueType("any"))
    else:
        inferred = _infer(definition.value, types)
        if inferred is None:
            return None
        found = inferred
    unit = definition.unit or found.unit
    return ValueType(found.kind, unit, found.codes, definition.plausible)


def _type_in(form: Form, name: str) -> ValueType | None:
    if name in form.items:
        return _type_of_item(form.items[name])
    if name not in form.derive:
        return None
    names = {item: _type_of_item(form.items[item]) for item in form.items}
    inferred = _infer(form.derive[name].value, names)
    kind = "number" if inferred is None else inferred.kind
    return ValueType(kind, form.derive[name].unit)


def _type_of_item(item: Item) -> ValueType:
    return ValueType(_KINDS[item.type], item.unit, tuple(item.choices), item.range)


def _infer(source: str, names: Mapping[str, ValueType]) -> ValueType | None:
    try:
        return infer_type(parse(source), names, functions=FUNCTIONS)
    except Refused:
        return None

"""What the names of eligibility rules stand for: values of the study and items of its forms."""

from equipoise.language import ValueType
from equipoise.study.criteria import ValueDefinition
from equipoise.study.study import Study
from equipoise.study.vocabulary import type_of

REFERENCE = "reference_date"
"""The name under which rules read the reference date."""


def find_definition(study: Study, name: str) -> ValueDefinition | None:
    """The definition of a value; an item of a form may be named directly as `form.item`."""
    defined = study.eligibility.values.get(name)
    if defined is None and find_item(study, name) is not None:
        return ValueDefinition(from_=name)
    return defined


def find_item(study: Study, path: str) -> ValueType | None:
    """The type of `form.item`, derived items included, or None if no form has it."""
    form_name, _, name = path.partition(".")
    form = study.forms.get(form_name)
    part = None if form is None else form.items.get(name) or form.derive.get(name)
    return None if part is None else type_of(part)

"""Checks of the forms: their place in the schedule, their items, ranges and choices."""

from collections import Counter
from collections.abc import Iterator

from equipoise.problems import Problem, problem
from equipoise.study.check.places import Places, check_known, check_order, file_of
from equipoise.study.forms import Form, Item


def check_forms(places: Places) -> Iterator[Problem]:
    """Check each form alone and against the schedule and the roles."""
    for form in places.study.forms.values():
        yield from _check_place(places, form)
        yield from _check_names(places, form)
        for name, item in form.items.items():
            if not item.area:
                yield from _check_item(places, form, name=name, item=item)


def _check_place(places: Places, form: Form) -> Iterator[Problem]:
    study, file = places.study, file_of(form)
    for index, encounter in enumerate(form.at):
        where = places.at(file, "at", index)
        yield from check_known(encounter, study.schedule.encounters, kind="encounter", where=where)
    if not form.at and not form.repeats and form.records != "end":
        yield problem("EQ-S030", places.at(file), form=form.form)
    for index, role in enumerate(form.by):
        where = places.at(file, "by", index)
        yield from check_known(role, study.identity.roles or (role,), kind="role", where=where)
    if not form.items:
        yield problem("EQ-S031", places.at(file), form=form.form)
    if bool(form.areas) != (form.area_item is not None):
        yield problem("EQ-S032", places.at(file, "areas"))
    elif form.area_item is not None:
        where = places.at(file, "area_item", "range")
        yield from check_order(*form.area_item.range, where=where)


def _check_names(places: Places, form: Form) -> Iterator[Problem]:
    file = file_of(form)
    own = [n for n, i in form.items.items() if not i.area]
    named = Counter([*own, *form.derive, *(n for a in form.areas for n, _ in a.sides)])
    for name, count in named.items():
        if count > 1:
            section = "derive" if name in form.derive else "items"
            yield problem("EQ-S033", places.at(file, section, name), name=name)
    ids = [c.id for c in form.checks]
    for index, check in enumerate(form.checks):
        if check.id in ids[:index]:
            yield problem("EQ-S033", places.at(file, "checks", index, "id"), name=check.id)


def _check_item(places: Places, form: Form, *, name: str, item: Item) -> Iterator[Problem]:
    file = file_of(form)
    where = places.at(file, "items", name)
    if (item.type == "choice") != bool(item.choices):
        yield problem("EQ-S034", where, item=name, type=item.type)
    if item.type == "scale" and item.range is None:
        yield problem("EQ-S035", where, item=name)
    for key, span in (("range", item.range), ("usual", item.usual)):
        if span is not None:
            yield from check_order(*span, where=places.at(file, "items", name, key))
            if item.type not in ("number", "integer", "scale"):
                at = places.at(file, "items", name, key)
                yield problem("EQ-S036", at, item=name, key=key, type=item.type)
    if item.range and item.usual and not _holds(item.range, item.usual):
        at = places.at(file, "items", name, "usual")
        low, high = item.range
        yield problem("EQ-S037", at, item=name, low=f"{low:g}", high=f"{high:g}")


def _holds(outer: tuple[float, float], inner: tuple[float, float]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]

"""A form on its way: what was typed, what follows from it, and what stands against it."""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.capture import Others, derive_items, find_warnings, is_asked, to_own_units
from equipoise.conduct import Participant, latest_values
from equipoise.conduct.parts import Value
from equipoise.conduct.state import FormRecord
from equipoise.problems import Problem, problem
from equipoise.study.forms import Derivation, EditCheck, Form, Item, Side
from equipoise.study.study import Study
from equipoise.web.entry.body import BodyMap, draw_body
from equipoise.web.entry.fields import Field, fill_field, problems_of, read_field
from equipoise.web.texts import WORDS

ON = ".on"
"""The field for the day of the form itself. No item of a study can be called so."""


class Row(Struct, frozen=True):
    """An area of a map and the fields of its sides, right before left."""

    label: object
    fields: tuple[tuple[Side, Field], ...]


class Sheet(Struct, frozen=True):
    """A form with its fields. `others` are the participant's values of all forms."""

    form: Form
    on: Field
    fields: Mapping[str, Field]
    others: Others
    problems: tuple[Problem, ...] = ()

    @property
    def values(self) -> Mapping[str, Value]:
        """What would be recorded: shown items alone, in their own units, not done as nothing."""
        return to_own_units(self.form, values=self.typed, units=self.units)

    @property
    def typed(self) -> Mapping[str, Value]:
        """The values of the shown items as they were typed."""
        return {n: f.value for n, f in self.fields.items() if f.is_shown}

    @property
    def units(self) -> Mapping[str, str]:
        """The units that were chosen for them."""
        return {n: f.unit for n, f in self.fields.items() if f.is_shown and f.unit}

    @property
    def not_done(self) -> Mapping[str, str]:
        """The reasons of the items that were not done."""
        return {n: f.not_done for n, f in self.fields.items() if f.is_shown and f.is_not_done}

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Those of the fields in their order, then those of the form as a whole."""
        shown = (f for f in self.fields.values() if f.is_shown)
        return (*problems_of((self.on, *shown)), *self.problems)

    @property
    def derived(self) -> tuple[tuple[Derivation, Value], ...]:
        """What follows from the values."""
        held = derive_items(self.form, values=self.values, others=self.others)
        return tuple((d, held.get(name)) for name, d in self.form.derive.items())

    @property
    def warnings(self) -> tuple[EditCheck, ...]:
        """The edit checks that speak."""
        return tuple(find_warnings(self.form, values=self.values, others=self.others))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The areas of a map."""
        return tuple(
            Row(a.label, tuple((side, self.fields[name]) for name, side in a.sides))
            for a in self.form.areas
        )

    @property
    def single(self) -> tuple[Field, ...]:
        """The fields that belong to no area."""
        mapped = {name for a in self.form.areas for name, _ in a.sides}
        return tuple(f for name, f in self.fields.items() if name not in mapped)

    @property
    def body(self) -> BodyMap | None:
        """The drawing, where the form has one."""
        if self.form.map != "body" or self.form.area_item is None:
            return None
        top = int(self.form.area_item.range[1])
        return draw_body(self.form.areas, values=self.values, top=top)

    @property
    def address_of(self) -> Mapping[str, str]:
        """Where in the page each field stands, by its name."""
        return {f.name: f.id for f in (self.on, *self.fields.values())}


def open_sheet(study: Study, subject: Participant, form: Form, *, encounter: str) -> Sheet:
    """An empty form."""
    fields = {name: Field(name, item) for name, item in form.items.items()}
    others = latest_values(study, subject, encounter=encounter)
    return _skip(Sheet(form, Field(ON, _on(form)), fields, others))


def read_sheet(
    study: Study, subject: Participant, form: Form, *, encounter: str, data: Mapping[str, str]
) -> Sheet:
    """A form as a page sent it. Hidden items are dropped: nobody sees what they hold."""
    fields = {name: read_field(name, item, data) for name, item in form.items.items()}
    on = read_field(ON, _on(form), data)
    others = latest_values(study, subject, encounter=encounter)
    return _skip(Sheet(form, on, fields, others))


def fill_sheet(study: Study, subject: Participant, record: FormRecord) -> Sheet:
    """A form as it stands in the record."""
    form = study.forms[record.form]
    fields = {
        name: fill_field(
            name, item, record.values.get(name), not_done=record.not_done.get(name, "")
        )
        for name, item in form.items.items()
    }
    on = fill_field(ON, _on(form), record.on.isoformat())
    others = latest_values(study, subject, encounter=record.encounter, before=record)
    return _skip(Sheet(form, on, fields, others))


def with_problems(sheet: Sheet, found: Iterable[Problem]) -> Sheet:
    """Put each problem at the field it speaks of; the others belong to the whole form."""
    fields = dict(sheet.fields)
    rest = []
    for one in found:
        _, _, name = one.where.record.rpartition(".")
        if name in fields:
            # A field that could not be read is empty to the act: it has said what is wrong.
            if not fields[name].problems:
                fields[name] = replace(fields[name], problems=(replace_place(one, name),))
        else:
            rest.append(one)
    return replace(sheet, fields=fields, problems=(*sheet.problems, *rest))


def require_day(sheet: Sheet) -> Sheet:
    """A form says on which day it was filled in."""
    if not sheet.on.is_empty or sheet.on.problems:
        return sheet
    missing = problem("EQ-W001", ON, label=sheet.on.item.label)
    return replace(sheet, on=replace(sheet.on, problems=(missing,)))


def replace_place(found: Problem, name: str) -> Problem:
    """The same problem, at a field of the page."""
    return replace(found, where=replace(found.where, record=name))


def _on(form: Form) -> Item:
    """The day of a form: of a consent it is the day of the signature."""
    kind = "on_consent" if form.records == "consent" else "on_label" if form.at else "on_log"
    return Item(label=WORDS["form"][kind], type="date")


def _skip(sheet: Sheet) -> Sheet:
    """Show the items that are asked for, now that these are the answers."""
    typed = {name: f.value for name, f in sheet.fields.items()}
    units = {name: f.unit for name, f in sheet.fields.items() if f.unit}
    values = dict(to_own_units(sheet.form, values=typed, units=units))
    fields = {}
    for name, field in sheet.fields.items():
        asked = is_asked(sheet.form, name, values=values, others=sheet.others)
        is_shown = not _is_waiting(field, values) if asked is None else asked
        if not is_shown:
            values[name] = None  # what is hidden answers no other question either
        fields[name] = replace(field, is_shown=is_shown)
    return replace(sheet, fields=fields)


def _is_waiting(field: Field, values: Mapping[str, Value]) -> bool:
    """Whether an answer of this form, still missing, decides if the item is asked."""
    names = re.findall(r"(?<![\w.])[A-Za-z]\w*(?![\w.])", field.item.when)
    return any(name in values and values[name] is None for name in names)

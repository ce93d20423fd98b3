"""A form of the study: entered, read with its history, and corrected with a reason."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from msgspec import Struct
from msgspec.structs import replace

from equipoise.capture import check_entry
from equipoise.conduct import Participant, correct_item, submit_form
from equipoise.conduct.state import Correction, FormRecord
from equipoise.conduct.tasks import check_task
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.forms import Form, Item
from equipoise.web.entry.asking import date_of
from equipoise.web.entry.fields import Field, fill_field, read_field
from equipoise.web.entry.sheet import (
    ON,
    Sheet,
    fill_sheet,
    open_sheet,
    read_sheet,
    require_day,
    with_problems,
)
from equipoise.web.pages import Visit, page, role_name
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.participant import NO_ENCOUNTER, WRITERS, may_enter, may_read
from equipoise.web.views.participants import READERS


class Place(Struct, frozen=True):
    """Which form, of whom, at which encounter."""

    subject: Participant
    encounter: str
    form: Form
    repeat: int

    @property
    def record(self) -> FormRecord | None:
        """What was entered there."""
        return self.subject.forms.get((self.encounter, self.form.form, self.repeat))

    @property
    def parts(self) -> dict[str, Any]:
        """The parts of its address."""
        return {
            "code": self.subject.code,
            "encounter": self.encounter or NO_ENCOUNTER,
            "form": self.form.form,
            "repeat": self.repeat,
        }


class Both(Struct, frozen=True):
    """An item as it stands in the record, and as somebody typed it who was second."""

    stands: Field
    typed: Field
    is_same: bool


@page(roles=READERS, methods=("GET", "POST"))
def form(visit: Visit, **parts: Any) -> HttpResponse:
    """A form: its record, or the empty form for those who enter it."""
    place = _find(visit, **parts)
    if place.record is not None and not visit.is_posted:
        return _show_record(visit, place, place.record)
    lacks = check_task(visit.study, visit.person, "submit_form", form=place.form.form)
    if lacks:
        raise Refused(lacks)
    if not may_enter(visit, place.form):
        roles = visit.role_names(place.form.by)
        role = role_name(visit.study, visit.person.role)
        values = {"form": place.form.title, "roles": roles, "role": role}
        raise Refused([problem("EQ-C033", place.subject.code, **values)])
    if not visit.is_posted:
        return _show_sheet(visit, place, _empty(visit, place))
    return _submit(visit, place)


@page(roles=WRITERS, methods=("POST",))
def live(visit: Visit, **parts: Any) -> HttpResponse:
    """What follows from the answers so far: derived values, warnings, items that come or go."""
    place = _find(visit, **parts)
    data = visit.request.POST
    sheet = _read(visit, place)
    before = set(data.getlist("shown"))
    moved = [f for f in sheet.single if f.item.when and f.is_shown != (f.name in before)]
    return visit.show("live.html", sheet=sheet, moved=moved)


@page(roles=READERS)
def new_entry(visit: Visit, code: str, form: str) -> HttpResponseRedirect:
    """The next entry of a log."""
    subject = visit.participant(code)
    definition = _find_form(visit, code, form)
    repeat = _next_repeat(subject, definition)
    return visit.go("form", code=code, encounter=NO_ENCOUNTER, form=form, repeat=repeat)


@page(roles=WRITERS, methods=("GET", "POST"))
def correct(visit: Visit, item: str, **parts: Any) -> HttpResponse:
    """Replace one value, with a reason; somebody else's change in between is shown, not lost."""
    place = _find(visit, **parts)
    record = place.record
    if record is None:
        raise Refused([problem("EQ-C037", place.subject.code, form=place.form.title)])
    if lacks := check_task(visit.study, visit.person, "correct_item", form=place.form.form):
        raise Refused(lacks)
    if item not in place.form.items:
        raise Refused([problem("EQ-C032", item, item=item, form=place.form.title)])
    definition = place.form.items[item]
    if not visit.is_posted:
        omitted = record.not_done.get(item, "")
        value, unit = record.as_entered.get(item, (record.values.get(item), ""))
        now = fill_field(item, definition, value, not_done=omitted, unit=unit)
        return _show_correction(visit, place, now)
    field = read_field(item, definition, visit.request.POST)
    if "typed" in visit.request.POST:  # on another page, beside what stands
        return _show_correction(visit, place, field)
    return _correct(visit, place, field)


def _submit(visit: Visit, place: Place) -> HttpResponse:
    sheet = require_day(_read(visit, place))
    if place.record is not None:
        return _show_both(visit, place, sheet)
    if sheet.on.value is None or sheet.all_problems:
        return _show_sheet(visit, place, _judge(place, sheet), status=422)
    try:
        submit_form(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            participant=place.subject.code,
            encounter=place.encounter,
            form=place.form.form,
            repeat=place.repeat,
            on=date_of({ON: sheet.on.value}, ON),
            values=sheet.typed,
            not_done=sheet.not_done,
            units=sheet.units,
        )
    except Refused as refused:
        now = visit.trial.state.participants[place.subject.code]
        if (place := replace(place, subject=now)).record is not None:
            return _show_both(visit, place, sheet)
        again = with_problems(sheet, refused.problems)
        return _show_sheet(visit, place, again, status=status_of(refused.problems))
    done = t("form.done", form=say(place.form.title))
    if sheet.warnings:  # what the edit checks say is on the page of the record
        return visit.go("form", done=done, **place.parts)
    return visit.go("participant", done=done, code=place.subject.code)


def _empty(visit: Visit, place: Place) -> Sheet:
    return open_sheet(visit.study, place.subject, place.form, encounter=place.encounter)


def _read(visit: Visit, place: Place) -> Sheet:
    data = visit.request.POST
    return read_sheet(visit.study, place.subject, place.form, encounter=place.encounter, data=data)


def _judge(place: Place, sheet: Sheet) -> Sheet:
    """Say everything at once: what cannot be read, and what the form itself refuses."""
    where = Where(record=place.form.form)
    found = check_entry(
        place.form, values=sheet.values, not_done=sheet.not_done, others=sheet.others, where=where
    )
    return with_problems(sheet, found)


def _correct(visit: Visit, place: Place, field: Field) -> HttpResponse:
    data = visit.request.POST
    reason = data.get(".reason", "").replace("\x00", "").strip()
    seen = data.get("seen", "")[:9]
    if field.problems:
        return _show_correction(
            visit, place, field, reason=reason, seen=seen, problems=field.problems, status=422
        )
    try:
        correct_item(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            reason=reason,
            participant=place.subject.code,
            encounter=place.encounter,
            form=place.form.form,
            repeat=place.repeat,
            item=field.name,
            value=field.value,
            not_done=field.not_done if field.is_not_done else "",
            unit=field.unit,
            seen=int(seen) if seen.isdecimal() else 0,
        )
    except Refused as refused:
        found = refused.problems
        return _show_correction(
            visit, place, field, reason=reason, problems=found, status=status_of(found)
        )
    done = t("correct.done", item=say(field.item.label))
    return visit.go("form", done=done, **place.parts)


def _show_sheet(visit: Visit, place: Place, sheet: Sheet, *, status: int = 200) -> HttpResponse:
    return visit.show("form.html", status=status, place=place, sheet=sheet, **_about(visit, place))


def _show_both(visit: Visit, place: Place, sheet: Sheet) -> HttpResponse:
    """Somebody else was first: what stands beside what was typed, of which nothing is lost.

    In a log both count: what was typed becomes the next entry.
    """
    record = place.record
    assert record is not None
    if place.form.repeats:
        other = replace(place, repeat=_next_repeat(place.subject, place.form))
        told = problem("EQ-W110", place.subject.code, n=place.repeat, next=other.repeat)
        return _show_sheet(visit, other, with_problems(sheet, [told]), status=status_of([told]))
    stands = fill_sheet(visit.study, place.subject, record)
    lines = [
        Both(stands.fields[name], typed, _is_same(record, sheet, typed))
        for name, typed in sheet.fields.items()
        if typed.is_shown or stands.fields[name].is_shown
    ]
    on = Both(stands.on, sheet.on, stands.on.value == sheet.on.value)
    told = problem("EQ-C030", place.subject.code, form=place.form.title)
    return visit.show(
        "both.html",
        status=status_of([told]),
        place=place,
        record=record,
        on=on,
        lines=lines,
        problems=(told,),
        **_about(visit, place),
    )


def _is_same(record: FormRecord, sheet: Sheet, typed: Field) -> bool:
    omitted = typed.not_done if typed.is_not_done else ""
    is_same = record.values.get(typed.name) == sheet.values.get(typed.name)
    return is_same and record.not_done.get(typed.name, "") == omitted and not typed.problems


def _show_record(visit: Visit, place: Place, record: FormRecord) -> HttpResponse:
    sheet = fill_sheet(visit.study, place.subject, record)
    says = {c.id: c.say for c in place.form.checks}
    return visit.show(
        "record.html",
        place=place,
        record=record,
        sheet=sheet,
        history=_history(record),
        warned=[says[w] for w in record.warnings if w in says],
        may_correct=may_enter(visit, place.form),
        **_about(visit, place),
    )


def _show_correction(
    visit: Visit,
    place: Place,
    field: Field,
    *,
    reason: str = "",
    seen: str = "",
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> HttpResponse:
    record = place.record
    assert record is not None
    stands = record.values.get(field.name)
    is_conflict = any(p.code == "EQ-C042" for p in problems)
    item_help = Item(
        label=text_of("correct.reason"), type="text", help=text_of("common.reason_help")
    )
    return visit.show(
        "correct.html",
        status=status,
        place=place,
        field=field if is_conflict or not problems else replace(field, problems=tuple(problems)),
        record=record,
        stands=stands,
        is_conflict=is_conflict,
        # After a conflict the page has seen what stands now.
        seen=seen or record.version,
        reason=reason,
        reason_item=item_help,
        problems=problems,
        **_about(visit, place),
    )


def _history(record: FormRecord) -> dict[str, list[Correction]]:
    """The corrections of each item, the last one first."""
    found: dict[str, list[Correction]] = {}
    for correction in reversed(record.corrections):
        found.setdefault(correction.item, []).append(correction)
    return found


def _about(visit: Visit, place: Place) -> dict[str, Any]:
    encounters = visit.study.schedule.encounters
    label = encounters[place.encounter].label if place.encounter in encounters else None
    return {
        "encounter_label": label,
        "site": visit.study.identity.sites.get(place.subject.site),
        "address": reverse("form", kwargs=place.parts),
    }


def _find(visit: Visit, *, code: str, encounter: str, form: str, repeat: int) -> Place:
    subject = visit.participant(code)
    name = "" if encounter == NO_ENCOUNTER else encounter
    definition = _find_form(visit, code, form)
    if (name not in definition.at) if name else bool(definition.at and not definition.repeats):
        raise Refused([problem("EQ-C038", code, form=definition.title)])
    place = Place(subject, name, definition, repeat)
    if place.record is None and repeat != _next_repeat(subject, definition):
        raise Refused([problem("EQ-W021")])
    return place


def _find_form(visit: Visit, code: str, form: str) -> Form:
    """A form that the person may read; how often one was entered is told to nobody else."""
    if form not in visit.study.forms:
        raise Refused([problem("EQ-C031", code, form=form)])
    definition = visit.study.forms[form]
    if not may_read(visit, definition):
        raise Refused([problem("EQ-W020", role=role_name(visit.study, visit.person.role))])
    return definition


def _next_repeat(subject: Participant, form: Form) -> int:
    """The number of the next entry: a log counts from 1, any other form has 0 alone."""
    taken = (repeat for _, name, repeat in subject.forms if name == form.form)
    return max(taken, default=0) + 1 if form.repeats else 0

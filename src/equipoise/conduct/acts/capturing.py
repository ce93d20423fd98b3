"""Entering and correcting the data of forms."""

import datetime as dt
from collections.abc import Mapping

from equipoise.capture import (
    check_entry,
    find_warnings,
    read_units,
)
from equipoise.conduct import events as e
from equipoise.conduct.acts.randomizing import with_reassessment
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import adverse_records, comes_later, expects, latest_values
from equipoise.conduct.parts import Value
from equipoise.conduct.rules import (
    check_consented,
    check_in_trial,
    check_not_future,
    check_open,
    check_reason,
    check_since_opening,
)
from equipoise.conduct.state import FormRecord, Participant
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.safety import read_adverse_event
from equipoise.study.forms import Form, Item, ItemValue
from equipoise.study.roles import Role

SITE_ROLES = (Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR)


@act(*SITE_ROLES)
def submit_form(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    form: str,
    repeat: int = 0,
    on: dt.date,
    values: Mapping[str, Value],
    not_done: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Events:
    """Enter a form. Edit checks that speak are recorded beside the values they speak of.

    `units` are those in which numbers were entered, where they are not the items' own.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter, form)
    definition = find_form(view, form, where=where)
    omitted = not_done or {}
    read = read_units(definition, values=values, units=units or {}, where=where)
    others = latest_values(view.study, subject, encounter=encounter)
    problems = [
        *_check_may_write(view, subject, definition, where=where),
        *_check_place(view, subject, definition, encounter=encounter, where=where),
        *check_not_future(on, at=at, where=where),
        *read.problems,
        *check_entry(definition, values=read.values, not_done=omitted, others=others, where=where),
    ]
    if (encounter, form, repeat) in subject.forms:
        problems.append(problem("EQ-C030", where, form=definition.title))
    problems += _check_day(view, subject, definition, on=on, where=where)
    refuse_if(problems)
    warnings = find_warnings(definition, values=read.values, others=others)
    submitted = e.FormSubmitted(
        participant=participant,
        encounter=encounter,
        form=form,
        repeat=repeat,
        on=on,
        values=read.values,
        not_done=omitted,
        warnings=tuple(w.id for w in warnings),
        as_entered=read.entered,
    )
    if definition.records == "consent":
        version = str(values.get("version") or "")
        return [e.ConsentSigned(participant=participant, version=version, on=on), submitted]
    return with_reassessment(view, submitted, at=at, reason=reason)


@act(*SITE_ROLES)
def correct_item(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    form: str,
    repeat: int = 0,
    item: str,
    value: Value,
    not_done: str = "",
    unit: str = "",
    seen: int,
) -> Events:
    """Replace one value, with a reason; `seen` is the version of the form that the person saw.

    Data are cleaned until the lock, also those of a participant who has left.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter, f"{form}.{item}")
    definition = find_form(view, form, where=where)
    record = find_record(subject, encounter=encounter, form=form, repeat=repeat, where=where)
    if item not in definition.items:
        refuse_if([problem("EQ-C032", where, item=item, form=definition.title)])
    units, place = {item: unit} if unit else {}, at_record(participant, encounter, form)
    read = read_units(definition, values={item: value}, units=units, where=place)
    values = {**record.values, **read.values}
    omitted = {k: v for k, v in {**record.not_done, item: not_done}.items() if v}
    others = latest_values(view.study, subject, encounter=encounter, before=record)
    problems = [
        *check_reason(reason, act="correct_item", where=where),
        *_check_role(view, definition, where=where),
        *check_open(view.state),
        *_check_seen(record, item, asked=definition.items[item], seen=seen, where=where),
        *read.problems,
        *check_entry(definition, values=values, not_done=omitted, others=others, where=where),
    ]
    if record.values.get(item) == values[item] and record.not_done.get(item, "") == not_done:
        problems.append(problem("EQ-C034", where, item=definition.items[item].label))
    refuse_if(problems)
    corrected = e.ItemCorrected(
        participant=participant,
        encounter=encounter,
        form=form,
        repeat=repeat,
        item=item,
        value=values[item],
        not_done=not_done,
        as_entered=read.entered.get(item),
    )
    return with_reassessment(view, corrected, at=at, reason=reason)


@act(Role.SAFETY_OFFICER)
def receive_adverse_event(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, repeat: int
) -> Events:
    """The sponsor confirms that the report of an adverse event has arrived."""
    subject = view.participant(participant)
    plan = view.study.safety
    where = at_record(participant, plan.form if plan else "", str(repeat))
    refuse_if(check_open(view.state))
    record = next((r for r in adverse_records(view.study, subject) if r.repeat == repeat), None)
    if record is None or plan is None:
        raise Refused([problem("EQ-C043", where)])
    event = read_adverse_event(plan, record)
    if event.report_by is None:
        refuse_if([problem("EQ-C044", where, term=event.term)])
    if event.reported_at is not None:
        refuse_if([problem("EQ-C045", where, term=event.term)])
    return [e.AdverseEventReceived(participant=participant, repeat=repeat)]


@act(*SITE_ROLES)
def miss_encounter(
    view: View, *, by: str, at: dt.datetime, reason: str = "", participant: str, encounter: str
) -> Events:
    """Record that a planned encounter did not take place, and why."""
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    problems = [
        *check_in_trial(view.state, subject),
        *check_reason(reason, act="miss_encounter", where=where),
    ]
    if encounter not in view.study.schedule.encounters:
        problems.append(problem("EQ-C035", where, encounter=encounter))
    elif expects(view.study, subject, encounter).is_expected is False:
        problems.append(problem("EQ-C095", where, what=encounter))
    if encounter in subject.missed or any(k[0] == encounter for k in subject.forms):
        problems.append(problem("EQ-C036", where, encounter=encounter))
    refuse_if(problems)
    return [e.EncounterMissed(participant=participant, encounter=encounter)]


def find_form(view: View, form: str, *, where: Where) -> Form:
    """The definition of a form.

    Raises:
        Refused: the study has no such form.
    """
    if form not in view.study.forms:
        refuse_if([problem("EQ-C031", where, form=form)])
    return view.study.forms[form]


def find_record(
    subject: Participant, *, encounter: str, form: str, repeat: int, where: Where
) -> FormRecord:
    """What was entered for a form.

    Raises:
        Refused: nothing was.
    """
    record = subject.forms.get((encounter, form, repeat))
    if record is None:
        refuse_if([problem("EQ-C037", where, form=form)])
    assert record is not None
    return record


def _check_may_write(
    view: View, subject: Participant, form: Form, *, where: Where
) -> tuple[Problem, ...]:
    """The role may write this form, and the participant's data may still grow."""
    problems = _check_role(view, form, where=where)
    if form.records == "end" or form.repeats:
        return problems + check_open(view.state)
    return problems + check_in_trial(view.state, subject)


def _check_role(view: View, form: Form, *, where: Where) -> tuple[Problem, ...]:
    role = view.person.role
    if role in form.by:
        return ()
    roles = ", ".join(form.by)
    return (problem("EQ-C033", where, form=form.title, roles=roles, role=role),)


def _check_place(
    view: View, subject: Participant, form: Form, *, encounter: str, where: Where
) -> tuple[Problem, ...]:
    """The form belongs to this encounter and is expected there; the participant has come so far."""
    if expects(view.study, subject, encounter, form=form).is_expected is False:
        return (problem("EQ-C095", where, what=form.title),)
    if form.repeats or not form.at:
        return () if encounter == "" else (problem("EQ-C038", where, form=form.title),)
    if encounter not in form.at:
        return (problem("EQ-C038", where, form=form.title),)
    if encounter in subject.missed:
        return (problem("EQ-C036", where, encounter=encounter),)
    if comes_later(view.study, encounter) and not subject.is_randomized:
        return (problem("EQ-C039", where, encounter=encounter),)
    return ()


def _check_day(
    view: View, subject: Participant, form: Form, *, on: dt.date, where: Where
) -> tuple[Problem, ...]:
    """Consent was not before the site took part, and all else not before consent."""
    if form.records == "consent":
        return check_since_opening(view.state, subject.site, on=on, where=where)
    return check_consented(subject, on=on, where=where)


def _check_seen(
    record: FormRecord, item: str, *, asked: Item, seen: int, where: Where
) -> tuple[Problem, ...]:
    """Nobody corrects a value that they have not seen."""
    if seen == record.version:
        return ()
    last = record.corrections[-1].stamp.by if record.corrections else record.stamp.by
    now = ItemValue(asked, record.values.get(item))
    return (problem("EQ-C042", where, by=last, value=now),)

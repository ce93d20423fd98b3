"""What happens beside the schedule: adverse events; leaving, the last form, the signature."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Literal

from equipoise.capture import Value
from equipoise.conduct import (
    adverse_records,
    complete_participant,
    digest_of,
    last_expected,
    miss_encounter,
    receive_adverse_event,
    sign_casebook,
    withdraw_participant,
)
from equipoise.rehearsal.agenda import Course, at_hour, working_day
from equipoise.rehearsal.drawing import DAYS_A_MONTH, pick, to_item_value
from equipoise.rehearsal.world import VirtualParticipant
from equipoise.safety import AdverseEvent, read_adverse_event
from equipoise.study.forms import Form
from equipoise.study.protocol import SafetyPlan
from equipoise.study.roles import Role
from equipoise.study.scenario import EventDraw

Cause = Literal["completed", "withdrew", "died"]
REASONS: Mapping[Cause, tuple[str, ...]] = {
    "withdrew": (
        "Withdrew consent: the journeys are too long",
        "Withdrew consent: wants another treatment",
        "Withdrew consent, no reason given",
        "Moved away",
    ),
    "died": ("Death",),
}
_WORDS: Mapping[Cause, tuple[str, ...]] = {
    "completed": ("completed", "complete"),
    "withdrew": ("withdrew", "withdrawn", "withdrawal"),
    "died": ("died", "death", "dead"),
}
MEANING = "I have reviewed these data; they are complete and correct"
SIGNS_AFTER = dt.timedelta(days=28)
"""By then everything that happened before the end has been reported and corrected."""
SPONSOR_TAKES = dt.timedelta(hours=26)
"""The longest that a serious event waits for the sponsor: now and then the limit is missed."""
_FOREVER_DAYS = 36500


def may_withdraw(person: VirtualParticipant) -> Course:
    """Waits for the day on which this person gives up, at a constant rate."""
    chance = person.world.study.scenario.withdrawal_per_month
    if chance <= 0:
        return
    patience = float(person.randomness.of("withdrawal").generator().standard_exponential())
    days = 0.0 if chance >= 1 else patience / -math.log1p(-chance) * DAYS_A_MONTH
    if days > _FOREVER_DAYS:
        return
    yield at_hour(working_day(person.today + dt.timedelta(days=int(days))), 9.5)
    if person.record.is_in_trial:
        withdraw(person, "withdrew")


def withdraw(person: VirtualParticipant, cause: Cause) -> None:
    """The person leaves early, and why."""
    reasons = REASONS[cause]
    reason = reasons[int(len(reasons) * person.luck("why", cause))]
    person.do(withdraw_participant, role=Role.INVESTIGATOR, reason=reason, on=person.today)
    _submit_end(person, cause)
    person.world.agenda.add(_sign(person))


def complete(person: VirtualParticipant) -> None:
    """The person has come to the end of the schedule."""
    _submit_end(person, "completed")
    record = person.record
    last = last_expected(person.world.study, record)
    if last not in record.missed and all(key[0] != last for key in record.forms):
        person.do(miss_encounter, encounter=last, reason="No form is planned at this encounter")
    person.do(complete_participant, role=Role.INVESTIGATOR, on=person.today)
    person.world.agenda.add(_sign(person))


def _submit_end(person: VirtualParticipant, cause: Cause) -> None:
    for form in person.world.study.forms.values():
        if form.records == "end":
            encounter = form.at[-1] if form.at else ""
            if encounter not in person.record.missed:
                person.submit(form, encounter, given=_cause_answers(form, cause))


def _cause_answers(form: Form, cause: Cause) -> dict[str, Value]:
    """The choices of an end-of-study form that name the cause, by their usual keys."""
    named = {
        name: next((c for c in item.choices if c in _WORDS[cause]), None)
        for name, item in form.items.items()
    }
    return {name: choice for name, choice in named.items() if choice is not None}


def _sign(person: VirtualParticipant) -> Course:
    yield at_hour(working_day(person.today + SIGNS_AFTER), 8 * person.luck("signature"))
    digest = digest_of(person.world.study, person.record)
    person.do(sign_casebook, role=Role.INVESTIGATOR, meaning=MEANING, digest=digest)


def start_events(person: VirtualParticipant) -> None:
    """From now on, what comes without an infusion may come."""
    for event in person.world.study.scenario.events:
        if event.per_month > 0:
            person.world.agenda.add(_recur(person, event))


def start_infusion_events(person: VirtualParticipant, *, product: str, encounter: str) -> None:
    """What an infusion of this product brings on, today or tomorrow."""
    for event in person.world.study.scenario.events:
        name = f"{event.term.en}/{encounter}"
        if person.luck("reaction", name) < event.after_infusion.get(product, 0.0):
            onset_on = person.today + dt.timedelta(days=int(person.luck("onset", name) < 0.2))
            person.world.agenda.add(_report(person, event, onset_on=onset_on))


def _recur(person: VirtualParticipant, event: EventDraw) -> Course:
    generator = person.randomness.of("event", event.term.en).generator()
    began_on, days = person.today, 0.0
    while True:
        days += float(generator.exponential(DAYS_A_MONTH / event.per_month))
        onset_on = began_on + dt.timedelta(days=int(days))
        yield at_hour(onset_on, 9.9)
        if not person.record.is_in_trial:
            return
        yield from _report(person, event, onset_on=onset_on)


def _report(person: VirtualParticipant, event: EventDraw, *, onset_on: dt.date) -> Course:
    """The investigator hears of it within days and fills in the form."""
    plan = person.world.study.safety
    if plan is None:
        return
    name = _name(person, event, onset_on=onset_on)
    delay = 1 + int(3 * person.luck("report", name))
    reported_on = working_day(onset_on + dt.timedelta(days=delay))
    yield at_hour(reported_on, 5 + 4 * person.luck("report hour", name))
    form = person.world.study.forms[plan.form]
    repeat = 1 + max((k[2] for k in person.record.forms if k[1] == form.form), default=0)
    given = _answers(person, event, form=form, plan=plan, onset_on=onset_on)
    if not person.submit(form, "", repeat=repeat, given=given):
        return
    entered = _entered(person, plan, repeat=repeat)
    if entered.report_by is not None:
        person.world.agenda.add(_receive(person, repeat))
    if person.record.is_in_trial and entered.is_fatal:
        withdraw(person, "died")


def _receive(person: VirtualParticipant, repeat: int) -> Course:
    """The sponsor is on duty at all hours, and answers a little before or after the limit."""
    yield person.world.agenda.now + SPONSOR_TAKES * person.luck("receipt", str(repeat))
    person.world.do(
        receive_adverse_event,
        by=Role.SAFETY_OFFICER.value,
        participant=person.code,
        repeat=repeat,
    )


def _answers(
    person: VirtualParticipant,
    event: EventDraw,
    *,
    form: Form,
    plan: SafetyPlan,
    onset_on: dt.date,
) -> dict[str, Value]:
    """What the event fixes; signs of seriousness that it does not name are absent,
    and choices that nobody draws are the first."""
    name = _name(person, event, onset_on=onset_on)
    grade = pick(event.grades, person.luck("grade", name))
    given: dict[str, Value] = {}
    for key, item in form.items.items():
        is_drawn = f"{form.form}.{key}" in person.world.study.scenario.items
        if is_drawn:
            continue
        if item.type == "boolean":
            given[key] = False
        elif item.type == "choice" and item.choices:
            given[key] = next(iter(item.choices))
        elif item.type == "date":
            lasted = int((person.today - onset_on).days * person.luck("end", name, key))
            given[key] = (onset_on + dt.timedelta(days=lasted)).isoformat()
    given[plan.grade] = to_item_value(form.items[plan.grade], grade, on=onset_on)
    given |= {plan.term: event.term.en, plan.onset: onset_on.isoformat()}
    return given | dict(event.values)


def _name(person: VirtualParticipant, event: EventDraw, *, onset_on: dt.date) -> str:
    """Tells occurrences apart by the day since screening: the same if the trial starts later."""
    return f"{event.term.en}/{(onset_on - person.record.screened_on).days}"


def _entered(person: VirtualParticipant, plan: SafetyPlan, *, repeat: int) -> AdverseEvent:
    records = adverse_records(person.world.study, person.record)
    return next(read_adverse_event(plan, r) for r in records if r.repeat == repeat)

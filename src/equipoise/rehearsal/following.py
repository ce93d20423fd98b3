"""From randomization on: encounters on their days, what is due at each, infusions."""

import datetime as dt
from typing import Any

from equipoise.conduct import (
    end_infusion,
    expects,
    miss_encounter,
    order_infusion,
    start_infusion,
)
from equipoise.rehearsal.agenda import Course, at_hour, working_day
from equipoise.rehearsal.cells import READY_AFTER
from equipoise.rehearsal.events import (
    complete,
    may_withdraw,
    start_events,
    start_infusion_events,
)
from equipoise.rehearsal.people import person_at
from equipoise.rehearsal.world import VirtualParticipant
from equipoise.schedule import PlannedEncounter, plan_encounters
from equipoise.study.forms import Form
from equipoise.study.roles import Role
from equipoise.study.study import Study

INFUSION_TAKES = dt.timedelta(minutes=4)
OUTSIDE_WINDOW = 0.06
"""The chance that somebody comes after the window has closed: an assumption."""
REASONS_MISSED = (
    "The person could not travel",
    "In hospital elsewhere on that day",
    "Could not be reached",
)


def follow(person: VirtualParticipant, *, before: tuple[str, ...]) -> Course:
    """The encounters after those `before` randomization, one after the other, to the end."""
    agenda, study = person.world.agenda, person.world.study
    start_events(person)
    agenda.add(may_withdraw(person))
    plan = {p.encounter: p for p in plan_encounters(study.schedule, _draw_day_zero(person))}
    is_first = True
    for encounter, planned in plan.items():
        if encounter in before:
            continue
        is_missed = _is_missed(person, encounter)
        on = planned.latest_on if is_missed else _draw_day(person, planned)
        if expects(study, person.record, encounter).is_expected is False:
            continue
        comes_at = at_hour(working_day(on), 2 * person.luck("arrival", encounter))
        yield max(comes_at, person.later("arrival", encounter))
        if encounter in study.infusion_encounters:
            yield from person.world.until_resumed()
        if not person.record.is_in_trial:
            return
        if is_missed:
            reason = REASONS_MISSED[int(len(REASONS_MISSED) * person.luck("absent", encounter))]
            person.do(miss_encounter, encounter=encounter, reason=reason)
        else:
            yield from _visit(person, encounter)
        if is_first:
            yield from _keep_logs(person)
        is_first = False
    yield person.later("completion")
    if person.record.is_in_trial:
        complete(person)


def first_infusion(study: Study) -> str:
    """The encounter of the first infusion; empty in a study without any."""
    return next(iter(study.infusion_encounters), "")


def forms_around_infusion(study: Study, encounter: str) -> tuple[list[Form], list[Form]]:
    """The forms due before an infusion, and those that only infusions have, entered after it."""
    infusions = set(study.infusion_encounters)
    due = [f for f in study.forms_at(encounter) if f.records != "end"]
    after = [f for f in due if set(f.at) <= infusions and not _holds_weight(study, f)]
    return [f for f in due if f not in after], after


def _holds_weight(study: Study, form: Form) -> bool:
    dose = study.treatments.dose
    return dose is not None and dose.weight.split(".")[0] == form.form


def _draw_day_zero(person: VirtualParticipant) -> dt.date:
    """The day that the schedule counts from; the first infusion follows within a week or so."""
    record, study = person.record, person.world.study
    assert record.consent is not None and record.randomized_on is not None
    if study.schedule.day_zero == "consent":
        return record.consent.on
    first = first_infusion(study)
    if study.schedule.day_zero == "randomization" or not first:
        return record.randomized_on
    waits = 1 + int(6 * person.luck("first infusion"))
    day = study.schedule.encounters[first].day or 0
    infused_on = working_day(record.randomized_on + dt.timedelta(days=waits))
    return infused_on - dt.timedelta(days=day)


def _draw_day(person: VirtualParticipant, planned: PlannedEncounter) -> dt.date:
    """A day inside the window, mostly near the planned one; now and then a few days late."""
    generator = person.randomness.of("day of", planned.encounter).generator()
    is_outside = generator.random() < OUTSIDE_WINDOW
    if planned.encounter == first_infusion(person.world.study):
        return planned.planned_on
    if is_outside:
        return planned.latest_on + dt.timedelta(days=int(generator.integers(1, 8)))
    width = (planned.latest_on - planned.earliest_on).days
    middle = (planned.planned_on - planned.earliest_on).days
    if width == 0:
        return planned.planned_on
    drawn = generator.triangular(-0.5, middle, width + 0.5)
    return planned.earliest_on + dt.timedelta(days=min(width, max(0, round(drawn))))


def _is_missed(person: VirtualParticipant, encounter: str) -> bool:
    """Nobody is randomized and then misses the first infusion: it makes day zero."""
    if encounter == first_infusion(person.world.study):
        return False
    return person.luck("missed", encounter) < person.world.study.scenario.missed_encounter


def _visit(person: VirtualParticipant, encounter: str) -> Course:
    study = person.world.study
    before, after = forms_around_infusion(study, encounter)
    yield from _submit_all(person, before, encounter=encounter)
    if encounter in study.infusion_encounters and study.treatments.dose and study.treatments.bag:
        yield from _infuse(person, encounter)
    yield from _submit_all(person, after, encounter=encounter)


def _submit_all(person: VirtualParticipant, forms: list[Form], *, encounter: str) -> Course:
    for form in forms:
        yield person.later(encounter, form.form)
        if not person.record.is_in_trial:
            return
        person.submit_if_expected(form, encounter)


def _infuse(person: VirtualParticipant, encounter: str) -> Course:
    """Ordered by the site, prepared by the cell unit, given; what it is only the body learns."""
    world, on = person.world, person.today
    yield person.later("order", encounter)
    if not person.record.is_in_trial or not person.do(order_infusion, encounter=encounter, on=on):
        return
    product = world.nature(person.record.number, encounter)
    if not product:
        return
    yield person.later("preparation", encounter)
    if world.is_paused:
        return
    label = world.prepare(person.code, encounter)
    yield world.agenda.now + READY_AFTER
    if world.is_paused or not label or not world.hand_out(label):
        return
    yield person.later("infusion", encounter)
    if world.is_paused:
        return
    if not person.do(start_infusion, role=Role.INVESTIGATOR, **_at_bedside(person, encounter)):
        return
    yield world.agenda.now + INFUSION_TAKES
    person.do(
        end_infusion,
        role=Role.INVESTIGATOR,
        encounter=encounter,
        volume_ml=person.record.infusions[encounter].volume_ml,
        stopped_at=world.agenda.now,
    )
    person.body.infuse(product, on=on)
    start_infusion_events(person, product=product, encounter=encounter)


def _at_bedside(person: VirtualParticipant, encounter: str) -> dict[str, Any]:
    """Participant and bag, scanned and compared by two people."""
    return {
        "encounter": encounter,
        "on": person.today,
        "label": person.record.infusions[encounter].label,
        "scanned": person.code,
        "checked_by": person_at(person.site, Role.COORDINATOR),
    }


def _keep_logs(person: VirtualParticipant) -> Course:
    """One entry in each log that no adverse event fills, and each form without an encounter."""
    study = person.world.study
    reported = study.safety.form if study.safety else ""
    for form in study.forms.values():
        is_loose = form.repeats or (not form.at and form.records == "")
        if is_loose and form.form != reported:
            yield person.later("log", form.form)
            if person.record.is_in_trial:
                person.submit(form, "", repeat=int(form.repeats))

"""Infusions: ordered by the site, prepared by the cell unit, given to the participant."""

import datetime as dt
from collections.abc import Iterator

from equipoise.conduct import events as e
from equipoise.conduct.accounts.person import is_same_human
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import expects
from equipoise.conduct.rules import (
    check_duty,
    check_in_trial,
    check_not_future,
    check_open,
    check_running,
)
from equipoise.conduct.state import Infusion, Participant
from equipoise.conduct.tasks import check_task
from equipoise.problems import Problem, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.supply import WeighedOn, check_weight, plan_preparation

BEDSIDE_ROLES = (Role.COORDINATOR, Role.INVESTIGATOR)
LONGEST_INFUSION = dt.timedelta(hours=24)


@act(*BEDSIDE_ROLES)
def order_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    on: dt.date,
) -> Events:
    """Ask the cell unit for an infusion; its dose comes from the weight of the day.

    Until it is handed out, an order of another day or weight replaces the one before.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    dose, bag = view.study.treatments.dose, view.study.treatments.bag
    if dose is None or bag is None:
        refuse_if([problem("EQ-B004", where)])
    assert dose is not None and bag is not None
    weight = find_weight(subject, dose.weight, on=on)
    problems = [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *check_running(view.state, where=where),
        *check_weight(weight, dose=dose, infusion_on=on, where=where),
    ]
    if not subject.is_randomized:
        problems.append(problem("EQ-C039", where, encounter=encounter))
    if encounter not in view.study.infusion_encounters:
        problems.append(problem("EQ-C060", where, encounter=encounter))
    elif expects(view.study, subject, encounter).is_expected is False:
        problems.append(problem("EQ-C095", where, what=encounter))
    if not _may_be_ordered(subject.infusions.get(encounter), on=on, weight=weight):
        problems.append(problem("EQ-C061", where, encounter=encounter))
    refuse_if(problems)
    assert weight is not None
    preparation = plan_preparation(dose, bag, weight.kg)
    return [
        e.InfusionOrdered(
            participant=participant,
            encounter=encounter,
            on=on,
            weight_kg=preparation.weight_kg,
            target_cells=preparation.target_cells,
            volume_ml=preparation.volume_ml,
            n_bags=preparation.n_bags,
        )
    ]


@act(Role.CELL_UNIT)
def prepare_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    label: str,
    usable_until: dt.datetime | None = None,
) -> Events:
    """Hand out a preparation under an opaque label, never used before, to be given until then."""
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = _find_infusion(subject, encounter, where=where)
    problems = [
        *check_in_trial(view.state, subject),
        *check_running(view.state, where=where),
        *check_ordered_weight(view.study, subject, infusion, where=where),
        *_check_no_words(reason, where=where),
    ]
    if infusion.status != "ordered":
        problems.append(problem("EQ-C063", where, status=infusion.status))
    if not label or label in _labels(view):
        problems.append(problem("EQ-C064", where, label=label))
    refuse_if(problems)
    return [
        e.InfusionPrepared(
            participant=participant, encounter=encounter, label=label, usable_until=usable_until
        )
    ]


@act(Role.CELL_UNIT)
def take_back_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    label: str,
) -> Events:
    """What was handed out came back, not given: it is destroyed, and another can be prepared.

    Why is not told here: the blinded side reads it.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = _find_infusion(subject, encounter, where=where)
    problems = [*check_open(view.state), *_check_no_words(reason, where=where)]
    if infusion.status != "prepared":
        problems.append(problem("EQ-C063", where, status=infusion.status))
    elif label != infusion.label:
        problems.append(problem("EQ-C065", where, label=label))
    refuse_if(problems)
    return [e.InfusionTakenBack(participant=participant, encounter=encounter, label=label)]


@act(Role.CELL_UNIT)
def declare_supply(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    places: int,
    until_on: dt.date,
) -> Events:
    """Say until when how many people may be randomized in all, whatever the next arms are."""
    if places < 0 or until_on < at.date():
        refuse_if([problem("EQ-B057", places=places, until=until_on)])
    return [e.SupplyDeclared(places=places, until_on=until_on)]


@act(*BEDSIDE_ROLES)
def give_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    on: dt.date,
    label: str,
    volume_ml: float,
    scanned: str = "",
    started_at: dt.datetime | None = None,
    stopped_at: dt.datetime | None = None,
    checked_by: str = "",
) -> Events:
    """Record what went into the participant; the label on the bag must be the one prepared.

    `scanned` is the participant's code as read at the bedside. Where the study asks for a second
    person, `checked_by` compared both, and start and end are told. What was begun is a fact: that
    it ended late, or that the weight is another by now, is recorded with it as a deviation.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = _find_infusion(subject, encounter, where=where)
    problems = [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *_check_not_after_pause(view, on, where=where),
        *_check_scanned(view, subject, infusion, scanned=scanned, label=label),
        *_check_times(view, infusion, on=on, at=at, times=(started_at, stopped_at)),
        *_check_second(view, subject, checked_by=checked_by, at=at),
    ]
    if on != infusion.on:
        problems.append(problem("EQ-C066", where, on=on, ordered=infusion.on))
    if not 0 < volume_ml <= 1.5 * infusion.volume_ml:
        problems.append(problem("EQ-C067", where, volume=volume_ml, planned=infusion.volume_ml))
    departures = [
        *check_ordered_weight(view.study, subject, infusion, where=where),
        *_check_end(infusion, over_at=at if started_at is None else stopped_at, where=where),
    ]
    refuse_if([*problems, *(departures if started_at is None else ())])
    given = e.InfusionGiven(
        participant=participant,
        encounter=encounter,
        on=on,
        label=label,
        volume_ml=volume_ml,
        started_at=started_at,
        stopped_at=stopped_at,
        checked_by=checked_by,
    )
    return [given, *(_deviation(participant, found, on=on) for found in departures)]


def find_weight(subject: Participant, item: str, *, on: dt.date) -> WeighedOn | None:
    """The latest body weight up to a day, from the item `form.item`."""
    form, _, name = item.partition(".")
    found = [
        (record.on, record.stamp.at, record.values[name])
        for record in subject.forms.values()
        if record.form == form and record.on <= on and record.values.get(name) is not None
    ]
    if not found:
        return None
    weighed_on, _, kg = max(found, key=lambda f: f[:2])
    assert isinstance(kg, int | float)
    return WeighedOn(float(kg), weighed_on)


def check_ordered_weight(
    study: Study, subject: Participant, infusion: Infusion, *, where: Where
) -> tuple[Problem, ...]:
    """The weight of the infusion's day is still the one that its dose was computed from."""
    if study.treatments.dose is None:
        return ()
    weight = find_weight(subject, study.treatments.dose.weight, on=infusion.on)
    if weight is not None and weight.kg == infusion.weight_kg:
        return ()
    kg = "-" if weight is None else weight.kg
    return (problem("EQ-B062", where, kg=kg, ordered=infusion.weight_kg),)


def _may_be_ordered(known: Infusion | None, *, on: dt.date, weight: WeighedOn | None) -> bool:
    """Not yet, or of another day or weight than the order that nothing was handed out for."""
    if known is None:
        return True
    is_other = known.on != on or (weight is not None and weight.kg != known.weight_kg)
    return known.status == "ordered" and is_other


def _check_no_words(reason: str, *, where: Where) -> tuple[Problem, ...]:
    """What the cell unit writes could tell the arm, and the trial's ledger is read by all."""
    return (problem("EQ-B064", where),) if reason else ()


def _check_end(
    infusion: Infusion, *, over_at: dt.datetime | None, where: Where
) -> tuple[Problem, ...]:
    """It was over within the time of the bag."""
    until = infusion.usable_until
    if until is None or over_at is None or over_at <= until:
        return ()
    return (problem("EQ-B052", where, until=until.isoformat(timespec="minutes")),)


def _deviation(participant: str, found: Problem, *, on: dt.date) -> e.DeviationRecorded:
    what = found.say("en")
    return e.DeviationRecorded(participant=participant, kind="treatment", on=on, what=what)


def _check_scanned(
    view: View, subject: Participant, infusion: Infusion, *, scanned: str, label: str
) -> Iterator[Problem]:
    """The participant is this one, and the bag the one that was prepared for this visit."""
    where = at_record(subject.code, infusion.encounter)
    needs_scan = view.study.treatments.bedside.second_person
    if scanned.strip() != subject.code and (scanned or needs_scan):
        yield problem("EQ-B050", where, scanned=scanned or "-", participant=subject.code)
    if infusion.status != "prepared":
        yield problem("EQ-C063", where, status=infusion.status)
    elif label != infusion.label:
        visits = [name for name, other in subject.infusions.items() if other.label == label]
        if visits:
            yield problem("EQ-B051", where, label=label, visit=visits[0])
        else:
            yield problem("EQ-C065", where, label=label)


def _check_times(
    view: View,
    infusion: Infusion,
    *,
    on: dt.date,
    at: dt.datetime,
    times: tuple[dt.datetime | None, dt.datetime | None],
) -> Iterator[Problem]:
    """It began before it ended, about that day, and has ended."""
    where = at_record(infusion.encounter)
    started_at, stopped_at = times
    if started_at is None or stopped_at is None:
        if view.study.treatments.bedside.second_person or infusion.usable_until:
            yield problem("EQ-B055", where)
        return
    is_near = abs((started_at.date() - on).days) <= 1  # the day is the site's, the instant is UTC
    is_long_enough = dt.timedelta(0) < stopped_at - started_at <= LONGEST_INFUSION
    if not (is_near and is_long_enough and stopped_at <= at):
        yield problem("EQ-B055", where)


def _check_second(
    view: View, subject: Participant, *, checked_by: str, at: dt.datetime
) -> Iterator[Problem]:
    """Another person of the site, on duty, compared participant and label."""
    if not checked_by:
        if view.study.treatments.bedside.second_person:
            yield problem("EQ-B053", subject.code)
        return
    second = view.state.people.get(checked_by)
    if second is None or is_same_human(second, view.person):
        yield problem("EQ-B053", subject.code)
        return
    is_of_site = second.role in BEDSIDE_ROLES and second.may_see(subject.site)
    lacks = (
        *check_duty(view.study, second, at=at),
        *check_task(view.study, second, "give_infusion"),
    )
    if not is_of_site or lacks:
        yield problem("EQ-B054", subject.code, name=second.name)


def _check_not_after_pause(view: View, on: dt.date, *, where: Where) -> tuple[Problem, ...]:
    """What went in before the pause, or on its day, is a fact and stays recordable."""
    met = view.state.met
    is_before = all(on <= met[rule].stamp.at.date() for rule in view.state.pausing)
    return () if is_before else check_running(view.state, where=where)


def _find_infusion(subject: Participant, encounter: str, *, where: Where) -> Infusion:
    infusion = subject.infusions.get(encounter)
    if infusion is None:
        refuse_if([problem("EQ-C062", where, encounter=encounter)])
    assert infusion is not None
    return infusion


def _labels(view: View) -> set[str]:
    people = view.state.participants.values()
    known = (i for p in people for i in p.infusions.values())
    return {label for i in known for label in (i.label, *i.taken_back) if label}

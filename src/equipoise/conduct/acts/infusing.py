"""Infusions: ordered by the site, prepared by the cell unit, given to the participant."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import expects
from equipoise.conduct.rules import check_in_trial, check_not_future, check_running
from equipoise.conduct.state import Infusion, Participant
from equipoise.problems import Problem, Where, problem
from equipoise.study.roles import Role
from equipoise.supply import WeighedOn, check_weight, plan_preparation


@act(Role.COORDINATOR, Role.INVESTIGATOR)
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
    """Ask the cell unit for an infusion; its dose comes from the weight of the day."""
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
    if encounter in subject.infusions:
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
) -> Events:
    """Hand out a preparation under an opaque label, never used before."""
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = _find_infusion(subject, encounter, where=where)
    problems = [*check_in_trial(view.state, subject), *check_running(view.state, where=where)]
    if infusion.status != "ordered":
        problems.append(problem("EQ-C063", where, status=infusion.status))
    if not label or label in _labels(view):
        problems.append(problem("EQ-C064", where, label=label))
    refuse_if(problems)
    return [e.InfusionPrepared(participant=participant, encounter=encounter, label=label)]


@act(Role.COORDINATOR, Role.INVESTIGATOR)
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
) -> Events:
    """Record what went into the participant; the label on the bag must be the one prepared."""
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = _find_infusion(subject, encounter, where=where)
    problems = [
        *check_in_trial(view.state, subject),
        *check_not_future(on, at=at, where=where),
        *_check_not_after_pause(view, on, where=where),
    ]
    if infusion.status != "prepared":
        problems.append(problem("EQ-C063", where, status=infusion.status))
    elif label != infusion.label:
        problems.append(problem("EQ-C065", where, label=label))
    if on != infusion.on:
        problems.append(problem("EQ-C066", where, on=on, ordered=infusion.on))
    if not 0 < volume_ml <= 1.5 * infusion.volume_ml:
        problems.append(problem("EQ-C067", where, volume=volume_ml, planned=infusion.volume_ml))
    refuse_if(problems)
    return [
        e.InfusionGiven(
            participant=participant,
            encounter=encounter,
            on=on,
            label=label,
            volume_ml=volume_ml,
        )
    ]


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
    return {i.label for p in people for i in p.infusions.values() if i.label}

"""Infusions up to the bedside: ordered by the site, handed out by the cell unit, taken back."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.facts import expects
from equipoise.conduct.parts import Infusion
from equipoise.conduct.rules import (
    check_in_trial,
    check_not_future,
    check_open,
    check_running,
    check_treated,
)
from equipoise.conduct.state import Participant
from equipoise.problems import Problem, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.supply import WeighedOn, check_weight, plan_preparation

BEDSIDE_ROLES = (Role.COORDINATOR, Role.INVESTIGATOR)


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
        *check_treated(subject, where=where),
        *check_weight(weight, dose=dose, infusion_on=on, where=where),
    ]
    if subject.randomized_on is None or not subject.is_randomized:
        problems.append(problem("EQ-C039", where, encounter=encounter))
    elif on < subject.randomized_on:
        early = {"infused": on, "randomized": subject.randomized_on}
        problems.append(problem("EQ-C184", where, **early))
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
    infusion = find_infusion(subject, encounter, where=where)
    problems = [
        *check_in_trial(view.state, subject),
        *check_running(view.state, where=where),
        *check_treated(subject, where=where),
        *check_ordered_weight(view.study, subject, infusion, where=where),
        *_check_no_words(reason, where=where),
    ]
    if infusion.status != "ordered":
        problems.append(problem("EQ-C063", where, status=infusion.status_name))
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
    infusion = find_infusion(subject, encounter, where=where)
    is_out = infusion.status == "prepared"
    refuse_if(_check_out(view, infusion, is_out=is_out, label=label, reason=reason, where=where))
    return [e.InfusionTakenBack(participant=participant, encounter=encounter, label=label)]


@act(Role.CELL_UNIT)
def recall_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    label: str,
) -> Events:
    """What was handed out is not to be given; if it runs, it is to be stopped. It is not said why:
    the same words for whatever it holds."""
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = find_infusion(subject, encounter, where=where)
    is_out = infusion.is_out and not infusion.is_recalled
    refuse_if(_check_out(view, infusion, is_out=is_out, label=label, reason=reason, where=where))
    return [e.InfusionRecalled(participant=participant, encounter=encounter, label=label)]


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


def _check_out(
    view: View, infusion: Infusion, *, is_out: bool, label: str, reason: str, where: Where
) -> list[Problem]:
    """This label left the cell unit and is not back, and nothing says why it is asked for."""
    problems = [*check_open(view.state), *_check_no_words(reason, where=where)]
    if not is_out:
        problems.append(problem("EQ-C063", where, status=infusion.status_name))
    elif label != infusion.label:
        problems.append(problem("EQ-C065", where, label=label))
    return problems


def _check_no_words(reason: str, *, where: Where) -> tuple[Problem, ...]:
    """What the cell unit writes could tell the arm, and the trial's ledger is read by all."""
    return (problem("EQ-B064", where),) if reason else ()


def find_infusion(subject: Participant, encounter: str, *, where: Where) -> Infusion:
    """The infusion of an encounter.

    Raises:
        Refused: none was ordered.
    """
    infusion = subject.infusions.get(encounter)
    if infusion is None:
        refuse_if([problem("EQ-C062", where, encounter=encounter)])
    assert infusion is not None
    return infusion


def _labels(view: View) -> set[str]:
    people = view.state.participants.values()
    known = (i for p in people for i in p.infusions.values())
    return {label for i in known for label in (i.label, *i.taken_back) if label}

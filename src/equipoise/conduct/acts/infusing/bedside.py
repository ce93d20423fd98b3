"""At the bedside: an infusion is checked and begun, then ended."""

import datetime as dt
from collections.abc import Iterator

from equipoise.conduct import events as e
from equipoise.conduct.acts.infusing.ordering import (
    BEDSIDE_ROLES,
    check_ordered_weight,
    find_infusion,
)
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.parts import Infusion, is_same_human
from equipoise.conduct.rules import (
    check_duty,
    check_in_trial,
    check_open,
    check_running,
    check_treated,
)
from equipoise.conduct.state import Participant
from equipoise.conduct.tasks import check_task
from equipoise.problems import Problem, Where, problem

LONGEST_INFUSION = dt.timedelta(hours=24)


@act(*BEDSIDE_ROLES)
def start_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    on: dt.date,
    label: str,
    scanned: str = "",
    checked_by: str = "",
) -> Events:
    """Check everything at the bedside, now; only if all of it holds may the infusion begin.

    `scanned` is the participant's code as read at the bedside, `on` the day at the site. Where the
    study asks for a second person, `checked_by` compared participant and bag.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = find_infusion(subject, encounter, where=where)
    refuse_if(
        [
            *check_start(view, participant, encounter=encounter, at=at),
            *check_scanned(view, subject, infusion, scanned=scanned, label=label),
            *_check_day(infusion, on=on, at=at, where=where),
            *check_second(view, subject, checked_by=checked_by, at=at),
        ]
    )
    return [
        e.InfusionStarted(
            participant=participant,
            encounter=encounter,
            on=on,
            label=label,
            started_at=at,
            checked_by=checked_by,
        )
    ]


@act(*BEDSIDE_ROLES)
def end_infusion(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    volume_ml: float,
    stopped_at: dt.datetime,
) -> Events:
    """Record when an infusion that was begun here was over, and how much went in, also nothing.

    What was begun is a fact, so neither a pause nor who has left stops this.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = find_infusion(subject, encounter, where=where)
    if infusion.status != "started":
        refuse_if([problem("EQ-B075", where)])
    started_at = infusion.started_at
    assert infusion.given_on is not None and started_at is not None
    problems = [*check_open(view.state)]
    if not (is_long_enough(started_at, stopped_at) and stopped_at <= at):
        problems.append(problem("EQ-B055", where))
    if not 0 <= volume_ml <= infusion.volume_ml:
        problems.append(problem("EQ-C067", where, volume=volume_ml, planned=infusion.volume_ml))
    refuse_if(problems)
    given = e.InfusionGiven(
        participant=participant,
        encounter=encounter,
        on=infusion.given_on,
        label=infusion.label,
        volume_ml=volume_ml,
        started_at=started_at,
        stopped_at=stopped_at,
        checked_by=infusion.checked_by,
    )
    departures = [
        *check_time(infusion, started_at=started_at, stopped_at=stopped_at, where=where),
        *check_whole(infusion, volume_ml, where=where),
    ]
    return [given, *tell_deviations(given, departures)]


def check_start(
    view: View, participant: str, *, encounter: str, at: dt.datetime
) -> tuple[Problem, ...]:
    """Why what was handed out may not be begun at that instant, whoever holds it.

    Raises:
        Refused: there is no such participant, or nothing was ordered.
    """
    subject, where = view.participant(participant), at_record(participant, encounter)
    infusion = find_infusion(subject, encounter, where=where)
    return (
        *check_in_trial(view.state, subject),
        *check_running(view.state, where=where),
        *check_treated(subject, where=where),
        *check_next(infusion, where=where),
        *check_recalled(infusion, where=where),
        *check_time(infusion, started_at=at, stopped_at=None, where=where),
        *check_ordered_weight(view.study, subject, infusion, where=where),
    )


def check_scanned(
    view: View, subject: Participant, infusion: Infusion, *, scanned: str, label: str
) -> Iterator[Problem]:
    """The participant is this one, and the bag the one that was prepared for this visit."""
    where = at_record(subject.code, infusion.encounter)
    needs_scan = view.study.treatments.bedside.second_person
    if scanned.strip() != subject.code and (scanned or needs_scan):
        yield problem("EQ-B050", where, scanned=scanned or "-", participant=subject.code)
    if infusion.status == "prepared" and label != infusion.label:
        visits = [name for name, other in subject.infusions.items() if other.label == label]
        if visits:
            yield problem("EQ-B051", where, label=label, visit=visits[0])
        else:
            yield problem("EQ-C065", where, label=label)


def check_next(infusion: Infusion, *, where: Where) -> Iterator[Problem]:
    """It was handed out, and neither runs nor was given."""
    if infusion.started_at is not None and infusion.status == "started":
        started = infusion.started_at.isoformat(timespec="minutes")
        yield problem("EQ-B072", where, at=started)
    elif infusion.status != "prepared":
        yield problem("EQ-C063", where, status=infusion.status_name)


def check_recalled(
    infusion: Infusion, *, started_at: dt.datetime | None = None, where: Where
) -> tuple[Problem, ...]:
    """The cell unit had not asked, before it began, that it should not be given."""
    asked = infusion.recalled_at
    if asked is None or (started_at and started_at < asked.replace(second=0, microsecond=0)):
        return ()
    return (problem("EQ-B074", where),)


def _check_day(
    infusion: Infusion, *, on: dt.date, at: dt.datetime, where: Where
) -> tuple[Problem, ...]:
    """It is the day that the infusion was ordered for, whose weight the dose comes from."""
    if on == infusion.on and is_near(at, on):
        return ()
    return (problem("EQ-C066", where, on=on, ordered=infusion.on),)


def check_time(
    infusion: Infusion,
    *,
    started_at: dt.datetime | None,
    stopped_at: dt.datetime | None,
    where: Where,
) -> tuple[Problem, ...]:
    """It began, and was over, within the time of the bag."""
    until = infusion.usable_until
    if until is None:
        return ()
    said = until.isoformat(timespec="minutes")
    if started_at is not None and started_at > until:
        return (problem("EQ-B071", where, until=said),)
    if stopped_at is not None and stopped_at > until:
        return (problem("EQ-B052", where, until=said),)
    return ()


def is_near(at: dt.datetime, on: dt.date) -> bool:
    """About that day: the day is the site's, the instant is UTC."""
    return abs((at.date() - on).days) <= 1


def is_long_enough(started_at: dt.datetime, stopped_at: dt.datetime) -> bool:
    """It ended after it began, and within a day."""
    return dt.timedelta(0) < stopped_at - started_at <= LONGEST_INFUSION


def check_whole(infusion: Infusion, volume_ml: float, *, where: Where) -> tuple[Problem, ...]:
    """All that was ordered went in."""
    if volume_ml >= infusion.volume_ml:
        return ()
    return (problem("EQ-B073", where, volume=volume_ml, planned=infusion.volume_ml),)


def check_second(
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
        *check_task(view.study, second, "start_infusion"),
    )
    if not is_of_site or lacks:
        yield problem("EQ-B054", subject.code, name=second.name)


def tell_deviations(given: e.InfusionGiven, found: list[Problem]) -> Iterator[e.DeviationRecorded]:
    """Each departure of an infusion that went in, as a deviation of its own."""
    for departure in found:
        yield e.DeviationRecorded(
            participant=given.participant,
            kind="treatment",
            on=given.on,
            what=departure.say("en"),
        )

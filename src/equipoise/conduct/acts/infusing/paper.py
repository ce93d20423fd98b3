"""What went in without the check before it, entered afterwards from paper."""

import datetime as dt
from collections.abc import Iterator

from equipoise.conduct import events as e
from equipoise.conduct.acts.infusing.bedside import (
    check_next,
    check_recalled,
    check_scanned,
    check_second,
    check_time,
    check_whole,
    is_long_enough,
    is_near,
    tell_deviations,
)
from equipoise.conduct.acts.infusing.ordering import (
    BEDSIDE_ROLES,
    check_ordered_weight,
    find_infusion,
)
from equipoise.conduct.door import Events, View, act, at_record, refuse_if
from equipoise.conduct.parts import Infusion
from equipoise.conduct.rules import (
    check_in_trial,
    check_not_future,
    check_open,
    check_reason,
)
from equipoise.conduct.state import Participant
from equipoise.problems import Problem, Where, problem


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
    """Record afterwards, from paper and with the reason, what went in without the check before it.

    What went in is a fact: that it began or ended late, that it was less than ordered, that it was
    not to be given or that the weight is another by now, is recorded with it as a deviation.
    """
    subject = view.participant(participant)
    where = at_record(participant, encounter)
    infusion = find_infusion(subject, encounter, where=where)
    problems = [
        *_check_was_in_trial(view, subject, on=on),
        *check_not_future(on, at=at, where=where),
        *check_next(infusion, where=where),
        *check_scanned(view, subject, infusion, scanned=scanned, label=label),
        *_check_times(view, infusion, on=on, at=at, times=(started_at, stopped_at)),
        *_check_order(subject, started_at, where=where),
        *check_second(view, subject, checked_by=checked_by, at=at),
        *check_reason(reason, act="give_infusion", where=where),
        *_check_told(infusion, on=on, volume_ml=volume_ml, where=where),
    ]
    refuse_if(problems)
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
    departures = [
        *_check_not_to_be_given(view, subject, on=on, where=where),
        *check_ordered_weight(view.study, subject, infusion, where=where),
        *check_recalled(infusion, started_at=started_at, where=where),
        *check_time(infusion, started_at=started_at, stopped_at=stopped_at, where=where),
        *check_whole(infusion, volume_ml, where=where),
    ]
    return [given, *tell_deviations(given, departures)]


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
    is_over = is_long_enough(started_at, stopped_at) and stopped_at <= at
    if not (is_near(started_at, on) and is_over):
        yield problem("EQ-B055", where)


def _check_told(
    infusion: Infusion, *, on: dt.date, volume_ml: float, where: Where
) -> Iterator[Problem]:
    """The day is that of the order, and no more went in than the bag held."""
    if on != infusion.on:
        yield problem("EQ-C066", where, on=on, ordered=infusion.on)
    if not 0 < volume_ml <= infusion.volume_ml:
        yield problem("EQ-C067", where, volume=volume_ml, planned=infusion.volume_ml)


def _check_order(
    subject: Participant, started_at: dt.datetime | None, *, where: Where
) -> tuple[Problem, ...]:
    """It began after the randomization; what is typed at the bedside has no seconds."""
    randomized_at = subject.randomized_at
    if started_at is None or randomized_at is None:
        return ()
    if started_at >= randomized_at.replace(second=0, microsecond=0):
        return ()
    told = {"infused": started_at, "randomized": randomized_at}
    words = {k: v.isoformat(timespec="minutes") for k, v in told.items()}
    return (problem("EQ-C184", where, **words),)


def _check_was_in_trial(view: View, subject: Participant, *, on: dt.date) -> tuple[Problem, ...]:
    """What went in up to the day on which somebody left is a fact and stays recordable."""
    if subject.left_on is not None and on <= subject.left_on:
        return check_open(view.state)
    return tuple(check_in_trial(view.state, subject))


def _check_not_to_be_given(
    view: View, subject: Participant, *, on: dt.date, where: Where
) -> Iterator[Problem]:
    """Neither the treatment nor the trial stood still on that day."""
    known = [c for c in subject.treatment_changes if c.on < on or (c.on == on and not c.is_stopped)]
    if known and known[-1].is_stopped:
        yield problem("EQ-C182", where, participant=subject.code, on=known[-1].on)
    pauses = ((n, r.stamp, r.resumed) for n, r in view.state.met.items() if r.does == "pause")
    rules = [
        n for n, met, end in pauses if met.at.date() < on and not (end and end.at.date() <= on)
    ]
    if rules:
        yield problem("EQ-C090", where, rules=", ".join(rules))

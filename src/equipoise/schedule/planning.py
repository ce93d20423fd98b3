"""Dates of encounters from day zero, in whole calendar days of the site."""

import datetime as dt
from typing import Literal

from msgspec import Struct

from equipoise.study.protocol import Encounter, Schedule

Timing = Literal[
    "unplanned",
    "upcoming",
    "open",
    "overdue",
    "done",
    "early",
    "late",
    "missed",
    "not_expected",
]


class PlannedEncounter(Struct, frozen=True):
    """An encounter of one participant: its planned day and the window around it (inclusive)."""

    encounter: str
    planned_on: dt.date
    earliest_on: dt.date
    latest_on: dt.date


def plan_encounters(schedule: Schedule, day_zero: dt.date) -> tuple[PlannedEncounter, ...]:
    """The planned dates of every encounter, in the order of the study."""
    return tuple(_plan(name, e, day_zero) for name, e in schedule.encounters.items())


def assess_timing(
    planned: PlannedEncounter | None,
    *,
    happened_on: dt.date | None,
    is_missed: bool,
    today: dt.date,
    is_expected: bool | None = True,
) -> Timing:
    """Where an encounter stands: done in its window, `early`, `late`; or else what is due.

    One that is not known to be expected is timed as if it were.
    """
    if is_missed:
        return "missed"
    if is_expected is False and not happened_on:
        return "not_expected"
    if planned is None:
        return "done" if happened_on else "unplanned"
    if happened_on:
        if happened_on < planned.earliest_on:
            return "early"
        return "late" if happened_on > planned.latest_on else "done"
    if today < planned.earliest_on:
        return "upcoming"
    return "overdue" if today > planned.latest_on else "open"


def _plan(name: str, encounter: Encounter, day_zero: dt.date) -> PlannedEncounter:
    if encounter.days is not None:
        first, last = (day_zero + dt.timedelta(days=d) for d in encounter.days)
        return PlannedEncounter(name, first, first, last)
    on = day_zero + dt.timedelta(days=encounter.day or 0)
    return PlannedEncounter(
        name,
        on,
        on - dt.timedelta(days=encounter.window.before),
        on + dt.timedelta(days=encounter.window.after),
    )

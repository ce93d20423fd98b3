"""What is planned and due for a participant, as the pages show it."""

import datetime as dt
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct import Participant, expects
from equipoise.schedule import Expectation, PlannedEncounter, Timing, assess_timing, plan_encounters
from equipoise.study.protocol import Encounter
from equipoise.study.study import Study


class Stop(Struct, frozen=True):
    """An encounter of one participant: when it is planned, when it was, where it stands."""

    name: str
    encounter: Encounter
    planned: PlannedEncounter | None
    happened_on: dt.date | None
    timing: Timing
    expectation: Expectation = Expectation()

    @property
    def is_due(self) -> bool:
        """Whether the participant is expected now, or should have come."""
        return self.timing in ("open", "overdue")

    @property
    def is_waiting(self) -> bool:
        """Whether it has neither happened nor been missed, and may still be expected."""
        return self.timing in ("unplanned", "upcoming", "open", "overdue")


def day_zero(study: Study, subject: Participant) -> dt.date | None:
    """The day from which the participant's encounters are counted, once it is known."""
    match study.schedule.day_zero:
        case "consent":
            return subject.consent.on if subject.consent else None
        case "randomization":
            return subject.randomized_on
    given = [i.given_on or i.on for i in subject.infusions.values()]
    return min(given, default=None)


def plan_stops(study: Study, subject: Participant, *, today: dt.date) -> tuple[Stop, ...]:
    """Every encounter of the study for one participant."""
    zero = day_zero(study, subject)
    planned = {p.encounter: p for p in plan_encounters(study.schedule, zero)} if zero else {}
    stops = (
        _stop(study, subject, name, planned=planned.get(name), today=today)
        for name in study.schedule.encounters
    )
    # Before the first infusion there is no day zero and so no window; what waits is the infusion.
    awaited = "" if zero or not subject.is_randomized else next(iter(study.infusion_encounters), "")
    return tuple(
        replace(s, timing="open") if s.name == awaited and s.timing == "unplanned" else s
        for s in stops
    )


def next_stop(stops: Iterable[Stop]) -> Stop | None:
    """The first encounter that has neither happened nor been missed."""
    return next((s for s in stops if s.is_waiting), None)


def _stop(
    study: Study,
    subject: Participant,
    name: str,
    *,
    planned: PlannedEncounter | None,
    today: dt.date,
) -> Stop:
    days = [r.on for r in subject.forms.values() if r.encounter == name]
    happened_on = min(days, default=None)
    expectation = expects(study, subject, name)
    timing = assess_timing(
        planned,
        happened_on=happened_on,
        is_missed=name in subject.missed,
        today=today,
        is_expected=expectation.is_expected,
    )
    return Stop(name, study.schedule.encounters[name], planned, happened_on, timing, expectation)

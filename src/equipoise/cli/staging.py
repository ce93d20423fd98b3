"""On which day of a rehearsed trial the demo opens: one on which somebody has something to do.

A rehearsal that starts whole weeks later is the same trial later. So a day of the complete trial
with today's weekday is chosen, and the trial is moved until that day is today.
"""

import datetime as dt
from collections.abc import Iterable

from equipoise.conduct import Participant, TrialState
from equipoise.schedule import plan_encounters
from equipoise.study.study import Study
from equipoise.web.outlook import day_zero

WEEKS_AFTER_THE_LAST = 12
INFUSION_WEIGHS, SCREENING_WEIGHS = 3, 2


def choose_day(study: Study, state: TrialState, *, weekday: int, is_recruiting: bool) -> dt.date:
    """The day with most to do: after the last randomization, or in the third quarter before it.

    `weekday` counts from Monday, 0. At least one participant is randomized by then.
    """
    randomized_on = sorted(p.randomized_on for p in state.randomized if p.randomized_on)
    if is_recruiting:
        last_place = len(randomized_on) - 1
        days = list(_days(randomized_on[last_place // 2], randomized_on[last_place * 3 // 4]))
    else:
        last = randomized_on[-1]
        days = list(_days(last, last + dt.timedelta(weeks=WEEKS_AFTER_THE_LAST)))
    fitting = [d for d in days if d.weekday() == weekday] or days
    return max(fitting, key=lambda d: (count_tasks(study, state, on=d), d))


def count_tasks(study: Study, state: TrialState, *, on: dt.date) -> int:
    """How much waits at the end of a day: visits in their window, infusions, people in screening.

    What happened later in the trial is what had not happened yet on that day.
    """
    people = state.participants.values()
    in_screening = sum(1 for p in people if p.screened_on <= on < _decided_on(p))
    due = [e for p in state.randomized for e in _due(study, p, on=on)]
    infusions = sum(1 for e in due if e in study.infusion_encounters)
    return len(due) + INFUSION_WEIGHS * infusions + SCREENING_WEIGHS * in_screening


def _days(after: dt.date, until: dt.date) -> Iterable[dt.date]:
    return (after + dt.timedelta(days=n) for n in range(1, max(2, (until - after).days)))


def _decided_on(person: Participant) -> dt.date:
    """The day on which screening ended; the last form of one who was not included."""
    last = max((r.on for r in person.forms.values()), default=person.screened_on)
    return person.randomized_on or last


def _due(study: Study, person: Participant, *, on: dt.date) -> Iterable[str]:
    zero = day_zero(study, person)
    if zero is None or not (person.randomized_on or on) <= on < (person.left_on or dt.date.max):
        return
    happened: dict[str, dt.date] = {}
    for record in person.forms.values():
        happened[record.encounter] = min(record.on, happened.get(record.encounter, record.on))
    for planned in plan_encounters(study.schedule, zero):
        first = min(planned.earliest_on, person.randomized_on or on)
        opens = first if planned.planned_on == zero else planned.earliest_on
        if opens <= on < happened.get(planned.encounter, dt.date.min):
            yield planned.encounter

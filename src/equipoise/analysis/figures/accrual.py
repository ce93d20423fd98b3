"""Randomized participants against the plan."""

import datetime as dt

from msgspec import Struct

from equipoise.analysis.figures.frame import LEFT, RIGHT, TOP, WIDTH, draw_key, value_lines, x_tick
from equipoise.analysis.figures.svg import (
    Axis,
    figure,
    look_of,
    marker,
    month_ticks,
    path,
    ticks,
)
from equipoise.analysis.texts import say_day, word
from equipoise.conduct.state import TrialState
from equipoise.problems import Language
from equipoise.study.study import Study

DAYS_PER_MONTH = 365.25 / 12


class _Plan(Struct, frozen=True):
    start_on: dt.date
    end_on: dt.date
    n: int


def plot_accrual(study: Study, state: TrialState, *, today: dt.date, language: Language) -> str:
    """Randomized participants by day, as steps, against the straight line of the plan."""
    days = sorted(p.randomized_on for p in state.randomized if p.randomized_on)
    plan = _plan_accrual(study, state)
    first = min(*days[:1], plan.start_on if plan else today, today)
    last = max([today, *days[-1:], *([plan.end_on] if plan else [])]) + dt.timedelta(days=7)
    height = 320
    scale_y = ticks(0, max(len(days), plan.n if plan else 1, 1))
    x = Axis(first.toordinal(), last.toordinal(), LEFT, WIDTH - RIGHT)
    y = Axis(scale_y[0], scale_y[-1], height - 48, TOP + 50)
    drawn = [
        *value_lines(y, scale_y, language=language, label=word("accrual_axis").say(language)),
        *(x_tick(x.at(d.toordinal()), f"{d:%Y-%m}", y.start) for d in month_ticks(first, last)),
    ]
    if plan:
        corners = [
            (x.at(plan.start_on.toordinal()), y.at(0)),
            (x.at(plan.end_on.toordinal()), y.at(plan.n)),
        ]
        drawn.append(path(corners, stroke=look_of(1).color, stroke_width=2, stroke_dasharray="8 4"))
    drawn.append(path(_steps(days, today, x, y), stroke=look_of(0).color, stroke_width=2.5))
    drawn += [
        marker(look_of(0), x.at(d.toordinal()), y.at(i), size=3, hint=f"{i}: {say_day(d)}")
        for i, d in enumerate(days, 1)
    ]
    source = "accrual_by_scenario" if study.scenario.accrual_per_month else "accrual_by_dates"
    keys = ["accrual_real", source] if plan else ["accrual_real"]
    entries = [(look_of(i), word(key).say(language)) for i, key in enumerate(keys)]
    drawn.append(draw_key(entries, y=TOP + 22, has_markers=False)[0])
    return figure(
        drawn,
        width=WIDTH,
        height=height,
        title=word("accrual_title").say(language),
        description=word(
            "accrual_description",
            n=len(days),
            planned=study.identity.planned_participants,
            today=say_day(today),
        ).say(language),
        kind="accrual",
    )


def _plan_accrual(study: Study, state: TrialState) -> _Plan | None:
    """The plan: the scenario's rate from the opening, else evenly between the study's dates."""
    n = study.identity.planned_participants
    rate = sum(study.scenario.accrual_per_month.values())
    opened = min((stamp.at.date() for stamp in state.sites.values()), default=None)
    start_on = opened or _day(study.scenario.start) or _day(study.identity.start)
    if not n or start_on is None:
        return None
    if rate:
        return _Plan(start_on, start_on + dt.timedelta(days=n / rate * DAYS_PER_MONTH), n)
    completion_on = _day(study.identity.completion)
    if completion_on is None:
        return None
    days = [max(e.days) if e.days else e.day or 0 for e in study.schedule.encounters.values()]
    end_on = completion_on - dt.timedelta(days=max(days, default=0))
    return _Plan(start_on, end_on, n) if end_on > start_on else None


def _day(words: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(words if len(words) > 7 else f"{words}-01")
    except ValueError:
        return None


def _steps(days: list[dt.date], today: dt.date, x: Axis, y: Axis) -> list[tuple[float, float]]:
    points = [(x.at((days or [today])[0].toordinal()), y.at(0))]
    for i, day in enumerate(days):
        points += [(x.at(day.toordinal()), y.at(i)), (x.at(day.toordinal()), y.at(i + 1))]
    return [*points, (x.at(max([today, *days]).toordinal()), y.at(len(days)))]

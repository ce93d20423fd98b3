"""Adverse events of each participant in time."""

from collections.abc import Iterator

from equipoise.analysis.adverse import list_events
from equipoise.analysis.figures.frame import LEFT, RIGHT, TOP, WIDTH, x_tick
from equipoise.analysis.figures.svg import (
    Axis,
    figure,
    line,
    look_of,
    marker,
    tag,
    text,
    ticks,
)
from equipoise.analysis.texts import say_number, word
from equipoise.analysis.values import first_infused_on
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Language
from equipoise.safety import AdverseEvent
from equipoise.study.study import Study

MAX_PEOPLE = 60
ROW = 22
NEAR = 14
"""Marks nearer to each other than this stand one above the other."""


def plot_events(study: Study, state: TrialState, *, language: Language) -> str:
    """Adverse events by participant, in days from the first infusion, marked by grade."""
    held = list_events(study, state)
    people = [p for p in state.randomized if first_infused_on(p)][:MAX_PEOPLE]
    placed = [(p, _placed_events(p, held)) for p in people]
    days = [d for _, found in placed for d, _ in found]
    days += [d for p in people for d in _infusion_days(p)]
    scale = ticks(min([0, *days]), max([30, *days]), n=8)
    x = Axis(scale[0], scale[-1], LEFT + 50, WIDTH - RIGHT)
    bottom = TOP + 40 + ROW * len(people)
    drawn = [x_tick(x.at(d), say_number(d, language, decimals=0), bottom) for d in scale]
    drawn.append(
        text(word("events_axis").say(language), x=WIDTH / 2, y=bottom + 42, anchor="middle")
    )
    for i, (person, found) in enumerate(placed):
        drawn += _event_row(person, found, x=x, y=TOP + 44 + ROW * i, language=language)
    drawn += _events_key(language)
    return figure(
        drawn,
        width=WIDTH,
        height=bottom + 52,
        title=word("events_title").say(language),
        description=word(
            "events_description",
            n_events=len(held),
            n_shown=sum(len(found) for _, found in placed),
            n_people=len(people),
        ).say(language),
        kind="events",
    )


def _placed_events(
    person: Participant, events: tuple[AdverseEvent, ...]
) -> list[tuple[int, AdverseEvent]]:
    """A participant's events with a day, counted from the first infusion."""
    zero = first_infused_on(person)
    return [
        ((e.onset_on - zero).days, e)
        for e in events
        if zero and e.onset_on and e.participant == person.code
    ]


def _infusion_days(person: Participant) -> list[int]:
    zero = first_infused_on(person)
    return [(i.given_on - zero).days for i in person.infusions.values() if zero and i.given_on]


def _event_row(
    person: Participant,
    found: list[tuple[int, AdverseEvent]],
    *,
    x: Axis,
    y: float,
    language: Language,
) -> Iterator[str]:
    yield text(person.code, x=4, y=y + 4, size=12)
    yield line(x.start, y, x.end, y, stroke_opacity=0.18)
    for day in _infusion_days(person):
        yield line(x.at(day), y - 8, x.at(day), y + 8, stroke_width=2)
    last, shift = -NEAR - 1.0, 0
    for day, event in sorted(found, key=lambda f: f[0]):
        hint = word("events_hint", term=event.term, grade=event.grade or "?", day=day).say(language)
        shift = -shift or 5 if x.at(day) - last < NEAR else 0
        last = x.at(day)
        yield _event_mark(event, last, y + shift, hint=hint)


def _event_mark(event: AdverseEvent, x: float, y: float, *, hint: str) -> str:
    """A square if serious, a diamond if to be clarified, else a circle, with the grade in it."""
    i = {True: 1, None: 3, False: 0}[event.is_serious]
    shape = marker(look_of(i), x, y, size=7, hint=hint)
    grade = text(
        str(event.grade or "?"),
        x=x,
        y=y + 3.5,
        anchor="middle",
        size=10,
        fill="#FFFFFF" if i != 3 else "#000000",
        font_weight="700",
        pointer_events="none",
    )
    return tag("g", shape, grade, class_="eq-event")


def _events_key(language: Language) -> Iterator[str]:
    x = 8.0
    for i, key in ((0, "events_not_serious"), (1, "events_serious"), (3, "events_unclear")):
        words = word(key).say(language)
        yield marker(look_of(i), x, TOP - 4, size=6)
        yield text(words, x=x + 12, y=TOP, size=12)
        x += 34 + 6.6 * len(words)
    yield line(x, TOP - 12, x, TOP + 4, stroke_width=2)
    yield text(word("events_infusion").say(language), x=x + 8, y=TOP, size=12)

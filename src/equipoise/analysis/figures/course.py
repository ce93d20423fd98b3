"""The course of an endpoint, as means over each person's line."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

from msgspec import Struct

from equipoise.analysis.course import Course, CourseGroup
from equipoise.analysis.figures.frame import (
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    draw_key,
    value_lines,
    x_tick,
)
from equipoise.analysis.figures.svg import Axis, figure, look_of, marker, path, text, ticks
from equipoise.analysis.texts import decimals_for, say_number, word
from equipoise.problems import Language

LONGEST = 12
"""Characters of an encounter's words that have room under the axis."""


class _Stage(Struct, frozen=True):
    """Where things go: the pixel of each encounter, and the axis of values."""

    xs: tuple[float, ...]
    y: Axis


def plot_course(course: Course, *, language: Language) -> str:
    """Means by encounter, each person's line faint behind them, and how many stand behind each."""
    shown = [g for g in course.groups if not g.until]
    values = [v for g in shown for one in g.lines for v in one if v is not None]
    scale = ticks(min(values, default=0.0), max(values, default=1.0))
    key, key_end = draw_key(
        [(look_of(i), g.label.say(language)) for i, g in enumerate(shown)], y=TOP + 24
    )
    y = Axis(scale[0], scale[-1], key_end + 262, key_end + 22)
    stage = _Stage(_place(course.days), y)
    label = course.endpoint.label.say(language)
    unit = f" ({course.endpoint.unit.say(language)})" if course.endpoint.unit else ""
    drawn = [key, *value_lines(y, scale, language=language, label=label + unit)]
    drawn += [x_tick(x, _short(course, i, language), y.start) for i, x in enumerate(stage.xs)]
    for i, group in enumerate(shown):
        drawn += _person_lines(group, i, stage=stage)
    for i, group in enumerate(shown):
        drawn += _mean_line(group, i, stage=stage)
        drawn += _counts(group, i, stage=stage)
    return figure(
        drawn,
        width=WIDTH,
        height=y.start + 40 + 20 * len(shown),
        title=word("course_title", endpoint=course.endpoint.label).say(language),
        description=_describe_course(shown, language, decimals=decimals_for(course.largest)),
        kind="course",
    )


def _place(days: tuple[int, ...]) -> tuple[float, ...]:
    """The pixels of planned days: to scale, save that neighbors keep room for their words."""
    total = max(days[-1] - days[0], 1)
    steps = [max(b - a, total * 0.1) for a, b in pairwise(days)]
    x = Axis(0, sum(steps) or 1, LEFT + 36, WIDTH - RIGHT - 28)
    return tuple(x.at(at) for at in accumulate(steps, initial=0.0))


def _short(course: Course, i: int, language: Language) -> str:
    """The encounter's words, or its name where they are long."""
    words = course.labels[i].say(language)
    return words if len(words) <= LONGEST else course.encounters[i]


def _person_lines(group: CourseGroup, i: int, *, stage: _Stage) -> Iterator[str]:
    look = look_of(i)
    for one in group.lines:
        known = [(x, stage.y.at(v)) for x, v in zip(stage.xs, one, strict=True) if v is not None]
        if known:
            yield path(
                known,
                stroke=look.color,
                stroke_width=1,
                stroke_opacity=0.28,
                stroke_dasharray=look.dash or None,
            )


def _mean_line(group: CourseGroup, i: int, *, stage: _Stage) -> Iterator[str]:
    look = look_of(i)
    known = [
        (x + 4 * i, stage.y.at(p.mean), p)
        for x, p in zip(stage.xs, group.points, strict=True)
        if p.mean is not None
    ]
    if known:
        yield path(
            [k[:2] for k in known],
            stroke=look.color,
            stroke_width=2.8,
            stroke_dasharray=look.dash or None,
        )
    for px, py, point in known:
        yield marker(look, px, py, hint=f"{point.encounter}: {point.mean:.1f} (n = {point.n})")


def _counts(group: CourseGroup, i: int, *, stage: _Stage) -> Iterator[str]:
    """Under each encounter, how many of a group have a value."""
    at = stage.y.start + 44 + 20 * i
    yield marker(look_of(i), 14, at - 4)
    yield text("n =", x=26, y=at, size=12)
    for x, point in zip(stage.xs, group.points, strict=True):
        yield text(str(point.n), x=x, y=at, anchor="middle", size=12)


def _describe_course(groups: list[CourseGroup], language: Language, *, decimals: int) -> str:
    return " ".join(
        word(
            "course_description",
            group=group.label,
            means="; ".join(
                f"{p.encounter}: {say_number(p.mean, language, decimals=decimals)} (n = {p.n})"
                for p in group.points
            ),
        ).say(language)
        for group in groups
    )

"""The course of an endpoint, as means over each person's line."""

from collections.abc import Iterator

from equipoise.analysis.course import Course, CourseGroup
from equipoise.analysis.figures.frame import LEFT, RIGHT, TOP, WIDTH, value_lines, x_tick
from equipoise.analysis.figures.svg import (
    Axis,
    figure,
    line,
    look_of,
    marker,
    path,
    text,
    ticks,
)
from equipoise.analysis.texts import say_number, word
from equipoise.problems import Language


def plot_course(course: Course, *, language: Language) -> str:
    """Means by encounter, each person's line faint behind them, and how many stand behind each."""
    shown = [g for g in course.groups if not g.until]
    rows = 22 * len(shown)
    height = 350 + rows
    values = [v for g in shown for one in g.lines for v in one if v is not None]
    scale = ticks(min(values, default=0.0), max(values, default=1.0))
    low, high = course.days[0], course.days[-1]
    x = Axis(low, max(high, low + 1), LEFT + 60, WIDTH - RIGHT - 20)
    y = Axis(scale[0], scale[-1], height - rows - 60, TOP + 24)
    label = course.endpoint.label.say(language)
    unit = f" ({course.endpoint.unit.say(language)})" if course.endpoint.unit else ""
    drawn = list(value_lines(y, scale, language=language, label=label + unit, left=LEFT + 30))
    drawn += [
        x_tick(x.at(day), e, y.start) for day, e in zip(course.days, course.encounters, strict=True)
    ]
    for i, group in enumerate(shown):
        drawn += _person_lines(group, i, course=course, x=x, y=y)
    for i, group in enumerate(shown):
        drawn += _mean_line(group, i, course=course, x=x, y=y)
        drawn += _counts(group, i, course=course, x=x, top=y.start + 46, language=language)
    return figure(
        drawn,
        width=WIDTH,
        height=height,
        title=word("course_title", endpoint=course.endpoint.label).say(language),
        description=_describe_course(shown, language),
        kind="course",
    )


def _person_lines(group: CourseGroup, i: int, *, course: Course, x: Axis, y: Axis) -> Iterator[str]:
    look = look_of(i)
    for one in group.lines:
        known = [(x.at(d), y.at(v)) for d, v in zip(course.days, one, strict=True) if v is not None]
        if known:
            yield path(
                known,
                stroke=look.color,
                stroke_width=1,
                stroke_opacity=0.28,
                stroke_dasharray=look.dash or None,
            )


def _mean_line(group: CourseGroup, i: int, *, course: Course, x: Axis, y: Axis) -> Iterator[str]:
    look = look_of(i)
    known = [
        (x.at(day) + 3 * i, y.at(p.mean), p)
        for day, p in zip(course.days, group.points, strict=True)
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


def _counts(
    group: CourseGroup, i: int, *, course: Course, x: Axis, top: float, language: Language
) -> Iterator[str]:
    """The key of a group, and under each encounter how many have a value."""
    look, at = look_of(i), top + 22 * i
    yield line(
        4,
        at - 4,
        30,
        at - 4,
        stroke=look.color,
        stroke_width=2.5,
        stroke_dasharray=look.dash or None,
    )
    yield marker(look, 17, at - 4)
    yield text(f"n, {group.label.say(language)}", x=36, y=at, size=12)
    for day, point in zip(course.days, group.points, strict=True):
        yield text(str(point.n), x=x.at(day), y=at, anchor="middle", size=12)


def _describe_course(groups: list[CourseGroup], language: Language) -> str:
    return " ".join(
        word(
            "course_description",
            group=group.label,
            means="; ".join(
                f"{p.encounter}: {say_number(p.mean, language)} (n = {p.n})" for p in group.points
            ),
        ).say(language)
        for group in groups
    )

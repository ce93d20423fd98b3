"""The course of an endpoint: by encounter, and the change from baseline."""

import datetime as dt
from collections.abc import Mapping

from msgspec import Struct

from equipoise.analysis.groups import Arms, Basis, Group, SharedArms, find_shared_arms, form_groups
from equipoise.analysis.summary import summarize
from equipoise.analysis.texts import word
from equipoise.analysis.values import Histories, find_baseline, to_number
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import LANGUAGES, Text
from equipoise.study.protocol import Endpoint
from equipoise.study.study import Study


class CoursePoint(Struct, frozen=True):
    """An endpoint at one encounter. Changes are of those with a baseline and a later value."""

    encounter: str
    n: int
    mean: float | None
    sd: float | None
    n_change: int
    mean_change: float | None
    sd_change: float | None


class CourseGroup(Struct, frozen=True):
    """A group's points and each member's line; `until` ends the life of a group of shared arms."""

    key: str
    label: Text
    n: int
    baseline: CoursePoint
    points: tuple[CoursePoint, ...]
    lines: tuple[tuple[float | None, ...], ...]
    until: str = ""


class Course(Struct, frozen=True):
    """An endpoint over the encounters at which it is measured, by group."""

    endpoint: Endpoint
    basis: Basis
    encounters: tuple[str, ...]
    days: tuple[int, ...]
    labels: tuple[Text, ...]
    groups: tuple[CourseGroup, ...]
    shared: tuple[SharedArms, ...] = ()

    @property
    def largest(self) -> float | None:
        """The largest value that anybody has."""
        known = (v for g in self.groups for line in g.lines for v in line if v is not None)
        return max(known, default=None)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has a value."""
        return not any(p.n for g in self.groups for p in (g.baseline, *g.points))


class _Person(Struct, frozen=True):
    baseline: float | None
    baseline_on: dt.date | None
    values: Mapping[str, tuple[dt.date, float]]


def estimate_course(
    study: Study,
    state: TrialState,
    endpoint: Endpoint,
    *,
    arms: Arms = None,
    histories: Histories | None = None,
) -> Course:
    """Mean and standard deviation at each encounter, by group.

    Baseline is the last value before or at the first infusion. Arms that are still alike are also
    pooled, up to the encounter at which they part.
    """
    basis, groups = form_groups(study, state, arms)
    form = study.forms[endpoint.item.partition(".")[0]]
    encounters = tuple(e for e in study.schedule.encounters if e in form.at)
    shared = tuple(
        s
        for s in (find_shared_arms(study) if basis == "unblinded" else ())
        if set(encounters) & set(s.encounters)
    )
    read = histories or Histories(study)
    people = {p.code: _read(read, p, endpoint.item) for g in groups for p in g.members}
    return Course(
        endpoint=endpoint,
        basis=basis,
        encounters=encounters,
        days=tuple(_day_of(study, e) for e in encounters),
        labels=tuple(study.schedule.encounters[e].label for e in encounters),
        groups=(
            *(_estimate(g, people=people, encounters=encounters) for g in groups),
            *(_pool(s, groups, people=people, encounters=encounters) for s in shared),
        ),
        shared=shared,
    )


def _pool(
    shared: SharedArms,
    groups: tuple[Group, ...],
    *,
    people: Mapping[str, _Person],
    encounters: tuple[str, ...],
) -> CourseGroup:
    """The arms that are still alike, as one group over the encounters up to their parting."""
    alike = [g for g in groups if g.key in shared.arms]
    names = Text(*(" + ".join(g.label.say(spoken) for g in alike) for spoken in LANGUAGES))
    pooled = Group(
        key="+".join(shared.arms),
        label=word("pooled_until", arms=names, encounter=shared.until),
        members=tuple(p for g in alike for p in g.members),
    )
    return _estimate(
        pooled,
        people=people,
        encounters=tuple(e for e in encounters if e in shared.encounters),
        until=shared.until,
    )


def _estimate(
    group: Group, *, people: Mapping[str, _Person], encounters: tuple[str, ...], until: str = ""
) -> CourseGroup:
    members = [people[p.code] for p in group.members]
    start = summarize([m.baseline for m in members if m.baseline is not None])
    return CourseGroup(
        key=group.key,
        label=group.label,
        n=len(members),
        baseline=CoursePoint("", start.n, start.mean, start.sd, 0, None, None),
        points=tuple(_point(members, e) for e in encounters),
        lines=tuple(
            tuple(m.values[e][1] if e in m.values else None for e in encounters) for m in members
        ),
        until=until,
    )


def _point(members: list[_Person], encounter: str) -> CoursePoint:
    here = summarize([m.values[encounter][1] for m in members if encounter in m.values])
    changes = [
        m.values[encounter][1] - m.baseline
        for m in members
        if m.baseline is not None
        and m.baseline_on is not None
        and encounter in m.values
        and m.values[encounter][0] > m.baseline_on
    ]
    change = summarize(changes)
    return CoursePoint(encounter, here.n, here.mean, here.sd, change.n, change.mean, change.sd)


def _read(read: Histories, person: Participant, name: str) -> _Person:
    history = tuple(o for o in read.of(person, name) if to_number(o.value) is not None)
    baseline = find_baseline(person, history)
    return _Person(
        baseline=to_number(baseline.value) if baseline else None,
        baseline_on=baseline.on if baseline else None,
        values={o.encounter: (o.on, to_number(o.value) or 0.0) for o in history},
    )


def _day_of(study: Study, encounter: str) -> int:
    """The planned day; the middle of a span."""
    planned = study.schedule.encounters[encounter]
    return (planned.day or 0) if planned.days is None else sum(planned.days) // 2

"""Adverse events by what was really infused, by period; pooled while the trial is blinded."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from equipoise.analysis.groups import Basis, DummyArms
from equipoise.analysis.summary import estimate_upper_bound
from equipoise.analysis.texts import word
from equipoise.conduct import adverse_records
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Refused, Text, problem
from equipoise.safety import AdverseEvent, list_adverse_events
from equipoise.study.study import Study

Received = Mapping[tuple[str, str], str]
"""What was in each infusion, by randomization number and encounter: a product of the study."""

UNCLEAR = "events_to_clarify"
SEVERE = 3
"""The lowest grade that counts as severe (CTCAE)."""
BEFORE, LATER, UNDATED = "before", "later", "undated"
"""The events of no period: before the first infusion; too late for a period; without onset."""


class Count(Struct, frozen=True):
    """How many participants, and how many events.

    `upper_bound` is the one-sided upper 95 % bound of the risk where none was seen, and none of
    this column's events is still open to be one.
    """

    n_participants: int
    n_events: int
    upper_bound: float | None = None


class AdverseRow(Struct, frozen=True):
    """One kind of event in each column: all of them, the serious ones, or those of one term."""

    label: Text
    counts: tuple[Count, ...]


class AdverseColumn(Struct, frozen=True):
    """The participants of one period who received the same, or of no period."""

    period: str
    label: Text
    n_exposed: int
    max_grades: tuple[tuple[int, int], ...]
    """How many participants have this as the highest grade of their events."""


class AdverseTable(Struct, frozen=True):
    """Columns by period and product; each event stands in exactly one of them."""

    basis: Basis
    columns: tuple[AdverseColumn, ...]
    totals: tuple[AdverseRow, ...]
    terms: tuple[AdverseRow, ...]
    n_events: int


class _Column(Struct, frozen=True):
    period: str
    label: Text
    exposed: frozenset[str]
    events: tuple[AdverseEvent, ...]


def list_events(study: Study, state: TrialState) -> tuple[AdverseEvent, ...]:
    """Every adverse event on record; none where the study has no safety plan."""
    if study.safety is None:
        return ()
    people = state.participants.values()
    return list_adverse_events(study.safety, [r for p in people for r in adverse_records(study, p)])


def tabulate_adverse_events(
    study: Study,
    state: TrialState,
    *,
    received: Received | None = None,
    dummy: DummyArms | None = None,
) -> AdverseTable:
    """Events after each infusion until the next one, by the product that was received.

    A period without a next infusion ends where the next one was planned; the last has no end. An
    event on the day of an infusion belongs to the period that begins with it.

    Raises:
        Refused: an infusion was given and `received` does not tell of what.
    """
    if received is not None:
        _check_received(study, state, received)
    people = {p.code: p for p in state.randomized}
    events = [e for e in list_events(study, state) if e.participant in people]
    columns = (
        *_period_columns(study, people, events, received=received, dummy=dummy),
        *_other_columns(study, people, events),
    )
    terms = sorted({e.term for e in events})
    return AdverseTable(
        basis="unblinded" if received is not None else "dummy" if dummy else "pooled",
        columns=tuple(_describe(c) for c in columns),
        totals=_count_totals(columns),
        terms=tuple(_count_row(Text(t or "–"), columns, partial(_is_term, t)) for t in terms),
        n_events=len(events),
    )


def period_of(study: Study, person: Participant, event: AdverseEvent) -> str:
    """The encounter whose infusion began the period of an event, or a period that is none."""
    if event.onset_on is None:
        return UNDATED
    given = [
        (i.given_on, e)
        for e in study.infusion_encounters
        if (i := person.infusions.get(e)) and i.given_on and i.given_on <= event.onset_on
    ]
    if not given:
        return BEFORE
    began_on, encounter = given[-1]
    if _is_next_given(study, person, encounter):
        return encounter
    ends_on = _planned_end(study, encounter, began_on)
    return LATER if ends_on and event.onset_on >= ends_on else encounter


def _planned_end(study: Study, encounter: str, began_on: dt.date) -> dt.date | None:
    """The day on which the next infusion is planned, counted from this one; None after the last."""
    order = study.infusion_encounters
    following = order.index(encounter) + 1
    if following == len(order):
        return None
    planned = study.schedule.encounters
    days = (planned[order[following]].day or 0) - (planned[encounter].day or 0)
    return began_on + dt.timedelta(days=days)


def _is_next_given(study: Study, person: Participant, encounter: str) -> bool:
    order = study.infusion_encounters
    later = order[order.index(encounter) + 1 :]
    return any(i.given_on for e, i in person.infusions.items() if e in later)


def _period_columns(
    study: Study,
    people: Mapping[str, Participant],
    events: list[AdverseEvent],
    *,
    received: Received | None,
    dummy: DummyArms | None,
) -> tuple[_Column, ...]:
    columns = []
    for encounter in study.infusion_encounters:
        exposed = [p for p in people.values() if _is_given(p, encounter)]
        here = [e for e in events if period_of(study, people[e.participant], e) == encounter]
        for label, members in _divide(study, encounter, exposed, received=received, dummy=dummy):
            mine = tuple(e for e in here if e.participant in members)
            columns.append(_Column(encounter, label, members, mine))
    return tuple(columns)


def _divide(
    study: Study,
    encounter: str,
    exposed: list[Participant],
    *,
    received: Received | None,
    dummy: DummyArms | None,
) -> Iterable[tuple[Text, frozenset[str]]]:
    """The participants infused at an encounter, by what they received."""
    if received is not None:
        of = {p.code: received[p.number, encounter] for p in exposed}
        labels = {name: product.label for name, product in study.treatments.products.items()}
    elif dummy is not None:
        of = {p.code: dummy.label_of[p.number] for p in exposed}
        labels = {label: word("dummy_arm", label=label) for label in dummy.labels}
    else:
        of, labels = {p.code: "" for p in exposed}, {"": word("all_together")}
    for key, label in labels.items():
        yield label, frozenset(code for code, group in of.items() if group == key)


def _other_columns(
    study: Study, people: Mapping[str, Participant], events: list[AdverseEvent]
) -> tuple[_Column, ...]:
    """The events of no period; a column only where there are any."""
    columns = []
    for period in (BEFORE, LATER, UNDATED):
        here = tuple(e for e in events if period_of(study, people[e.participant], e) == period)
        exposed = (c for c, p in people.items() if period != LATER or _has_stopped(study, p))
        if here:
            label = Text("") if period == LATER else word("all_together")
            columns.append(_Column(period, label, frozenset(exposed), here))
    return tuple(columns)


def _has_stopped(study: Study, person: Participant) -> bool:
    """Whether somebody had the first infusion but not all of them."""
    given = [_is_given(person, e) for e in study.infusion_encounters]
    return any(given) and not all(given)


def _describe(column: _Column) -> AdverseColumn:
    highest: dict[str, int] = {}
    for event in column.events:
        if event.grade is not None:
            highest[event.participant] = max(event.grade, highest.get(event.participant, 0))
    return AdverseColumn(
        period=column.period,
        label=column.label,
        n_exposed=len(column.exposed),
        max_grades=tuple(
            (g, sum(1 for h in highest.values() if h == g)) for g in sorted(set(highest.values()))
        ),
    )


def _count_totals(columns: tuple[_Column, ...]) -> tuple[AdverseRow, ...]:
    kinds: dict[str, Callable[[AdverseEvent], bool | None]] = {
        "any_event": lambda _: True,
        "serious_events": lambda e: e.is_serious,
        UNCLEAR: lambda e: e.is_serious is None,
        "related_events": lambda e: e.is_related,
        "severe_events": lambda e: None if e.grade is None else e.grade >= SEVERE,
        "fatal_events": lambda e: e.is_fatal,
    }
    rows = {key: _count_row(word(key), columns, is_of) for key, is_of in kinds.items()}
    unclear = rows[UNCLEAR]
    rows[UNCLEAR] = replace(  # an open question has no risk
        unclear, counts=tuple(replace(c, upper_bound=None) for c in unclear.counts)
    )
    return tuple(rows.values())


def _count_row(
    label: Text, columns: tuple[_Column, ...], is_of: Callable[[AdverseEvent], bool | None]
) -> AdverseRow:
    """The events of a kind in each column; a verdict of None leaves open whether one is of it."""
    return AdverseRow(label, tuple(_count(column, is_of) for column in columns))


def _count(column: _Column, is_of: Callable[[AdverseEvent], bool | None]) -> Count:
    verdicts = [(e.participant, is_of(e)) for e in column.events]
    found = [participant for participant, verdict in verdicts if verdict]
    is_ruled_out = column.exposed and all(verdict is False for _, verdict in verdicts)
    bound = estimate_upper_bound(len(column.exposed)) if is_ruled_out else None
    return Count(len(set(found)), len(found), bound)


def _is_term(term: str, event: AdverseEvent) -> bool:
    return event.term == term


def _is_given(person: Participant, encounter: str) -> bool:
    infusion = person.infusions.get(encounter)
    return infusion is not None and infusion.given_on is not None


def _check_received(study: Study, state: TrialState, received: Received) -> None:
    given = [
        (p.number, e)
        for p in state.randomized
        for e in study.infusion_encounters
        if _is_given(p, e)
    ]
    silent = [
        f"{number} / {encounter}"
        for number, encounter in given
        if (number, encounter) not in received
    ]
    unknown = sorted(set(received.values()) - set(study.treatments.products))
    problems = []
    if silent:
        problems.append(problem("EQ-A004", infusions=", ".join(silent)))
    if unknown:
        problems.append(problem("EQ-A006", products=", ".join(unknown)))
    if problems:
        raise Refused(problems)

"""Adverse events as the study's form has them: how serious, how soon to be reported.

Seriousness is an expression of the study folder over the answers of the form. Where an answer is
missing the verdict may be unknown; it is then shown as to be clarified, never as not serious, and
its clock runs.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

from msgspec import Struct

from equipoise.language import Known, Unknown, evaluate, parse, unknown
from equipoise.problems import natural_order
from equipoise.study.protocol import SafetyPlan

Value = bool | int | float | str | None
Clock = Literal["not_required", "due", "overdue", "reported", "reported_late"]

NOT_RELATED = frozenset({"no", "none", "not_related", "unrelated", "unlikely"})
"""Answers that deny a reasonable possibility of a causal link (ICH E2A); all others affirm it."""


class AdverseRecord(Struct, frozen=True):
    """A filled-in adverse event form: its answers, since when they stand, what stood before.

    `values` has every item of the form; None is one that was left empty. `earlier` holds each
    former state of the answers with the instant of its entry, oldest first; `infused_on` the days
    of this participant's infusions; `reported_at` when the sponsor had the report.
    """

    participant: str
    repeat: int
    values: Mapping[str, Value]
    at: dt.datetime
    earlier: tuple[tuple[dt.datetime, Mapping[str, Value]], ...] = ()
    infused_on: tuple[dt.date, ...] = ()
    reported_at: dt.datetime | None = None


class AdverseEvent(Struct, frozen=True):
    """One adverse event. None is unknown: to be clarified.

    `known_at` is the instant from which the record gave it as serious, or as possibly so; for one
    that is not serious, its first entry. `report_by` is None where nothing is to be reported.
    """

    participant: str
    repeat: int
    term: str
    onset_on: dt.date | None
    grade: int | None
    is_serious: bool | None
    is_fatal: bool | None
    is_related: bool | None
    known_at: dt.datetime
    report_by: dt.datetime | None
    days_after_infusion: int | None
    reported_at: dt.datetime | None = None
    of_interest: str | None = None


def read_adverse_event(plan: SafetyPlan, record: AdverseRecord) -> AdverseEvent:
    """What the answers of one form say, by the study's safety plan."""
    values = record.values
    is_serious = _holds(plan.serious_if, values)
    known_at = _known_at(plan, record)
    onset_on = _read_day(values.get(plan.onset))
    hours = dt.timedelta(hours=plan.report_within_hours)
    return AdverseEvent(
        participant=record.participant,
        repeat=record.repeat,
        term=str(values.get(plan.term) or ""),
        onset_on=onset_on,
        grade=_read_grade(values.get(plan.grade)),
        is_serious=is_serious,
        is_fatal=_holds(plan.fatal_if, values) if plan.fatal_if else None,
        is_related=_read_related(values.get(plan.related)),
        known_at=known_at,
        report_by=None if is_serious is False else known_at + hours,
        days_after_infusion=_days_after(onset_on, record.infused_on),
        reported_at=_reported_at(record, known_at),
        of_interest=_read_code(values.get(plan.of_interest or "")),
    )


def list_adverse_events(
    plan: SafetyPlan, records: Iterable[AdverseRecord]
) -> tuple[AdverseEvent, ...]:
    """Every event in order of participants, then of onset; those without onset come last."""
    events = (read_adverse_event(plan, r) for r in records)
    return tuple(
        sorted(
            events,
            key=lambda e: (natural_order(e.participant), e.onset_on or dt.date.max, e.repeat),
        )
    )


def assess_clock(event: AdverseEvent, now: dt.datetime) -> Clock:
    """Where the report of an event to the sponsor stands at an instant."""
    if event.report_by is None:
        return "not_required"
    if event.reported_at is not None:
        return "reported" if event.reported_at <= event.report_by else "reported_late"
    return "due" if now <= event.report_by else "overdue"


def _reported_at(record: AdverseRecord, known_at: dt.datetime) -> dt.datetime | None:
    """A report from before the event was serious does not meet the clock of the serious one."""
    at = record.reported_at
    return at if at is not None and at >= known_at else None


def _known_at(plan: SafetyPlan, record: AdverseRecord) -> dt.datetime:
    """The start of the clock: since when the answers have not ruled out that it is serious."""
    versions = (*record.earlier, (record.at, record.values))
    if _holds(plan.serious_if, record.values) is False:
        return versions[0][0]
    known_at = record.at
    for at, values in reversed(versions):
        if _holds(plan.serious_if, values) is False:
            break
        known_at = at
    return known_at


def _holds(condition: str, values: Mapping[str, Value]) -> bool | None:
    """Whether a condition of the safety plan is true of the answers; None if that is unknown."""
    verdict = evaluate(parse(condition), partial(_look_up, values))
    return bool(verdict.value) if isinstance(verdict, Known) else None


def _look_up(values: Mapping[str, Value], name: str) -> Known | Unknown | None:
    """The answer to an item. A name that is no item is left to be a choice's code."""
    if name not in values:
        return None
    value = values[name]
    if value is None:
        return unknown("missing", name)
    return Known(_read_day(value) or value)


def _read_day(value: Value) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None


def _read_grade(value: Value) -> int | None:
    try:
        return int(float(str(value)))
    except ValueError:
        return None


def _read_code(value: Value) -> str | None:
    return None if value is None else str(value)


def _read_related(value: Value) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    return str(value) not in NOT_RELATED


def _days_after(onset_on: dt.date | None, infused_on: Iterable[dt.date]) -> int | None:
    """Whole days since the last infusion up to the onset; the day of the infusion is 0."""
    if onset_on is None:
        return None
    return min(((onset_on - day).days for day in infused_on if day <= onset_on), default=None)

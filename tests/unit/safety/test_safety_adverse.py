"""Adverse events: seriousness in three values, the clock, the list."""

import datetime as dt
from typing import Any

import pytest

from equipoise.safety import (
    AdverseRecord,
    assess_clock,
    list_adverse_events,
    read_adverse_event,
)
from equipoise.study.protocol import SafetyPlan

AT = dt.datetime(2026, 3, 10, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
PLAN = SafetyPlan(
    form="adverse_event",
    term="term",
    onset="onset_on",
    grade="grade",
    related="related",
    serious_if="fatal or hospitalization",
    fatal_if="fatal",
)
VALUES: dict[str, Any] = {
    "term": "Fever",
    "onset_on": "2026-03-09",
    "grade": 2,
    "related": "possible",
    "fatal": False,
    "hospitalization": False,
}


def record(*, at: dt.datetime = AT, **changes: Any) -> AdverseRecord:
    structural = {
        k: changes.pop(k)
        for k in ("participant", "repeat", "earlier", "infused_on", "reported_at")
        if k in changes
    }
    return AdverseRecord(
        **{"participant": "01-001", "repeat": 1, **structural}, values={**VALUES, **changes}, at=at
    )


def test_an_event_is_read_from_its_form_by_the_safety_plan() -> None:
    """Term, onset, grade, seriousness and relation come from the items that the plan names."""
    event = read_adverse_event(PLAN, record())

    assert (event.term, event.onset_on, event.grade) == ("Fever", dt.date(2026, 3, 9), 2)
    assert (event.is_serious, event.is_fatal, event.is_related) == (False, False, True)
    assert event.report_by is None


@pytest.mark.parametrize(
    ("fatal", "hospitalization", "expected"),
    [
        (False, False, False),
        (False, True, True),
        (None, True, True),
        (None, False, None),
        (False, None, None),
        (None, None, None),
    ],
)
def test_seriousness_is_unknown_where_an_answer_that_decides_is_missing(
    fatal: bool | None, hospitalization: bool | None, expected: bool | None
) -> None:
    """A missing answer never makes an event not serious; one true answer is enough."""
    event = read_adverse_event(PLAN, record(fatal=fatal, hospitalization=hospitalization))

    assert event.is_serious is expected


def test_a_missing_choice_leaves_seriousness_open() -> None:
    """`outcome = death` is unknown, not false, while the outcome has not been entered."""
    plan = SafetyPlan(
        form="ae", term="term", onset="onset_on", grade="grade", related="related",
        serious_if="outcome = death",
    )  # fmt: skip

    assert read_adverse_event(plan, record(outcome=None)).is_serious is None
    assert read_adverse_event(plan, record(outcome="death")).is_serious is True
    assert read_adverse_event(plan, record(outcome="recovered")).is_serious is False
    assert read_adverse_event(plan, record(outcome="recovered")).is_fatal is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(None, None), (True, True), (False, False), ("certain", True), ("unrelated", False)],
)
def test_relation_is_a_yes_a_no_or_unknown(answer: object, expected: bool | None) -> None:
    """A boolean stands for itself; of the choices only the denying ones say no."""
    assert read_adverse_event(PLAN, record(related=answer)).is_related is expected


def test_what_cannot_be_read_is_unknown() -> None:
    """No onset and no grade are None, never a day or a number that nobody entered."""
    event = read_adverse_event(PLAN, record(onset_on=None, grade=None, term=None))

    assert (event.onset_on, event.grade, event.term) == (None, None, "")
    assert event.days_after_infusion is None


@pytest.mark.parametrize(
    ("onset_on", "days"),
    [("2026-03-01", 0), ("2026-05-31", 91), ("2026-06-02", 1), ("2026-02-01", None)],
)
def test_days_are_counted_from_the_last_infusion_before_the_event(
    onset_on: str, days: int | None
) -> None:
    """The day of an infusion is day 0; an event before every infusion has no number."""
    infused_on = (dt.date(2026, 3, 1), dt.date(2026, 6, 1))

    event = read_adverse_event(PLAN, record(onset_on=onset_on, infused_on=infused_on))

    assert event.days_after_infusion == days


@pytest.mark.requirement("C76")
def test_the_clock_of_a_serious_event_runs_24_hours_from_its_entry() -> None:
    """Due until the last instant, overdue after it."""
    event = read_adverse_event(PLAN, record(fatal=True))

    assert event.known_at == AT
    assert event.report_by == AT + 24 * HOUR
    assert assess_clock(event, AT + 24 * HOUR) == "due"
    assert assess_clock(event, AT + 24 * HOUR + dt.timedelta(seconds=1)) == "overdue"


@pytest.mark.requirement("C76")
def test_the_delay_of_a_report_is_told() -> None:
    """A report after the limit stays visible as late, for ever."""
    soon = read_adverse_event(PLAN, record(fatal=True, reported_at=AT + HOUR))
    late = read_adverse_event(PLAN, record(fatal=True, reported_at=AT + 25 * HOUR))

    assert assess_clock(soon, AT + 90 * HOUR) == "reported"
    assert assess_clock(late, AT + 90 * HOUR) == "reported_late"


def test_an_event_that_is_not_serious_has_no_clock_and_an_unclear_one_has() -> None:
    """Nobody waits for an answer that may come too late."""
    assert assess_clock(read_adverse_event(PLAN, record()), AT) == "not_required"
    assert assess_clock(read_adverse_event(PLAN, record(fatal=None)), AT) == "due"


@pytest.mark.requirement("C76")
def test_the_clock_starts_when_a_correction_makes_an_event_serious() -> None:
    """An event entered as not serious is known as serious from the correction on."""
    event = read_adverse_event(
        PLAN, record(hospitalization=True, at=AT + 5 * HOUR, earlier=((AT, VALUES),))
    )

    assert event.known_at == AT + 5 * HOUR


@pytest.mark.requirement("C76")
def test_a_later_correction_does_not_put_the_clock_back() -> None:
    """Serious, or open, since the first entry: the clock runs from there."""
    unclear = {**VALUES, "fatal": None}
    event = read_adverse_event(
        PLAN, record(hospitalization=True, at=AT + 30 * HOUR, earlier=((AT, unclear),))
    )

    assert event.known_at == AT
    assert assess_clock(event, AT + 30 * HOUR) == "overdue"


def test_an_event_that_is_no_longer_serious_is_known_since_its_first_entry() -> None:
    """A downgrade by correction leaves no clock and the first entry as its instant."""
    event = read_adverse_event(
        PLAN, record(at=AT + HOUR, earlier=((AT, {**VALUES, "hospitalization": True}),))
    )

    assert (event.known_at, event.report_by) == (AT, None)


def test_events_are_listed_by_participant_and_onset() -> None:
    """Those without a day come last of their participant."""
    events = list_adverse_events(
        PLAN,
        [
            record(participant="01-002"),
            record(repeat=3, onset_on=None),
            record(repeat=2, onset_on="2026-03-08"),
            record(repeat=1),
        ],
    )

    assert [(e.participant, e.repeat) for e in events] == [
        ("01-001", 2),
        ("01-001", 1),
        ("01-001", 3),
        ("01-002", 1),
    ]

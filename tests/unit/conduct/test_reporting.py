"""Serious adverse events on their way to the sponsor."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.analysis.adverse import list_events
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused
from equipoise.safety import AdverseEvent, assess_clock

from .conftest import Clock, Course
from .test_capturing import correct
from .test_opening import codes

DAY = dt.timedelta(hours=24)


def report(course: Course, code: str, repeat: int = 1, **values: object) -> None:
    given = {"term": "Fever", "serious": True, **values}
    conduct.submit_form(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        encounter="",
        form="event",
        repeat=repeat,
        on=course.clock.today,
        values=given,  # type: ignore[arg-type]
    )


def receive(course: Course, code: str, repeat: int = 1) -> None:
    conduct.receive_adverse_event(
        course.trial, by="safety_officer", at=course.clock(), participant=code, repeat=repeat
    )


def event_of(trial: RunningTrial) -> AdverseEvent:
    (event,) = list_events(trial.study, trial.state)
    return event


@pytest.mark.requirement("C76")
def test_the_clock_runs_until_the_sponsor_has_the_report(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Due, then overdue, and met by the receipt, which says who confirmed it and when."""
    code = course.randomized()
    report(course, code)
    entered_at = clock.at
    before = event_of(trial)

    assert before.report_by == entered_at + DAY
    assert assess_clock(before, entered_at + DAY) == "due"
    assert assess_clock(before, entered_at + DAY * 2) == "overdue"

    receive(course, code)
    after = event_of(trial)
    assert after.reported_at == clock.at
    assert assess_clock(after, entered_at + DAY * 2) == "reported"
    assert trial.state.participants[code].received[1].by == "safety_officer"


@pytest.mark.requirement("C76")
def test_a_late_receipt_stays_late(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """What came after the limit is told as late for ever."""
    code = course.randomized()
    report(course, code)
    clock.at += DAY
    receive(course, code)

    assert assess_clock(event_of(trial), clock.at) == "reported_late"


def test_an_event_that_turns_serious_is_received_anew(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """An unclear event may be received; once it is serious after having been denied, again."""
    code = course.randomized()
    report(course, code, serious=None)
    receive(course, code)
    correct(course, code, "serious", False, form="event", encounter="", repeat=1)
    assert event_of(trial).report_by is None

    correct(course, code, "serious", True, form="event", encounter="", repeat=1, seen=2)
    assert assess_clock(event_of(trial), clock.at) == "due"
    receive(course, code)
    assert assess_clock(event_of(trial), clock.at) == "reported"


def test_what_is_no_serious_event_is_not_received(course: Course, trial: RunningTrial) -> None:
    """No such event, not serious, received before, another role, no safety plan."""
    code = course.randomized()
    report(course, code, serious=False)
    report(course, code, repeat=2)
    receive(course, code, repeat=2)
    for repeat, expected in ((3, "EQ-C043"), (1, "EQ-C044"), (2, "EQ-C045")):
        with pytest.raises(Refused) as refused:
            receive(course, code, repeat=repeat)
        assert codes(refused) == [expected]

    with pytest.raises(Refused) as refused:
        conduct.receive_adverse_event(
            trial, by="investigator", at=course.clock(), participant=code, repeat=2
        )
    assert codes(refused) == ["EQ-C002"]

    trial.study = msgspec.structs.replace(trial.study, safety=None)
    with pytest.raises(Refused) as refused:
        receive(course, code, repeat=2)
    assert codes(refused) == ["EQ-C043"]

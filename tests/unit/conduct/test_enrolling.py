"""Screening: codes, consent, judgements, failure."""

import datetime as dt

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused

from .conftest import Clock, Course
from .test_opening import codes


def test_codes_count_up_within_a_site(course: Course) -> None:
    """Each site numbers its own participants."""
    assert [course.screen("01"), course.screen("02"), course.screen("01")] == [
        "01-001",
        "02-001",
        "01-002",
    ]


def test_nobody_screens_at_another_site_or_in_the_future(trial: RunningTrial, clock: Clock) -> None:
    """A site's coordinator works at that site; the day cannot lie ahead."""
    with pytest.raises(Refused) as refused:
        conduct.screen_participant(
            trial,
            by="coordinator-02",
            at=clock(),
            site="01",
            on=clock.today + dt.timedelta(days=2),
        )

    assert codes(refused) == ["EQ-C018", "EQ-C014"]


@pytest.mark.requirement("F07")
def test_screening_ends_when_the_trial_is_full(course: Course) -> None:
    """After the last planned participant nobody is screened or randomized."""
    waiting = course.eligible()
    for _ in range(4):
        course.randomized()

    with pytest.raises(Refused) as refused:
        course.screen()
    assert codes(refused) == ["EQ-C020"]
    with pytest.raises(Refused) as refused:
        course.randomize(waiting)
    assert codes(refused) == ["EQ-C020"]


@pytest.mark.requirement("C78")
def test_no_procedure_comes_before_consent(course: Course, clock: Clock) -> None:
    """A form before consent, or dated before it, is refused."""
    code = course.screen()
    with pytest.raises(Refused) as refused:
        course.submit(code, "vitals", weight=70.0, pregnant=False)
    assert codes(refused) == ["EQ-C040"]

    course.consent(code)
    with pytest.raises(Refused) as refused:
        conduct.submit_form(
            course.trial,
            by="investigator",
            at=clock(),
            participant=code,
            encounter="screening",
            form="vitals",
            on=clock.today - dt.timedelta(days=1),
            values={"weight": 70.0, "pregnant": False},
        )
    assert codes(refused) == ["EQ-C041"]
    consent = course.trial.state.participants[code].consent
    assert consent is not None
    assert (consent.version, consent.on) == ("1.0", clock.today)


def test_a_judgement_is_made_by_the_role_that_the_criterion_names(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The coordinator cannot judge for the investigator, nor judge what is measured."""
    code = course.screen()

    def judge(by: str, rule: str) -> list[str]:
        with pytest.raises(Refused) as refused:
            conduct.judge_criterion(
                trial,
                by=by,
                at=clock(),
                participant=code,
                rule=rule,
                is_true=True,
                on=clock.today,
            )
        return codes(refused)

    assert judge("coordinator", "I2") == ["EQ-C022"]
    assert judge("investigator", "I1") == ["EQ-C021"]
    with pytest.raises(Refused) as refused:
        course.judge("01-999")
    assert codes(refused) == ["EQ-C003"]


def test_a_barring_criterion_ends_screening(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The criteria that barred are kept; nothing more is judged or entered."""
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=3, leg=3)

    conduct.fail_screening(trial, by="coordinator", at=clock(), participant=code)

    failed = trial.state.participants[code]
    assert (failed.status, failed.failed_criteria) == ("screen_failed", ("I1",))
    for act in (lambda: course.judge(code), lambda: course.submit(code, "vitals", weight=70.0)):
        with pytest.raises(Refused) as refused:
            act()
        assert "EQ-C017" in codes(refused)
    with pytest.raises(Refused) as refused:
        conduct.fail_screening(trial, by="coordinator", at=clock(), participant=code)
    assert codes(refused) == ["EQ-C017", "EQ-C023"]


def test_without_a_barring_criterion_failure_needs_a_reason(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Somebody who simply does not go on leaves with words that say why."""
    code = course.screen()
    with pytest.raises(Refused) as refused:
        conduct.fail_screening(trial, by="coordinator", at=clock(), participant=code)
    assert codes(refused) == ["EQ-C004"]

    conduct.fail_screening(
        trial, by="coordinator", at=clock(), participant=code, reason="Moved away"
    )
    assert trial.state.participants[code].failed_criteria == ()

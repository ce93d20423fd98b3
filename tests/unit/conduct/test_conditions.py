"""Encounters and forms that are expected of some participants alone."""

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import RunningTrial, expects, last_expected
from equipoise.language import Reason
from equipoise.problems import Refused
from equipoise.schedule import Expectation
from equipoise.study.study import Study

from .conftest import Course
from .test_infusing import give, prepare
from .test_stopping import refused


def conditional(study: Study, *, encounter: str = "", form: str = "") -> Study:
    """M3, or the skin form, under a condition."""
    m3 = replace(study.schedule.encounters["M3"], when=encounter)
    skin = replace(study.forms["skin"], when=form)
    schedule = replace(study.schedule, encounters={**study.schedule.encounters, "M3": m3})
    return replace(study, schedule=schedule, forms={**study.forms, "skin": skin})


def test_an_encounter_is_expected_once_its_condition_holds(
    course: Course, trial: RunningTrial
) -> None:
    """The second infusion only after a first: no form, no order, no miss before."""
    trial.study = conditional(trial.study, encounter="infused")
    code = course.randomized()
    course.order(code)
    where = {"participant": code, "encounter": "M3"}

    assert refused(
        lambda: course.submit(code, "vitals", encounter="M3", weight=70.0, pregnant=False)
    ) == ["EQ-C095"]
    assert refused(lambda: course.order(code, "M3")) == ["EQ-C095"]
    assert refused(
        lambda: conduct.miss_encounter(
            trial, by="investigator", at=course.clock(), reason="Moved away", **where
        )
    ) == ["EQ-C095"]

    prepare(course, code, "B-1")
    give(course, code, "B-1")
    course.submit(code, "vitals", encounter="M3", weight=70.0, pregnant=False)
    assert ("M3", "vitals", 0) in trial.state.participants[code].forms


def test_a_form_is_asked_of_those_whom_it_concerns(course: Course, trial: RunningTrial) -> None:
    """True: planned; false: not expected; unknown: it may be due, and why."""
    trial.study = conditional(trial.study, form="vitals.pregnant and encounter != M0")
    code = course.screen()
    course.consent(code)

    def seen(encounter: str = "screening") -> Expectation:
        subject = trial.state.participants[code]
        return expects(trial.study, subject, encounter, form=trial.study.forms["skin"])

    assert seen() == Expectation(None, (Reason("missing", "vitals.pregnant"),))
    assert seen("M0").is_expected is False
    course.submit(code, "vitals", weight=70.0, pregnant=False)
    assert seen().is_expected is False
    assert refused(lambda: course.submit(code, "skin", arm=1, leg=1)) == ["EQ-C095"]

    conduct.correct_item(
        trial,
        by="investigator",
        at=course.clock(),
        reason="Test repeated",
        participant=code,
        encounter="screening",
        form="vitals",
        item="pregnant",
        value=True,
        seen=1,
    )
    assert seen().is_expected is True
    course.submit(code, "skin", arm=1, leg=1)


def test_what_may_be_due_can_be_entered(course: Course, trial: RunningTrial) -> None:
    """As long as the condition is not known, nobody is kept from entering."""
    trial.study = conditional(trial.study, form="vitals.pregnant")
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=1, leg=1)

    assert ("screening", "skin", 0) in trial.state.participants[code].forms


def test_an_encounter_that_is_not_expected_does_not_keep_anybody_in_the_trial(
    course: Course, trial: RunningTrial
) -> None:
    """The follow-up ends with the last encounter that this participant is expected at."""
    trial.study = conditional(trial.study, encounter="infused")
    code = course.randomized()
    subject = trial.state.participants[code]
    assert last_expected(trial.study, subject) == "M0"
    never = conditional(trial.study)
    nobody = replace(
        never.schedule,
        encounters={
            name: replace(e, when="not screened") for name, e in never.schedule.encounters.items()
        },
    )
    assert last_expected(replace(trial.study, schedule=nobody), subject) == ""

    course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    conduct.complete_participant(
        trial, by="investigator", at=course.clock(), participant=code, on=course.clock.today
    )
    assert trial.state.participants[code].status == "completed"


def test_without_a_condition_the_last_encounter_is_waited_for(
    course: Course, trial: RunningTrial
) -> None:
    code = course.randomized()
    with pytest.raises(Refused, match="EQ-C070"):
        conduct.complete_participant(
            trial, by="investigator", at=course.clock(), participant=code, on=course.clock.today
        )

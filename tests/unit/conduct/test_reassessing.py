"""After randomization: a later entry re-assesses and reports; the proof is never rewritten."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Participant, RunningTrial
from equipoise.conduct import events as e
from equipoise.problems import Text
from equipoise.study.forms import Form, Item
from equipoise.study.study import Study

from .conftest import SITE_STAFF, Clock, Course
from .test_capturing import correct
from .test_overriding import grant, kinds, overridable


@pytest.fixture
def code(course: Course) -> str:
    return course.randomized()


def of(trial: RunningTrial, code: str) -> Participant:
    return trial.state.participants[code]


def told(trial: RunningTrial, code: str) -> list[list[tuple[str, str, str, str]]]:
    return [
        [(c.criterion, c.fixed, c.was, c.now) for c in r.changes]
        for r in of(trial, code).reassessments
    ]


@pytest.mark.requirement("F05", "C03")
def test_a_correction_that_turns_a_criterion_is_told_and_is_a_deviation(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """What it was, what it is, by which value of which entry; the proof stays byte by byte."""
    before = list(trial.store.read(stream=code))
    correct(course, code, "leg", 2)

    after = list(trial.store.read(stream=code))
    assert [x.digest for x in after[: len(before)]] == [x.digest for x in before]
    assert kinds(trial, code)[-3:] == [
        "ItemCorrected",
        "EligibilityReassessed",
        "DeviationRecorded",
    ]
    subject = of(trial, code)
    assert subject.proof.criteria[0].status == "met"
    assert told(trial, code) == [[("I1", "met", "met", "not_met")]]
    (change,) = subject.reassessments[0].changes
    correction = f"{after[-3].chain}:{after[-3].seq}"
    assert change.bars
    assert [(i.name, i.value, i.sources[0].entry) for i in change.inputs] == [
        ("score", 12, correction)
    ]
    (deviation,) = subject.deviations
    assert (deviation.kind, deviation.criteria) == ("eligibility_found_later", ("I1",))
    assert deviation.on == subject.proof.reference_on


def test_the_same_difference_is_told_once(course: Course, trial: RunningTrial, code: str) -> None:
    """Lower still: nothing new. Back: told. Down again: told, and no second deviation."""
    correct(course, code, "leg", 2)
    correct(course, code, "leg", 1, seen=2)
    assert len(told(trial, code)) == 1
    correct(course, code, "leg", 10, seen=3)
    correct(course, code, "leg", 3, seen=4)

    assert told(trial, code) == [
        [("I1", "met", "met", "not_met")],
        [("I1", "met", "not_met", "met")],
        [("I1", "met", "met", "not_met")],
    ]
    assert kinds(trial, code).count("DeviationRecorded") == 1


def test_what_changes_no_verdict_is_not_told(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """A higher score, a weight, a later visit, an adverse event."""
    correct(course, code, "leg", 11)
    correct(course, code, "weight", 71.0, form="vitals")
    course.order(code)
    course.submit(code, "skin", encounter="M0", arm=1, leg=1)
    course.submit(code, "event", encounter="", term="Cough")
    correct(course, code, "leg", 0, encounter="M0")
    assert "EligibilityReassessed" not in kinds(trial, code)


def test_what_becomes_unknown_is_told_and_is_no_deviation_yet(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """A value taken back leaves a criterion open: to be settled."""
    correct(course, code, "leg", None, not_done="Wrong person")
    assert told(trial, code) == [[("I1", "met", "met", "unknown")]]
    assert of(trial, code).deviations == ()
    (change,) = of(trial, code).reassessments[0].changes
    assert [r.kind for r in change.reasons] == ["missing"]


def test_a_late_entry_counts_if_it_speaks_of_a_day_before(
    course: Course, trial: RunningTrial, clock: Clock, study: Study
) -> None:
    """A log that comes in later and says what was true on the day of randomization, or after it."""
    log = Form(
        form="notes",
        title=Text("Notes"),
        by=SITE_STAFF,
        repeats=True,
        items={"pregnant": Item(label=Text("Pregnant"), type="boolean")},
    )
    values = {**study.eligibility.values}
    values["pregnant"] = msgspec.structs.replace(values["pregnant"], from_="notes.pregnant")
    trial.study = msgspec.structs.replace(
        study,
        forms={**study.forms, "notes": log},
        eligibility=msgspec.structs.replace(study.eligibility, values=values),
    )
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=10, leg=10)
    course.submit(code, "notes", encounter="", pregnant=False)
    course.judge(code)
    course.randomize(code)
    day = clock.today
    for repeat, on, expected in ((1, day + dt.timedelta(days=1), 0), (2, day, 1)):
        clock.at += dt.timedelta(days=1)
        conduct.submit_form(
            trial,
            by="investigator",
            at=clock(),
            participant=code,
            encounter="",
            form="notes",
            repeat=repeat,
            on=on,
            values={"pregnant": True},
        )
        assert len(told(trial, code)) == expected
    # Two answers of one day contradict each other.
    assert told(trial, code) == [[("E1", "not_met", "not_met", "unknown")]]


def test_the_day_of_reference_is_that_of_the_proof(
    course: Course, trial: RunningTrial, clock: Clock, study: Study
) -> None:
    """Months later a value is still read as of the randomization, within its window of then."""
    score = msgspec.structs.replace(study.eligibility.values["score"], within_days=5)
    values = {**study.eligibility.values, "score": score}
    trial.study = msgspec.structs.replace(
        study, eligibility=msgspec.structs.replace(study.eligibility, values=values)
    )
    code = course.randomized()
    clock.at += dt.timedelta(days=200)
    correct(course, code, "leg", 9)
    assert told(trial, code) == []
    correct(course, code, "leg", 1, seen=2)
    assert told(trial, code) == [[("I1", "met", "met", "not_met")]]


def test_what_was_overridden_is_not_found_again(course: Course, trial: RunningTrial) -> None:
    """It barred when the proof was fixed: the override is the deviation, and the only one."""
    trial.study = overridable(trial.study, "1")
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=6, leg=6)
    course.submit(code, "vitals", weight=70.0, pregnant=False)
    course.judge(code)
    grant(course, code)
    course.randomize(code)

    correct(course, code, "leg", 20, seen=1)
    correct(course, code, "leg", 5, seen=2)

    assert told(trial, code) == [
        [("I1", "not_met", "not_met", "met")],
        [("I1", "not_met", "met", "not_met")],
    ]
    assert [d.kind for d in of(trial, code).deviations] == ["eligibility_override"]
    read = of(trial, code).reassessments[-1].changes[0].inputs
    assert [(i.name, i.value) for i in read] == [("score", 11)]  # once, though two parts read it


def test_the_proof_holds_what_an_inspector_asks_for(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """Each criterion, its inputs with their entries, the text of the study, and who judged."""
    proof = of(trial, code).proof
    entries = {f"{x.chain}:{x.seq}": x for x in trial.store.read()}

    assert proof.study_digest == trial.study.digest
    assert [c.id for c in proof.criteria] == [name for name, _ in trial.study.criteria]
    score, judged, pregnant = (c.explanation for c in proof.criteria)
    assert entries[score.inputs[0].sources[0].entry].type == "FormSubmitted"
    assert entries[pregnant.inputs[0].sources[0].entry].type == "FormSubmitted"
    (said,) = judged.inputs[0].sources
    assert (said.name, said.on) == ("investigator (investigator)", of(trial, code).randomized_on)
    answer = entries[said.entry]
    assert (answer.type, answer.by, answer.role) == (
        "CriterionJudged",
        "investigator",
        "investigator",
    )
    decoded = e.from_entry("RandomizationRequested", _body(trial, code))
    assert isinstance(decoded, e.RandomizationRequested)
    assert decoded.override is None


def _body(trial: RunningTrial, code: str) -> bytes:
    (found,) = [x.body for x in trial.store.read(stream=code) if x.type == "RandomizationRequested"]
    assert found is not None
    return found

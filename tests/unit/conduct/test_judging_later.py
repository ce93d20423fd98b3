"""Judgements after randomization, and attestations of an age whose month of birth is corrected."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Participant, RunningTrial
from equipoise.language import Reason
from equipoise.problems import Refused, Text
from equipoise.study.criteria import Criterion, Judgement, ValueDefinition
from equipoise.study.forms import Form, Item
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import SITE_STAFF, Clock, Course
from .test_capturing import correct
from .test_ending import leave, sign
from .test_opening import codes
from .test_overriding import kinds
from .test_reassessing import told


def of(trial: RunningTrial, code: str) -> Participant:
    return trial.state.participants[code]


def judge(
    course: Course,
    code: str,
    is_true: bool,
    *,
    rule: str = "I2",
    by: str = "investigator",
    reason: str = "The person had said so on that day",
) -> None:
    conduct.judge_criterion(
        course.trial,
        by=by,
        at=course.clock(),
        participant=code,
        rule=rule,
        is_true=is_true,
        on=course.clock.today,
        reason=reason,
    )


@pytest.mark.requirement("F05", "C03")
def test_a_judgement_changed_after_randomization_is_told_and_the_proof_stays(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """As a corrected value: what it was, what it is, by which entry; and a deviation, once."""
    code = course.randomized()
    before, fixed = list(trial.store.read(stream=code)), of(trial, code).verdict
    clock.at += dt.timedelta(days=40)
    judge(course, code, False)

    after = list(trial.store.read(stream=code))
    assert [x.digest for x in after[: len(before)]] == [x.digest for x in before]
    assert [x.type for x in after[len(before) :]] == [
        "CriterionJudged",
        "EligibilityReassessed",
        "DeviationRecorded",
    ]
    subject = of(trial, code)
    assert subject.verdict == fixed
    assert told(trial, code) == [[("I2", "met", "met", "not_met")]]
    (change,) = subject.reassessments[0].changes
    judged = after[len(before)]
    assert change.bars
    assert [(i.value, i.sources[0].entry) for i in change.inputs] == [
        (False, f"{judged.chain}:{judged.seq}")
    ]
    assert judged.reason == "The person had said so on that day"
    (deviation,) = subject.deviations
    assert (deviation.kind, deviation.criteria) == ("eligibility_found_later", ("I2",))
    assert deviation.on == subject.proof.reference_on

    judge(course, code, True)
    judge(course, code, False)
    assert told(trial, code)[1:] == [
        [("I2", "met", "not_met", "met")],
        [("I2", "met", "met", "not_met")],
    ]
    assert len(of(trial, code).deviations) == 1


def test_the_same_answer_again_changes_nothing_that_is_told(
    course: Course, trial: RunningTrial
) -> None:
    """It stands in the ledger, alone."""
    code = course.randomized()
    judge(course, code, True)
    assert kinds(trial, code)[-1] == "CriterionJudged"
    assert told(trial, code) == []


def test_a_judgement_that_has_run_out_since_is_read_as_of_then(
    course: Course, trial: RunningTrial, clock: Clock, study: Study
) -> None:
    """Months later another criterion is judged; the answer of then was in time then."""
    score, willing = study.eligibility.inclusion
    asked = msgspec.structs.replace(willing.judgement, valid_days=1)  # type: ignore[arg-type]
    inclusion = (
        score,
        msgspec.structs.replace(willing, judgement=asked),
        Criterion(number="3", judgement=asked),
    )
    trial.study = msgspec.structs.replace(
        study, eligibility=msgspec.structs.replace(study.eligibility, inclusion=inclusion)
    )
    code = course.eligible()
    judge(course, code, True, rule="I3", reason="")
    course.randomize(code)
    clock.at += dt.timedelta(days=90)
    judge(course, code, False, rule="I3")
    assert told(trial, code) == [[("I3", "met", "met", "not_met")]]


def test_after_randomization_a_judgement_takes_a_reason_and_the_right_role(
    course: Course, trial: RunningTrial
) -> None:
    """As before; and none is taken of what a form holds."""
    code = course.randomized()
    for by, rule, reason, expected in (
        ("investigator", "I2", " ", ["EQ-C004"]),
        ("coordinator", "I2", "as told", ["EQ-C022"]),
        ("data_manager", "I2", "as told", ["EQ-C002"]),
        ("investigator", "I1", "as told", ["EQ-C021"]),
    ):
        with pytest.raises(Refused) as refused:
            judge(course, code, False, rule=rule, by=by, reason=reason)
        assert codes(refused) == expected
    assert told(trial, code) == []


def test_who_has_left_is_still_judged_until_the_lock(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """As values are corrected; a signature on the casebook is void then. Nothing after the lock."""
    code = course.randomized()
    leave(course, code)
    sign(course, code)
    judge(course, code, False)
    assert told(trial, code) == [[("I2", "met", "met", "not_met")]]
    assert not conduct.is_signed(trial.study, of(trial, code))

    sign(course, code)
    conduct.lock_data(trial, by="data_manager", at=clock())
    with pytest.raises(Refused) as refused:
        judge(course, code, True)
    assert codes(refused) == ["EQ-C016"]


def test_while_the_number_is_on_its_way_a_judgement_is_told_as_well(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The proof is fixed by the request, not by the number."""
    code = course.eligible()
    conduct.request_randomization(
        trial, by="coordinator", at=clock(), participant=code, on=clock.today
    )
    judge(course, code, False)
    assert told(trial, code) == [[("I2", "met", "met", "not_met")]]


QUESTION = Judgement(ask=Text("Of age?"), by=(Role.INVESTIGATOR,), valid_days=0)


@pytest.fixture
def born(course: Course, trial: RunningTrial, study: Study) -> str:
    """Somebody of 18 this month, by the month of birth; everything else is satisfied."""
    form = Form(
        form="person",
        title=Text("Person"),
        by=SITE_STAFF,
        at=("screening",),
        items={
            "month": Item(label=Text("Month of birth"), type="month"),
            "note": Item(label=Text("Note"), type="text", required=False),
        },
    )
    age = ValueDefinition(value="age(birth_month)", unit="years")
    values = {
        **study.eligibility.values,
        "birth_month": ValueDefinition(from_="person.month"),
        "age": age,
    }
    adult = Criterion(number="3", is_="18 years <= age <= 70 years", attest=QUESTION)
    trial.study = msgspec.structs.replace(
        study,
        forms={**study.forms, "person": form},
        eligibility=msgspec.structs.replace(
            study.eligibility,
            values=values,
            inclusion=(*study.eligibility.inclusion, adult),
        ),
    )
    code = course.eligible()
    course.submit(code, "person", month="2008-03")
    return code


def stands(trial: RunningTrial, clock: Clock, code: str) -> tuple[str, list[str]]:
    verdict = conduct.assess_participant(trial.study, of(trial, code), on=clock.today)
    (found,) = [c for c in verdict.criteria if c.id == "I3"]
    return found.status, [r.kind for r in found.reasons]


@pytest.mark.requirement("C81")
def test_an_attestation_of_age_is_bound_to_the_month_of_birth_that_stood_there(
    course: Course, trial: RunningTrial, clock: Clock, born: str
) -> None:
    """Corrected, it is unknown again and bars; attested anew, it is met."""
    assert stands(trial, clock, born) == ("unknown", ["ambiguous", "awaiting_judgement"])
    judge(course, born, True, rule="I3", reason="")
    assert stands(trial, clock, born) == ("met", [])

    correct(course, born, "month", "1956-03", form="person")
    # 69 or 70 years old: no attestation is needed, so the old one is not missed
    assert stands(trial, clock, born) == ("met", [])
    correct(course, born, "month", "1955-03", form="person", seen=2)
    assert stands(trial, clock, born) == ("unknown", ["ambiguous", "awaiting_judgement"])
    with pytest.raises(Refused) as refused:
        course.randomize(born)
    assert codes(refused) == ["EQ-C055"]

    judge(course, born, True, rule="I3", reason="")
    course.randomize(born)
    assert of(trial, born).is_randomized


def test_an_attestation_outlives_what_says_nothing_of_the_age(
    course: Course, trial: RunningTrial, clock: Clock, born: str
) -> None:
    """Another item of the same form, another form."""
    judge(course, born, True, rule="I3", reason="")
    correct(course, born, "note", "seen with the passport", form="person")
    correct(course, born, "leg", 11)
    assert stands(trial, clock, born) == ("met", [])


@pytest.mark.requirement("F05")
def test_after_randomization_a_corrected_month_leaves_the_age_open_and_is_told(
    course: Course, trial: RunningTrial, clock: Clock, born: str
) -> None:
    """Told as unknown, then as what is attested of the new month: here a deviation."""
    judge(course, born, True, rule="I3", reason="")
    course.randomize(born)
    clock.at += dt.timedelta(days=60)
    correct(course, born, "month", "1955-03", form="person")
    assert told(trial, born) == [[("I3", "met", "met", "unknown")]]
    (change,) = of(trial, born).reassessments[0].changes
    assert Reason("awaiting_judgement", "I3") in change.reasons
    assert of(trial, born).deviations == ()

    judge(course, born, False, rule="I3", reason="71 on that day by the passport")
    assert told(trial, born)[1:] == [[("I3", "met", "unknown", "not_met")]]
    (deviation,) = of(trial, born).deviations
    assert (deviation.kind, deviation.criteria) == ("eligibility_found_later", ("I3",))

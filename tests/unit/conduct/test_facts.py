"""What the entered data say to the rules."""

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused, Text
from equipoise.study.criteria import Criterion, Eligibility, Judgement, Rule
from equipoise.study.forms import EditCheck
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course
from .test_capturing import correct


def with_checks(study: Study, **checks: str) -> Study:
    """The study with edit checks on the vital signs."""
    form = msgspec.structs.replace(
        study.forms["vitals"],
        checks=tuple(
            EditCheck(id=name, warn_if=rule, say=Text(name)) for name, rule in checks.items()
        ),
    )
    return msgspec.structs.replace(study, forms={**study.forms, "vitals": form})


def test_rules_look_across_forms_and_back_in_time(course: Course, trial: RunningTrial) -> None:
    """A check may use another form's latest value, a derived one, and an earlier own value."""
    code = course.randomized()
    course.order(code)
    trial.study = with_checks(
        trial.study,
        across="skin.arm = 10",
        derived="skin.total = 20",
        back="weight < previous(weight)",
        unheard="skin.nothing = 1",
    )
    course.submit(code, "vitals", encounter="M0", weight=60.0, pregnant=False)

    record = trial.state.participants[code].forms["M0", "vitals", 0]
    assert record.warnings == ("across", "derived", "back")


def test_what_is_empty_or_underivable_is_not_known(course: Course, trial: RunningTrial) -> None:
    """A total without all its parts is no value of another form's rule."""
    code = course.screen()
    course.consent(code)
    conduct.submit_form(
        trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        encounter="screening",
        form="skin",
        on=course.clock.today,
        values={"arm": 10},
        not_done={"leg": "Bandage"},
    )
    others = conduct.latest_values(trial.study, trial.state.participants[code])

    assert [k.value for k in others.find("skin.arm")] == [10]
    assert others.find("skin.leg") == ()
    assert others.find("skin.total") == ()


def test_observations_name_the_entry_that_gave_the_value(
    course: Course, trial: RunningTrial
) -> None:
    """A corrected item points to its correction, a derived one to the last change of its form."""
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=10, leg=10)
    correct(course, code, "arm", 12)
    subject = trial.state.participants[code]
    found = conduct.observations_of(trial.study, subject)
    record = subject.forms["screening", "skin", 0]

    assert found["skin.arm"][0].entry == record.entries["arm"]
    assert (found["skin.total"][0].value, found["skin.total"][0].entry) == (
        22,
        record.entries["arm"],
    )
    correct(course, code, "leg", None, not_done="Bandage", seen=2)
    assert "skin.leg" not in conduct.observations_of(trial.study, trial.state.participants[code])


@pytest.mark.parametrize("reference", ["consent", "screening", "randomization"])
def test_the_reference_day_is_the_studys(
    course: Course, trial: RunningTrial, clock: Clock, reference: str
) -> None:
    """Consent, screening or randomization, as eligibility.yaml says."""
    code = course.screen()
    subject = trial.state.participants[code]
    study = msgspec.structs.replace(
        trial.study,
        eligibility=msgspec.structs.replace(trial.study.eligibility, reference_date=reference),
    )
    assert conduct.assess_participant(study, subject, on=clock.today).reference_on == clock.today

    course.consent(code)
    subject = trial.state.participants[code]
    assert conduct.assess_participant(study, subject, on=clock.today).reference_on == clock.today


def test_judgements_are_found_at_any_depth(study: Study) -> None:
    """A nested rule has its own question; a measured one has none."""
    question = Judgement(ask=Text("Due to the disease?"), by=(Role.INVESTIGATOR,))
    nested = Criterion(
        number="5",
        any_=("score > 1", Rule(id="5b", all_=(Rule(id="5b-why", judgement=question),))),
    )
    deep = msgspec.structs.replace(study, eligibility=Eligibility(inclusion=(nested,)))

    assert conduct.find_judgement(deep, "5b-why") is question
    assert conduct.find_judgement(deep, "5b") is None
    assert conduct.find_judgement(study, "I2") is not None
    assert conduct.find_judgement(study, "I1") is None


def test_a_weight_before_consent_never_reaches_the_trial(course: Course) -> None:
    """Without consent there is nothing to look at."""
    code = course.screen()
    with pytest.raises(Refused):
        course.submit(code, "vitals", weight=70.0, pregnant=False)
    assert conduct.observations_of(course.trial.study, course.trial.state.participants[code]) == {}

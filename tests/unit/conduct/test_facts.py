"""What the entered data say to the rules."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.cli.trials import population_listing
from equipoise.conduct import Participant, RunningTrial, TrialState, list_participants
from equipoise.conduct.parts import Stamp
from equipoise.eligibility import assess_case
from equipoise.language import Known, Unknown, unknown
from equipoise.problems import Refused, Text
from equipoise.study.criteria import Criterion, Eligibility, Judgement, Rule
from equipoise.study.forms import EditCheck
from equipoise.study.protocol import AnalysisPlan, AnalysisPopulation
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course
from .test_capturing import correct
from .test_infusing import give, prepare


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


def test_only_the_items_that_are_wanted_are_looked_at(course: Course, trial: RunningTrial) -> None:
    """Entered or derived; and the verdict is that on everything that was observed."""
    code = course.eligible()
    subject = trial.state.participants[code]

    def read(**items: set[str]) -> dict[str, object]:
        wanted = {form: frozenset(names) for form, names in items.items()}
        found = conduct.observations_of(trial.study, subject, items=wanted)
        return {name: one.value for name, (one,) in found.items()}

    assert read() == {}
    assert read(skin={"leg"}, vitals={"pregnant"}) == {"skin.leg": 10, "vitals.pregnant": False}
    assert read(skin={"total"}) == {"skin.total": 20}
    day = course.clock.today
    whole = assess_case(trial.study, conduct.case_of(trial.study, subject, on=day))
    assert conduct.assess_participant(trial.study, subject, on=day) == whole


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


def with_populations(study: Study, **members: str) -> Study:
    plan = AnalysisPlan(
        populations={n: AnalysisPopulation(label=Text(n), members=m) for n, m in members.items()}
    )
    return msgspec.structs.replace(study, analysis=plan)


def test_populations_are_assessed_from_what_stands_in_the_ledger(
    course: Course, trial: RunningTrial
) -> None:
    """Facts, counts, values of forms and their course; what is not known is told as not known."""
    trial.study = with_populations(
        trial.study,
        screened="screened",
        consented="consented",
        randomized="randomized",
        treated="randomized and infused",
        per_protocol="eligible and n_infusions >= 1 and n_missed = 0",
        left="withdrawn or completed",
        heavy="vitals.weight > 60 kg",
        stable="change from baseline of skin.total < 5",
        sore="worst of skin.arm >= 10 or first of skin.arm >= 10",
        chosen="vitals.pregnant = false",
    )
    infused = course.randomized()
    course.order(infused)
    prepare(course, infused, "B-1")
    give(course, infused, "B-1")
    fresh = course.screen()
    found = {
        code: conduct.assess_populations(trial.study, trial.state.participants[code])
        for code in (infused, fresh)
    }

    assert {n for n, v in found[infused].items() if v == Known(True)} == {
        "screened",
        "consented",
        "randomized",
        "treated",
        "per_protocol",
        "heavy",
        "stable",
        "sore",
        "chosen",
    }
    assert found[infused]["left"] == Known(False)
    assert {n for n, v in found[fresh].items() if v == Known(True)} == {"screened"}
    unclear = {n: v.reasons[0].name for n, v in found[fresh].items() if isinstance(v, Unknown)}
    assert unclear["heavy"] == "vitals.weight"
    assert unclear["stable"] == "baseline of skin.total"
    assert found[fresh]["per_protocol"] == Known(False)


def test_a_correction_after_randomization_can_end_membership(
    course: Course, trial: RunningTrial
) -> None:
    """Eligible is meant by the data as they stand: an eligibility deviation leaves the set."""
    trial.study = with_populations(trial.study, eligible="eligible")
    code = course.randomized()
    correct(course, code, "arm", 2, form="skin", encounter="screening")
    waiting = course.eligible()
    trial.study = with_populations(trial.study, eligible="eligible")
    unjudged = course.screen()
    course.consent(unjudged)
    course.submit(unjudged, "skin", arm=10, leg=10)
    course.submit(unjudged, "vitals", weight=70.0, pregnant=False)
    assessed = {
        who: conduct.assess_populations(trial.study, trial.state.participants[who])["eligible"]
        for who in (code, waiting, unjudged)
    }

    assert assessed[code] == Known(False)
    assert assessed[waiting] == Known(True)
    assert assessed[unjudged] == unknown("awaiting_judgement", "eligible")


def test_the_baseline_ends_with_the_first_infusion(course: Course, trial: RunningTrial) -> None:
    """Before it nothing has changed yet; after it the last value up to that day counts."""
    code = course.randomized()
    trial.study = with_checks(
        trial.study,
        moved="abs(change from baseline of weight) > 10 kg",
        heaviest="max of weight > 75 kg",
    )
    course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    conduct.order_infusion(
        trial,
        by="coordinator",
        at=course.clock(),
        participant=code,
        encounter="M0",
        on=course.clock.today,
    )
    prepare(course, code, "B-1")
    give(course, code, "B-1")
    assert conduct.baseline_day(trial.state.participants[code]) == course.clock.today
    course.clock.at += dt.timedelta(days=91)
    course.submit(code, "vitals", encounter="M3", weight=84.0, pregnant=False)
    forms = trial.state.participants[code].forms
    correct(course, code, "weight", 71.0, form="vitals", encounter="M0")

    assert forms["M0", "vitals", 0].warnings == ()
    assert forms["M3", "vitals", 0].warnings == ("moved", "heaviest")


def test_the_listing_of_populations_says_who_belongs_and_why_it_cannot_be_told(
    course: Course, trial: RunningTrial
) -> None:
    """One row a participant, two columns a population: the answer, and what is missing for it."""
    trial.study = with_populations(
        trial.study, all_in="randomized", able="eligible", heavy="vitals.weight > 60 kg"
    )
    course.randomized()
    course.screen("02")

    found = population_listing(trial.study, trial.state)

    assert found.columns == (
        *("site", "participant"),
        *("all_in", "all_in.reasons", "able", "able.reasons", "heavy", "heavy.reasons"),
    )
    assert found.rows == (
        ("01", "01-001", True, "", True, "", True, ""),
        (
            *("02", "02-001", False, ""),
            *("unknown", "missing eligible", "unknown", "missing vitals.weight"),
        ),
    )


def test_people_are_listed_by_their_numbers() -> None:
    """Sites of one and two digits, and the thousandth person; the randomized by their numbers."""
    stamp = Stamp("a", "coordinator", dt.datetime(2026, 1, 5, tzinfo=dt.UTC), "", "s:1")
    people = [("10-001", "R-1000"), ("2-1000", "R2-001"), ("2-999", "R-999")]
    state = TrialState(
        participants={
            code: Participant(code, code.split("-")[0], stamp.at.date(), stamp, number=number)
            for code, number in people
        }
    )
    assert [p.code for p in list_participants(state)] == ["2-999", "2-1000", "10-001"]
    assert [p.number for p in state.randomized] == ["R-999", "R-1000", "R2-001"]

"""A treatment that is stopped: no infusion any more, while visits and their forms go on."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from equipoise import conduct
from equipoise.conduct import Participant, RunningTrial, digest_of, expects, is_signed
from equipoise.conduct.parts import TreatmentChange
from equipoise.language import Known
from equipoise.problems import Refused
from equipoise.study.roles import Role

from .cell_course import CellCourse
from .conftest import Clock, Course
from .test_ending import complete, leave, sign
from .test_facts import with_populations
from .test_infusing import give, prepare, start
from .test_redacting import redact

REASON = "Reaction to the first infusion"


def change(course: Course, code: str, act: Any = conduct.stop_treatment, **given: Any) -> None:
    known = {"by": "investigator", "reason": REASON, "on": course.clock.today}
    act(course.trial, at=course.clock(), participant=code, **{**known, **given})


def resume(course: Course, code: str, **given: Any) -> None:
    change(course, code, conduct.resume_treatment, **{"reason": "It was another cause", **given})


@pytest.mark.requirement("C03", "C11")
@pytest.mark.parametrize("taken_out", [(0,), (1,), (2,), (0, 1), (1, 0), (2, 0, 1)])
def test_why_a_treatment_was_stopped_is_taken_out_and_the_order_stays(
    course: Course, trial: RunningTrial, clock: Clock, taken_out: tuple[int, ...]
) -> None:
    """Stopped, resumed, stopped on one day: each is where it was, for who reads it anew, too."""
    code = infused(course)
    before = change(course, code), resume(course, code), change(course, code)
    said = [(c.is_stopped, c.on) for c in of(course, code).treatment_changes]
    assert len(before) == len(said) == 3
    assert not [x for x in trial.store.read() if x.type == "TreatmentChanged" and x.reason]
    for place in taken_out:
        redact(trial, clock(), of(course, code).treatment_changes[place].stamp.entry)
    now = of(course, code).treatment_changes
    assert [(c.is_stopped, c.on) for c in now] == said
    assert {i for i, c in enumerate(now) if c.cause == "redacted"} == set(taken_out)
    assert conduct.fold(conduct.TrialState(), trial.store.read()) == trial.state
    assert of(course, code).treatment_stop == now[2]


def refusal(attempt: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return [p.code for p in refused.value.problems]


def infused(course: Course, label: str = "48213377") -> str:
    code = course.randomized()
    course.order(code)
    prepare(course, code, label)
    give(course, code, label)
    return code


def of(course: Course, code: str) -> Participant:
    return course.trial.state.participants[code]


@pytest.mark.requirement("C72")
def test_data_collection_goes_on_after_treatment_has_stopped(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Every later visit is expected and entered, to the planned end; a withdrawal closes it."""
    code, other = infused(course), infused(course, "48213378")
    change(course, code)
    leave(course, other)
    stop = of(course, code).treatment_stop
    assert stop is not None and (stop.on, stop.cause) == (clock.today, REASON)
    assert (of(course, code).status, of(course, code).left_on) == ("randomized", None)

    clock.at += dt.timedelta(days=91)
    assert expects(trial.study, of(course, code), "M3").is_expected is not False
    course.submit(code, "skin", encounter="M3", arm=9, leg=9)
    course.submit(code, "vitals", encounter="M3", weight=70.0, pregnant=False)
    course.submit(code, "event", encounter="", term="Rash")
    late = {"encounter": "M3", "arm": 1, "leg": 1}
    assert refusal(lambda: course.submit(other, "skin", **late)) == ["EQ-C017"]
    complete(course, code)
    assert of(course, code).status == "completed" and len(of(course, code).forms) == 6


@pytest.mark.requirement("C72")
def test_no_infusion_is_ordered_prepared_or_given_any_more(course: Course, clock: Clock) -> None:
    """At whatever step it was; what went in up to that day is recorded as it was."""
    first, ordered, handed_out = course.randomized(), course.randomized(), course.randomized()
    for code in (ordered, handed_out):
        course.order(code)
    prepare(course, handed_out, "48213377")
    for code in (first, ordered, handed_out):
        change(course, code)
    assert refusal(lambda: course.order(first)) == ["EQ-C182"]
    assert refusal(lambda: prepare(course, ordered, "48213378")) == ["EQ-C182"]

    given_on = of(course, handed_out).infusions["M0"].on
    resume(course, handed_out)
    change(course, handed_out, on=given_on)
    give(course, handed_out, "48213377", on=given_on)  # before the decision, entered after it
    assert of(course, handed_out).infusions["M0"].status == "given"
    assert of(course, handed_out).deviations == ()

    late = infused_later(course, clock)
    assert refusal(lambda: start(course, late, "48213379")) == ["EQ-C182"]


def infused_later(course: Course, clock: Clock) -> str:
    """Stopped yesterday, with an infusion of today on its way."""
    code = course.eligible()
    clock.at += dt.timedelta(days=1)
    course.randomize(code)
    course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    course.order(code)
    prepare(course, code, "48213379")
    change(course, code, on=clock.today - dt.timedelta(days=1))
    return code


@pytest.mark.requirement("C72", "C73")
@pytest.mark.parametrize(("resumed_after", "n_deviations"), [(None, 1), (2, 1), (1, 0)])
def test_what_went_in_while_the_treatment_was_stopped_is_a_deviation(
    course: Course, clock: Clock, resumed_after: int | None, n_deviations: int
) -> None:
    """Whether an investigator has resumed it since or not; on the day of that it is none."""
    code, day = infused_later(course, clock), dt.timedelta(days=1)
    given_on = clock.today
    clock.at += 2 * day
    if resumed_after is not None:
        resume(course, code, on=given_on - day + resumed_after * day)
    give(course, code, "48213379", on=given_on)
    found = [(d.kind, d.on, d.what) for d in of(course, code).deviations]
    said = f"The treatment of {code} was stopped on {given_on - day}: no infusion is given."
    assert found == [("treatment", given_on, said)] * n_deviations


@pytest.mark.requirement("C72")
def test_a_treatment_is_stopped_while_its_last_infusion_runs(course: Course, clock: Clock) -> None:
    """Its end is told all the same; once it is over there is nothing left to stop."""
    code = infused(course)
    clock.at += dt.timedelta(days=91)
    course.submit(code, "vitals", encounter="M3", weight=70.0, pregnant=False)
    course.order(code, "M3")
    prepare(course, code, "48213379", "M3")
    start(course, code, "48213379", encounter="M3")
    change(course, code)
    assert of(course, code).treatment_stop is not None
    conduct.end_infusion(
        course.trial, by="coordinator", at=clock(), participant=code, encounter="M3",
        volume_ml=2.0, stopped_at=clock.at,
    )  # fmt: skip
    assert of(course, code).infusions["M3"].given_ml == 2.0


@pytest.mark.requirement("C72")
def test_no_treatment_is_stopped_before_consent(course: Course, clock: Clock) -> None:
    code, day = course.randomized(), dt.timedelta(days=1)
    assert refusal(lambda: change(course, code, on=clock.today - day)) == ["EQ-C206"]


@pytest.mark.requirement("C72")
def test_the_cell_unit_composes_nothing_for_a_stopped_treatment(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """It is refused at the bench already, before there is a label."""
    unit = CellCourse(trial, clock)
    unit.released()
    code = course.randomized()
    course.order(code)
    change(course, code)
    assert refusal(lambda: unit.prepared(code, "B1-1", "B1-2")) == ["EQ-C182"]


def test_an_infusion_goes_on_once_an_investigator_resumes_the_treatment(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """For a reason; that it had been stopped stays on record."""
    code = course.randomized()
    change(course, code, by="coordinator")
    assert refusal(lambda: resume(course, code, by="coordinator")) == ["EQ-C002"]
    assert refusal(lambda: resume(course, code, reason="")) == ["EQ-C004"]
    yesterday = clock.today - dt.timedelta(days=1)
    assert refusal(lambda: resume(course, code, on=yesterday)) == ["EQ-C180"]
    resume(course, code)
    assert of(course, code).treatment_stop is None
    course.order(code)
    assert refusal(lambda: resume(course, code)) == ["EQ-C180"]
    known = of(course, code).treatment_changes
    assert [(c.is_stopped, c.cause) for c in known] == [
        (True, REASON),
        (False, "It was another cause"),
    ]
    assert isinstance(known[0], TreatmentChange) and known[0].stamp.by == "coordinator"


def test_what_keeps_a_treatment_from_being_stopped(course: Course, clock: Clock) -> None:
    """There must be one that goes on, a reason, and a day that fits what was given."""
    waiting, code = course.eligible(), infused(course)
    assert refusal(lambda: change(course, waiting)) == ["EQ-C179"]
    assert refusal(lambda: change(course, code, reason=" ")) == ["EQ-C004"]
    for role in Role:
        if role not in (Role.INVESTIGATOR, Role.COORDINATOR):
            assert refusal(lambda role=role: change(course, code, by=role.value)) == ["EQ-C002"]
    day = dt.timedelta(days=1)
    assert refusal(lambda: change(course, code, on=clock.today - day)) == ["EQ-C183"]
    assert refusal(lambda: change(course, code, on=clock.today + 2 * day)) == ["EQ-C018"]
    change(course, code)
    assert refusal(lambda: change(course, code)) == ["EQ-C180"]
    leave(course, code)
    assert refusal(lambda: resume(course, code)) == ["EQ-C017"]

    whole = infused(course, "48213378")
    clock.at += 91 * day
    course.submit(whole, "vitals", encounter="M3", weight=70.0, pregnant=False)
    course.order(whole, "M3")
    prepare(course, whole, "48213379", "M3")
    give(course, whole, "48213379", encounter="M3", on=clock.today)
    assert refusal(lambda: change(course, whole)) == ["EQ-C179"]


@pytest.mark.requirement("C72", "C22")
def test_signatures_and_populations_know_of_it(course: Course, trial: RunningTrial) -> None:
    """A signature from before is void; one of somebody whose treatment went on stays as it was."""
    trial.study = with_populations(trial.study, on_treatment="infused and not treatment_stopped")
    code, other = infused(course), infused(course, "48213378")
    for one in (code, other):
        sign(course, one)
    before = digest_of(trial.study, of(course, other))
    change(course, code)
    assert not is_signed(trial.study, of(course, code)) and is_signed(
        trial.study, of(course, other)
    )
    assert digest_of(trial.study, of(course, other)) == before
    found = {c: conduct.assess_populations(trial.study, of(course, c)) for c in (code, other)}
    assert found[code]["on_treatment"] == Known(False)
    assert found[other]["on_treatment"] == Known(True)

"""Stopping rules: counted over all arms, recorded by the act that made them true, lifted by two."""

import datetime as dt
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import RunningTrial, assess_rules
from equipoise.conduct import events as e
from equipoise.problems import Refused, Text
from equipoise.safety import AdverseEvent, assess_stopping, count_events
from equipoise.study.protocol import SafetyPlan, StoppingRule
from equipoise.study.roles import Role

from .conftest import Clock, Course, open_second_account
from .test_capturing import correct
from .test_infusing import give, prepare, start
from .test_opening import codes
from .test_randomizing import CutOff, call_off, on_its_way
from .test_reporting import report

DEATH = StoppingRule(
    id="death", label=Text("D", "D"), met_if="n_related_grade_5 >= 1", does="pause"
)
TWO = StoppingRule(id="two", label=Text("T", "T"), met_if="n_related_serious >= 2", does="pause")
FIRST = StoppingRule(id="first", label=Text("F", "F"), met_if="n_infused >= 1", does="notify")


@pytest.fixture
def guarded(trial: RunningTrial) -> RunningTrial:
    """The small trial under three rules."""
    safety = trial.study.safety
    assert safety is not None
    trial.study = replace(trial.study, safety=replace(safety, stopping=(DEATH, TWO, FIRST)))
    return trial


def met(trial: RunningTrial) -> list[e.Happened]:
    entries = trial.store.read(chain="control")
    return [e.from_entry(x.type, x.body or b"") for x in entries if x.type == "StoppingRuleMet"]


def resume(course: Course, by: str, **change: object) -> None:
    given = {"rules": course.trial.state.pausing, "reason": "Reviewed by the board", **change}
    conduct.resume_trial(course.trial, by=by, at=course.clock(), **given)  # type: ignore[arg-type]


def refused(do: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as caught:
        do()
    return codes(caught)


def test_a_rule_is_recorded_once_by_the_act_that_made_it_true(
    course: Course, guarded: RunningTrial
) -> None:
    """Two people with a related serious event; the entry names what made it true, and no person."""
    first, second = course.randomized(), course.randomized()
    report(course, first, related=True)
    report(course, first, repeat=2, related=True)
    assert met(guarded) == []

    report(course, second, related=True)
    (event,) = met(guarded)
    *_, made_by = guarded.store.read(chain="site-01")
    assert event == e.StoppingRuleMet(
        rule="two",
        does="pause",
        counts={"n_related_serious": (2, 2)},
        entry=f"site-01:{made_by.seq}",
        computed_by=e.with_program(event, guarded.study.digest).computed_by,  # type: ignore[attr-defined]
    )
    assert guarded.state.met["two"].stamp.by == "system"

    report(course, second, repeat=2, related=True)
    assert len(met(guarded)) == 1


@pytest.mark.requirement("D02")
def test_a_pause_holds_for_who_was_under_way(course: Course, guarded: RunningTrial) -> None:
    """No new number is drawn while the trial is paused; one that the vault gave is recorded."""
    harmed, given, waiting = course.randomized(), course.eligible(), course.eligible()
    vault = guarded.vault
    guarded.vault = CutOff(guarded)  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        course.randomize(given)
    guarded.vault = None
    assert refused(lambda: course.randomize(waiting)) == ["EQ-C053"]
    guarded.vault = vault
    report(course, harmed, related=True, grade=5)
    assert guarded.state.pausing

    assert refused(lambda: course.randomize(waiting)) == ["EQ-C090", "EQ-V055"]
    course.randomize(given)
    numbers = {p.code: p.number for p in guarded.state.randomized}
    assert numbers == {harmed: "R-001", given: "R-002"}

    for by in ("dsmb", "safety_officer"):
        resume(course, by)
    assert course.randomize(waiting) == "R-003"


@pytest.mark.requirement("D02", "D28")
def test_who_was_under_way_when_the_trial_was_paused_for_good_may_leave(
    course: Course, guarded: RunningTrial
) -> None:
    """The request is taken back, also during the pause; then screening ends as for anybody."""
    harmed, waiting = course.randomized(), on_its_way(course)
    report(course, harmed, related=True, grade=5)
    who = {"by": "investigator", "participant": waiting}
    leaves = {**who, "reason": "The trial is stopped", "on": course.clock.today}

    def leave() -> object:
        return conduct.withdraw_participant(guarded, at=course.clock(), **leaves)

    assert refused(leave) == ["EQ-C125"]
    call_off(course, waiting)
    assert refused(lambda: course.randomize(waiting)) == ["EQ-C090"]
    leave()
    assert guarded.state.participants[waiting].status == "withdrawn"


def test_a_correction_can_make_a_rule_true(course: Course, guarded: RunningTrial) -> None:
    """What counts is what stands in the ledger now."""
    first, second = course.randomized(), course.randomized()
    report(course, first, related=True)
    report(course, second, related=False)
    correct(course, second, "related", True, form="event", encounter="", repeat=1)

    assert guarded.state.pausing == ("two",)


def test_an_unclear_event_makes_the_rule_unknown_not_false(
    course: Course, guarded: RunningTrial
) -> None:
    """One sure and one unclear: between one and two, so perhaps two; nothing is recorded yet."""
    first, second = course.randomized(), course.randomized()
    report(course, first, related=True)
    report(course, second, related=None)
    states = {s.rule.id: s for s in assess_rules(guarded.study, guarded.state)}

    assert states["two"].is_met is None
    assert states["two"].counts == {"n_related_serious": (1, 2)}
    assert states["first"].is_met is False
    assert met(guarded) == []


def test_a_pause_stops_randomization_and_infusions(
    course: Course, guarded: RunningTrial, clock: Clock
) -> None:
    """Nothing new is begun; what went in before the pause was known is still recorded."""
    eligible, waiting = course.eligible(), course.randomized()
    course.order(waiting)
    handed = course.randomized()
    course.order(handed)
    prepare(course, handed, label="B-1")
    report(course, waiting, grade=5, related=True)
    assert guarded.state.pausing == ("death",)

    assert refused(lambda: course.randomize(eligible)) == ["EQ-C090"]
    assert refused(lambda: prepare(course, waiting, label="B-2")) == ["EQ-C090"]
    give(course, handed, label="B-1")
    assert guarded.state.participants[handed].infusions["M0"].status == "given"
    assert [event.rule for event in met(guarded) if isinstance(event, e.StoppingRuleMet)] == [
        "death",
        "first",
    ]
    course.submit(handed, "vitals", encounter="M3", weight=70.0, pregnant=False)
    assert refused(lambda: course.order(handed, "M3")) == ["EQ-C090"]


@pytest.mark.requirement("C73")
@pytest.mark.parametrize("goes_on", [False, True])
def test_what_went_in_while_the_trial_was_paused_is_a_deviation(
    course: Course, guarded: RunningTrial, clock: Clock, *, goes_on: bool
) -> None:
    """Handed out before, given on a later day all the same; whether the trial goes on by now."""
    code, other = course.randomized(), course.randomized()
    clock.at = clock.at.replace(hour=20)
    tomorrow = clock.today + dt.timedelta(days=1)  # as it is already at a site far to the east
    place = {"by": "investigator", "participant": code, "encounter": "M0", "on": tomorrow}
    weighed = {"weight": 70.0, "pregnant": False}
    conduct.submit_form(guarded, at=clock(), form="vitals", values=weighed, **place)
    conduct.order_infusion(guarded, at=clock(), **place)
    prepare(course, code, label="B-1")
    report(course, other, grade=5, related=True)
    assert refused(lambda: start(course, code, "B-1", on=tomorrow)) == ["EQ-C090"]
    clock.at += dt.timedelta(days=2)
    if goes_on:
        for who in ("dsmb", "safety_officer"):
            resume(course, who)

    give(course, code, label="B-1", on=tomorrow)
    (departed,) = guarded.state.participants[code].deviations
    assert departed.what.startswith("The trial is paused by a stopping rule (death)")


def test_it_goes_on_once_everybody_who_must_has_agreed(
    course: Course, guarded: RunningTrial
) -> None:
    """The board and the sponsor's officer, each with a reason; then randomization works again."""
    eligible, sick = course.eligible(), course.randomized()
    report(course, sick, grade=5, related=True)

    assert refused(lambda: resume(course, "dsmb", reason="")) == ["EQ-C004"]
    assert refused(lambda: resume(course, "dsmb", rules=("two",))) == ["EQ-C092"]
    assert refused(lambda: resume(course, "investigator")) == ["EQ-C002"]
    resume(course, "dsmb")
    assert guarded.state.pausing == ("death",)
    assert refused(lambda: resume(course, "dsmb")) == ["EQ-C093"]
    open_second_account(guarded, course.clock, "again", name="DSMB", role=Role.SAFETY_OFFICER)
    assert refused(lambda: resume(course, "again")) == ["EQ-C195"]

    resume(course, "safety_officer")
    assert guarded.state.pausing == ()
    lifted = guarded.state.met["death"].resumed
    assert lifted is not None
    assert lifted.reason == "Reviewed by the board"
    assert course.randomize(eligible)
    assert refused(lambda: resume(course, "dsmb")) == ["EQ-C091"]


def test_who_agreed_did_not_agree_to_what_came_later(course: Course, guarded: RunningTrial) -> None:
    """A second rule that pauses asks everybody anew."""
    first, second = course.randomized(), course.randomized()
    report(course, first, related=True, grade=5)
    resume(course, "dsmb")
    report(course, second, related=True)
    assert guarded.state.pausing == ("death", "two")

    resume(course, "safety_officer")
    assert guarded.state.pausing == ("death", "two")
    resume(course, "dsmb")
    assert guarded.state.pausing == ()


def test_the_study_says_who_must_agree(course: Course, guarded: RunningTrial) -> None:
    """With the sponsor's officer alone the board is not asked."""
    safety = guarded.study.safety
    assert safety is not None
    alone = replace(safety, resumed_by=("safety_officer",))
    guarded.study = replace(guarded.study, safety=alone)
    report(course, course.randomized(), grade=5, related=True)

    assert refused(lambda: resume(course, "dsmb")) == ["EQ-C094"]
    resume(course, "safety_officer")
    assert guarded.state.pausing == ()


def test_without_a_safety_plan_there_is_no_rule_and_nothing_to_resume(
    course: Course, trial: RunningTrial
) -> None:
    """A study need not have either."""
    trial.study = replace(trial.study, safety=None)
    course.screen()

    assert assess_rules(trial.study, trial.state) == ()
    assert refused(lambda: resume(course, "dsmb")) == ["EQ-C091"]


def test_people_and_kinds_are_counted(course: Course, guarded: RunningTrial) -> None:
    """Participants, not events; somebody with two events counts once."""
    names = ("n_screened", "n_randomized", "n_infused", "n_withdrawn", "n_completed", "n_grade_3")
    asked = tuple(
        StoppingRule(id=n, label=Text(n), met_if=f"{n} >= 99", does="notify") for n in names
    )
    safety = guarded.study.safety
    assert safety is not None
    guarded.study = replace(guarded.study, safety=replace(safety, stopping=asked))
    course.screen()
    code = course.randomized()
    report(course, code, grade=3)
    report(course, code, repeat=2, grade=4)
    conduct.withdraw_participant(
        guarded,
        by="investigator",
        at=course.clock(),
        participant=code,
        on=course.clock.today,
        reason="Moved away",
    )

    found = {s.rule.id: s.counts[s.rule.id] for s in assess_rules(guarded.study, guarded.state)}
    assert found == {
        "n_screened": (2, 2),
        "n_randomized": (1, 1),
        "n_infused": (0, 0),
        "n_withdrawn": (1, 1),
        "n_completed": (0, 0),
        "n_grade_3": (1, 1),
    }


def event(participant: str, clock: Clock, **known: object) -> AdverseEvent:
    whole = {
        "term": "Event",
        "onset_on": None,
        "grade": None,
        "is_serious": None,
        "is_fatal": None,
        "is_related": None,
        "known_at": clock.at,
        "report_by": None,
        "days_after_infusion": None,
        **known,
    }
    return AdverseEvent(participant=participant, repeat=1, **whole)  # type: ignore[arg-type]


def test_events_of_special_interest_are_counted_by_their_code(clock: Clock) -> None:
    """Left empty, an event may be of any interest; without such an item there is no count."""
    plan = SafetyPlan(
        form="f",
        term="t",
        onset="o",
        grade="g",
        related="r",
        serious_if="s",
        of_interest="kind",
        special_interest={"clot": Text("Clot"), "fever": Text("Fever")},
        stopping=(
            StoppingRule(
                id="c", label=Text("C"), met_if="n_special_interest.clot >= 2", does="notify"
            ),
        ),
    )
    events = [event("1", clock, of_interest="clot"), event("2", clock, is_related=False)]
    counts = count_events(plan, events)

    assert counts["n_special_interest.clot"] == (1, 2)
    assert counts["n_special_interest.fever"] == (0, 1)
    assert counts["n_related"] == (0, 1)
    assert counts["n_related_fatal"] == (0, 1)
    assert assess_stopping(plan, counts)[0].is_met is None
    assert "n_special_interest.clot" not in count_events(replace(plan, of_interest=None), events)

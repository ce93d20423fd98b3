"""Single tasks of a role, delegated to one person; and the day on which a delegation holds."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import ACTS, Person, RunningTrial
from equipoise.conduct.rules import day_of
from equipoise.problems import Refused, Text
from equipoise.study.protocol import Bedside, Site
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course

# The tasks that ICH E6(R3) asks the investigator's log to tell, and what each takes; by hand.
OF_AN_INVESTIGATOR: dict[str, set[tuple[str, str]]] = {
    "consent": {("submit_form", "consent"), ("correct_item", "consent")},
    "screening": {("screen_participant", ""), ("fail_screening", "")},
    "eligibility": {
        ("judge_criterion", ""),
        ("request_override", ""),
        ("decline_override", ""),
    },
    "randomization": {
        ("request_randomization", ""),
        ("record_call_off", ""),
        ("claim_packet", ""),
        ("account_packet", ""),
    },
    "forms": {
        ("submit_form", "skin"),
        ("submit_form", "vitals"),
        ("correct_item", "vitals"),
        ("miss_encounter", ""),
    },
    "infusions": {("order_infusion", ""), ("give_infusion", "")},
    "safety": {
        ("submit_form", "event"),
        ("correct_item", "event"),
        ("assess_unblinding", ""),
        ("note_broken", ""),
    },
    "leaving": {("withdraw_participant", ""), ("complete_participant", "")},
    "signature": {("sign_casebook", ""), ("order_redaction", "")},
}
NO_TASK = {
    "record_copy",
    "accept_accountability",
    "record_deviation",
    "record_unblinding",
    "attest_gap",
}
NO_TASK |= {"record_number"}  # finishes a randomization that is on record


def refusal(attempt: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return [p.code for p in refused.value.problems]


def delegate(trial: RunningTrial, clock: Clock, person: str, *tasks: str) -> None:
    given: dict[str, Any] = {"person": person, "tasks": tasks, "reason": "As the log says"}
    conduct.change_delegation(trial, by="administrator", at=clock(), **given)


def is_let_in(trial: RunningTrial, clock: Clock, act: str, form: str) -> bool:
    """Whether the door lets the investigator come as far as what the act itself asks for."""
    given = {"by": "investigator", "at": clock(), "participant": "01-001", "form": form}
    try:
        ACTS[act](trial, **given)
    except TypeError:  # it was let in, and lacks the rest
        return True
    except Refused as refused:
        return "EQ-C148" not in {p.code for p in refused.problems}
    return True


@pytest.mark.requirement("C27", "C31")
@pytest.mark.parametrize("task", OF_AN_INVESTIGATOR)
def test_who_has_one_task_does_that_and_no_other(
    trial: RunningTrial, clock: Clock, task: str
) -> None:
    """Every act of an investigator, on each kind of form: let in if it is of the task, or none."""
    delegate(trial, clock, "investigator", task)
    asked = {pair for pairs in OF_AN_INVESTIGATOR.values() for pair in pairs}
    asked |= {(act, "") for act in NO_TASK}

    let_in = {pair for pair in asked if is_let_in(trial, clock, *pair)}

    assert let_in == OF_AN_INVESTIGATOR[task] | {(act, "") for act in NO_TASK}


def test_each_act_of_a_site_is_of_a_task_or_knowingly_of_none() -> None:
    """An act that is new, and of which nobody thought here, would be everybody's."""
    acts = {act for pairs in OF_AN_INVESTIGATOR.values() for act, _ in pairs}
    site = {Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR}

    assert {name for name, act in ACTS.items() if act.roles & site} == acts | NO_TASK


@pytest.mark.requirement("C31")
def test_a_refusal_names_the_task_and_who_delegates(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """In both languages; nothing is recorded, and with the task delegated it goes through."""
    code = course.screen()
    delegate(trial, clock, "investigator", "forms")
    n_entries = sum(h.seq for h in trial.store.heads().values())

    with pytest.raises(Refused) as refused:
        course.consent(code)
    (found,) = refused.value.problems
    assert found.code == "EQ-C148"
    assert "'Informed consent'" in found.message and "administrator" in found.hint
    assert "« Consentement éclairé »" in found.say("fr")
    assert sum(h.seq for h in trial.store.heads().values()) == n_entries

    delegate(trial, clock, "investigator", "forms", "consent")
    course.consent(code)
    assert trial.state.people["investigator"].tasks == ("forms", "consent")
    delegate(trial, clock, "investigator")
    course.judge(code)


@pytest.mark.requirement("C31")
def test_only_tasks_of_the_role_are_delegated(trial: RunningTrial, clock: Clock) -> None:
    """No invented task, none of another role, none where a role has no tasks; from the start."""
    for person, task in (
        ("investigator", "cooking"),
        ("coordinator", "signature"),
        ("monitor", "forms"),
        ("safety_officer", "safety"),
    ):
        wrong = lambda person=person, task=task: delegate(trial, clock, person, task)  # noqa: E731
        assert refusal(wrong) == ["EQ-C149"]
    given: dict[str, Any] = {"name": "Somebody New", "role": Role.COORDINATOR}
    added = {"by": "administrator", "at": clock(), "person": "new", **given}
    assert refusal(lambda: conduct.add_person(trial, **added, tasks=("signature",))) == ["EQ-C149"]
    conduct.add_person(trial, **added, tasks=("consent",))
    assert trial.state.people["new"].tasks == ("consent",)


def test_people_of_the_opening_bring_their_tasks(
    trial: RunningTrial, clock: Clock, study: Study
) -> None:
    """They are held against the role as later ones are."""
    from equipoise.ledger import MemoryStore

    def opened(*tasks: str) -> RunningTrial:
        one = RunningTrial(study, MemoryStore("small", "rehearsal"))
        people = [Person("c", "Somebody", "coordinator", tasks=tasks)]
        conduct.open_trial(one, at=clock(), people=people)
        return one

    assert opened("consent").state.people["c"].tasks == ("consent",)
    assert refusal(lambda: opened("signature")) == ["EQ-C149"]


@pytest.mark.requirement("C31")
def test_who_checks_at_the_bedside_has_that_task(
    trial: RunningTrial, course: Course, clock: Clock, study: Study
) -> None:
    """The second person too."""
    bedside = Bedside(second_person=True)
    changed = msgspec.structs.replace(study.treatments, bedside=bedside)
    trial.study = msgspec.structs.replace(study, treatments=changed)
    conduct.declare_supply(
        trial, by="cell_unit", at=clock(), places=4, until_on=dt.date(2100, 1, 1)
    )
    code = course.randomized()
    course.order(code)
    given: dict[str, Any] = {"participant": code, "encounter": "M0", "label": "12345678"}
    conduct.prepare_infusion(trial, by="cell_unit", at=clock(), **given)
    begun, over = clock(), clock()

    def give() -> object:
        return conduct.give_infusion(
            trial,
            by="coordinator",
            at=clock(),
            on=clock.today,
            volume_ml=10.0,
            scanned=code,
            started_at=begun,
            stopped_at=over,
            checked_by="investigator",
            **given,
        )

    delegate(trial, clock, "investigator", "forms")
    assert refusal(give) == ["EQ-B054"]
    delegate(trial, clock, "investigator", "infusions")
    give()
    assert trial.state.participants[code].infusions["M0"].checked_by == "investigator"


ZONES = {"01": "Pacific/Auckland", "02": "Europe/Paris", "03": "Pacific/Auckland", "04": ""}
LATE = dt.datetime(2026, 3, 1, 11, 30, tzinfo=dt.UTC)
"""The second of March half an hour after midnight in Auckland, 13 hours ahead of UTC."""


@pytest.mark.parametrize(
    ("sites", "day"),
    [
        (("01",), 2),
        (("01", "03"), 2),
        (("02",), 1),
        (("01", "02"), 1),
        (("01", "04"), 1),
        (("04",), 1),
        (("99",), 1),
        ((), 1),
    ],
)
def test_the_day_is_that_of_the_sites_of_a_person(
    study: Study, sites: tuple[str, ...], day: int
) -> None:
    """Where all of their sites have one; else that of UTC."""
    named = {code: Site(label=Text(code), time_zone=zone) for code, zone in ZONES.items()}
    study = msgspec.structs.replace(
        study, identity=msgspec.structs.replace(study.identity, sites=named)
    )
    person = Person("p", "Somebody", "coordinator", sites)

    assert day_of(study, person, at=LATE) == dt.date(2026, 3, day)


@pytest.mark.requirement("C31")
def test_a_delegation_begins_at_midnight_of_the_site(
    trial: RunningTrial, clock: Clock, study: Study
) -> None:
    """In Auckland half a day before it begins by UTC; and it ends as early."""
    named = {**study.identity.sites, "02": Site(label=Text("02"), time_zone="Pacific/Auckland")}
    identity = msgspec.structs.replace(study.identity, sites=named)
    trial.study = msgspec.structs.replace(study, identity=identity)
    day = dt.date(2026, 3, 2)
    given: dict[str, Any] = {"sites": ("02",), "from_on": day, "until_on": day}
    conduct.change_delegation(
        trial, by="administrator", at=clock(), person="coordinator-02", reason="A day", **given
    )

    def screen(at: dt.datetime) -> object:
        return conduct.screen_participant(trial, by="coordinator-02", at=at, site="02", on=day)

    hour = dt.timedelta(hours=1)
    assert refusal(lambda: screen(LATE - hour)) == ["EQ-C096"]
    screen(LATE)
    assert refusal(lambda: screen(LATE + 24 * hour)) == ["EQ-C096"]

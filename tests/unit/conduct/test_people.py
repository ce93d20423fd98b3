"""Who may act: identifiers, one role for ever, delegation with dates, trainings that lapse."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.conduct.acts.people import reviewed_by
from equipoise.ledger import MemoryStore
from equipoise.problems import Text
from equipoise.study.protocol import Training
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from tests.refusing import refusal

from .conftest import Clock


def add(trial: RunningTrial, clock: Clock, person: str = "new", **given: object) -> None:
    details = {"name": "Somebody New", "role": Role.COORDINATOR, **given}
    conduct.add_person(trial, by="administrator", at=clock(), person=person, **details)  # type: ignore[arg-type]


def screen(trial: RunningTrial, clock: Clock, by: str = "new") -> None:
    conduct.screen_participant(trial, by=by, at=clock(), site="02", on=clock.today)


@pytest.mark.requirement("C18", "C26", "C28")
def test_identifiers_are_never_given_again(trial: RunningTrial, clock: Clock) -> None:
    """Nobody gets a used identifier, not even that of somebody who left."""
    conduct.remove_person(trial, by="administrator", at=clock(), person="monitor", reason="Left")

    assert refusal(lambda: add(trial, clock, "monitor")) == ["EQ-C012"]
    assert refusal(lambda: add(trial, clock, "cell_unit")) == ["EQ-C013"]


@pytest.mark.requirement("C26")
@pytest.mark.parametrize(
    "person",
    ["Monitor", "mon\u0456tor", "monitor ", "", "-x", "a" * 33, "moni\u200btor", "\uff4donitor"],
)
def test_no_two_identifiers_look_alike(trial: RunningTrial, clock: Clock, person: str) -> None:
    """Another case, a letter of another script, a space or something invisible: refused."""
    assert refusal(lambda: add(trial, clock, person)) == ["EQ-C102"]


@pytest.mark.requirement("C28")
def test_who_was_unblinded_never_holds_a_blinded_role(trial: RunningTrial, clock: Clock) -> None:
    """Neither after leaving the cell unit nor under a second account, however written."""
    add(trial, clock, "unit2", name="Zo\u00e9 Martin", role=Role.CELL_UNIT)
    conduct.remove_person(trial, by="administrator", at=clock(), person="unit2", reason="Left")

    for name in ("Zo\u00e9 Martin", "zoe  MARTIN", "Zoe\u0301 Martin"):
        assert refusal(lambda name=name: add(trial, clock, "zm", name=name)) == ["EQ-C013"]
    add(trial, clock, "unit3", name="Zo\u00e9 Martin", role=Role.UNBLINDED_STATISTICIAN)
    assert trial.state.people["unit3"].role in UNBLINDED_ROLES


@pytest.mark.requirement("C28")
def test_a_blinded_role_ends_before_an_unblinded_one_begins(
    trial: RunningTrial, clock: Clock
) -> None:
    """Nobody is behind both doors at once."""
    add(trial, clock, "zm", name="Zo\u00e9 Martin")
    crossing = {"person": "unit2", "name": "Zoe Martin", "role": Role.CELL_UNIT}

    assert refusal(lambda: add(trial, clock, **crossing)) == ["EQ-C105"]
    conduct.remove_person(trial, by="administrator", at=clock(), person="zm", reason="Left")
    add(trial, clock, **crossing)  # type: ignore[arg-type]

    assert trial.state.people["unit2"].is_active


def test_a_person_has_a_name_and_works_at_sites_that_exist(
    trial: RunningTrial, clock: Clock
) -> None:
    """A new person is added with sites; an unknown site, a blank name, days that cross: refused."""
    add(trial, clock, sites=("02",))
    wrong = {
        "EQ-C014": {"sites": ("77",)},
        "EQ-C103": {"name": " "},
        "EQ-C104": {"from_on": dt.date(2026, 5, 2), "until_on": dt.date(2026, 5, 1)},
    }

    assert trial.state.people["new"].sites == ("02",)
    for code, given in wrong.items():
        newer = {"name": "Somebody Newer", **given}
        assert refusal(lambda newer=newer: add(trial, clock, "newer", **newer)) == [code]


@pytest.mark.requirement("C26", "C27")
@pytest.mark.parametrize("role", [Role.DATA_MANAGER, Role.COORDINATOR, Role.AUDITOR])
def test_nobody_has_two_roles_at_a_time(trial: RunningTrial, clock: Clock, role: Role) -> None:
    """However the name is written; once the first is taken away, or with a name of their own."""
    add(trial, clock, name="Zo\u00e9 Martin")
    again = {"name": "zoe  MARTIN", "role": role}

    assert refusal(lambda: add(trial, clock, "zm", **again)) == ["EQ-C194"]
    add(trial, clock, "zm2", name="Zoe B. Martin", role=role)
    conduct.remove_person(trial, by="administrator", at=clock(), person="new", reason="Moves on")
    add(trial, clock, "zm", **again)
    assert trial.state.people["zm"].is_active


@pytest.fixture
def of_site(trial: RunningTrial, clock: Clock) -> str:
    """Who manages the people of site 01 alone."""
    add(trial, clock, "adm-1", name="Adm One", role=Role.ADMINISTRATOR, sites=("01",))
    return "adm-1"


@pytest.mark.requirement("C26", "C31")
def test_who_manages_a_site_manages_nobody_elsewhere(
    trial: RunningTrial, clock: Clock, of_site: str
) -> None:
    """Nobody is added, moved, trained, removed, invited or reviewed beyond it."""
    by: dict[str, Any] = {"by": of_site, "at": clock()}
    new: dict[str, Any] = {"person": "n", "name": "New", "role": Role.COORDINATOR, **by}
    for sites in (("02",), ("01", "02"), ()):
        wider = lambda sites=sites: conduct.add_person(trial, **new, sites=sites)  # noqa: E731
        assert refusal(wider) == ["EQ-C196"]
    conduct.add_person(trial, **new, sites=("01",))
    moved: dict[str, Any] = {"person": "n", "sites": ("02",), "reason": "Moves", **by}
    assert refusal(lambda: conduct.change_delegation(trial, **moved)) == ["EQ-C196"]
    assert refusal(lambda: conduct.change_delegation(trial, **moved | {"sites": ()})) == ["EQ-C196"]
    other: dict[str, Any] = {"person": "coordinator-02", **by}
    for attempt in (
        lambda: conduct.change_delegation(trial, **other, sites=("01",), reason="Comes here"),
        lambda: conduct.remove_person(trial, **other, reason="Left"),
        lambda: conduct.withdraw_means(trial, **other, reason="Lost"),
        lambda: conduct.invite_person(trial, **other, code="c" * 32),
    ):
        assert refusal(attempt) == ["EQ-C196"]
    assert [p.person for p in reviewed_by(trial.state, trial.state.people[of_site])] == ["n"]
    conduct.remove_person(trial, **by, person="n", reason="Left")


@pytest.mark.requirement("C26", "C33")
@pytest.mark.parametrize("who", ["adm-1", "administrator"])
def test_nobody_changes_their_own_delegation(
    trial: RunningTrial, clock: Clock, of_site: str, who: str
) -> None:
    """Neither its sites nor its days; another administrator does."""
    change: dict[str, Any] = {"person": who, "sites": ("01",), "reason": "Wider"}
    own = lambda: conduct.change_delegation(trial, by=who, at=clock(), **change)  # noqa: E731
    assert refusal(own) == ["EQ-C197"]
    add(trial, clock, "adm-2", name="Adm Two", role=Role.ADMINISTRATOR)
    conduct.change_delegation(trial, by="adm-2", at=clock(), **change)


@pytest.mark.requirement("C27", "C31")
def test_roles_are_checked_and_removal_is_immediate(trial: RunningTrial, clock: Clock) -> None:
    """An act outside one's role, by a stranger, or after removal is refused."""
    conduct.remove_person(
        trial, by="administrator", at=clock(), person="coordinator", reason="Left"
    )

    assert refusal(lambda: screen(trial, clock, "monitor")) == ["EQ-C002"]
    assert refusal(lambda: screen(trial, clock, "nobody")) == ["EQ-C001"]
    assert refusal(lambda: screen(trial, clock, "coordinator")) == ["EQ-C001"]
    why = {"by": "administrator", "at": clock(), "person": "auditor"}
    assert refusal(lambda: conduct.remove_person(trial, **why)) == ["EQ-C004"]
    for person in ("coordinator", "nobody"):
        gone = {"by": "administrator", "at": clock(), "person": person, "reason": "Left"}
        assert refusal(lambda gone=gone: conduct.remove_person(trial, **gone)) == ["EQ-C001"]


@pytest.mark.requirement("C33")
def test_nobody_acts_outside_the_days_of_their_delegation(
    trial: RunningTrial, clock: Clock
) -> None:
    """Not the day before, on both the first and the last, not the day after; a change holds at
    once."""
    first, last = clock.today + dt.timedelta(days=1), clock.today + dt.timedelta(days=3)
    add(trial, clock, from_on=first, until_on=last)

    assert refusal(lambda: screen(trial, clock)) == ["EQ-C096"]
    for _ in range(3):
        clock.at += dt.timedelta(days=1)
        screen(trial, clock)
    clock.at += dt.timedelta(days=1)
    assert refusal(lambda: screen(trial, clock)) == ["EQ-C096"]
    change = {"by": "administrator", "at": clock(), "person": "new"}
    assert refusal(lambda: conduct.change_delegation(trial, **change)) == ["EQ-C004"]
    conduct.change_delegation(trial, **change, reason="Stays", sites=("02",), from_on=first)
    screen(trial, clock)
    conduct.change_delegation(trial, **change, reason="Moves", sites=("01",), from_on=first)
    assert refusal(lambda: screen(trial, clock)) == ["EQ-C014"]
    change["person"] = "nobody"
    assert refusal(lambda: conduct.change_delegation(trial, **change)) == ["EQ-C001"]


@pytest.fixture
def training_trial(study: Study, clock: Clock) -> RunningTrial:
    """The trial of a study that asks coordinators for a training, and again after six months."""
    asked = {
        "gcp": Training(label=Text("GCP", "BPC"), by=(Role.COORDINATOR,), months=6),
        "protocol": Training(label=Text("Protocol", "Protocole"), by=(Role.COORDINATOR,)),
    }
    identity = msgspec.structs.replace(study.identity, training=asked)
    study = msgspec.structs.replace(study, identity=identity)
    trial = RunningTrial(study, MemoryStore("small", "rehearsal"))
    people = [Person(r.value, r.value, r.value) for r in Role]
    conduct.open_trial(trial, at=clock(), people=people)
    return trial


def train(trial: RunningTrial, clock: Clock, training: str, on: dt.date | None = None) -> None:
    conduct.record_training(
        trial,
        by="administrator",
        at=clock(),
        person="coordinator",
        training=training,
        on=on or clock.today,
    )


@pytest.mark.requirement("C32")
def test_nobody_acts_untrained_or_once_it_has_lapsed(
    training_trial: RunningTrial, clock: Clock
) -> None:
    """Each training is named that is missing; six months later one of them lapses."""
    trial = training_trial

    assert refusal(lambda: screen(trial, clock, "coordinator")) == ["EQ-C097", "EQ-C097"]
    train(trial, clock, "gcp")
    train(trial, clock, "protocol")
    screen(trial, clock, "coordinator")
    screen(trial, clock, "investigator")  # who is not asked for any
    until = trial.state.people["coordinator"].trained["gcp"]
    assert until == dt.date(2026, 9, 2)
    clock.at = dt.datetime.combine(until, clock.at.time(), dt.UTC)
    screen(trial, clock, "coordinator")
    clock.at += dt.timedelta(days=1)
    assert refusal(lambda: screen(trial, clock, "coordinator")) == ["EQ-C098"]
    train(trial, clock, "gcp")
    screen(trial, clock, "coordinator")


def test_a_training_is_one_of_the_study_and_past(
    training_trial: RunningTrial, clock: Clock
) -> None:
    """An unknown one and one of tomorrow are refused."""
    tomorrow = clock.today + dt.timedelta(days=2)

    assert refusal(lambda: train(training_trial, clock, "yoga")) == ["EQ-C101"]
    assert refusal(lambda: train(training_trial, clock, "gcp", tomorrow)) == ["EQ-C018"]


@pytest.mark.parametrize(
    ("on", "months", "until"),
    [
        (dt.date(2026, 8, 31), 6, dt.date(2027, 2, 28)),
        (dt.date(2027, 8, 31), 6, dt.date(2028, 2, 29)),
        (dt.date(2024, 2, 29), 12, dt.date(2025, 2, 28)),
        (dt.date(2026, 12, 1), 1, dt.date(2027, 1, 1)),
        (dt.date(2026, 12, 1), 0, None),
    ],
)
def test_a_training_ends_on_the_same_day_of_the_month_or_its_last(
    on: dt.date, months: int, until: dt.date | None
) -> None:
    """Calendar months, in leap years too."""
    training = Training(label=Text("T"), by=(), months=months)

    assert conduct.end_of_training(training, on=on) == until


def test_the_first_people_are_held_to_the_same(study: Study, clock: Clock) -> None:
    """Opening refuses two with one identifier, and a site that the study does not have."""
    trial = RunningTrial(study, MemoryStore("small", "rehearsal"))
    people = [Person("ann", "Ann", "monitor"), Person("ann", "Bob", "auditor", ("77",))]

    attempt = lambda: conduct.open_trial(trial, at=clock(), people=people)  # noqa: E731
    assert refusal(attempt) == ["EQ-C012", "EQ-C014"]
    assert not trial.state.is_open
    trained: dict[str, dt.date | None] = {"gcp": dt.date(2027, 1, 1), "protocol": None}
    conduct.open_trial(trial, at=clock(), people=[Person("ann", "Ann", "monitor", trained=trained)])
    assert trial.state.people["ann"].trained == trained


@pytest.mark.requirement("C21")
def test_wrong_passwords_are_put_on_record_once_for_each_wait(
    trial: RunningTrial, clock: Clock
) -> None:
    """The next tries within the wait add nothing; a name that is nobody's leaves no trace."""
    wait, at = dt.timedelta(minutes=15), clock()

    def bar(person: str, after: int) -> list[str]:
        instant = at + dt.timedelta(minutes=after)
        made = conduct.bar_sign_in(trial, at=instant, person=person, n_failures=5, wait=wait)
        return [entry.type for entry in made]

    assert [bar("monitor", m) for m in (0, 14, 15)] == [["SignInBarred"], [], ["SignInBarred"]]
    assert bar("nobody", 0) == []
    assert trial.state.people["monitor"].barred_at == at + wait


@pytest.mark.requirement("C22", "C31")
def test_what_opens_an_account_besides_a_password_is_on_record(
    trial: RunningTrial, clock: Clock
) -> None:
    """Added and given up once each; by whom, or by a rule; nobody without a role adds one."""

    def change(means: str, *, is_added: bool, **more: Any) -> list[str]:
        given = {"person": "monitor", "means": means, "is_added": is_added, **more}
        return [e.by for e in conduct.record_means(trial, at=clock(), **given)]

    assert change("passkey:a", is_added=True) == ["monitor"]
    assert change("passkey:a", is_added=True) == []
    assert change("passkey:b", is_added=True) == ["monitor"]
    assert trial.state.people["monitor"].means == ("passkey:a", "passkey:b")
    assert change("passkey:a", is_added=False, by=conduct.SYSTEM, reason="copied") == ["system"]
    assert change("passkey:a", is_added=False) == []
    assert trial.state.people["monitor"].means == ("passkey:b",)
    given = {"person": "nobody", "means": "passkey:c", "is_added": True}
    assert refusal(lambda: conduct.record_means(trial, at=clock(), **given)) == ["EQ-C001"]


@pytest.mark.requirement("C22", "C31")
def test_a_lost_device_is_made_worthless_by_the_administrator(
    trial: RunningTrial, clock: Clock
) -> None:
    """All means of that person at once, with the reason (21 CFR 11.300(c)); twice does no harm."""
    for means in ("passkey:a", "provider:b"):
        given = {"person": "monitor", "means": means, "is_added": True}
        conduct.record_means(trial, at=clock(), **given)

    def withdraw(by: str, reason: str) -> list[str]:
        entries = conduct.withdraw_means(trial, by=by, at=clock(), person="monitor", reason=reason)
        return [e.type for e in entries]

    assert refusal(lambda: withdraw("monitor", "lost")) == ["EQ-C002"]
    assert refusal(lambda: withdraw("administrator", "")) == ["EQ-C004"]
    assert withdraw("administrator", "telephone lost") == ["SignInMeansChanged"] * 2
    assert trial.state.people["monitor"].means == ()
    assert withdraw("administrator", "telephone lost") == []


@pytest.mark.requirement("C09")
def test_who_comes_in_is_on_record(trial: RunningTrial, clock: Clock) -> None:
    """By which means and when; nobody without a role does."""
    at = clock()
    (entry,) = conduct.record_sign_in(trial, at=at, person="monitor", proof="passkey")

    assert (entry.type, entry.by, entry.stream) == ("SignedIn", "monitor", "person/monitor")
    assert trial.state.people["monitor"].came_at == at
    nobody = {"at": clock(), "person": "nobody"}
    assert refusal(lambda: conduct.record_sign_in(trial, **nobody, proof="password")) == ["EQ-C001"]  # type: ignore[arg-type]

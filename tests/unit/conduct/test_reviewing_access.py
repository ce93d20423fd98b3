"""The periodic review of access: of everybody but oneself, signed; what is ended ends at once."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.conduct.acts.people import (
    derive_review_day,
    digest_of_access,
    reviewed_by,
    without_reviewer,
)
from equipoise.study.roles import Role
from equipoise.study.study import Study
from tests.refusing import refusal

from .conftest import Clock, open_second_account

MEANING = "I reviewed each of them"


@pytest.fixture
def reviewed(trial: RunningTrial, clock: Clock) -> RunningTrial:
    conduct.accept_accountability(
        trial, by="administrator", at=clock(), statement="My signature binds me"
    )
    return trial


def review(
    trial: RunningTrial, clock: Clock, *, by: str = "administrator", **given: Any
) -> tuple[Any, ...]:
    seen = reviewed_by(trial.state, trial.state.people[by])
    known: dict[str, Any] = {
        "decisions": {p.person: "keep" for p in seen},
        "digest": digest_of_access(trial.study, seen),
        "meaning": MEANING,
        "proof": "passkey",
    }
    return conduct.review_access(trial, by=by, at=clock(), **{**known, **given})


def with_end(trial: RunningTrial, *people: str) -> Mapping[str, str]:
    seen = reviewed_by(trial.state, trial.state.people["administrator"])
    return {p.person: "end" if p.person in people else "keep" for p in seen}


@pytest.mark.requirement("C30")
def test_a_review_is_signed_and_ends_what_it_ends(reviewed: RunningTrial, clock: Clock) -> None:
    """One entry with every decision, its seal, and the removal; the reason is kept with it."""
    decisions = with_end(reviewed, "monitor")
    entries = review(reviewed, clock, decisions=decisions, reason="Left the sponsor")

    assert [x.type for x in entries] == ["AccessReviewed", "PersonRemoved", "StudySealed"]
    assert {x.reason for x in entries[:2]} == {"Left the sponsor"}
    body = msgspec.json.decode(entries[0].body or b"")
    assert body["decisions"] == decisions and set(decisions) == {
        *(role.value for role in Role if role != Role.ADMINISTRATOR),
        "coordinator-02",
    }
    assert (body["meaning"], body["proof"]) == (MEANING, "passkey")
    assert len(reviewed.state.seal_of(f"control:{entries[0].seq}")) == 64
    assert not reviewed.state.people["monitor"].is_active
    kept = reviewed.state.people["coordinator"]
    assert kept.reviewed is not None
    assert (kept.reviewed.by, kept.reviewed.proof) == ("administrator", "passkey")
    own = reviewed.state.people["administrator"].reviewed
    assert own is not None and own.by == "system"


@pytest.mark.requirement("C30")
def test_nobody_reviews_themself(reviewed: RunningTrial, clock: Clock) -> None:
    """Nor a second account of the same name; another who manages people does."""
    given: dict[str, Any] = {"by": "administrator", "role": Role.ADMINISTRATOR}
    name = reviewed.state.people["administrator"].name
    open_second_account(reviewed, clock, "other-self", name=name, role=Role.ADMINISTRATOR)
    conduct.add_person(reviewed, at=clock(), person="second", name="Second", **given)

    seen = {p.person for p in reviewed_by(reviewed.state, reviewed.state.people["administrator"])}
    assert not seen & {"administrator", "other-self"} and "second" in seen
    for own in ("administrator", "other-self", "nobody"):
        wrong = {**with_end(reviewed), own: "keep"}
        assert refusal(lambda wrong=wrong: review(reviewed, clock, decisions=wrong)) == ["EQ-C152"]
    conduct.accept_accountability(reviewed, by="second", at=clock(), statement="It binds me")
    review(reviewed, clock, by="second")
    own_stamp = reviewed.state.people["administrator"].reviewed
    assert own_stamp is not None and own_stamp.by == "second"


@pytest.mark.requirement("C30")
def test_what_keeps_a_review_from_being_signed(reviewed: RunningTrial, clock: Clock) -> None:
    """Somebody left out, another list than was seen, an end without a reason; nothing recorded."""
    state = reviewed.state
    seen = reviewed_by(state, state.people["administrator"])
    digest = digest_of_access(reviewed.study, seen)
    some = {p: d for p, d in with_end(reviewed).items() if p != "dsmb"}
    assert refusal(lambda: review(reviewed, clock, decisions=some)) == ["EQ-C153"]
    ended = with_end(reviewed, "dsmb")
    assert refusal(lambda: review(reviewed, clock, decisions=ended, reason=" ")) == ["EQ-C004"]
    assert refusal(lambda: review(reviewed, clock, by="auditor")) == ["EQ-C002"]

    place: dict[str, Any] = {"person": "monitor", "sites": ("02",), "reason": "Moved"}
    conduct.change_delegation(reviewed, by="administrator", at=clock(), **place)
    assert refusal(lambda: review(reviewed, clock, digest=digest)) == ["EQ-C151"]
    assert not [x for x in reviewed.store.read() if x.type == "AccessReviewed"]


def test_who_reviews_has_accepted_what_a_signature_means(trial: RunningTrial, clock: Clock) -> None:
    assert refusal(lambda: review(trial, clock)) == ["EQ-C106"]


def test_who_is_alone_reviews_nothing(reviewed: RunningTrial, clock: Clock) -> None:
    review(
        reviewed,
        clock,
        decisions=dict.fromkeys(with_end(reviewed), "end"),
        reason="The trial is archived",
    )
    assert refusal(lambda: review(reviewed, clock)) == ["EQ-C153"]


@pytest.mark.requirement("C30")
@pytest.mark.parametrize(
    ("months", "day"), [(0, None), (6, dt.date(2026, 9, 2)), (12, dt.date(2027, 3, 2))]
)
def test_when_the_next_review_is_due(
    trial: RunningTrial, study: Study, months: int, day: dt.date | None
) -> None:
    """So many months after the access was given; none where the study asks for none."""
    identity = msgspec.structs.replace(study.identity, access_review_months=months)
    asked = msgspec.structs.replace(study, identity=identity)

    assert derive_review_day(asked, trial.state.people["monitor"]) == day
    assert derive_review_day(asked, Person("p", "P", "monitor")) is None


@pytest.mark.requirement("C30")
def test_a_review_moves_the_day(reviewed: RunningTrial, study: Study, clock: Clock) -> None:
    """From the last day of a month to the last one of a shorter."""
    identity = msgspec.structs.replace(study.identity, access_review_months=6)
    reviewed.study = msgspec.structs.replace(study, identity=identity)
    clock.at = dt.datetime(2026, 8, 31, 9, 0, tzinfo=dt.UTC)
    review(reviewed, clock)

    people = reviewed.state.people
    assert derive_review_day(reviewed.study, people["monitor"]) == dt.date(2027, 2, 28)
    assert derive_review_day(reviewed.study, people["administrator"]) == dt.date(2026, 9, 2)


@pytest.mark.requirement("C30")
def test_whose_access_nobody_may_review(trial: RunningTrial, clock: Clock) -> None:
    """A sole administrator's, also under another account; not once somebody else manages people."""

    def without(on: dt.date) -> list[str]:
        return [p.person for p in without_reviewer(trial.state, on=on)]

    role, own = Role.ADMINISTRATOR, trial.state.people["administrator"].name
    last = clock.today + dt.timedelta(days=30)

    def add(person: str, name: str, until_on: dt.date | None) -> None:
        given = {"person": person, "name": name, "role": role, "until_on": until_on}
        conduct.add_person(trial, by="administrator", at=clock(), **given)

    assert without(clock.today) == ["administrator"]
    open_second_account(trial, clock, "again", name=own, role=role)
    assert without(clock.today) == ["administrator", "again"]
    add("second", "Somebody else", last)
    assert without(last) == []
    assert without(last + dt.timedelta(days=1)) == ["administrator", "again"]


@pytest.mark.requirement("C30")
def test_who_manages_one_site_reviews_nobody_of_all_of_them(
    reviewed: RunningTrial, clock: Clock
) -> None:
    """So there is nobody for a sole administrator of all sites; and what is said is what is."""
    given = {"name": "Of a site", "role": Role.ADMINISTRATOR, "sites": ("01",)}
    conduct.add_person(reviewed, by="administrator", at=clock(), person="of-site", **given)
    state = reviewed.state
    may = [reviewed_by(state, state.people[p]) for p in ("administrator", "of-site")]
    nobody = {p.person for p in state.people.values()} - {p.person for seen in may for p in seen}
    assert nobody == {"administrator"}
    assert {p.person for p in without_reviewer(state, on=clock.today)} == nobody

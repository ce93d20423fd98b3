"""Codes for passwords: on record, and nobody signs with one alone before a second person asked."""

from collections.abc import Callable

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.conduct.parts import Proof
from equipoise.ledger import Entry
from equipoise.problems import Refused
from equipoise.study.roles import Role

from .conftest import Clock, Course

CODE, OTHER = "a" * 32, "b" * 32


def refusal(attempt: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return [p.code for p in refused.value.problems]


@pytest.fixture
def second(trial: RunningTrial, clock: Clock) -> str:
    """Another administrator, whose account nobody's code opened."""
    add = {"person": "second", "name": "Second", "role": Role.ADMINISTRATOR}
    conduct.add_person(trial, by="administrator", at=clock(), **add)  # type: ignore[arg-type]
    return "second"


def invite(trial: RunningTrial, clock: Clock, person: str = "investigator", **given: str) -> None:
    known = {"by": "administrator", "code": CODE, **given}
    conduct.invite_person(trial, at=clock(), person=person, **known)


def choose(trial: RunningTrial, clock: Clock, person: str = "investigator") -> str:
    (entry,) = conduct.record_password(trial, at=clock(), person=person, code=CODE)
    return f"{entry.chain}:{entry.seq}"


def confirm(trial: RunningTrial, clock: Clock, *, by: str, chosen: str, **given: str) -> None:
    known = {"person": "investigator", "reason": "asked by telephone", **given}
    conduct.confirm_invitation(trial, by=by, at=clock(), chosen=chosen, **known)


def sign(course: Course, code: str, proof: Proof = "password") -> tuple[Entry, ...]:
    trial = course.trial
    digest = conduct.digest_of(trial.study, trial.state.participants[code])
    said = {"participant": code, "meaning": "I endorse this", "digest": digest}
    return conduct.sign_casebook(trial, by="investigator", at=course.clock(), proof=proof, **said)


@pytest.mark.requirement("C29", "C35")
def test_who_makes_a_code_does_not_sign_with_it_alone(
    trial: RunningTrial, course: Course, clock: Clock, second: str
) -> None:
    """Code and password are entries; the maker and the account itself confirm nothing."""
    code = course.screen()
    invite(trial, clock)
    sign(course, code)  # a code that was not used changes nothing
    chosen = choose(trial, clock)

    made = [e for e in trial.store.read(chain="control") if e.stream == "person/investigator"]
    told = [(e.type, e.by) for e in made[-2:]]
    assert told == [("InvitationMade", "administrator"), ("PasswordChosen", "investigator")]
    assert msgspec.json.decode(made[-2].body or b"") == {"person": "investigator", "code": CODE}
    assert refusal(lambda: sign(course, code)) == ["EQ-C190"]
    assert refusal(lambda: sign(course, code, "")) == ["EQ-C190"]
    maker = {"by": "administrator", "chosen": chosen}
    assert refusal(lambda: confirm(trial, clock, **maker)) == ["EQ-C191"]
    assert refusal(lambda: confirm(trial, clock, by="investigator", chosen=chosen)) == ["EQ-C002"]
    assert refusal(lambda: confirm(trial, clock, by=second, chosen="control:1")) == ["EQ-C192"]
    told_nothing = {"by": second, "chosen": chosen, "reason": ""}
    assert refusal(lambda: confirm(trial, clock, **told_nothing)) == ["EQ-C004"]

    confirm(trial, clock, by=second, chosen=chosen)
    assert sign(course, code)[0].type == "CasebookSigned"
    assert refusal(lambda: confirm(trial, clock, by="auditor", chosen=chosen)) == ["EQ-C192"]


@pytest.mark.requirement("C29")
def test_nobody_confirms_from_an_account_that_waits_itself(
    trial: RunningTrial, clock: Clock, second: str
) -> None:
    """One administrator who resets two accounts has neither: not by the other, not by themself."""
    invite(trial, clock)
    chosen = choose(trial, clock)
    invite(trial, clock, "auditor")
    own = choose(trial, clock, "auditor")

    assert refusal(lambda: confirm(trial, clock, by="auditor", chosen=chosen)) == ["EQ-C190"]
    itself = {"by": "auditor", "chosen": own, "person": "auditor"}
    assert refusal(lambda: confirm(trial, clock, **itself)) == ["EQ-C190", "EQ-C191"]
    confirm(trial, clock, by=second, chosen=own, person="auditor")
    confirm(trial, clock, by="auditor", chosen=chosen)
    assert trial.state.people["investigator"].is_confirmed


@pytest.mark.requirement("C29")
def test_which_code_was_used_decides(trial: RunningTrial, clock: Clock, second: str) -> None:
    """Of two that are out: who made the one that was typed confirms nothing; the other does."""
    invite(trial, clock)
    invite(trial, clock, by=second, code=OTHER)
    chosen = choose(trial, clock)

    password = trial.state.people["investigator"].password
    assert password is not None and password.invited is not None
    assert password.invited.by == "administrator"
    assert refusal(lambda: confirm(trial, clock, by="administrator", chosen=chosen)) == ["EQ-C191"]
    confirm(trial, clock, by=second, chosen=chosen)


@pytest.mark.requirement("C29")
def test_a_code_that_is_not_on_record_opens_no_signature(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    chosen = choose(trial, clock)
    assert refusal(lambda: sign(course, course.screen())) == ["EQ-C190"]
    confirm(trial, clock, by="administrator", chosen=chosen)
    assert trial.state.people["investigator"].is_confirmed


@pytest.mark.requirement("C29", "C36")
def test_a_passkey_of_before_signs_and_no_new_one_is_made(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """A key that the code's maker could have made would be worth no more than the password."""
    means = {"person": "investigator", "is_added": True}
    conduct.record_means(trial, at=clock(), means="passkey:1", **means)  # type: ignore[arg-type]
    invite(trial, clock)
    choose(trial, clock)
    code = course.screen()

    assert sign(course, code, "passkey")[0].type == "CasebookSigned"
    assert sign(course, code, "provider")[0].type == "CasebookSigned"
    new = {"means": "passkey:2", **means}
    assert refusal(lambda: conduct.record_means(trial, at=clock(), **new)) == ["EQ-C190"]  # type: ignore[arg-type]
    conduct.record_means(trial, at=clock(), means="provider:x", **means)  # type: ignore[arg-type]


@pytest.mark.requirement("C29")
def test_a_code_made_at_the_server_needs_no_second_person(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """Whoever holds the server holds everything; nobody with a role can pass for it."""
    conduct.record_invitation(trial, at=clock(), person="investigator", code=CODE)
    choose(trial, clock)
    assert sign(course, course.screen())[0].type == "CasebookSigned"

    add = {"person": "system", "name": "Some System", "role": Role.ADMINISTRATOR}
    by = {"by": "administrator", "at": clock()}
    assert refusal(lambda: conduct.add_person(trial, **by, **add)) == ["EQ-C012"]  # type: ignore[arg-type]
    for made in (conduct.record_invitation, conduct.record_password):
        gone = {"at": clock(), "person": "nobody", "code": CODE}
        assert refusal(lambda made=made, gone=gone: made(trial, **gone)) == ["EQ-C001"]


@pytest.mark.requirement("C29")
def test_each_signature_asks_for_it(trial: RunningTrial, clock: Clock) -> None:
    """The review of access, as one more of them."""
    conduct.accept_accountability(trial, by="administrator", at=clock(), statement="It binds me")
    conduct.invite_person(trial, by="administrator", at=clock(), person="administrator", code=CODE)
    choose(trial, clock, "administrator")
    asked = {"decisions": {}, "digest": "", "meaning": "Reviewed", "proof": "password"}
    asked |= {"by": "administrator", "at": clock()}
    assert "EQ-C190" in refusal(lambda: conduct.review_access(trial, **asked))  # type: ignore[arg-type]

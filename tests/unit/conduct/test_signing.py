"""Signatures: accepted once, bound to everything recorded, sealed in the same breath."""

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial, digest_of
from equipoise.ledger import MemoryStore, merkle_root
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course
from .test_ending import sign
from .test_opening import codes


@pytest.mark.requirement("C25")
def test_nobody_signs_before_accepting_what_a_signature_means(study: Study, clock: Clock) -> None:
    """Neither a casebook nor an exception; what was accepted, and when, stays on record."""
    trial = RunningTrial(study, MemoryStore("small", "rehearsal"))
    conduct.open_trial(trial, at=clock(), people=[Person(r.value, r.value, r.value) for r in Role])
    course = Course(trial, clock)
    code = course.eligible()
    with pytest.raises(Refused) as refused:
        sign(course, code)
    assert codes(refused) == ["EQ-C106"]

    accepted = {"by": "investigator", "at": clock(), "statement": "It binds me"}
    (entry,) = conduct.accept_accountability(trial, **accepted)
    sign(course, code)

    assert entry.type == "AccountabilityAccepted"
    assert b"It binds me" in (entry.body or b"")
    with pytest.raises(Refused) as refused:
        conduct.accept_accountability(trial, **accepted)
    assert codes(refused) == ["EQ-C107"]


@pytest.mark.requirement("C04", "C17")
def test_each_signature_and_the_lock_is_sealed_with_its_own_entry(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The root beside it holds the heads of that moment, its own entry among them."""
    code = course.eligible()
    sign(course, code)
    signature = trial.state.participants[code].signature
    assert signature is not None
    chain, seq = signature.stamp.entry.split(":")
    seal = [e for e in trial.store.read() if e.type == "StudySealed"][-1]
    body = msgspec.json.decode(seal.body or b"")

    assert body["heads"][chain][0] == int(seq)
    assert body["entry"] == signature.stamp.entry
    assert trial.state.seal_of(signature.stamp.entry) == body["root"]
    assert (seal.by, seal.role) == ("system", "administrator")
    conduct.fail_screening(
        trial, by="coordinator", at=clock(), participant=code, reason="Moved away"
    )
    heads = trial.store.heads()
    (locked, sealed) = conduct.lock_data(trial, by="data_manager", at=clock())
    assert trial.state.seal_of(f"control:{locked.seq}") != merkle_root(heads)
    assert sealed.type == "StudySealed"
    assert trial.state.seal_of("control:1") == ""


@pytest.mark.requirement("C17", "C22")
def test_a_signature_is_bound_to_everything_recorded(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """A judgement, an infusion, a deviation, a missed visit, the text of the study: each voids."""
    code = course.randomized()
    seen = [digest_of(trial.study, trial.state.participants[code])]

    def differs() -> bool:
        digest = digest_of(trial.study, trial.state.participants[code])
        seen.append(digest)
        return seen.count(digest) == 1

    course.order(code)
    assert differs()
    by = {"by": "coordinator", "at": clock(), "participant": code}
    conduct.record_deviation(
        trial, **by, reason="Fasting was forgotten", kind="other", on=clock.today
    )
    assert differs()
    conduct.miss_encounter(trial, **by, reason="Snow", encounter="M3")
    assert differs()
    amended = msgspec.structs.replace(trial.study, digest="e" * 64)
    assert digest_of(amended, trial.state.participants[code]) not in seen

"""After a restore nobody is randomized until it is proven that nothing was lost."""

from contextlib import closing

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial, record_restored
from equipoise.conduct.state import PacketUse
from equipoise.ledger import MemoryStore, merkle_root
from equipoise.problems import Refused
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from tests.refusing import refusal

from .conftest import SPECIFICATION, Clock, Course


def restored(trial: RunningTrial, clock: Clock, *, drop: int = 0) -> RunningTrial:
    """The trial in a new store, without its last entries, as a restore leaves it."""
    store = MemoryStore(trial.store.study, trial.store.realm)
    entries = list(trial.store.read())
    for entry in entries[: len(entries) - drop]:
        store._add(entry)
    again = RunningTrial(trial.study, store, trial.vault)
    record_restored(again, at=clock(), source="backup.db")
    return again


@pytest.mark.requirement("C53")
def test_nobody_is_randomized_in_a_restored_ledger(trial, course, clock) -> None:
    """EQ-C110 for a new participant, and for one whose number is on its way."""
    new, waiting = course.eligible(), course.eligible()
    asked = {"by": "coordinator", "participant": waiting}
    conduct.request_randomization(trial, at=clock(), on=clock.today, **asked)
    again = restored(trial, clock)
    before = again.store.heads()
    for code in (new, waiting):
        assert refusal(lambda code=code: Course(again, clock).randomize(code)) == ["EQ-C110"]
    finish = {"by": "coordinator", "at": clock(), "participant": waiting}
    assert refusal(lambda: conduct.finish_randomization(again, **finish)) == ["EQ-C110"]
    assert again.store.heads() == before
    Course(again, clock).screen()  # everything else goes on


@pytest.mark.requirement("C53")
@pytest.mark.parametrize("is_on_record", [True, False])
def test_a_seal_kept_elsewhere_opens_it_again(trial, course, clock, is_on_record) -> None:
    """The root over what was restored, or that of a seal which nothing followed."""
    code = course.eligible()
    sealed = conduct.seal_trial(trial, by="auditor", at=clock())
    root = sealed if is_on_record else merkle_root(trial.store.heads())
    again = restored(trial, clock)
    confirm = {"by": "data_manager", "at": clock()}
    assert refusal(lambda: conduct.confirm_restore(again, root="0" * 64, **confirm)) == ["EQ-C112"]
    (entry,) = conduct.confirm_restore(again, root=root, **confirm)
    assert (entry.type, entry.chain) == ("RestoreConfirmed", "control")
    assert Course(again, clock).randomize(code) == "R-001"
    assert refusal(lambda: conduct.confirm_restore(again, root=root, **confirm)) == ["EQ-C111"]
    assert refusal(lambda: conduct.attest_gap(again, reason="looked", **confirm)) == ["EQ-C111"]


@pytest.mark.requirement("C53", "C54", "F04")
def test_a_seal_does_not_open_it_over_a_number_that_the_vault_alone_has(
    trial, course, clock
) -> None:
    """Whoever restored can compute the seal of what they restored; the vault knows better."""
    first, lost = course.randomized(), course.eligible()
    n_before = len(list(trial.store.read()))
    course.randomize(lost)
    again = restored(trial, clock, drop=len(list(trial.store.read())) - n_before)
    root = again.state.restored.proven_by[0]
    ask = {"by": "data_manager", "at": clock(), "root": root}
    before = again.store.heads()
    with pytest.raises(Refused) as caught:
        conduct.confirm_restore(again, **ask)
    (found,) = caught.value.problems
    assert (found.code, found.where.record) == ("EQ-C205", lost)
    assert again.store.heads() == before
    assert refusal(lambda: Course(again, clock).randomize(lost)) == ["EQ-C110"]
    for by in ("data_manager", "auditor"):  # what was lost and is known to be can be attested
        conduct.attest_gap(again, by=by, at=clock(), reason=f"{lost} has a number")
    assert again.state.participants[first].number == "R-001"


@pytest.mark.requirement("C53")
def test_who_is_under_way_by_a_packet_is_not_lost(trial, course, clock) -> None:
    """Their number is the vault's alone until the entering of the packet is finished."""
    code = course.eligible()
    asked = {"by": "coordinator", "participant": code}
    conduct.request_randomization(trial, at=clock(), on=clock.today, **asked)
    state, vault = trial.state, trial.vault
    vault.assign(code, stratum=state.participants[code].stratum, proof="of the packet")
    use = PacketUse("K-1", "randomization", clock(), "coordinator", state.people["coordinator"])
    claimed = msgspec.structs.replace(state.participants[code], packets={"K-1": use})
    entering = msgspec.structs.replace(state, participants={code: claimed})
    assert conduct.find_numbers_beyond(entering, vault) == ()
    elsewhere = msgspec.structs.replace(state, participants={})
    assert conduct.find_numbers_beyond(elsewhere, vault) == ((code, "R-001"),)


@pytest.mark.requirement("C53")
def test_a_seal_does_not_open_it_without_the_vault(trial, course, clock, tmp_path) -> None:
    """EQ-C053 with none, EQ-V015 with another one; a trial that committed to no list needs none."""
    course.eligible()
    again = restored(trial, clock)
    ask = {"by": "data_manager", "at": clock(), "root": again.state.restored.proven_by[0]}
    again.vault = None
    assert refusal(lambda: conduct.confirm_restore(again, **ask)) == ["EQ-C053"]
    create_vault(
        tmp_path / "other", SPECIFICATION, contents={"alpha": {}, "omega": {}}, realm="rehearsal"
    )
    with closing(LocalVault(tmp_path / "other")) as other:
        again.vault = VaultClient(other, read_token(tmp_path / "other", "assign"))
        assert refusal(lambda: conduct.confirm_restore(again, **ask)) == ["EQ-V015"]
    bare = RunningTrial(trial.study, MemoryStore("small", "rehearsal"))
    person = conduct.Person("data_manager", "A data manager", "data_manager")
    conduct.open_trial(bare, at=clock(), people=[person])
    again = restored(bare, clock)
    conduct.confirm_restore(again, **{**ask, "root": again.state.restored.proven_by[0]})
    assert again.state.restored is None


@pytest.mark.requirement("C53", "C54")
def test_an_older_seal_does_not(trial, course, clock) -> None:
    """Something followed it, so it does not show that nothing more is missing."""
    course.screen()
    sealed = conduct.seal_trial(trial, by="auditor", at=clock())
    newest = merkle_root(trial.store.heads())
    course.screen()
    conduct.seal_trial(trial, by="auditor", at=clock())
    course.screen()
    for drop in (0, 2):
        again = restored(trial, clock, drop=drop)
        for root in (sealed, newest):
            ask = {"by": "auditor", "at": clock(), "root": root}
            assert refusal(lambda ask=ask: conduct.confirm_restore(again, **ask)) == ["EQ-C112"]  # noqa: B023


def test_no_seal_proves_whole_what_was_restored_in_part(trial, course, clock) -> None:
    """The source was damaged, so something is missing whatever the seals say."""
    store = MemoryStore("small", "rehearsal")
    for entry in trial.store.read():
        store._add(entry)
    again = RunningTrial(trial.study, store, trial.vault)
    root = merkle_root(store.heads())
    record_restored(again, at=clock(), source="backup.db", is_complete=False)
    ask = {"by": "auditor", "at": clock(), "root": root}
    assert refusal(lambda: conduct.confirm_restore(again, **ask)) == ["EQ-C112"]


def test_what_is_recorded_of_a_restore(trial, course, clock) -> None:
    """From what, how much, and the heads as they were restored; in the control chain."""
    course.screen()
    again = restored(trial, clock, drop=1)
    entry = list(again.store.read(chain="control"))[-1]
    said = conduct.events.from_entry(entry.type, entry.body)
    assert (entry.type, entry.by, said.source) == ("LedgerRestored", "system", "backup.db")
    assert said.n_entries == len(list(trial.store.read())) - 1
    assert said.root == merkle_root(
        {c: h for c, h in trial.store.heads().items() if c == "control"}
    )
    assert said.is_complete
    assert set(said.heads) == {"control"}


def test_an_empty_or_redacted_ledger_can_be_restored(study, trial, clock) -> None:
    """No control chain at all; or its last body was taken out."""
    empty = RunningTrial(study, MemoryStore("small", "rehearsal"))
    record_restored(empty, at=clock(), source="a.zip")
    assert empty.state.restored is not None
    conduct.seal_trial(trial, by="auditor", at=clock())
    trial.store._entries[-1] = msgspec.structs.replace(trial.store._entries[-1], body=None)
    again = restored(trial, clock)
    assert len(again.state.restored.proven_by) == 1


@pytest.mark.requirement("C53", "C54")
def test_two_people_in_two_roles_attest_a_gap(trial, course, clock) -> None:
    """One is not enough, nor the same person or role twice; each gives a reason."""
    code = course.eligible()
    for name, role in (("second", "auditor"), ("fourth", "coordinator")):
        conduct.add_person(trial, by="administrator", at=clock(), person=name, name=name, role=role)
    again = restored(trial, clock)

    def attest(by: str, reason: str = "paper forms compared") -> object:
        return conduct.attest_gap(again, by=by, at=clock(), reason=reason)

    assert refusal(lambda: attest("auditor", " a ")) == ["EQ-C004"]
    assert refusal(lambda: attest("fourth")) == ["EQ-C002"]
    attest("auditor")
    assert refusal(lambda: attest("auditor")) == ["EQ-C113"]
    assert refusal(lambda: attest("second")) == ["EQ-C113"]
    assert refusal(lambda: Course(again, clock).randomize(code)) == ["EQ-C110"]
    by = {"by": "administrator", "at": clock()}
    conduct.remove_person(again, **by, person="auditor", reason="Moves on")
    conduct.add_person(again, **by, person="first", name="Auditor", role="data_manager")
    assert refusal(lambda: attest("first")) == ["EQ-C113"]
    attest("data_manager")
    assert again.state.restored is None
    assert Course(again, clock).randomize(code) == "R-001"


def test_restored_once_more_it_is_closed_once_more(trial, course, clock) -> None:
    """Attestations of an earlier restore say nothing of a later one."""
    again = restored(trial, clock)
    conduct.attest_gap(again, by="auditor", at=clock(), reason="looked into")
    once_more = restored(again, clock)
    assert once_more.state.restored.attested == ()
    assert once_more.state.restored.stamp.at > again.state.restored.stamp.at


@pytest.mark.requirement("C53", "F04", "D28")
def test_a_request_that_a_restore_brought_back_is_no_dead_end(trial, course, clock) -> None:
    """It was called off, and the next one got a number; the ledger is of before. Taken back once
    more, the next request is that one, and finds its number.
    """
    code = course.eligible()
    asked = {"by": "coordinator", "participant": code}
    conduct.request_randomization(trial, at=clock(), on=clock.today, **asked)
    n_before = len(list(trial.store.read()))
    conduct.call_off_randomization(trial, at=clock(), reason="Not today", **asked)
    number = course.randomize(code)
    drop = len(list(trial.store.read())) - n_before
    again = restored(trial, clock, drop=drop)
    for by in ("data_manager", "investigator"):
        conduct.attest_gap(again, by=by, at=clock(), reason="Looked into")
    assert again.state.participants[code].status == "randomizing"

    finish = {"by": "coordinator", "at": clock(), "participant": code}
    assert refusal(lambda: conduct.finish_randomization(again, **finish)) == ["EQ-V045"]
    conduct.call_off_randomization(again, at=clock(), reason="Not today", **asked)
    assert Course(again, clock).randomize(code) == number

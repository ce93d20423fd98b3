"""The register of unblinding: from the vault's log, by mistake, and at the end of the blind."""

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial, digest_of_populations
from equipoise.problems import Refused, Text, Where
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token
from equipoise.vault.keeping.copying import back_up_vault, restore_vault

from .conftest import Clock, Course
from .test_ending import leave, sign
from .test_opening import codes


@pytest.fixture
def emergency(vault: LocalVault, vault_folder: Path) -> VaultClient:
    return VaultClient(vault, read_token(vault_folder, "emergency"))


def shock(emergency: VaultClient, code: str, question: str = "infusion:M0") -> str:
    said = {"by": "investigator", "role": "investigator", "reason": "Shock after the infusion"}
    return emergency.reveal(code, question, **said)


@pytest.mark.requirement("C67", "C68", "F26", "F30")
def test_a_break_reaches_the_ledger_once_and_without_its_answer(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """What the vault answered while the ledger was away: who, what, when, why; brought twice."""
    code = course.randomized()
    answers = [shock(emergency, code), shock(emergency, code, "arm")]
    found = emergency.breaks()
    assert conduct.find_missing(trial.state, found) == list(found)
    entries = conduct.record_breaks(trial, found, at=clock())
    assert conduct.record_breaks(trial, found, at=clock()) == ()

    assert [(e.type, e.by, e.role, conduct.events.reason_of(e)) for e in entries] == [
        ("CodeBroken", "investigator", "investigator", "Shock after the infusion")
    ] * 2
    assert not any(a.encode() in (e.body or b"") for e in entries for a in set(answers))
    register = conduct.list_unblindings(trial.state)
    assert [(p.code, u.kind, u.question) for p, u in reversed(register)] == [
        (code, "emergency", "infusion:M0"),
        (code, "emergency", "arm"),
    ]
    assert register[0][1].broken_at == found[1].at
    assert conduct.unblinded_for(trial.state, "investigator") == (code,)
    assert conduct.unblinded_for(trial.state, "coordinator") == ()


@pytest.mark.requirement("C67", "F39")
def test_a_break_for_nobody_of_this_ledger_waits_and_is_told(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """The vault knows a participant whom a restored ledger lost: nothing is made up."""
    code = course.randomized()
    assert trial.vault is not None
    trial.vault.assign("02-009", stratum="", proof="lost")
    shock(emergency, "02-009")
    shock(emergency, code)
    breaks = emergency.breaks()
    assert [e.stream for e in conduct.record_breaks(trial, breaks, at=clock())] == [code]
    (problem,) = conduct.find_unplaced(trial.state, breaks)

    assert problem.code == "EQ-V033"
    assert "02-009" in str(problem.where)
    assert [b.participant for b in conduct.find_missing(trial.state, breaks)] == ["02-009"]


@pytest.mark.requirement("C67", "F39")
def test_a_break_after_a_restore_is_no_earlier_one(
    course: Course, emergency: VaultClient, vault_folder: Path, tmp_path: Path
) -> None:
    """A restored vault counts on from an earlier place: one place, two breaks, both recorded."""
    code, trial, clock = course.randomized(), course.trial, course.clock
    back_up_vault(vault_folder, tmp_path / "copy.db")
    shock(emergency, code)
    shock(emergency, code, "arm")
    lost = emergency.breaks()
    conduct.record_breaks(trial, lost, at=clock())

    new = tmp_path / "restored"
    new.mkdir()
    shutil.copy(vault_folder / "vault.key", new)
    restore_vault(tmp_path / "copy.db", new, by="keeper", reason="disk", at=clock())
    restored = LocalVault(new)
    again = VaultClient(restored, read_token(vault_folder, "emergency"))
    again.reveal(code, "arm", by="locum", role="investigator", reason="Shock")
    breaks = again.breaks()
    restored.close()
    assert [b.seq for b in breaks] == [lost[-1].seq]
    (entry,) = conduct.record_breaks(trial, breaks, at=clock())
    assert entry.by == "locum"
    assert conduct.record_breaks(trial, [*lost, *breaks], at=clock()) == ()
    assert len(conduct.list_unblindings(trial.state)) == 3


def test_who_broke_it_may_have_left_since(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """A name that the ledger does not have keeps its place in the record."""
    code = course.randomized()
    emergency.reveal(code, "arm", by="locum", role="investigator", reason="Shock")
    (entry,) = conduct.record_breaks(trial, emergency.breaks(), at=clock())
    assert (entry.by, entry.role) == ("locum", "investigator")


@pytest.mark.requirement("C28", "F28")
def test_who_broke_a_code_does_not_come_back_to_assess_outcomes(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """Not under another account of the same name either; in another role they may."""
    code = course.randomized()
    shock(emergency, code)
    conduct.record_breaks(trial, emergency.breaks(), at=clock())
    conduct.remove_person(
        trial, by="administrator", at=clock(), person="investigator", reason="Left"
    )

    def add(person: str, name: str, role: Role) -> None:
        conduct.add_person(
            trial, by="administrator", at=clock(), person=person, name=name, role=role
        )

    with pytest.raises(Refused) as refused:
        add("other", "Investigator", Role.OUTCOME_ASSESSOR)
    assert codes(refused) == ["EQ-V049"]
    add("another", "Somebody else", Role.OUTCOME_ASSESSOR)
    add("monitor2", "Investigator", Role.MONITOR)


def tell(trial: RunningTrial, code: str, clock: Clock, **given: object) -> None:
    said: dict[str, object] = {
        "reason": "A letter lay open on the desk",
        "on": clock.today,
        "learned": "The coordinator of site 01",
    }
    conduct.record_unblinding(
        trial,
        by="monitor",
        at=clock(),
        participant=code,
        **(said | given),  # type: ignore[arg-type]
    )


@pytest.mark.requirement("C67")
def test_a_mistake_is_told_and_assessed(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """Who came to know, how, on which day; then what it means and what was done."""
    code = course.randomized()
    tell(trial, code, clock)
    ((_, known),) = conduct.list_unblindings(trial.state)
    assert (known.kind, known.learned) == ("inadvertent", "The coordinator of site 01")
    assert (known.stamp.by, known.stamp.reason) == ("monitor", "A letter lay open on the desk")
    assert conduct.unblinded_for(trial.state, "monitor") == ()

    tell(trial, code, clock)
    said = {"impact": "None on the endpoint", "action": "Another assessor from now on"}
    entry = known.stamp.entry
    conduct.assess_unblinding(
        trial, by="safety_officer", at=clock(), participant=code, entry=entry, **said
    )
    first, second = trial.state.participants[code].unblindings
    assert (first.impact, first.action) == tuple(said.values())
    assert first.assessed is not None and first.assessed.by == "safety_officer"
    assert second.assessed is None


@pytest.mark.requirement("C67", "F26")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"learned": "The coordinator, that it was OMEGA"}, "EQ-V032"),
        ({"reason": "The bag said sham"}, "EQ-V032"),
        ({"reason": "x"}, "EQ-C004"),
        ({"learned": " "}, "EQ-V034"),
        ({"on": dt.date(2099, 1, 1)}, "EQ-C018"),
    ],
)
def test_what_a_mistake_must_not_say(
    course: Course, clock: Clock, given: dict[str, object], code: str
) -> None:
    """No arm and no product, in whatever case; and who, why and a day that was."""
    participant, trial = course.randomized(), course.trial
    with pytest.raises(Refused) as refused:
        tell(trial, participant, clock, **given)
    assert codes(refused) == [code]
    assert conduct.list_unblindings(trial.state) == []


@pytest.mark.requirement("C67", "F26")
@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ("Il a recu les cellules", True),
        ("il a reçu la CELLULE", True),
        ("deux placebos", True),
        ("meme milieu de suspension", True),
        ("the stromal ones", True),
        ("allogeniques, dit-elle", True),
        ("fever before the infusion, and no cannula", False),
        ("fièvre après la perfusion, sans gravité", False),
    ],
)
def test_a_word_of_a_product_tells_in_either_language(
    study: Study, said: str, is_told: bool
) -> None:
    """With or without accents and plural; words that everybody needs are left to them."""
    names = {
        "cells": Text("Allogeneic stromal cells", "Cellules stromales allogéniques"),
        "sham": Text(
            "Placebo (the medium before infusion, without cells)",
            "Placebo (même milieu de suspension, avant perfusion)",
        ),
    }
    products = {
        k: msgspec.structs.replace(study.treatments.products[k], label=names[k]) for k in names
    }
    treatments = msgspec.structs.replace(study.treatments, products=products)
    named = msgspec.structs.replace(study, treatments=treatments)
    found = conduct.check_tells_nothing(named, (said,), where=Where(record="01-001"))
    assert [p.code for p in found] == (["EQ-V032"] if is_told else [])


def test_what_an_assessment_must_say(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """It belongs to an unblinding, says both things, and names no arm."""
    code = course.randomized()
    tell(trial, code, clock)
    entry = trial.state.participants[code].unblindings[0].stamp.entry
    for given, wanted in (
        ({"entry": "control:1"}, "EQ-V035"),
        ({"impact": " "}, "EQ-V036"),
        ({"action": "Told them it was alpha"}, "EQ-V032"),
    ):
        said = {"entry": entry, "impact": "None", "action": "None", **given}
        with pytest.raises(Refused) as refused:
            conduct.assess_unblinding(
                trial, by="investigator", at=clock(), participant=code, **said
            )
        assert codes(refused) == [wanted]


def locked(course: Course, trial: RunningTrial, clock: Clock) -> str:
    code = course.randomized()
    leave(course, code)
    sign(course, code)
    conduct.lock_data(trial, by="data_manager", at=clock())
    return digest_of_populations(trial.study, trial.state)


def end(trial: RunningTrial, clock: Clock, role: Role, digest: str) -> None:
    act = conduct.sign_populations if role == Role.STATISTICIAN else conduct.agree_unblinding
    act(trial, by=role.value, at=clock(), meaning="So be it", digest=digest)


@pytest.mark.requirement("C71", "C57")
def test_the_code_is_opened_by_two_people_after_the_lock(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """In this order alone: lock, populations signed blinded, a second person; each step sealed."""
    state = trial.state
    assert [p.code for p in conduct.check_opened(trial.study, state)] == ["EQ-V038"]
    with pytest.raises(Refused) as refused:
        end(trial, clock, Role.STATISTICIAN, digest_of_populations(trial.study, state))
    assert codes(refused) == ["EQ-V038"]

    digest = locked(course, trial, clock)
    with pytest.raises(Refused) as refused:
        end(trial, clock, Role.SAFETY_OFFICER, digest)
    assert codes(refused) == ["EQ-V037"]
    end(trial, clock, Role.STATISTICIAN, digest)
    assert [p.code for p in conduct.check_opened(trial.study, trial.state)] == ["EQ-V037"]
    end(trial, clock, Role.DATA_MANAGER, digest)

    assert conduct.check_opened(trial.study, trial.state) == ()
    for endorsed in (trial.state.populations, trial.state.unblinding):
        assert endorsed is not None
        assert trial.state.seal_of(endorsed.stamp.entry)
    end(trial, clock, Role.STATISTICIAN, digest)
    assert [p.code for p in conduct.check_opened(trial.study, trial.state)] == ["EQ-V037"]


@pytest.mark.requirement("C71")
def test_a_signature_is_for_the_populations_as_they_stand(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Another digest is refused; what changed since the signature closes the code again."""
    digest = locked(course, trial, clock)
    with pytest.raises(Refused) as refused:
        end(trial, clock, Role.STATISTICIAN, "0" * 64)
    assert codes(refused) == ["EQ-V039"]
    end(trial, clock, Role.STATISTICIAN, digest)
    end(trial, clock, Role.DATA_MANAGER, digest)
    fewer = msgspec.structs.replace(trial.state, participants={})
    assert [p.code for p in conduct.check_opened(trial.study, fewer)] == ["EQ-V039"]

"""The register of unblinding: from the vault's log, by mistake, and at the end of the blind."""

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.cli.folders import load_checked
from equipoise.conduct import RunningTrial, TrialState, digest_of_populations, fold
from equipoise.problems import Refused, Text, Where
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token
from equipoise.vault.keeping.copying import back_up_vault, restore_vault

from .conftest import Clock, Course, open_second_account
from .test_ending import leave, sign
from .test_opening import codes
from .test_redacting import redact

FIRST_STUDY = Path(__file__).parents[3] / "studies" / "nct06722105"


@pytest.fixture
def emergency(vault: LocalVault, vault_folder: Path) -> VaultClient:
    return VaultClient(vault, read_token(vault_folder, "emergency"))


def shock(emergency: VaultClient, code: str, question: str = "infusion:M0") -> str:
    said = {"by": "investigator", "role": "investigator", "reason": "Shock, two hours ago"}
    return emergency.reveal(code, question, **said)


@pytest.mark.requirement("C52", "C67", "C68", "F26", "F30")
def test_a_break_reaches_the_ledger_once_and_without_its_answer(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """What the vault answered while the ledger was away: who, when, why; brought twice."""
    code, other = course.randomized(), course.randomized()
    answers = [shock(emergency, code), shock(emergency, other)]
    found = emergency.breaks()
    assert conduct.find_missing(trial.state, found) == list(found)
    entries = conduct.record_breaks(trial, found, at=clock())
    assert conduct.record_breaks(trial, found, at=clock()) == ()

    assert [(e.type, e.by, e.role, conduct.events.reason_of(e)) for e in entries] == [
        ("CodeBroken", "investigator", "investigator", "Shock, two hours ago")
    ] * 2
    assert not any(a.encode() in (e.body or b"") for e in entries for a in set(answers))
    register = conduct.list_unblindings(trial.state)
    assert [(p.code, u.kind) for p, u in reversed(register)] == [
        (code, "emergency"),
        (other, "emergency"),
    ]
    assert register[0][1].broken_at == found[1].at
    assert conduct.unblinded_for(trial.state, "investigator") == (code, other)
    assert conduct.unblinded_for(trial.state, "coordinator") == ()


@pytest.mark.requirement("C67", "F26", "F31")
@pytest.mark.parametrize("question", ["infusion:M3", "arm", ""])
def test_what_was_asked_and_how_often_is_on_record_after_the_lock_alone(
    course: Course, emergency: VaultClient, clock: Clock, question: str
) -> None:
    """First M0, then the arm: that means cells at M0, for placebo would have told it.

    One break of one person is in the ledger, the same whatever came after it; of another, another.
    """
    code, trial = course.randomized(), course.trial
    shock(emergency, code)
    (first,) = conduct.record_breaks(trial, emergency.breaks(), at=clock())
    if question:
        shock(emergency, code, question)
    assert conduct.record_breaks(trial, emergency.breaks(), at=clock()) == ()
    assert b"infusion" not in (first.body or b"")
    emergency.reveal(code, "arm", by="safety_officer", role="safety_officer", reason="Report")
    (other,) = conduct.record_breaks(trial, emergency.breaks(), at=clock())
    assert (other.by, b'"arm"' in (other.body or b"")) == ("safety_officer", False)

    leave(course, code)
    sign(course, code)
    conduct.lock_data(trial, by="data_manager", at=clock())
    late = conduct.record_breaks(trial, emergency.breaks(), at=clock())
    assert [e.by for e in late] == ["investigator"] * bool(question)
    assert len(conduct.list_unblindings(trial.state)) == len(emergency.breaks())


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
    other = course.randomized()
    back_up_vault(vault_folder, tmp_path / "copy.db")
    shock(emergency, code)
    shock(emergency, other)
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
@pytest.mark.parametrize("role", sorted(set(Role) - UNBLINDED_ROLES))
def test_who_broke_a_code_never_gets_a_blinded_role_again(
    course: Course, emergency: VaultClient, clock: Clock, *, role: Role
) -> None:
    """Not under another account of the same name either; they go on in the role they had."""
    trial = course.trial
    code = course.randomized()
    shock(emergency, code)
    conduct.record_breaks(trial, emergency.breaks(), at=clock())
    course.submit(code, "vitals", encounter="M0", weight=70.0, pregnant=False)
    conduct.remove_person(
        trial, by="administrator", at=clock(), person="investigator", reason="Left"
    )

    def add(person: str, name: str, role: Role) -> None:
        conduct.add_person(
            trial, by="administrator", at=clock(), person=person, name=name, role=role
        )

    with pytest.raises(Refused) as refused:
        add("other", "Investigator", role)
    assert codes(refused) == ["EQ-V049"]
    add("another", "Somebody else", role)
    add("unit2", "Investigator", Role.CELL_UNIT)


@pytest.mark.requirement("C03", "C28", "C52")
def test_who_broke_a_code_stays_who_did_when_its_reason_is_taken_out(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """Twice, too; whoever takes it out learned nothing, and stays blinded."""
    code = course.randomized()
    said = {"by": "safety_officer", "role": "safety_officer", "reason": "Shock of Jeanne Dupont"}
    emergency.reveal(code, "arm", **said)
    conduct.record_breaks(trial, emergency.breaks(), at=clock())
    ask = {"by": "investigator", "chain": "site-01"}
    for reason in ("A name was typed", "Once more"):
        (known,) = trial.state.participants[code].unblindings
        seq = int(known.stamp.entry.rpartition(":")[2])
        conduct.redact_entry(trial, **ask, at=clock(), seq=seq, reason=reason)
    (now,) = trial.state.participants[code].unblindings
    assert (now.stamp.by, now.stamp.role) == ("safety_officer", "safety_officer")
    assert conduct.unblinded_for(trial.state, "safety_officer") == (code,)
    assert conduct.unblinded_for(trial.state, "investigator") == ()
    emergency.reveal(code, "arm", **said)
    assert conduct.record_breaks(trial, emergency.breaks(), at=clock()) == (), "it is one"


@pytest.mark.requirement("C28", "F27")
def test_who_is_told_to_know_gets_no_new_blinded_role(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """By mistake, too: whoever is named in the register, in whatever writing; nobody else."""
    code = course.randomized()
    tell(trial, code, clock, learned="Zo\u00e9 MARTIN-Durand, and her resident")

    def add(person: str, name: str) -> None:
        given = {"person": person, "name": name, "role": Role.STATISTICIAN}
        conduct.add_person(trial, by="administrator", at=clock(), **given)  # type: ignore[arg-type]

    with pytest.raises(Refused) as refused:
        add("zmd", "Zoe Martin Durand")
    assert codes(refused) == ["EQ-V049"]
    add("zma", "Zo\u00e9 Mart")
    add("monitor2", "Somebody Else")


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


MEANT = (
    "he got MSC", "The label on the bag said MSC(AT)", "MSC-AT", "a reçu des CSM", "les csm",
    "verum", "PBO", "sham", "actif", "sous actif", "Il a reçu l'actif.", "She is on active.",
    "active treatment", "bras actif", "groupe contrôle", "control arm", "a eu les deux perfusions",
    "two infusions of the product", "stem cell", "without the cells",
)  # fmt: skip
MEANT_OTHERWISE = (
    "active infection", "infection active", "lupus actif", "tabagisme actif", "active rewarming",
    "fever during an infusion", "fièvre pendant une perfusion", "bras droit",
    "arm pain after the infusion", "suspension du traitement", "au milieu de la nuit", "TA 80/50",
    "fall in white blood cells", "given packed red cells",
    "BP at 80, under control",
    "The cell unit was told",  "given oxygen and active warming",
)  # fmt: skip


@pytest.mark.requirement("C67", "F26")
@pytest.mark.parametrize("said", MEANT + MEANT_OTHERWISE)
def test_what_a_site_calls_the_product_tells_and_what_it_says_of_an_illness_does_not(
    said: str,
) -> None:
    """The first study's names: MSC(AT) and CSM(TA), two infusions, one, or placebo."""
    found = conduct.check_tells_nothing(load_checked(FIRST_STUDY), (said,), where=Where())
    assert [p.code for p in found] == (["EQ-V032"] if said in MEANT else [])


@pytest.mark.requirement("C67", "F26")
def test_the_title_may_be_written_whole_and_letters_of_arms_tell_beside_their_word(
    study: Study,
) -> None:
    first = load_checked(FIRST_STUDY)
    title = first.identity.title
    assert not conduct.check_tells_nothing(
        first, (f"{title.en.upper()} ({title.fr})",), where=Where()
    )
    a = msgspec.structs.replace(study.identity.arms["alpha"], label=Text("A", "A"))
    arms = {"a": a, "omega": study.identity.arms["omega"]}
    named = msgspec.structs.replace(
        study, identity=msgspec.structs.replace(study.identity, arms=arms)
    )
    for said, is_told in (("Arm A", 1), ("bras A,", 1), ("a rash on one arm", 0), ("A rash", 0)):
        assert len(conduct.check_tells_nothing(named, (said,), where=Where())) == is_told


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


@pytest.mark.requirement("C57", "C71")
def test_who_signed_the_populations_does_not_agree_under_another_account(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    digest = locked(course, trial, clock)
    end(trial, clock, Role.STATISTICIAN, digest)
    open_second_account(trial, clock, "again", name="STATISTICIAN", role=Role.SAFETY_OFFICER)
    agree = {"by": "again", "meaning": "So be it", "digest": digest, "proof": "passkey"}
    conduct.accept_accountability(trial, by="again", at=clock(), statement="It binds me")
    with pytest.raises(Refused) as refused:
        conduct.agree_unblinding(trial, at=clock(), **agree)  # type: ignore[arg-type]
    assert codes(refused) == ["EQ-C195"]
    end(trial, clock, Role.SAFETY_OFFICER, digest)


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


@pytest.mark.requirement("C67", "C11")
def test_who_takes_a_name_out_of_a_break_did_not_break_it(
    course: Course, trial: RunningTrial, emergency: VaultClient, clock: Clock
) -> None:
    """The one who broke the code still knows; a break of the other one is recorded, as any."""
    code = course.randomized()
    officer = {"by": "safety_officer", "role": "safety_officer"}
    emergency.reveal(code, "arm", **officer, reason="Report about Jeanne Dupont")
    conduct.record_breaks(trial, emergency.breaks(), at=clock())
    for reason in ("A name was typed", "What was said of it names a place"):  # of its successor
        (known,) = trial.state.participants[code].unblindings
        redact(trial, clock(), known.stamp.entry, reason=reason)

    (now,) = trial.state.participants[code].unblindings
    assert (now.stamp.by, now.stamp.role) == ("safety_officer", "safety_officer")
    assert conduct.unblinded_for(trial.state, "safety_officer") == (code,)
    assert fold(TrialState(), trial.store.read()) == trial.state
    emergency.reveal(code, "arm", **officer, reason="Report, once more")
    assert conduct.record_breaks(trial, emergency.breaks(), at=clock()) == ()
    shock(emergency, code)
    (other,) = conduct.record_breaks(trial, emergency.breaks(), at=clock())
    assert other.by == "investigator"

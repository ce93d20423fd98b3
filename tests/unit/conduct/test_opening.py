"""Opening a trial and its people."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import MemoryStore, Realm
from equipoise.problems import Refused, Text
from equipoise.study.protocol import Decision, RandomizationPlan
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient

from .conftest import Clock

ROOT = Path(__file__).parents[3]


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [p.code for p in refused.value.problems]


def test_opening_records_the_study_its_sites_people_and_commitment(
    trial: RunningTrial, study: Study
) -> None:
    """After opening, the state knows the exact text of the study and the vault's commitment."""
    state = trial.state

    assert state.is_open
    assert state.digest == study.digest
    assert set(state.sites) == {"01", "02"}
    assert state.people["monitor"].role == "monitor"
    assert len(state.commitment) == 64


def test_a_trial_opens_once(trial: RunningTrial, clock: Clock) -> None:
    """A second opening is refused."""
    with pytest.raises(Refused) as refused:
        conduct.open_trial(trial, at=clock(), people=[])

    assert codes(refused) == ["EQ-C010"]


def test_a_live_trial_needs_every_decision_made(study: Study, clock: Clock) -> None:
    """An open decision can be rehearsed on its assumption; it cannot go live."""
    undecided = msgspec.structs.replace(
        study, decisions=(Decision(id="ratio", question=Text("?"), because=Text("-")),)
    )
    live = RunningTrial(undecided, MemoryStore("small", "live"))
    rehearsed = RunningTrial(undecided, MemoryStore("small", "rehearsal"))
    conduct.open_trial(rehearsed, at=clock(), people=[])

    with pytest.raises(Refused) as refused:
        conduct.open_trial(live, at=clock(), people=[])

    assert codes(refused) == ["EQ-C011"]
    assert rehearsed.state.n_open_decisions == 1
    assert rehearsed.state.commitment == ""


def test_a_trial_is_not_opened_on_the_vault_of_another(
    study: Study, vault: LocalVault, clock: Clock
) -> None:
    """One realm, one plan of treatment, one scheme: whatever differs, it is another's vault."""

    def refused(study: Study, realm: Realm) -> list[str]:
        trial = RunningTrial(study, MemoryStore("small", realm), VaultClient(vault))
        with pytest.raises(Refused) as caught:
            conduct.open_trial(trial, at=clock(), people=[])
        return codes(caught)

    replace = msgspec.structs.replace
    arms = dict(study.identity.arms)
    swapped = {"alpha": arms["omega"], "omega": arms["alpha"]}
    exchanged = replace(study, identity=replace(study.identity, arms=swapped))
    assert refused(study, "live") == ["EQ-V145"]
    assert refused(exchanged, "rehearsal") == ["EQ-V145"]
    for plan in (
        RandomizationPlan(ratio=(1, 1), scheme="complete"),
        RandomizationPlan(ratio=(1, 1), scheme="imported", digest="0" * 64),
    ):
        planned = replace(study, identity=replace(study.identity, randomization=plan))
        assert refused(planned, "rehearsal") == ["EQ-V145"]


def test_a_folder_is_checked_by_every_package(tmp_path: Path) -> None:
    """The first study has no error; an unreadable folder has no study."""
    checked = conduct.check_folder(ROOT / "studies" / "nct06722105")
    empty = conduct.check_folder(tmp_path)

    assert checked.is_ok
    assert checked.study is not None
    assert not empty.is_ok
    assert [p.code for p in empty.problems] == ["EQ-S001"]


def test_a_study_without_randomization_is_checked_too(tmp_path: Path) -> None:
    """An observational study has no list to check."""
    (tmp_path / "study.yaml").write_text("study: seen\ntitle: {en: Seen, fr: Vu}\n")

    assert conduct.check_folder(tmp_path).is_ok


def test_events_are_of_known_kinds_alone(trial: RunningTrial, clock: Clock) -> None:
    """The place of each event is a chain of its site or the control chain."""
    from equipoise.conduct import events as e

    screened = e.ParticipantScreened(participant="02-001", site="02", on=dt.date(2026, 1, 1))
    assert conduct.place_of(screened) == ("site-02", "02-001")
    assert conduct.place_of(e.SiteOpened(site="03")) == ("control", "site/03")
    assert conduct.place_of(e.DataLocked()) == ("control", "study")
    assert Person("x", "X", "monitor").may_see("anything")

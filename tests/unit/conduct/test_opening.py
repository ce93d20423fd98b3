"""Opening a trial and its people."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import MemoryStore
from equipoise.problems import Refused, Text
from equipoise.study.protocol import Decision
from equipoise.study.study import Study

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

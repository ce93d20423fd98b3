"""`equipoise rehearse`: one whole virtual trial into a file, and never over another."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from equipoise.cli import rehearsing
from equipoise.cli.folders import load_checked
from equipoise.cli.trials import running_trial
from equipoise.eligibility.readings import hanging
from equipoise.ledger import verify
from equipoise.problems import Refused, problem

from .conftest import RECORD, STUDY, Rehearsed, command, refused, run

Edit = Callable[[str, str, str], int]


def test_the_answer_of_a_rehearsal_is_what_the_ledger_holds(rehearsed: Rehearsed) -> None:
    """18 people in three arms of 6; the counts are those of the entries on disk."""
    said = rehearsed.answer
    keys = {"screened", "randomized", "by_arm", "completed", "entries", "seal", "seconds"}
    with sqlite3.connect(rehearsed.store) as connection:
        counts = dict(
            connection.execute("SELECT type, count(*) FROM ledger_entry GROUP BY type").fetchall()
        )
    connection.close()

    assert keys <= set(said)
    assert said["randomized"] == sum(said["by_arm"].values()) == 18
    assert said["by_arm"] == {"two_infusions": 6, "one_infusion": 6, "placebo": 6}
    assert said["screened"] == counts["ParticipantScreened"] > 18
    assert said["randomized"] == counts["ParticipantRandomized"]
    assert said["completed"] == counts["ParticipantCompleted"]
    assert said["entries"] == sum(counts.values())
    assert re.fullmatch("[0-9a-f]{64}", said["seal"])
    assert 0 < said["seconds"] < 60


def test_a_rehearsal_has_the_mark_of_its_realm(rehearsed: Rehearsed) -> None:
    """No file of a rehearsal can be taken for one of a live trial."""
    with sqlite3.connect(rehearsed.store) as connection:
        realms = connection.execute("SELECT realm FROM ledger_meta").fetchall()
    connection.close()

    assert realms == [("rehearsal",)]


def test_a_second_rehearsal_into_the_same_store_is_refused(rehearsed: Rehearsed) -> None:
    """Exit code 2 from the program itself, and not a byte of the store is touched."""
    before = rehearsed.store.read_bytes()
    again = command("rehearse", STUDY, "--store", rehearsed.store, "--json")

    assert again.returncode == 2
    assert "EQ-X901" in again.stderr and "Traceback" not in again.stderr
    assert again.stdout == ""
    assert rehearsed.store.read_bytes() == before


def test_a_vault_in_the_way_is_as_good_as_a_store(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """A list that was drawn is never drawn again."""
    (tmp_path / "trial.vault").mkdir()

    assert refused("rehearse", STUDY, "--store", tmp_path / "trial.db") == ["EQ-X901"]
    assert not (tmp_path / "trial.db").exists()


def test_a_place_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """A file stands where a folder should be."""
    (tmp_path / "file").touch()

    assert refused("rehearse", STUDY, "--store", tmp_path / "file" / "trial.db") == ["EQ-X003"]


def test_a_study_that_cannot_be_rehearsed_leaves_no_file_behind(tmp_path: Path) -> None:
    """A fresh draft has no plan to randomize and no site; corrected, it can use the same name."""
    run("draft", RECORD, "-o", tmp_path / "study")
    found = refused("rehearse", tmp_path / "study", "--store", tmp_path / "trial.db")

    assert {"EQ-R002", "EQ-R004"} <= set(found)
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_a_study_with_faults_is_not_rehearsed(tmp_path: Path, folder: Path, edit: Edit) -> None:
    """The problems are told with their lines, and nothing is written."""
    edit("study.yaml", "assume: [9, 9]", "assume: [9, 7]")

    assert refused("rehearse", folder, "--store", tmp_path / "trial.db") == ["EQ-S044"]
    assert not (tmp_path / "trial.db").exists()


def test_for_a_person_it_says_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal that its study refuses half-way ends with the problem, not with figures."""

    def stop(*_: object, **__: object) -> None:
        raise Refused([problem("EQ-R003", "study")])

    monkeypatch.setattr(rehearsing, "rehearse_study", stop)

    assert refused("rehearse", STUDY, "--store", tmp_path / "trial.db") == ["EQ-R003"]


def test_the_figures_for_a_person(tmp_path: Path, folder: Path, edit: Edit) -> None:
    """The same study for three people: one of each arm, in words and with the seal."""
    edit("study.yaml", "planned_participants: 18", "planned_participants: 3")
    edit("study.yaml", "assume: [9, 9]", "assume: [3]")
    asked = ("rehearse", folder, "--store", tmp_path / "trial.db", "--seed", "5", "--readings")
    result = run(*asked)
    said = re.search(
        r"(\d+) screened, 3 randomized, (\d+) completed; (\d+) entries in [\d.]+ s\. Seal (\w{64})",
        result.stdout,
    )

    assert result.exit_code == 0, result.output
    assert said is not None
    assert int(said[3]) == verify(tmp_path / "trial.db").entries
    for arm in ("two_infusions", "one_infusion", "placebo"):
        assert f"  {arm}: 1" in result.stdout
    assert re.search(r"^organ-window read as 180 matters for nobody$", result.stdout, re.M)
    assert "\nwash-out: no option can be counted, because no form records when" in result.stdout
    assert re.search(
        r"^catheter-absent read as required matters for \d+ of \d+ screened: \d+ by E3",
        result.stdout,
        re.M,
    )


def test_each_reading_of_an_open_decision_is_counted_over_the_people(
    rehearsed: Rehearsed,
) -> None:
    """Whoever had no catheterization and no high pressure in echocardiography would need one."""
    study = load_checked(STUDY)
    state = running_trial(rehearsed.store, study=study, read_only=True).state
    counted = {(r["decision"], r["option"]): r for r in rehearsed.answer["readings"]}

    hearts = [
        min((r for r in p.forms.values() if r.form == "heart"), key=lambda r: r.on).values
        for p in state.participants.values()
    ]
    waiting = sum(not h["rhc_done"] and not h["spap"] > 50 for h in hearts)

    assert {d for d, _ in counted} >= {"onset", "lung-binding", "lab-window", "curatelle"}
    named = {d for d, _ in counted} | {r["decision"] for r in rehearsed.answer["not_executable"]}
    assert named == {d.id for d in hanging(study)}
    assert counted["catheter-absent", "required"]["criteria"] == {"E3": waiting}
    assert 0 < waiting < len(hearts)

"""The cell unit's ledger from a shell: traces, balances, its chain verified."""

import json
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from equipoise.cli.folders import kept_with
from equipoise.cli.rehearsing import cells_beside
from equipoise.cli.serving import Keys, cell_settings, door_settings
from equipoise.conduct.cells import CELL_EVENTS
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.study.load import load_study

from .conftest import STUDY, Rehearsed, refused, run


@pytest.fixture
def cells(own: Rehearsed) -> Path:
    return cells_beside(own.vault)


@pytest.mark.requirement("C74")
def test_donor_batch_and_participant_are_traced(own: Rehearsed, cells: Path) -> None:
    """All whom the first donor reached, and from each back to that donor."""
    at = ["--store", own.store, "--cells", cells]
    told = run("cells", "trace", STUDY, "D001", *at, "--json")
    found = json.loads(told.stdout)["found"]
    assert found and all("D001" in row["donors"] for row in found)
    reached = {row["participant"] for row in found}

    for code in sorted(reached)[:3]:
        back = json.loads(run("cells", "trace", STUDY, code, *at, "--json").stdout)["found"]
        assert "D001" in {donor for row in back for donor in row["donors"]}
    by_batch = run("cells", "trace", STUDY, found[0]["batch"], *at)
    assert {c for c in reached if c in by_batch.stdout}
    assert refused("cells", "trace", STUDY, "D999", *at) == ["EQ-B070"]
    nowhere = run("cells", "trace", STUDY, "01-001", *at)
    assert (nowhere.exit_code, nowhere.stdout) == (0, "Nothing leads from or to 01-001.\n")


@pytest.mark.requirement("C73")
def test_no_bag_of_a_rehearsal_is_lost(own: Rehearsed, cells: Path) -> None:
    at = ["--store", own.store, "--cells", cells]
    batches = json.loads(run("cells", "balance", STUDY, *at, "--json").stdout)["batches"]
    assert len(batches) >= 2
    for batch in batches.values():
        places = {k: n for k, n in batch.items() if k not in ("sent", "lost")}
        assert (batch["lost"], sum(places.values())) == (0, batch["sent"])
    assert "0 lost" in run("cells", "balance", STUDY, *at).stdout


@pytest.mark.requirement("C04")
def test_the_chain_of_the_cell_unit_verifies(cells: Path) -> None:
    told = run("ledger", "verify", "--store", cells, "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer["ok"] and answer["entries"] > 100


def test_the_two_ledgers_are_not_taken_for_each_other(
    own: Rehearsed, cells: Path, tmp_path: Path
) -> None:
    """The cell unit's is no trial; another study's is not this trial's."""
    words = ["ledger", "late", STUDY, "--store"]
    assert refused(*words, cells) == ["EQ-G008"]
    other = tmp_path / "other.db"
    open_store(other, study="another", realm="rehearsal", create=True).close()
    at = ["--store", own.store, "--cells", other]
    assert refused("cells", "balance", STUDY, *at) == ["EQ-G009"]


@pytest.mark.requirement("C65")
def test_the_sealed_door_takes_no_other_ledger_for_its_own(
    own: Rehearsed, cells: Path, tmp_path: Path
) -> None:
    """Neither the trial's ledger itself nor a copy of it; the cell unit's own is taken."""
    study = load_study(STUDY).study
    assert study is not None
    copy, link = tmp_path / "copy.db", tmp_path / "link.db"
    copy.write_bytes(own.store.read_bytes())
    link.symlink_to(own.store)
    for given, expected in ((own.store, "EQ-B067"), (link, "EQ-B067"), (copy, "EQ-B066")):
        with pytest.raises(Refused) as raised:
            cell_settings(study, own.store, cells=given, door="sealed")
        assert [p.code for p in raised.value.problems] == [expected]
    assert cell_settings(study, own.store, cells=cells, door="sealed")
    assert refused("cells", "balance", STUDY, "--store", own.store, "--cells", copy) == ["EQ-B066"]


@pytest.mark.requirement("C65")
def test_the_sealed_door_has_a_folder_for_its_own_sessions(own: Rehearsed, tmp_path: Path) -> None:
    keys = Keys(tmp_path, None, tmp_path / "v.sock", own.vault / "cells.token")
    kept = kept_with(own.store, tmp_path, study="nct06722105")
    given = {
        door: door_settings(STUDY, store=own.store, keys=keys, kept=kept, door=door)
        for door in ("site", "sealed")
    }
    assert "EQUIPOISE_SESSIONS" not in given["site"]
    folder = Path(given["sealed"]["EQUIPOISE_SESSIONS"])
    assert folder.is_dir() and folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.requirement("C74")
def test_the_cell_units_ledger_is_restored_from_its_backup(
    own: Rehearsed, cells: Path, tmp_path: Path
) -> None:
    """The same entries, nothing added; the sealed door takes it."""
    backup, anew = tmp_path / "backup.db", tmp_path / "anew.db"
    assert run("ledger", "backup", "--store", cells, "-o", backup).exit_code == 0
    told = run("ledger", "restore", backup, "--store", anew)
    assert told.exit_code == 0, told.output
    with closing(open_store(cells)) as before, closing(open_store(anew)) as after:
        assert list(after.read()) == list(before.read())
    assert run("cells", "balance", STUDY, "--store", own.store, "--cells", anew).exit_code == 0


@pytest.mark.requirement("C49", "C56", "C74")
def test_the_archive_of_the_cell_unit_says_what_it_is(
    own: Rehearsed, cells: Path, tmp_path: Path
) -> None:
    """That it tells the arm; and what each kind of its entries holds, the trial's own kinds not."""
    made = run("ledger", "export", "--store", cells, "-o", tmp_path / "cells.zip")
    assert made.exit_code == 0, made.output
    with zipfile.ZipFile(tmp_path / "cells.zip") as opened:
        words = opened.read("README.txt").decode()
        names = {n.split("/")[1].split(".")[0] for n in opened.namelist() if "schemas/" in n}
        lines = [json.loads(line) for line in opened.open("entries.jsonl")]
        for line in lines:
            schema = json.loads(opened.read(f"schemas/{line['type']}.schema.json"))
            jsonschema.Draft202012Validator(schema).validate(json.loads(line["body"]))
    assert len(lines) > 100
    assert names == {kind.__name__ for kind in CELL_EVENTS}
    assert "IT TELLS WHICH PARTICIPANT" in words and "IL DIT QUEL PARTICIPANT" in words
    assert "Nothing in it tells" not in words and "Rien n'y dit" not in words and "{" not in words
    line = [sys.executable, "-I", str(tmp_path / "cells.zip")]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert told.returncode == 0 and "Study folders" not in told.stdout  # of this record are none
    assert run("ledger", "export", "--store", own.store, "-o", tmp_path / "a.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert "Nothing in it tells which participant got" in opened.read("README.txt").decode()

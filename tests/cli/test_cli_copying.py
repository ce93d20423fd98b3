"""Copies that leave a live trial are on record; a copy that somebody brings is recognised."""

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import cells_beside
from equipoise.conduct import Person, RunningTrial, open_trial, screen_participant
from equipoise.ledger import open_store
from equipoise.study.roles import Role
from tests.deciding import decide

from .conftest import STUDY, Rehearsed, answer_of, codes, refused, run

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A live trial with a person of each role and somebody in screening; and its folder."""
    place = tmp_path_factory.mktemp("live")
    folder = Path(shutil.copytree(STUDY, place / "study"))
    decide(folder)
    study = load_checked(folder)
    trained = dict.fromkeys(study.identity.training)
    name = study.identity.study
    with closing(open_store(place / "trial.db", study=name, realm="live", create=True)) as store:
        trial = RunningTrial(study, store)
        people = [Person(r.value, r.value.title(), r.value, trained=trained) for r in Role]
        open_trial(trial, at=NOW, people=people)
        screen_participant(trial, by="coordinator", at=NOW, site="01", on=NOW.date())
    return place / "trial.db", folder


@pytest.fixture
def live(opened: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """A copy of it that a test may change."""
    return Path(shutil.copy(opened[0], tmp_path / "trial.db")), opened[1]


def commands(store: Path, folder: Path, out: Path) -> Iterator[tuple[str, list[object], Path]]:
    """Each way out: its kind, its words, and the file whose digest counts."""
    at = ["--store", store, "-o"]
    yield "tables", ["export", folder, *at, out / "t"], out / "t" / "manifest.json"
    yield "report", ["report", folder, *at, out / "r.html"], out / "r.html"
    yield "archive", ["ledger", "export", *at, out / "a.zip"], out / "a.zip"
    yield "archive", ["ledger", "export", *at, out / "s.zip", "--site", "01"], out / "s.zip"


def copies(store: Path) -> list[dict[str, Any]]:
    with closing(open_store(store, read_only=True)) as opened:
        entries = [e for e in opened.read() if e.type == "CopyMade"]
    return [{**json.loads(e.body or b""), "by": e.by, "role": e.role} for e in entries]


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seal_of(store: Path) -> str:
    return str(answer_of(run("ledger", "verify", "--store", store, "--json"))["seal"])


@pytest.mark.requirement("C09")
def test_each_way_out_of_a_live_trial_is_on_record(live: tuple[Path, Path], tmp_path: Path) -> None:
    """Whose copy, of what, with the digest of the very file and the seal it stood at before."""
    store, folder = live
    for kind, words, path in commands(store, folder, tmp_path):
        before = seal_of(store)
        done = run(*words, "--by", "data_manager")
        assert done.exit_code == 0, done.output
        told = copies(store)[-1]
        site = "01" if "--site" in words else ""
        assert (told["kind"], told["site"], told["is_by_arm"]) == (kind, site, False)
        assert (told["by"], told["role"]) == ("data_manager", "data_manager")
        assert told["digest"] == digest_of(path)
        assert told["seal"] == before or site
        assert run("ledger", "verify", "--store", store).exit_code == 0
    assert len(copies(store)) == 4
    left = [p.name for p in tmp_path.rglob(".*")]
    assert [name for name in left if name.endswith(".new")] == []


@pytest.mark.requirement("C09", "C27")
def test_nothing_leaves_a_live_trial_unnamed_or_for_the_wrong_role(
    live: tuple[Path, Path], tmp_path: Path
) -> None:
    """EQ-C165, EQ-C001, EQ-C002: nothing is written, and nothing is recorded."""
    store, folder = live
    before = store.read_bytes()
    for _, words, path in commands(store, folder, tmp_path):
        assert refused(*words) == ["EQ-C165"]
        assert refused(*words, "--by", "nobody") == ["EQ-C001"]
        assert refused(*words, "--by", "outcome_assessor") == ["EQ-C002"]
        assert not path.exists() and not path.parent.joinpath("manifest.json").exists()
    assert copies(store) == []
    assert store.read_bytes() == before


@pytest.mark.requirement("C09")
def test_a_copy_that_somebody_brings_is_recognised(live: tuple[Path, Path], tmp_path: Path) -> None:
    """By its digest, with who took it; one that was changed is not."""
    store, folder = live
    for _, words, _path in commands(store, folder, tmp_path):
        assert run(*words, "--by", "auditor").exit_code == 0
    listed = run("ledger", "copies", "--store", store)
    assert listed.exit_code == 0 and listed.stdout.count("auditor") >= 4
    for kind, _, path in commands(store, folder, tmp_path):
        found = run("ledger", "copies", "--store", store, "--of", path, "--json")
        (copy,) = answer_of(found)["copies"]
        assert (copy["kind"], copy["person"], copy["digest"]) == (kind, "auditor", digest_of(path))
    with (tmp_path / "r.html").open("ab") as file:
        file.write(b" ")
    other = run("ledger", "copies", "--store", store, "--of", tmp_path / "r.html")
    assert other.exit_code == 1 and codes(other) == ["EQ-C167"]
    again = run("export", folder, "--store", store, "-o", tmp_path / "t2", "--by", "auditor")
    assert again.exit_code == 0
    assert (tmp_path / "t2" / "listing.copies.csv").read_text("utf-8").count("\n") == 5


@pytest.mark.requirement("C09", "C59")
def test_a_rehearsal_says_who_copies_only_if_told(own: Rehearsed, tmp_path: Path) -> None:
    """Without a name the store stays as it is, and the same ledger gives the same bytes."""
    before = own.store.read_bytes()
    for n in "12":
        (tmp_path / n).mkdir()
        for _, words, _path in commands(own.store, STUDY, tmp_path / n):
            assert run(*words).exit_code == 0
    assert own.store.read_bytes() == before
    for name in ("t/manifest.json", "a.zip", "s.zip"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    words = ("export", STUDY, "--store", own.store, "-o", tmp_path / "t", "--by", "statistician")
    assert run(*words).exit_code == 0
    assert [c["by"] for c in copies(own.store)] == ["statistician"]


@pytest.mark.requirement("C07", "C09", "C65")
def test_the_entry_of_a_copy_by_arm_lets_no_arm_be_computed(own: Rehearsed, tmp_path: Path) -> None:
    """No word of an arm in it; and its digest is of a file that holds a number nobody can guess."""
    by = ("--vault", own.vault, "--by", "unblinded_statistician")
    seen = set()
    for n in (1, 2):
        out = tmp_path / f"t{n}"
        assert run("export", STUDY, "--store", own.store, "-o", out, *by).exit_code == 0
        manifest = json.loads((out / "manifest.json").read_text("utf-8"))
        assert len(manifest["mark"]) == 32 and manifest["mark"] not in seen
        seen.add(manifest["mark"])
        path = tmp_path / f"r{n}.html"
        assert run("report", STUDY, "--store", own.store, "-o", path, *by).exit_code == 0
        (mark,) = [w[:32] for w in path.read_text("utf-8").split('name="copy" content="')[1:]]
        assert len(mark) == 32 and mark not in seen
        seen.add(mark)
        written = [digest_of(out / "manifest.json"), digest_of(path)]
        assert [c["digest"] for c in copies(own.store)[-2:]] == written
    arms = load_checked(STUDY).identity.arms
    told = json.dumps(copies(own.store))
    assert len(copies(own.store)) == 4 and all(c["is_by_arm"] for c in copies(own.store))
    assert [w for a in arms for w in (a, arms[a].label.en) if w in told] == []
    assert all(mark not in told for mark in seen)


@pytest.mark.requirement("C09", "C65")
def test_a_copy_of_the_cell_units_ledger_is_on_record_there(own: Rehearsed, tmp_path: Path) -> None:
    """Whoever takes it sees every arm: it stands in that ledger and not in the trial's."""
    cells, before = cells_beside(own.vault), own.store.read_bytes()
    words = ("ledger", "export", "--store", cells, "-o", tmp_path / "c.zip")
    assert refused(*words, "--by", "cell_unit") == ["EQ-C165"]
    trial = ("--trial", own.store)
    assert refused(*words, *trial, "--by", "nobody") == ["EQ-C001"]
    assert refused(*words, *trial, "--by", "data_manager") == ["EQ-C002"]
    assert run(*words, *trial, "--by", "cell_unit").exit_code == 0
    with closing(open_store(cells, read_only=True)) as store:
        *_, last = store.read()
    assert (last.type, last.by) == ("SealedDoorUsed", "cell_unit")
    assert json.loads(last.body or b"")["about"] == digest_of(tmp_path / "c.zip")
    assert own.store.read_bytes() == before

"""Between the file and its entry: killed, or refused at the last moment."""

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from equipoise.cli.folders import load_checked
from equipoise.conduct import Person, RunningTrial, open_trial
from equipoise.ledger import open_store, verify
from equipoise.study.roles import Role
from tests.cli.conftest import STUDY
from tests.deciding import decide
from tests.faults.test_randomization_faults import ROOT

WAYS_OUT = ("export", "archive")


class Live(NamedTuple):
    """A live trial that was just opened, and the folder that it goes by."""

    folder: Path
    store: Path

    def words(self, verb: str, out: Path) -> list[str]:
        first = ["ledger", "export"] if verb == "archive" else [verb, str(self.folder)]
        return [*first, "--store", str(self.store), "-o", str(out), "--by", "data_manager"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Live:
    place = tmp_path_factory.mktemp("opened")
    folder, store = Path(shutil.copytree(STUDY, place / "study")), place / "trial.db"
    decide(folder)
    study, now = load_checked(folder), dt.datetime.now(dt.UTC)
    trained, name = dict.fromkeys(study.identity.training), study.identity.study
    with closing(open_store(store, study=name, realm="live", create=True)) as made:
        people = [Person(r.value, r.value.title(), r.value, trained=trained) for r in Role]
        open_trial(RunningTrial(study, made), at=now, people=people)
    return Live(folder, store)


@pytest.fixture
def live(opened: Live, tmp_path: Path) -> Live:
    """A copy of it for one test."""
    return opened._replace(store=Path(shutil.copy(opened.store, tmp_path / "trial.db")))


def copy(way: str, line: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.faults.copier", way, *line]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def recorded(store: Path) -> list[str]:
    with closing(open_store(store, read_only=True)) as opened:
        bodies = [e.body or b"" for e in opened.read() if e.type == "CopyMade"]
    return [json.loads(body)["digest"] for body in bodies]


def named(out: Path) -> list[Path]:
    """What bears the name that was asked for."""
    if out.is_dir():
        return [p for p in out.iterdir() if not p.name.startswith(".")]
    return [out] if out.exists() else []


@pytest.mark.requirement("C09", "D01", "D04")
@pytest.mark.parametrize("verb", WAYS_OUT)
@pytest.mark.parametrize("way", ["before", "after"])
def test_killed_in_between_leaves_no_copy_without_an_entry(
    verb: str, way: str, live: Live, tmp_path: Path
) -> None:
    """An entry without a copy may be left, and the ledger holds; who copies anew is recorded."""
    out, n_recorded = tmp_path / "out", int(way == "after")
    assert copy(way, live.words(verb, out)).returncode == -9
    assert named(out) == []
    assert len(recorded(live.store)) == n_recorded
    assert verify(live.store).ok

    again = copy("", live.words(verb, tmp_path / "again"))
    assert again.returncode == 0, again.stderr
    made = tmp_path / "again" / "manifest.json" if verb == "export" else tmp_path / "again"
    assert recorded(live.store)[n_recorded:] == [hashlib.sha256(made.read_bytes()).hexdigest()]


@pytest.mark.requirement("C09", "C31")
@pytest.mark.parametrize("verb", WAYS_OUT)
def test_what_cannot_be_recorded_is_not_there(verb: str, live: Live, tmp_path: Path) -> None:
    """Whose role ended while the file was written gets none: nothing of it stays on the disk."""
    before = set(tmp_path.iterdir())
    done = copy("removed", live.words(verb, tmp_path / "out"))
    assert done.returncode == 2 and "EQ-C001" in done.stderr, done.stderr
    made = {p.name for p in set(tmp_path.iterdir()) - before}
    assert made <= {"trial.db-wal", "trial.db-shm", "trial.db.lock"}
    assert recorded(live.store) == []

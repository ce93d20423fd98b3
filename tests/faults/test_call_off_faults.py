"""A request for a number taken back while others finish it, and by processes that are killed."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.ledger import open_store, verify
from equipoise.randomization import Specification
from equipoise.study.study import Study
from equipoise.vault import VaultClient, create_vault, read_token, start_vault
from tests.faults.randomizer import N_PLANNED
from tests.faults.test_randomization_faults import ROOT, Site, make_eligible
from tests.unit.conduct.conftest import small_study

N_ON_THEIR_WAY = 30


class Place(NamedTuple):
    """A trial on disk with its vault, and people whose number is on its way."""

    folder: Path
    study: Study
    socket: str
    token: str
    codes: list[str]

    @property
    def ledger(self) -> Path:
        return self.folder / "trial.db"

    def start(self, way: str, codes: list[str]) -> Site:
        words = [str(self.ledger), self.socket, self.token, way, *codes]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.caller_off", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout and process.stdout.readline() == "ready\n"
        return Site(process)

    def kill_in(self, way: str, code: str) -> None:
        site = self.start(way, [code])
        site.communicate_with("go\n")
        with site.process as process:
            assert process.wait(timeout=60) == -9

    def listed(self) -> dict[str, str]:
        """Who has which number at the vault."""
        unblind = VaultClient(self.socket, read_token(self.folder / "vault", "unblind"))
        found = unblind.open_list(by="t", reason="test", agreed=("a", "b"), populations="d")
        return {a.participant: a.number for a in found if a.participant}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    study = small_study(N_PLANNED)
    specification = Specification(
        study="small", arms=("alpha", "omega"), ratio=(1, 1), blocks=(2,), n_planned=N_PLANNED
    )
    contents = {name: arm.gives for name, arm in study.identity.arms.items()}
    create_vault(tmp_path / "vault", specification, contents=contents, realm="rehearsal")
    ledger = tmp_path / "trial.db"
    with start_vault(tmp_path / "vault") as vault:
        path, token = str(vault.socket_path), read_token(tmp_path / "vault", "assign")
        with closing(open_store(ledger, study="small", realm="rehearsal", create=True)) as store:
            trial = RunningTrial(study, store, VaultClient(path, token))
            codes = make_eligible(trial)[:N_ON_THEIR_WAY]
            now = dt.datetime.now(dt.UTC)
            for code in codes:
                conduct.request_randomization(
                    trial, by="coordinator", at=now, participant=code, on=now.date()
                )
        yield Place(tmp_path, study, path, token, codes)


@pytest.mark.requirement("F02", "F04", "D28")
def test_finished_or_taken_back_and_never_both(place: Place) -> None:
    """Two processes finish and two take back, from both ends: ledger and vault say the same."""
    half = [place.codes, place.codes[::-1]]
    sites = [place.start(way, part) for part in half for way in ("finish", "call-off")]
    for site in sites:
        site.communicate_with("go\n")
    words = [word for site in sites for _, word in site.answers()]
    assert set(words) - {f"R-{k:03}" for k in range(1, N_PLANNED + 1)} <= {
        *("off", "EQ-C050", "EQ-C052", "EQ-C160", "EQ-C161"),
    }
    with closing(open_store(place.ledger, read_only=True)) as store:
        people = RunningTrial(place.study, store).state.participants
        assert {people[c].status for c in place.codes} <= {"randomized", "screening"}
        given = {c: people[c].number for c in place.codes if people[c].number}
        n_off = [e.type for e in store.read()].count("RandomizationCalledOff")
        assert verify(store).ok
    assert given == place.listed()
    assert sorted(given.values()) == [f"R-{k:03}" for k in range(1, len(given) + 1)]
    assert n_off == N_ON_THEIR_WAY - len(given) == words.count("off")


@pytest.mark.requirement("F02", "F04", "D28")
def test_killed_at_each_step_it_is_finished_by_the_next(place: Place) -> None:
    """Before the vault is asked a number may still come; once it agreed none does any more."""
    before, within, after, *_ = place.codes
    for way, code in (("before", before), ("within", within), ("after", after)):
        place.kill_in(way, code)
    with closing(open_store(place.ledger)) as store:
        trial = RunningTrial(place.study, store, VaultClient(place.socket, place.token))
        states = [trial.state.participants[c].status for c in (before, within, after)]
        assert states == ["randomizing", "randomizing", "screening"]
    finishing = place.start("finish", [before, within, after])
    finishing.communicate_with("go\n")
    assert finishing.answers() == [
        (before, "R-001"),
        (within, "EQ-C161"),
        (after, "EQ-C052"),
    ]
    again = place.start("call-off", [before, within])
    again.communicate_with("go\n")
    assert again.answers() == [(before, "EQ-C052"), (within, "off")]
    assert place.listed() == {before: "R-001"}
    vault = VaultClient(place.socket, place.token)
    assert vault.verify().ok

"""An amendment killed at every step that a database takes: wholly the old, or wholly the new."""

import subprocess
import sys
from pathlib import Path

import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import open_store
from equipoise.randomization import specify
from equipoise.study.roles import Role
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from tests.faults.amender import NEW, amend, contents_of
from tests.unit.conduct.conftest import Clock
from tests.unit.conduct.test_amending import base

AMENDER = "tests.faults.amender"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """Four strata with four entries each, of which three are used."""
    study = base()
    assert study.identity.randomization is not None
    told = specify(study.identity, study.identity.randomization)
    create_vault(tmp_path / "v", told, contents=contents_of(study), realm="rehearsal")
    opened = LocalVault(tmp_path / "v")
    client = VaultClient(opened, read_token(tmp_path / "v", "assign"))
    for k, stratum in enumerate(("01/mild", "01/mild", "02/severe")):
        client.assign(f"p{k}", stratum=stratum, proof="p")
    opened.close()
    return tmp_path / "v"


def kills(what: str, folder: Path) -> list[list[str]]:
    command = [sys.executable, "-m", AMENDER, what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.requirement("F34", "D01", "D02")
@pytest.mark.timeout(300)
def test_a_vault_killed_while_it_is_amended(vault: Path) -> None:
    """Sound each time; sixteen entries and none spent, or all of the new part and the rest spent.

    Asked again it finishes, and a part that was there already is the one that is told.
    """
    found = kills("vault", vault)
    assert len(found) > 60
    n_new = 16 + 6 * 6  # three sites by two levels, each in two blocks of three
    assert {tuple(line) for line in found} == {
        ("old", "True", "16", "0", "True"),
        ("new", "True", str(n_new), "13", "True"),
    }
    order = [line[0] for line in found]
    assert order == sorted(order, reverse=True)


@pytest.mark.requirement("F34", "D01", "D02")
@pytest.mark.timeout(300)
def test_a_ledger_killed_while_an_amendment_comes_into_force(
    vault: Path, tmp_path: Path, clock: Clock
) -> None:
    """The commitment and the new site together, or neither; then the next try brings both."""
    study = base()
    store = open_store(tmp_path / "trial.db", study="small", realm="rehearsal", create=True)
    opened = LocalVault(vault)
    trial = RunningTrial(study, store, VaultClient(opened))
    people = [Person(role.value, role.value, role.value) for role in Role]
    conduct.open_trial(trial, at=clock(), people=people)
    conduct.request_amendment(trial, by="statistician", at=clock(), reason="amendment 2", to=NEW)
    conduct.confirm_amendment(trial, by="safety_officer", at=clock(), digest=NEW.digest)
    commitment = trial.state.commitment
    opened.close()
    store.close()
    amend(vault, commitment)
    found = kills("ledger", tmp_path)
    assert {tuple(line) for line in found} == {
        ("old", "True", "01+02", "1", "True"),
        ("new", "True", "01+02+03", "2", "True"),
    }


@pytest.fixture
def clock() -> Clock:
    return Clock()

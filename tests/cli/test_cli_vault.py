"""`equipoise vault …`: a new key, copies, a restore and its comparison, the log."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.cli.folders import load_checked
from equipoise.cli.rehearsing import running_vault
from equipoise.cli.serving import catch_up
from equipoise.conduct import RunningTrial
from equipoise.ledger import open_store
from equipoise.vault import VaultClient, read_token

from .conftest import STUDY, Rehearsed, refused, run

SAID = ("--by", "keeper", "--reason", "yearly")


@pytest.mark.requirement("C53", "F13", "F39")
def test_from_a_new_key_to_a_restored_vault(own: Rehearsed, tmp_path: Path) -> None:
    """Rotate, back up, lose it, restore with the key, compare with the ledger, go on."""
    with running_vault(own.vault) as process:
        commitment = VaultClient(process.socket_path).commitment()
        assert refused("vault", "rotate", own.vault, *SAID) == ["EQ-V018"]
        copied = run("vault", "backup", own.vault, "-o", tmp_path / "early.db")
        assert copied.exit_code == 0, copied.output
    turned = run("vault", "rotate", own.vault, *SAID)
    assert turned.exit_code == 0, turned.output
    run("vault", "backup", own.vault, "-o", tmp_path / "copy.db")

    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(own.vault / "vault.key", new)
    assert refused("vault", "restore", tmp_path / "early.db", new, *SAID) == ["EQ-V013"]
    made = run("vault", "restore", tmp_path / "copy.db", new, *SAID)
    assert made.exit_code == 0, made.output
    tokens = sorted(file.name for file in own.vault.glob("*.token"))
    assert f"Not there: {', '.join(tokens)}. " in made.stdout
    run("vault", "rotate", new, *SAID, "--tokens")
    with running_vault(new) as process:
        token = new / "assign.token"
        client = VaultClient(process.socket_path, read_token(new, "assign"))
        assert client.commitment() == commitment
        words = ("--store", own.store, "--token", token)
        compared = run("vault", "compare", process.socket_path, *words)
        assert compared.exit_code == 0, compared.output
        assert compared.stdout.startswith("18 numbers of the ledger are the vault's; 0 are")
        log = run("vault", "log", process.socket_path, "--token", new / "audit.token", "--json")
        shown = run("vault", "log", process.socket_path, "--token", new / "audit.token")
    told = json.loads(log.stdout)
    kinds = [line["type"] for line in told["entries"]]
    assert told["ok"] and log.exit_code == 0
    assert [k for k in kinds if k in ("Rotated", "Restored", "Compare")] == [
        *("Rotated", "Restored", "Rotated", "Compare")
    ]
    assert shown.exit_code == 0
    assert "The list and the log are as they were made." in shown.stdout
    assert "Restored  keeper  yearly" in shown.stdout


@pytest.mark.requirement("F39")
def test_what_the_vault_alone_has_is_told(own: Rehearsed, tmp_path: Path) -> None:
    """A number for somebody whom a ledger lost; another trial's ledger is not compared at all."""
    vault = tmp_path / "fresh.vault"
    run("vault", vault, "--create", STUDY, "--realm", "rehearsal")
    with running_vault(vault) as process:
        at, store = process.socket_path, tmp_path / "fresh.db"
        words = ("--administrator", "ada", "--name", "Ada", "--realm", "rehearsal")
        run("open", STUDY, "--store", store, "--vault", at, *words)
        client = VaultClient(at, read_token(vault, "assign"))
        client.assign("09-001", stratum="", proof="p")
        token = ("--token", vault / "assign.token")
        told = run("vault", "compare", at, "--store", store, *token)
        other = refused("vault", "compare", at, "--store", own.store, *token)
    assert told.exit_code == 0
    assert "0 numbers of the ledger are the vault's; 1 are in the vault alone." in told.stdout
    assert "EQ-V048" in told.output and "09-001" in told.output
    assert other == ["EQ-V015"]


@pytest.mark.requirement("D02", "F39")
def test_a_door_says_that_the_numbers_contradict_and_goes_on(
    own: Rehearsed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything but randomization can be done at it; the vault assigns to nobody."""
    vault = tmp_path / "fresh.vault"
    run("vault", vault, "--create", STUDY, "--realm", "rehearsal")
    with running_vault(vault) as process, closing(open_store(own.store)) as store:
        client = VaultClient(process.socket_path, read_token(vault, "assign"))
        client.assign("09-001", stratum="", proof="p")
        catch_up(RunningTrial(load_checked(STUDY), store), client)
    assert re.search("EQ-V0(46|15)", capsys.readouterr().err)


@pytest.mark.parametrize(
    "words", [("vault",), ("vault", "--nothing"), ("vault", "rotate"), ("vault", "somewhere")]
)
def test_wrong_words_are_said(words: tuple[str, ...], tmp_path: Path) -> None:
    """Exit code 2 and no traceback."""
    told = run(*words)
    assert told.exit_code == 2
    assert "Traceback" not in told.output

"""Keeping a vault: where its key may be, a new key, copies without it, and after a restore."""

import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from meddling import is_in_a_file, owner_of
from tests.refusing import refusal
from vault_examples import AGREED, CONTENTS, SPECIFICATION, in_a_file

from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.keeping import rotating
from equipoise.vault.keeping.copying import back_up_vault, restore_vault
from equipoise.vault.keeping.rotating import rotate_key
from equipoise.vault.protocol import Line
from equipoise.vault.stores.file import FileStore
from equipoise.vault.stores.postgres import DatabaseStore

AT = datetime(2026, 1, 5, tzinfo=UTC)
SAID = {"by": "keeper", "reason": "yearly", "at": AT}
N_KILLS = 60 if os.environ.get("EQUIPOISE_NIGHTLY") else 8


def said(directory):
    return SAID | {"owner": owner_of(directory)}


def assign(directory, *participants):
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    numbers = [client.assign(p, stratum="", proof=f"proof of {p}") for p in participants]
    vault.close()
    return numbers


def look(directory):
    """What the vault says of itself: commitment, soundness, and each arm."""
    vault = LocalVault(directory)
    report = VaultClient(vault).verify()
    opening = VaultClient(vault, read_token(directory, "unblind"))
    listed = opening.open_list(by="t", reason="t", **AGREED)
    vault.close()
    return report.ok, report.commitment, report.n_assigned, [a.arm for a in listed]


def log_of(directory):
    vault = LocalVault(directory)
    log = VaultClient(vault, read_token(directory, "audit")).read_log()
    vault.close()
    return [(e.type, e.by, e.reason) for e in log]


# The key


@pytest.mark.requirement("C65", "F13")
def test_the_key_comes_from_the_first_place_that_has_one(directory, tmp_path, monkeypatch):
    """The environment, then what systemd hands over, then the folder; without any it says so."""
    key = (directory / "vault.key").read_text()
    (directory / "vault.key").unlink()
    assert refusal(LocalVault, directory) == ["EQ-V041"]

    handed = tmp_path / "credentials"
    handed.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    assert refusal(LocalVault, directory) == ["EQ-V041"]
    (handed / "vault.key").write_text(key)
    LocalVault(directory).close()
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", "00" * 32)
    assert refusal(LocalVault, directory) == ["EQ-V013"]
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", key)
    (handed / "vault.key").write_text("00" * 32)
    LocalVault(directory).close()


@in_a_file
@pytest.mark.requirement("F13", "C69", "D29")
def test_a_new_key_opens_all_and_the_old_one_nothing(directory):
    """The same list, numbers and commitment; no sealed piece of before is left in any file."""
    assign(directory, "01-001", "01-002")
    before, old = look(directory), (directory / "vault.key").read_text()
    # A reader keeps the journal in use, as a backup under way would.
    reader = sqlite3.connect(directory / "vault.db")
    pieces = [s for (s,) in reader.execute("SELECT sealed FROM vault_slot").fetchall()]
    pieces += [s for (s,) in reader.execute("SELECT sealed FROM vault_header").fetchall()]
    rotate_key(directory, **SAID)
    files = b"".join(p.read_bytes() for p in directory.iterdir())
    reader.close()

    assert not [p for p in pieces if p[12:60] in files]
    assert look(directory) == before
    assert ("Rotated", "keeper", "yearly") in log_of(directory)
    new = (directory / "vault.key").read_text()
    assert new != old
    (directory / "vault.key").write_text(old)
    assert refusal(LocalVault, directory) == ["EQ-V013"]
    (directory / "vault.key").write_text(new)
    assert not list(directory.glob("*.new"))
    assert assign(directory, "01-003") == ["R-003"]


@pytest.mark.requirement("F13")
def test_a_key_kept_elsewhere_is_replaced_elsewhere(directory, tmp_path, monkeypatch):
    """The new one goes to a file of its own; the operator puts it where the old one was."""
    key = directory / "vault.key"
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", key.read_text())
    key.unlink()
    assert refusal(rotate_key, directory, **said(directory)) == ["EQ-V043"]
    there = tmp_path / "there"
    there.write_text("")
    assert refusal(rotate_key, directory, **said(directory), to=there) == ["EQ-V042"]
    rotate_key(directory, **said(directory), to=tmp_path / "new.key")
    assert refusal(LocalVault, directory) == ["EQ-V013"]
    monkeypatch.setenv("EQUIPOISE_VAULT_KEY", (tmp_path / "new.key").read_text())
    assert look(directory)[0]
    assert not key.exists()
    assert not (tmp_path / "new.key").stat().st_mode & 0o077


def test_nobody_rotates_without_a_name_or_while_it_answers(directory, vault):
    """Who and why stand in the log; an open vault keeps its key."""
    assert refusal(rotate_key, directory, by=" ", reason="x", at=AT) == ["EQ-V007"]
    assert refusal(rotate_key, directory, **said(directory)) == ["EQ-V018"]


@pytest.mark.requirement("F13", "F30")
def test_tokens_are_made_anew_when_asked_and_when_missing(directory):
    """All of them: those given out open nothing. Otherwise only one that the vault never had."""
    tokens = {p.name: p.read_text() for p in directory.glob("*.token")}
    rotate_key(directory, **said(directory))
    assert {p.name: p.read_text() for p in directory.glob("*.token")} == tokens
    rotate_key(directory, **said(directory), is_all=True)
    after = {p.name: p.read_text() for p in directory.glob("*.token")}
    assert set(after) == set(tokens)
    assert not set(after.values()) & set(tokens.values())
    vault = LocalVault(directory)
    old, new = (VaultClient(vault, t["assign.token"]) for t in (tokens, after))
    assert refusal(old.assign, "p", stratum="", proof="p") == ["EQ-V001"]
    assert new.assign("p", stratum="", proof="p") == "R-001"
    vault.close()


def test_a_vault_of_before_gets_the_token_it_lacks(tmp_path, monkeypatch):
    """One that was made when there was no door for code-breaks."""
    known = rotating.capabilities("live")
    fewer = tuple(c for c in known if c != "emergency")
    monkeypatch.setattr("equipoise.vault.drawing.capabilities", lambda _: fewer)
    create_vault(tmp_path / "v", SPECIFICATION, contents=CONTENTS, realm="live")
    monkeypatch.undo()
    assert refusal(read_token, tmp_path / "v", "emergency") == ["EQ-V012"]
    assign(tmp_path / "v", "01-001")
    rotate_key(tmp_path / "v", **SAID)
    vault = LocalVault(tmp_path / "v")
    client = VaultClient(vault, read_token(tmp_path / "v", "emergency"))
    assert client.reveal("01-001", "arm", by="dr", reason="shock") in SPECIFICATION.arms
    vault.close()


class Cut(Exception):
    """The power is gone."""


@pytest.mark.requirement("D02", "F39")
@pytest.mark.parametrize(
    "step", ["write_private", "sync_folder", "seal_anew", "scrub", "settle_tokens"]
)
@pytest.mark.parametrize("is_before", [True, False])
def test_cut_short_at_each_step(directory, monkeypatch, step, is_before):
    """Before or after each step: the vault opens, whole, with one key; and rotates again."""
    assign(directory, "01-001")
    before = look(directory)
    store = FileStore if is_in_a_file(directory) else DatabaseStore
    module = store if step == "scrub" else rotating
    real = getattr(module, step)

    def cut(*args, **kwargs):
        if not is_before:
            real(*args, **kwargs)
        raise Cut

    with monkeypatch.context() as patched, pytest.raises(Cut):
        patched.setattr(module, step, cut)
        rotate_key(directory, **said(directory), is_all=True)
    assert look(directory) == before
    assert not list(directory.glob("*.new"))
    rotate_key(directory, **said(directory))
    assert look(directory) == before


ROTATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from equipoise.vault.keeping.rotating import rotate_key
print("ready", flush=True)
while True:
    said = {"by": "k", "reason": "r", "at": datetime.now(UTC), "owner": sys.argv[2]}
    rotate_key(Path(sys.argv[1]), **said, is_all=True)
    print("again", flush=True)
"""


@pytest.mark.requirement("D02", "F39")
def test_killed_while_it_rotates(directory):
    """`kill -9` at whatever moment: it opens afterwards, with the list it had."""
    assign(directory, "01-001", "01-002", "01-003")
    before = look(directory)
    for k in range(N_KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", ROTATE, directory, owner_of(directory)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.004 * (k % 20))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert look(directory) == before


# Copies


@in_a_file
@pytest.mark.requirement("C53", "F13", "F39")
def test_a_backup_has_no_key_and_a_restore_assigns_nothing_yet(directory, tmp_path):
    """Taken while it answers; restored with the key from elsewhere; an emergency is answered."""
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    client.assign("01-001", stratum="", proof="p1")
    back_up_vault(directory, tmp_path / "copy.db")
    client.assign("01-002", stratum="", proof="p2")
    vault.close()
    key = bytes.fromhex((directory / "vault.key").read_text())
    copy = (tmp_path / "copy.db").read_bytes()
    assert key not in copy and key.hex().encode() not in copy
    assert not (tmp_path / "copy.db").stat().st_mode & 0o077

    new = tmp_path / "new"
    assert refusal(restore_vault, tmp_path / "copy.db", new, **SAID) == ["EQ-V041"]
    assert not (new / "vault.db").exists()
    (new / "vault.key").write_text("00" * 32)
    assert refusal(restore_vault, tmp_path / "copy.db", new, **SAID) == ["EQ-V013"]
    (new / "vault.key").write_text(key.hex())
    restore_vault(tmp_path / "copy.db", new, **SAID)
    rotate_key(new, **SAID, is_all=True)
    restored = LocalVault(new)
    assigning = VaultClient(restored, read_token(new, "assign"))
    breaking = VaultClient(restored, read_token(new, "emergency"))
    assert refusal(assigning.assign, "01-002", stratum="", proof="p2") == ["EQ-V044"]
    assert breaking.reveal("01-001", "arm", by="dr", reason="shock")

    assert refusal(assigning.compare, []) == ["EQ-V023"]
    assert refusal(assigning.assign, "01-002", stratum="", proof="p2") == ["EQ-V044"]
    lines = [Line(participant=f"01-00{k}", number=f"R-00{k}", proof=f"p{k}") for k in (1, 2)]
    found = assigning.compare(lines)
    assert (found.taken_up, found.beyond) == (("01-002",), ())
    assert assigning.assign("01-002", stratum="", proof="p2") == "R-002"
    assert assigning.assign("01-003", stratum="", proof="p3") == "R-003"
    restored.close()
    assert look(new) == look_after(directory, "01-003")
    assert "Restored" in [kind for kind, *_ in log_of(new)]


def look_after(directory, participant):
    """The first vault, once it has gone as far."""
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    client.assign(participant, stratum="", proof="p3")
    vault.close()
    return look(directory)


@in_a_file
def test_what_a_restore_and_a_backup_refuse(directory, tmp_path):
    """Nothing replaces anything, and nobody restores without a name."""
    (tmp_path / "there").write_text("mine")
    assert refusal(back_up_vault, directory, tmp_path / "there") == ["EQ-V042"]
    assert refusal(back_up_vault, tmp_path, tmp_path / "x") == ["EQ-V012"]
    back_up_vault(directory, tmp_path / "copy.db")
    assert refusal(restore_vault, tmp_path / "copy.db", directory, **SAID) == ["EQ-V010"]
    assert refusal(restore_vault, tmp_path / "none", tmp_path / "v", **SAID) == ["EQ-V012"]
    said = {**SAID, "reason": ""}
    assert refusal(restore_vault, tmp_path / "copy.db", tmp_path / "v", **said) == ["EQ-V007"]


@in_a_file
@pytest.mark.requirement("F39", "F13")
def test_a_journal_of_the_lost_database_is_not_mixed_with_a_new_one(directory, tmp_path):
    """Left behind by a vault that was killed: neither a restore nor a new list lies beside it."""
    back_up_vault(directory, tmp_path / "copy.db")
    new = tmp_path / "new"
    new.mkdir()
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    client.assign("01-001", stratum="", proof="p")
    shutil.copy(directory / "vault.db-wal", new)
    vault.close()
    journal = (new / "vault.db-wal").read_bytes()
    made = refusal(create_vault, new, SPECIFICATION, contents=CONTENTS, realm="live")
    assert made == ["EQ-V025"]
    shutil.copy(directory / "vault.key", new)
    assert refusal(restore_vault, tmp_path / "copy.db", new, **SAID) == ["EQ-V025"]
    assert not (new / "vault.db").exists()
    assert (new / "vault.db-wal").read_bytes() == journal
    (new / "vault.db-wal").rename(tmp_path / "kept")
    restore_vault(tmp_path / "copy.db", new, **SAID)
    restored = LocalVault(new)
    assert VaultClient(restored).verify().ok
    restored.close()


@pytest.mark.requirement("F39", "F08")
def test_what_contradicts_is_not_mended(directory):
    """Another number, another participant's, a gap in the list, no such number: all stays shut."""
    assign(directory, "01-001")
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))

    def compare(*pairs):
        lines = [Line(participant=p, number=n, proof=f"proof of {p}") for p, n in pairs]
        return client.compare(lines)

    first = ("01-001", "R-001")
    assert refusal(compare, ("01-001", "R-002")) == ["EQ-V046"]
    assert refusal(compare, ("01-009", "R-001")) == ["EQ-V046"]
    assert refusal(compare, first, ("01-003", "R-003")) == ["EQ-V047"]
    assert refusal(compare, first, ("01-003", "R-999")) == ["EQ-V047"]
    assert refusal(compare) == ["EQ-V023"]
    taken = compare(first, ("01-003", "R-003"), ("01-002", "R-002"))
    assert set(taken.taken_up) == {"01-002", "01-003"}
    assert client.assign("01-004", stratum="", proof="p") == "R-004"
    vault.close()
    assert look(directory)[0]  # what was taken up is explained by the log


def test_each_stratum_is_taken_up_in_its_own_order(tmp_path):
    """Two lists, what was lost of both told in any order."""
    strata = msgspec.structs.replace(SPECIFICATION, strata=("s", "t"))
    create_vault(tmp_path, strata, contents=CONTENTS, realm="live")
    numbers = {}
    vault = LocalVault(tmp_path)
    client = VaultClient(vault, read_token(tmp_path, "assign"))
    back_up_vault(tmp_path, tmp_path / "copy.db")
    for k, stratum in itertools.product(range(2), "st"):
        numbers[f"{stratum}{k}"] = client.assign(f"{stratum}{k}", stratum=stratum, proof="p")
    vault.close()
    new = tmp_path / "new"
    new.mkdir()
    (new / "vault.key").write_text((tmp_path / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", new, **SAID)
    vault = LocalVault(new)
    client = VaultClient(vault, read_token(tmp_path, "assign"))
    lines = [Line(participant=p, number=n, proof="p") for p, n in sorted(numbers.items())]
    client.compare(lines[::-1])
    vault.close()
    vault = LocalVault(new)
    client = VaultClient(vault, read_token(tmp_path, "assign"))
    assert {p: client.assign(p, stratum=p[0], proof="p") for p in numbers} == numbers
    vault.close()


def restored_empty(tmp_path, specification, asked):
    """The numbers that a vault gave, and a copy of it from before them."""
    create_vault(tmp_path / "old", specification, contents=CONTENTS, realm="live")
    back_up_vault(tmp_path / "old", tmp_path / "copy.db")
    vault = LocalVault(tmp_path / "old")
    client = VaultClient(vault, read_token(tmp_path / "old", "assign"))
    numbers = {p: client.assign(p, stratum=s, proof="p") for p, s in asked}
    vault.close()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "vault.key").write_text((tmp_path / "old" / "vault.key").read_text())
    restore_vault(tmp_path / "copy.db", tmp_path / "new", **SAID)
    vault = LocalVault(tmp_path / "new")
    return numbers, vault, VaultClient(vault, read_token(tmp_path / "old", "assign"))


MINIMIZED = msgspec.structs.replace(
    SPECIFICATION, scheme="minimization", blocks=(), probability="0.8", floor="0.1"
)


@pytest.mark.requirement("D02", "F39")
@pytest.mark.parametrize("under_way", ["s0", "s1", "t1", "s2"])
@pytest.mark.parametrize("n_planned", [3, 1], ids=["listed", "drawn when needed"])
@pytest.mark.parametrize("scheme", ["complete", "minimization"])
def test_one_under_way_does_not_keep_a_restored_vault_shut(tmp_path, scheme, n_planned, under_way):
    """All was lost; the ledger lacks one number, which one person alone can have had."""
    told = MINIMIZED if scheme == "minimization" else SPECIFICATION
    changed = {"scheme": scheme, "blocks": (), "n_planned": n_planned, "strata": ("s", "t")}
    told = msgspec.structs.replace(told, **changed)
    asked = [(f"{s}{k}", s) for k in range(3) for s in "st"]
    numbers, vault, client = restored_empty(tmp_path, told, asked)
    lines = [
        Line(participant=p, number="" if p == under_way else numbers[p], proof="p", stratum=s)
        for p, s in asked
    ]
    assert refusal(client.assign, under_way, stratum=under_way[0], proof="p") == ["EQ-V044"]
    found = client.compare(lines)
    again = client.assign(under_way, stratum=under_way[0], proof="p")
    assert (again, found.beyond) == (numbers[under_way], ())
    assert VaultClient(vault).verify().ok
    vault.close()


@pytest.mark.requirement("F39")
@pytest.mark.parametrize("scheme", ["complete", "minimization"])
def test_two_under_way_are_for_people_to_look_at(tmp_path, scheme):
    """Which of them had the number nobody can tell: it stays shut, also when started anew."""
    told = MINIMIZED if scheme == "minimization" else SPECIFICATION
    told = msgspec.structs.replace(told, scheme=scheme, blocks=(), strata=("s",))
    asked = [(f"p{k}", "s") for k in range(4)]
    numbers, vault, client = restored_empty(tmp_path, told, asked)
    lines = [
        Line(participant=p, number="" if p in ("p1", "p2") else n, proof="p", stratum="s")
        for p, n in numbers.items()
    ]
    assert refusal(client.compare, lines) == ["EQ-V047"]
    odd = [*lines[:3], Line(participant="p3", number="R-x", proof="p", stratum="s")]
    assert refusal(client.compare, odd) == ["EQ-V047"]
    far = [*lines[:3], Line(participant="p3", number="R-99999999", proof="p", stratum="s")]
    assert refusal(client.compare, far) == ["EQ-V047"]
    vault.close()
    vault = LocalVault(tmp_path / "new")
    client = VaultClient(vault, read_token(tmp_path / "old", "assign"))
    assert refusal(client.assign, "p9", stratum="s", proof="p") == ["EQ-V044"]
    vault.close()


@pytest.mark.requirement("F39")
def test_a_vault_that_contradicts_the_ledger_assigns_nothing(directory):
    """Not restored, but another number than the ledger's: shut, also after a restart."""
    assign(directory, "01-001")
    for _ in range(2):
        vault = LocalVault(directory)
        client = VaultClient(vault, read_token(directory, "assign"))
        line = Line(participant="01-001", number="R-002", proof="proof of 01-001")
        assert refusal(client.compare, [line]) == ["EQ-V046"]
        assert refusal(VaultClient(vault, "no token").compare, []) == ["EQ-V001"]
        assert refusal(client.assign, "01-002", stratum="", proof="p") == ["EQ-V044"]
        vault.close()
    vault = LocalVault(directory)
    client = VaultClient(vault, read_token(directory, "assign"))
    client.compare([msgspec.structs.replace(line, number="R-001")])
    assert client.assign("01-002", stratum="", proof="p") == "R-002"
    vault.close()


def test_a_vault_needs_its_database_to_open(directory, tmp_path: Path):
    """A folder with a key and nothing else."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "vault.key").write_text("00" * 32)
    assert refusal(LocalVault, tmp_path / "empty") == ["EQ-V012"]
    assert refusal(rotate_key, tmp_path / "empty", **SAID) == ["EQ-V012"]

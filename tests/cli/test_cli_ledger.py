"""`equipoise ledger`: verify, export, seal; and what one flipped byte does."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.ledger import open_store

from ..postgres import Server
from .conftest import Rehearsed, a_body, answer_of, codes, command, refused, run


def flip(path: Path, body: bytes, *, at: int) -> None:
    """Change one byte of an entry's body where it lies in the file; it stays text."""
    content = bytearray(path.read_bytes())
    assert content.count(body) == 1, "the body should stand in one piece in the file"
    place = content.index(body) + at
    content[place] ^= 1
    path.write_bytes(content)


def test_the_ledger_of_a_rehearsal_verifies(rehearsed: Rehearsed) -> None:
    """Every entry was read, and the root is that of the heads as they are."""
    result = run("ledger", "verify", "--store", rehearsed.store, "--json")
    shown = run("ledger", "verify", "--store", rehearsed.store)
    answer = answer_of(result)

    assert (result.exit_code, shown.exit_code) == (0, 0)
    assert answer["ok"] is True and answer["first_bad"] is None
    assert answer["entries"] == rehearsed.answer["entries"]
    assert re.fullmatch("[0-9a-f]{64}", answer["seal"])
    assert shown.stdout == f"{answer['entries']} entries, all chains hold. Seal {answer['seal']}\n"


@pytest.mark.requirement("C04", "C54", "D29")
def test_one_flipped_byte_names_the_entry(own: Rehearsed) -> None:
    """Exit code 1, the chain and the number of the entry."""
    chain, seq, body = a_body(own.store)
    flip(own.store, body, at=len(body) // 2)
    result = run("ledger", "verify", "--store", own.store, "--json")
    shown = command("ledger", "verify", "--store", own.store)
    answer = answer_of(result)

    assert (result.exit_code, shown.returncode) == (1, 1)
    assert answer["ok"] is False
    assert answer["entries"] == own.answer["entries"]
    assert (answer["first_bad"]["chain"], answer["first_bad"]["seq"]) == (chain, seq)
    assert answer["first_bad"]["code"].startswith("EQ-G")
    assert f"{answer['first_bad']['code']}  {chain}:{seq}  " in shown.stderr
    assert shown.stdout == ""


def test_of_two_flipped_bytes_the_first_entry_is_named(own: Rehearsed) -> None:
    """Damage is named in the order of recording, whatever the order in which it was done."""
    with open_store(own.store, read_only=True).connection as connection:
        early, late = connection.execute(
            "SELECT chain, seq, body FROM ledger_entry "
            "WHERE type = 'FormSubmitted' AND length(body) BETWEEN 60 AND 500 "
            "ORDER BY position LIMIT 2"
        ).fetchall()
    connection.close()
    for _, _, body in (late, early):
        flip(own.store, body, at=5)
    bad = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["first_bad"]

    assert (bad["chain"], bad["seq"]) == early[:2]


def test_a_file_that_is_no_ledger_is_a_bad_ledger(tmp_path: Path) -> None:
    """Verification tells what it found; it does not break."""
    (tmp_path / "notes.db").write_text("not a database")
    result = run("ledger", "verify", "--store", tmp_path / "notes.db", "--json")

    assert result.exit_code == 1
    assert answer_of(result)["first_bad"]["code"] == "EQ-G008"


@pytest.mark.requirement("C50")
def test_an_archive_verifies_without_this_program(own: Rehearsed, tmp_path: Path) -> None:
    """Python in isolated mode, the verifier that was written beside it, and nothing else."""
    archive = tmp_path / "archive" / "ledger.jsonl"
    archive.parent.mkdir()
    made = run("ledger", "export", "--store", own.store, "-o", archive)
    written = sorted(p.name for p in archive.parent.iterdir())
    checked = isolated(archive)

    assert made.exit_code == 0, made.output
    assert f"{own.answer['entries']} entries in {archive}" in made.stdout
    assert written == ["ledger.jsonl", "verify_archive.py"]
    assert (checked.returncode, checked.stdout) == (
        0,
        "whole: every entry is as it was recorded\n",
    )
    manifest, *entries = archive.read_text(encoding="utf-8").splitlines()
    assert json.loads(manifest)["n_entries"] == len(entries) == own.answer["entries"]
    assert json.loads(manifest)["realm"] == "rehearsal"


def test_a_changed_archive_is_told_by_its_own_verifier(own: Rehearsed, tmp_path: Path) -> None:
    """The line of the entry is named, and the exit code is 1."""
    run("ledger", "export", "--store", own.store, "-o", tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    entry = json.loads(lines[700])
    entry["by"] = entry["by"] + "x"
    lines[700] = json.dumps(entry)
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    checked = isolated(tmp_path / "a.jsonl")

    assert checked.returncode == 1
    assert checked.stdout.startswith("line 701: ")


def test_an_archive_never_overwrites(own: Rehearsed, tmp_path: Path) -> None:
    """A file that is there stays, the ledger itself above all."""
    before = own.store.read_bytes()

    assert refused("ledger", "export", "--store", own.store, "-o", own.store) == ["EQ-X002"]
    assert own.store.read_bytes() == before
    absent = tmp_path / "absent" / "a.jsonl"
    assert refused("ledger", "export", "--store", own.store, "-o", absent) == ["EQ-X003"]


def test_a_seal_is_an_entry_over_the_heads(own: Rehearsed) -> None:
    """The root printed is the one that a verification saw before; one more entry stands after."""
    before = answer_of(run("ledger", "verify", "--store", own.store, "--json"))
    sealed = run("ledger", "seal", "--store", own.store, "--by", "data_manager", "--reason", "cut")
    after = answer_of(run("ledger", "verify", "--store", own.store, "--json"))

    assert sealed.exit_code == 0, sealed.output
    assert sealed.stdout.strip() == before["seal"] != after["seal"]
    assert after["ok"] is True
    assert after["entries"] == before["entries"] + 1


def test_who_has_no_role_seals_nothing(own: Rehearsed) -> None:
    """A name that is not in the trial is refused, and so is a role that may not."""
    assert refused("ledger", "seal", "--store", own.store, "--by", "nobody") == ["EQ-C001"]
    assert refused("ledger", "seal", "--store", own.store, "--by", "monitor") == ["EQ-C002"]
    entries = answer_of(run("ledger", "verify", "--store", own.store, "--json"))["entries"]
    assert entries == own.answer["entries"]


def test_the_record_of_a_vault_is_not_taken_for_a_trial(own: Rehearsed, tmp_path: Path) -> None:
    """It has chains and can be verified, but nobody was ever screened in it."""
    vault = own.vault / "vault.db"

    assert run("ledger", "verify", "--store", vault).exit_code == 0
    assert refused("ledger", "seal", "--store", vault, "--by", "data_manager") == ["EQ-G008"]


def test_a_store_that_is_absent_is_wrong_use(tmp_path: Path) -> None:
    """No empty ledger is made where somebody mistyped a name."""
    for verb in (["verify"], ["export", "-o", tmp_path / "a"], ["seal", "--by", "x"]):
        result = run("ledger", *verb, "--store", tmp_path / "absent.db")
        assert (result.exit_code, codes(result)) == (2, [])
    assert list(tmp_path.iterdir()) == []


def isolated(archive: Path) -> "subprocess.CompletedProcess[str]":
    """The verifier as an auditor runs it: alone, in a folder without this program."""
    place = archive.parent / "auditor"
    place.mkdir()
    shutil.move(archive.parent / "verify_archive.py", place / "verify_archive.py")
    line = [sys.executable, "-I", "verify_archive.py", str(archive)]
    return subprocess.run(line, cwd=place, capture_output=True, text=True, check=False)


def test_a_ledger_in_postgresql_is_kept_like_a_file(
    own: Rehearsed, postgres_server: Server, tmp_path: Path
) -> None:
    """The same entries there give the same answers; a password in the address is never shown."""
    with closing(open_store(own.store)) as file:
        place = postgres_server.create(study=file.study).app
        with closing(open_store(place)) as moved:
            moved.restore(file.read())
    of_file = answer_of(run("ledger", "verify", "--store", own.store, "--json"))
    assert answer_of(run("ledger", "verify", "--store", place, "--json")) == of_file
    for store, output in ((own.store, "file.jsonl"), (place, "server.jsonl")):
        assert run("ledger", "export", "--store", store, "-o", tmp_path / output).exit_code == 0
    files = [(tmp_path / name).read_bytes() for name in ("file.jsonl", "server.jsonl")]
    assert files[0] == files[1]
    sealed = run("ledger", "seal", "--store", place, "--by", "data_manager")
    assert sealed.exit_code == 0
    n_entries = answer_of(run("ledger", "verify", "--store", place, "--json"))["entries"]
    assert n_entries == of_file["entries"] + 1
    wrong = command("ledger", "verify", "--store", "postgresql://ann:s3cr3t@/db?host=/nowhere")
    assert wrong.returncode == 1
    assert "EQ-G021" in wrong.stderr
    assert "s3cr3t" not in wrong.stdout + wrong.stderr

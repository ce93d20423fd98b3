"""`equipoise ledger rebuild`: the read tables again, or held against the ledger."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.ledger import open_store

from .conftest import Rehearsed, answer_of, codes, run


@pytest.fixture
def store(rehearsed: Rehearsed, tmp_path: Path) -> Path:
    """A copy of the rehearsed trial, which has no read tables yet."""
    return Path(shutil.copy(rehearsed.store, tmp_path / "t.db"))


def in_tables(store: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(store, isolation_level=None)
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


@pytest.mark.requirement("C11")
def test_the_tables_are_written_and_compared(store: Path, rehearsed: Rehearsed) -> None:
    """Missing, rebuilt, sound, changed by hand, rebuilt again; the ledger is the same all along."""
    n_entries = rehearsed.answer["entries"]
    missing = answer_of(run("ledger", "rebuild", "--store", store, "--check", "--json"))
    assert (missing["ok"], missing["rows"], missing["behind"]) == (True, 0, n_entries)
    done = run("ledger", "rebuild", "--store", store)
    assert done.exit_code == 0 and f"{n_entries} entries in the read tables" in done.stdout
    assert in_tables(store, "SELECT count(*) FROM read_line") == [(n_entries,)]
    sound = run("ledger", "rebuild", "--store", store, "--check")
    assert sound.exit_code == 0 and "as the ledger gives them" in sound.stdout
    in_tables(
        store, "UPDATE read_participant SET status = 'completed' WHERE participant = '01-001'"
    )
    wrong = run("ledger", "rebuild", "--store", store, "--check")
    assert wrong.exit_code == 1 and codes(wrong) == ["EQ-G042"]
    assert "read_participant" in wrong.output and "01-001" in wrong.output
    told = run("ledger", "rebuild", "--store", store, "--check", "--json")
    assert told.exit_code == 1 and answer_of(told)["problems"]
    again = answer_of(run("ledger", "rebuild", "--store", store, "--json"))
    assert again["entries"] == n_entries
    assert answer_of(run("ledger", "rebuild", "--store", store, "--check", "--json"))["ok"]
    assert answer_of(run("ledger", "verify", "--store", store, "--json"))["ok"]


def test_a_command_that_records_writes_the_tables_too(store: Path) -> None:
    """Where there are any; where there are none, none are made."""
    with closing(open_store(store, read_only=True)) as opened:
        by = next(e.by for e in opened.read() if e.role == "data_manager")
    seal = ("ledger", "seal", "--store", store, "--by", by)
    assert run(*seal).exit_code == 0
    assert in_tables(store, "SELECT 1 FROM sqlite_master WHERE name = 'read_line'") == []
    assert run("ledger", "rebuild", "--store", store).exit_code == 0
    assert run(*seal).exit_code == 0
    told = answer_of(run("ledger", "rebuild", "--store", store, "--check", "--json"))
    assert (told["ok"], told["behind"]) == (True, 0)


def test_what_is_no_ledger_of_a_trial(rehearsed: Rehearsed, store: Path) -> None:
    """The vault's file is refused and left as it is; only a server has owners to make tables."""
    vault = rehearsed.vault / "vault.db"
    before = vault.read_bytes()
    refused = run("ledger", "rebuild", "--store", vault)
    assert refused.exit_code == 2 and codes(refused) == ["EQ-G008"]
    assert vault.read_bytes() == before
    wrong = run("ledger", "rebuild", "--store", store, "--make")
    assert wrong.exit_code == 2 and "--make" in wrong.output

"""What is kept is tampered with at random, and copied while everybody writes."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from equipoise.ledger import (
    Draft,
    Making,
    import_archive,
    merkle_root,
    open_store,
    opened_archive,
    restore,
    to_body,
    verify,
    write_archive,
    write_backup,
)
from equipoise.problems import Refused

from .ledger_writer import AT
from .test_ledger_faults import acknowledged, start

N_HARMS = 1000 if os.environ.get("EQUIPOISE_NIGHTLY") else 200
N_ENTRIES = 60


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A ledger of three chains, its backup, its archive, its seal, and what was recorded."""
    folder = tmp_path_factory.mktemp("kept")
    store = open_store(folder / "trial.db", study="S1", realm="live", create=True)
    for k in range(N_ENTRIES):
        store.append(
            [
                Draft(
                    chain=("control", "site-01", "site-02")[k % 3],
                    stream=f"p{k % 7}",
                    version=k,
                    type="Noted",
                    at=AT,
                    by="ann",
                    role="tester",
                    body=to_body({"k": k, "padding": "é" * (k % 400)}),
                )
            ]
        )
    write_backup(store, folder / "backup.db")
    write_archive(store, folder / "trial.zip", making=Making())
    seal, entries = merkle_root(store.heads()), tuple(store.read())
    store.close()
    return folder, seal, entries


def contents(path):
    store = open_store(path, read_only=True)
    try:
        return tuple(store.read())
    finally:
        store.close()


def harm(content: bytes, draw: random.Random) -> bytes:
    """A flipped bit, a run of junk, a cut, or two stretches in each other's place."""
    damaged = bytearray(content)
    kind, place = draw.randrange(4), draw.randrange(len(content))
    if kind == 0:
        damaged[place] ^= 1 << draw.randrange(8)
    elif kind == 1:
        junk = draw.randbytes(draw.randrange(1, 200))
        damaged[place : place + len(junk)] = junk
    elif kind == 2:
        del damaged[place:]
    else:
        size = draw.randrange(1, 500)
        other = draw.randrange(len(content))
        one, two = damaged[place : place + size], damaged[other : other + size]
        damaged[other : other + len(one)], damaged[place : place + len(two)] = one, two
    return bytes(damaged)


@pytest.mark.requirement("C04", "D29")
@pytest.mark.timeout(1200)
def test_a_harmed_database_is_found_or_reads_as_before(kept, tmp_path):
    """Anywhere in the file; where nothing is found, every entry still reads as it was recorded."""
    folder, seal, entries = kept
    original, draw, n_found = (folder / "backup.db").read_bytes(), random.Random(20261125), 0
    for _ in range(N_HARMS):
        path = tmp_path / "harmed.db"
        path.write_bytes(harm(original, draw))
        found = verify(path, against=seal)
        if found.ok:
            assert contents(path) == entries
        else:
            n_found += 1
            assert found.first_bad.message
    assert n_found > N_HARMS // 2


@pytest.mark.requirement("C04", "D29", "D03")
@pytest.mark.timeout(1200)
def test_a_harmed_log_loses_the_tail_or_nothing(kept, tmp_path):
    """Entries that are in the write-ahead log alone: what is left of them is whole, and a seal
    shows whether any is missing."""
    _, seal, entries = kept
    path = tmp_path / "live.db"
    store = open_store(path, study="S1", realm="live", create=True)
    store.connection.execute("PRAGMA wal_autocheckpoint = 0")
    with store.transaction():
        store.restore(entries)
    database, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    store.close()
    draw = random.Random(3)
    n_found = 0
    for k in range(N_HARMS // 2):
        copy = tmp_path / f"{k}.db"
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(harm(log, draw))
        found = verify(copy, against=seal)
        if found.ok:
            assert contents(copy) == entries
        n_found += not found.ok
        for left in tmp_path.glob(f"{k}.db*"):
            left.unlink()
    assert n_found > N_HARMS // 8


@pytest.mark.requirement("C04", "D29")
@pytest.mark.timeout(1200)
def test_a_harmed_archive_is_found_or_reads_as_before(kept, tmp_path):
    """By the program and by the archive's own verifier; both or neither take it for whole."""
    folder, _, entries = kept
    original, draw, n_found = (folder / "trial.zip").read_bytes(), random.Random(11), 0
    for k in range(N_HARMS):
        path = tmp_path / "harmed.zip"
        path.write_bytes(harm(original, draw))
        try:
            import_archive(path, tmp_path / f"{k}.db")
        except Refused as refused:
            n_found += 1
            assert refused.problems[0].message
            assert not (tmp_path / f"{k}.db").exists()
        else:
            with opened_archive(path) as archive:
                assert tuple(archive.items()) == entries
            assert contents(tmp_path / f"{k}.db") == entries
        if k % 10 == 0:
            done = subprocess.run([sys.executable, path], capture_output=True, check=False)
            if done.returncode == 0:
                with (
                    zipfile.ZipFile(path) as opened,
                    zipfile.ZipFile(folder / "trial.zip") as kept_,
                ):
                    assert opened.read("entries.jsonl") == kept_.read("entries.jsonl")
    assert n_found > N_HARMS // 2


@pytest.mark.requirement("C04", "D29")
@pytest.mark.parametrize("column", ["body", "prev", "digest", "at", "stream", "(seq, position)"])
def test_rows_in_each_others_place_are_found(kept, tmp_path, column):
    """Two rows swap one field with the guards put aside; the first of them is named."""
    folder, seal, entries = kept
    draw = random.Random(column)
    for _ in range(3):
        path = tmp_path / "swapped.db"
        shutil.copy(folder / "backup.db", path)
        one, two = sorted(draw.sample([e for e in entries if e.chain == "site-01"], 2), key=seq_of)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("DROP TRIGGER ledger_entry_no_update")
        _swap(connection, column, one.seq, two.seq)
        connection.close()
        found = verify(path, against=seal)
        if column == "at":  # all of these bear one time
            assert [p.code for p in found.problems] == ["EQ-G018"]
        elif column != "(seq, position)":
            assert (found.first_bad.chain, found.first_bad.seq) == ("site-01", one.seq)
        assert not found.ok


def _swap(connection, column, one, two):
    where = "FROM ledger_entry WHERE chain = 'site-01' AND seq = ?"
    if column == "(seq, position)":
        for old, new in ((one, -1), (two, one), (-1, two)):
            change = "UPDATE ledger_entry SET seq = ? WHERE chain = 'site-01' AND seq = ?"
            connection.execute(change, (new, old))
        return
    if column == "stream":
        connection.execute("DROP TRIGGER ledger_entry_next")
    values = [
        connection.execute(f"SELECT {column} {where}", (n,)).fetchone()[0] for n in (one, two)
    ]
    for n, value in ((one, values[1]), (two, values[0])):
        change = f"UPDATE ledger_entry SET {column} = ? WHERE chain = 'site-01' AND seq = ?"
        connection.execute(change, (value, n))


def seq_of(entry):
    return entry.seq


@pytest.mark.requirement("C53", "D01", "D18")
def test_a_backup_while_eight_processes_write(tmp_path):
    """Each copy is whole, its heads are a prefix of the ledger, and no writer loses anything."""
    path = tmp_path / "trial.db"
    open_store(path, study="S1", realm="live", create=True).close()
    writers = [start(path, f"w{k}", 4, 60) for k in range(8)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    backups = []
    while any(writer.poll() is None for writer in writers) and len(backups) < 12:
        store = open_store(path, read_only=True)
        backups.append(tmp_path / f"{len(backups)}.backup.db")
        write_backup(store, backups[-1])
        store.close()
    said = {}
    for writer in writers:
        with writer:
            said |= acknowledged(writer.stdout.readlines())
        assert writer.returncode == 0
    recorded = {(e.chain, e.seq): e.digest for e in contents(path)}
    assert recorded == said
    sizes = set()
    for k, backup in enumerate(backups):
        done = restore(backup, tmp_path / f"{k}.new.db")
        assert done.ok
        assert all(recorded[chain, head.seq] == head.digest for chain, head in done.safe.items())
        sizes.add(done.n_restored)
    assert len(sizes) > 2


@pytest.mark.requirement("D01", "D04")
@pytest.mark.parametrize("verb", ["export", "backup"])
def test_what_is_killed_leaves_no_half_file(kept, tmp_path, verb):
    """Killed at any moment: under the final name there is the whole file or none."""
    folder, _, entries = kept
    words = ["ledger", verb, "--store", str(folder / "trial.db"), "-o"]
    program = "import sys; from equipoise.cli import main; sys.exit(main())"
    draw = random.Random(5)
    for k in range(N_HARMS // 15):
        path = tmp_path / f"{k}.out"
        running = subprocess.Popen(
            [sys.executable, "-c", program, *words, str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            running.wait(timeout=draw.uniform(0.2, 1.2))
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        if path.exists():
            assert restore(path, tmp_path / f"{k}.db").n_restored == len(entries)

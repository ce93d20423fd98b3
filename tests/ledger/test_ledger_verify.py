import random
import shutil
import sqlite3

import pytest

from equipoise.ledger import (
    Head,
    MemoryStore,
    merkle_root,
    open_store,
    to_body,
    verify,
    write_backup,
)
from equipoise.ledger.rows import COLUMNS, to_row
from equipoise.ledger.sqlite_tables import TRIGGERS
from equipoise.problems import Refused

N = 30


@pytest.fixture
def written(path, draft):
    """A closed store of 30 entries in two chains, and its seal."""
    store = open_store(path, study="S1", realm="live", create=True)
    for n in range(N // 2):
        store.append([draft(n), draft(n, chain="control", stream="people")])
    seal = merkle_root(store.heads())
    store.close()
    return path, seal


def tamper(path, *statements):
    """What somebody with the file and SQLite can do: drop the guards, change, put them back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for trigger in TRIGGERS.values():
        connection.execute(trigger)
    connection.close()


def test_a_sound_store(written):
    """All entries read, nothing wrong, and the root that its seal has."""
    path, seal = written
    found = verify(path, against=seal)
    assert (found.ok, found.entries, found.first_bad) == (True, N, None)
    assert found.seal == seal


@pytest.mark.requirement("C04", "D30")
def test_with_the_guards_off_the_altered_row_is_still_named(written):
    """The trigger is one control, the chain another: without the first, the second finds it."""
    path, _ = written
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER ledger_entry_no_update")
    connection.execute("UPDATE ledger_entry SET by = 'bob' WHERE chain = 'site/01' AND seq = 4")
    connection.close()
    found = verify(path)
    assert not found.ok
    assert (found.first_bad.chain, found.first_bad.seq) == ("site/01", 4)
    assert [p.code for p in found.problems] == ["EQ-G004", "EQ-G018"]


@pytest.mark.requirement("C04")
@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ("UPDATE ledger_entry SET body = x'7b7d' WHERE position = 5", "EQ-G005", ("site/01", 3)),
        ("UPDATE ledger_entry SET body = NULL, salt = ''", "EQ-G024", ("site/01", 1)),
        ("UPDATE ledger_entry SET at = 'then' WHERE position = 5", "EQ-G007", ("site/01", 3)),
        ("UPDATE ledger_entry SET at = '2026-01-01' WHERE position = 5", "EQ-G007", ("site/01", 3)),
        ("UPDATE ledger_entry SET at = replace(at, 'Z', 'z')", "EQ-G007", ("site/01", 1)),
        ("UPDATE ledger_entry SET salt = upper(salt) || ' '", "EQ-G005", ("site/01", 1)),
        ("UPDATE ledger_entry SET salt = 'zz' WHERE position = 5", "EQ-G005", ("site/01", 3)),
        ("UPDATE ledger_entry SET seq = 'x' WHERE position = 5", "EQ-G007", None),
        ("UPDATE ledger_entry SET chain = x'ff' WHERE position = 5", "EQ-G007", None),
        ("UPDATE ledger_entry SET body = 'text' WHERE position = 5", "EQ-G007", ("site/01", 3)),
        ("UPDATE ledger_entry SET study = 'S2'", "EQ-G003", ("site/01", 1)),
        ("DELETE FROM ledger_entry WHERE position = 5", "EQ-G002", ("site/01", 4)),
        ("UPDATE ledger_meta SET realm = 'rehearsal'", "EQ-G003", ("site/01", 1)),
        ("DELETE FROM ledger_meta", "EQ-G008", ("", 0)),
        ("DROP TABLE ledger_entry", "EQ-G008", ("", 0)),
    ],
)
def test_tampering_is_found(written, change, code, where):
    """Whatever is altered with the guards put aside is named, with the entry where it can be."""
    path, _ = written
    statements = [change]
    if change.startswith("DROP"):
        statements += ["CREATE TABLE ledger_entry (position, chain, seq, study, stream, version)"]
    tamper(path, *statements)
    found = verify(path)
    assert found.problems[0].code == code
    if where:
        assert (found.first_bad.chain, found.first_bad.seq) == where
        assert not found.ok


def test_an_entry_of_another_study_is_found(path, draft):
    """A whole entry that belongs elsewhere has no place here."""
    store = open_store(path, study="S1", realm="live", create=True)
    store.append([draft(1)])
    store.close()
    tamper(path, "UPDATE ledger_meta SET study = 'S2'")
    assert "EQ-G009" in [p.code for p in verify(path).problems]


@pytest.mark.requirement("C04")
def test_a_dropped_tail_needs_a_seal(written):
    """Without the last entries a chain is whole; the seal knows better."""
    path, seal = written
    tamper(path, "DELETE FROM ledger_entry WHERE chain = 'site/01' AND seq > 13")
    assert verify(path).ok
    found = verify(path, against=seal)
    assert [p.code for p in found.problems] == ["EQ-G060"]
    assert found.seal != seal


@pytest.mark.requirement("C04")
def test_a_rewritten_chain_needs_a_seal(written, draft, tmp_path):
    """Who writes everything anew, digests included, is found against the seal."""
    _path, seal = written
    other = open_store(tmp_path / "other.db", study="S1", realm="live", create=True)
    for n in range(N // 2):
        other.append([draft(n, by="bob"), draft(n, chain="control", stream="people")])
    assert verify(other).ok
    assert [p.code for p in verify(other, against=seal).problems] == ["EQ-G060"]
    other.close()


@pytest.fixture
def sealed_on_record(written, draft):
    """The same store, in which its seal stands as an entry."""
    path, seal = written
    store = open_store(path)
    heads = {chain: (head.seq, head.digest) for chain, head in store.heads().items()}
    body = to_body({"heads": heads, "root": seal})
    store.append([draft(99, chain="control", stream="study", type="StudySealed", body=body)])
    store.close()
    return path


@pytest.mark.requirement("C04")
def test_a_tail_that_is_cut_off_contradicts_the_seal_on_record(sealed_on_record, tmp_path):
    """Each chain is whole; the control chain says that one of them was longer. No backup of it."""
    tamper(sealed_on_record, "DELETE FROM ledger_entry WHERE chain = 'site/01' AND seq > 13")
    found = verify(sealed_on_record)
    assert [(p.code, p.where.record) for p in found.problems] == [("EQ-G014", "site/01")]
    store = open_store(sealed_on_record, read_only=True)
    with pytest.raises(Refused) as refused:
        write_backup(store, tmp_path / "backup.db")
    store.close()
    assert [p.code for p in refused.value.problems] == ["EQ-G014"]


@pytest.mark.requirement("C04")
def test_a_chain_that_is_rewritten_contradicts_the_seal_on_record(sealed_on_record, draft):
    """One chain written anew, digests included: the seal in the control chain no longer holds."""
    forged = MemoryStore("S1", "live")
    forged.append([draft(n, by="bob") for n in range(N // 2)])
    tamper(sealed_on_record, "DELETE FROM ledger_entry WHERE chain = 'site/01'")
    connection = sqlite3.connect(sealed_on_record, isolation_level=None)
    places = ", ".join("?" * len(COLUMNS))
    for entry in forged.read():
        line = f"INSERT INTO ledger_entry ({', '.join(COLUMNS)}) VALUES ({places})"
        connection.execute(line, to_row(entry))
    connection.close()
    errors = [p for p in verify(sealed_on_record).problems if p.severity == "error"]
    assert [(p.code, p.where.record) for p in errors] == [("EQ-G015", "site/01")]


@pytest.mark.requirement("C04")
def test_a_seal_on_record_is_recognised_also_if_it_was_no_moment_of_the_order(draft):
    """Where sites record side by side, what a seal saw need not be the first so many entries."""
    store = MemoryStore("S1", "live")
    entries = store.append([draft(1, chain=name, stream=name) for name in "abc"])
    heads = {entry.chain: Head(entry.seq, entry.digest) for entry in entries if entry.chain != "b"}
    root = merkle_root(heads)
    assert [p.code for p in verify(store, against=root).problems] == ["EQ-G060"]
    seen = {chain: (head.seq, head.digest) for chain, head in heads.items()}
    body = to_body({"heads": seen, "root": root})
    store.append([draft(3, chain="control", stream="study", type="StudySealed", body=body)])
    assert verify(store, against=root).ok


@pytest.mark.requirement("C04")
def test_the_root_of_every_moment_is_recognised_and_no_other(draft):
    """After each entry, over all chains and over those that a site's copy holds."""
    draw, store = random.Random(5), MemoryStore("S1", "live")
    chains = ("control", "site-01", "site-02", "site-03")
    kept = []
    for n in range(40):
        store.append([draft(n, chain=draw.choice(chains))])
        heads = store.heads()
        kept.append(merkle_root(heads))
        kept += [
            merkle_root({c: heads[c] for c in ("control", site)})
            for site in chains[1:]
            if {"control", site} <= set(heads)
        ]
    assert all(verify(store, against=root).ok for root in (*kept, merkle_root({})))
    never = {**store.heads(), "control": next(iter(store.heads().values()))}
    for root in (merkle_root(never), kept[-1][:-1] + "g", "?"):
        assert [p.code for p in verify(store, against=root).problems] == ["EQ-G060"]


@pytest.mark.requirement("C04")
def test_swapped_rows_are_found(written):
    """Two entries in each other's place are out of order, contents or all."""
    path, _ = written
    tamper(
        path,
        "UPDATE ledger_entry SET position = 999 WHERE position = 5",
        "UPDATE ledger_entry SET position = 5 WHERE position = 7",
        "UPDATE ledger_entry SET position = 7 WHERE position = 999",
    )
    found = verify(path)
    assert (found.first_bad.code, found.first_bad.chain) == ("EQ-G002", "site/01")


def contents(path):
    store = open_store(path, read_only=True)
    try:
        return tuple(store.read())
    finally:
        store.close()


@pytest.mark.requirement("C04", "D29")
def test_flipped_bytes_are_found_or_harmless(written, tmp_path):
    """One bit flipped at 100 places within the entries: found, or every value is still right."""
    path, seal = written
    original, sound = path.read_bytes(), contents(path)
    page = 4096
    pages = {i // page for e in sound for i in [original.find(e.digest.encode())]}
    places = [p * page + i for p in sorted(pages) for i in range(page)]
    draw = random.Random(20260105)
    n_found = n_named = 0
    for k in range(100):
        damaged = bytearray(original)
        damaged[draw.choice(places)] ^= 1 << draw.randrange(8)
        copy = tmp_path / f"{k}.db"
        copy.write_bytes(damaged)
        found = verify(copy, against=seal)
        if found.ok:
            assert contents(copy) == sound
        else:
            n_found += 1
            n_named += names_the_first(found.first_bad, changed_rows(path, copy))
    assert n_found > 50
    assert n_named > 40


def changed_rows(path, copy):
    """Of each row that is not what it was, its place and which columns differ; None: unreadable."""
    columns = ", ".join(f"CAST({column} AS BLOB)" for column in COLUMNS)
    rows = []
    for file in (path, copy):
        connection = sqlite3.connect(file)
        try:
            rows.append(
                connection.execute(
                    f"SELECT position, {columns} FROM ledger_entry ORDER BY 1"
                ).fetchall()
            )
        except sqlite3.DatabaseError:
            return None
        finally:
            connection.close()
    if [row[0] for row in rows[0]] != [row[0] for row in rows[1]]:
        return None
    return [
        (
            (old[1].decode(), int(old[2])),
            {c for c, a, b in zip(COLUMNS, old[1:], new[1:], strict=True) if a != b},
        )
        for old, new in zip(*rows, strict=True)
        if old != new
    ]


def names_the_first(bad, changed):
    """Whether one could tell which entry is the first bad one; then verification names exactly it.

    Where its very name was hit, or the file's structure, it says that much.
    """
    if not changed or changed[0][1] & {"chain", "seq"}:
        assert bad.message
        return False
    assert (bad.chain, bad.seq) == changed[0][0]
    return True


@pytest.mark.requirement("C04", "D29")
def test_of_every_entry_a_flipped_byte_names_it(written, tmp_path):
    """Once in each entry, where it lies in the file."""
    path, _ = written
    original = path.read_bytes()
    for entry in contents(path):
        damaged = bytearray(original)
        damaged[original.index(entry.body_digest.encode())] ^= 1
        copy = tmp_path / "flipped.db"
        copy.write_bytes(damaged)
        bad = verify(copy).first_bad
        assert (bad.chain, bad.seq) == (entry.chain, entry.seq)


@pytest.mark.requirement("D29")
def test_arbitrary_damage_never_ends_in_a_traceback(written, tmp_path):
    """Runs of random bytes anywhere, header and structure included, and a file cut short."""
    path, seal = written
    original = path.read_bytes()
    draw = random.Random(7)
    for k in range(60):
        damaged = bytearray(original)
        start = draw.choice([draw.randrange(200), draw.randrange(len(damaged))])
        junk = draw.randbytes(draw.randrange(1, 300))
        damaged[start : start + len(junk)] = junk
        copy = tmp_path / f"{k}.db"
        copy.write_bytes(damaged[: draw.randrange(len(damaged))] if k % 4 == 0 else damaged)
        found = verify(copy, against=seal)
        if found.ok:
            assert contents(copy) == contents(path)


def test_no_file(tmp_path):
    """A missing file is a problem like others."""
    found = verify(tmp_path / "none.db")
    assert (found.ok, found.first_bad.code) == (False, "EQ-G012")


@pytest.mark.parametrize("error", [OverflowError("x"), sqlite3.DatabaseError("x")])
def test_a_failing_driver_is_named(written, monkeypatch, error):
    """Whatever the driver raises on a damaged page becomes a problem."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("equipoise.ledger.sqlite.check_triggers", fail)
    assert verify(written[0]).first_bad.code == "EQ-G008"
    monkeypatch.setattr("equipoise.ledger.keeping.verification.open_store", fail)
    assert verify(written[0]).first_bad.code == "EQ-G008"


def test_damage_in_the_middle_of_reading(written, monkeypatch):
    """What could be read is counted before the report ends."""
    path, _ = written
    shutil.copy(path, path.with_name("copy.db"))
    store = open_store(path, read_only=True)
    entries = list(store.read())

    def read():
        yield from entries[:3]
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(store, "read", read)
    found = verify(store)
    assert (found.entries, found.first_bad.code) == (3, "EQ-G008")
    store.close()

"""Backup and restore: nothing visible before it is checked; what is lost is told."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from equipoise.ledger import (
    Draft,
    Making,
    MemoryStore,
    import_archive,
    merkle_root,
    open_store,
    restore,
    verify,
    write_archive,
    write_backup,
)
from equipoise.ledger.sqlite_tables import TRIGGERS
from equipoise.problems import Refused


@pytest.fixture
def live(sealed, path):
    """The sealed ledger in a file."""
    store = open_store(path, study="S1", realm="live", create=True)
    store.restore(sealed.read())
    yield store
    store.close()


@pytest.fixture
def backup(live, tmp_path):
    write_backup(live, tmp_path / "backup.db")
    return tmp_path / "backup.db"


def contents(path):
    store = open_store(path, read_only=True)
    try:
        return list(store.read())
    finally:
        store.close()


def tamper(path, *statements):
    """What somebody with the file and SQLite can do; the guards stand again afterwards."""
    connection = sqlite3.connect(path, isolation_level=None)
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for trigger in TRIGGERS.values():
        connection.execute(trigger)
    connection.close()


def refused(act):
    with pytest.raises(Refused) as caught:
        act()
    return [p.code for p in caught.value.problems]


@pytest.mark.requirement("C53", "D18")
def test_a_backup_gives_the_same_ledger(live, backup, tmp_path):
    """Every entry, the same heads; one file with no journal beside it."""
    done = restore(backup, tmp_path / "new.db")
    assert done.ok
    assert (done.n_restored, done.found.seal) == (30, merkle_root(live.heads()))
    assert (done.safe, done.affected) == (live.heads(), {})
    assert contents(tmp_path / "new.db") == list(live.read())
    assert verify(tmp_path / "new.db").ok
    assert not list(tmp_path.glob("backup.db-*"))


@pytest.mark.requirement("C53")
def test_an_archive_is_a_backup_too(live, sealed, tmp_path):
    """Of a store that is no SQLite file the backup is the archive: the Store protocol is enough."""
    for name, store in (("memory", sealed), ("file", live)):
        path, new = tmp_path / f"{name}.zip", tmp_path / f"{name}.new.db"
        if store is sealed:
            assert write_backup(store, path).seal == merkle_root(store.heads())
        else:
            write_archive(store, path, making=Making())
        assert restore(path, new).n_restored == 30
        assert contents(new) == list(sealed.read())


@pytest.mark.requirement("C53")
def test_a_backup_holds_the_ledger_alone(live, tmp_path):
    """Accounts and sessions may lie in the same file; neither their tables nor a trace of them."""
    live.connection.execute('CREATE TABLE "auth ""user" (password TEXT)')
    live.connection.execute('INSERT INTO "auth ""user" VALUES (?)', ("pbkdf2_sha256$secret",))
    live.connection.execute('CREATE VIEW people AS SELECT password FROM "auth ""user"')
    path = tmp_path / "b.db"
    write_backup(live, path)
    assert b"secret" not in path.read_bytes()
    assert b"auth" not in path.read_bytes()
    assert contents(path) == list(live.read())


def test_a_backup_never_overwrites(live, backup, tmp_path):
    """EQ-X002 where the file exists, EQ-X003 where none can be made; nothing half stands there."""
    assert refused(lambda: write_backup(live, backup)) == ["EQ-X002"]
    assert refused(lambda: write_backup(live, tmp_path / "no" / "b.db")) == ["EQ-X003"]
    assert refused(lambda: restore(backup, backup)) == ["EQ-X002"]
    assert refused(lambda: import_archive(backup, backup)) == ["EQ-X002"]


@pytest.mark.requirement("C04")
def test_a_damaged_ledger_gives_no_backup(live, path, tmp_path):
    """The copy is checked before it gets its name."""
    tamper(path, "UPDATE ledger_entry SET by = 'bob' WHERE chain = 'site-01' AND seq = 4")
    assert refused(lambda: write_backup(live, tmp_path / "b.db"))[0] == "EQ-G004"
    assert not list(tmp_path.glob("*b.db"))


@pytest.mark.requirement("C53", "C54")
@pytest.mark.parametrize(
    ("change", "code", "bad", "safe", "affected"),
    [
        ("UPDATE ledger_entry SET by = 'bob' WHERE {}", "EQ-G004", 10, 9, {"01-001", "01-002"}),
        ("UPDATE ledger_entry SET body = x'7b7d' WHERE {}", "EQ-G005", 10, 9, {"01-001", "01-002"}),
        ("UPDATE ledger_entry SET at = 'then' WHERE {}", "EQ-G007", 10, 9, {"01-002"}),
        ("DELETE FROM ledger_entry WHERE {}", "EQ-G002", 11, 9, {"01-001", "01-002"}),
        ("UPDATE ledger_entry SET prev = salt || salt WHERE {}", "EQ-G003", 10, 8, set()),
    ],
)
def test_damage_is_told_with_whom_it_concerns(
    live, backup, tmp_path, *, change, code, bad, safe, affected
):
    """The last safe entry of each chain, the first bad one, and who has entries from there on."""
    tamper(backup, change.format("chain = 'site-01' AND seq = 10"))
    done = restore(backup, tmp_path / "new.db")
    assert (done.ok, done.n_restored) == (False, 0)
    assert not (tmp_path / "new.db").exists()
    assert (done.found.first_bad.chain, done.found.first_bad.seq) == ("site-01", bad)
    assert done.found.first_bad.code == code
    assert {c: h.seq for c, h in done.safe.items()} == {
        "control": 2,
        "site-01": safe,
        "site-02": 14,
    }
    named = {s for streams in done.affected.values() for s in streams}
    later = {e.stream for e in live.read(chain="site-01", after=safe)}
    assert affected <= named
    assert named == later


@pytest.mark.requirement("C54")
def test_what_is_safe_can_be_restored(live, backup, tmp_path):
    """Only when asked for: each chain up to its last safe entry; the rest of it stays away."""
    tamper(backup, "UPDATE ledger_entry SET by = 'bob' WHERE chain = 'site-01' AND seq = 10")
    told = []
    done = restore(
        backup, tmp_path / "new.db", up_to_damage=True, finish=lambda _, ok: told.append(ok)
    )
    assert told == [False]
    expected = [e for e in live.read() if e.chain != "site-01" or e.seq < 10]
    assert (done.ok, done.n_restored) == (False, len(expected))
    assert contents(tmp_path / "new.db") == expected
    assert verify(tmp_path / "new.db").ok


@pytest.mark.requirement("C54")
def test_an_entry_that_was_replaced_whole_is_not_safe(live, sealed, draft, tmp_path):
    """One whose successor does not point to it may be the false one itself: it stays away too."""
    path = tmp_path / "forged.zip"
    entries = list(sealed.read())
    place = next(i for i, e in enumerate(entries) if (e.chain, e.seq) == ("site-01", 1))
    other = MemoryStore("S1", "live")
    other.append([draft(2, chain="site-01", stream=entries[place].stream, by="bob")])
    sealed._entries[place] = next(iter(other.read()))
    write_archive(sealed, path, making=Making())
    done = restore(path, tmp_path / "new.db", up_to_damage=True)
    assert (done.found.first_bad.code, done.found.first_bad.seq) == ("EQ-G003", 2)
    assert "site-01" not in done.safe
    assert {e.chain for e in contents(tmp_path / "new.db")} == {"control", "site-02"}
    assert set(done.affected["site-01"]) == {"01-000", "01-001", "01-002"}


@pytest.mark.requirement("C54", "D29")
def test_a_page_that_is_gone_is_told_by_the_index(live, backup, tmp_path):
    """Entries that cannot be read at all: the index of streams still tells whom they are of."""
    content = bytearray(backup.read_bytes())
    last = [e for e in live.read() if e.chain == "site-02"][-1]
    page = content.index(last.digest.encode()) // 4096
    content[page * 4096 : (page + 1) * 4096] = bytes(4096)
    backup.write_bytes(content)
    done = restore(backup, tmp_path / "new.db")
    assert not done.ok
    assert done.found.first_bad.code == "EQ-G008"
    lost = {e.stream for e in list(live.read())[done.found.entries :]}
    assert lost <= set(done.affected[""])


def test_a_backup_without_its_index_tells_what_it_can(live, backup, tmp_path):
    """Streams that cannot be listed are not; the damage is told all the same."""
    connection = sqlite3.connect(backup)
    name = "sqlite_autoindex_ledger_entry_2"
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    (page,) = connection.execute(query, (name,)).fetchone()
    connection.close()
    content = bytearray(backup.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    backup.write_bytes(content)
    done = restore(backup, tmp_path / "new.db")
    assert (done.ok, done.affected) == (False, {})


@pytest.mark.parametrize("name", ["none.db", "notes.db", "cut.zip"])
def test_what_is_no_backup_is_told(tmp_path, name):
    """No file, a text, the beginning of an archive: a report with nothing in it, and no store."""
    if name != "none.db":
        (tmp_path / name).write_bytes(b"PK\x03\x04" if name == "cut.zip" else b"not a database")
    done = restore(tmp_path / name, tmp_path / "new.db", up_to_damage=True)
    assert (done.ok, done.n_restored, done.safe) == (False, 0, {})
    assert done.found.first_bad.code in ("EQ-G008", "EQ-G012", "EQ-G031")
    assert not (tmp_path / "new.db").exists()


def test_a_failing_driver_is_told(backup, tmp_path, monkeypatch):
    """Whatever the driver raises on a damaged header becomes a problem."""

    def fail(*_, **__):
        raise OverflowError("x")

    monkeypatch.setattr("equipoise.ledger.keeping.restoring.open_store", fail)
    assert restore(backup, tmp_path / "new.db").found.first_bad.code == "EQ-G008"


def test_a_source_that_changes_meanwhile_is_refused(backup, tmp_path, monkeypatch):
    """Between the check and the filling nothing may change: EQ-G031, and no store."""
    from equipoise.ledger.keeping import restoring

    monkeypatch.setattr(restoring, "_safe_entries", lambda *_: iter(()))
    assert refused(lambda: restore(backup, tmp_path / "new.db")) == ["EQ-G031"]
    assert not (tmp_path / "new.db").exists()


def test_a_site_copy_is_no_backup(sealed, tmp_path):
    """EQ-G034: no trial goes on from one site's copy."""
    making = Making(site="01", chains=("site-01", "control"))
    write_archive(sealed, tmp_path / "site.zip", making=making)
    assert refused(lambda: restore(tmp_path / "site.zip", tmp_path / "new.db")) == ["EQ-G034"]
    write_archive(sealed, tmp_path / "trial.zip", making=Making())
    told = []
    for name in ("site", "trial"):
        source, new = tmp_path / f"{name}.zip", tmp_path / f"{name}.db"
        import_archive(source, new, finish=lambda _, is_whole: told.append(is_whole))
    assert told == [False, True], "what is read from a site's copy is never proven whole"


def test_a_vault_is_not_backed_up_as_a_ledger(tmp_path):
    """EQ-G035: its list would be left out."""
    path = tmp_path / "vault.db"
    store = open_store(path, study="S1", realm="live", create=True)
    at = next(iter(_one().read())).at
    store.append(
        [Draft(chain="vault", stream="list", version=1, type="T", at=at, by="a", role="r")]
    )
    assert refused(lambda: write_backup(store, tmp_path / "b.db")) == ["EQ-G035"]
    store.close()
    assert refused(lambda: restore(path, tmp_path / "new.db")) == ["EQ-G035"]


def _one():
    from datetime import UTC, datetime

    store = MemoryStore("S1", "live")
    at = datetime(2026, 1, 5, tzinfo=UTC)
    store.append([Draft(chain="c", stream="s", version=1, type="T", at=at, by="a", role="r")])
    return store


def test_the_new_store_is_finished_before_it_is_seen(backup, tmp_path, draft):
    """What `finish` records is there from the start; if it fails, nothing is."""
    new = tmp_path / "new.db"

    def note(store, is_sound):
        assert is_sound
        assert not new.exists()
        store.append([draft(99, chain="control", stream="study")])

    restore(backup, new, finish=note)
    assert len(contents(new)) == 31

    def fail(_, __):
        raise KeyError

    with pytest.raises(KeyError):
        restore(backup, tmp_path / "other.db", finish=fail)
    assert not list(tmp_path.glob("*other*"))


@pytest.mark.requirement("C11")
def test_a_ledger_with_a_redacted_body_is_restored(sealed, take_out, tmp_path):
    """A body that was taken out is told, and everything after it is safe."""
    take_out(4)
    write_archive(sealed, tmp_path / "a.zip", making=Making())
    done = restore(tmp_path / "a.zip", tmp_path / "new.db")
    assert done.n_restored == 31
    assert [p.code for p in done.found.problems] == ["EQ-G006"]


@pytest.mark.requirement("C12", "D08")
def test_a_clock_that_was_set_back_is_told(draft):
    """More than a minute earlier than one recorded before: EQ-G030, a warning; the order stands."""
    store = MemoryStore("S1", "live")
    start = draft(1).at
    for n, minutes in enumerate((0, 5, 4, 64, 3, 4), 1):
        store.append([draft(n, at=start + timedelta(minutes=minutes))])
    found = verify(store)
    assert found.ok
    assert [(p.code, p.where.record) for p in found.problems] == [("EQ-G030", "site/01 / 5")]
    assert "3660 s" in found.problems[0].message


def jumps(draft, *seconds, now=None):
    """What is told of entries at so many seconds after the first, each in a chain of its own."""
    store = MemoryStore("S1", "live")
    start = draft(1).at
    for n, after in enumerate((0, *seconds)):
        at = start + timedelta(seconds=after)
        store.append([draft(1, chain=f"site/{n % 3}", stream=str(n), at=at)])
    found = verify(store, now=None if now is None else start + timedelta(seconds=now))
    assert found.ok
    return [(p.code, p.values["seconds"]) for p in found.problems]


@pytest.mark.requirement("C12", "D08")
def test_a_clock_is_held_against_all_that_was_recorded(draft):
    """Of whatever chain, not the last one alone: a clock that creeps is told, and 59 s are not."""
    assert jumps(draft, -59) == []
    assert jumps(draft, -61) == [("EQ-G030", 61)]
    assert jumps(draft, *(-59 * n for n in range(1, 20))) == [("EQ-G030", 118)] * 9
    assert jumps(draft, -5 * 3600) == [("EQ-G030", 5 * 3600)]
    assert jumps(draft, -5 * 3600, -5 * 3600 + 1) == [("EQ-G030", 5 * 3600)]  # told once
    assert jumps(draft, -5 * 3600, 1, -5 * 3600) == [("EQ-G030", 18000), ("EQ-G030", 18001)]


@pytest.mark.requirement("C12", "D08")
def test_a_clock_is_held_against_the_one_that_verifies(draft):
    """What bears a time to come is told, the first of a run; 59 s are not, nor without a clock."""
    ten_years = 10 * 365 * 86400
    assert jumps(draft, 59, now=0) == []
    assert jumps(draft, 61, now=0) == [("EQ-G064", 61)]
    assert jumps(draft, ten_years, ten_years + 5, now=9) == [("EQ-G064", ten_years - 9)]
    assert jumps(draft, ten_years) == []
    rehearsal = MemoryStore("S1", "rehearsal")  # whose days are those of its scenario
    rehearsal.append([draft(1)])
    assert verify(rehearsal, now=draft(1).at - timedelta(days=900)).problems == ()


@pytest.mark.requirement("C12", "D08")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z"),
        ("2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"),
        ("2026-10-25T02:59:59+02:00", "2026-10-25T02:00:00+01:00"),
        ("2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
        ("2038-01-19T03:14:07Z", "2038-01-19T03:14:08Z"),
        ("2106-02-07T06:28:15Z", "2106-02-07T06:28:16Z"),
    ],
)
def test_no_day_of_the_calendar_is_a_jump(path, draft, before, after):
    """29 February, New Year, summer time there and back, the ends of 32 bits: a second each."""
    from datetime import datetime

    store = open_store(path, study="S1", realm="live", create=True)
    for n, text in enumerate((before, after), 1):
        store.append([draft(n, at=datetime.fromisoformat(text))])
    assert verify(store).problems == ()
    one, two = store.read()
    assert timedelta(0) < two.at - one.at <= timedelta(seconds=1)
    store.close()


def test_a_copied_file_is_a_backup(live, path, tmp_path):
    """A file that somebody copied with its journal, after the store was closed, restores too."""
    live.close()
    shutil.copy(path, tmp_path / "copy.db")
    assert restore(tmp_path / "copy.db", tmp_path / "new.db").n_restored == 30


@pytest.mark.requirement("C51", "C53")
def test_a_backup_goes_into_an_empty_database(live, backup, tmp_path, postgres_server):
    """And from there to a file again: the same heads; into one that has entries nothing goes."""
    place = postgres_server.create(study="S1", realm="live").app
    done = restore(backup, place)
    with closing(open_store(place)) as store:
        assert store.heads() == live.heads() == done.safe
        write_backup(store, tmp_path / "back.zip")
    restore(tmp_path / "back.zip", tmp_path / "again.db")
    assert contents(tmp_path / "again.db") == contents(live_path(live))
    assert refused(lambda: restore(backup, place)) == ["EQ-G025"]


def live_path(store):
    return Path(store.connection.execute("PRAGMA database_list").fetchone()[2])

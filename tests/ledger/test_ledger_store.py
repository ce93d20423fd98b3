import fcntl
import sqlite3
import threading
from contextlib import closing, nullcontext

import pytest

from equipoise.ledger import MemoryStore, SqliteStore, Store, open_store, verify
from equipoise.ledger.postgres import PostgresStore
from equipoise.ledger.sqlite import create_tables, lock_beside
from equipoise.ledger.sqlite_tables import TRIGGERS
from equipoise.ledger.store import find_entry
from tests.refusing import refusal


def test_what_is_appended_is_read_back(store: Store, draft):
    """Entries come back as they were recorded, byte for byte, in order."""
    made = store.append([draft(1), draft(1, chain="control", stream="people"), draft(2)])
    made += store.append([draft(3, reason="typo")])
    assert tuple(store.read()) == made
    assert [(e.chain, e.seq) for e in made] == [
        ("site/01", 1), ("control", 1), ("site/01", 2), ("site/01", 3),
    ]  # fmt: skip
    assert made[0].body == draft(1).body
    assert (store.study, store.realm) == ("S1", "rehearsal")


def test_reading_a_part(store: Store, draft):
    """By chain, by stream, after a number, and all of these together."""
    for n in range(1, 4):
        store.append([draft(n), draft(n, chain="control", stream="people")])

    def seen(**which):
        return [(e.chain, e.seq) for e in store.read(**which)]

    assert seen(chain="control") == [("control", 1), ("control", 2), ("control", 3)]
    assert seen(chain="site/01", after=2) == [("site/01", 3)]
    assert seen(stream="people", after=1) == [("control", 2), ("control", 3)]
    assert seen(chain="site/01", stream="people") == []
    assert seen(after=2) == [("site/01", 3), ("control", 3)]


def test_reading_stops_where_it_started(store: Store, draft):
    """Who records while reading does not chase their own tail."""
    store.append([draft(1)])
    for n, _ in enumerate(store.read(), start=2):
        store.append([draft(n)])
    assert store.heads()["site/01"].seq == 2


def test_heads(store: Store, draft):
    """Each chain's last entry; none in an empty store."""
    assert store.heads() == {}
    *_, last, control = store.append([draft(1), draft(2), draft(1, chain="control", stream="x")])
    heads = {chain: (h.seq, h.digest) for chain, h in store.heads().items()}
    assert heads == {"site/01": (2, last.digest), "control": (1, control.digest)}


def test_the_slower_of_two_is_refused(store: Store, draft):
    """A version of a stream is recorded once, whatever the chain; all drafts fall together."""
    store.append([draft(1)])
    before = store.heads()
    assert refusal(lambda: store.append([draft(2), draft(1, chain="site/02")])) == ["EQ-G001"]
    assert store.heads() == before
    store.append([draft(2)])
    assert verify(store).ok


def test_nothing_to_append(store: Store):
    """An empty act records nothing and is no error."""
    assert store.append([]) == ()


def test_a_transaction_is_all_or_nothing(store: Store, draft):
    """An exception within takes back what was appended; a refused part alone does not."""
    store.append([draft(1)])
    with pytest.raises(KeyError), store.transaction():
        store.append([draft(2)])
        raise KeyError
    with store.transaction():
        store.append([draft(2)])
        assert refusal(lambda: store.append([draft(3), draft(1)])) == ["EQ-G001"]
        store.append([draft(3)])
    assert [e.version for e in store.read()] == [1, 2, 3]
    assert verify(store).ok


def test_a_batch_is_for_rehearsals(store: Store, draft):
    """Many acts, one commit."""
    with store.batch():
        for n in range(1, 50):
            store.append([draft(n)])
    assert verify(store).entries == 49


def test_no_batch_in_a_live_trial(live):
    """A live trial commits each act before the next."""
    with open_and_close(live) as opened:
        for store in (MemoryStore("S1", "live"), opened):
            assert refusal(lambda s=store: s.batch().__enter__()) == ["EQ-G011"]


class open_and_close:  # noqa: N801 - reads as a verb
    def __init__(self, path, **how):
        self.store = open_store(path, **how)

    def __enter__(self) -> SqliteStore:
        return self.store

    def __exit__(self, *_):
        self.store.close()


def test_salts_can_be_given(draft):
    """With the same salts a rehearsal gives the same digests again."""
    one, other = (MemoryStore("S1", "rehearsal", draw_bytes=bytes) for _ in range(2))
    assert one.append([draft(1)]) == other.append([draft(1)])
    assert MemoryStore("S1", "rehearsal").append([draft(1)]) != one.append([draft(2)])


def test_a_text_that_is_none_is_refused(store: Store, draft):
    """What one kind of store could not keep, none records."""
    for odd in ("a\0b", "half \ud83d"):
        assert refusal(lambda odd=odd: store.append([draft(1, reason=odd)])) == ["EQ-G026"]
    assert store.heads() == {}


def test_an_act_that_holds_some_chains_writes_to_these_alone(store: Store, draft):
    """Else two of them could wait for each other for ever."""
    with store.transaction({"site/01"}):
        store.append([draft(1)])
        with store.transaction({"site/01"}):
            store.append([draft(2)])
        with pytest.raises(ValueError, match="these alone"):
            store.append([draft(3, chain="site/02")])
        with pytest.raises(ValueError, match="these alone"):
            store.transaction().__enter__()
    with store.transaction(), store.transaction({"site/01", "site/02"}):
        store.append([draft(3), draft(4, chain="site/02")])
    assert verify(store).entries == 4


def test_reading_an_older_state(store: Store, draft):
    """Up to the heads of then: later entries and later chains are not there."""
    store.append([draft(n) for n in range(1, 4)])
    store.append([draft(1, chain="control", stream="people")])
    then = store.heads()
    store.append([draft(4), draft(2, chain="control", stream="people")])
    store.append([draft(1, chain="site/02", stream="other")])

    def seen(**which):
        return [(e.chain, e.seq) for e in store.read(**which)]

    assert seen(until=then) == [("site/01", 1), ("site/01", 2), ("site/01", 3), ("control", 1)]
    assert seen(until={}) == []
    assert seen(until={"site/02": store.heads()["site/02"], "site/09": then["control"]}) == [
        ("site/02", 1)
    ]
    assert seen(chain="site/01", after=1, until=then) == [("site/01", 2), ("site/01", 3)]
    assert seen(chain="site/02", until=then) == []
    assert seen(stream="people", until=then) == [("control", 1)]
    now = store.heads()
    store.append([draft(5)])
    assert seen(until=now) == seen()[:-1]
    beyond = {"site/01": type(now["site/01"])(99, "")}
    assert len(seen(until=beyond)) == 5


# Where it is kept


def test_a_store_is_found_again(live, draft):
    """Closed and opened, by its place alone or with its own names."""
    with open_and_close(live) as store:
        made = store.append([draft(1)])
    for how in ({}, {"study": "S1", "realm": "live"}, {"read_only": True}, {"create": True}):
        with open_and_close(live, **how) as again:
            assert tuple(again.read()) == made
            assert (again.study, again.realm) == ("S1", "live")


@pytest.mark.requirement("F35")
def test_another_study_or_realm_is_refused(live):
    """A rehearsal never opens a live store, nor a study another's."""
    assert refusal(lambda: open_store(live, realm="rehearsal")) == ["EQ-G010"]
    assert refusal(lambda: open_store(live, study="S2", realm="rehearsal", create=True)) == [
        "EQ-G009", "EQ-G010",
    ]  # fmt: skip


def test_no_store_there(path):
    """Nothing is created unless asked for."""
    for how in ({}, {"create": True}, {"create": True, "study": "S1"}):
        assert refusal(lambda how=how: open_store(path, **how)) == ["EQ-G012"]
    assert not path.exists()


def test_not_a_ledger(path):
    """Another file, and another database, are named as such."""
    path.write_bytes(b"no database" * 500)
    assert refusal(lambda: open_store(path)) == ["EQ-G008"]
    assert refusal(lambda: open_store(path, read_only=True)) == ["EQ-G008"]
    assert verify(path).first_bad.code == "EQ-G008"
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE ledger_meta (study, realm, schema_version)")
    other.close()
    assert refusal(lambda: open_store(path)) == ["EQ-G008"]


def test_a_newer_layout_is_refused(path):
    """A file of another version of the program is not touched."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE ledger_meta (study, realm, schema_version)")
        other.execute("INSERT INTO ledger_meta VALUES ('S1', 'live', 99)")
    other.close()
    assert refusal(lambda: open_store(path)) == ["EQ-G013"]


def test_reading_only_cannot_write(live, draft):
    """A verifier's connection records nothing."""
    with open_and_close(live, read_only=True) as store:
        assert refusal(lambda: store.append([draft(1)])) == ["EQ-G017"]


def test_an_archive_on_a_read_only_disk_can_be_read(path, draft, monkeypatch):
    """Where SQLite cannot make its side files, a file at rest is read as it lies."""
    with open_and_close(path, study="S1", realm="live", create=True) as store:
        store.append([draft(1)])
    monkeypatch.setattr("equipoise.ledger.sqlite.os.access", lambda *_: False)
    assert verify(path).entries == 1


@pytest.mark.requirement("C04")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET reason = 'x'",
        "UPDATE OR REPLACE ledger_entry SET seq = 1 WHERE seq = 2",
        "DELETE FROM ledger_entry",
        "INSERT OR REPLACE INTO ledger_entry SELECT * FROM ledger_entry WHERE seq = 1",
        "INSERT OR REPLACE INTO ledger_entry SELECT NULL, chain, 3, study, stream, version, type, "
        "at, by, role, reason, body, salt, body_digest, prev, digest FROM ledger_entry "
        "WHERE seq = 1",
        "INSERT INTO ledger_entry SELECT NULL, chain, 9, study, stream, 9, type, at, by, role, "
        "reason, body, salt, body_digest, prev, digest FROM ledger_entry WHERE seq = 1",
        "UPDATE ledger_meta SET realm = 'live'",
        "DELETE FROM ledger_meta",
        "INSERT OR REPLACE INTO ledger_meta VALUES ('S2', 'live', 1)",
    ],
)
def test_the_file_itself_refuses_changes(sqlite, draft, statement):
    """Nobody with a connection alters or removes what is recorded, not even by replacing."""
    made = sqlite.append([draft(1), draft(2)])
    with pytest.raises(sqlite3.IntegrityError):
        sqlite.connection.execute(statement)
    assert tuple(sqlite.read()) == made
    assert verify(sqlite).ok


@pytest.mark.requirement("C05")
@pytest.mark.parametrize("name", TRIGGERS)
def test_a_missing_guard_is_reported(sqlite, path, draft, name):
    """Who drops a trigger leaves a trace even if nothing else was changed."""
    sqlite.append([draft(1)])
    sqlite.connection.execute(f"DROP TRIGGER {name}")
    found = verify(path)
    assert [(p.code, p.where.record) for p in found.problems] == [("EQ-G018", name)]
    assert not found.ok
    assert found.first_bad.seq == 0


SWALLOWING = "CREATE TRIGGER nice BEFORE INSERT ON Ledger_Entry BEGIN SELECT RAISE(IGNORE); END"


@pytest.mark.requirement("C05")
def test_what_a_foreign_trigger_swallows_is_not_acknowledged(sqlite, draft):
    """EQ-G017, of an entry and of a whole ledger that is moved: on return, what is told is kept."""
    sqlite.connection.execute(SWALLOWING)
    other = MemoryStore("S1", "rehearsal")
    other.append([draft(1)])
    assert refusal(lambda: sqlite.append([draft(1)])) == ["EQ-G017"]
    assert refusal(lambda: sqlite.restore(other.read())) == ["EQ-G017"]
    assert list(sqlite.read()) == []


@pytest.mark.requirement("C05")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_meta"])
def test_a_trigger_that_is_not_the_programs_is_reported(sqlite, path, draft, table):
    """EQ-G061 names it and its table; one on another table is nobody's business."""
    sqlite.append([draft(1)])
    sqlite.connection.execute("CREATE TABLE read_table (n)")
    for name, on in (("mine", "read_table"), ("nice", table)):
        line = f"CREATE TRIGGER {name} AFTER INSERT ON {on} BEGIN SELECT 1; END"
        sqlite.connection.execute(line)
    found = verify(path)
    assert [(p.code, p.where.record, p.values["name"]) for p in found.problems] == [
        ("EQ-G061", table, "nice")
    ]
    assert not found.ok


@pytest.mark.requirement("D09")
def test_writers_queue_at_the_lock_file(sqlite, path, draft):
    """Whoever holds it is next; the others wait there and not at SQLite, which starves some."""
    is_open, may_write, done = threading.Event(), threading.Event(), threading.Event()

    def write():
        with closing(open_store(path)) as store:  # which queues too
            is_open.set()
            may_write.wait(30)
            store.append([draft(1)])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert is_open.wait(30)
    with lock_beside(path).open("r+") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        may_write.set()
        assert not done.wait(0.5)
        assert list(sqlite.read()) == []
    writer.join(30)
    assert [entry.version for entry in sqlite.read()] == [1]


def test_heads_are_those_of_one_moment(sqlite, draft):
    """One statement: between two of them somebody else could record in several chains."""
    sqlite.append([draft(1), draft(1, chain="control", stream="study"), draft(2)])
    asked = []
    sqlite.connection.set_trace_callback(asked.append)
    heads = sqlite.heads()
    sqlite.connection.set_trace_callback(None)
    assert {chain: head.seq for chain, head in heads.items()} == {"control": 1, "site/01": 2}
    assert len(asked) == 1


def test_a_foreign_transaction_is_joined(sqlite, draft):
    """Entries and the caller's tables commit together, or roll back together."""
    connection = sqlite.connection
    connection.execute("CREATE TABLE read_table (n)")
    for ending in ("ROLLBACK", "COMMIT"):
        connection.execute("BEGIN IMMEDIATE")
        sqlite.append([draft(1)])
        connection.execute("INSERT INTO read_table VALUES (1)")
        connection.execute(ending)
    assert verify(sqlite).entries == 1
    assert connection.execute("SELECT count(*) FROM read_table").fetchone() == (1,)


def test_a_store_without_lock_file(draft):
    """A database in memory needs no queue."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection, study="S1", realm="rehearsal")
    store = SqliteStore(connection)
    store.append([draft(1)])
    assert verify(store).ok
    connection.close()


@pytest.mark.requirement("D04")
def test_a_full_disk_is_a_refusal(sqlite, draft):
    """Nothing half written; when there is room again, recording goes on."""
    pages = sqlite.connection.execute("PRAGMA page_count").fetchone()[0]
    sqlite.connection.execute(f"PRAGMA max_page_count = {pages}")
    big = b'"' + b"x" * 100_000 + b'"'
    assert refusal(lambda: sqlite.append([draft(1), draft(2, body=big)])) == ["EQ-G017"]

    def within():
        with sqlite.transaction():
            sqlite.append([draft(1), draft(2, body=big)])

    assert refusal(within) == ["EQ-G017"]
    sqlite.connection.execute("PRAGMA max_page_count = 100000")
    sqlite.append([draft(1), draft(2, body=big)])
    assert verify(sqlite).entries == 2


@pytest.mark.requirement("D05")
def test_a_lock_file_that_cannot_be_opened_is_a_refusal(sqlite, path, draft):
    """Nothing is recorded without a place in the queue."""
    lock = path.with_name(path.name + ".lock")
    lock.unlink()
    lock.mkdir()
    assert refusal(lambda: sqlite.append([draft(1)])) == ["EQ-G017"]
    lock.rmdir()
    sqlite.append([draft(1)])
    assert verify(sqlite).entries == 1


@pytest.mark.requirement("F02")
def test_threads_append_side_by_side(path, request, store: Store, draft):
    """Eight threads, each with its own connection, or sharing one store in memory."""
    is_postgres = isinstance(store, PostgresStore)
    at = request.getfixturevalue("place").app if is_postgres else path

    def work(k: int) -> None:
        own = store if isinstance(store, MemoryStore) else open_store(at)
        for n in range(10):
            own.append([draft(n, stream=f"participant/{k}", chain=f"site/{k % 3}")])
        if own is not store:
            own.close()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    found = verify(store)
    assert (found.ok, found.entries) == (True, 80)


def test_a_failed_connection_is_closed(tmp_path):
    """A folder in the place of the file is a refusal, not a leak; so is a folder that is not there.
    Neither is damage."""
    (tmp_path / "dir").mkdir()
    assert refusal(lambda: open_store(tmp_path / "dir")) == ["EQ-G012"]
    new = {"create": True, "study": "S", "realm": "live"}
    for place in ("dir", "absent/trial.db"):
        assert refusal(lambda place=place: open_store(tmp_path / place, **new)) == ["EQ-G017"]


def test_sqlite_may_roll_back_by_itself(sqlite, draft):
    """On some errors SQLite ends the transaction; the cause is what the caller sees."""

    for outer in (nullcontext(), sqlite.transaction()):
        with pytest.raises(KeyError), outer, sqlite.transaction():
            sqlite.connection.execute("ROLLBACK")
            raise KeyError
    sqlite.append([draft(1)])
    assert verify(sqlite).entries == 1


def test_no_entry_has_a_number_that_no_store_counts_to(store):
    """Such a number is in an address that somebody typed."""
    for seq in (0, -1, 2**63, 10**25):
        assert find_entry(store, "control", seq) is None

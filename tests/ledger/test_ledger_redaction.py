"""A body can be taken out by an order that stands on record; by nothing else, and without trace."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest

from equipoise.ledger import (
    MemoryStore,
    SqliteStore,
    Store,
    merkle_root,
    open_store,
    to_body,
    verify,
)
from equipoise.ledger.sqlite_tables import STRICTER, TRIGGERS
from tests.refusing import refusal

from .conftest import START

SECRET = b"Name of a person"
ORDER = ("control", 1)


@pytest.fixture
def order(draft):
    """Makes an order: `order(body)` is a draft of the control chain."""

    def make(version=1, **body):
        wanted = {"chain": "site/01", "seq": 2, "why": "a name in a free text"} | body
        place = {
            "chain": "control",
            "stream": "study",
            "at": START + timedelta(minutes=3 + version),
        }
        return draft(version, type="BodyRedacted", body=to_body(wanted), **place)

    return make


@pytest.fixture
def filled(store: Store, draft):
    """A store whose second entry should not have been written."""
    store.append([draft(1), draft(2, body=to_body({"text": SECRET.decode()})), draft(3)])
    return store


@pytest.mark.requirement("C11")
def test_what_is_ordered_is_taken_out(filled: Store, order):
    """The entry keeps its place, its digests and its seal; verification names who ordered it."""
    before, seal = list(filled.read()), merkle_root(filled.heads())
    filled.append([order()])
    filled.redact("site/01", 2, because=ORDER)
    after = list(filled.read())
    assert (after[1].body, after[1].salt, after[1].digest) == (None, "", before[1].digest)
    assert [after[0], *after[2:3]] == [before[0], before[2]]
    found = verify(filled, against=seal)
    assert (found.ok, [(p.code, p.values["because"]) for p in found.problems]) == (
        True, [("EQ-G006", "control:1")],
    )  # fmt: skip
    filled.redact("site/01", 2, because=ORDER)
    assert list(filled.read()) == after


def test_without_an_order_for_exactly_that_entry_nothing_is_taken_out(filled: Store, order, draft):
    """No order, one for another entry, one in another chain, none at all; and no order itself."""
    before = list(filled.read())
    filled.append([order(seq=3), order(2, chain="control", seq=1)])
    wrong = draft(9, type="BodyRedacted", body=to_body({"chain": "site/01", "seq": 2}))
    filled.append([wrong])
    for chain, seq, because in (
        ("site/01", 2, ("control", 1)),
        ("site/01", 2, ("control", 9)),
        ("site/01", 2, ("site/01", 4)),
        ("site/01", 9, ("control", 1)),
        ("control", 1, ("control", 2)),
    ):
        act = lambda c=chain, s=seq, b=because: filled.redact(c, s, because=b)  # noqa: E731
        assert refusal(act) == ["EQ-G023"]
    assert list(filled.read())[:3] == before
    assert verify(filled).problems == ()


def test_a_redaction_belongs_to_its_act(filled: Store, order):
    """Order and redaction commit together, or neither happened."""
    before = list(filled.read())
    with pytest.raises(KeyError), filled.transaction():
        filled.append([order()])
        filled.redact("site/01", 2, because=ORDER)
        raise KeyError
    assert list(filled.read()) == before
    with filled.transaction():
        filled.append([order()])
        filled.redact("site/01", 2, because=ORDER)
    assert [p.code for p in verify(filled).problems] == ["EQ-G006"]


UPDATES = (
    ("UPDATE ledger_entry SET body = NULL, salt = '' WHERE chain = 'site/01' AND seq = 3", 1),
    ("UPDATE ledger_entry SET body = NULL WHERE chain = 'site/01' AND seq = 2", 1),
    ("UPDATE ledger_entry SET salt = '' WHERE chain = 'site/01' AND seq = 2", 1),
    ("UPDATE ledger_entry SET body = NULL, salt = '', reason = 'x' WHERE seq = 2", 1),
    ("UPDATE ledger_entry SET body = NULL, salt = '' WHERE chain = 'control'", 1),
    ("UPDATE ledger_entry SET body = NULL, salt = '' WHERE chain = 'site/01' AND seq = 2", 0),
)


@pytest.mark.parametrize(("statement", "is_refused"), UPDATES)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_table_itself_lets_only_the_ordered_change_pass(
    request, draft, *, order, kind, statement, is_refused
):
    """Whoever asks, as owner too, and with odd orders among the others."""
    store = request.getfixturevalue(kind)
    store.append([draft(1), draft(2), draft(3)])
    odd = [
        order(1, chain=7), order(2, seq="2"), order(3, seq=2.5), order(4, chain="control", seq=5),
        draft(5, chain="control", stream="study", type="BodyRedacted", body=b"no JSON"),
        draft(6, chain="control", stream="study", type="BodyRedacted", body=b"\xff"),
        draft(7, chain="control", stream="study", type="BodyRedacted", body=b"[]"),
        draft(8, chain="control", stream="study", type="Noted", body=order(seq=3).body),
    ]  # fmt: skip
    store.append(odd)
    errors = (sqlite3.IntegrityError, psycopg.IntegrityError)
    ordered = UPDATES[-1][0]
    for is_ordered in (False, True):
        if is_ordered:
            store.append([order(9)])
        with closing(owned(request, kind)) as connection:
            if is_refused or not is_ordered:
                with pytest.raises(errors):
                    connection.execute(statement)
            else:
                connection.execute(ordered)
    assert [e.body is None for e in store.read(chain="site/01")] == [False, not is_refused, False]


def owned(request, kind):
    if kind == "sqlite":
        return sqlite3.connect(request.getfixturevalue("path"), isolation_level=None)
    return psycopg.connect(request.getfixturevalue("place").owner, autocommit=True)


def test_a_body_that_went_without_an_order_is_damage(path, draft):
    """With the guard off it can be done; then verification says so."""
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        store.append([draft(1)])
        store.connection.execute("DROP TRIGGER ledger_entry_no_update")
        store.connection.execute("UPDATE ledger_entry SET body = NULL, salt = ''")
        store.connection.execute(TRIGGERS["ledger_entry_no_update"])
        found = verify(store)
    assert (found.ok, [p.code for p in found.problems]) == (False, ["EQ-G024"])


# What is left of it


def raw(path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(path.name + "*")))


@pytest.mark.requirement("C11")
def test_no_byte_of_it_is_left_in_the_file_or_its_log(path, draft, order):
    """Also not on pages that were split since, nor where the body was longer than a page."""
    long = to_body({"text": (SECRET.decode() + " ") * 600})
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        store.append([draft(1, body=long)])
        for n in range(2, 60):
            store.append([draft(n, body=to_body({"text": SECRET.decode()}))])
        assert raw(path).count(SECRET) > 600
        store.append([order(n, seq=n) for n in range(1, 60)])
        with store.transaction():
            for n in range(1, 60):
                store.redact("site/01", n, because=("control", n))
        assert SECRET not in raw(path)
        assert verify(store).ok
    assert SECRET not in raw(path)


def test_who_still_reads_keeps_a_trace_and_that_is_said(path, draft, order, monkeypatch):
    """The log cannot be emptied under a reader; asked again later, it is."""
    monkeypatch.setattr("equipoise.ledger.sqlite.SCRUB_SECONDS", 0.01)
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        store.append([draft(1), draft(2, body=to_body({"text": SECRET.decode()})), order()])
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM ledger_entry").fetchone()
            assert refusal(lambda: store.redact("site/01", 2, because=ORDER)) == ["EQ-G029"]
        assert SECRET in raw(path)
        store.redact("site/01", 2, because=ORDER)
        assert SECRET not in raw(path)


def test_who_reads_on_the_same_connection_keeps_a_trace_too(sqlite: SqliteStore, draft, order):
    """SQLite does not write a file anew that is being read."""
    sqlite.append([draft(1), draft(2), order()])
    reading = sqlite.read()
    next(reading)
    assert refusal(lambda: sqlite.redact("site/01", 2, because=ORDER)) == ["EQ-G029"]
    assert [e.seq for e in reading] == [2, 1]
    sqlite.append([draft(3)])  # whatever is recorded next takes the traces along
    assert not sqlite._has_traces


def test_an_older_file_learns_to_redact(path, draft, order):
    """Its guard refuses more than today's: that is sound, and it is exchanged when needed."""
    (name, strict), = STRICTER.items()  # fmt: skip
    with closing(open_store(path, study="S1", realm="live", create=True)) as store:
        store.connection.execute(f"DROP TRIGGER {name}")
        store.connection.execute(strict)
        store.append([draft(1), draft(2), order()])
        assert verify(store).ok
        store.redact("site/01", 2, because=ORDER)
        assert [p.code for p in verify(store).problems] == ["EQ-G006"]


@pytest.mark.requirement("C11")
def test_the_table_of_the_server_keeps_no_byte_of_it(
    postgres_server, place, *, postgres, draft, order
):
    """Once its owner has had the table written anew; until then the old row is still there."""
    postgres.append([draft(1), draft(2, body=to_body({"text": SECRET.decode()})), order()])
    postgres.redact("site/01", 2, because=ORDER)
    with closing(psycopg.connect(place.admin, autocommit=True)) as connection:

        def stored() -> bytes:
            connection.execute("CHECKPOINT")
            row = connection.execute("SELECT pg_relation_filepath('ledger_entry')").fetchone()
            return (postgres_server.folder / "data" / row[0]).read_bytes()

        assert SECRET in stored()
        connection.execute("VACUUM FULL ledger_entry")
        assert SECRET not in stored()
    assert verify(postgres).ok


def test_what_an_act_took_out_in_memory_is_gone(draft, order):
    """Nothing remembers it once the act has ended."""
    store = MemoryStore("S1", "live")
    store.append([draft(1), draft(2), order()])
    with store.transaction():
        store.redact("site/01", 2, because=ORDER)
    assert store._redacted == []

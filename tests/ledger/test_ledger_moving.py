"""Whole ledgers are moved from one kind of store to another, and nothing about them changes."""

import itertools
import sqlite3
from contextlib import closing
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.ledger import (
    Draft,
    Entry,
    MemoryStore,
    Store,
    merkle_root,
    open_store,
    to_body,
    verify,
)
from equipoise.ledger.rows import to_row
from tests.refusing import refusal

from .conftest import START

_number = itertools.count()


@pytest.fixture
def source(draft):
    """A ledger with a body taken out by an order that comes after it."""
    store = MemoryStore("S1", "rehearsal")
    store.append([draft(n) for n in range(1, 4)])
    order = {"chain": "site/01", "seq": 2}
    wanted = {"chain": "control", "stream": "study", "type": "BodyRedacted", "body": to_body(order)}
    store.append([draft(1, **wanted, at=START + timedelta(minutes=4)), draft(4)])
    store.redact("site/01", 2, because=("control", 1))
    return store


@pytest.mark.requirement("C11")
def test_whole_entries_are_restored(store: Store, source, draft):
    """Digests, salts and the missing body are what they were; the ledger goes on from there."""
    assert store.restore(source.read()) == 5
    assert list(store.read()) == list(source.read())
    assert store.heads() == source.heads()
    store.append([draft(5)])
    assert [p.code for p in verify(store).problems] == ["EQ-G006"]


def test_nothing_can_be_restored(store: Store):
    """An empty ledger is one too."""
    assert store.restore([]) == 0
    assert store.heads() == {}


@pytest.mark.requirement("C52")
def test_a_store_with_entries_is_not_restored_into(store: Store, source, draft):
    """Two records never become one."""
    store.append([draft(1)])
    assert refusal(lambda: store.restore(source.read())) == ["EQ-G025"]
    assert verify(store).entries == 1


@pytest.mark.requirement("C52")
def test_a_second_transfer_adds_nothing(store: Store, source):
    """Refused whole; what the first one brought stands, entry for entry."""
    assert store.restore(source.read()) == 5
    assert refusal(lambda: store.restore(source.read())) == ["EQ-G025"]
    assert list(store.read()) == list(source.read())
    assert store.heads() == source.heads()


def replaced(entries: list[Entry], place: int, **changes: object) -> list[Entry]:
    entries[place] = msgspec.structs.replace(entries[place], **changes)
    return entries


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda es: replaced(es, 4, by="bob"), ["EQ-G004"]),
        (lambda es: replaced(es, 4, body=b"{}"), ["EQ-G005"]),
        (lambda es: [*es[:2], *es[3:]], ["EQ-G002"]),
        (lambda es: es[1:], ["EQ-G002"]),
        (lambda es: replaced(es, 0, body=None), ["EQ-G024"]),
        (lambda es: es[:3], ["EQ-G024"]),
        (lambda es: replaced(es, 4, study="S2"), ["EQ-G009", "EQ-G004"]),
    ],
)
def test_what_is_not_whole_is_not_restored_at_all(store: Store, source, spoil, codes):
    """The first damage stops it, and not one entry stays."""
    entries = spoil(list(source.read()))
    assert refusal(lambda: store.restore(iter(entries))) == codes
    assert store.heads() == {}
    assert store.restore(source.read()) == 5


def test_another_study_or_realm_is_not_restored(store: Store, draft):
    """A live ledger never becomes a rehearsal, nor one study another."""
    for study, realm, codes in (
        ("S2", "rehearsal", ["EQ-G009"]),
        ("S1", "live", ["EQ-G003"]),
    ):
        other = MemoryStore(study, realm)
        other.append([draft(1)])
        assert refusal(lambda o=other: store.restore(o.read())) == codes


@pytest.mark.requirement("C52")
def test_a_version_that_comes_twice_is_not_restored(store: Store, draft):
    """A source without that guard may have it; no store of ours takes it over."""
    one, other = MemoryStore("S1", "rehearsal"), MemoryStore("S1", "rehearsal")
    one.append([draft(1)])
    other.append([draft(1, chain="site/02")])
    entries = [*one.read(), *other.read()]
    assert refusal(lambda: store.restore(entries)) == ["EQ-G001"]
    assert store.heads() == {}


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
histories = st.lists(
    st.tuples(
        st.sampled_from(["control", "site-01", "site-02"]),
        names,
        st.binary(max_size=40) | st.just(to_body({"text": "é" * 900})),
        st.timedeltas(),
        st.booleans(),
    ),
    max_size=25,
)


def written(history) -> MemoryStore:
    """A ledger with this history; where it says so, the entry before is taken out again."""
    store = MemoryStore("S1", "rehearsal")
    wanted = []
    for n, (chain, text, body, since, is_redacted) in enumerate(history):
        try:
            at = START + since
        except OverflowError:
            at = START
        by = {"at": at, "by": text, "role": text, "reason": text}
        (made,) = store.append(
            [Draft(chain=chain, stream=text, version=n, type="T", body=body, **by)]
        )
        if is_redacted:
            wanted.append(made)
    for n, entry in enumerate(wanted):
        body = to_body({"chain": entry.chain, "seq": entry.seq})
        named = {"chain": "control", "stream": "orders", "type": "BodyRedacted"}
        (order,) = store.append(
            [Draft(**named, version=1000 + n, at=START, by="a", role="r", body=body)]
        )
        store.redact(entry.chain, entry.seq, because=(order.chain, order.seq))
    return store


@given(histories)
@settings(max_examples=12)
def test_there_and_back_again(postgres_server, tmp_path_factory, history):
    """From SQLite to PostgreSQL and back: every entry, digest, salt and the seal are the same."""
    origin = written(history)
    seal = merkle_root(origin.heads())
    folder = tmp_path_factory.mktemp("moving")
    files = [folder / "before.db", folder / "after.db"]
    there = postgres_server.create().app
    before, after = (open_store(f, study="S1", realm="rehearsal", create=True) for f in files)
    with closing(before), closing(after), closing(open_store(there)) as between:
        before.restore(origin.read())
        between.restore(before.read())
        after.restore(between.read())
        for store in (before, between, after):
            assert list(store.read()) == list(origin.read())
            assert verify(store, against=seal).ok
    rows = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            rows.append(connection.execute("SELECT * FROM ledger_entry ORDER BY 1").fetchall())
    assert rows[0] == rows[1]
    assert [list(row[1:]) for row in rows[0]] == [to_row(entry) for entry in origin.read()]

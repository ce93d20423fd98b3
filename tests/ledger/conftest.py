import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from equipoise.ledger import (
    Draft,
    MemoryStore,
    SqliteStore,
    Store,
    merkle_root,
    open_store,
    to_body,
)
from equipoise.ledger.postgres import PostgresStore
from tests.postgres import Place, Server

STUDY = {"forms/skin.yaml": b"form: skin\n", "study.yaml": b"study: S1\n"}
"""The folder that the sealed ledger was opened on."""
STUDY_DIGEST = hashlib.sha256(
    b"equipoise/study/1\nforms/skin.yaml\n11\nform: skin\nstudy.yaml\n10\nstudy: S1\n"
).hexdigest()
START = datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def draft() -> Callable[..., Draft]:
    """Makes drafts: `draft(n)` is version `n` of a participant's stream at site 01."""

    def make(n: int, **changes: object) -> Draft:
        fields: dict[str, object] = {
            "chain": "site/01",
            "stream": "participant/01-001",
            "version": n,
            "type": "FormSaved",
            "at": START + timedelta(minutes=n),
            "by": "ann",
            "role": "coordinator",
            "reason": "",
            "body": to_body({"n": n, "note": "é" * 20}),
        }
        return Draft(**{**fields, **changes})

    return make


@pytest.fixture
def sealed(draft: Callable[..., Draft]) -> MemoryStore:
    """Three chains of a live trial with a seal in their midst, always the same bytes."""
    store = MemoryStore("S1", "live", draw_bytes=random.Random(1).randbytes)

    def add(*numbers: int) -> None:
        for n in numbers:
            site = f"0{1 + n % 2}"
            store.append([draft(n, chain=f"site-{site}", stream=f"{site}-00{n % 3}")])

    opened = to_body({"study": "S1", "digest": STUDY_DIGEST})
    first = draft(
        1, chain="control", stream="study", reason="Ça va", type="StudyOpened", body=opened
    )
    store.append([first])
    add(*range(2, 20))
    heads = {chain: (head.seq, head.digest) for chain, head in store.heads().items()}
    body = to_body({"heads": heads, "root": merkle_root(store.heads()), "purpose": "interval"})
    last = draft(19).at
    seal = draft(2, chain="control", stream="study", type="StudySealed", body=body, at=last)
    store.append([seal])
    add(*range(20, 30))
    return store


@pytest.fixture
def take_out(sealed: MemoryStore, draft: Callable[..., Draft]) -> Callable[[int], None]:
    """Takes the body out of the n-th entry of the sealed ledger, by an order as it must be."""

    def act(place: int) -> None:
        entry = sealed._entries[place]
        names = to_body({"chain": entry.chain, "seq": entry.seq})
        ordered = draft(place, chain="control", stream="orders", type="BodyRedacted", body=names)
        (order,) = sealed.append([ordered])
        sealed.redact(entry.chain, entry.seq, because=(order.chain, order.seq))

    return act


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trial.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[SqliteStore]:
    store = open_store(path, study="S1", realm="rehearsal", create=True)
    yield store
    store.close()


@pytest.fixture
def place(postgres_server: Server) -> Place:
    """A ledger of the study S1 in PostgreSQL, as its owner made it."""
    return postgres_server.create()


@pytest.fixture
def postgres(place: Place) -> Iterator[PostgresStore]:
    store = open_store(place.app)
    assert isinstance(store, PostgresStore)
    yield store
    store.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each test with this fixture runs against every kind of store."""
    if request.param == "memory":
        return MemoryStore("S1", "rehearsal")
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["sqlite", "postgres"])
def live(request: pytest.FixtureRequest, path: Path) -> Path | str:
    """Where a live ledger of S1 is, that several can open."""
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        return server.create(realm="live").app
    open_store(path, study="S1", realm="live", create=True).close()
    return path

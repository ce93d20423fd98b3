from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from equipoise.ledger import Draft, MemoryStore, SqliteStore, Store, open_store, to_body
from equipoise.ledger.postgres import PostgresStore
from tests.postgres import Place, Server

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

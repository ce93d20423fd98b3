from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from equipoise.ledger import Draft, MemoryStore, SqliteStore, Store, open_store, to_body

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


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each test with this fixture runs against both stores."""
    if request.param == "memory":
        return MemoryStore("S1", "rehearsal")
    return request.getfixturevalue("sqlite")

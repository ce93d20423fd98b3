"""What somebody does to a vault's store past the vault: in a file, or as the database's master."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from tests.postgres import OWNER

from equipoise.ledger import as_role
from equipoise.vault.stores.postgres_tables import TRIGGERS as GUARDS
from equipoise.vault.stores.seam import read_place
from equipoise.vault.tables import TRIGGERS

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
_WORDS = {
    "zeroblob(200)": "decode(repeat('00', 200), 'hex')",
    "x'00'": "decode('00', 'hex')",
    "'text'": "'text'::bytea",
    "INSERT OR REPLACE": "INSERT",
}


def is_in_a_file(directory: Path) -> bool:
    return read_place(directory) is None


def owner_of(directory: Path) -> str:
    """The address of the owner of a vault's tables; nothing for a file, which needs none."""
    address = read_place(directory)
    return "" if address is None else as_role(address, OWNER)


@contextmanager
def meddling(directory: Path, *, role: str = "postgres") -> Iterator[Any]:
    """A connection to the store, by default as who may do anything; `run` takes either's words."""
    address = read_place(directory)
    if address is None:
        with closing(sqlite3.connect(directory / "vault.db", isolation_level=None)) as connection:
            yield connection.execute
        return

    def run(statement: str) -> "psycopg.Cursor[Any]":
        for word, other in _WORDS.items():
            statement = statement.replace(word, other)
        return connection.execute(statement)

    with closing(psycopg.connect(as_role(address, role), autocommit=True)) as connection:
        yield run


def rows_of(directory: Path, query: str) -> list[Any]:
    with meddling(directory) as run:
        return list(run(query).fetchall())


def tamper(directory: Path, *statements: str) -> None:
    """Put the guards aside, change, put them back."""
    with meddling(directory) as run:
        if is_in_a_file(directory):
            for name in TRIGGERS:
                run(f"DROP TRIGGER {name}")
        else:
            for guard in GUARDS.values():
                run(f"ALTER TABLE {guard.table} DISABLE TRIGGER ALL")
        for statement in statements:
            run(statement)
        if is_in_a_file(directory):
            for trigger in TRIGGERS.values():
                run(trigger)
        else:
            for guard in GUARDS.values():
                run(f"ALTER TABLE {guard.table} ENABLE TRIGGER ALL")
            for name, guard in GUARDS.items():
                run(f"ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER {name}")

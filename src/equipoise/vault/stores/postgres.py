"""The vault's store in a schema of a PostgreSQL database: the vault's own, not the trial's.

The database is given sealed pieces, numbers and strata. The key stays in the vault's folder, so
that neither an administrator of the server nor a copy of the database opens anything. One process
at a time: it holds a lock of its session, on every connection anew.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import psycopg

from equipoise.ledger import Draft, Entry, Head, Realm, without_password
from equipoise.ledger.checking import refuse_if
from equipoise.ledger.postgres import PostgresStore, connecting, open_address
from equipoise.ledger.postgres_tables import (
    Connection,
    check_rights,
    create_tables,
    grant,
    guards,
    has_tables,
    missing_guards,
    missing_keys,
)
from equipoise.problems import Problem, Refused, problem
from equipoise.vault.stores.postgres_tables import (
    ADDED,
    FIXED,
    KEYS,
    RIGHTS,
    ROUTINES,
    TABLES,
    TRIGGERS,
)
from equipoise.vault.stores.seam import Place

_HOLD = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || '/vault', 3))"
_OWN = "SELECT to_regclass(quote_ident(current_schema()) || '.vault_header') IS NOT NULL"
_TRIES, _PAUSE_SECONDS = 30, 0.1
Rows = Iterable[Sequence[object]]


class InWordsOfAFile:
    """A connection that is asked with `?`, as a file is."""

    def __init__(self, current: Callable[[], Connection]) -> None:
        self._current = current

    def execute(self, query: str, values: Sequence[Any] = (), /) -> "psycopg.Cursor[Any]":
        """Run one statement."""
        return self._current().execute(query.replace("?", "%s"), values)


class DatabaseStore:
    """A ledger in a schema, with the vault's tables in the same schema."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self.connection = InWordsOfAFile(lambda: store.connection)
        self.study: str = store.study
        self.realm: Realm = store.realm

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none."""
        return self._store.append(drafts)

    def read(self, **which: Any) -> Iterator[Entry]:
        """Entries in the order of recording."""
        return self._store.read(**which)

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        return self._store.heads()

    def transaction(self, chains: Collection[str] | None = None) -> AbstractContextManager[None]:
        """One question: its log entry and what it changes commit together, or nothing does."""
        return self._store.transaction(chains)

    def batch(self) -> AbstractContextManager[None]:
        """Many acts in one commit."""
        return self._store.batch()

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries into an empty store."""
        return self._store.restore(entries)

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out one entry's body, as `because` orders."""
        self._store.redact(chain, seq, because=because)

    def check_guards(self, n_read: int) -> tuple[Problem, ...]:
        """Whether the guards of the log still stand, and nobody has too many rights on anything."""
        found = self._store.check_guards(n_read)
        connection = self._store.connection
        row = connection.execute("SELECT app_role FROM ledger_meta").fetchone()
        role = row[0] if row else ""
        return (*found, *check_rights(connection, role, added=ADDED, fixed=FIXED))

    def missing_guards(self, list_format: int) -> list[str]:  # noqa: ARG002 - a database has one
        """The triggers, functions and keys of the vault's tables that are gone or rewritten."""
        connection = self._store.connection
        return missing_guards(connection, ROUTINES, TRIGGERS) + missing_keys(connection, KEYS)

    @contextmanager
    def loosened(self, list_format: int, *, becomes: int) -> Iterator[None]:  # noqa: ARG002 - a database has one
        """The owner is free in the vault's tables, within the transaction that is open."""
        for name, trigger in TRIGGERS.items():
            self.connection.execute(f"ALTER TABLE {trigger.table} DISABLE TRIGGER {name}")
        yield
        for name, trigger in TRIGGERS.items():
            self.connection.execute(f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {name}")

    def scrub(self) -> None:
        """Write the tables anew; the server's log and its backups keep what was replaced."""
        for table in (*FIXED, *ADDED):
            self.connection.execute(f"VACUUM FULL {table}")

    def close(self) -> None:
        """Close the connection; what is recorded stays."""
        self._store.close()


def open_vault_at(address: str) -> DatabaseStore:
    """Open the vault at an address, as the role by which it answers.

    Raises:
        Refused: there is none, another process has it open, or the role could do more than assign.
    """
    known: list[PostgresStore] = []

    def connect() -> Connection:
        study, realm = (known[0].study, known[0].realm) if known else (None, None)
        store = open_address(address, study=study, realm=realm, create=False, read_only=False)
        try:
            _refuse_unfit(store, address)
        except BaseException:
            store.close()
            raise
        return store.connection

    known.append(PostgresStore(connect(), reopen=connect))
    return DatabaseStore(known[0])


@contextmanager
def owned(address: str) -> Iterator[DatabaseStore]:
    """The same vault as its owner opens it, who alone may replace what is sealed."""
    with connecting(address, read_only=False) as connection, closing(connection), _naming(address):
        yield DatabaseStore(PostgresStore(connection))


def create_vault_at(
    place: Place,
    *,
    study: str,
    realm: Realm,
    header: bytes,
    slots: Rows,
    keep: Callable[[], None],
) -> None:
    """Make the tables and put in what is sealed, all or nothing.

    `keep` is called before the commit, once it is sure that no vault is there: it writes the key.

    Raises:
        Refused: there is a vault or a ledger already, or the role could do more than assign.
    """
    owner = place.owner or place.address
    if realm == "live" and not place.owner:
        raise Refused([problem("EQ-V204", without_password(owner))])
    with connecting(owner, read_only=False) as connection, closing(connection), _naming(owner):
        role = "" if not place.owner else _role_of(place.address)
        with connection.transaction():
            if has_tables(connection):
                where = without_password(owner)
                raise Refused([problem("EQ-V010", where, path=where)])
            create_tables(connection, study=study, realm=realm, app_role=role)
            connection.execute(
                "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', "
                "true)"
            )
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO vault_header VALUES (%s)", [header])
            for slot in slots:
                connection.execute("INSERT INTO vault_slot VALUES (%s, %s, %s, %s)", slot)
            for statement in guards(ROUTINES, TRIGGERS):
                connection.execute(statement)
            if role:
                grant(connection, role, RIGHTS)
                refuse_if(check_rights(connection, role, added=ADDED, fixed=FIXED))
            keep()


def _refuse_unfit(store: PostgresStore, address: str) -> None:
    where, connection = without_password(address), store.connection
    if connection.execute(_OWN).fetchone() != (True,):
        raise Refused([problem("EQ-V012", where, path=where)])
    if not _hold(connection):
        raise Refused([problem("EQ-V018", where, path=where)])
    if store.realm == "live":
        role = connection.info.user
        refuse_if(check_rights(connection, role, added=ADDED, fixed=FIXED))


def _hold(connection: Connection) -> bool:
    """Keep every other process away; the server takes a moment to see that a killed one is gone."""
    for _ in range(_TRIES):
        if connection.execute(_HOLD).fetchone() == (True,):
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _role_of(address: str) -> str:
    """The role by which an address comes in; it must be named, for it is given its rights."""
    role = psycopg.conninfo.conninfo_to_dict(address).get("user")
    if not role:
        where = without_password(address)
        raise Refused([problem("EQ-V201", where, path=where)])
    return str(role)


@contextmanager
def _naming(address: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        where, detail = without_password(address), " ".join(str(error).split())
        raise Refused([problem("EQ-V202", where, path=where, detail=detail)]) from error

"""The store in a SQLite file.

A `SqliteStore` belongs to one connection, and a connection to one thread: open one for each thread
and each process; any number may write at once. Writers queue at a lock file before they ask SQLite
for its write lock, because SQLite's own waiting is unfair (measured: seconds instead of
milliseconds for the unlucky). Triggers refuse every change of what is recorded.
"""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from equipoise.ledger.entry import Draft, Entry, Head, Realm, link, to_instant
from equipoise.ledger.store import DrawBytes, draw_salts, faster, refuse_live_batch
from equipoise.problems import Refused, problem

SCHEMA_VERSION = 1
BUSY_SECONDS = 60.0
COLUMNS = tuple(Entry.__struct_fields__)
_NUMBERS = ("seq", "version")

# INSERT OR REPLACE deletes without firing DELETE triggers, so inserting has a guard of its own.
TRIGGERS = {
    f"{table}_no_{verb.lower()}": f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON "
    f"{table} BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END"
    for table in ("ledger_entry", "ledger_meta")
    for verb in ("UPDATE", "DELETE")
} | {
    "ledger_meta_once": "CREATE TRIGGER ledger_meta_once BEFORE INSERT ON ledger_meta "
    "WHEN EXISTS (SELECT 1 FROM ledger_meta) "
    "BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END",
    "ledger_entry_next": "CREATE TRIGGER ledger_entry_next BEFORE INSERT ON ledger_entry "
    "WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM ledger_entry WHERE chain = NEW.chain), 0) "
    "OR EXISTS (SELECT 1 FROM ledger_entry WHERE position = NEW.position) "
    "OR EXISTS (SELECT 1 FROM ledger_entry WHERE study = NEW.study AND stream = NEW.stream "
    "AND version = NEW.version) "
    "BEGIN SELECT RAISE(ABORT, 'not the next entry'); END",
}

TABLES = (
    "CREATE TABLE ledger_meta (study TEXT NOT NULL, realm TEXT NOT NULL, "
    "schema_version INTEGER NOT NULL)",
    "CREATE TABLE ledger_entry (position INTEGER PRIMARY KEY, chain TEXT NOT NULL, "
    "seq INTEGER NOT NULL, study TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL, "
    "type TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL, role TEXT NOT NULL, "
    "reason TEXT NOT NULL, body BLOB, salt TEXT NOT NULL, body_digest TEXT NOT NULL, "
    "prev TEXT NOT NULL, digest TEXT NOT NULL, "
    "UNIQUE (chain, seq), UNIQUE (study, stream, version))",
)

# Texts are read as bytes: a damaged text must become a problem, not an error inside the driver.
_FIELDS = ", ".join(c if c in (*_NUMBERS, "body") else f"CAST({c} AS BLOB)" for c in COLUMNS)
_READ = f"SELECT {_FIELDS} FROM ledger_entry"  # noqa: S608 - no value from outside
_INSERT = (
    f"INSERT INTO ledger_entry ({', '.join(COLUMNS)}) "  # noqa: S608 - no value from outside
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
_ORDERS = {True: " ORDER BY seq", False: " ORDER BY position"}


class SqliteStore:
    """A store on a connection that others may share: Django's own, for instance.

    Within a transaction that is already open, `append` joins it and the caller commits.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        lock_path: Path | None = None,
        draw_bytes: DrawBytes = secrets.token_bytes,
    ) -> None:
        self.connection = connection
        self._lock_path = lock_path
        self._draw_bytes = draw_bytes
        self.study, self.realm = _read_meta(connection)

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none. On return they are on disk, unless a transaction is open."""
        with self._naming_write_errors(), self.transaction():
            entries = tuple(
                link(
                    drafts,
                    heads=self._heads_of({draft.chain for draft in drafts}),
                    study=self.study,
                    realm=self.realm,
                    salts=draw_salts(self._draw_bytes),
                )
            )
            for entry in entries:
                self._insert(entry)
        return entries

    def read(
        self, *, chain: str | None = None, after: int = 0, stream: str | None = None
    ) -> Iterator[Entry]:
        """Entries in the order of recording, as they are when the reading starts."""
        keys = {"chain = ?": chain, "study = ?": stream and self.study, "stream = ?": stream}
        wanted = {condition: value for condition, value in keys.items() if value is not None}
        last = self.connection.execute("SELECT max(position) FROM ledger_entry").fetchone()[0]
        conditions = " AND ".join([*wanted, "seq > ?", "position <= ?"])
        rows = self.connection.execute(
            f"{_READ} WHERE {conditions}{_ORDERS[chain is not None]}",
            (*wanted.values(), after, last or 0),
        )
        return map(_to_entry, rows)

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        chains = self.connection.execute("SELECT DISTINCT chain FROM ledger_entry ORDER BY chain")
        return self._heads_of([chain for (chain,) in chains])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One act: entries and the caller's tables commit together, or nothing does."""
        if self.connection.in_transaction:
            with _savepoint(self.connection):
                yield
            return
        with _queued(self._lock_path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts in one commit; refused in a live store."""
        refuse_live_batch(self.realm)
        with self.transaction():
            yield

    def close(self) -> None:
        """Close the connection; what is recorded stays."""
        self.connection.close()

    def _heads_of(self, chains: Sequence[str] | set[str]) -> dict[str, Head]:
        last = "SELECT seq, digest FROM ledger_entry WHERE chain = ? ORDER BY seq DESC LIMIT 1"
        found = ((c, self.connection.execute(last, (c,)).fetchone()) for c in chains)
        return {chain: Head(*row) for chain, row in found if row}

    def _insert(self, entry: Entry) -> None:
        row = [getattr(entry, column) for column in COLUMNS]
        row[COLUMNS.index("at")] = to_instant(entry.at)
        try:
            self.connection.execute(_INSERT, row)
        except sqlite3.IntegrityError as error:
            raise faster(entry) from error

    @contextmanager
    def _naming_write_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Refused([problem("EQ-G017", self.study, detail=str(error))]) from error


def open_store(
    path: str | Path,
    *,
    study: str | None = None,
    realm: Realm | None = None,
    create: bool = False,
    read_only: bool = False,
) -> SqliteStore:
    """Open the store at `path`; with `create`, make it if there is none (needs study and realm).

    A given study or realm that is not the store's own is refused. Use it in this thread only.
    """
    path = Path(path)
    if not path.is_file() and not (create and study and realm):
        raise Refused([problem("EQ-G012", str(path), path=str(path))])
    with _naming_damage(path):
        connection = _read_only(path) if read_only else connect(path)
        with _closing_on_error(connection):
            if create and study and realm:
                create_tables(connection, study=study, realm=realm, lock=lock_beside(path))
            store = SqliteStore(connection, lock_path=lock_beside(path))
            _refuse_other(store, study, realm=realm)
    return store


def connect(path: Path, *, is_shared_by_threads: bool = False) -> sqlite3.Connection:
    """A connection whose commits survive a power cut."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=not is_shared_by_threads,
    )
    with _closing_on_error(connection), _queued(lock_beside(path)):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def create_tables(
    connection: sqlite3.Connection, *, study: str, realm: Realm, lock: Path | None = None
) -> None:
    """Make the ledger's tables and triggers, unless they are there."""
    with _queued(lock):
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger_meta'").fetchone():
            return
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*TABLES, *TRIGGERS.values()):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO ledger_meta VALUES (?, ?, ?)", (study, realm, SCHEMA_VERSION)
        )
        connection.execute("COMMIT")


def missing_triggers(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The guards that somebody removed or rewrote."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    present = dict(rows.fetchall())
    return tuple(name for name, sql in TRIGGERS.items() if present.get(name) != sql)


def lock_beside(path: Path) -> Path:
    """The file at which writers of a store queue."""
    return path.with_name(path.name + ".lock")


def _read_only(path: Path) -> sqlite3.Connection:
    # In a folder that cannot be written SQLite has no place for its shared-memory file; a file
    # without a log beside it may then be read as it lies.
    is_archive = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    uri = path.resolve().as_uri() + ("?immutable=1" if is_archive else "?mode=ro")
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _read_meta(connection: sqlite3.Connection) -> tuple[str, Realm]:
    rows = connection.execute("SELECT study, realm, schema_version FROM ledger_meta").fetchall()
    if len(rows) != 1 or rows[0][1] not in ("rehearsal", "live"):
        raise Refused([problem("EQ-G008", detail="ledger_meta", n_read=0)])
    study, realm, version = rows[0]
    if version != SCHEMA_VERSION:
        raise Refused([problem("EQ-G013", study, found=version, expected=SCHEMA_VERSION)])
    return study, cast(Realm, realm)


def _refuse_other(store: SqliteStore, study: str | None, *, realm: Realm | None) -> None:
    found = []
    if study not in (None, store.study):
        found.append(problem("EQ-G009", store.study, expected=study, found=store.study))
    if realm not in (None, store.realm):
        found.append(problem("EQ-G010", store.study, expected=realm, found=store.realm))
    if found:
        raise Refused(found)


def _to_entry(row: Sequence[Any]) -> Entry:
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        texts = {c: v.decode() for c, v in values.items() if c not in (*_NUMBERS, "body")}
        at = datetime.fromisoformat(texts["at"])
        if at.tzinfo is None or to_instant(at) != texts["at"] or not _has_types(values):
            raise ValueError("a field is not of its type")
        return Entry(**{**values, **texts, "at": at})
    except (ValueError, AttributeError) as error:
        chain = values["chain"]
        name = chain.decode(errors="replace") if isinstance(chain, bytes) else str(chain)
        raise Refused(
            [problem("EQ-G007", f"{name} / {values['seq']}", detail=str(error))]
        ) from None


def _has_types(values: dict[str, Any]) -> bool:
    is_counted = all(type(values[c]) is int for c in _NUMBERS)
    return is_counted and isinstance(values["body"], bytes | None)


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT ledger")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK TO ledger")
            connection.execute("RELEASE ledger")
        raise
    connection.execute("RELEASE ledger")


@contextmanager
def _queued(lock_path: Path | None) -> Iterator[None]:
    if lock_path is None:
        yield
        return
    descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise Refused([problem("EQ-G008", str(path), detail=str(error), n_read=0)]) from error


@contextmanager
def _closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise

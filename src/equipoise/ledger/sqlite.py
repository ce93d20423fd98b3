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
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from equipoise.ledger.checking import whole
from equipoise.ledger.entry import Draft, Entry, Head, Realm, link
from equipoise.ledger.rows import COLUMNS, NUMBERS, read_meta, refuse_other, to_entry, to_row
from equipoise.ledger.sqlite_tables import check_triggers, loosen, make_tables
from equipoise.ledger.store import (
    DrawBytes,
    Follower,
    Heads,
    Held,
    chains_of,
    check_redaction,
    draw_salts,
    faster,
    refuse_live_batch,
    refuse_unless_empty,
    up_to,
)
from equipoise.problems import Problem, Refused, problem

BUSY_SECONDS = 60.0
SCRUB_SECONDS = 5.0  # other writers wait meanwhile
UNREADABLE = (
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,  # what SQLite makes of EIO while reading
)

# Texts are read as bytes: a damaged text must become a problem, not an error inside the driver.
_FIELDS = ", ".join(c if c in (*NUMBERS, "body") else f"CAST({c} AS BLOB)" for c in COLUMNS)
_READ = f"SELECT {_FIELDS} FROM ledger_entry"  # noqa: S608 - no value from outside
_INSERT = (
    f"INSERT INTO ledger_entry ({', '.join(COLUMNS)}) "  # noqa: S608 - no value from outside
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
# One statement sees one moment: between two others record. From chain to chain in the index.
_HEADS = (
    "WITH RECURSIVE known(c) AS (SELECT min(chain) FROM ledger_entry UNION ALL SELECT (SELECT "
    "min(chain) FROM ledger_entry WHERE chain > known.c) FROM known WHERE known.c IS NOT NULL) "
    "SELECT c, seq, digest FROM known JOIN ledger_entry ON chain = c AND seq = "
    "(SELECT max(seq) FROM ledger_entry WHERE chain = c) ORDER BY c"
)
_REDACT = "UPDATE ledger_entry SET body = NULL, salt = '' WHERE chain = ? AND seq = ?"
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
        self._held = Held()
        self._has_traces = False
        self.follower: Follower | None = None
        meta = connection.execute("SELECT study, realm, schema_version FROM ledger_meta")
        self.study, self.realm = read_meta(meta.fetchall())

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none. On return they are on disk, unless a transaction is open."""
        chains = chains_of(drafts)
        with self._naming_write_errors(), self.transaction(chains):
            entries = tuple(
                link(
                    drafts,
                    heads=self._heads_of(chains),
                    study=self.study,
                    realm=self.realm,
                    salts=draw_salts(self._draw_bytes),
                )
            )
            for entry in entries:
                self._insert(entry)
            if self.follower is not None:
                self.follower.follow(entries)
        return entries

    def read(
        self,
        *,
        chain: str | None = None,
        after: int = 0,
        stream: str | None = None,
        until: Heads | None = None,
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
        return up_to(until, map(to_entry, rows))

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        return {chain: Head(seq, digest) for chain, seq, digest in self.connection.execute(_HEADS)}

    @contextmanager
    def transaction(self, chains: Collection[str] | None = None) -> Iterator[None]:
        """One act: entries and the caller's tables commit together, or nothing does.

        SQLite has one writer at a time, so this holds the whole store whatever the chains.
        """
        with self._held.over(chains):
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
                if self._has_traces:
                    self._scrub()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts in one commit; refused in a live store."""
        refuse_live_batch(self.realm)
        with self.transaction():
            yield

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries into this empty store; all or none."""
        with self._naming_write_errors(), self.transaction():
            refuse_unless_empty(self)
            n_written = 0
            for entry in whole(entries, study=self.study, realm=self.realm):
                self._insert(entry)
                n_written += 1
            return n_written

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out one entry's body and salt, as `because` orders, and every trace in the file.

        The file is written anew and the log emptied, as soon as no transaction is open.

        Raises:
            Refused: it may not be taken out; or it was, but traces are left (EQ-G029).
        """
        with self._naming_write_errors(), self.transaction():
            check_redaction(self, chain, seq, because=because)
            loosen(self.connection)
            self.connection.execute(_REDACT, (chain, seq))
            if self.follower is not None:
                self.follower.took_out(chain, seq)
            self._has_traces = True

    def check_guards(self, n_read: int) -> tuple[Problem, ...]:
        """The file's own structure, and whether its guards still stand."""
        verdict = self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        broken = [] if verdict == "ok" else [problem("EQ-G008", detail=verdict, n_read=n_read)]
        return (*broken, *check_triggers(self.connection))

    def close(self) -> None:
        """Close the connection; what is recorded stays."""
        self.connection.close()

    def _heads_of(self, chains: Collection[str]) -> dict[str, Head]:
        last = "SELECT seq, digest FROM ledger_entry WHERE chain = ? ORDER BY seq DESC LIMIT 1"
        found = ((c, self.connection.execute(last, (c,)).fetchone()) for c in chains)
        return {chain: Head(*row) for chain, row in found if row}

    def _insert(self, entry: Entry) -> None:
        try:
            written = self.connection.execute(_INSERT, to_row(entry))
        except sqlite3.IntegrityError as error:
            raise faster(entry) from error
        if written.rowcount != 1:  # a trigger that is not ours can swallow a row without a word
            raise Refused([problem("EQ-G017", self.study, detail="INSERT 0")])

    def _scrub(self) -> None:
        """No page, used or free, and no line of the log keeps what was taken out."""
        try:
            self.connection.execute("VACUUM")
            self.connection.execute(f"PRAGMA busy_timeout = {SCRUB_SECONDS * 1000:.0f}")
            busy, *_ = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        except sqlite3.OperationalError as error:
            raise Refused([problem("EQ-G029", self.study, detail=str(error))]) from error
        if busy:
            raise Refused([problem("EQ-G029", self.study, detail="database is in use")])
        self._has_traces = False

    @contextmanager
    def _naming_write_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Refused([problem("EQ-G017", self.study, detail=str(error))]) from error


def open_file(
    path: Path, *, study: str | None, realm: Realm | None, create: bool, read_only: bool
) -> SqliteStore:
    """Open the store in a file; with `create`, make it if there is none (needs study and realm)."""
    if not path.is_file() and not (create and study and realm):
        raise Refused([problem("EQ-G012", str(path), path=str(path))])
    with _naming_damage(path):
        connection = _read_only(path) if read_only else connect(path)
        with _closing_on_error(connection):
            if create and study and realm:
                create_tables(connection, study=study, realm=realm, lock=lock_beside(path))
            store = SqliteStore(connection, lock_path=lock_beside(path))
            refuse_other(store, study, realm=realm)
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
        make_tables(connection, study=study, realm=realm)


def lock_beside(path: Path) -> Path:
    """The file at which writers of a store queue."""
    return path.with_name(path.name + ".lock")


def _read_only(path: Path) -> sqlite3.Connection:
    # In a folder that cannot be written SQLite has no place for its shared-memory file; a file
    # without a log beside it may then be read as it lies.
    is_archive = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    uri = path.resolve().as_uri() + ("?immutable=1" if is_archive else "?mode=ro")
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


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
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:  # a disk that is full or cannot be written, no descriptor left
        raise Refused([problem("EQ-G017", str(lock_path), detail=str(error))]) from error
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
        if _is_of_disk(getattr(error, "sqlite_errorcode", 0)):
            raise Refused([problem("EQ-G017", str(path), detail=str(error))]) from error
        raise Refused([problem("EQ-G008", str(path), detail=str(error), n_read=0)]) from error


def _is_of_disk(code: int) -> bool:
    """Whether the disk refused to be written, which tells nothing of what is in the file."""
    of_disk = (
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    )
    return code & 0xFF in of_disk and code not in UNREADABLE


@contextmanager
def _closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise

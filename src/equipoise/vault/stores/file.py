"""The vault's store in a SQLite file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from equipoise.ledger import SqliteStore
from equipoise.ledger.sqlite import connect, lock_beside
from equipoise.vault.tables import triggers_of


class FileStore(SqliteStore):
    """A ledger in a file, with the vault's tables in the same file."""

    def missing_guards(self, list_format: int) -> list[str]:
        """The triggers of the vault's tables that are gone or rewritten."""
        rows = self.connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        present = dict(rows.fetchall())
        guards = triggers_of(list_format)
        return [name for name, sql in guards.items() if present.get(name) != sql]

    @contextmanager
    def loosened(self, list_format: int, *, becomes: int) -> Iterator[None]:
        """Nothing of the vault's tables is guarded, within the transaction that is open."""
        self.connection.execute("PRAGMA secure_delete = ON")
        for name in triggers_of(list_format):
            self.connection.execute(f"DROP TRIGGER {name}")
        yield
        for trigger in triggers_of(becomes).values():
            self.connection.execute(trigger)

    def scrub(self) -> None:
        """Leave no page, in the file or its journal, that was replaced."""
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
            self.connection.execute(statement).fetchall()
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def open_vault_file(path: Path) -> FileStore:
    """Open the vault in a file, for any thread of this process."""
    return FileStore(connect(path, is_shared_by_threads=True), lock_path=lock_beside(path))
